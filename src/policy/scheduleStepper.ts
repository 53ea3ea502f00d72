/**
 * Steps a schedule without sleeping, so that a delay can be recorded and held against a deadline before the wait
 * begins. `Schedule.driver` would sleep by itself.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"
import * as hostCode from "../host/hostCode.js"

/**
 * The next delay for an input at a moment in milliseconds; or none, at the end. A step takes no longer than `left`, the
 * time that the call has left, and no longer than `stepMax`.
 */
export type Stepper<In> = (
  now: number,
  input: In,
  left?: Duration.Duration
) => Effect.Effect<Option.Option<Duration.Duration>>

/** How long one step may take. A schedule whose step takes longer, or dies, grants nothing more. */
export const stepMax: Duration.Duration = Duration.seconds(10)

// A step that needs no time still runs when none is left.
const stepMin = Duration.millis(1)

/** The steps of a schedule, from its beginning. */
export const stepper = <Out, In>(schedule: Schedule.Schedule<Out, In>): Stepper<In> => {
  let state: unknown = schedule.initial
  let isOver = false
  return (now, input, left = stepMax) => {
    if (isOver) return Effect.succeedNone
    const step = () =>
      Effect.map(schedule.step(now, input, state), ([next, , decision]) =>
        Option.some({ next, delay: delayFrom(decision, now) })
      )
    const deadline = Duration.clamp(left, { minimum: stepMin, maximum: stepMax })
    return Effect.map(hostCode.bounded("A step of a schedule", deadline, step, Option.none()), (stepped) => {
      if (Option.isNone(stepped)) {
        isOver = true
        return Option.none()
      }
      state = stepped.value.next
      return stepped.value.delay
    })
  }
}

// Whole milliseconds, rounded up: never earlier than the schedule says.
const delayFrom = (decision: Decision.ScheduleDecision, now: number): Option.Option<Duration.Duration> =>
  Decision.isDone(decision)
    ? Option.none()
    : Option.some(Duration.millis(Math.ceil(Math.max(0, Intervals.start(decision.intervals) - now))))
