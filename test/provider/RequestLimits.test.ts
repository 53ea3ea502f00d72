/** The client's request limits, in virtual time: who waits for how long, and what an answer changes. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Exit, FastCheck, Fiber } from "effect"
import { type Attempt, type Reply, RequestLimits } from "effect-billwerk-payouts"
import { VirtualTime } from "../proof/simulation/VirtualTime.js"

type Limits = RequestLimits.RequestLimits["Type"]

const run = <A, E>(test: Effect.Effect<A, E>): A => {
  const time = new VirtualTime(0)
  const exit = time.runExit(test)
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  assert.strictEqual(time.pending, 0, "no timer is left")
  return exit.value
}

const roomy: RequestLimits.Limit = { rate: 1e6, burst: 1e6, concurrent: 1e6 }
const writesOf = (writes: RequestLimits.Limit) => RequestLimits.make({ reads: roomy, writes })

const ok: Reply.Reply = { _tag: "Response", status: 200, body: { _tag: "Unreadable", why: "a test" } }
const refused = (code: number, retryAfter?: Duration.Duration): Reply.Reply => ({
  _tag: "Response",
  status: 429,
  retryAfter,
  body: { _tag: "ApiError", code }
})

/** One exchange: when it began, and for how long it had waited. */
const exchange = (
  limits: Limits,
  {
    answer = ok,
    kind = "Create",
    takes = 0,
    urgency = "New"
  }: {
    readonly answer?: Reply.Reply
    readonly kind?: Attempt.Kind
    readonly takes?: number
    readonly urgency?: RequestLimits.Urgency
  } = {}
) =>
  limits.withTurn(kind, urgency, (turn) =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      yield* Effect.sleep(Duration.millis(takes))
      turn.answered(answer)
      return { at, waited: Duration.toMillis(turn.waited) }
    })
  )

const many = (count: number, one: Effect.Effect<{ readonly at: number }>) =>
  Effect.map(
    Effect.all(
      Array.from({ length: count }, () => one),
      { concurrency: "unbounded" }
    ),
    (all) => all.map(({ at }) => at)
  )

describe("Request limits", () => {
  it("let a burst through at once, and then so many a second, in the order of coming", () => {
    const times = run(
      Effect.flatMap(writesOf({ rate: 10, burst: 5, concurrent: 100 }), (limits) => many(10, exchange(limits)))
    )
    assert.deepStrictEqual(times, [0, 0, 0, 0, 0, 100, 200, 300, 400, 500])
  })

  it("save up one burst during a pause, and no more", () => {
    const times = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 3, concurrent: 100 })
        yield* Effect.sleep("1 hour")
        yield* many(3, exchange(limits))
        yield* Effect.sleep("1 hour")
        return yield* many(5, exchange(limits))
      })
    )
    assert.deepStrictEqual(
      times.map((at) => at - 7_200_000),
      [0, 0, 0, 100, 200]
    )
  })

  it("let only so many be under way at a time", () => {
    const times = run(
      Effect.flatMap(writesOf({ rate: 1000, burst: 100, concurrent: 2 }), (limits) =>
        many(6, exchange(limits, { takes: 400 }))
      )
    )
    assert.deepStrictEqual(times, [0, 0, 400, 400, 800, 800])
  })

  it("say how long an exchange waited", () => {
    const [first, second] = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 1, burst: 1, concurrent: 1 })
        return yield* Effect.all([exchange(limits), exchange(limits)], { concurrency: "unbounded" })
      })
    )
    assert.deepStrictEqual([first.waited, second.waited], [0, 1000])
  })

  it("refuse a limit with which an exchange would wait forever", () => {
    for (const writes of [
      { ...roomy, rate: 0 },
      { ...roomy, burst: 0 },
      { ...roomy, concurrent: 0 }
    ]) {
      assert.isTrue(Exit.isFailure(run(Effect.exit(writesOf(writes)))))
    }
  })

  it("are separate for reads and writes", () => {
    const times = run(
      Effect.gen(function* () {
        const one = { rate: 1, burst: 1, concurrent: 1 }
        const limits = yield* RequestLimits.make({ reads: one, writes: one })
        const pair = Effect.all([exchange(limits), exchange(limits, { kind: "Lookup" })], { concurrency: "unbounded" })
        return yield* Effect.map(pair, (both) => both.map(({ at }) => at))
      })
    )
    assert.deepStrictEqual(times, [0, 0])
  })

  it("let what has begun go before what is new", () => {
    const order: Array<string> = []
    run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 1, concurrent: 1 })
        const named = (name: string, urgency: RequestLimits.Urgency, comes: number) =>
          limits
            .withTurn("Create", urgency, () => Effect.sync(() => order.push(name)))
            .pipe(Effect.delay(Duration.millis(comes)))
        yield* Effect.all(
          [
            named("first", "New", 0),
            named("second", "New", 10),
            named("third", "New", 20),
            named("begun", "Begun", 50),
            named("begun too", "Begun", 60)
          ],
          { concurrency: "unbounded" }
        )
      })
    )
    assert.deepStrictEqual(order, ["first", "begun", "begun too", "second", "third"])
  })

  it("never let more through than the limit, and leave no turn unused", () => {
    const visitor = FastCheck.record({
      comes: FastCheck.integer({ min: 0, max: 3_000 }),
      takes: FastCheck.integer({ min: 0, max: 900 }),
      leaves: FastCheck.option(FastCheck.integer({ min: 0, max: 1_500 }), { nil: undefined }),
      urgency: FastCheck.constantFrom<RequestLimits.Urgency>("New", "Begun")
    })
    const limit = FastCheck.record({
      rate: FastCheck.constantFrom(2, 10, 40),
      burst: FastCheck.integer({ min: 1, max: 6 }),
      concurrent: FastCheck.integer({ min: 1, max: 5 })
    })
    FastCheck.assert(
      FastCheck.property(limit, FastCheck.array(visitor, { maxLength: 40 }), (limit, visitors) => {
        const spans: Array<{ readonly from: number; to: number }> = []
        const stayed = new Set<number>()
        run(
          Effect.gen(function* () {
            const limits = yield* writesOf(limit)
            yield* Effect.forEach(
              visitors,
              ({ comes, leaves, takes, urgency }, index) =>
                limits
                  .withTurn("Create", urgency, () =>
                    Effect.gen(function* () {
                      const span = { from: yield* Clock.currentTimeMillis, to: Infinity }
                      spans.push(span)
                      yield* Effect.ensuring(
                        Effect.sleep(Duration.millis(takes)),
                        Effect.map(Clock.currentTimeMillis, (to) => {
                          span.to = to
                        })
                      )
                      stayed.add(index)
                    })
                  )
                  .pipe(
                    (self) => (leaves === undefined ? self : Effect.timeoutOption(self, Duration.millis(leaves))),
                    Effect.delay(Duration.millis(comes))
                  ),
              { concurrency: "unbounded" }
            )
          })
        )
        visitors.forEach(
          ({ leaves }, index) => leaves === undefined && assert.isTrue(stayed.has(index), "it came through")
        )
        for (const { from } of spans) {
          assert.isAtMost(spans.filter((one) => one.from <= from && one.to > from).length, limit.concurrent)
          for (const window of [0, 500, 2_000]) {
            const within = spans.filter((one) => one.from >= from && one.from <= from + window).length
            assert.isAtMost(within, limit.burst + Math.floor((window / 1000) * limit.rate + 1e-6))
          }
        }
      }),
      { numRuns: 200 }
    )
  })

  it("pass the turn on of an exchange that is interrupted in the moment in which its turn comes", () =>
    run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 1, concurrent: 1 })
        for (const late of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
          const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(exchange(limits)))
          yield* Effect.sleep("100 millis")
          yield* Effect.replicateEffect(Effect.yieldNow(), late)
          yield* Fiber.interruptAll(fibers)
          const before = yield* Clock.currentTimeMillis
          const { at } = yield* exchange(limits)
          assert.isAtMost(at - before, 100)
        }
      })
    ))
})

describe("Request limits after a 429", () => {
  /** Keeps the limits busy for a while, and says how many exchanges began in each second from then on. */
  const rates = (limits: Limits, seconds: number) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const counts = Array.from({ length: seconds }, () => 0)
      const busy = Effect.forever(
        Effect.map(exchange(limits), ({ at }) => {
          const second = Math.floor((at - start) / 1000)
          counts[second] = (counts[second] ?? 0) + 1
        })
      )
      yield* Effect.timeoutOption(busy, Duration.seconds(seconds))
      return counts.slice(0, seconds)
    })

  it("slow everything down, and come back to the limit", () => {
    const counts = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 1, concurrent: 5 })
        yield* rates(limits, 5)
        for (const _ of [1, 2, 3, 4, 5]) yield* exchange(limits, { answer: refused(122) })
        return yield* rates(limits, 60)
      })
    )
    const [first = 0] = counts
    assert.isAtMost(first, 6)
    assert.isAtLeast(first, 3)
    assert.strictEqual(counts.at(-1), 10)
    // Steadily: no second has fewer than the one before, but for where the second begins.
    counts.slice(1).forEach((count, index) => assert.isAtLeast(count, (counts[index] ?? 0) - 1))
  })

  it("do not slow down again for what was under way before", () => {
    const first = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 10, concurrent: 10 })
        const late = exchange(limits, { answer: refused(122), takes: 400 })
        yield* Effect.all(
          Array.from({ length: 10 }, () => late),
          { concurrency: "unbounded" }
        )
        return (yield* rates(limits, 1))[0]
      })
    )
    assert.isAtLeast(first ?? 0, 7)
  })

  it("send as little at a time as the provider takes, after code 123, and more again later", () => {
    const [few, all] = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 1000, burst: 1000, concurrent: 3 })
        const atOnce = Effect.map(
          many(9, exchange(limits, { takes: 100 })),
          (times) => times.filter((at) => at === times[0]).length
        )
        yield* exchange(limits, { answer: refused(123) })
        yield* Effect.sleep("1 millis")
        yield* exchange(limits, { answer: refused(123) })
        const few = yield* atOnce
        yield* Effect.sleep("21 seconds")
        yield* atOnce
        yield* Effect.sleep("21 seconds")
        return [few, yield* atOnce]
      })
    )
    assert.deepStrictEqual([few, all], [1, 3])
  })

  it("pause for a Retry-After, for a minute at most", () => {
    const waits = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 10, concurrent: 10 })
        yield* exchange(limits, { answer: refused(122, Duration.seconds(7)) })
        const short = yield* exchange(limits)
        yield* exchange(limits, { answer: refused(122, Duration.hours(7)) })
        return [short.waited, (yield* exchange(limits)).waited]
      })
    )
    assert.deepStrictEqual(waits, [7_000, 60_000])
  })

  it("slow down a process that sends little, too", () => {
    const gap = run(
      Effect.gen(function* () {
        const limits = yield* writesOf({ rate: 10, burst: 5, concurrent: 10 })
        // One a second; and then others have taken all.
        for (let n = 0; n < 20; n++) yield* Effect.zipRight(exchange(limits), Effect.sleep("1 second"))
        yield* exchange(limits, { answer: refused(122) })
        const times = yield* many(2, exchange(limits))
        return (times[1] ?? 0) - (times[0] ?? 0)
      })
    )
    assert.isAtLeast(gap, 700)
  })
})
