/**
 * When and for how long to look up a payout that is processing. The provider documents neither a time after which an
 * asynchronous payout is final nor an event that says so. So the library polls, and a webhook's hint is a shortcut.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { Payout } from "../domain/Payout.js"

/**
 * The rule of one wait.
 *
 * - `schedule`: the gaps between two lookups, fed with the payout as last seen; its end is the end of the lookups.
 * - `deadline`: how long to wait in all, by the monotonic clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface PollPolicy {
  readonly schedule: Schedule.Schedule<unknown, Payout>
  readonly deadline: Duration.Duration
}

/**
 * The settings of `make`; one that is left out is as in `standard`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The gaps between two lookups, fed with the payout as last seen. Its end is the end of the lookups. */
  readonly schedule?: Schedule.Schedule<unknown, Payout> | undefined
  /** How long to wait in all. Default: 1 hour. */
  readonly deadline?: Duration.DurationInput | undefined
}

/**
 * The shortest gap between two lookups of one payout, under any schedule and after a hint: many hints cause one
 * lookup. Only the first lookup may come sooner, and the last one before the deadline.
 *
 * @category limits
 * @since 0.1.0
 */
export const gapMin: Duration.Duration = Duration.seconds(1)

/**
 * Looks up after 2 s, then after gaps that grow by half up to 5 minutes, 20 % more or less; for an hour at most. These
 * numbers are ours, hence inferred.
 *
 * @category policies
 * @since 0.1.0
 */
export const standard: PollPolicy = {
  schedule: Schedule.exponential("2 seconds", 1.5).pipe(
    Schedule.modifyDelay((_, delay) => Duration.min(delay, Duration.minutes(5))),
    Schedule.jittered
  ),
  deadline: Duration.hours(1)
}

/**
 * A policy that differs from `standard` in the given settings.
 *
 * @example
 * ```ts
 * import { Schedule } from "effect"
 * import { PollPolicy } from "effect-billwerk-payouts"
 *
 * const patient = PollPolicy.make({ schedule: Schedule.spaced("1 minute"), deadline: "1 day" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ deadline, schedule = standard.schedule }: Options = {}): PollPolicy => ({
  schedule,
  deadline: deadline === undefined ? standard.deadline : Duration.min(Duration.decode(deadline), deadlineLimit)
})

/**
 * The longest `deadline`: a timer cannot wait longer. For waits that outlive the process, see the durable workflow.
 *
 * @category limits
 * @since 0.1.0
 */
export const deadlineLimit = Duration.days(24)
