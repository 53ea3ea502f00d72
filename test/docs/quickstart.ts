import { Console, Effect, Layer } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"

const program = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const request = yield* PayoutRequest.make({
    handle: "prize-2026-0042",
    destination: "ca_fcfac2016614418f969fa5697383e47c",
    amount: 12_500, // minor units: 125.00 DKK
    currency: "DKK"
  })
  const { _tag, certainty, exposure } = yield* payouts.create(request)
  yield* Console.log(_tag, certainty, exposure)
})

await program.pipe(Effect.provide(Layer.provide(Payouts.layer, Sandbox.layer)), Effect.runPromise)
