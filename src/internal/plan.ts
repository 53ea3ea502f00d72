/**
 * Verdict and evidence -> what to do next. Pure, so that the rules that money depends on can be read, and tested, as a
 * table. Budgets and deadlines are not decided here: `conversation.ts` may turn any plan but `Succeed` into giving up.
 */
import type * as Attempt from "../domain/Attempt.js"
import * as Payout from "../domain/Payout.js"
import type { Category } from "../RetryPolicy.js"
import * as Verdict from "../Verdict.js"

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
export type Step =
  | { readonly kind: "Create" }
  | {
      readonly kind: "Lookup"
      readonly ask: "BeforeSending" | "FirstAsk" | "Confirm" | "Recheck" | "LastAsk"
      /** What is to be confirmed, where it was said by a code. */
      readonly claim?: Verdict.Claim
    }

export type LookupStep = Extract<Step, { readonly kind: "Lookup" }>

export const create: Step = { kind: "Create" }
export const firstAsk: LookupStep = { kind: "Lookup", ask: "FirstAsk" }
export const recheck: Step = { kind: "Lookup", ask: "Recheck" }
export const lastAsk: Step = { kind: "Lookup", ask: "LastAsk" }
const beforeSending: Step = { kind: "Lookup", ask: "BeforeSending" }

export type Plan =
  | { readonly _tag: "Succeed"; readonly verdict: Verdict.Accepted }
  /** Go on at once: no budget is touched, because nothing is sent that was not granted already. */
  | { readonly _tag: "GoOn"; readonly next: Step }
  /** Go on if this category's budget grants another step, after its delay. */
  | { readonly _tag: "Retry"; readonly category: Category; readonly known?: number; readonly next: Step }
  | { readonly _tag: "GiveUp" }

/** What an exchange says about the money. */
export const bearing = (
  step: Step,
  verdict: Verdict.Verdict,
  sent: Attempt.Sent,
  contradicts = false
): Attempt.Bearing => {
  if (step.kind === "Create") return Verdict.bearing(verdict, sent)
  if (contradicts) return "Claimed"
  if (verdict._tag === "HandleConflict") return "Foreign"
  return Verdict.recorded(verdict) === undefined ? "None" : "Recorded"
}

/**
 * How to begin a call for a payout whose last one left this finding: what the provider spoke of without showing it is
 * confirmed, and anything else is asked about.
 */
export const firstStep = (doubt: Verdict.Verdict): LookupStep => {
  switch (doubt._tag) {
    case "AlreadyExists":
    case "AlreadyPaid":
    case "AlreadyProcessing":
      return { kind: "Lookup", ask: "Confirm", claim: doubt._tag }
    case "Unsettled":
      return { kind: "Lookup", ask: "Confirm" }
    default:
      return firstAsk
  }
}

/** The same question, where nothing may be sent whatever the answer is: for arguments that others are to replace. */
export const onlyAsk = (doubt: Verdict.Verdict): LookupStep => ({ ...firstStep(doubt), ask: "LastAsk" })

/**
 * Whether a failure contradicts what is to be confirmed: after 134 any, after 133 the one that was known `before` it. For all
 * we know it is a read that lags behind, so the claim stands.
 */
export const contradicts = (
  step: Step,
  verdict: Verdict.Verdict,
  before: Attempt.Recorded | undefined
): verdict is Verdict.Failed => {
  if (step.kind === "Create" || !Verdict.isFailed(verdict)) return false
  return (
    step.claim === "AlreadyPaid" ||
    (step.claim === "AlreadyProcessing" && before !== undefined && !isNewer(verdict, before))
  )
}

/** How a failure is heard that contradicts a claim, where no read lags that far behind: the claim was about another payout. */
export const believing = (step: Step): Step => (step.kind === "Lookup" && isLast(step) ? recheck : beforeSending)

/** How an exchange is to be taken. */
export interface Heard {
  readonly step: Step
  /** The newest record from before it. */
  readonly known: Attempt.Recorded | undefined
  /** Whether it contradicts a claim that stands. */
  readonly contradicts: boolean
}

/** `isInDoubt` is what the evidence amounts to, this exchange included. */
export const plan = (heard: Heard, verdict: Verdict.Verdict, isInDoubt: boolean): Plan => {
  const { contradicts, known, step } = heard
  const resend = isInDoubt ? beforeSending : create
  if (step.kind === "Create") return afterCreate(verdict, resend)
  return contradicts ? nothingNew(step) : afterLookup(step, verdict, known, resend)
}

const succeed = (verdict: Verdict.Accepted): Plan => ({ _tag: "Succeed", verdict })
const goOn = (next: Step): Plan => ({ _tag: "GoOn", next })
const retry = (category: Category, next: Step): Plan => ({ _tag: "Retry", category, next })
const giveUp: Plan = { _tag: "GiveUp" }

const afterCreate = (verdict: Verdict.Verdict, resend: Step): Plan => {
  switch (verdict._tag) {
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
      return verdict.permanent === true ? giveUp : retry("communication", resend)
    case "AlreadyExists":
    case "AlreadyPaid":
    case "AlreadyProcessing":
      return goOn({ kind: "Lookup", ask: "Confirm", claim: verdict._tag })
    case "RateLimited":
      return retry("rateLimited", resend)
    case "ConcurrentUpdate":
      return retry("concurrentUpdate", resend)
    case "PaymentMethodNotFound":
    case "PaymentMethodNotAllowed":
    case "CustomerMismatch":
    case "RequestRejected":
    case "HandleConflict":
    case "NotFound":
      return giveUp
    default:
      return afterRecord(verdict, resend)
  }
}

type RecordVerdict = Verdict.Settled | Extract<Verdict.Verdict, { readonly _tag: "Unsettled" }>

const afterRecord = (verdict: RecordVerdict, resend: Step): Plan => {
  switch (verdict._tag) {
    case "Paid":
    case "Processing":
      return succeed(verdict)
    case "HardDeclined":
      return giveUp
    case "SoftDeclined":
      return retry("softDeclined", resend)
    case "ProcessingError":
      return {
        _tag: "Retry",
        category: "processingError",
        known: Payout.recorded(verdict.payout).processingErrors,
        next: resend
      }
    case "Unsettled":
      return retry("communication", { kind: "Lookup", ask: "Confirm" })
  }
}

const afterLookup = (
  step: LookupStep,
  verdict: Verdict.Verdict,
  known: Attempt.Recorded | undefined,
  resend: Step
): Plan => {
  switch (verdict._tag) {
    case "Paid":
    case "Processing":
      return succeed(verdict)
    case "HandleConflict":
      return giveUp
    case "NotFound":
      // A payout that was shown before is there: a read that does not see it lags behind, and tells nothing.
      return known === undefined ? nothingNew(step) : afterFailedLookup(step, verdict, known)
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
      if (isStale(verdict, known)) return afterFailedLookup(step, verdict, known)
      if (!isNews(step, verdict, known)) return nothingNew(step)
      return isLast(step) ? giveUp : afterRecord(verdict, resend)
    case "Unsettled":
      return isLast(step) ? giveUp : afterRecord(verdict, resend)
    default:
      return afterFailedLookup(step, verdict, known)
  }
}

/** A record of fewer transactions than were shown before: a read that lags behind, and may hide an error or a decline. */
export const isStale = (verdict: Verdict.Failed, known: Attempt.Recorded | undefined): boolean =>
  known !== undefined && Payout.recorded(verdict.payout).transactions < known.transactions

/**
 * Whether a record tells what the exchanges before did not. A failed payout that is looked up again before it is sent
 * again, or after an unclear attempt, looks as it did: that says nothing about the attempt.
 */
const isNews = (step: LookupStep, verdict: Verdict.Failed, known: Attempt.Recorded | undefined): boolean => {
  if (isStale(verdict, known)) return false
  return known === undefined || step.ask === "FirstAsk" || step.ask === "Recheck" || isNewer(verdict, known)
}

const isNewer = ({ payout }: Verdict.Failed, known: Attempt.Recorded): boolean => {
  const now = Payout.recorded(payout)
  return now.transactions > known.transactions || now.state !== known.state || now.errorState !== known.errorState
}

/** Whether a verdict is an answer about this payout that speaks for itself, whatever the other attempts left unclear. */
export const isAnswer = ({ contradicts, known, step }: Heard, verdict: Verdict.Verdict): boolean =>
  verdict._tag === "HandleConflict" ||
  (Verdict.isFailed(verdict) && (step.kind === "Create" || (isNews(step, verdict, known) && !contradicts)))

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
 * not where only the record can tell how often the provider has tried already, and not where we know that the payout is
 * there.
 */
const afterFailedLookup = (step: LookupStep, verdict: Verdict.Verdict, known: Attempt.Recorded | undefined): Plan => {
  if (isLast(step)) return giveUp
  if (step.ask === "BeforeSending" && (known?.processingErrors ?? 0) === 0) return goOn(create)
  switch (verdict._tag) {
    case "RateLimited":
      return retry("rateLimited", step)
    case "NotFound":
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
      return retry("communication", step)
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
      return verdict.permanent === true ? giveUp : retry("communication", step)
    default:
      return giveUp
  }
}
