/** One payout over `fetch`, with the imports of the README: `@effect/platform` alone is not loaded whole. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Config, Console, Effect, Layer } from "effect"
import { BillwerkClient, PayoutRequest, Payouts } from "effect-billwerk-payouts"

const Live = Payouts.layer.pipe(
  Layer.provide(
    BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY"), baseUrl: Config.string("BILLWERK_URL") })
  ),
  Layer.provide(FetchHttpClient.layer)
)

const program = Effect.gen(function* () {
  const handle = yield* Config.string("PAYOUT_HANDLE")
  const request = yield* PayoutRequest.make({ handle, destination: "ca_1", amount: 12_500, currency: "DKK" })
  const payouts = yield* Payouts.Payouts
  yield* Console.log((yield* payouts.create(request))._tag)
})

await Effect.runPromise(Effect.provide(program, Live))
