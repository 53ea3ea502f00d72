import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { Config, Effect, Layer } from "effect"
import { Hints, Payouts, WebhookHandler } from "effect-billwerk-payouts"

/** Takes the provider's webhooks, at the URL that the account's webhook settings name. */
const WebhooksLive = Layer.unwrapEffect(
  Effect.gen(function* () {
    const secret = yield* Config.redacted("BILLWERK_WEBHOOK_SECRET")
    const handler = yield* WebhookHandler.make({ secrets: [secret] })
    return HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.post("/webhooks/billwerk", handler)))
  })
)

/** One `Hints` for both: a webhook wakes `awaitFinal`, which polls all the same. */
export const PayoutsWithHintsLive = Layer.mergeAll(Payouts.layer, WebhooksLive).pipe(Layer.provide(Hints.layer))
