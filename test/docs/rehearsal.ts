import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { Console, Effect, Layer } from "effect"
import { Batch, BatchStore, BillwerkClient } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { prize } from "./prize.js"

const rehearsal = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.dropAfterCommit.pipe(Script.forHandle("prize-2026-0042"))) // paid, and the answer is lost
  yield* sandbox.script(Script.hardDeclined().pipe(Script.forHandle("prize-2026-0043")))
  const { inDoubt, notMoved, paid } = yield* Batch.run(yield* Effect.all(["0042", "0043", "0044"].map(prize)))
  yield* Console.log("paid", paid, "not paid", notMoved, "in doubt", inDoubt)
  const ledger = yield* sandbox.ledger
  yield* Console.log("really moved", ledger.totalMoved, "moved twice", Ledger.movedTwice(ledger))
})

const client = Layer.unwrapEffect(
  Effect.map(SandboxServer.SandboxServer, ({ url }) => BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl: url }))
)
const journal = Layer.provide(BatchStore.layerKeyValueStore, KeyValueStore.layerMemory)
const server = Layer.provideMerge(SandboxServer.layer, Sandbox.layerSandbox)

await rehearsal.pipe(
  Effect.provide(
    Layer.merge(client, journal).pipe(Layer.provideMerge(Layer.merge(server, NodeHttpClient.layerUndici)))
  ),
  Effect.runPromise
)
