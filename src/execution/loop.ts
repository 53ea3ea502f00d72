/**
 * One payout, from request to end: send, judge, record, decide, wait, until there is an answer or the policy's budgets
 * are spent. `nextStep.ts` has the rules; this module applies them with the clock, the budgets and the evidence.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as Verdict from "../provider/Verdict.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as Telemetry from "../Telemetry.js"
import { exchangesMax } from "./AttemptLog.js"
import type { EvidenceRecorder } from "./EvidenceRecorder.js"
import { type BeforeCreate, exchange, exchangesOf, type Exchanged } from "./exchange.js"
import * as NextStep from "./nextStep.js"
import { toError } from "./toError.js"

/** The arguments of one call for a payout. */
export interface Call {
  readonly client: BillwerkClient["Type"]
  readonly request: PayoutRequest
  readonly policy: RetryPolicy.RetryPolicy
  readonly evidence: EvidenceRecorder
  /** The first exchange. */
  readonly first: NextStep.Step
  readonly beforeCreate?: BeforeCreate | undefined
}

/** The state of a call under way. */
interface Progress extends Call {
  readonly budgets: RetryPolicy.Driver
  /** When the call began, in epoch milliseconds. It moves on by each wait for a turn: the deadline does not count these. */
  started: number
  /** How many exchanges the call made, and whether one of them was a create. */
  exchanges: number
  hasSent: boolean
}

/** The next step, its wait and the budget that granted it; or no step, and why. */
type Decision =
  | { readonly next: NextStep.Step; readonly delay: Duration.Duration; readonly category?: RetryPolicy.Category }
  | { readonly next: undefined; readonly why?: string }

/** Runs a payout to its end. */
export const run = Effect.fnUntraced(function* (call: Call): Effect.fn.Return<Outcome, PayoutError> {
  const { evidence, first } = call
  const started = (yield* evidence.process.now).at
  const progress: Progress = {
    ...call,
    budgets: RetryPolicy.driver(call.policy),
    started,
    exchanges: 0,
    hasSent: false
  }
  const exchanges = exchangesOf(call.client, call.request, call.beforeCreate, call.policy.exchangeMax)
  for (let step = first; ;) {
    const urgency = progress.exchanges > 0 || evidence.isInDoubt ? "Begun" : "New"
    const exchanged = yield* exchange(exchanges, evidence, step, urgency)
    progress.exchanges += 1
    progress.started += Duration.toMillis(evidence.latest?.queued ?? Duration.zero)
    progress.hasSent ||= step.kind === "Create"
    const plan = NextStep.plan(exchanged.heard, exchanged.verdict, evidence.isInDoubt)
    if (plan._tag === "Succeed") {
      evidence.decide("Succeed")
      return { _tag: plan.verdict._tag, payout: plan.verdict.payout, ...evidence.accounting() }
    }
    const next = yield* proceed(progress, yield* decide(progress, plan, exchanged), exchanged)
    if (next === undefined) return yield* failure(call, exchanged)
    step = next
  }
})

/** Turns a plan into a decision: asks the policy's budgets and the time that is left. */
const decide = Effect.fnUntraced(function* (
  progress: Progress,
  plan: Exclude<NextStep.Plan, { readonly _tag: "Succeed" }>,
  { reply }: Exchanged
): Effect.fn.Return<Decision> {
  if (plan._tag === "GiveUp") return { next: undefined }
  if (progress.exchanges >= exchangesMax) {
    return { next: undefined, why: `${exchangesMax} exchanges are the most of one call` }
  }
  const { next } = plan
  const delay = plan._tag === "GoOn" ? Option.some(Duration.zero) : yield* granted(progress, plan, reply)
  if (Option.isNone(delay)) {
    const category = plan._tag === "Retry" ? plan.category : "this"
    return { next: undefined, why: `the policy grants no further step for ${category}` }
  }
  if (!(yield* fits(progress, next, delay.value))) {
    return { next: undefined, why: "the next exchange could end too late" }
  }
  return plan._tag === "Retry" ? { next, delay: delay.value, category: plan.category } : { next, delay: delay.value }
})

/** The next wait from a category's budget, if the budget grants one. */
const granted = Effect.fnUntraced(function* (
  { budgets, evidence, policy, started }: Progress,
  { category, known }: Extract<NextStep.Plan, { readonly _tag: "Retry" }>,
  reply: Exchanged["reply"]
) {
  const { latest: attempt } = evidence
  if (attempt === undefined) return Option.none()
  const retryAfter = reply._tag === "Response" ? reply.retryAfter : undefined
  const { at } = yield* evidence.process.now
  const left = Duration.subtract(policy.elapsedMax, Duration.millis(at - started))
  return yield* budgets.next(Math.floor(at), { category, attempt, known, retryAfter }, left)
})

// The call always makes its first create: that is its purpose, and a shortened create would only be unclear.
const fits = Effect.fnUntraced(function* (
  { client, evidence, hasSent, policy, started }: Progress,
  next: NextStep.Step,
  delay: Duration.Duration
) {
  if (next.kind === "Create" && !hasSent) return true
  const elapsed = (yield* evidence.process.now).at - started
  const longest = RetryPolicy.longest(policy, next.kind === "Create" ? client.createDeadline : client.lookupDeadline)
  return elapsed + Duration.toMillis(delay) + Duration.toMillis(longest) <= Duration.toMillis(policy.elapsedMax)
})

/** Waits for the next step. Without a next step, records why; if money is in doubt, it first makes a last lookup. */
const proceed = Effect.fnUntraced(function* (
  progress: Progress,
  decision: Decision,
  exchanged: Exchanged
): Effect.fn.Return<NextStep.Step | undefined> {
  const { evidence } = progress
  if (decision.next === undefined) return yield* stop(progress, exchanged, decision.why)
  const { category, delay, next } = decision
  evidence.decide(next.kind === "Create" ? "SendAgain" : "LookUp", undefined, delay)
  if (category === undefined || Duration.lessThanOrEqualTo(delay, Duration.zero)) return next
  yield* Telemetry.measureWait(category, delay)
  yield* Effect.sleep(delay)
  // The machine may have slept for longer than the wait.
  return (yield* fits(progress, next, Duration.zero))
    ? next
    : yield* stop(progress, exchanged, "the wait ended too late")
})

const stop = Effect.fnUntraced(function* (
  progress: Progress,
  { heard, verdict }: Exchanged,
  why: string | undefined
): Effect.fn.Return<NextStep.Step | undefined> {
  const { evidence, exchanges } = progress
  const isUnclear = heard.step.kind === "Create" && !Verdict.isShown(verdict) && evidence.isInDoubt
  if (isUnclear && exchanges < exchangesMax && (yield* fits(progress, NextStep.lastAsk, Duration.zero))) {
    evidence.decide("LookUp", why, Duration.zero)
    return NextStep.lastAsk
  }
  evidence.decide("Fail", why)
  return undefined
})

/**
 * The error to report. The last verdict is reported if it answers for these arguments. It is also reported while no
 * money is in doubt, unless it shows how other arguments failed. In all other cases the error reports the finding that
 * left money in doubt: a 401 after a lost answer says nothing about the lost answer.
 */
const failure = ({ evidence }: Call, { heard, reply, verdict }: Exchanged): PayoutError => {
  if (verdict._tag === "HandleConflict") {
    return evidence.conflict({ with: "Provider", differs: verdict.differs, reply })
  }
  if (isRefused(heard, verdict)) {
    return evidence.conflict({ with: "Provider", differs: ["request"], isInPart: true, reply })
  }
  // These arguments were declined for good before other arguments were tried: the record shows both.
  if (heard.isDeclined && !heard.contradicts && !heard.isStale && Verdict.isFailed(verdict)) {
    return toError({ verdict: { _tag: "HardDeclined", payout: verdict.payout }, reply }, evidence.accounting())
  }
  const isTold = evidence.isInDoubt ? NextStep.isAnswer(heard, verdict) : !NextStep.isOfOthers(heard, verdict)
  return toError(isTold && !Verdict.isAccepted(verdict) ? { verdict, reply } : evidence.doubt, evidence.accounting())
}

/**
 * Whether the call ends because other arguments may move money under the handle: another card's processing error, or a lost
 * create. What these arguments themselves came to is told as it is.
 */
const isRefused = (heard: Exchanged["heard"], verdict: Verdict.Verdict): boolean =>
  heard.isTaken && !heard.isOwn && (verdict._tag === "NotFound" || Verdict.isFailed(verdict))
