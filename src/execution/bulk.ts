/**
 * Pays many requests of one stream at once. `Stream.mapEffect` would pull a request before there is a place for it,
 * which is then lost if the consumer stops, and costs three times as much (`bench/README.md`).
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** How many requests are under way at once, by default. */
export const concurrencyDefault = 16

/** How many results wait for the consumer, in addition to one held by each request under way. */
export const waitingMax = 16

/**
 * The results of `work` in completion order. When the stream of requests ends or fails, or `work` dies, no other
 * request begins. The results of those under way come out first.
 */
export const inBulk = <A, B, E, R>(
  requests: Stream.Stream<A, E, R>,
  concurrency: number,
  work: (request: A) => Effect.Effect<B>
): Stream.Stream<B, E, R> =>
  isConcurrency(concurrency)
    ? Stream.unwrapScoped(begin(requests, concurrency, work))
    : Stream.die(noConcurrency(concurrency))

/** Whether so many may be under way at once. */
export const isConcurrency = (concurrency: number): boolean => Number.isSafeInteger(concurrency) && concurrency >= 1

/** The defect of a call with another number. */
export const noConcurrency = (concurrency: number): Cause.IllegalArgumentException =>
  new Cause.IllegalArgumentException(`concurrency must be an integer of 1 or more: ${concurrency}`)

const begin = Effect.fnUntraced(function* <A, B, E, R>(
  requests: Stream.Stream<A, E, R>,
  concurrency: number,
  work: (request: A) => Effect.Effect<B>
) {
  // Scopes close in reverse order: the payouts under way end before the stream of requests is closed.
  const pull = yield* Stream.toPull(requests)
  const results = yield* Mailbox.make<B, E>(waitingMax)
  const underWay = yield* FiberSet.make<void>()
  const places = yield* Effect.makeSemaphore(concurrency)
  const death = yield* Deferred.make<never>()

  const carryOut = (request: A) =>
    work(request).pipe(
      Effect.flatMap((result) => results.offer(result)),
      Effect.zipRight(places.release(1)),
      Effect.catchAllCause((cause) => Deferred.failCause(death, cause)),
      Effect.asVoid
    )
  // More requests are pulled when there is a place for one. The stream decides how many come at once.
  const pullMore = places.withPermits(1)(pull)
  const run = Effect.gen(function* () {
    const fork = yield* FiberSet.runtime(underWay)<R>()
    const start = (request: A) => Effect.map(places.take(1), () => fork(carryOut(request)))
    const startAll = Effect.forever(Effect.flatMap(pullMore, Effect.forEach(start, { discard: true })))
    // The requests may never end, so a death does not wait for the next one.
    const cause = yield* Effect.raceFirst(startAll, Deferred.await(death)).pipe(Effect.sandbox, Effect.flip)
    yield* FiberSet.awaitEmpty(underWay)
    const requestsEnded = Option.match(Cause.flipCauseOption(cause), {
      onNone: () => Effect.void,
      onSome: Effect.failCause
    })
    const end = Option.getOrElse(yield* Deferred.poll(death), () => requestsEnded)
    yield* results.done(yield* Effect.exit(end))
  })
  // In an uninterruptible consumer, a race would wait for its loser.
  yield* Effect.forkScoped(Effect.interruptible(run))
  return Mailbox.toStream(results)
})
