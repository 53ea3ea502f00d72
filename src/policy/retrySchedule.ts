/**
 * A retry policy as a value, and as one `Schedule`: it routes each failure to its own category's rule and state, so that a
 * step in one category neither spends nor resets another's budget.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Interval from "effect/ScheduleInterval"
import * as Intervals from "effect/ScheduleIntervals"
import type { Attempt } from "../domain/Attempt.js"
import * as stepping from "./scheduleStepper.js"

/**
 * The kinds of failure after which the library may send again.
 *
 * - `communication`: no answer, 5xx, or an answer that cannot be relied on. The library looks up before it sends again.
 * - `rateLimited`: 429.
 * - `concurrentUpdate`: 400 with code 74, 409, 425.
 * - `processingError`: the latest transaction is a `processing_error`; each create may pay once more.
 * - `softDeclined`: the latest transaction is `soft_declined`.
 *
 * @category models
 * @since 0.1.0
 */
export type Category = (typeof categories)[number]

/** All of them, in the order in which they are explained. */
export const categories = [
  "communication",
  "rateLimited",
  "concurrentUpdate",
  "processingError",
  "softDeclined"
] as const

/**
 * The budget of one category. Each failure is one step, fed with the attempt that failed. The step's delay is the wait
 * before the next exchange, and the schedule's end is the end of the budget.
 *
 * @category models
 * @since 0.1.0
 */
export type Rule = Schedule.Schedule<unknown, Attempt>

/**
 * One rule per category and a time limit, as a value. Pass it to `Payouts.layerWith` or to one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryPolicy extends Readonly<Record<Category, Rule>> {
  /**
   * The time limit of a call, by the monotonic clock. The library begins a wait, a lookup or a create only if the
   * longest that it may take still fits. It always sends the first create; if this is shorter than the client's
   * `createDeadline`, that create is the only one.
   */
  readonly elapsedMax: Duration.Duration
  /** The longest that one exchange may take, where that is less than the client's deadlines. Default: those. */
  readonly exchangeMax?: Duration.Duration | undefined
}

/**
 * The longest that an exchange may take: the client's deadline, or less by the policy.
 *
 * @internal
 */
export const longest = (policy: RetryPolicy, deadline: Duration.Duration): Duration.Duration =>
  policy.exchangeMax === undefined ? deadline : Duration.min(deadline, policy.exchangeMax)

/**
 * The input of the composed schedule.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  /** Whose budget the failure spends. */
  readonly category: Category
  /** The attempt that failed: the rule's input. */
  readonly attempt: Attempt
  /**
   * How many failures of this category are known, those of other processes included. The schedule is stepped that far,
   * so that a processing error counts once in the life of a payout, in all processes together.
   */
  readonly known?: number | undefined
  /** The provider's `Retry-After`: the wait is at least this long. */
  readonly retryAfter?: Duration.Duration | undefined
}

interface Progress {
  readonly inner: unknown
  readonly steps: number
}

/**
 * The whole policy as one `Schedule`. Its output is the category of the failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const schedule = (policy: RetryPolicy): Schedule.Schedule<Category, Failure> => {
  const initial: Readonly<Record<Category, Progress>> = {
    communication: { inner: policy.communication.initial, steps: 0 },
    rateLimited: { inner: policy.rateLimited.initial, steps: 0 },
    concurrentUpdate: { inner: policy.concurrentUpdate.initial, steps: 0 },
    processingError: { inner: policy.processingError.initial, steps: 0 },
    softDeclined: { inner: policy.softDeclined.initial, steps: 0 }
  }
  return Schedule.makeWithState(initial, (now, failure: Failure, state) =>
    Effect.map(stepRule(policy[failure.category], now, failure, state[failure.category]), ([progress, decision]) => [
      { ...state, [failure.category]: progress },
      failure.category,
      notBefore(decision, now, failure.retryAfter)
    ])
  )
}

const stepRule = Effect.fnUntraced(function* (rule: Rule, now: number, failure: Failure, { inner, steps }: Progress) {
  const target = Math.max(steps + 1, failure.known ?? 0)
  let decision: Decision.ScheduleDecision = Decision.done
  while (steps < target) {
    const [next, , stepped] = yield* rule.step(now, failure.attempt, inner)
    inner = next
    decision = stepped
    steps += 1
    if (Decision.isDone(stepped)) break
  }
  return [{ inner, steps }, decision] as const
})

const notBefore = (decision: Decision.ScheduleDecision, now: number, retryAfter: Duration.Duration | undefined) =>
  Decision.isDone(decision) || retryAfter === undefined
    ? decision
    : Decision.continueWith(
        Interval.after(Math.max(Intervals.start(decision.intervals), now + Duration.toMillis(retryAfter)))
      )

/**
 * The delay that the policy grants for a failure, or none at the end of the budget.
 *
 * @internal
 */
export interface Driver {
  readonly next: stepping.Stepper<Failure>
}

/** @internal */
export const driver = (policy: RetryPolicy): Driver => ({ next: stepping.stepper(schedule(policy)) })
