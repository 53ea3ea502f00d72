import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Logger, Scope, TestClock } from "effect"
import * as hostCode from "../../src/host/hostCode.js"

/** `Effect.never` has a timer of its own. */
const silent = Effect.async<never>(() => {})

const minute = Duration.minutes(1)

/** What is logged while an effect runs. */
const logged = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    return Effect.map(Effect.provide(self, Logger.replace(Logger.defaultLogger, logger)), (a) => [a, lines] as const)
  })

describe("An effect of the host's", () => {
  it.effect("gives its own answer, and nothing is logged", () =>
    Effect.gen(function* () {
      const soon = () => Effect.delay(Effect.succeed("done"), "59 seconds")
      const fiber = yield* Effect.fork(logged(hostCode.bounded("It", minute, soon, "none")))
      yield* TestClock.adjust(minute)
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["done", []])
    })
  )

  it.effect("is answered for at its deadline, which is logged, and it is interrupted", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const stuck = () => Effect.onInterrupt(silent, () => Deferred.succeed(gone, undefined))
      const fiber = yield* Effect.fork(logged(hostCode.bounded("It", minute, stuck, "none")))
      yield* TestClock.adjust(minute)
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["none", ["It did not end in 1m"]])
      yield* Deferred.await(gone)
    })
  )

  it.effect("that dies is logged by the name of its defect alone", () =>
    Effect.gen(function* () {
      const named = Object.assign(new Error("ca_secret"), { name: "ca_secret" })
      for (const [defect, name] of [
        [new TypeError("ca_secret"), "TypeError"],
        [named, "object"],
        ["ca_secret", "string"]
      ] as const) {
        assert.deepStrictEqual(yield* logged(hostCode.bounded("It", minute, () => Effect.die(defect), "none")), [
          "none",
          [`It died (${name})`]
        ])
      }
    })
  )

  it.effect("is interrupted with its caller", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const gone = yield* Deferred.make<void>()
      const stuck = () =>
        Effect.zipRight(
          Deferred.succeed(begun, undefined),
          Effect.onInterrupt(silent, () => Deferred.succeed(gone, undefined))
        )
      const fiber = yield* Effect.fork(hostCode.bounded("It", minute, stuck, undefined))
      yield* Deferred.await(begun)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      yield* Deferred.await(gone)
    })
  )
})

describe("A line of the log", () => {
  it.effect("takes nothing with it if it dies, and is interrupted like everything else", () =>
    Effect.gen(function* () {
      yield* hostCode.log(Effect.die("broken"))
      const fiber = yield* Effect.fork(hostCode.log(silent))
      yield* Effect.yieldNow()
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
    })
  )
})

describe("What runs beside", () => {
  const limits = { atOnceMax: 2, deadline: minute }

  it.effect("is not waited for, until its scope closes, and then for no longer than its deadline", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const beside = yield* Scope.extend(hostCode.beside(limits), scope)
      let ended = 0
      const slow = () =>
        Effect.delay(
          Effect.sync(() => void (ended += 1)),
          "30 seconds"
        )
      yield* beside("It", slow)
      yield* beside("It", () => silent)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual([ended, (yield* Fiber.poll(closing))._tag], [1, "None"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  it.scoped("has a place again when another one has ended", () =>
    Effect.gen(function* () {
      const beside = yield* hostCode.beside(limits)
      let begun = 0
      const second = () =>
        Effect.zipRight(
          Effect.sync(() => void (begun += 1)),
          Effect.sleep("1 second")
        )
      const many = Effect.replicateEffect(beside("It", second), 3)
      const [, lines] = yield* logged(many)
      assert.deepStrictEqual(lines, ["It was not run: 2 of its kind are under way"])
      yield* TestClock.adjust("1 second")
      yield* logged(many)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(begun, 4)
    })
  )
})
