/** One payout over `fetch`, with each import from a module. It can be built into a start-up snapshot of Node, too. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BillwerkClient from "effect-billwerk-payouts/BillwerkClient"
import * as PayoutRequest from "effect-billwerk-payouts/PayoutRequest"
import * as Payouts from "effect-billwerk-payouts/Payouts"
import { startupSnapshot } from "node:v8"

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

const main = () => Effect.runPromise(Effect.provide(program, Live))

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(main)
else void main()
