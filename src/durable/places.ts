/**
 * How many payouts of one process may be between their intent and the answer to their create. More would wait for the
 * provider's request limits until their intents are over, and would take new ones again and again.
 *
 * Thousands may wait, so each free place wakes one of them, in turn. Effect's `Semaphore` wakes all at each release, and
 * each keeps a frame of every wake in vain: 3,000 that waited took 3 GB, and the process lost its locks.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** At the documented 10 creates per second, the last of them waits for 10 seconds. */
const placesMax = 100

/** The longest time that one payout keeps its place. An engine that stalls must not hold up the other payouts. */
export const placeMax: Duration.Duration = Duration.minutes(2)

/** Runs an effect in a place of its own. */
export type InPlace = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export const make = (count: number = placesMax): InPlace => {
  let free = count
  const line = new Set<Deferred.Deferred<void>>()

  const leave = Effect.sync(() => {
    for (const next of line) {
      line.delete(next)
      return Deferred.unsafeDone(next, Effect.void)
    }
    free += 1
  })

  const enter = (restore: InPlace): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (free > 0) {
        free -= 1
        return Effect.void
      }
      const turn = Deferred.unsafeMake<void>(FiberId.none)
      line.add(turn)
      // The turn and an interruption may meet. Then the place goes to the next one.
      return Effect.onExit(restore(Deferred.await(turn)), (exit) =>
        Effect.suspend(() => (Exit.isSuccess(exit) || line.delete(turn) ? Effect.void : leave))
      )
    })

  return (self) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* enter(restore)
        const giveBack = yield* Effect.cached(leave)
        const timer = yield* Effect.fork(Effect.interruptible(Effect.delay(giveBack, placeMax)))
        return yield* Effect.ensuring(restore(self), Effect.zipRight(Fiber.interrupt(timer), giveBack))
      })
    )
}
