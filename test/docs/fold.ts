import { Console, Effect, Layer, TestContext } from "effect"
import { type Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const say = (what: string, end: { readonly certainty?: Exposure.Certainty; readonly exposure?: Exposure.Exposure }) =>
  Console.log(`${what}:`, end.certainty, end.exposure)

const history = (name: string, first: Script.Step) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.onCreate(first), Script.onCreate(Script.softDeclined()))
    const payouts = yield* Payouts.Payouts
    const request = yield* prize("0042")
    yield* Console.log(name)
    yield* say("  a create, no answer", yield* Effect.merge(payouts.create(request)))
    yield* say("  another one, declined", yield* Effect.merge(payouts.recover(request, { outstandingCreates: 0 })))
    yield* Effect.sleep("3 hours")
    yield* say("  read after 3 hours", yield* payouts.assess(request.handle))
    yield* Effect.sleep("4 hours")
    yield* say("  read after 7 hours", yield* payouts.assess(request.handle))
  }).pipe(
    Sandbox.inVirtualTime,
    Effect.provide(
      Payouts.layerWith({ policy: RetryPolicy.none }).pipe(
        Layer.provideMerge(Sandbox.layer),
        Layer.provideMerge(TestContext.TestContext)
      )
    )
  )

const main = Effect.zipRight(
  history("The first create was lost on the way.", Script.dropBeforeCommit),
  history("The first create came late, and paid.", Script.executeLater("5 hours"))
)

await Effect.runPromise(main)
