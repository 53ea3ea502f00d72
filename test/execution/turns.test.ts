import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, FastCheck, Fiber, TestClock } from "effect"
import * as turns from "../../src/execution/turns.js"

const now = Effect.map(Clock.currentTimeMillis, (at) => ({ clock: "test", at }))

/** Somebody who comes, and leaves unless the turn has come by then. */
interface Visitor {
  readonly comes: number
  readonly stays: number
}

/** When each one's turn came, or none, at ten a second. */
const visit = (visitors: ReadonlyArray<Visitor>) =>
  Effect.gen(function* () {
    const turn = turns.make({ now }, 10)
    const fibers = yield* Effect.forEach(visitors, ({ comes, stays }) =>
      Effect.zipRight(turn, Clock.currentTimeMillis).pipe(
        Effect.timeoutOption(Duration.millis(stays)),
        Effect.delay(Duration.millis(comes)),
        Effect.fork
      )
    )
    yield* TestClock.adjust("10 minutes")
    return yield* Effect.forEach(fibers, (fiber) =>
      Effect.map(Fiber.join(fiber), (at) => (at._tag === "Some" ? at.value : -1))
    )
  })

/** The same, by a list. */
const expected = (visitors: ReadonlyArray<Visitor>): ReadonlyArray<number> => {
  let free = 0
  const order = visitors.map((one, index) => ({ ...one, index })).sort((a, b) => a.comes - b.comes || a.index - b.index)
  const turnsOf = new Map<number, number>()
  for (const { comes, index, stays } of order) {
    const at = Math.max(free, comes)
    if (at >= comes + stays) continue
    turnsOf.set(index, at)
    free = at + 100
  }
  return visitors.map((_, index) => turnsOf.get(index) ?? -1)
}

describe("Turns", () => {
  it.effect("come at once where nobody waits, and then so many a second, in the order of coming", () =>
    Effect.gen(function* () {
      const times = yield* visit(Array.from({ length: 25 }, () => ({ comes: 0, stays: 60_000 })))
      assert.deepStrictEqual(
        times,
        Array.from({ length: 25 }, (_, index) => index * 100)
      )
    })
  )

  it.effect("are not saved up while nobody comes", () =>
    Effect.gen(function* () {
      const times = yield* visit([0, 5_000, 5_001, 5_002].map((comes) => ({ comes, stays: 60_000 })))
      assert.deepStrictEqual(times, [0, 5_000, 5_100, 5_200])
    })
  )

  it.effect("are free for the next one when those before it leave, wherever they stand", () =>
    Effect.gen(function* () {
      const times = yield* visit([
        { comes: 0, stays: 60_000 },
        ...Array.from({ length: 1_000 }, () => ({ comes: 0, stays: 50 })),
        { comes: 0, stays: 60_000 }
      ])
      assert.deepStrictEqual([times[0], times.at(-1)], [0, 100])
    })
  )

  it.effect("come as by a list, whoever comes and leaves when", () =>
    Effect.gen(function* () {
      // Half a millisecond off, so that nobody leaves in the very moment in which the turn comes.
      const visitor = FastCheck.record({
        comes: FastCheck.integer({ min: 0, max: 2_000 }),
        stays: FastCheck.integer({ min: 0, max: 1_500 }).map((n) => n + 0.5)
      })
      // Who comes in the same moment has no order in a test's clock.
      const visits = FastCheck.uniqueArray(visitor, { maxLength: 40, selector: ({ comes }) => comes })
      const cases = FastCheck.sample(visits, 40)
      for (const visitors of cases) {
        const times = yield* visit(visitors)
        const start = yield* Clock.currentTimeMillis
        assert.deepStrictEqual(
          times.map((at) => (at === -1 ? -1 : at - (start - 600_000))),
          expected(visitors)
        )
      }
    })
  )

  it.effect("do not end with one who is interrupted in the moment in which the turn comes", () =>
    Effect.gen(function* () {
      const turn = turns.make({ now }, 10)
      for (const late of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
        const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(turn))
        yield* TestClock.adjust("100 millis")
        yield* Effect.replicateEffect(Effect.yieldNow(), late)
        yield* Fiber.interruptAll(fibers)
        const next = yield* Effect.fork(turn)
        yield* TestClock.adjust("300 millis")
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(next)))
      }
    })
  )
})
