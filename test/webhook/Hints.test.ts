import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Exit, Fiber, Queue, Scope, TestClock } from "effect"
import { Hint } from "../../src/domain/Hint.js"
import * as Hints from "../../src/webhook/Hints.js"

const hint = (id: string, ...references: ReadonlyArray<string>) =>
  new Hint({ id, timestamp: DateTime.unsafeMake(0), references })

const withHints = Effect.provide(Hints.layer)

const heard = (queue: Queue.Dequeue<Hint>) => Effect.map(Queue.takeAll(queue), (all) => [...all].map(({ id }) => id))

describe("Hints", () => {
  it.scoped("reach whoever listens for one of their references, and nobody else", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const byHandle = yield* hints.subscribe(["p-1"])
      const byEither = yield* hints.subscribe(["p-1", "c-1"])
      const byCustomer = yield* hints.subscribe(["c-1"])
      const byAnother = yield* hints.subscribe(["p-2"])
      yield* hints.publish(hint("w-1", "t-1", "p-1"))
      assert.deepStrictEqual(yield* Effect.forEach([byHandle, byEither, byCustomer, byAnother], heard), [
        ["w-1"],
        ["w-1"],
        [],
        []
      ])
      yield* hints.publish(hint("w-2", "c-1"))
      assert.deepStrictEqual(yield* Effect.forEach([byHandle, byEither, byCustomer, byAnother], heard), [
        [],
        ["w-2"],
        ["w-2"],
        []
      ])
    }).pipe(withHints)
  )

  it.scoped("wake whoever waits", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const queue = yield* hints.subscribe(["p-1"])
      const fiber = yield* Effect.fork(Queue.take(queue))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* hints.publish(hint("w-1", "p-1"))
      assert.strictEqual((yield* Fiber.join(fiber)).id, "w-1")
    }).pipe(withHints)
  )

  it.scoped("are one reason to ask, however many there are: one is kept until it is taken", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const queue = yield* hints.subscribe(["p-1", "c-1"])
      // One that names both is one hint.
      yield* hints.publish(hint("w-0", "p-1", "c-1"))
      assert.deepStrictEqual(yield* heard(queue), ["w-0"])
      for (let index = 1; index <= 1000; index++) yield* hints.publish(hint(`w-${index}`, "p-1", "c-1"))
      assert.deepStrictEqual(yield* heard(queue), ["w-1"])
      yield* hints.publish(hint("w-1001", "p-1"))
      assert.deepStrictEqual(yield* heard(queue), ["w-1001"])
    }).pipe(withHints)
  )

  it.effect("that nobody hears are lost", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      yield* hints.publish(hint("w-1", "p-1"))
      yield* hints.publish(hint("w-2"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const queue = yield* hints.subscribe(["p-1"])
          assert.deepStrictEqual(yield* heard(queue), [])
        })
      )
    }).pipe(withHints)
  )

  it.effect("reach nobody who has left, and everybody who has not", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const [short, long] = [yield* Scope.make(), yield* Scope.make()]
      const left = yield* Scope.extend(hints.subscribe(["p-1"]), short)
      const stays = yield* Scope.extend(hints.subscribe(["p-1"]), long)
      yield* Scope.close(short, Exit.void)
      yield* hints.publish(hint("w-1", "p-1"))
      assert.isTrue(yield* Queue.isShutdown(left))
      assert.deepStrictEqual(yield* heard(stays), ["w-1"])
      yield* Scope.close(long, Exit.void)
      assert.isTrue(yield* Queue.isShutdown(stays))
    }).pipe(withHints)
  )

  it.effect("leave nothing behind of those who were interrupted while they waited", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const waiting = Effect.scoped(Effect.flatMap(hints.subscribe(["p-1"]), Queue.take))
      const fibers = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.fork(waiting))
      yield* Effect.yieldNow()
      for (const fiber of fibers.slice(1)) yield* Fiber.interrupt(fiber)
      yield* hints.publish(hint("w-1", "p-1"))
      const [first, ...others] = yield* Effect.forEach(fibers, Fiber.await)
      assert.isTrue(first !== undefined && Exit.isSuccess(first))
      assert.isTrue(others.every(Exit.isInterrupted))
    }).pipe(withHints)
  )

  it.effect("are of one layer: another one has its own", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* Hints.make, yield* Hints.make]
      const heardByOther = yield* Effect.scoped(
        Effect.gen(function* () {
          const queue = yield* other.subscribe(["p-1"])
          yield* one.publish(hint("w-1", "p-1"))
          return yield* heard(queue)
        })
      )
      assert.deepStrictEqual(heardByOther, [])
    })
  )
})
