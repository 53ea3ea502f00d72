import { Console, Effect, Layer } from "effect"
import { PayoutError, type PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

/** What an endpoint answers whose caller waits: within 10 seconds, and never "failed" of what may have moved. */
const answer = (request: PayoutRequest.PayoutRequest) =>
  Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(request, { policy: RetryPolicy.interactive })).pipe(
    Effect.match({
      onSuccess: ({ _tag }) => [_tag === "Paid" ? 200 : 202, _tag],
      onFailure: (error) => [PayoutError.httpStatus(error), error._tag] // of a 202, store `error.evidence`: recover it
    })
  )

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(
    Script.normal,
    Script.hardDeclined("credit_card_expired"),
    Script.processingError({ moved: true })
  )
  for (const number of ["0001", "0002", "0003"]) {
    yield* Console.log(...(yield* answer(yield* prize(number))))
  }
})

await main.pipe(Effect.provide(Layer.provideMerge(Payouts.layer, Sandbox.layer)), Effect.runPromise)
