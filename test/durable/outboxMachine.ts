/**
 * A process of a host that has an outbox: for each prize, one transaction with the prize and the intent to pay it, and then one pass
 * of the relay. It kills itself by SIGKILL at the step that it is told, and says nothing: its databases do.
 */
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { Clock, Effect, Layer, Redacted, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as Outbox from "effect-billwerk-payouts/Outbox"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { destination } from "../support.js"

export interface Setup {
  /** `file:...` or `postgres://...`: the host's database. */
  readonly host: string
  /** The engine's file. */
  readonly engine: string
  readonly provider: string
  readonly prizes: number
  /** Where it dies, in the work on which prize. */
  readonly death?: { readonly step: Step; readonly prize: number }
}

export const steps = [
  "before the intent",
  "before the commit",
  "after the commit",
  "before the submission",
  "after the submission",
  "after the deletion"
] as const

export type Step = (typeof steps)[number]

const [, , given = "{}"] = process.argv
const { death, engine, host, prizes, provider }: Setup = JSON.parse(given)

const at = (step: Step, prize: number) =>
  Effect.sync(() => {
    if (death?.step === step && death.prize === prize) process.kill(process.pid, "SIGKILL")
  })

const pay = Effect.fn(function* (prize: number) {
  const sql = yield* SqlClient.SqlClient
  const outbox = yield* Outbox.Outbox
  const handle = `prize-${prize}`
  const request = yield* PayoutRequest.make({ handle, destination, amount: prize, currency: "DKK" })
  const known = yield* sql`SELECT handle FROM prizes WHERE handle = ${handle}`
  if (known.length === 0) {
    yield* Effect.gen(function* () {
      yield* sql`INSERT INTO prizes (handle) VALUES (${handle})`
      yield* at("before the intent", prize)
      yield* outbox.add(request)
      yield* at("before the commit", prize)
    }).pipe(sql.withTransaction)
    yield* at("after the commit", prize)
  }
  yield* outbox.relay((request) =>
    at("before the submission", prize).pipe(
      Effect.zipRight(PayoutWorkflow.submit(request)),
      Effect.zipLeft(at("after the submission", prize))
    )
  )
  yield* at("after the deletion", prize)
  return yield* PayoutWorkflow.executionId(request)
})

const ended = (executionId: string) =>
  Effect.repeat(PayoutWorkflow.poll(executionId), {
    until: (result) => result?._tag === "Complete",
    schedule: Schedule.spaced("50 millis")
  }).pipe(Effect.timeout("30 seconds"))

const main = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS prizes (handle VARCHAR(99) PRIMARY KEY)`
  const all = yield* Effect.forEach(
    Array.from({ length: prizes }, (_, index) => index + 1),
    pay
  )
  yield* Effect.forEach(all, ended, { concurrency: "unbounded", discard: true })
})

const hosted = host.startsWith("file:")
  ? LibsqlClient.layer({ url: host })
  : PgClient.layer({ url: Redacted.make(host), maxConnections: 3 })

// Two minutes after the death of another one: what that had taken is free.
const later = Layer.unwrapEffect(
  Effect.map(Effect.clock, (real) => {
    const currentTimeMillis = Effect.map(real.currentTimeMillis, (millis) => millis + 120_000)
    const clock: Clock.Clock = Object.create(real, { currentTimeMillis: { value: currentTimeMillis } })
    return Layer.setClock(clock)
  })
)

const live = Outbox.layer.pipe(
  Layer.provideMerge(hosted),
  Layer.provideMerge(
    PayoutWorkflow.layer.pipe(
      Layer.provide(Payouts.layer),
      Layer.provide(BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl: provider, requestLimits: "None" })),
      Layer.provide(FetchHttpClient.layer),
      Layer.provideMerge(
        SqliteEngine.layer({ filename: engine, sharding: { entityMessagePollInterval: "100 millis" } })
      )
    )
  ),
  Layer.provideMerge(death === undefined ? later : Layer.empty)
)

NodeRuntime.runMain(Effect.provide(main, live))
