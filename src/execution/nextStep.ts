/**
 * Verdict and evidence -> what to do next. Pure, so that the rules that money depends on can be read, and tested, as a
 * table. Budgets and deadlines are not decided here: `loop.ts` may turn any plan but `Succeed` into giving up.
 */
import * as Payout from "../domain/Payout.js"
import * as Verdict from "../provider/Verdict.js"
import type { Category } from "../policy/RetryPolicy.js"

/**
 * The next exchange. A `Create` may move money. A `Lookup` moves nothing, and is made for one of five reasons:
 *
 * - `BeforeSending`: something earlier may have moved money. Told nothing new, the create is sent again.
 * - `FirstAsk`: an earlier call or process may have sent it. Only the provider's word lets the create be sent.
 * - `Confirm`: the provider spoke of this payout without showing it (133, 134), or in words we do not know. It is asked
 *   again until that is clear, and not sent again before.
 * - `Recheck`: it was declined for good, but something before the decline may have paid. Never sent again either.
 * - `LastAsk`: we are about to give up while money may have moved. What this does not clear up stays unclear.
 */
export type Step = { readonly kind: "Create" } | LookupStep

export interface LookupStep {
  readonly kind: "Lookup"
  readonly ask: "BeforeSending" | "FirstAsk" | "Confirm" | "Recheck" | "LastAsk"
}

const lookup = <Ask extends LookupStep["ask"]>(ask: Ask) => ({ kind: "Lookup", ask }) as const

export const create: Step = { kind: "Create" }
export const firstAsk: LookupStep = lookup("FirstAsk")
export const confirm: LookupStep = lookup("Confirm")
export const recheck: LookupStep = lookup("Recheck")
export const lastAsk: LookupStep = lookup("LastAsk")
const beforeSending: LookupStep = lookup("BeforeSending")

export type Plan =
  | { readonly _tag: "Succeed"; readonly verdict: Verdict.Accepted }
  /** Go on at once: no budget is touched, because nothing is sent that was not granted already. */
  | { readonly _tag: "GoOn"; readonly next: Step }
  /** Go on if this category's budget grants another step, after its delay. */
  | { readonly _tag: "Retry"; readonly category: Category; readonly known?: number; readonly next: Step }
  | { readonly _tag: "GiveUp" }

/** How an exchange is to be taken, by all that is on record. What is about a failure is about its latest transaction. */
export interface Heard {
  readonly step: Step
  /** Whether these arguments were ever declined for good: then they are never sent again. */
  readonly isDeclined: boolean
  /** Whether any record was shown before. */
  readonly isKnown: boolean
  /** Whether any record showed a processing error. */
  readonly hasProcessingErrors: boolean
  /** Whether it shows less than was shown before: a read that lags behind. */
  readonly isStale: boolean
  /** Whether it contradicts what the provider has said by a code. */
  readonly contradicts: boolean
  /** Whether it shows what was not shown before. */
  readonly isNews: boolean
  /** Whether it is the doing of these arguments. */
  readonly isOwn: boolean
}

/**
 * How to begin a call for a payout whose last one left a doubt: what the provider spoke of without showing it is confirmed, and
 * anything else is asked about.
 */
export const firstStep = (doubt: Verdict.Verdict): LookupStep =>
  Verdict.row(doubt).afterCreate === "Confirm" ? confirm : firstAsk

/** `isInDoubt` is what the evidence amounts to, this exchange included. */
export const plan = (heard: Heard, verdict: Verdict.Verdict, isInDoubt: boolean): Plan => {
  const resend = isInDoubt ? beforeSending : create
  const next =
    heard.step.kind === "Create" ? afterCreate(heard, verdict, resend) : afterLookup(heard, heard.step, verdict, resend)
  return heard.isDeclined && leadsToSending(next) ? giveUp : next
}

const leadsToSending = (plan: Plan): boolean =>
  "next" in plan && (plan.next.kind === "Create" || plan.next.ask === "BeforeSending" || plan.next.ask === "FirstAsk")

const goOn = (next: Step): Plan => ({ _tag: "GoOn", next })
const retry = (category: Category, next: Step): Plan => ({ _tag: "Retry", category, next })
const giveUp: Plan = { _tag: "GiveUp" }

/** Sends or asks again within the verdict's budget. */
const again = (verdict: Verdict.Verdict, next: Step): Plan => {
  const { category } = Verdict.row(verdict)
  if (category === undefined) return giveUp
  return verdict._tag === "ProcessingError"
    ? { _tag: "Retry", category, known: Payout.recorded(verdict.payout).processingErrors, next }
    : retry(category, next)
}

const afterCreate = (heard: Heard, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (Verdict.isAccepted(verdict)) return { _tag: "Succeed", verdict }
  // It shows how other arguments failed, and does not say what became of these.
  if (isOfOthers(heard, verdict)) return retry("communication", resend)
  switch (Verdict.row(verdict).afterCreate) {
    case "Confirm":
      return Verdict.isShown(verdict) ? retry("communication", confirm) : goOn(confirm)
    case "SendAgain":
      return again(verdict, resend)
    default:
      return giveUp
  }
}

const afterLookup = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (Verdict.isAccepted(verdict)) return { _tag: "Succeed", verdict }
  switch (Verdict.row(verdict).afterLookup) {
    case "Absent":
      // A payout that was shown before is there: a read that does not see it lags behind, and tells nothing.
      return heard.isKnown ? askedInVain(heard, step, verdict) : nothingNew(step)
    case "Failure":
      if (heard.isStale) return askedInVain(heard, step, verdict)
      if (heard.contradicts) return nothingNew(step)
      return afterFailure(heard, step, verdict, resend)
    case "Unsettled":
      return isLast(step) ? giveUp : retry("communication", confirm)
    case "AskAgain":
      return askedInVain(heard, step, verdict)
    default:
      return giveUp
  }
}

const afterFailure = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (isLast(step)) return giveUp
  if (isAnswer(heard, verdict)) return again(verdict, resend)
  // What was claimed is over, and was not ours.
  return step.ask === "Confirm" ? retry("communication", resend) : goOn(create)
}

/** Whether it is a decline of other arguments, or of unknown ones: "never again" is not said of ours. */
export const isOfOthers = ({ isOwn }: Heard, verdict: Verdict.Verdict): boolean =>
  Verdict.isFailed(verdict) && verdict._tag !== "ProcessingError" && !isOwn

/**
 * Whether a verdict is an answer about these arguments that speaks for itself, whatever the other attempts left unclear. A
 * failure that is looked up before it is sent again looks as it did: that says nothing about the attempt between.
 */
export const isAnswer = (heard: Heard, verdict: Verdict.Verdict): boolean => {
  const { contradicts, isNews, isStale, step } = heard
  if (verdict._tag === "HandleConflict") return true
  if (!Verdict.isFailed(verdict) || isOfOthers(heard, verdict)) return false
  if (step.kind === "Create") return true
  // Who waited for the end may have seen the error before: it takes its budget all the same.
  const isBudgeted = step.ask === "Confirm" && verdict._tag === "ProcessingError"
  return !contradicts && !isStale && (isNews || isBudgeted || step.ask === "FirstAsk" || step.ask === "Recheck")
}

/** Whatever a lookup of this kind tells, it is the end of the call. */
const isLast = ({ ask }: LookupStep): boolean => ask === "LastAsk" || ask === "Recheck"

const nothingNew = (step: LookupStep): Plan => {
  switch (step.ask) {
    case "BeforeSending":
    case "FirstAsk":
      return goOn(create)
    case "Confirm":
      return retry("communication", step)
    case "Recheck":
    case "LastAsk":
      return giveUp
  }
}

/**
 * The provider could not be asked, or showed an earlier record. Then the documented rule holds, which is to send again; but
 * not where the record has to tell how often the provider has tried already, and not where we know that the payout is there.
 */
const askedInVain = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict): Plan => {
  if (isLast(step)) return giveUp
  if (step.ask === "BeforeSending" && !heard.hasProcessingErrors) return goOn(create)
  const { afterLookup, category } = Verdict.row(verdict)
  if (afterLookup !== "AskAgain") return retry("communication", step)
  return category === undefined ? giveUp : retry(category, step)
}
