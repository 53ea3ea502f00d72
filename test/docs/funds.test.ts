import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

it.effect("does not call a payout failed whose money moved", () =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    // The acquirer pays, and the provider records a processing error. It does so with each attempt.
    yield* sandbox.always(Script.processingError({ moved: true }).pipe(Script.onCreate))
    const payouts = yield* Payouts.Payouts
    const paying = Effect.flip(payouts.create(yield* prize("0042")))
    const error = yield* Sandbox.inVirtualTime(paying) // the policy's waits, at once
    assert.deepStrictEqual([error._tag, error.certainty], ["ProcessingError", "MayHaveMoved"])
    assert.strictEqual(error.exposure.max, Ledger.moved(yield* sandbox.ledger, "prize-2026-0042"))
  }).pipe(Effect.provide(Layer.provideMerge(Payouts.layer, Sandbox.layer)))
)
