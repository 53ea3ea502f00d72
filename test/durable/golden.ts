/**
 * Durable payouts as releases of this library have stored them: in `golden/<version>.json`, one for each state that a
 * deploy may find. `npx vite-node --config test/vitest.config.ts test/durable/golden.ts record` adds this version's file.
 * A file of a release is never changed.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { Effect, Layer, Schedule, Schema } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as SqliteConnections from "../../src/durable/SqliteConnections.js"
import * as stored from "../../src/durable/stored.js"
import { requestOf } from "../support.js"

export const request = requestOf({
  customer: "cust-1",
  text: "Prize",
  textOnStatement: "PRIZE",
  acquirerReference: "a-1"
})

const Row = Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Null) })

/** What a payout left in the engine's tables. */
export const Golden = Schema.Struct({ messages: Schema.Array(Row), replies: Schema.Array(Row) })

export const GoldenFile = Schema.parseJson(Schema.Record({ key: Schema.String, value: Golden }), { space: 1 })

export const filename = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  ),
  (made) => path.join(made, "payouts.sqlite")
)

export const options: PayoutWorkflow.Options = {
  policy: RetryPolicy.make({ ...RetryPolicy.none, processingError: Schedule.fromDelays("1 second", "2 seconds") }),
  pollSchedule: Schedule.spaced("300 millis"),
  pauseSchedule: Schedule.fromDelays("1 second", "1 second", "1 second"),
  inMemoryThreshold: 0
}

export const runtime = (filename: string) =>
  PayoutWorkflow.layerWith(options).pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(SqliteEngine.layer({ filename, sharding: { entityMessagePollInterval: "50 millis" } })),
    Layer.fresh
  )

interface Scenario {
  readonly sandbox?: Sandbox.Options
  /** What the first process meets at the provider. */
  readonly script?: ReadonlyArray<Script.Step>
  /** What is done once it has come so far. */
  readonly then?: typeof PayoutWorkflow.retry
  /** How it ends, where the provider knows of nothing: tag, certainty, and the most that can have moved. */
  readonly ends: readonly [tag: string, certainty: string, max: number] | readonly ["Waits"]
}

const paid = ["Paid", "Moved", 12_500] as const

/** The states. The next version's provider has never heard of the payout, so what was not yet final is paid by it. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  paid: { ends: paid },
  "declined for good": { script: [Script.hardDeclined()], ends: ["HardDeclined", "NotMoved", 0] },
  "declined softly": { script: [Script.softDeclined()], ends: ["SoftDeclined", "NotMoved", 0] },
  "refused, and to be taken up": {
    script: [Script.apiError({ status: 400, code: 135 }).pipe(Script.onCreate)],
    then: PayoutWorkflow.retry,
    ends: paid
  },
  // The provider has lost the record that it showed before, so nobody sends anything.
  "waiting after a processing error": { script: [Script.processingError()], ends: ["Waits"] },
  "pausing for a key that is refused": {
    script: [Script.apiError({ status: 401, code: 1 }).pipe(Script.onCreate)],
    ends: paid
  },
  "pausing with a create in doubt": {
    script: [
      Script.normal.pipe(Script.onLookup),
      Script.dropBeforeCommit.pipe(Script.onCreate),
      Script.dropBeforeCommit.pipe(Script.onLookup)
    ],
    ends: paid
  },
  processing: { sandbox: { outcome: Acquirer.processing() }, ends: ["Waits"] }
}

const dump = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const plain = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value])
        )
      )
    return yield* Schema.decodeUnknown(Golden)({
      messages: plain(yield* sql`SELECT * FROM cluster_messages ORDER BY rowid`),
      replies: plain(yield* sql`SELECT * FROM cluster_replies ORDER BY rowid`)
    })
  }).pipe(Effect.provide(Layer.fresh(SqliteEngine.layer({ filename }))))

/** Puts the rows of a release into a file of this version's. */
export const load = (filename: string, { messages, replies }: typeof Golden.Type) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const row of messages) yield* sql`INSERT INTO cluster_messages ${sql.insert({ ...row, last_read: null })}`
    for (const row of replies) yield* sql`INSERT INTO cluster_replies ${sql.insert(row)}`
  }).pipe(
    Effect.provide(SqliteConnections.layer(filename)),
    // The engine makes its tables.
    (inserted) => Effect.zipRight(Effect.scoped(Layer.build(Layer.fresh(SqliteEngine.layer({ filename })))), inserted)
  )

const record = ({ sandbox = {}, script = [] }: Scenario) =>
  Effect.gen(function* () {
    const made = yield* filename
    yield* (yield* Sandbox.Sandbox).script(...script)
    yield* PayoutWorkflow.submit(request).pipe(
      Effect.zipRight(Effect.sleep("900 millis")),
      Effect.provide(runtime(made))
    )
    return yield* dump(made)
  }).pipe(Effect.scoped, Effect.provide(Sandbox.layerWith(sandbox)))

if (process.argv.includes("record")) {
  const target = new URL(`golden/${stored.version}.json`, import.meta.url)
  const program = Effect.flatMap(
    Effect.all(Object.fromEntries(Object.entries(scenarios).map(([name, one]) => [name, record(one)]))),
    Schema.encode(GoldenFile)
  )
  Effect.runPromise(program).then((text) => writeFileSync(target, `${text}\n`, { flag: "wx" }), console.error)
}
