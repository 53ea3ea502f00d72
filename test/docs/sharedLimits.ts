import * as RateLimiter from "@effect/experimental/RateLimiter"
import { layerStoreConfig } from "@effect/experimental/RateLimiter/Redis"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Config, Layer } from "effect"
import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
import * as SharedRequestLimits from "effect-billwerk-payouts/SharedRequestLimits"

/** Three instances pay out of one account. They count their requests in Redis. */
const limits = SharedRequestLimits.layer({ processes: 3 }).pipe(
  Layer.provide(RateLimiter.layer),
  Layer.provide(layerStoreConfig({ host: Config.string("REDIS_HOST") }))
)

export const live = Payouts.layer.pipe(
  Layer.provide(BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })),
  Layer.provide(limits),
  Layer.provide(FetchHttpClient.layer)
)
