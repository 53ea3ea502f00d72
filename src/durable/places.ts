/**
 * How many payouts of one process may be between their intent and the answer to their create. More would wait for the
 * provider's request limits until their intents are over, and would take new ones again and again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** At the documented 10 creates per second, the last of them waits for 10 seconds. */
const placesMax = 100

/** The longest time that one payout keeps its place. An engine that stalls must not hold up the other payouts. */
export const placeMax: Duration.Duration = Duration.minutes(2)

/** Runs an effect in a place of its own. */
export type InPlace = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export const make = (count: number = placesMax): InPlace => {
  const places = Effect.unsafeMakeSemaphore(count)
  return (self) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(places.take(1))
        const giveBack = yield* Effect.cached(places.release(1))
        const timer = yield* Effect.fork(Effect.interruptible(Effect.delay(giveBack, placeMax)))
        return yield* Effect.ensuring(restore(self), Effect.zipRight(Fiber.interrupt(timer), giveBack))
      })
    )
}
