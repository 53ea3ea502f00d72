import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Cause, Effect, Exit, Fiber, Option, TestClock } from "effect"
import * as places from "../../src/durable/places.js"

/** Starts so many that stay until they are interrupted, and says how many are inside. */
const stay = (inPlace: places.InPlace, count: number, inside: { now: number }) =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.fork(
      inPlace(
        Effect.ensuring(
          Effect.zipRight(
            Effect.sync(() => inside.now++),
            Effect.never
          ),
          Effect.sync(() => inside.now--)
        )
      )
    )
  )

describe("Places of durable payouts", () => {
  it.effect("are so many, and are free again when a payout ends or is interrupted", () =>
    Effect.gen(function* () {
      const [inside, inPlace] = [{ now: 0 }, places.make(2)]
      const [first, second, third] = yield* stay(inPlace, 3, inside)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inside.now, 2)
      yield* Fiber.interrupt(first!)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inside.now, 2, "the third came in")
      yield* Fiber.interruptAll([second!, third!])
      assert.strictEqual(yield* inPlace(Effect.succeed("in")), "in")
    })
  )

  it.effect("are left by one that is interrupted while it waits", () =>
    Effect.gen(function* () {
      const [inside, inPlace] = [{ now: 0 }, places.make(1)]
      const [first, second] = yield* stay(inPlace, 2, inside)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(second!)
      yield* Fiber.interrupt(first!)
      const [third] = yield* stay(inPlace, 2, inside)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inside.now, 1, "one place, and no more")
      yield* Fiber.interrupt(third!)
    })
  )

  it.effect("wake nobody but the next one, in turn, so a long wait takes up no more than a short one", () =>
    Effect.gen(function* () {
      const inPlace = places.make(1)
      const order: Array<number> = []
      const [stalled] = yield* stay(inPlace, 1, { now: 0 })
      const work = (index: number) =>
        Effect.zipRight(
          Effect.sync(() => order.push(index)),
          Effect.sleep("1 second")
        )
      yield* Effect.forEach(Arr.range(0, 99), (index) => Effect.fork(inPlace(work(index))))
      const [last] = yield* stay(inPlace, 1, { now: 0 })
      yield* Fiber.interrupt(stalled!)
      for (const _ of Arr.range(1, 99)) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(order, Arr.range(0, 99))
      const exit = yield* Fiber.interrupt(last!)
      assert(Exit.isFailure(exit))
      // Each wake in vain would have left an interruption of its own.
      const left = Cause.reduce(exit.cause, 0, (count, { _tag }) =>
        Option.some(_tag === "Interrupt" ? count + 1 : count)
      )
      assert.isBelow(left, 10)
    })
  )

  it.effect("go to the next one if the turn and an interruption meet", () =>
    Effect.gen(function* () {
      const inPlace = places.make(1)
      const [first, second] = yield* stay(inPlace, 2, { now: 0 })
      yield* TestClock.adjust("1 second")
      yield* Effect.all([Fiber.interruptFork(first!), Fiber.interruptFork(second!)])
      assert.strictEqual(yield* inPlace(Effect.succeed("in")), "in")
    })
  )

  it.effect("are given to the next one if a payout stalls, once", () =>
    Effect.gen(function* () {
      const [inside, inPlace] = [{ now: 0 }, places.make(1)]
      const [stalled] = yield* stay(inPlace, 2, inside)
      yield* TestClock.adjust(places.placeMax)
      assert.strictEqual(inside.now, 2)
      yield* Fiber.interrupt(stalled!)
      yield* stay(inPlace, 1, inside)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inside.now, 1, "the stalled one gave its place back before")
    })
  )
})
