/** An outbox whose own database fails it: its disk is full, or its role may do little. What was committed is paid, once. */
import { assert, describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Clock, Config, Effect, Exit, Layer, Logger, Option, Redacted, Schedule } from "effect"
import type { PayoutRequest } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as Outbox from "effect-billwerk-payouts/Outbox"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { join } from "node:path"
import Pg from "pg"
import { win } from "../docs/outbox.js"
import * as smallDisk from "../smallDisk.js"
import { layer } from "./support.js"

const sum = (count: number) => count * 12_500

const isPaid = (expected: number) =>
  Effect.gen(function* () {
    const { ledger } = yield* Sandbox.Sandbox
    yield* Effect.repeat(ledger, {
      until: ({ totalMoved }) => totalMoved >= expected,
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo("20 seconds"))
    })
    assert.strictEqual((yield* ledger).totalMoved, expected)
  })

const prizes = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`CREATE TABLE prizes (handle VARCHAR(99), amount INTEGER)`
)

/** As if so many minutes were over. */
const later =
  (minutes: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Effect.clock, (real) => {
      const currentTimeMillis = Effect.map(real.currentTimeMillis, (millis) => millis + minutes * 60_000)
      const clock: Clock.Clock = Object.create(real, { currentTimeMillis: { value: currentTimeMillis } })
      return Effect.withClock(self, clock)
    })

describe.skipIf(!smallDisk.canMount())("An outbox on a disk that is full", () => {
  const host = (folder: string) =>
    Outbox.layer.pipe(
      Layer.provideMerge(LibsqlClient.layer({ url: `file:${join(folder, "host.sqlite")}` })),
      Layer.provideMerge(layer())
    )

  const onSmallDisk = <E, R>(test: (folder: string) => Effect.Effect<void, E, R>) =>
    Effect.flatMap(smallDisk.folder("1m"), (folder) =>
      Effect.provide(Effect.zipRight(prizes, test(folder)), host(folder))
    )

  it.scopedLive("writes neither the business row nor the intent, and both when there is room again", () =>
    onSmallDisk((folder) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        smallDisk.fill(folder)
        // The first ones may find room in the file itself.
        const written = yield* Effect.forEach(
          Array.from({ length: 60 }, (_, index) => index),
          (prize) =>
            // libSQL's client dies when it rolls back what the full disk has rolled back already.
            Effect.exit(win(prize, 12_500))
        )
        const committed = written.filter(Exit.isSuccess).length
        assert.isBelow(committed, 60)
        assert.strictEqual((yield* sql`SELECT handle FROM prizes`).length, committed)
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: committed, unreadable: 0 })
        smallDisk.empty(folder)
        yield* win(100, 12_500)
        const relayed = yield* Outbox.relay
        assert.deepStrictEqual(relayed, { submitted: committed + 1, unreadable: 0 })
        yield* isPaid(sum(committed + 1))
      })
    )
  )

  it.scopedLive("keeps the rows of what the engine has, and pays it once when there is room again", () =>
    onSmallDisk((folder) =>
      Effect.gen(function* () {
        for (let prize = 0; prize < 50; prize++) yield* win(prize, 12_500)
        let submitted = 0
        const submit = (request: PayoutRequest.PayoutRequest) =>
          Effect.tap(PayoutWorkflow.submit(request), () => {
            if (submitted++ === 0) smallDisk.fill(folder)
          })
        const outbox = yield* Outbox.Outbox
        const failed = yield* Effect.flip(outbox.relay(submit))
        assert.strictEqual(failed._tag, "SqlError")
        assert.isAtLeast(submitted, 1)
        const { waiting } = yield* Outbox.counts
        assert.isAtLeast(waiting, 40)
        smallDisk.empty(folder)
        const relayed = yield* later(2)(Outbox.relay)
        assert.deepStrictEqual(relayed, { submitted: waiting, unreadable: 0 })
        yield* isPaid(sum(50))
      })
    )
  )

  it.scopedLive("is relayed by the layer when there is room again, which says so once", () => {
    const lines: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void lines.push(String(message)))
    )
    return onSmallDisk((folder) =>
      Effect.gen(function* () {
        for (let prize = 0; prize < 50; prize++) yield* win(prize, 12_500)
        smallDisk.fill(folder)
        const says = (words: string) =>
          Effect.repeat(
            Effect.sync(() => lines.filter((line) => line.includes(words)).length),
            { until: (count) => count > 0, schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo("20 seconds")) }
          )
        yield* Layer.build(Outbox.layerRelayWith({ submit: PayoutWorkflow.submit, interval: "50 millis" }))
        yield* says("SQLITE_FULL")
        smallDisk.empty(folder)
        yield* isPaid(sum(50))
        yield* says("relays again")
        assert.strictEqual(lines.filter((line) => line.includes("SQLITE_FULL")).length, 1)
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: 0, unreadable: 0 })
      })
    ).pipe(Effect.provide(logger))
  })
})

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

describe.skipIf(Option.isNone(url))("An outbox whose role may not make tables", () => {
  const name = `payouts_outbox_rights_${process.pid}`

  const server = Effect.gen(function* () {
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => new Pg.Pool({ connectionString: Option.getOrThrow(url), max: 1 })),
      (made) => Effect.promise(() => made.end())
    )
    const query = (text: string) => Effect.promise(() => pool.query(text))
    const drop = Effect.zipRight(query(`DROP SCHEMA IF EXISTS ${name} CASCADE`), query(`DROP ROLE IF EXISTS ${name}`))
    yield* drop
    yield* Effect.acquireRelease(query(`CREATE SCHEMA ${name}`), () => drop)
    yield* query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'`)
    yield* query(`GRANT USAGE ON SCHEMA ${name} TO ${name}`)
    return query
  })

  const asRole = () => {
    const own = new URL(Option.getOrThrow(url))
    ;[own.username, own.password] = [name, "secret"]
    own.searchParams.set("options", `-c search_path=${name}`)
    return Outbox.layer.pipe(
      Layer.provideMerge(PgClient.layer({ url: Redacted.make(own.href), maxConnections: 4 })),
      Layer.provideMerge(layer())
    )
  }

  it.scopedLive("adds, relays and counts in the table of a migration, with the right to read and write its rows", () =>
    Effect.gen(function* () {
      const query = yield* server
      yield* query(Outbox.createTable(`${name}.payout_outbox`))
      yield* query(`CREATE TABLE ${name}.prizes (handle VARCHAR(99), amount INTEGER)`)
      for (const table of ["payout_outbox", "prizes"]) {
        yield* query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.${table} TO ${name}`)
      }
      yield* Effect.gen(function* () {
        yield* win(1, 12_500)
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 1, unreadable: 0 })
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: 0, unreadable: 0 })
        yield* isPaid(sum(1))
      }).pipe(Effect.provide(asRole()))
    })
  )

  it.scopedLive("is told so where there is no table, by the name of the table", () =>
    Effect.gen(function* () {
      yield* server
      const error = yield* Effect.flip(Effect.scoped(Layer.build(asRole())))
      assert(error._tag === "SqlError")
      assert.include(error.message, "payout_outbox")
    })
  )
})
