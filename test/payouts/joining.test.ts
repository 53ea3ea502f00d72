/** Calls for one handle in one process: which share a conversation, and which are refused. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, TestClock } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { assertTruthful, create, exact, other, script, truth } from "./fixture.js"

describe("Calls for the same request in one process", () => {
  it.effect("share one conversation (84)", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const ends = yield* inVirtualTime(
        Effect.all(
          Array.from({ length: 5 }, () => payouts.create(requestOf())),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(new Set(ends).size, 1)
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("carry on when the first caller is interrupted, and pay once (82, 84)", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      const end = yield* inVirtualTime(Fiber.join(second))
      assert.strictEqual(end._tag, "Paid")
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("report an interrupted caller's attempts after they take over, also those that were refused (I7, 82)", () =>
    Effect.gen(function* () {
      yield* script(Script.apiError({ status: 429, code: 122 }), Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf(), { policy: exact }))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(payouts.create(requestOf(), { policy: exact }))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      const end = yield* inVirtualTime(Fiber.join(second))
      assert.deepStrictEqual(
        end.attempts.map(({ outcome }) => outcome),
        ["RateLimited", "Paid"]
      )
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("add the outstanding creates that a joining recover names", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.apiError({ status: 400, code: 135 })))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(Effect.flip(payouts.create(requestOf())))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(Effect.flip(payouts.recover(requestOf(), { outstandingCreates: 2 })))
      const end = yield* inVirtualTime(Effect.zipRight(Fiber.join(first), Fiber.join(second)))
      assert.deepStrictEqual([end.certainty, end.exposure.max], ["MayHaveMoved", 25_000])
    }).pipe(Effect.provide(layer()))
  )
})

describe("A call with other arguments in one process", () => {
  it.effect("is refused while the first call is under way, and sends nothing (86)", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const refused = yield* Effect.flip(payouts.create(requestOf({ amount: 1, destination: other })))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.differs, refused.attempts],
        ["Process", ["destination", "amount"], []]
      )
      yield* inVirtualTime(Fiber.join(first))
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is refused while the first arguments may have moved money", () =>
    Effect.gen(function* () {
      yield* script(Script.dropBeforeCommit, Script.normal)
      yield* create(requestOf(), { policy: RetryPolicy.none })
      const refused = yield* create(requestOf({ destination: other }))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.differs, refused.certainty, refused.other],
        ["Process", ["destination"], "NotMoved", { certainty: "MayHaveMoved", exposure: { min: 0, max: 12_500 } }]
      )
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is sent as soon as the first arguments have certainly not paid (I15)", () =>
    Effect.gen(function* () {
      yield* script(Script.processing())
      yield* create(requestOf())
      const { settle } = yield* Sandbox.Sandbox
      const changed = requestOf({ destination: other })
      assert.strictEqual((yield* create(changed))._tag, "HandleConflict")
      yield* settle("prize-2026-0042", Acquirer.hardDeclined("insufficient_funds"))
      assert.strictEqual((yield* create(changed))._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is refused once a lookup shows that the first arguments have paid, and says so (I10)", () =>
    Effect.gen(function* () {
      yield* script(Script.dropAfterCommit)
      yield* create(requestOf(), { policy: { ...RetryPolicy.none, elapsedMax: Duration.zero } })
      const refused = yield* create(requestOf({ destination: other }))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.certainty, refused.other],
        ["Process", "NotMoved", { certainty: "Moved", exposure: { min: 12_500, max: 12_500 } }]
      )
      const first = yield* create(requestOf())
      assert.strictEqual(first._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is sent after a hard decline, while the declined arguments are refused at once (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      const again = yield* create(requestOf())
      assert.strictEqual(again._tag, "HardDeclined")
      assert.strictEqual((yield* truth).creates, 1)
      const elsewhere = yield* create(requestOf({ destination: other }))
      assert.strictEqual(elsewhere._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )
})
