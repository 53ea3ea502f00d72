import { Console, Effect, Layer } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const main = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const accepted = yield* payouts.create(yield* prize("0042"))
  yield* Console.log(`${accepted._tag}, ${accepted.certainty}`)
  const settled = yield* payouts.awaitFinal(accepted, { deadline: "10 minutes" })
  yield* Console.log(`${settled._tag}, ${settled.certainty}`)
})

// An asynchronous payment method, which takes a second to pay.
const provider = Sandbox.layerWith({ outcome: Acquirer.processing({ after: "1 second" }) })

await main.pipe(Effect.provide(Layer.provideMerge(Payouts.layer, provider)), Effect.runPromise)
