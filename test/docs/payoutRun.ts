import * as NodeContext from "@effect/platform-node/NodeContext"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { Console, DateTime, Effect, Layer, Stream, TestContext } from "effect"
import { Batch, BatchStore, Payouts, PayoutRequest, Reconciliation } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"

// The rows of your own table.
const rows = Array.from({ length: 200 }, (_, index) => ({
  handle: `prize-2026-${index + 1}`,
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500,
  currency: "DKK"
}))

/** Pays the rows, once. Run it again after a kill, a stop or a failure, until it leaves nothing to do: that is safe. */
const run = Effect.gen(function* () {
  const requests = yield* Effect.forEach(rows, PayoutRequest.make) // a wrong row fails before anything is sent
  const { inDoubt, notBegun, notMoved, paid, stopped } = yield* Batch.run(requests, {
    stop: { inDoubt: { DKK: 100_000 }, failuresInARow: 20 }
  })
  yield* Console.log({ paid, notMoved, inDoubt, notBegun, stopped })
})

/** Compares the rows with the provider's list. What differs is a line each. */
const compare = Effect.gen(function* () {
  const { assess, list } = yield* Payouts.Payouts
  const now = yield* DateTime.now
  yield* Reconciliation.reconcile({
    expected: Stream.mapEffect(Stream.fromIterable(rows), Reconciliation.ofRow),
    shown: list({ from: DateTime.subtract(now, { days: 1 }), to: DateTime.add(now, { hours: 1 }) }),
    assess
  }).pipe(
    Reconciliation.lines,
    Stream.takeWhile((line) => line !== ""), // then comes a table of all classes
    Stream.runForEach((line) => Console.log(line))
  )
})

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(
    Script.softDeclined().pipe(Script.forHandle("prize-2026-13")),
    Script.dropAfterCommit.pipe(Script.forHandle("prize-2026-77")) // paid, and the answer is lost
  )
  yield* run // it has a service of its own
  yield* Effect.provide(compare, Payouts.layer)
})

// A journal on disk for real money: BatchStore.layerFile("prizes.journal.ndjson").
const store = Layer.provide(BatchStore.layerKeyValueStore, KeyValueStore.layerMemory)

// In virtual time, so that it prints the same on any machine.
await Sandbox.inVirtualTime(main).pipe(
  Effect.provide(
    Layer.mergeAll(store, Sandbox.layer, NodeContext.layer).pipe(Layer.provideMerge(TestContext.TestContext))
  ),
  Effect.runPromise
)
