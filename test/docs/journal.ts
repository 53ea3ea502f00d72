import { Console, Effect, Layer, TestContext } from "effect"
import { type Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

// Your own table, by handle. What it holds must be on the disk when `store` ends.
const table = new Map<string, Exposure.Evidence>()
const store = (evidence: Exposure.Evidence) => Effect.sync(() => table.set(evidence.handle, evidence))

const process = Payouts.layerWith({
  policy: RetryPolicy.none,
  beforeCreate: (evidence) => Effect.asVoid(store(evidence))
})

const killed = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  yield* Effect.timeout(payouts.create(yield* prize("0042")), "1 second")
})

const next = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const request = yield* prize("0042")
  // The table has every create that was sent, so there are no others.
  const options = { evidence: table.get(request.handle), outstandingCreates: 0 }
  const end = yield* Effect.merge(payouts.recover(request, options))
  yield* Console.log(end._tag, "certainty" in end ? end.certainty : "")
})

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.hardDeclined().pipe(Script.and(Script.hangAfterCommit)))
  yield* Effect.ignore(Effect.provide(killed, process)) // it ends before the answer comes
  yield* Effect.provide(next, process)
})

// In virtual time: the second passes at once, and never before the create has arrived.
await Sandbox.inVirtualTime(main).pipe(
  Effect.provide(Layer.provideMerge(Sandbox.layer, TestContext.TestContext)),
  Effect.runPromise
)
