import * as NodeContext from "@effect/platform-node/NodeContext"
import { Console, DateTime, Effect, Layer, Stream } from "effect"
import { Payouts, Reconciliation } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const books = `handle,amount,currency
prize-2026-1,12500,DKK
prize-2026-2,12000,DKK
prize-2026-4,12500,DKK
`

const main = Effect.gen(function* () {
  const { assess, createAll, list } = yield* Payouts.Payouts
  const paid = Stream.range(1, 3).pipe(Stream.mapEffect((number) => prize(String(number))))
  yield* Stream.runDrain(createAll(paid))

  const now = yield* DateTime.now
  yield* Reconciliation.reconcile({
    expected: Reconciliation.fromText(Stream.make(books)), // or stored outcomes and errors: Reconciliation.ofEnd
    shown: list({ from: DateTime.subtract(now, { days: 1 }), to: DateTime.add(now, { days: 1 }) }),
    assess
  }).pipe(
    Reconciliation.lines,
    Stream.takeWhile((line) => line !== ""), // then comes a table of all classes
    Stream.runForEach((line) => Console.log(line))
  )
})

await main.pipe(
  Effect.provide(Layer.mergeAll(Layer.provideMerge(Payouts.layer, Sandbox.layer), NodeContext.layer)),
  Effect.runPromise
)
