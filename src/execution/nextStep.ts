/**
 * Verdict and evidence -> the next step. The functions are pure, so that the rules that money depends on can be read
 * and tested as a table. `loop.ts` adds budgets and deadlines: it may turn any plan but `Succeed` into giving up.
 */
import * as Payout from "../domain/Payout.js"
import * as Verdict from "../provider/Verdict.js"
import type { Category } from "../policy/RetryPolicy.js"

/**
 * The next exchange. A `Create` may move money. A `Lookup` moves none, and has one of five purposes:
 *
 * - `BeforeSending`: an earlier create may have moved money. If the lookup shows nothing new, the create is sent again.
 * - `FirstAsk`: an earlier call or another process may have sent it. Only the provider's answer allows the create.
 * - `Confirm`: the provider named this payout without showing it (133, 134), or showed an unknown state. The lookup
 *   repeats until that is clear, and no create is sent before.
 * - `Recheck`: these arguments were declined for good, but something before the decline may have paid. No create
 *   follows.
 * - `LastAsk`: the call is about to give up while money may have moved. What this lookup does not settle stays in
 *   doubt.
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
  /** Go on at once. This spends no budget, because it sends nothing that was not already granted. */
  | { readonly _tag: "GoOn"; readonly next: Step }
  /** Go on after a delay, if this category's budget grants another step. */
  | { readonly _tag: "Retry"; readonly category: Category; readonly known?: number; readonly next: Step }
  | { readonly _tag: "GiveUp" }

/** How to take an exchange, given all evidence. For a failure, the fields are about its latest transaction. */
export interface Heard {
  readonly step: Step
  /** Whether these arguments were ever declined for good. Then they are never sent again. */
  readonly isDeclined: boolean
  /** Whether other arguments are known to have moved money, or to be able to. Then these are not sent. */
  readonly isTaken: boolean
  /** Whether the provider showed a record before. */
  readonly isKnown: boolean
  /** Whether an earlier record showed a processing error. */
  readonly hasProcessingErrors: boolean
  /** Whether the record is stale: it shows less than was shown before. */
  readonly isStale: boolean
  /** Whether the record contradicts a claim. */
  readonly contradicts: boolean
  /** Whether the record shows something new. */
  readonly isNews: boolean
  /** Whether the latest transaction was made by a create of these arguments. */
  readonly isOwn: boolean
}

/**
 * The first step of a call for a payout that the last call left in doubt: `Confirm` for a claim or an unknown state,
 * and `FirstAsk` for anything else.
 */
export const firstStep = (doubt: Verdict.Verdict): LookupStep =>
  Verdict.row(doubt).afterCreate === "Confirm" ? confirm : firstAsk

/** The plan after one exchange. `isInDoubt` is computed from all evidence, this exchange included. */
export const plan = (heard: Heard, verdict: Verdict.Verdict, isInDoubt: boolean): Plan => {
  const resend = isInDoubt ? beforeSending : create
  const next =
    heard.step.kind === "Create" ? afterCreate(heard, verdict, resend) : afterLookup(heard, heard.step, verdict, resend)
  return (heard.isDeclined || heard.isTaken) && leadsToSending(next) ? giveUp : next
}

const leadsToSending = (plan: Plan): boolean =>
  "next" in plan && (plan.next.kind === "Create" || plan.next.ask === "BeforeSending" || plan.next.ask === "FirstAsk")

const goOn = (next: Step): Plan => ({ _tag: "GoOn", next })
const retry = (category: Category, next: Step): Plan => ({ _tag: "Retry", category, next })
const giveUp: Plan = { _tag: "GiveUp" }

/** Repeats the step within the budget of the verdict's category. */
const again = (verdict: Verdict.Verdict, next: Step): Plan => {
  const { category } = Verdict.row(verdict)
  if (category === undefined) return giveUp
  return verdict._tag === "ProcessingError"
    ? { _tag: "Retry", category, known: Payout.recorded(verdict.payout).processingErrors, next }
    : retry(category, next)
}

const afterCreate = (heard: Heard, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (Verdict.isAccepted(verdict)) return { _tag: "Succeed", verdict }
  // The answer shows how other arguments failed. It does not say what happened to these.
  if (isOfOthers(heard, verdict)) return retry("communication", resend)
  switch (Verdict.row(verdict).afterCreate) {
    case "Confirm":
      return Verdict.isShown(verdict) ? retry("communication", confirm) : goOn(confirm)
    case "SendAgain":
      return again(verdict, resend)
    case "Succeed":
    case "GiveUp":
      return giveUp
  }
}

const afterLookup = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (Verdict.isAccepted(verdict)) return { _tag: "Succeed", verdict }
  switch (Verdict.row(verdict).afterLookup) {
    case "Absent":
      // The provider showed the payout before, so a lookup that does not find it lags behind and says nothing.
      return heard.isKnown ? askedInVain(heard, step, verdict) : nothingNew(step)
    case "Failure":
      if (heard.isStale) return askedInVain(heard, step, verdict)
      if (heard.contradicts) return nothingNew(step)
      return afterFailure(heard, step, verdict, resend)
    case "Unsettled":
      return isLast(step) ? giveUp : retry("communication", confirm)
    case "AskAgain":
      return askedInVain(heard, step, verdict)
    case "Succeed":
    case "GiveUp":
      return giveUp
  }
}

const afterFailure = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict, resend: Step): Plan => {
  if (isLast(step)) return giveUp
  if (isAnswer(heard, verdict)) return again(verdict, resend)
  // The claimed payout is over, and was not from these arguments.
  return step.ask === "Confirm" ? retry("communication", resend) : goOn(create)
}

/** Whether the verdict is a decline of other or unknown arguments. It does not forbid sending these. */
export const isOfOthers = ({ isOwn }: Heard, verdict: Verdict.Verdict): boolean =>
  Verdict.isFailed(verdict) && verdict._tag !== "ProcessingError" && !isOwn

/**
 * Whether a verdict answers for these arguments, even if other attempts stay unclear. A failure that a lookup before
 * sending shows unchanged is no answer: it says nothing about the create in between.
 */
export const isAnswer = (heard: Heard, verdict: Verdict.Verdict): boolean => {
  const { contradicts, isNews, isStale, step } = heard
  if (verdict._tag === "HandleConflict") return true
  if (!Verdict.isFailed(verdict) || isOfOthers(heard, verdict)) return false
  if (step.kind === "Create") return true
  // A wait for the end may have seen the processing error before. It still spends its budget.
  const isBudgeted = step.ask === "Confirm" && verdict._tag === "ProcessingError"
  return !contradicts && !isStale && (isNews || isBudgeted || step.ask === "FirstAsk" || step.ask === "Recheck")
}

/** Whether the call ends after a lookup of this kind, with any result. */
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
 * The step after a lookup that failed or showed a stale record. The documented rule is to send again. There are two
 * exceptions: the record must say how often the provider has tried, or we know that the payout exists.
 */
const askedInVain = (heard: Heard, step: LookupStep, verdict: Verdict.Verdict): Plan => {
  if (isLast(step)) return giveUp
  if (step.ask === "BeforeSending" && !heard.hasProcessingErrors) return goOn(create)
  const { afterLookup, category } = Verdict.row(verdict)
  if (afterLookup !== "AskAgain") return retry("communication", step)
  return category === undefined ? giveUp : retry(category, step)
}
