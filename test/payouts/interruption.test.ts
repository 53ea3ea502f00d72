/** What an interrupted `create` leaves on record, and what the next call makes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, TestClock } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { layer, requestOf } from "../support.js"
import { assertTruthful, create, script, story, truth } from "./fixture.js"

describe("An interrupted create", () => {
  it.effect("stays on record: the next call looks the payout up and reports the interrupted attempt (82)", () =>
    Effect.gen(function* () {
      yield* script(Script.hangAfterCommit)
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(first)
      const end = yield* create(requestOf())
      assert.deepStrictEqual(story(end), ["Create Unknown Interrupted -> Interrupted", "Lookup 200 Paid -> Succeed"])
      assert.deepStrictEqual(
        end.attempts.map(({ ordinal, took }) => [ordinal, Duration.format(took)]),
        [
          [1, "10s"],
          [2, "0"]
        ]
      )
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("loses no evidence when the interruption comes during a wait", () =>
    Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.interrupt(first)
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["Paid", { min: 12_500, max: 25_000 }])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  for (const at of [0, 1, 999, 1_000, 5_000, 59_999, 60_000, 60_001, 61_000, 119_999, 120_000, 150_000]) {
    it.effect(`leaves the next call a true exposure when the interruption comes after ${at} ms`, () =>
      Effect.gen(function* () {
        yield* script(
          Script.delayAnswer("1 minute")(Script.processingError({ moved: true })),
          Script.delayAnswer("1 second")(Script.normal),
          Script.delayAnswer("30 seconds")(Script.dropAfterCommit)
        )
        const payouts = yield* Payouts.Payouts
        const first = yield* Effect.fork(payouts.create(requestOf()))
        yield* TestClock.adjust(at)
        const exit = yield* Fiber.interrupt(first)
        assert.isTrue(Exit.isInterrupted(exit))
        const end = yield* create(requestOf())
        const { creates, moved } = yield* truth
        assert.isAtMost(moved, end.exposure.max)
        assert.isAtLeast(moved, end.exposure.min)
        assert.isAtMost(creates, end.attempts.filter(({ kind }) => kind === "Create").length)
      }).pipe(Effect.provide(layer()))
    )
  }
})
