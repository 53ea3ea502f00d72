/**
 * Turns at an action with a limit per second, first come, first served. A fiber that leaves early, by an interruption
 * or a deadline, takes no turn, and the next one moves up.
 *
 * Only the first in the queue has a timer. Effect's `RateLimiter` and `Semaphore` wake all waiting fibers at each
 * release.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Process } from "./Process.js"

/** Waits for the next turn, and takes it. */
export const make = ({ now }: Pick<Process, "now">, perSecond: number): Effect.Effect<void> => {
  const interval = 1000 / perSecond
  const queue = new Set<Deferred.Deferred<void>>()
  let free = -Infinity

  const moveUp = () => {
    for (const first of queue) return Deferred.unsafeDone(first, Effect.void)
  }

  const enter = Effect.sync(() => {
    const place = Deferred.unsafeMake<void>(FiberId.none)
    queue.add(place)
    moveUp()
    return place
  })

  const take = Effect.gen(function* () {
    const { at } = yield* now
    if (at < free) yield* Effect.sleep(Duration.millis(free - at))
    free = Math.max(free, (yield* now).at) + interval
  })

  return Effect.acquireUseRelease(
    enter,
    (place) => Effect.zipRight(Deferred.await(place), take),
    (place) =>
      Effect.sync(() => {
        queue.delete(place)
        moveUp()
      })
  )
}
