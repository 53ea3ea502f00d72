/** A process that is killed by SIGKILL while its request is under way, on a SQLite file. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Schedule } from "effect"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as Database from "../proof/chaos/Database.js"
import { bundle, type Reported, start } from "../proof/chaos/Machines.js"
import { destination } from "../support.js"

const input = { handle: "prize-2026-0042", destination, amount: 12_500, currency: "DKK" }

/** A decline of another card, 30 days ago. */
const declined = {
  handle: input.handle,
  amount: input.amount,
  transactions: [{ created: { age: "30 days" }, destination: "ca_another", outcome: Acquirer.hardDeclined() }]
} as const

const provider = Layer.provideMerge(Layer.orDie(SandboxServer.layer), Sandbox.layerSandboxWith({ history: [declined] }))

/** What is told of the payout by the process that goes on where another one was killed, with its POST at the provider. */
const throughSigkill = Effect.fn(function* (next: Script.Step) {
  const context = yield* Layer.build(provider)
  const sandbox = Context.get(context, Sandbox.Sandbox)
  const { url } = Context.get(context, SandboxServer.SandboxServer)
  const { store } = yield* Database.sqlite
  const setup = { store: yield* store, provider: url, client: "library", isRestored: false, mustAssess: false } as const
  const reports = yield* Queue.unbounded<Reported>()
  const program = yield* bundle(".")

  yield* sandbox.script(Script.paid.pipe(Script.delayRequest("10 seconds"), Script.onCreate), Script.onCreate(next))
  const first = yield* start(program, "first", setup, reports)
  yield* first.ready
  yield* first.order({ _tag: "Die", step: "in flight", nth: 1, after: 300 })
  yield* first.order({ _tag: "Pay", requests: [input] })
  yield* first.gone

  const second = yield* start(program, "second", setup, reports)
  yield* second.ready
  yield* second.order({ _tag: "Pay", requests: [input] })
  const { report } = yield* Effect.repeat(Queue.take(reports), { until: ({ report }) => report._tag === "Ended" })
  assert(report._tag === "Ended")
  // By then the POST of the first one is carried out, or refused, however busy this machine is.
  const moved = Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, input.handle))
  yield* Effect.repeat(moved, { until: (sum) => sum > 0, schedule: Schedule.spaced("100 millis") })
  yield* Effect.sleep("1 second")
  return { end: report.end, moved: yield* moved }
})

describe("A process that is killed while its POST is at the acquirer", () => {
  it.scopedLive(
    "leaves a payout that ends as paid, although the record has an old decline of another card",
    () =>
      Effect.map(throughSigkill(Script.normal), ({ end, moved }) => {
        assert.deepStrictEqual(end, { tag: "Paid", certainty: "Moved", min: 12_500, max: 12_500 })
        assert.strictEqual(moved, 12_500)
      }),
    60_000
  )

  it.scopedLive(
    "leaves a payout that may have been paid, although the next create is declined",
    () =>
      Effect.map(throughSigkill(Script.hardDeclined()), ({ end, moved }) => {
        assert.notStrictEqual(end.certainty, "NotMoved")
        assert.strictEqual(moved, 12_500)
        assert(end.min <= moved && moved <= end.max)
      }),
    60_000
  )
})
