import { Console, Effect, Schema } from "effect"
import { Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

// Your own table: a handle, and a text. For a jsonb column, take `Exposure.Evidence` itself.
const table = new Map<string, string>()
const Column = Schema.parseJson(Exposure.Evidence)

const pay = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const request = yield* prize("0042")
  const row = table.get(request.handle)
  const call =
    row === undefined
      ? payouts.create(request)
      : // Nothing was sent since the row was written, so no other create is outstanding.
        payouts.recover(request, { evidence: yield* Schema.decode(Column)(row), outstandingCreates: 0 })
  const end = yield* Effect.merge(call)
  if (end._tag === "InvalidRequest") return yield* end
  table.set(request.handle, yield* Schema.encode(Column)(end.evidence))
  yield* Console.log(end._tag, end.certainty, end.exposure)
})

const oneProcess = Effect.provide(pay, Payouts.layerWith({ policy: RetryPolicy.none }))

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate), Script.softDeclined())
  yield* oneProcess // its create is lost on the way: it may still arrive
  yield* oneProcess // the provider knows nothing, so it is sent again; and declined
})

await main.pipe(Effect.provide(Sandbox.layer), Effect.runPromise)
