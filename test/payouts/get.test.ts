/** What `get` shows of a payout, and how it fails. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, TestClock } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { always, create, exact, handle, script } from "./fixture.js"

describe("Payouts.get", () => {
  it.effect("shows the payout as the provider has it", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const payouts = yield* Payouts.Payouts
      const payout = yield* payouts.get(requestOf().handle)
      assert.deepStrictEqual(
        [payout.handle, payout.state, payout.amount, payout.transactions.length],
        [handle, "paid", 12_500, 1]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("shows a payout as paid after its create ended as Processing", () =>
    Effect.gen(function* () {
      const end = yield* create(requestOf())
      assert.strictEqual(end._tag, "Processing")
      yield* TestClock.adjust("1 hour")
      const payouts = yield* Payouts.Payouts
      assert.strictEqual((yield* payouts.get(requestOf().handle)).state, "paid")
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing({ after: "1 hour" }) })))
  )

  it.effect("fails with PayoutNotFound, and says that this proves nothing", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const error = yield* Effect.flip(payouts.get(requestOf().handle))
      assert.strictEqual(error._tag, "PayoutNotFound")
      assert.include(error.message, "does not prove")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("looks the payout up again by the policy, and says why the lookups failed", () =>
    Effect.gen(function* () {
      yield* script(Script.status(502), Script.apiError({ status: 429, code: 122 }), Script.dropAfterCommit)
      const payouts = yield* Payouts.Payouts
      yield* always(Script.apiError({ status: 503, code: 2 }))
      const error = yield* inVirtualTime(Effect.flip(payouts.get(requestOf().handle, { policy: exact })))
      assert(error._tag === "LookupFailed")
      assert.deepStrictEqual([error.category, error.status, error.code], ["ServerError", 503, 2])
      assert.deepStrictEqual(
        error.attempts.map(({ delay, outcome }) => [outcome, delay && Duration.format(delay)]),
        [
          ["ServerError", "0"],
          ["RateLimited", "1s"],
          ["CommunicationError", "1s"],
          ["ServerError", "2s"],
          ["ServerError", "4s"],
          ["ServerError", undefined]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not show a payout with another handle (24)", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      yield* always(Script.crossed("somebody-else"))
      const payouts = yield* Payouts.Payouts
      const error = yield* inVirtualTime(Effect.flip(payouts.get(requestOf().handle)))
      assert.deepStrictEqual(
        [error._tag, error._tag === "LookupFailed" && error.category],
        ["LookupFailed", "UnexpectedResponse"]
      )
    }).pipe(Effect.provide(layer()))
  )
})
