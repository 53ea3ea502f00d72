/**
 * A schedule that is asked, and not obeyed: what it grants can be put on record, and be held against a deadline, before
 * anybody waits for it, while `Schedule.driver` sleeps by itself.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"

/** The next delay that is granted for an input, at a moment in milliseconds; or none, at the end. */
export type Stepper<In> = (now: number, input: In) => Effect.Effect<Option.Option<Duration.Duration>>

/** The steps of a schedule, from its beginning. */
export const stepper = <Out, In>(schedule: Schedule.Schedule<Out, In>): Stepper<In> => {
  let state: unknown = schedule.initial
  return (now, input) =>
    Effect.map(schedule.step(now, input, state), ([next, , decision]) => {
      state = next
      return delayFrom(decision, now)
    })
}

// Whole milliseconds, rounded up: never earlier than the schedule says.
const delayFrom = (decision: Decision.ScheduleDecision, now: number): Option.Option<Duration.Duration> =>
  Decision.isDone(decision)
    ? Option.none()
    : Option.some(Duration.millis(Math.ceil(Math.max(0, Intervals.start(decision.intervals) - now))))
