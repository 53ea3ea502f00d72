/** Payouts at the provider's request limits, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Clock, Duration, Effect, Either, Exit, Fiber, Layer, Schedule, Stream } from "effect"
import { BillwerkClient, type Exposure, Payouts, PollPolicy, RequestLimits, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { VirtualTime } from "../proof/simulation/VirtualTime.js"
import { anotherProcess, requestOf } from "../support.js"

const services = (options: Sandbox.Options = {}, payouts: Payouts.Options = {}) =>
  Layer.provideMerge(
    Payouts.layerWith(payouts),
    Sandbox.layerWith({ limits: RequestLimits.documented, latency: "400 millis", ...options })
  )

type Services = Layer.Layer.Success<ReturnType<typeof services>>

const run = <A, E>(test: Effect.Effect<A, E, Services>, layer = services()): A => {
  const time = new VirtualTime()
  const exit = time.runExit(Effect.provide(test, layer))
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  assert.strictEqual(time.pending, 0, "no timer is left")
  return exit.value
}

const requests = (count: number, prefix = "prize") =>
  Stream.range(1, count).pipe(Stream.map((n) => requestOf({ handle: `${prefix}-${n}` })))

const exchanges = Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges)

/** Pays so many, and says how it went. */
const payAll = (count: number, concurrency: number) =>
  Effect.gen(function* () {
    const { createAll } = yield* Payouts.Payouts
    const start = yield* Clock.currentTimeMillis
    const results = yield* Stream.runCollect(createAll(requests(count), { concurrency }))
    const ends = Chunk.toReadonlyArray(results).map(({ result }) => Either.merge(result)._tag)
    return {
      paid: ends.filter((end) => end === "Paid").length,
      exchanges: (yield* exchanges).length,
      seconds: ((yield* Clock.currentTimeMillis) - start) / 1000
    }
  })

describe("A run of payouts at the documented limits", () => {
  for (const concurrency of [1, 16, 64, 256]) {
    it(`pays all with one exchange each, as fast as the provider allows, ${concurrency} at once`, () => {
      const { exchanges, paid, seconds } = run(payAll(600, concurrency))
      assert.deepStrictEqual([paid, exchanges], [600, 600])
      // One at a time, each waits for the answer before.
      const ideal = Math.max((600 - 25) / 10 + 0.4, (600 * 0.4) / Math.min(concurrency, 10))
      assert.isAtMost(seconds, ideal * 1.03)
    })
  }

  it("pays all if another program takes half of the writes, with nine tenths of what is left", () => {
    const { foreign, paid, seconds } = run(
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const client = yield* BillwerkClient.BillwerkClient
        let foreign = 0
        const other = Effect.forever(
          Effect.zipRight(
            Effect.fork(Effect.suspend(() => client.create(requestOf({ handle: `other-${foreign++}` })))),
            Effect.sleep("200 millis")
          )
        )
        const fiber = yield* Effect.fork(other)
        const done = yield* payAll(600, 64)
        yield* Fiber.interrupt(fiber)
        const ledger = yield* sandbox.ledger
        const taken = Array.from({ length: foreign }, (_, n) => (Ledger.moved(ledger, `other-${n}`) > 0 ? 1 : 0))
        return { ...done, foreign: taken.reduce<number>((sum, one) => sum + one, 0) }
      })
    )
    assert.strictEqual(paid, 600)
    const left = 10 * seconds + 25 - foreign
    assert.isAtLeast(600 / left, 0.9)
  })

  it("ends none as RateLimited while the provider refuses everything for ten seconds", () => {
    const { exchanges, paid } = run(
      Effect.gen(function* () {
        const { always, clear } = yield* Sandbox.Sandbox
        yield* Effect.fork(
          Effect.gen(function* () {
            yield* Effect.sleep("10 seconds")
            yield* always(Script.apiError({ status: 429, code: 122 }))
            yield* Effect.sleep("10 seconds")
            yield* clear
          })
        )
        return yield* payAll(400, 64)
      })
    )
    assert.strictEqual(paid, 400)
    // There were refusals, and few: nobody asks at full pace while all are refused.
    assert.isAbove(exchanges, 405)
    assert.isAtMost(exchanges, 480)
  })
})

describe("What has begun", () => {
  it("is finished before new payouts begin", () =>
    run(
      Effect.gen(function* () {
        const { createAll } = yield* Payouts.Payouts
        const { script } = yield* Sandbox.Sandbox
        // The first is lost on its way: it is looked up, found missing, and sent again.
        yield* script(Script.dropBeforeCommit)
        const results = yield* Stream.runCollect(createAll(requests(200), { concurrency: 100 }))
        assert.isTrue(Chunk.every(results, ({ result }) => Either.isRight(result)))
        const all = yield* exchanges
        const creates = all.filter(({ kind }) => kind === "Create").map(({ handle }) => handle)
        const again = creates.lastIndexOf("prize-1")
        // Behind what the burst let out, and not behind the hundred that wait.
        assert.isAbove(again, 0)
        assert.isAtMost(again, 30)
      })
    ))
})

describe("A payout that waits for its turn", () => {
  const busy = Effect.flatMap(Payouts.Payouts, ({ createAll }) =>
    Effect.fork(Stream.runDrain(createAll(requests(100), { concurrency: 100 })))
  )

  it("sends nothing if it is interrupted, and the next call does not ask first", () =>
    run(
      Effect.gen(function* () {
        const { create } = yield* Payouts.Payouts
        yield* busy
        yield* Effect.sleep("1 second")
        const late = yield* Effect.fork(create(requestOf({ handle: "late" })))
        yield* Effect.sleep("1 second")
        yield* Fiber.interrupt(late)
        const end = yield* create(requestOf({ handle: "late" }))
        assert.deepStrictEqual(
          end.attempts.map(({ kind }) => kind),
          ["Create"]
        )
        const sent = (yield* exchanges).filter(({ handle }) => handle === "late")
        assert.strictEqual(sent.length, 1)
      })
    ))

  it("has the wait on record, and not in its deadline", () =>
    run(
      Effect.gen(function* () {
        const { create } = yield* Payouts.Payouts
        const { script } = yield* Sandbox.Sandbox
        yield* busy
        yield* Effect.sleep("1 second")
        // A create and a lookup may take two minutes in all, and the turn comes after seven seconds.
        const policy = RetryPolicy.make({ elapsedMax: "121 seconds" })
        yield* script(Script.forHandle("late")(Script.dropBeforeCommit))
        const end = yield* create(requestOf({ handle: "late" }), { policy })
        assert.strictEqual(end._tag, "Paid")
        const [first, second] = end.attempts
        assert.isAtLeast(Duration.toSeconds(first?.queued ?? Duration.zero), 5)
        assert.deepStrictEqual([second?.kind, second?.queued], ["Lookup", undefined])
      })
    ))

  it("waits beside lookups that wait for their end, and is not held up by them", () =>
    run(
      Effect.gen(function* () {
        const { awaitFinal, create } = yield* Payouts.Payouts
        const accepted = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => requestOf({ handle: `slow-${n}` })),
          (request) => create(request)
        )
        const waits = yield* Effect.forEach(accepted, (one) =>
          Effect.fork(awaitFinal(one, PollPolicy.make({ schedule: Schedule.spaced("1 second"), deadline: "1 minute" })))
        )
        yield* Effect.sleep("10 seconds")
        const lookups = (yield* exchanges).filter(({ kind }) => kind === "Lookup").length
        assert.isAtLeast(lookups, 100)
        const start = yield* Clock.currentTimeMillis
        yield* create(requestOf())
        assert.isAtMost((yield* Clock.currentTimeMillis) - start, 1_000)
        yield* Fiber.interruptAll(waits)
      }),
      services({ outcome: Acquirer.processing() })
    ))
})

describe("Intended creates that wait for their turn", () => {
  it("are not sent once the intent is over, and are again with a new one", () =>
    run(
      Effect.gen(function* () {
        const { create, createAll, intend } = yield* Payouts.Payouts
        const late = requestOf({ handle: "late" })
        yield* Effect.fork(Stream.runDrain(createAll(requests(1_000), { concurrency: 1_000 })))
        yield* Effect.sleep("1 second")
        yield* intend(late)
        const error = yield* Effect.flip(create(late, { policy: RetryPolicy.none }))
        assert.deepStrictEqual([error._tag, error.certainty], ["CommunicationError", "NotMoved"])
        assert.include(error.message, "its intent was over: take a new one with intend")
        const again = yield* Effect.flip(create(late, { policy: RetryPolicy.none }))
        assert.strictEqual(again.certainty, "NotMoved")
        assert.isFalse((yield* exchanges).some(({ handle }) => handle === "late"))
        yield* intend(late)
        assert.strictEqual((yield* create(late, { policy: RetryPolicy.none }))._tag, "Paid")
      })
    ))
})

describe("Intended creates whose evidence is stored before they are sent", () => {
  /** How a create ends that was intended within 5 seconds, and how often it was sent. */
  const endOf = (beforeCreate: Payouts.Options["beforeCreate"], policy = RetryPolicy.none) =>
    run(
      Effect.gen(function* () {
        const { create, intend } = yield* Payouts.Payouts
        yield* intend(requestOf(), { within: "5 seconds" })
        const end = yield* Effect.merge(create(requestOf(), { policy }))
        return [end._tag, "certainty" in end ? end.certainty : undefined, (yield* exchanges).length]
      }),
      services({}, { beforeCreate })
    )

  it("are not sent if storing takes longer than the intent holds", () => {
    assert.deepStrictEqual(
      endOf(() => Effect.sleep("6 seconds")),
      ["CommunicationError", "NotMoved", 0]
    )
  })

  it("are sent after the intent by no policy, if the first one was not sent", () => {
    let runs = 0
    // The fifth time is after 5.6 to 8.4 seconds.
    const end = endOf(() => (++runs < 5 ? Effect.fail("the disk is full") : Effect.void), RetryPolicy.standard)
    assert.deepStrictEqual([end, runs > 4], [["CommunicationError", "NotMoved", 0], true])
  })

  it("are stored with the latest time at which they can be sent, and known with the time at which they were", () => {
    const stored: Array<Exposure.Evidence> = []
    const evidence = run(
      Effect.gen(function* () {
        const { create } = yield* Payouts.Payouts
        const { script } = yield* Sandbox.Sandbox
        yield* script(Script.dropBeforeCommit)
        const error = yield* Effect.flip(create(requestOf(), { policy: RetryPolicy.none }))
        return "evidence" in error ? error.evidence : undefined
      }),
      services(
        {},
        {
          beforeCreate: (one) =>
            Effect.zipRight(
              Effect.sync(() => stored.push(one)),
              Effect.sleep("3 seconds")
            )
        }
      )
    )
    const [before] = stored[0]?.creates ?? []
    const [after] = evidence?.creates ?? []
    assert(before?.from !== undefined && after !== undefined)
    assert.deepStrictEqual(
      [before.to, after.from, after.to].map((at) => (at ?? NaN) - (before.from ?? NaN)),
      [10_000, 3_000, 3_000]
    )
  })
})

describe("The hook before each create", () => {
  it("has all creates so far and the next one, each time before it is sent", () => {
    const stored: Array<Exposure.Evidence> = []
    run(
      Effect.gen(function* () {
        const { create } = yield* Payouts.Payouts
        const { script } = yield* Sandbox.Sandbox
        yield* script(Script.dropBeforeCommit)
        yield* create(requestOf())
        const sent = (yield* exchanges)
          .filter(({ kind }) => kind === "Create")
          .map(({ started }) => started.epochMillis)
        assert.deepStrictEqual(
          stored.map(({ creates }) => creates.map(({ from }) => from)),
          [sent.slice(0, 1), sent]
        )
      }),
      services({}, { beforeCreate: (evidence) => Effect.sync(() => void stored.push(evidence)) })
    )
  })

  it("makes what is stored enough for another process to carry on, and to know that nothing moved", () => {
    let stored: Exposure.Evidence | undefined
    run(
      Effect.gen(function* () {
        const { create } = yield* Payouts.Payouts
        const { script } = yield* Sandbox.Sandbox
        yield* script(Script.dropAfterCommit)
        // This process knows nothing afterwards: as if it had been killed.
        yield* Effect.exit(create(requestOf(), { policy: RetryPolicy.none }))
        const { recover } = yield* anotherProcess()
        const options = { evidence: stored, outstandingCreates: 0, policy: RetryPolicy.none }
        const error = yield* Effect.flip(recover(requestOf(), options))
        assert.deepStrictEqual([error._tag, error.certainty], ["HardDeclined", "NotMoved"])
      }),
      services(
        { outcome: Acquirer.hardDeclined() },
        {
          beforeCreate: (evidence) =>
            Effect.sync(() => {
              stored = evidence
            })
        }
      )
    )
  })

  for (const [title, hook] of [
    ["fails", Effect.fail("the disk is full")],
    ["dies", Effect.die("a bug")],
    ["hangs", Effect.never],
    ["hangs and cannot be interrupted", Effect.uninterruptible(Effect.never)]
  ] as const) {
    it(`keeps the create from being sent if it ${title}, and certainly nothing has moved`, () =>
      run(
        Effect.gen(function* () {
          const { create } = yield* Payouts.Payouts
          const error = yield* Effect.flip(create(requestOf(), { policy: RetryPolicy.none }))
          assert(error._tag === "CommunicationError")
          assert.deepStrictEqual([error.certainty, error.systemCode], ["NotMoved", "EVIDENCE"])
          assert.include(error.message, "its evidence could not be stored (beforeCreate).")
          assert.deepStrictEqual(yield* exchanges, [])
        }),
        services({}, { beforeCreate: () => hook })
      ))
  }
})
