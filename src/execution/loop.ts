/**
 * One payout, from request to end: send, judge, record, decide, wait, until there is an answer or the policy's budgets are
 * spent. The rules are in `nextStep.ts`; here they meet the clock, the budgets and the evidence.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../BillwerkClient.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as Verdict from "../provider/Verdict.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Telemetry from "../Telemetry.js"
import { exchangesMax } from "./AttemptLog.js"
import type { Evidence } from "./Evidence.js"
import { exchange, exchangesOf, type Exchanged } from "./exchange.js"
import * as NextStep from "./nextStep.js"
import { toError } from "./toError.js"

/** One call for a payout. */
export interface Call {
  readonly client: BillwerkClient["Type"]
  readonly request: PayoutRequest
  readonly policy: RetryPolicy.RetryPolicy
  readonly evidence: Evidence
  /** What it begins with. */
  readonly first: NextStep.Step
}

/** What is done next, and after which wait; or why nothing is. */
type Decision =
  | { readonly next: NextStep.Step; readonly delay: Duration.Duration; readonly category?: RetryPolicy.Category }
  | { readonly stop: string | undefined }

const tooMany = `${exchangesMax} exchanges are the most of one call`

/** Carries a payout to its end. */
export const run = Effect.fnUntraced(function* (call: Call) {
  const { evidence, policy } = call
  const exchanges = exchangesOf(call.client, call.request)
  const budgets = RetryPolicy.driver(policy)
  const started = (yield* evidence.process.now).at
  let step = call.first
  let hasSent = false

  // The first create is always made: it is what the call is for, and a shortened one would only be unclear.
  const fits = Effect.fnUntraced(function* (next: NextStep.Step, delay: Duration.Duration) {
    if (next.kind === "Create" && !hasSent) return true
    const { at } = yield* evidence.process.now
    const longest = next.kind === "Create" ? call.client.createDeadline : call.client.lookupDeadline
    return at - started + Duration.toMillis(delay) + Duration.toMillis(longest) <= Duration.toMillis(policy.elapsedMax)
  })

  const decide = Effect.fnUntraced(function* (
    plan: Exclude<NextStep.Plan, { readonly _tag: "Succeed" }>,
    { reply }: Exchanged
  ) {
    if (plan._tag === "GiveUp") return { stop: undefined } satisfies Decision
    if (plan._tag === "GoOn") return { next: plan.next, delay: Duration.zero } satisfies Decision
    const { category, known, next } = plan
    const attempt = evidence.latest
    const retryAfter = reply._tag === "Response" ? reply.retryAfter : undefined
    const now = Math.floor((yield* evidence.process.now).at)
    const delay =
      attempt === undefined ? Option.none() : yield* budgets.next(now, { category, attempt, known, retryAfter })
    return Option.isNone(delay)
      ? ({ stop: `the policy grants no further step for ${category}` } satisfies Decision)
      : ({ next, delay: delay.value, category } satisfies Decision)
  })

  for (let count = 1; ; count++) {
    const exchanged = yield* exchange(exchanges, evidence, step)
    if (step.kind === "Create") hasSent = true
    const plan = NextStep.plan(exchanged.heard, exchanged.verdict, evidence.isInDoubt)
    if (plan._tag === "Succeed") {
      evidence.decide("Succeed")
      const { payout, _tag } = plan.verdict
      return { _tag, payout, ...evidence.accounting() } satisfies Outcome
    }
    let decision: Decision = yield* decide(plan, exchanged)
    if ("next" in decision && count >= exchangesMax) decision = { stop: tooMany }
    if ("next" in decision && !(yield* fits(decision.next, decision.delay))) {
      decision = { stop: "the next exchange could end too late" }
    }
    if ("next" in decision) {
      const { category, delay, next } = decision
      evidence.decide(next.kind === "Create" ? "SendAgain" : "LookUp", undefined, delay)
      if (category !== undefined && Duration.greaterThan(delay, Duration.zero)) {
        yield* Telemetry.measureWait(category, delay)
        yield* Effect.sleep(delay)
        // The machine may have slept longer.
        if (!(yield* fits(next, Duration.zero))) decision = { stop: "the wait ended too late" }
      }
    }
    if ("next" in decision) {
      step = decision.next
      continue
    }
    const isUnclear = step.kind === "Create" && !Verdict.isShown(exchanged.verdict) && evidence.isInDoubt
    if (isUnclear && count < exchangesMax && (yield* fits(NextStep.lastAsk, Duration.zero))) {
      evidence.decide("LookUp", decision.stop, Duration.zero)
      step = NextStep.lastAsk
      continue
    }
    evidence.decide("Fail", decision.stop)
    return yield* failure(call, exchanged)
  }
})

/**
 * What to report. An answer about these arguments speaks for itself, and so does any answer while no money is in doubt, but for
 * how other arguments failed. Otherwise the report is about what left it in doubt: a 401 after a lost answer says nothing
 * about the lost answer.
 */
const failure = ({ evidence }: Call, { heard, reply, verdict }: Exchanged): PayoutError => {
  if (verdict._tag === "HandleConflict") {
    return evidence.conflict({ with: "Provider", differs: verdict.differs, reply })
  }
  const isTold = evidence.isInDoubt ? NextStep.isAnswer(heard, verdict) : !NextStep.isOfOthers(heard, verdict)
  return toError(isTold && !Verdict.isAccepted(verdict) ? { verdict, reply } : evidence.doubt, evidence.accounting())
}
