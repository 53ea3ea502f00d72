import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as BillwerkClient from "effect-billwerk-payouts/BillwerkClient"
import * as PayoutError from "effect-billwerk-payouts/PayoutError"
import * as PayoutRequest from "effect-billwerk-payouts/PayoutRequest"
import * as Payouts from "effect-billwerk-payouts/Payouts"
import * as RetryPolicy from "effect-billwerk-payouts/RetryPolicy"

/** The platform delivers an event again if it heard nothing of it. So this asks first, and only then pays. */
export const pay = (event: unknown) =>
  Effect.gen(function* () {
    const request = yield* PayoutRequest.fromUnknown(event)
    const payouts = yield* Payouts.Payouts
    return yield* payouts.recover(request, { policy: RetryPolicy.interactive }) // 10 seconds at most
  }).pipe(
    Effect.match({
      onSuccess: ({ _tag }) => ({ status: _tag === "Paid" ? 200 : 202, state: _tag }),
      onFailure: (error) => ({ status: PayoutError.httpStatus(error), state: error._tag })
    })
  )

const Live = Payouts.layer.pipe(
  Layer.provide(BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })),
  Layer.provide(FetchHttpClient.layer)
)

/** Built by the first event, and kept for those that follow in the same instance. */
const runtime = ManagedRuntime.make(Live)

export const handler = (event: unknown) => runtime.runPromise(pay(event))
