/**
 * Many payouts at once: a fixed number of workers share one stream of requests and emit results in completion order. It
 * does what `Stream.mapEffect` does, without a fiber, a latch and a queue turn for each element.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** How many requests are under way at once, by default. */
export const concurrencyDefault = 16

/** How many results wait for the consumer, in addition to one held by each worker. */
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
  Number.isSafeInteger(concurrency) && concurrency >= 1
    ? Stream.unwrapScoped(hire(requests, concurrency, work))
    : Stream.die(new Cause.IllegalArgumentException(`concurrency must be an integer of 1 or more: ${concurrency}`))

const hire = Effect.fnUntraced(function* <A, B, E, R>(
  requests: Stream.Stream<A, E, R>,
  concurrency: number,
  work: (request: A) => Effect.Effect<B>
) {
  // Scopes close in reverse order, so the workers end before the stream that they pull is closed.
  const pull = yield* Stream.toPull(requests)
  const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)
  const results = yield* Mailbox.make<B, E>(waitingMax)
  const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())<R>()

  let pulled: Iterator<A> = Chunk.empty<A>()[Symbol.iterator]()
  let hired = 0
  let underWay = 0
  /** How the stream of requests ended. */
  let ended: Exit.Exit<void, E> | undefined
  /** The causes of `work` that died. */
  let died: Exit.Exit<void> = Exit.void

  const isOver = () => ended !== undefined || Exit.isFailure(died)

  const pullMore = Effect.matchCause(pull, {
    onSuccess: (chunk) => {
      pulled = chunk[Symbol.iterator]()
    },
    onFailure: (cause) => {
      ended = Option.match(Cause.flipCauseOption(cause), { onNone: () => Exit.void, onSome: Exit.failCause })
    }
  })

  const take = (otherwise: Effect.Effect<Option.Option<A>, never, R>): Effect.Effect<Option.Option<A>, never, R> =>
    Effect.suspend(() => {
      if (isOver()) return Effect.succeedNone
      const next = pulled.next()
      if (next.done === true) return otherwise
      underWay += 1
      return Effect.succeedSome(next.value)
    })

  // One worker pulls at a time, and the others wait for their turn. No worker waits while pulled requests are left.
  const takeOrPull = take(Effect.suspend(() => Effect.zipRight(pullMore, takeOrPull)))
  const takeNext = take(alone(takeOrPull))

  const worker: Effect.Effect<void, never, R> = Effect.gen(function* () {
    for (let next = yield* takeNext; Option.isSome(next); next = yield* takeNext) {
      const request = next.value
      // A worker that takes a request starts the next worker, so that one always waits for the next request.
      if (hired < concurrency) hireOne()
      const exit = yield* Effect.exit(Effect.suspend(() => work(request)))
      if (Exit.isSuccess(exit)) yield* results.offer(exit.value)
      else died = Exit.zipParRight(exit, died)
      underWay -= 1
    }
    // Do not wait for a worker that pulls: the requests may never end. A failure of the stream must not hide a `work`
    // that died.
    if (underWay === 0) results.unsafeDone(ended === undefined || Exit.isFailure(died) ? died : ended)
  })

  // Each begins with the FiberRefs of the consumer. Workers that fork each other would hold those of all before them.
  const hireOne = () => {
    hired += 1
    run(worker, { immediate: false })
  }

  hireOne()
  return Mailbox.toStream(results)
})
