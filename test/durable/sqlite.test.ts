/** The engine on a file: what a runtime leaves in it when it is closed, and what the next one makes of it. */
import { assert, describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import { Duration, Effect, Encoding, Exit, Fiber, Layer, Redacted, Schedule } from "effect"
import { BillwerkClient, type PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { createClient } from "@libsql/client"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as SqliteConnections from "../../src/durable/SqliteConnections.js"
import { anotherProcess, requestOf } from "../support.js"

const request = requestOf()

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** All bytes of the database, its write-ahead log included. */
const bytesOf = (directory: string) =>
  Effect.sync(() =>
    readdirSync(directory)
      .map((name) => readFileSync(path.join(directory, name), "latin1"))
      .join("")
  )

const options: PayoutWorkflow.Options = {
  policy: RetryPolicy.make({ processingError: Schedule.fromDelays("500 millis", "500 millis") }),
  pollSchedule: Schedule.spaced("500 millis"),
  inMemoryThreshold: Duration.zero
}

/** One process on the file, from its start to its orderly end. */
const runtime = (directory: string, more: PayoutWorkflow.Options = {}) =>
  PayoutWorkflow.layerWith({ ...options, ...more }).pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(
      SqliteEngine.layer({
        filename: path.join(directory, "payouts.sqlite"),
        sharding: { entityMessagePollInterval: "50 millis", entityTerminationTimeout: "1 second" }
      })
    )
  )

const creates = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges),
  (exchanges) => exchanges.filter(({ kind }) => kind === "Create").length
)

/** Submits in a first runtime, closes it after a time, and waits for the end in a second one. */
const closedAfter = (after: Duration.DurationInput) =>
  Effect.gen(function* () {
    const made = yield* directory
    yield* PayoutWorkflow.submit(request).pipe(Effect.zipRight(Effect.sleep(after)), Effect.provide(runtime(made)))
    const outcome = yield* Effect.provide(Effect.either(PayoutWorkflow.execute(request)), runtime(made))
    return { outcome, bytes: yield* bytesOf(made) }
  }).pipe(Effect.scoped)

describe("A runtime on a SQLite file that is closed", () => {
  for (const millis of [0, 100, 400, 900]) {
    it.live(`after ${millis} ms, while its request is under way or after it, pays once`, () =>
      Effect.gen(function* () {
        const { outcome } = yield* closedAfter(millis)
        assert(outcome._tag === "Right", String(outcome))
        assert.strictEqual(outcome.right._tag, "Paid")
        const sandbox = yield* Sandbox.Sandbox
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, request.handle), 12_500)
      }).pipe(Effect.provide(Sandbox.layerWith({ latency: "300 millis" })))
    )
  }

  it.live("while it waits after a processing error does not wait less, and keeps to the budget", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
      const { outcome } = yield* closedAfter("300 millis")
      assert(outcome._tag === "Left")
      assert.deepStrictEqual([outcome.left._tag, outcome.left.exposure.max], ["ProcessingError", 37_500])
      assert.strictEqual(yield* creates, 3)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("while the payout is settled has it settled by the next one", () =>
    Effect.gen(function* () {
      const { outcome } = yield* closedAfter("300 millis")
      assert(outcome._tag === "Right")
      assert.strictEqual(outcome.right._tag, "Paid")
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing({ after: "1 second" }) })))
  )

  it.live("in a flood of hints is hinted on: few lookups, and the next runtime still hears one", () =>
    Effect.gen(function* () {
      const made = yield* directory
      const sandbox = yield* Sandbox.Sandbox
      const patient = () => runtime(made, { pollSchedule: Schedule.spaced("1 hour") })
      const id = yield* PayoutWorkflow.executionId(request)
      const lookups = Effect.map(sandbox.exchanges, (all) => all.filter(({ kind }) => kind === "Lookup").length)
      const status = Effect.map(PayoutWorkflow.poll(id), (result) => result?._tag)
      const flood = Effect.zipRight(
        Effect.replicateEffect(PayoutWorkflow.hint(id), 10, { concurrency: 10 }),
        Effect.sleep("50 millis")
      )
      yield* Effect.gen(function* () {
        yield* PayoutWorkflow.submit(request)
        yield* Effect.repeat(status, { until: (is) => is === "Suspended", schedule: Schedule.spaced("50 millis") })
        yield* Effect.replicateEffect(flood, 15)
        yield* Effect.repeat(lookups, { until: (count) => count > 0, schedule: Schedule.spaced("50 millis") })
      }).pipe(Effect.provide(patient()))
      assert.isAtMost(yield* lookups, 5)
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* Effect.gen(function* () {
        yield* PayoutWorkflow.hint(id)
        yield* Effect.repeat(status, { until: (is) => is === "Complete", schedule: Schedule.spaced("50 millis") })
      }).pipe(Effect.provide(patient()))
      assert.isAtMost(yield* lookups, 8)
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing() })))
  )

  it.live("has stored no secret, and nothing of a request that was refused", () =>
    Effect.gen(function* () {
      const key = "priv_canary0123456789abcdef0123456789"
      const { bytes } = yield* closedAfter("200 millis").pipe(
        Effect.zipLeft(
          Effect.flip(
            PayoutWorkflow.submit(requestOf({ destination: Redacted.make("ct_canary0123456789"), customer: "c" }))
          ).pipe(Effect.provide(runtime(yield* directory)))
        ),
        Effect.provide(Sandbox.layerWith({ apiKey: Redacted.make(key) }))
      )
      assert.include(bytes, request.handle)
      for (const secret of [key, "ct_canary", Encoding.encodeBase64(`${key}:`)]) assert.notInclude(bytes, secret)
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(process.platform === "win32")("The rights to a SQLite file", () => {
  /** The rights of each file of the directory, while it is in use and after it was written to. */
  const modes = (made: string) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY)`
      yield* sql.withTransaction(sql`INSERT INTO notes DEFAULT VALUES`)
      return Object.fromEntries(
        readdirSync(made).map((name) => [name, (statSync(path.join(made, name)).mode & 0o777).toString(8)])
      )
    })
  const ownerOnly = { "payouts.sqlite": "600", "payouts.sqlite-shm": "600", "payouts.sqlite-wal": "600" }
  const opened = (made: string) => SqliteConnections.layer(path.join(made, "payouts.sqlite"))

  for (const mask of [0o000, 0o022, 0o277]) {
    it.scopedLive(`are its owner's alone under a umask of ${mask.toString(8).padStart(3, "0")}`, () =>
      Effect.gen(function* () {
        const made = yield* directory
        yield* Effect.acquireRelease(
          Effect.sync(() => process.umask(mask)),
          (before) => Effect.sync(() => process.umask(before))
        )
        assert.deepStrictEqual(yield* Effect.provide(modes(made), opened(made)), ownerOnly)
      })
    )
  }

  it.scopedLive("are narrowed where a file was left that others may read, and what is in it stays", () =>
    Effect.gen(function* () {
      const made = yield* directory
      const [file, log] = [path.join(made, "payouts.sqlite"), path.join(made, "payouts.sqlite-wal")]
      const leave = Effect.gen(function* () {
        const client = createClient({ url: `file:${file}` })
        yield* Effect.promise(() => client.execute("CREATE TABLE kept (id INTEGER)"))
        client.close()
      })
      yield* leave
      writeFileSync(log, "")
      for (const one of [file, log]) chmodSync(one, 0o664)
      const kept = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT id FROM kept`)
      const [found, rows] = yield* Effect.provide(Effect.all([modes(made), kept]), opened(made))
      assert.deepStrictEqual([found, rows], [ownerOnly, []])
    })
  )

  // Only root can try it: it becomes somebody else for a moment.
  it.scopedLive.skipIf(process.getuid?.() !== 0)(
    "are asked of the owner: another user's file that others may use is refused",
    () =>
      Effect.gen(function* () {
        const made = yield* directory
        chmodSync(made, 0o777)
        const file = path.join(made, "payouts.sqlite")
        writeFileSync(file, "")
        chmodSync(file, 0o666)
        yield* Effect.acquireRelease(
          Effect.sync(() => process.seteuid?.(65_534)),
          () => Effect.sync(() => process.seteuid?.(0))
        )
        const refused = yield* Effect.flip(Effect.provide(SqlClient.SqlClient, opened(made)))
        assert.strictEqual(refused.message, `Refusing to open ${file}: its rights are 666, not 600`)
      })
  )

  it.scopedLive("belong to the file that was named, whatever its name means in a URL", () =>
    Effect.gen(function* () {
      const made = yield* directory
      const name = "pay%20outs?a#b.sqlite"
      yield* Effect.provide(SqlClient.SqlClient, SqliteConnections.layer(path.join(made, name)))
      assert.include(readdirSync(made), name)
      assert.strictEqual(statSync(path.join(made, name)).mode & 0o777, 0o600)
    })
  )
})

/** The sandbox, its HTTP client, and this library's client over it. */
const sandboxed = Sandbox.layerHttpClient.pipe((http) =>
  BillwerkClient.layer({ apiKey: Sandbox.apiKey }).pipe(Layer.provideMerge(http))
)

describe("Two runtimes on a SQLite file, one after the other", () => {
  it.live("leave the evidence as it was", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(
        Script.dropBeforeCommit.pipe(Script.onCreate),
        Script.processingError().pipe(Script.onCreate),
        Script.hardDeclined().pipe(Script.onCreate)
      )
      const made = yield* directory
      const [first, second] = yield* Effect.replicateEffect(
        Effect.provide(Effect.flip(PayoutWorkflow.execute(request)), runtime(made)),
        2
      )
      assert(first?._tag === "HardDeclined")
      const { creates, transactions } = first.evidence
      assert.deepStrictEqual(
        transactions.map(({ doing }) => doing !== undefined),
        [true, true]
      )
      assert.deepStrictEqual(
        creates.map(({ before, from }) => [before, from !== undefined]),
        [[[], true]]
      )
      assert.deepStrictEqual(second, first)
      const other = yield* anotherProcess()
      const again = yield* Effect.flip(other.recover(request, { evidence: first.evidence, outstandingCreates: 0 }))
      assert(again._tag === "HardDeclined")
      assert.deepStrictEqual(again.evidence.creates, creates)
      assert.deepStrictEqual(again.evidence.transactions, transactions)
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )

  it.live("with another card each: the second one does not take the first one's decline for its own (E1d)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(
        Script.hardDeclined().pipe(Script.onCreate),
        Script.paid.pipe(Script.delayRequest("3 seconds"), Script.onCreate)
      )
      const made = yield* directory
      const hasty = BillwerkClient.layer({ apiKey: Sandbox.apiKey, createDeadline: "800 millis" })
      const run = (one: PayoutRequest.PayoutRequest) =>
        Effect.flip(PayoutWorkflow.execute(one)).pipe(
          Effect.provide(
            Layer.provide(runtime(made, { policy: RetryPolicy.none, pauseSchedule: Schedule.stop }), hasty)
          )
        )
      const first = yield* run(request)
      const second = yield* run(requestOf({ destination: "ca_another" }))
      assert.deepStrictEqual([first._tag, first.certainty], ["HardDeclined", "NotMoved"])
      assert.deepStrictEqual([second._tag, second.certainty], ["CommunicationError", "MayHaveMoved"])
      yield* Effect.sleep("3 seconds")
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, request.handle), 12_500)
      // Who comes later is told so, by what is stored.
      assert(second._tag === "CommunicationError")
      const other = yield* anotherProcess()
      const later = yield* other.recover(requestOf({ destination: "ca_another" }), { evidence: second.evidence })
      assert.deepStrictEqual([later._tag, later.certainty], ["Paid", "Moved"])
    }).pipe(Effect.scoped, Effect.provide(sandboxed))
  )
})

describe("The connections to a SQLite file", () => {
  const connected = Effect.map(directory, (made) => {
    const filename = path.join(made, "payouts.sqlite")
    return { filename, layer: SqliteConnections.layer(filename) }
  })
  /** How many files of the database this process has open. */
  const openFiles = (filename: string) =>
    readdirSync("/proc/self/fd").filter((descriptor) => {
      const link = `/proc/self/fd/${descriptor}`
      return existsSync(link) && readlinkSync(link).startsWith(filename)
    }).length

  it.scopedLive(
    "are as many at the end as at the start, however many transactions there are, and do as they were told",
    () =>
      Effect.gen(function* () {
        const { filename, layer } = yield* connected
        const work = Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE notes (id INTEGER PRIMARY KEY)`
          const add = (id: number) => sql.withTransaction(sql`INSERT INTO notes ${sql.insert({ id })}`)
          yield* add(0)
          const first = openFiles(filename)
          yield* Effect.forEach(Array.from({ length: 100 }), (_, index) => add(index + 1), { concurrency: 10 })
          const synchronous = sql`PRAGMA synchronous`
          return {
            files: [first, openFiles(filename)],
            rows: yield* sql`SELECT count(*) AS rows FROM notes`,
            synchronous: [yield* synchronous, yield* sql.withTransaction(synchronous)]
          }
        })
        const { files, rows, synchronous } = yield* Effect.provide(work, layer)
        // Where there is no /proc, the rest still holds.
        if (existsSync("/proc/self/fd")) assert.strictEqual(files[1], files[0])
        assert.deepStrictEqual(rows, [{ rows: 101n }])
        // 2 is FULL.
        assert.deepStrictEqual(synchronous, [[{ synchronous: 2n }], [{ synchronous: 2n }]])
      })
  )

  it.scopedLive("roll back what failed, what was interrupted and what could not be committed, and go on", () =>
    Effect.gen(function* () {
      const { layer } = yield* connected
      const work = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`PRAGMA foreign_keys = ON`
        yield* sql`CREATE TABLE notes (id INTEGER PRIMARY KEY)`
        yield* sql`CREATE TABLE marks (note INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)`
        const add = (id: number) => sql`INSERT INTO notes ${sql.insert({ id })}`
        const failed = yield* Effect.exit(sql.withTransaction(Effect.zipRight(add(1), Effect.fail("no"))))
        const cut = yield* Effect.fork(sql.withTransaction(Effect.zipRight(add(2), Effect.never)))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(cut)
        // What refers to nothing is only found when it is committed.
        const dangling = Effect.zipRight(sql`PRAGMA defer_foreign_keys = ON`, sql`INSERT INTO marks VALUES (7)`)
        const uncommitted = yield* Effect.exit(
          sql.withTransaction(Effect.zipRight(sql`PRAGMA foreign_keys`, Effect.zipRight(dangling, add(3))))
        )
        yield* sql.withTransaction(add(4))
        return { failed, uncommitted, rows: yield* sql`SELECT id FROM notes` }
      })
      const { failed, rows, uncommitted } = yield* Effect.provide(work, layer)
      assert.deepStrictEqual([Exit.isFailure(failed), Exit.isFailure(uncommitted)], [true, true])
      assert.deepStrictEqual(rows, [{ id: 4n }])
    })
  )

  it.scopedLive("send nothing more when SQLite itself has rolled back", () =>
    Effect.gen(function* () {
      const { layer } = yield* connected
      const work = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE notes (id INTEGER PRIMARY KEY)`
        const add = (id: number) => sql`INSERT INTO notes ${sql.insert({ id })}`
        yield* add(1)
        const rolledBack = sql`INSERT OR ROLLBACK INTO notes VALUES (1)`
        const caught = yield* Effect.flip(
          sql.withTransaction(Effect.zipRight(add(2), Effect.zipRight(Effect.ignore(rolledBack), add(3))))
        )
        const uncaught = yield* Effect.flip(sql.withTransaction(Effect.zipRight(add(4), rolledBack)))
        // What only fails leaves the transaction as it is.
        yield* sql.withTransaction(Effect.zipRight(add(5), Effect.zipRight(Effect.ignore(add(1)), add(6))))
        return { tags: [caught._tag, uncaught._tag], rows: yield* sql`SELECT id FROM notes` }
      })
      const { rows, tags } = yield* Effect.provide(work, layer)
      assert.deepStrictEqual(tags, ["SqlError", "SqlError"])
      assert.deepStrictEqual(rows, [{ id: 1n }, { id: 5n }, { id: 6n }])
    })
  )

  it.scopedLive("go on when somebody else has had the file for a moment", () =>
    Effect.gen(function* () {
      const { filename, layer } = yield* connected
      const work = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE notes (id INTEGER PRIMARY KEY)`
        const add = (id: number) => sql.withTransaction(sql`INSERT INTO notes ${sql.insert({ id })}`)
        yield* add(1)
        const other = createClient({ url: `file:${filename}` })
        const held = yield* Effect.promise(() => other.transaction("write"))
        const failures = yield* Effect.forEach([2, 3], (id) => Effect.flip(add(id)))
        yield* Effect.promise(() => held.rollback())
        other.close()
        yield* Effect.forEach([4, 5, 6], add)
        return { tags: failures.map(({ _tag }) => _tag), rows: yield* sql`SELECT id FROM notes` }
      })
      const { rows, tags } = yield* Effect.provide(work, layer).pipe(Effect.timeout("5 seconds"), Effect.disconnect)
      assert.deepStrictEqual(tags, ["SqlError", "SqlError"])
      assert.deepStrictEqual(rows, [{ id: 1n }, { id: 4n }, { id: 5n }, { id: 6n }])
    })
  )
})
