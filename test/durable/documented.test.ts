import { HttpServerRequest } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { ConfigProvider, Effect, Layer, Option, Redacted, Ref } from "effect"
import { Hints, Payouts, Webhook } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { inVirtualTime, requestOf } from "../support.js"
import { Books, PrizePayment, PrizePaymentLive } from "../docs/durable.js"
import { webhooks } from "../docs/durableWebhook.js"
import { prize } from "../docs/prize.js"
import { layer } from "./support.js"

/** Books that only write down what they were asked. */
const booked = (sandbox: Sandbox.Options, script: ReadonlyArray<Script.Step> = []) =>
  Effect.gen(function* () {
    const calls = yield* Ref.make<ReadonlyArray<string>>([])
    const note = (call: string) => Ref.update(calls, (before) => [...before, call])
    const BooksTest = Layer.succeed(Books, {
      reserve: (_, amount) => note(`reserve ${amount}`),
      book: (_, amount) => note(`book ${amount}`),
      release: () => note("release"),
      askAPerson: (_, atMost) => note(`ask, at most ${atMost}`)
    })
    const live = Layer.mergeAll(PrizePaymentLive, PayoutWorkflow.layer).pipe(
      Layer.provide([Payouts.layer, BooksTest]),
      Layer.provideMerge(WorkflowEngine.layerMemory),
      Layer.provideMerge(Sandbox.layerWith(sandbox))
    )
    const end = yield* Effect.gen(function* () {
      yield* Effect.flatMap(Sandbox.Sandbox, ({ always }) => always(...script))
      const request = yield* prize("0007")
      const pay = Effect.either(PrizePayment.execute({ request }))
      yield* inVirtualTime(pay)
      return yield* inVirtualTime(pay) // asked for again: nothing is done again
    }).pipe(Effect.provide(live))
    return { end, calls: yield* calls }
  })

it.effect("books the funds when the payout is settled", () =>
  Effect.gen(function* () {
    const { calls, end } = yield* booked({ outcome: Acquirer.processing({ after: "5 minutes" }) })
    assert.strictEqual(end._tag, "Right")
    assert.deepStrictEqual(calls, ["reserve 12500", "book 12500"])
  })
)

it.effect("gives the funds back when the money certainly did not move", () =>
  Effect.gen(function* () {
    const { calls } = yield* booked({}, [Script.hardDeclined().pipe(Script.onCreate)])
    assert.deepStrictEqual(calls, ["reserve 12500", "release"])
  })
)

it.effect("keeps the funds and asks a person when the money may have moved", () =>
  Effect.gen(function* () {
    const { calls } = yield* booked({}, [Script.processingError({ moved: true }).pipe(Script.onCreate)])
    assert.deepStrictEqual(calls, ["reserve 12500", "ask, at most 37500"])
  })
)

it.effect("is looked up as soon as a webhook comes that may be about it", () =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const request = requestOf()
    const id = yield* PayoutWorkflow.submit(request)
    yield* inVirtualTime(Effect.sleep("1 minute"))
    yield* sandbox.settle(request.handle, Acquirer.paid)
    const handler = yield* webhooks((handle) =>
      Effect.succeed(Option.liftPredicate(id, () => handle === request.handle))
    )
    const body = yield* Webhook.body({ id: "w-1", payout: request.handle }, Redacted.make("webhook-secret"))
    const posted = HttpServerRequest.fromWeb(new Request("http://localhost/webhooks", { method: "POST", body }))
    const { status } = yield* Effect.provideService(handler, HttpServerRequest.HttpServerRequest, posted)
    assert.strictEqual(status, 200)
    yield* inVirtualTime(Effect.sleep("1 second"))
    const result = yield* PayoutWorkflow.poll(id)
    assert(result?._tag === "Complete")
    assert.strictEqual((yield* result.exit)._tag, "Paid")
  }).pipe(
    Effect.scoped,
    Effect.provide([layer({ outcome: Acquirer.processing() }), Hints.layer]),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["BILLWERK_WEBHOOK_SECRET", "webhook-secret"]])))
  )
)
