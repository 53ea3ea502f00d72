/** A process that is killed by SIGKILL while its request is under way, on a SQLite file. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue } from "effect"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts"
import * as SandboxServer from "effect-billwerk-payouts/SandboxServer"
import * as Database from "../chaos/Database.js"
import { bundle, type Reported, start } from "../chaos/Machines.js"
import { destination } from "../support.js"

const input = { handle: "prize-2026-0042", destination, amount: 12_500, currency: "DKK" }

/** A decline of another card, 30 days ago. */
const declined = {
  handle: input.handle,
  amount: input.amount,
  transactions: [{ created: { age: "30 days" }, destination: "ca_another", outcome: Acquirer.hardDeclined() }]
} as const

const provider = Layer.provideMerge(Layer.orDie(SandboxServer.layer()), Sandbox.layerSandbox({ history: [declined] }))

/** What is told of the payout by the process that goes on where another one was killed, with its POST at the provider. */
const throughSigkill = Effect.gen(function* () {
  const context = yield* Layer.build(provider)
  const sandbox = Context.get(context, Sandbox.Sandbox)
  const { url } = Context.get(context, SandboxServer.SandboxServer)
  const { store } = yield* Database.sqlite
  const setup = { store: yield* store, provider: url, client: "library" } as const
  const reports = yield* Queue.unbounded<Reported>()
  const program = yield* bundle

  yield* sandbox.script(Script.paid.pipe(Script.delayRequest("3 seconds"), Script.onCreate))
  const first = yield* start(program, "first", setup, reports)
  yield* first.ready
  yield* first.order({ _tag: "Die", step: "in flight", nth: 1, after: 300 })
  yield* first.order({ _tag: "Pay", requests: [input] })
  yield* first.gone

  const second = yield* start(program, "second", setup, reports)
  yield* second.ready
  yield* second.order({ _tag: "Pay", requests: [input] })
  const end = yield* Queue.take(reports).pipe(
    Effect.flatMap(({ report }) => (report._tag === "Ended" ? Effect.succeed(report.end) : Effect.fail("not yet"))),
    Effect.retry({ while: () => true })
  )
  yield* Effect.sleep("4 seconds")
  const creates = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length
  return { end, creates, moved: Ledger.moved(yield* sandbox.ledger, input.handle) }
})

describe("A process that is killed while its POST is at the acquirer", () => {
  it.scopedLive(
    "leaves a payout that ends as paid, although the record has an old decline of another card",
    () =>
      Effect.map(throughSigkill, ({ creates, end, moved }) => {
        assert.deepStrictEqual(end, { tag: "Paid", certainty: "Moved", min: 12_500, max: 12_500 })
        // The one of the process that was killed, and the one of the process that went on.
        assert.deepStrictEqual([creates, moved], [2, 12_500])
      }),
    60_000
  )
})
