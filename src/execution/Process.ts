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
import { Recent } from "./Recent.js"

export interface Process {
  /** The name of its clock in evidence, which no other process has. */
  readonly clock: string
  readonly now: Effect.Effect<Moment>
  /** A name for one create. The first one of a request that is meant to be sent bears the name of the intent. */
  readonly newId: (request?: string) => string
  /** A name for a create that is meant to be sent, by the fingerprint of its request. */
  readonly intend: (request: string) => string
  /** How far the provider's clock is ahead of it, by the latest good answer about any payout. */
  readonly offset: () => Offset | undefined
  /** Takes note of what one answer says of that. */
  readonly measure: (offset: Offset) => void
  /** How long after it was sent a create may still be carried out, in milliseconds. */
  readonly horizon: number
}

/** How many intents are remembered. A create whose intent is forgotten counts beside it: too much, and never too little. */
const intentsMax = 10_000

export const make = Effect.fnUntraced(function* (horizon: Duration.Duration) {
  const words = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 2)
  const made = yield* Clock.currentTimeNanos
  const clock = [made, ...words].map((word) => word.toString(36)).join("-")
  let origin: { readonly millis: number; readonly nanos: bigint } | undefined
  let offset: Offset | undefined
  let creates = 0
  const next = () => `${clock}/${++creates}`
  const intents = new Recent<string>(intentsMax)
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
    newId: (request) => (request === undefined ? undefined : intents.delete(request)) ?? next(),
    intend: (request) => {
      const id = next()
      intents.set(request, id)
      return id
    },
    horizon: Duration.toMillis(horizon)
  }
  return process
})

// The quicker the answer, the better; and if they contradict each other, one of the clocks was set.
const isBetter = (next: Offset, known: Offset): boolean =>
  next.max - next.min <= known.max - known.min || next.min > known.max || next.max < known.min
