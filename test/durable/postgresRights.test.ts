/** What a PostgreSQL role must be allowed to do, with real roles: one that makes the tables, one that pays, one that lists. */
import { assert, describe, it } from "@effect/vitest"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Config, Effect, Layer, Option, Stream } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import Pg from "pg"
import { requestOf } from "../support.js"

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

const quick = { entityMessagePollInterval: "100 millis", entityTerminationTimeout: "1 second" } as const

const name = `payouts_rights_${process.pid}`
const [payer, reader] = [`${name}_payer`, `${name}_reader`]

const poolOf = (user?: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const connection = new URL(Option.getOrThrow(url))
      if (user !== undefined) [connection.username, connection.password] = [user, "secret"]
      return new Pg.Pool({ connectionString: connection.href, max: 4, options: `-c search_path=${name}` })
    }),
    (made) => Effect.promise(() => made.end())
  )

/** What the documentation of `PostgresEngine.layer` grants. */
const grants = (prefix: string) => [
  `GRANT USAGE ON SCHEMA ${name} TO ${payer}, ${reader}`,
  ...["messages", "replies", "runners", "locks"].map(
    (table) => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.${prefix}_${table} TO ${payer}`
  ),
  `GRANT SELECT, UPDATE ON ${name}.${prefix}_migrations TO ${payer}`,
  `GRANT SELECT ON ${name}.${prefix}_payout_migrations TO ${payer}`,
  ...["messages_rowid", "replies_rowid", "runners_machine_id"].map(
    (column) => `GRANT USAGE ON SEQUENCE ${name}.${prefix}_${column}_seq TO ${payer}`
  ),
  ...["messages", "replies"].map((table) => `GRANT SELECT ON ${name}.${prefix}_${table} TO ${reader}`)
]

const server = Effect.gen(function* () {
  const pool = yield* poolOf()
  const query = (text: string) => Effect.promise(() => pool.query(text))
  const drop = Effect.zipRight(
    query(`DROP SCHEMA IF EXISTS ${name} CASCADE`),
    Effect.forEach([payer, reader], (role) => query(`DROP ROLE IF EXISTS ${role}`))
  )
  yield* drop
  yield* Effect.acquireRelease(query(`CREATE SCHEMA ${name}`), () => drop)
  for (const role of [payer, reader]) yield* query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  return query
})

const engine = (user: string | undefined, prefix: string) =>
  PayoutWorkflow.layer.pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(PostgresEngine.layer({ pool: poolOf(user), prefix, sharding: quick }))
  )

describe.skipIf(Option.isNone(url))("A PostgreSQL role", () => {
  it.scopedLive(
    "pays with no right to make tables, once they are there, and another one lists with the right to read",
    () =>
      Effect.gen(function* () {
        const query = yield* server
        yield* Effect.scoped(Layer.build(engine(undefined, "hostone")))
        for (const grant of grants("hostone")) yield* query(grant)
        const outcome = yield* Effect.provide(PayoutWorkflow.execute(requestOf()), engine(payer, "hostone"))
        assert.strictEqual(outcome._tag, "Paid")
        assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_500)

        const listed = Effect.all([
          Stream.runCount(Unfinished.list({ prefix: "hostone" })),
          Unfinished.ofHandle(requestOf().handle, { prefix: "hostone" })
        ]).pipe(Effect.provide(PgClient.layerFromPool({ acquire: poolOf(reader) })))
        const [count, [paid]] = yield* listed
        assert.deepStrictEqual([count, paid?.state, paid?.latest], [0, "Ended", "Paid"])
      }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("is told that it may not make tables, where they are missing", () =>
    Effect.gen(function* () {
      const query = yield* server
      yield* query(`GRANT USAGE ON SCHEMA ${name} TO ${payer}`)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(engine(payer, "hosttwo"))))
      assert(error._tag === "SqlError")
      assert.include(error.message, "hosttwo_messages")
    }).pipe(Effect.provide(Sandbox.layer))
  )
})
