/**
 * When to send or look up again: one `Schedule` per category, composed into one schedule that routes each failure to
 * its own category's state. A step in one category neither spends nor resets another's budget. A hard decline has no
 * category. The defaults are `standard` here and `policyDefault` of durable payouts; `provider/verdictTable.ts` has
 * each verdict's category.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import { type Category, type RetryPolicy, type Rule } from "./retrySchedule.js"
import * as stepping from "./scheduleStepper.js"

export { type CategoryExplanation, explain, explainedMax, type Explanation } from "./explain.js"
export { toSvg } from "./picture.js"
export { type Category, type Failure, type RetryPolicy, type Rule, schedule } from "./retrySchedule.js"
/** @internal */
export { driver, type Driver, longest } from "./retrySchedule.js"

/**
 * The settings of `make`; one that is left out is as in `standard`. There is no `hardDeclined`: it does not compile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Partial<Readonly<Record<Category, Rule>>> {
  /** The time limit of a call. Default: 15 minutes; at most `elapsedLimit`. */
  readonly elapsedMax?: Duration.DurationInput
  /** The longest that one exchange may take, where that is less than the client's deadlines. Default: those. */
  readonly exchangeMax?: Duration.DurationInput | undefined
  /** Not an option: a hard decline is never sent again. */
  readonly hardDeclined?: never
}

/**
 * The longest `elapsedMax`: a timer cannot wait longer. A longer one is cut to it.
 *
 * @category limits
 * @since 0.1.0
 */
export const elapsedLimit = Duration.days(24)

/**
 * How long one step of a `RetryPolicy`'s or a `PollPolicy`'s schedule may take: 10 seconds, and no longer than its call
 * has left. A step that takes longer, or dies, ends that schedule, and the library logs an error.
 *
 * @category limits
 * @since 0.1.0
 */
export const stepMax: Duration.Duration = stepping.stepMax

const exponential = (base: Duration.DurationInput, resends: number) =>
  Schedule.exponential(base).pipe(Schedule.intersect(Schedule.recurs(resends)))

/**
 * The policy that the provider's page recommends. Where the page has no number, the number is ours, hence inferred.
 *
 * - `communication`: at once, then after 1, 2, 4, 8 and 16 s, 20 % more or less.
 * - `rateLimited`: after 1, 2, 4, 8 and 16 s (documented: 1, 2, 4, ...), up to 20 % more.
 * - `concurrentUpdate`: after 0.5, 1 and 2 s, 20 % more or less.
 * - `processingError`: after 1 and 5 minutes (documented: later, only a few times).
 * - `softDeclined`: not at all.
 * - `elapsedMax`: 15 minutes.
 *
 * @category policies
 * @since 0.1.0
 */
export const standard: RetryPolicy = {
  communication: Schedule.recurs(1).pipe(Schedule.andThen(exponential("1 second", 5).pipe(Schedule.jittered))),
  rateLimited: exponential("1 second", 5).pipe(Schedule.jitteredWith({ min: 1, max: 1.2 })),
  concurrentUpdate: exponential("500 millis", 3).pipe(Schedule.jittered),
  processingError: Schedule.fromDelays("1 minute", "5 minutes"),
  softDeclined: Schedule.stop,
  elapsedMax: Duration.minutes(15)
}

/**
 * One create and no more, for callers that retry by themselves with `Payouts.recover`, which looks up before it sends.
 * (It still looks up once after a create in doubt, and after 133 and 134, which are answers about the payout.)
 *
 * @category policies
 * @since 0.1.0
 */
export const none: RetryPolicy = {
  communication: Schedule.stop,
  rateLimited: Schedule.stop,
  concurrentUpdate: Schedule.stop,
  processingError: Schedule.stop,
  softDeclined: Schedule.stop,
  elapsedMax: standard.elapsedMax
}

/**
 * For a caller that a person waits for, such as a request handler: a call ends within 10 seconds, however the provider
 * behaves. What is slower than that is no failure: it ends as `MayHaveMoved`, and `Payouts.recover` with the evidence
 * of the error continues it behind the handler. The numbers are ours.
 *
 * - `communication`: at once, then after 1 s, 20 % more or less.
 * - `rateLimited`: after 1 and 2 s, up to 20 % more.
 * - `concurrentUpdate`: after 0.5 and 1 s, 20 % more or less.
 * - `processingError` and `softDeclined`: not at all.
 * - `exchangeMax`: 4.5 seconds, so that a lookup still fits after a create without an answer, on a busy machine as well.
 * - `elapsedMax`: 10 seconds.
 *
 * Three things come on top: a wait for a turn within the request limits, the service's `beforeCreate`, and a call for
 * the same handle that is under way under another policy, which this one joins.
 *
 * @category policies
 * @since 0.1.0
 */
export const interactive: RetryPolicy = {
  communication: Schedule.recurs(1).pipe(Schedule.andThen(exponential("1 second", 1).pipe(Schedule.jittered))),
  rateLimited: exponential("1 second", 2).pipe(Schedule.jitteredWith({ min: 1, max: 1.2 })),
  concurrentUpdate: exponential("500 millis", 2).pipe(Schedule.jittered),
  processingError: Schedule.stop,
  softDeclined: Schedule.stop,
  exchangeMax: Duration.millis(4_500),
  elapsedMax: Duration.seconds(10)
}

/**
 * A policy that differs from `standard` in the given settings.
 *
 * @example
 * ```ts
 * import { Schedule } from "effect"
 * import { RetryPolicy } from "effect-billwerk-payouts"
 *
 * const patient = RetryPolicy.make({
 *   communication: Schedule.exponential("1 second").pipe(Schedule.jittered, Schedule.upTo("2 minutes")),
 *   processingError: Schedule.fromDelays("10 minutes", "1 hour"),
 *   elapsedMax: "2 hours"
 * })
 *
 * // @ts-expect-error a hard decline is never sent again
 * const wrong = RetryPolicy.make({ hardDeclined: Schedule.recurs(1) })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  elapsedMax = standard.elapsedMax,
  exchangeMax,
  hardDeclined: _,
  ...rules
}: Options): RetryPolicy => ({
  ...standard,
  ...rules,
  ...(exchangeMax === undefined ? {} : { exchangeMax: Duration.decode(exchangeMax) }),
  elapsedMax: Duration.min(Duration.decode(elapsedMax), elapsedLimit)
})
