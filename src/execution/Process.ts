/**
 * This process, as evidence knows it: its clock, and names for what it sends. The clock is the wall clock as it was when the
 * service was first used, carried on by the monotonic clock, so that it never jumps. Whether it is right is measured by the
 * provider's answers.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Moment, Offset } from "../domain/Exposure.js"

export interface Process {
  /** The name of its clock in evidence, which no other process has. */
  readonly clock: string
  readonly now: Effect.Effect<Moment>
  /** A name for one create. */
  readonly newId: () => string
  /** How far the provider's clock is ahead of it, by the latest good answer about any payout. */
  readonly offset: () => Offset | undefined
  /** Takes note of what one answer says of that. */
  readonly measure: (offset: Offset) => void
  /** How long after it was sent a create may still be carried out, in milliseconds. */
  readonly horizon: number
}

export const make = Effect.fnUntraced(function* (horizon: Duration.Duration) {
  const words = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 2)
  const made = yield* Clock.currentTimeNanos
  const clock = [made, ...words].map((word) => word.toString(36)).join("-")
  let origin: { readonly millis: number; readonly nanos: bigint } | undefined
  let offset: Offset | undefined
  let creates = 0
  const process: Process = {
    clock,
    now: Effect.clockWith((source) =>
      Effect.sync(() => {
        const nanos = source.unsafeCurrentTimeNanos()
        origin ??= { millis: source.unsafeCurrentTimeMillis(), nanos }
        return { clock, at: origin.millis + Number(nanos - origin.nanos) / 1e6 }
      })
    ),
    offset: () => offset,
    measure: (next) => {
      offset = offset === undefined || isBetter(next, offset) ? next : offset
    },
    newId: () => `${clock}/${++creates}`,
    horizon: Duration.toMillis(horizon)
  }
  return process
})

// The quicker the answer, the better; and if they contradict each other, one of the clocks was set.
const isBetter = (next: Offset, known: Offset): boolean =>
  next.max - next.min <= known.max - known.min || next.min > known.max || next.max < known.min
