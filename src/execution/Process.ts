/**
 * This process's identity in evidence: its clock, and the ids of its creates. The clock takes the wall time once, at
 * first use, and then follows the monotonic clock, so it never jumps. The provider's answers measure its offset.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Random from "effect/Random"
import type { Moment, Offset } from "../domain/Exposure.js"
import type { AttemptEnded } from "./AttemptFeed.js"
import { BoundedMap } from "./BoundedMap.js"

export interface Process {
  /** The name of this process's clock in evidence. It is unique to the process. */
  readonly clock: string
  readonly now: Effect.Effect<Moment>
  /**
   * An id for one create that is sent at `at`. The first create of an intended request gets the id of its intent, if it
   * is not too late. An intent that is over stays, so that nothing is sent until there is another one.
   */
  readonly newId: (request?: string, at?: number) => Intent
  /** Keeps an intent for the next create, because the one that took it was not sent. */
  readonly giveBack: (intent: Intent, request?: string) => void
  /** An id for an intended create, by the fingerprint of its request. The create must be sent by `until`. */
  readonly intend: (request: string, until: number) => string
  /** How far the provider's clock is ahead of this one, from the best answer about any payout. */
  readonly offset: () => Offset | undefined
  /** Records the offset that one answer shows. */
  readonly measure: (offset: Offset) => void
  /** Tells listeners of an attempt whose end, and what follows, is known. */
  readonly tell: (ended: AttemptEnded) => void
  /** The arrival horizon in milliseconds: how long after it was sent a create may still be carried out. */
  readonly horizon: number
}

/** The id of a create, and until when it may be sent, in epoch milliseconds. */
export interface Intent {
  readonly id: string
  readonly until: number
}

/** How many intents are remembered. A create counts beside its forgotten intent: too much, and never too little. */
const intentsMax = 10_000

export const make = Effect.fnUntraced(function* (
  horizon: Duration.Duration,
  tell: (ended: AttemptEnded) => void = constVoid
) {
  const words = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 2)
  const made = yield* Clock.currentTimeNanos
  const clock = [made, ...words].map((word) => word.toString(36)).join("-")
  let origin: { readonly millis: number; readonly nanos: bigint } | undefined
  let offset: Offset | undefined
  let creates = 0
  const next = () => `${clock}/${++creates}`
  const intents = new BoundedMap<Intent>(intentsMax)
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
    newId: (request, at = -Infinity) => {
      const intent = request === undefined ? undefined : intents.get(request)
      if (intent === undefined) return { id: next(), until: Infinity }
      if (request !== undefined && at <= intent.until) intents.delete(request)
      return intent
    },
    giveBack: (intent, request) => {
      if (request === undefined || intent.until === Infinity) return
      if (intents.get(request) === undefined) intents.set(request, intent)
    },
    intend: (request, until) => {
      const id = next()
      intents.set(request, { id, until })
      return id
    },
    tell,
    horizon: Duration.toMillis(horizon)
  }
  return process
})

// The quicker the answer, the narrower the offset. If two contradict each other, one clock was set: the newer counts.
const isBetter = (next: Offset, known: Offset): boolean =>
  next.max - next.min <= known.max - known.min || next.min > known.max || next.max < known.min
