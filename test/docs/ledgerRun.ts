import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import { Console, Effect, Layer, TestContext } from "effect"
import { Payouts, type PayoutRequest } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { PrizePayment, PrizePaymentLive } from "./durable.js"
import { balances, BooksLive, decide, migrate, openCases, reassess } from "./ledger.js"
import { prize } from "./prize.js"

const pay = (request: PayoutRequest.PayoutRequest) => Effect.merge(PrizePayment.execute({ request }))

const show = Effect.flatMap(Effect.all([balances, openCases]), ([accounts, cases]) =>
  Console.log(...accounts.map(({ account, total }) => `${account} ${total},`), "cases:", cases.length)
)

const main = Effect.gen(function* () {
  yield* migrate
  const sandbox = yield* Sandbox.Sandbox
  yield* pay(yield* prize("0001")) // paid
  yield* sandbox.always(Script.hardDeclined())
  yield* pay(yield* prize("0002")) // declined: released
  yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
  yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate))
  const third = yield* prize("0003")
  yield* pay(third) // three processing errors, one of which hides a payment
  yield* show
  yield* reassess(third) // the record cannot tell
  yield* show
  yield* decide(third.handle, 12_500, "Grace") // the acquirer can: one of its three creates has paid
  yield* show
})

const Live = Layer.mergeAll(PrizePaymentLive, PayoutWorkflow.layer).pipe(
  Layer.provide(Payouts.layer),
  Layer.provideMerge(BooksLive),
  // The books' own client, nearest to them. An engine on a database has an `SqlClient` of its own, which must not take its
  // place.
  Layer.provideMerge(LibsqlClient.layer({ url: "file::memory:?cache=shared" })),
  Layer.provideMerge(WorkflowEngine.layerMemory), // or SqliteEngine.layer, PostgresEngine.layer
  Layer.provideMerge(Sandbox.layer),
  Layer.provideMerge(TestContext.TestContext)
)

await Sandbox.inVirtualTime(main).pipe(Effect.provide(Live), Effect.runPromise)
