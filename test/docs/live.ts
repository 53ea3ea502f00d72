import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Config, Layer } from "effect"
import { BillwerkClient, Payouts } from "effect-billwerk-payouts"

export const PayoutsLive = Payouts.layer.pipe(
  Layer.provide(BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })),
  Layer.provide(FetchHttpClient.layer) // or NodeHttpClient.layer, or NodeHttpClient.layerUndici
)
