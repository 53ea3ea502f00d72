/** Many payouts at once: what `createAll` promises beyond what `create` does. */
import { assert, describe, it } from "@effect/vitest"
import {
  Array,
  Cause,
  Chunk,
  Context,
  Deferred,
  Effect,
  Either,
  Exit,
  Fiber,
  FiberId,
  FiberRef,
  Layer,
  Option,
  Schedule,
  Scope,
  Stream,
  Supervisor,
  TestClock
} from "effect"
import { BillwerkClient, Payouts, PayoutRequest, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { isMutated, requestOf } from "../support.js"
import { tracing } from "../tracing.js"

const handleOf = (number: number) => `prize-${number}`
const requestsOf = (count: number) => Array.makeBy(count, (index) => requestOf({ handle: handleOf(index) }))
const [first, second, third, fourth] = [handleOf(0), handleOf(1), handleOf(2), handleOf(3)]

/** Requests one by one, and how many were pulled. */
const counted = (count: number) => {
  const pulled: Array<string> = []
  const requests = Stream.fromIterable(requestsOf(count)).pipe(
    Stream.rechunk(1),
    Stream.tap(({ handle }) => Effect.sync(() => pulled.push(handle)))
  )
  return { pulled, requests }
}

const createAll = <E, R>(
  requests: Stream.Stream<PayoutRequest.PayoutRequest, E, R>,
  options?: Payouts.CreateAllOptions
) => Stream.unwrap(Effect.map(Payouts.Payouts, (payouts) => payouts.createAll(requests, options)))

const shown = ({ request, result }: Payouts.Result) => `${request.handle} ${Either.merge(result)._tag}`

/** The in-memory provider, with something before each create; and what came to it. */
const provider = (before: (handle: string) => Effect.Effect<void> = () => Effect.void) => {
  const seen = { begun: Array.empty<string>(), interrupted: Array.empty<string>(), underWay: 0, most: 0 }
  const watched = Layer.effect(
    BillwerkClient.BillwerkClient,
    Effect.map(BillwerkClient.BillwerkClient, (client) =>
      BillwerkClient.BillwerkClient.of({
        ...client,
        create: (request) =>
          Effect.suspend(() => {
            seen.begun.push(request.handle)
            seen.underWay += 1
            seen.most = Math.max(seen.most, seen.underWay)
            return before(request.handle)
          }).pipe(
            Effect.zipRight(client.create(request)),
            Effect.onInterrupt(() => Effect.sync(() => seen.interrupted.push(request.handle))),
            Effect.ensuring(Effect.sync(() => (seen.underWay -= 1)))
          )
      })
    )
  )
  const layer = Payouts.layer.pipe(Layer.provide(watched), Layer.provideMerge(Sandbox.layer))
  return { seen, layer }
}

/** Lets everything run that can. */
const calm = Effect.repeatN(Effect.yieldNow(), 500)

/** A gate that is opened once for each of some handles; the others pass. */
const gates = (...handles: ReadonlyArray<string>) => {
  const made = new Map(handles.map((handle) => [handle, Deferred.unsafeMake<void>(FiberId.none)] as const))
  return {
    before: (handle: string) => {
      const gate = made.get(handle)
      return gate === undefined ? Effect.void : Deferred.await(gate)
    },
    open: (handle: string) => {
      const gate = made.get(handle)
      return gate === undefined ? Effect.void : Deferred.succeed(gate, undefined)
    }
  }
}

describe("createAll", () => {
  it.effect("gives one result for each request, as they end", () => {
    const { before, open } = gates(first)
    const { layer, seen } = provider(before)
    return Effect.gen(function* () {
      const results = yield* createAll(Stream.fromIterable(requestsOf(100))).pipe(
        Stream.map(shown),
        Stream.tap((line) => (line === `${handleOf(99)} Paid` ? open(first) : Effect.void)),
        Stream.runCollect
      )
      assert.strictEqual(Chunk.unsafeLast(results), `${first} Paid`, "what takes longest comes last")
      assert.sameMembers(
        [...results],
        Array.makeBy(100, (index) => `${handleOf(index)} Paid`)
      )
      assert.strictEqual(seen.begun.length, 100)
    }).pipe(Effect.provide(layer))
  })

  it.effect("ends with no request, and with what is no request", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Stream.runCollect(createAll(Stream.empty)), Chunk.empty())
      const forged = Object.create({ handle: first })
      const results = yield* Stream.runCollect(createAll(Stream.make(forged, ...requestsOf(1))))
      assert.deepStrictEqual([...results].map(({ result }) => Either.merge(result)._tag).sort(), [
        "InvalidRequest",
        "Paid"
      ])
    }).pipe(Effect.provide(provider().layer))
  )

  it.effect("has failures among its results, and goes on", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.forHandle(second)(Script.hardDeclined()))
      const results = yield* createAll(Stream.fromIterable(requestsOf(3))).pipe(Stream.map(shown), Stream.runCollect)
      assert.sameMembers([...results], [`${first} Paid`, `${second} HardDeclined`, `${third} Paid`])
    }).pipe(Effect.provide(provider().layer))
  )

  it.effect("gives two results for a handle that comes twice, as two calls do, and pays once", () => {
    const { layer, seen } = provider()
    return Effect.gen(function* () {
      const [request, other] = [requestOf({ handle: first }), requestOf({ handle: first, amount: 1 })]
      const results = yield* createAll(Stream.make(request, request, other)).pipe(Stream.map(shown), Stream.runCollect)
      assert.sameMembers([...results], [`${first} Paid`, `${first} Paid`, `${first} HandleConflict`])
      const again = yield* createAll(Stream.make(request), { concurrency: 1 }).pipe(
        Stream.map(shown),
        Stream.runCollect
      )
      assert.deepStrictEqual([...again], [`${first} Paid`])
      assert.deepStrictEqual(seen.begun, [first])
    }).pipe(Effect.provide(layer))
  })

  it.effect("pays by the policy that it is given, each of them", () => {
    const { layer, seen } = provider()
    return Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.softDeclined())
      const policy = RetryPolicy.make({ softDeclined: Schedule.fromDelays("1 minute", "1 minute") })
      const paying = yield* Effect.fork(Stream.runCollect(createAll(Stream.fromIterable(requestsOf(3)), { policy })))
      yield* calm
      yield* TestClock.adjust("1 minute")
      yield* calm
      yield* TestClock.adjust("1 minute")
      const results = yield* Fiber.join(paying)
      assert.sameMembers(
        [...results].map(shown),
        requestsOf(3).map(({ handle }) => `${handle} SoftDeclined`)
      )
      assert.strictEqual(seen.begun.length, 9)
    }).pipe(Effect.provide(layer))
  })

  it.effect("runs in the surroundings of whoever takes the results: tracer, clock, FiberRefs and services", () => {
    const ref = FiberRef.unsafeMake("nobody")
    class Who extends Context.Tag("Who")<Who, string>() {}
    const said: Array<string> = []
    const { layer } = provider(() =>
      Effect.zipRight(
        Effect.sleep("10 seconds"),
        Effect.map(FiberRef.get(ref), (who) => said.push(who))
      )
    )
    const { spans, tracer } = tracing()
    return Effect.gen(function* () {
      const requests = Stream.fromEffect(
        Effect.map(Who, (who) => {
          said.push(who)
          return requestOf({ handle: first })
        })
      )
      const paying = yield* createAll(requests).pipe(
        Stream.runDrain,
        Effect.provideService(Who, "the consumer"),
        Effect.locally(ref, "the consumer as well"),
        Effect.withSpan("all"),
        Effect.withTracer(tracer),
        Effect.fork
      )
      yield* calm
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(paying)
      const [, span] = spans
      assert(span?.parent._tag === "Some" && span.parent.value._tag === "Span")
      assert.deepStrictEqual([span.name, span.parent.value.name], ["Payouts.create", "all"])
      assert.deepStrictEqual(said, ["the consumer", "the consumer as well"])
    }).pipe(Effect.provide(layer))
  })
})

describe("createAll and its concurrency", () => {
  const never = provider(() => Effect.never)

  for (const [concurrency, most] of [
    [undefined, 16],
    [1, 1],
    [3, 3],
    [Number.MAX_SAFE_INTEGER, 100]
  ] as const) {
    it.effect(`has no more than ${most} under way of 100, if it is ${concurrency}, and pulls no more`, () => {
      const { layer, seen } = provider(() => Effect.never)
      const { pulled, requests } = counted(100)
      return Effect.gen(function* () {
        const supervisor = yield* Supervisor.track
        const paying = yield* Stream.runDrain(createAll(Stream.concat(requests, Stream.never), { concurrency })).pipe(
          Effect.fork,
          Effect.supervised(supervisor)
        )
        yield* calm
        assert.deepStrictEqual([seen.most, seen.begun.length, pulled.length], [most, most, most])
        const fibers = yield* supervisor.value
        assert.isAtMost(fibers.length, 3 * most + 10, "however many are allowed, there are as many as have work")
        yield* Fiber.interrupt(paying)
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("goes on with the next request as soon as one ends", () => {
    const { before, open } = gates(...requestsOf(4).map(({ handle }) => handle))
    const { layer, seen } = provider(before)
    const { pulled, requests } = counted(4)
    return Effect.gen(function* () {
      const paying = yield* Effect.fork(Stream.runDrain(createAll(requests, { concurrency: 2 })))
      for (const [handle, begun] of [
        [second, 3],
        [first, 4],
        [fourth, 4]
      ] as const) {
        yield* calm
        yield* open(handle)
        yield* calm
        assert.deepStrictEqual([seen.begun.length, pulled.length], [begun, begun])
      }
      yield* open(third)
      yield* Fiber.join(paying)
      assert.strictEqual(seen.most, 2)
    }).pipe(Effect.provide(layer))
  })

  it.effect.skipIf(isMutated)("has no more than 32 results wait for a slow consumer, beside its own places", () => {
    const { layer, seen } = provider()
    const { pulled, requests } = counted(200)
    return Effect.gen(function* () {
      let taken = 0
      const paying = yield* createAll(requests, { concurrency: 4 }).pipe(
        Stream.tap(() =>
          Effect.zipRight(
            Effect.sleep("1 second"),
            Effect.sync(() => (taken += 1))
          )
        ),
        Stream.runDrain,
        Effect.fork
      )
      for (let second = 0; second < 100; second++) {
        yield* calm
        // The one that is being taken waits no more.
        assert.isAtMost(seen.begun.length - taken - 1, 32 + 4)
        assert.strictEqual(pulled.length, seen.begun.length)
        yield* TestClock.adjust("1 second")
      }
      assert.isAtLeast(taken, 99)
      yield* Fiber.interrupt(paying)
    }).pipe(Effect.provide(layer))
  })

  for (const concurrency of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it.effect(`dies of ${concurrency}, before anything is pulled`, () => {
      const { pulled, requests } = counted(1)
      return Effect.gen(function* () {
        const exit = yield* Effect.exit(Stream.runDrain(createAll(requests, { concurrency })))
        assert(Exit.isFailure(exit) && exit.cause._tag === "Die")
        assert(Cause.isIllegalArgumentException(exit.cause.defect))
        assert.strictEqual(exit.cause.defect.message, `concurrency must be an integer of 1 or more: ${concurrency}`)
        assert.deepStrictEqual(pulled, [])
      }).pipe(Effect.provide(never.layer))
    })
  }

  it.effect("takes no place for a chunk without requests", () =>
    Effect.gen(function* () {
      const requests = Stream.fromChunks(
        Chunk.empty(),
        Chunk.empty(),
        Chunk.unsafeFromArray(requestsOf(3)),
        Chunk.empty()
      )
      assert.strictEqual(yield* Stream.runCount(createAll(requests, { concurrency: 1 })), 3)
    }).pipe(Effect.provide(provider().layer))
  )

  it.effect("pulls one at a time, however many could", () => {
    const { layer } = provider()
    let pulling = 0
    return Effect.gen(function* () {
      const requests = Stream.fromIterable(requestsOf(50)).pipe(
        Stream.rechunk(1),
        Stream.tap(() =>
          Effect.gen(function* () {
            assert.strictEqual(++pulling, 1)
            yield* Effect.yieldNow()
            pulling -= 1
          })
        )
      )
      assert.strictEqual(yield* Stream.runCount(createAll(requests)), 50)
    }).pipe(Effect.provide(layer))
  })
})

describe("createAll, when something ends it", () => {
  const failure = new Error("no more requests")
  const defect = new Error("the host's client is broken")

  /** What comes out, in the order in which it does, and how it ends. */
  const watch = <E, R>(results: Stream.Stream<Payouts.Result, E, R>) => {
    const out: Array<string> = []
    const all = Stream.runForEach(results, (result) => Effect.sync(() => out.push(shown(result))))
    return { out, all }
  }

  for (const [how, end, tag] of [
    ["fails", Stream.fail(failure), "Fail"],
    ["dies", Stream.die(failure), "Die"]
  ] as const) {
    it.effect(`lets what is under way end, and then ${how} as the requests did`, () => {
      const { before, open } = gates(first, second)
      const { layer, seen } = provider(before)
      return Effect.gen(function* () {
        const { all, out } = watch(createAll(Stream.concat(Stream.fromIterable(requestsOf(3)), end)))
        const paying = yield* Effect.fork(Effect.exit(all))
        yield* calm
        assert.deepStrictEqual(out, [`${third} Paid`])
        assert.isTrue(Option.isNone(yield* Fiber.poll(paying)), "it waits")
        yield* open(second)
        yield* calm
        assert.isTrue(Option.isNone(yield* Fiber.poll(paying)), "it waits for all")
        yield* open(first)
        const exit = yield* Fiber.join(paying)
        assert.deepStrictEqual(out, [`${third} Paid`, `${second} Paid`, `${first} Paid`])
        assert.deepStrictEqual(exit, tag === "Fail" ? Exit.fail(failure) : Exit.die(failure))
        assert.deepStrictEqual(seen.interrupted, [])
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("loses no result that a slow consumer has not taken when the requests fail", () =>
    Effect.gen(function* () {
      const requests = Stream.concat(Stream.fromIterable(requestsOf(60)), Stream.fail(failure))
      const { all, out } = watch(Stream.tap(createAll(requests), () => Effect.sleep("1 second")))
      const paying = yield* Effect.fork(Effect.exit(all))
      for (let second = 0; second < 60; second++) {
        yield* calm
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(yield* Fiber.join(paying), Exit.fail(failure))
      assert.strictEqual(new Set(out).size, 60)
    }).pipe(Effect.provide(provider().layer))
  )

  for (const [what, breaks, ended] of [
    ["dies", Effect.die(defect), Cause.die(defect)],
    ["is interrupted from within", Effect.interruptible(Effect.failCause(Cause.interrupt(FiberId.none))), undefined]
  ] as const) {
    it.effect(`lets the others end when one ${what}, begins no other, and then does so as well`, () => {
      const { before, open } = gates(first)
      const { layer, seen } = provider((handle) => (handle === second ? breaks : before(handle)))
      return Effect.gen(function* () {
        const { all, out } = watch(createAll(Stream.fromIterable(requestsOf(4)), { concurrency: 2 }))
        const paying = yield* Effect.fork(Effect.exit(all))
        yield* calm
        assert.isTrue(Option.isNone(yield* Fiber.poll(paying)), "it waits")
        yield* open(first)
        const exit = yield* Fiber.join(paying)
        assert.deepStrictEqual(out, [`${first} Paid`])
        assert.deepStrictEqual(seen.begun, [first, second])
        assert(Exit.isFailure(exit))
        if (ended === undefined) assert.isTrue(Cause.isInterruptedOnly(exit.cause))
        else assert.deepStrictEqual(exit.cause, ended)
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("dies although the requests never end: it does not wait for another one", () => {
    const { layer } = provider((handle) => (handle === second ? Effect.die(defect) : Effect.void))
    let closed = false
    return Effect.gen(function* () {
      const requests = Stream.concat(Stream.fromIterable(requestsOf(2)), Stream.never).pipe(
        Stream.ensuring(Effect.sync(() => (closed = true)))
      )
      const { all, out } = watch(createAll(requests))
      assert.deepStrictEqual(yield* Effect.exit(all), Exit.die(defect))
      assert.deepStrictEqual(out, [`${first} Paid`])
      assert.isTrue(closed)
    }).pipe(Effect.provide(layer))
  })

  it.effect("ends in a consumer that cannot be interrupted", () =>
    Effect.gen(function* () {
      const all = Stream.runCount(createAll(Stream.fromIterable(requestsOf(5)), { concurrency: 2 }))
      assert.strictEqual(yield* Effect.uninterruptible(all), 5)
      yield* Effect.ensuring(Effect.void, Effect.ignore(all))
      const endless = Stream.concat(Stream.fromIterable(requestsOf(5)), Stream.never)
      const taken = yield* Effect.uninterruptible(Stream.runCount(Stream.take(createAll(endless), 2)))
      assert.strictEqual(taken, 2)
    }).pipe(Effect.provide(provider().layer))
  )

  it.effect("dies in a consumer that cannot be interrupted, although the requests never end", () => {
    const { layer } = provider((handle) => (handle === second ? Effect.die(defect) : Effect.void))
    return Effect.gen(function* () {
      const requests = Stream.concat(Stream.fromIterable(requestsOf(2)), Stream.never)
      const exit = yield* Effect.exit(Effect.uninterruptible(Stream.runDrain(createAll(requests))))
      assert.deepStrictEqual(exit, Exit.die(defect))
    }).pipe(Effect.provide(layer))
  })

  it.effect("dies, and does not only fail, when the requests fail and then a payout dies", () => {
    const { before, open } = gates(first)
    const { layer } = provider((handle) => Effect.zipRight(before(handle), Effect.die(defect)))
    return Effect.gen(function* () {
      const { all } = watch(createAll(Stream.concat(Stream.fromIterable(requestsOf(1)), Stream.fail(failure))))
      const paying = yield* Effect.fork(Effect.exit(all))
      yield* calm
      yield* open(first)
      const exit = yield* Fiber.join(paying)
      assert.deepStrictEqual(exit, Exit.die(defect))
    }).pipe(Effect.provide(layer))
  })

  for (const [how, end] of [
    [
      "stops",
      (results: Stream.Stream<Payouts.Result, never, Payouts.Payouts>) => Stream.runDrain(Stream.take(results, 1))
    ],
    [
      "is interrupted",
      (results: Stream.Stream<Payouts.Result, never, Payouts.Payouts>) =>
        Effect.gen(function* () {
          const paying = yield* Effect.fork(Stream.runDrain(results))
          yield* calm
          yield* Fiber.interrupt(paying)
        })
    ]
  ] as const) {
    it.effect(
      `interrupts what is under way when the consumer ${how}, leaves nothing behind, and asks next time`,
      () => {
        const { layer, seen } = provider((handle) => (handle === fourth ? Effect.void : Effect.never))
        const events: Array<string> = []
        return Effect.gen(function* () {
          const supervisor = yield* Supervisor.track
          const requests = Stream.fromIterable(requestsOf(50)).pipe(
            Stream.rechunk(1),
            Stream.ensuring(Effect.sync(() => events.push(`closed with ${seen.underWay} under way`)))
          )
          yield* Effect.supervised(end(createAll(requests, { concurrency: 4 })), supervisor)
          assert.deepStrictEqual(events, ["closed with 0 under way"])
          assert.deepStrictEqual([...seen.interrupted].sort(), [first, second, third, handleOf(4)])
          yield* calm
          assert.deepStrictEqual([...(yield* supervisor.value)], [])
          const begun = seen.begun.length
          yield* TestClock.adjust("1 day")
          assert.strictEqual(seen.begun.length, begun, "nothing goes on")

          const { create } = yield* Payouts.Payouts
          const next = yield* Effect.fork(create(requestOf({ handle: second })))
          yield* calm
          const sandbox = yield* Sandbox.Sandbox
          const asked = (yield* sandbox.exchanges).filter(({ handle }) => handle === second)
          assert.deepStrictEqual(
            asked.map(({ kind }) => kind),
            ["Lookup"]
          )
          yield* Fiber.interrupt(next)
        }).pipe(Effect.provide(layer))
      }
    )
  }

  it.effect("leaves nothing behind when it ends by itself, though its scope lives on", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.track
      const scope = yield* Scope.make()
      const pull = yield* Scope.extend(Stream.toPull(createAll(Stream.fromIterable(requestsOf(100)))), scope).pipe(
        Effect.supervised(supervisor)
      )
      yield* Effect.supervised(Effect.ignore(Effect.forever(pull)), supervisor)
      yield* calm
      assert.deepStrictEqual([...(yield* supervisor.value)], [])
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(provider().layer))
  )
})
