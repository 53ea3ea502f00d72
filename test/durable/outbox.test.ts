/** Intents in the host's transaction, on both databases: what is written, relayed, refused, kept and counted. */
import { assert, describe, it } from "@effect/vitest"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Clock, Config, Deferred, Effect, Exit, Fiber, Layer, Logger, Option, Redacted, Schedule } from "effect"
import { type PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import * as Outbox from "effect-billwerk-payouts/Outbox"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { Relaying, win } from "../docs/outbox.js"
import { requestOf } from "../support.js"
import { layer } from "./support.js"

const postgresUrl = Effect.runSync(Effect.option(Config.redacted("PAYOUTS_POSTGRES_URL")))

/** A host's database of its own, gone with the scope. */
const sqlite = Layer.unwrapScoped(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "outbox-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  ).pipe(Effect.map((made) => LibsqlClient.layer({ url: `file:${path.join(made, "host.sqlite")}` })))
)

let schemas = 0
const postgres = Layer.unwrapScoped(
  Effect.gen(function* () {
    const url = Option.getOrThrow(postgresUrl)
    const schema = `outbox_${process.pid}_${++schemas}`
    const admin = yield* PgClient.make({ url, maxConnections: 1 })
    yield* Effect.acquireRelease(admin.unsafe(`CREATE SCHEMA ${schema}`), () =>
      Effect.orDie(admin.unsafe(`DROP SCHEMA ${schema} CASCADE`))
    )
    const own = new URL(Redacted.value(url))
    own.searchParams.set("options", `-c search_path=${schema}`)
    return PgClient.layer({ url: Redacted.make(own.href), maxConnections: 5 })
  }).pipe(Effect.provide(Reactivity.layer))
)

const hosts = [
  ["SQLite", sqlite, true],
  ["PostgreSQL", postgres, Option.isSome(postgresUrl)]
] as const

/** An outbox over the host's client, with the prizes of `win`, and the durable engine in memory. */
const world = <E>(host: Layer.Layer<SqlClient.SqlClient, E>) =>
  Outbox.layer.pipe(
    Layer.provideMerge(
      Layer.effectDiscard(
        Effect.flatMap(
          SqlClient.SqlClient,
          (sql) => sql`CREATE TABLE prizes (handle VARCHAR(99) PRIMARY KEY, amount INTEGER)`
        )
      )
    ),
    Layer.provideMerge(host),
    Layer.provideMerge(layer())
  )

const inHost = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(self))

const prizes = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT handle FROM prizes`)
const rowsOf = Effect.flatMap(SqlClient.SqlClient, (sql) => sql<{ payload: string }>`SELECT payload FROM payout_outbox`)

const moved = (handle: string) =>
  Effect.flatMap(Sandbox.Sandbox, ({ ledger }) => Effect.map(ledger, (is) => Ledger.moved(is, handle)))

const ends = Effect.fn(function* (request: PayoutRequest.PayoutRequest) {
  const result = Effect.flatMap(PayoutWorkflow.executionId(request), PayoutWorkflow.poll)
  yield* Effect.repeat(result, {
    until: (is) => is?._tag === "Complete",
    schedule: Schedule.spaced("20 millis")
  })
  return yield* result
})

const add = (request: PayoutRequest.PayoutRequest) => inHost(Outbox.add(request))

/** A clock whose minutes pass in a moment: claims end while the test waits. */
const hasty = Effect.map(Effect.clock, (real): Clock.Clock => {
  const currentTimeMillis = Effect.map(real.currentTimeMillis, (millis) => millis * 1_000)
  return Object.create(real, { currentTimeMillis: { value: currentTimeMillis } })
})

/** Lines that are logged by what follows. */
const logged = (lines: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void lines.push(String(message)))
  )

for (const [name, host, isThere] of hosts) {
  describe.skipIf(!isThere)(`The outbox on ${name}`, () => {
    const live = () => world(host)

    it.scopedLive("pays what was committed, once, at once in the same process, and deletes the row", () =>
      Effect.gen(function* () {
        yield* win(42, 12_500)
        yield* Effect.repeat(moved("prize-42"), { until: (sum) => sum > 0, schedule: Schedule.spaced("20 millis") })
        yield* Effect.repeat(Outbox.counts, {
          until: ({ waiting }) => waiting === 0,
          schedule: Schedule.spaced("20 millis")
        })
        assert.deepStrictEqual([yield* moved("prize-42"), (yield* prizes).length], [12_500, 1])
      }).pipe(
        Effect.provide(
          Layer.provideMerge(Outbox.layerRelayWith({ submit: PayoutWorkflow.submit, interval: "1 hour" }), live())
        )
      )
    )

    it.scopedLive("pays nothing of a transaction that is rolled back", () =>
      Effect.gen(function* () {
        yield* Effect.exit(Outbox.withTransaction(Effect.zipRight(win(42, 12_500), Effect.fail("no"))))
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 0, unreadable: 0 })
        assert.deepStrictEqual(yield* prizes, [])
      }).pipe(Effect.provide(live()))
    )

    it.scopedLive("refuses an intent outside a transaction, and a relay inside one", () =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(Outbox.add(requestOf()))
        assert.strictEqual(refused._tag, "WrongTransaction")
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: 0, unreadable: 0 })
        const early = yield* Effect.flip(inHost(Effect.zipRight(Outbox.add(requestOf()), Outbox.relay)))
        assert.strictEqual(early._tag, "WrongTransaction")
        assert.isUndefined(yield* Effect.flatMap(PayoutWorkflow.executionId(requestOf()), PayoutWorkflow.poll))
      }).pipe(Effect.provide(live()))
    )

    it.scopedLive("refuses a card token and a new customer, and writes nothing of them", () =>
      Effect.gen(function* () {
        for (const input of [
          { destination: Redacted.make("ct_canary0123456789"), customer: "c" },
          { customer: { handle: "c-1", email: "canary@example.org" } }
        ]) {
          assert.strictEqual((yield* Effect.flip(add(requestOf(input))))._tag, "InvalidRequest")
        }
        assert.deepStrictEqual(yield* rowsOf, [])
      }).pipe(Effect.provide(live()))
    )

    it.scopedLive(
      "pays the same request once, however often it is added and relayed; another amount is a HandleConflict",
      () =>
        Effect.gen(function* () {
          yield* add(requestOf())
          yield* add(requestOf())
          assert.deepStrictEqual(yield* Outbox.relay, { submitted: 1, unreadable: 0 })
          yield* ends(requestOf())
          yield* add(requestOf())
          const other = requestOf({ amount: 1 })
          yield* add(other)
          assert.deepStrictEqual(yield* Outbox.relay, { submitted: 2, unreadable: 0 })
          const result = yield* ends(other)
          assert.strictEqual(yield* moved(requestOf().handle), 12_500)
          assert(result?._tag === "Complete" && Exit.isFailure(result.exit))
          assert.include(String(result.exit.cause), "HandleConflict")
        }).pipe(Effect.provide(live()))
    )

    it.scopedLive("is relayed by several at once, each row by one of them", () =>
      Effect.gen(function* () {
        const requests = Array.from({ length: 150 }, (_, index) => requestOf({ handle: `p-${index}` }))
        yield* inHost(Effect.forEach(requests, Outbox.add))
        const seen: Array<string> = []
        const outbox = yield* Outbox.Outbox
        const pass = outbox.relay(({ handle }) =>
          Effect.delay(
            Effect.sync(() => seen.push(handle)),
            "5 millis"
          )
        )
        const passes = yield* Effect.replicateEffect(pass, 4, { concurrency: "unbounded" })
        assert.strictEqual(
          passes.reduce((sum, { submitted }) => sum + submitted, 0),
          150
        )
        assert.deepStrictEqual([new Set(seen).size, seen.length], [150, 150])
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: 0, unreadable: 0 })
      }).pipe(Effect.provide(live()))
    )

    it.scopedLive("keeps, logs and counts a row that it cannot read, and pays the others", () => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const row = (id: string, version: number, payload: string) =>
          sql`INSERT INTO payout_outbox (id, version, payload, created) VALUES (${id}, ${version}, ${payload}, 1)`
        yield* row("later", 2, "{}")
        yield* row("broken", 1, "canary {")
        yield* row("token", 1, JSON.stringify({ request: { handle: "p", destination: "ct_canary" } }))
        yield* add(requestOf())
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 1, unreadable: 3 })
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 0, unreadable: 0 })
        assert.deepStrictEqual(yield* Outbox.counts, { waiting: 0, unreadable: 3 })
        assert.strictEqual(
          lines.filter((line) => /^Outbox payout_outbox: row (later|broken|token) /.test(line)).length,
          3
        )
        assert.notInclude(lines.join(), "canary")
      }).pipe(Effect.provide(Layer.merge(live(), logged(lines))))
    })

    it.scopedLive("keeps the rows while the engine takes none, and says when that begins and is over", () => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const requests = Array.from({ length: 3 }, (_, index) => requestOf({ handle: `p-${index}` }))
        yield* inHost(Effect.forEach(requests, Outbox.add))
        let failures = 0
        const seen: Array<string> = []
        const submit = ({ handle }: PayoutRequest.PayoutRequest) =>
          Effect.suspend(() =>
            ++failures <= 3 ? Effect.dieMessage("away") : Effect.sync(() => void seen.push(handle))
          )
        const relay = yield* Effect.fork(
          Effect.scoped(
            Effect.zipRight(Layer.build(Outbox.layerRelayWith({ submit, interval: "50 millis" })), Effect.never)
          ).pipe(Effect.withClock(yield* hasty))
        )
        const said = () => lines.filter((line) => line.startsWith("Outbox")).map((line) => line.slice(0, 60))
        yield* Effect.repeat(Outbox.counts, {
          until: ({ waiting }) => waiting === 0 && said().at(-1)?.endsWith("relays again") === true,
          schedule: Schedule.spaced("20 millis")
        })
        yield* Fiber.interrupt(relay)
        assert.deepStrictEqual([...seen].sort(), ["p-0", "p-1", "p-2"])
        // A pass between two failures may have found no row that was free: then it begins, and is over, twice.
        const [begins, ends] = [
          "Outbox payout_outbox: The durable engine did not take a payo",
          "Outbox payout_outbox: relays again"
        ]
        assert.deepStrictEqual(
          said(),
          said().map((_, index) => (index % 2 === 0 ? begins : ends))
        )
        assert.isAtLeast(said().length, 2)
      }).pipe(Effect.provide(Layer.merge(live(), logged(lines))))
    })

    it.scopedLive("gives the rows of a relay that is interrupted back at once", () =>
      Effect.gen(function* () {
        yield* add(requestOf())
        const begun = yield* Deferred.make<void>()
        const outbox = yield* Outbox.Outbox
        const stuck = yield* Effect.fork(
          outbox.relay(() => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
        )
        yield* Deferred.await(begun)
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 0, unreadable: 0 })
        yield* Fiber.interrupt(stuck)
        assert.deepStrictEqual(yield* Outbox.relay, { submitted: 1, unreadable: 0 })
      }).pipe(Effect.provide(live()))
    )

    it.scopedLive("uses a table that a migration made, and makes none of an odd name", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.unsafe(Outbox.createTable("intents"))
        yield* sql`ALTER TABLE intents ADD COLUMN note TEXT`
        const own = Outbox.layerWith({ table: "intents" })
        yield* Effect.provide(Effect.zipRight(inHost(Outbox.add(requestOf())), Outbox.relay), own)
        const refused = yield* Effect.flip(
          Effect.provide(Outbox.counts, Outbox.layerWith({ table: "a; DROP TABLE x" }))
        )
        assert.include(String(refused), "Expected letters")
      }).pipe(Effect.provide(live()))
    )
  })
}

describe("An outbox beside an engine that has an SqlClient of its own", () => {
  it.scopedLive("writes to the host's database and to no other, as the document composes them", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(path.join(tmpdir(), "outbox-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const tables = Effect.flatMap(SqlClient.SqlClient, (sql) =>
        Effect.map(sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`, (rows) =>
          rows.map(({ name }) => name)
        )
      )
      const engine = yield* Layer.build(
        PayoutWorkflow.layerWith({}).pipe(
          Layer.provide(Payouts.layer),
          Layer.provideMerge(SqliteEngine.layer({ filename: path.join(folder, "engine.sqlite") }))
        )
      )
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE prizes (handle VARCHAR(99) PRIMARY KEY, amount INTEGER)`
        yield* win(1, 12_500)
        const sandbox = yield* Sandbox.Sandbox
        yield* Effect.repeat(sandbox.ledger, {
          until: ({ totalMoved }) => totalMoved > 0,
          schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo("20 seconds"))
        })
        assert.strictEqual((yield* sandbox.ledger).totalMoved, 12_500)
        assert.includeMembers(yield* tables, ["prizes", "payout_outbox"])
      }).pipe(
        Effect.provide(
          Relaying.pipe(
            Layer.provideMerge(LibsqlClient.layer({ url: `file:${path.join(folder, "host.sqlite")}` })),
            Layer.provide(Layer.succeedContext(engine))
          )
        )
      )
      const theirs = yield* Effect.provide(tables, engine)
      assert.notInclude(theirs, "payout_outbox")
      assert.include(theirs, "cluster_messages")
    }).pipe(Effect.provide(Sandbox.layer))
  )
})
