import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, Redacted, Schema } from "effect"
import { BillwerkClient, PayoutError, PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"

interface Env {
  readonly BILLWERK_API_KEY: string
}

/** A layer for each request: what one request waits for, Workers give to no other. */
const PayoutsLive = (env: Env) =>
  Payouts.layerWith({ policy: RetryPolicy.interactive }).pipe(
    Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make(env.BILLWERK_API_KEY) })),
    Layer.provide(FetchHttpClient.layer)
  )

/**
 * Nothing is stored, so any request may be the second one for its payout. This asks first, and only then pays. It assumes
 * that one create was sent before: what is not paid is a 202, until the arrival horizon has passed.
 */
const pay = (body: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const request = yield* Schema.decode(Schema.parseJson(PayoutRequest.FromInput))(body)
    const { _tag: state, handle } = yield* payouts.recover(request)
    return Response.json({ handle, state })
  }).pipe(
    Effect.catchAll((error) =>
      error._tag === "ParseError"
        ? Effect.succeed(Response.json({ reason: "InvalidRequest" }, { status: 400 }))
        : Effect.succeed(Response.json({ reason: error._tag }, { status: PayoutError.httpStatus(error) }))
    )
  )

export default {
  fetch: async (
    request: Request,
    env: Env,
    context: { readonly waitUntil: (promise: Promise<unknown>) => void }
  ): Promise<Response> => {
    const answer = Effect.runPromise(Effect.provide(pay(await request.text()), PayoutsLive(env)))
    context.waitUntil(answer) // or the payout may end with a caller that leaves
    return answer
  }
}
