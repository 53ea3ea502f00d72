/**
 * One exchange with the provider, from before it is sent until it is on record: marked before, so that it counts whatever
 * happens; and judged, written, counted and, where a person should hear of it, logged after.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Attempt from "../domain/Attempt.js"
import type { Reply } from "../domain/Reply.js"
import * as Telemetry from "../Telemetry.js"
import type * as Verdict from "../Verdict.js"
import * as alarm from "./alarm.js"
import type * as Plan from "./plan.js"

/** What keeps exchanges on record. */
export interface Book<Heard> {
  readonly begin: (kind: Attempt.Kind, clock: Clock.Clock) => void
  /** Says how it is to be taken, by all that is on record. */
  readonly write: (step: Plan.Step, verdict: Verdict.Verdict, reply: Reply, clock: Clock.Clock) => Heard
}

/** What came back, what it turned out to be, and how it is to be taken. */
export interface Judged<Heard> {
  readonly verdict: Verdict.Verdict
  readonly reply: Reply
  readonly heard: Heard
}

/**
 * Marks at once, so it is to be called in the fiber that sends. Between an answer and its being written there is nothing
 * that an interruption could come between. `next` is what is done with it.
 */
export const exchange = <Heard, A, E>(
  fiber: Telemetry.AnyFiber,
  book: Book<Heard>,
  handle: string,
  step: Plan.Step,
  send: Effect.Effect<Reply>,
  judge: (reply: Reply) => Verdict.Verdict,
  next: (judged: Judged<Heard>) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
  book.begin(step.kind, clock)
  return Effect.flatMap(send, (reply) => {
    const verdict = judge(reply)
    const heard = book.write(step, verdict, reply, clock)
    Telemetry.countAttempt(fiber, step.kind, verdict._tag)
    const judged = { verdict, reply, heard }
    const told = alarm.of(handle, verdict, reply)
    return told === undefined ? next(judged) : Effect.flatMap(told, () => next(judged))
  })
}
