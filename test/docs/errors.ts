import { Console, Effect, Layer } from "effect"
import { Payouts, RetryPolicy, type PayoutRequest } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const pay = (request: PayoutRequest.PayoutRequest) =>
  Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(request)).pipe(
    Effect.map(({ _tag }) => _tag),
    // First a handle that is taken: its `certainty` is about this request, and `other` about the money of the other one.
    Effect.catchTag("HandleConflict", ({ exposure, handle, other }) =>
      Effect.succeed(`ask a person whose ${handle} is: up to ${exposure.max + other.exposure.max} may have moved`)
    ),
    // Then the only question that matters. A decline may say `MayHaveMoved`, too.
    Effect.catchIf(
      ({ certainty }) => certainty !== "NotMoved",
      ({ exposure, handle }) => Effect.succeed(`do not touch ${handle}: up to ${exposure.max} may have moved`)
    ),
    // Nothing has moved. Now by category: one alone...
    Effect.catchTag("HardDeclined", ({ error }) => Effect.succeed(`ask for another card: ${error}`)),
    // ...several by name...
    Effect.catchTags({
      RateLimited: () => Effect.succeed("pay later"),
      PaymentMethodNotFound: () => Effect.succeed("ask for another card: it is gone")
    }),
    // ...and the rest.
    Effect.catchAll(({ _tag }) => Effect.succeed(`keep the funds, and look into it: ${_tag}`))
  )

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.hardDeclined("credit_card_expired"))
  yield* Console.log(yield* pay(yield* prize("0001")))
  yield* sandbox.script(Script.apiError({ status: 401, code: 6 }))
  yield* Console.log(yield* pay(yield* prize("0002")))
  yield* sandbox.script(Script.onCreate(Script.dropBeforeCommit), Script.onCreate(Script.hardDeclined()))
  yield* Console.log(yield* pay(yield* prize("0003")))
  yield* Console.log(yield* pay(yield* prize("0003"))) // declined, and the create before it may still arrive
})

const TestLayer = Layer.provideMerge(Payouts.layerWith({ policy: RetryPolicy.none }), Sandbox.layer)

await main.pipe(Effect.provide(TestLayer), Effect.runPromise)
