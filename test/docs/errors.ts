import { Console, Effect, Layer } from "effect"
import { Payouts, RetryPolicy, type PayoutRequest } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const pay = (request: PayoutRequest.PayoutRequest) =>
  Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(request)).pipe(
    Effect.map(({ _tag }) => _tag),
    // One category alone...
    Effect.catchTag("HardDeclined", ({ error }) => Effect.succeed(`ask for another card: ${error}`)),
    // ...several by name...
    Effect.catchTags({
      RateLimited: () => Effect.succeed("pay later"),
      PaymentMethodNotFound: () => Effect.succeed("ask for another card: it is gone")
    }),
    // ...and the rest by the only question that matters.
    Effect.catchAll(({ certainty, exposure, handle }) =>
      certainty === "NotMoved"
        ? Effect.succeed("release the funds")
        : Effect.succeed(`do not touch ${handle}: up to ${exposure.max} may have moved`)
    )
  )

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.hardDeclined("credit_card_expired"))
  yield* Console.log(yield* pay(yield* prize("0001")))
  yield* sandbox.script(Script.apiError({ status: 401, code: 6 }))
  yield* Console.log(yield* pay(yield* prize("0002")))
  yield* sandbox.always(Script.dropBeforeCommit)
  yield* Console.log(yield* pay(yield* prize("0003")))
})

const TestLayer = Layer.provideMerge(Payouts.layerWith({ policy: RetryPolicy.none }), Sandbox.layer)

await main.pipe(Effect.provide(TestLayer), Effect.runPromise)
