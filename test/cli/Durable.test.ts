/** `payout durable`: what it prints and how it ends, on a SQLite file whose payouts another engine runs. */
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, Option, Schedule, Sink, Stream } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import Pg from "pg"
import { destination, requestOf } from "../support.js"
import { live, payout } from "./support.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-cli-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const quick = { entityMessagePollInterval: "50 millis", entityTerminationTimeout: "1 second" } as const

const policy = RetryPolicy.make({ communication: Schedule.spaced("1 hour") })

/** An engine at work on a file: one payout is paid, one is processing, and the answer to one was lost. */
const atWork = (prefix?: string) =>
  Effect.gen(function* () {
    const filename = path.join(yield* folder, "payouts.sqlite")
    const sandbox = yield* Sandbox.Sandbox
    const down = Script.apiError({ status: 503, code: 1 }).pipe(Script.onLookup)
    yield* sandbox.script(Script.normal.pipe(Script.onLookup, Script.forHandle("lost")))
    yield* sandbox.always(
      Script.processing().pipe(Script.onCreate, Script.forHandle("slow")),
      Script.dropAfterCommit.pipe(Script.onCreate, Script.forHandle("lost")),
      Script.forHandle("lost")(down)
    )
    const runtime = yield* Layer.build(
      Layer.provideMerge(workflow, SqliteEngine.layer({ filename, prefix, sharding: quick }))
    )
    yield* Effect.gen(function* () {
      yield* PayoutWorkflow.execute(requestOf({ handle: "paid" }))
      for (const handle of ["slow", "lost"]) yield* PayoutWorkflow.submit(requestOf({ handle }))
      const waiting = Stream.runCount(Stream.filter(Unfinished.list({ prefix }), ({ state }) => state === "Waiting"))
      yield* Effect.repeat(waiting, {
        until: (count) => count === 2,
        schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo("20 seconds"))
      })
    }).pipe(Effect.provide(runtime))
    return filename
  }).pipe(Effect.orDie)

const workflow = PayoutWorkflow.layerWith({ policy, pollSchedule: Schedule.spaced("2 hours") }).pipe(
  Layer.provide(Payouts.layer)
)

const moment = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g

describe("payout durable list", () => {
  it.scopedLive("prints a table with what is in doubt, and ends with 8", () =>
    Effect.gen(function* () {
      const filename = yield* atWork()
      const { code, err, out } = yield* payout(["durable", "list", "--sqlite", filename], { env: live })
      assert.deepStrictEqual([code, err], [8, []])
      assert.deepStrictEqual(
        out.map((line) => line.replace(moment, "<moment>").replace(/ {2,}/g, "  ")),
        [
          "since  state  latest answer  amount  money  next look  handle",
          "<moment>  waiting  Processing  12500 DKK  in doubt 12500  <moment>  slow",
          "<moment>  next try  CommunicationError  12500 DKK  in doubt 12500  <moment>  lost",
          "2 unfinished payouts, 2 in doubt, at most 25000 DKK together; the list is complete, without those that have ended (--in-doubt)"
        ]
      )
      assert.notInclude(out.join(), destination)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("prints one JSON object a payout and line with --json, of the engine with this prefix", () =>
    Effect.gen(function* () {
      const filename = yield* atWork("hostone")
      const { code, out } = yield* payout(["durable", "list", "--sqlite", filename, "--prefix", "hostone", "--json"])
      const rows: ReadonlyArray<Record<string, unknown>> = out.map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        [code, ...rows.map(({ certainty, exposure, handle, state }) => [handle, state, certainty, exposure])],
        [
          8,
          ["slow", "Waiting", "MayHaveMoved", { min: 0, max: 12_500 }],
          ["lost", "Waiting", "MayHaveMoved", { min: 0, max: 12_500 }]
        ]
      )
      const other = yield* payout(["durable", "list", "--sqlite", filename])
      assert.deepStrictEqual([other.code, other.out], [2, []])
      assert.match(other.err.join(), /no table cluster_messages.*--prefix/)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("refuses what is no database, makes no file, and says where the URL belongs", () =>
    Effect.gen(function* () {
      const missing = path.join(yield* folder, "missing.sqlite")
      const refused = (...args: ReadonlyArray<string>) =>
        Effect.map(payout(["durable", ...args]), ({ code, err, out }) => [code, out.length, err.join("\n")])
      assert.deepStrictEqual(yield* refused("list", "--sqlite", missing), [
        2,
        0,
        `payout: ${missing} cannot be read (NotFound)`
      ])
      assert.isFalse(existsSync(missing))
      const where = "payout: say where the payouts are: --sqlite <file> or --postgres"
      assert.deepStrictEqual(yield* refused("list"), [2, 0, where])
      assert.deepStrictEqual(yield* refused("list", "--postgres", "--sqlite", missing), [2, 0, where])
      assert.deepStrictEqual(yield* refused("list", "--postgres"), [
        2,
        0,
        "payout: --postgres needs the database's URL in the environment variable PAYOUTS_POSTGRES_URL, " +
          "never on the command line: other users of this machine can read that"
      ])
      assert.match(
        String((yield* refused("list", "--sqlite", import.meta.filename, "--prefix", "Host"))[2]),
        /prefix Expected/
      )
      assert.match(String((yield* refused())[2]), /name a command: durable list, show, wake, retry or assess/)
    })
  )

  for (const url of ["not-a-url", "canary", "https://payer:canary@127.0.0.1/payouts", "localhost:5432"]) {
    it.live(`refuses ${url} as the URL of a database, and does not repeat it`, () =>
      Effect.gen(function* () {
        const { code, err } = yield* payout(["durable", "list", "--postgres"], { env: { PAYOUTS_POSTGRES_URL: url } })
        const line = "PAYOUTS_POSTGRES_URL must be the URL of a PostgreSQL database (postgres:...)"
        assert.deepStrictEqual([code, err], [2, [`payout: ${line}`]])
      })
    )
  }

  it.scopedLive("ends with 7 if the database does not answer, and shows nothing of its URL", () =>
    Effect.gen(function* () {
      const env = { PAYOUTS_POSTGRES_URL: "postgres://payer:canary@127.0.0.1:1/payouts" }
      const { code, err, out } = yield* payout(["durable", "list", "--postgres", "--json"], { env })
      assert.deepStrictEqual([code, err], [7, ["payout: the database did not answer (ECONNREFUSED)"]])
      assert.deepStrictEqual(JSON.parse(out.at(-1) ?? ""), {
        exitCode: 7,
        error: { _tag: "SqlError", code: "ECONNREFUSED", message: "the database did not answer (ECONNREFUSED)" }
      })
      const no = path.join(yield* folder, "no.sqlite")
      writeFileSync(no, "this is no database".repeat(100), { mode: 0o600 })
      const sqlite = yield* payout(["durable", "list", "--sqlite", no])
      assert.deepStrictEqual([sqlite.code, sqlite.err], [7, ["payout: the database did not answer (SQLITE_NOTADB)"]])
    })
  )

  it.scopedLive("ends quietly with 141 if its reader closes standard output", () =>
    Effect.gen(function* () {
      const filename = yield* atWork()
      const gone = new SystemError({ reason: "Unknown", module: "Stream", method: "write", description: "EPIPE" })
      const output = Sink.forEach(() => Effect.fail(gone))
      const { code, err } = yield* payout(["durable", "list", "--sqlite", filename], { output })
      assert.deepStrictEqual([code, err], [141, []])
    }).pipe(Effect.provide(Sandbox.layer))
  )
})

describe("payout durable wake", () => {
  it.scopedLive(
    "wakes one payout, which the running engine then looks up, and is told apart from an unknown handle",
    () =>
      Effect.gen(function* () {
        const filename = yield* atWork()
        const sandbox = yield* Sandbox.Sandbox
        const wake = (...args: ReadonlyArray<string>) => payout(["durable", "wake", "--sqlite", filename, ...args])
        yield* sandbox.settle("slow", { _tag: "Paid" })
        const first = yield* wake("slow")
        assert.deepStrictEqual([first.code, first.err, first.out[0]], [8, [], "woke, as it was before:"])
        assert.match(first.out[1] ?? "", /waiting {3}Processing .*in doubt 12500 .* slow$/)
        const left = Effect.map(payout(["durable", "list", "--sqlite", filename, "--json"]), ({ out }) => out.length)
        yield* Effect.repeat(left, {
          until: (count) => count === 1,
          schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo("15 seconds"))
        })
        const again = yield* wake("slow")
        assert.deepStrictEqual(
          [again.code, again.out],
          [8, ["slow has ended: nothing to wake (durable retry takes it up)"]]
        )
        const unknown = yield* wake("unknown", "--json")
        assert.deepStrictEqual(
          [unknown.code, JSON.parse(unknown.out[0] ?? "")],
          [6, { exitCode: 6, woken: 0, executions: [] }]
        )
      }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("wakes all that wait with --all, and wants one of the two", () =>
    Effect.gen(function* () {
      const filename = yield* atWork()
      const wake = (...args: ReadonlyArray<string>) => payout(["durable", "wake", "--sqlite", filename, ...args])
      const all = yield* wake("--all", "--json")
      assert.deepStrictEqual([all.code, all.out.map((line) => JSON.parse(line))], [8, [{ exitCode: 8, woken: 2 }]])
      assert.strictEqual((yield* payout(["durable", "wake", "slow", "--sqlite", filename])).code, 8)
      const neither = yield* wake()
      assert.deepStrictEqual([neither.code, neither.err], [2, ["payout: say what to wake: one handle, or --all"]])
      assert.strictEqual((yield* wake("--all", "slow")).code, 2)
      const noHandle = yield* wake("not a handle")
      assert.deepStrictEqual([noHandle.code, noHandle.out], [2, []])
    }).pipe(Effect.provide(Sandbox.layer))
  )
})

describe("payout durable retry, assess and show", () => {
  /** One payout was softly declined, one is in doubt, and one was paid. */
  const ended = Effect.gen(function* () {
    const filename = path.join(yield* folder, "payouts.sqlite")
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(
      Script.softDeclined().pipe(Script.forHandle("soft")),
      Script.normal.pipe(Script.onLookup, Script.forHandle("lost")),
      Script.dropAfterCommit.pipe(Script.onCreate, Script.forHandle("lost")),
      Script.dropBeforeCommit.pipe(Script.onLookup, Script.forHandle("lost"))
    )
    const over = PayoutWorkflow.layerWith({ policy: RetryPolicy.none, pauseSchedule: Schedule.stop })
    const runtime = yield* Layer.build(
      over.pipe(Layer.provide(Payouts.layer), Layer.provideMerge(SqliteEngine.layer({ filename, sharding: quick })))
    )
    yield* Effect.forEach(["soft", "lost", "paid"], (handle) =>
      Effect.provide(Effect.exit(PayoutWorkflow.execute(requestOf({ handle }))), runtime)
    )
    const durable = (...args: ReadonlyArray<string>) => payout(["durable", ...args, "--sqlite", filename])
    const state = (handle: string) =>
      Effect.map(durable("show", handle, "--json"), ({ out }) => {
        const { executions } = JSON.parse(out[0] ?? "")
        const { certainty, latest, state } = executions.at(-1)
        return [executions.length, state, latest, certainty]
      })
    return { durable, state }
  }).pipe(Effect.orDie)

  const until = (state: Effect.Effect<ReadonlyArray<unknown>>) =>
    Effect.repeat(state, {
      until: ([, state]) => state === "Ended",
      schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo("15 seconds"))
    }).pipe(Effect.zipRight(state))

  it.scopedLive("take up what has ended, which the running engine then finishes", () =>
    Effect.gen(function* () {
      const { durable, state } = yield* ended
      assert.deepStrictEqual(yield* state("soft"), [1, "Ended", "SoftDeclined", "NotMoved"])
      const retried = yield* durable("retry", "soft")
      assert.deepStrictEqual([retried.code, retried.err], [8, []])
      assert.match(retried.out[0] ?? "", /^soft, execution [0-9a-f]{32}: taken up/)
      yield* Effect.repeatN(Effect.sleep("200 millis"), 5)
      assert.deepStrictEqual(yield* until(state("soft")), [2, "Ended", "Paid", "Moved"])
      assert.deepStrictEqual(yield* state("lost"), [1, "Ended", "CommunicationError", "MayHaveMoved"])
      const inDoubt = Effect.map(durable("list", "--in-doubt"), ({ out }) => out.at(-1))
      assert.strictEqual(
        yield* inDoubt,
        "1 payout in doubt, ended ones too, at most 12500 DKK together; the list is complete"
      )
      assert.strictEqual((yield* durable("assess", "lost")).code, 8)
      yield* Effect.repeatN(Effect.sleep("200 millis"), 5)
      assert.deepStrictEqual(yield* until(state("lost")), [2, "Ended", "Paid", "Moved"])
      assert.strictEqual(yield* inDoubt, "0 payouts in doubt, ended ones too; the list is complete")
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 3 * 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("assess all that have ended, which no earlier end is told of any more", () =>
    Effect.gen(function* () {
      const { durable, state } = yield* ended
      const all = yield* durable("assess", "--all")
      assert.deepStrictEqual([all.code, all.out], [8, ["2 ended payouts taken up: no earlier end is told now"]])
      assert.deepStrictEqual(yield* until(state("lost")), [2, "Ended", "Paid", "Moved"])
      assert.strictEqual((yield* durable("assess")).code, 2)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("leave alone what is final, and say so, and what is unknown", () =>
    Effect.gen(function* () {
      const { durable } = yield* ended
      const final = yield* durable("retry", "paid", "--json")
      const { exitCode, payouts } = JSON.parse(final.out[0] ?? "")
      assert.deepStrictEqual([final.code, exitCode, payouts[0].status], [8, 8, "Final"])
      const unknown = yield* durable("assess", "unknown")
      assert.deepStrictEqual(
        [unknown.code, unknown.out, unknown.err],
        [6, [], ["payout: no durable payout here has the handle unknown"]]
      )
      assert.strictEqual((yield* durable("show", "unknown")).code, 6)
      const shown = yield* durable("show", "soft")
      assert.strictEqual(shown.code, 8)
      assert.match(shown.out[1] ?? "", /ended {5}SoftDeclined .* not moved .* soft$/)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("want to know which one, if several payouts of the handle have ended", () =>
    Effect.gen(function* () {
      const filename = path.join(yield* folder, "payouts.sqlite")
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.softDeclined().pipe(Script.onCreate))
      const over = PayoutWorkflow.layerWith({ policy: RetryPolicy.none }).pipe(
        Layer.provide(Payouts.layer),
        Layer.provideMerge(SqliteEngine.layer({ filename, sharding: quick }))
      )
      const runtime = yield* Layer.build(over)
      const cards = ["ca_one", "ca_two"]
      yield* Effect.forEach(cards, (destination) =>
        Effect.provide(Effect.exit(PayoutWorkflow.execute(requestOf({ destination }))), runtime)
      )
      const retry = (...more: ReadonlyArray<string>) =>
        payout(["durable", "retry", requestOf().handle, "--sqlite", filename, ...more])
      const several = yield* retry()
      assert.strictEqual(several.code, 2)
      assert.match(several.err.join(), /Several payouts of .* have ended/)
      const id = yield* PayoutWorkflow.executionId(requestOf({ destination: "ca_two" }))
      const one = yield* retry("--execution", id)
      assert.strictEqual(one.code, 8)
      assert.strictEqual(one.out.filter((line) => line.includes("taken up")).length, 1)
    }).pipe(Effect.orDie, Effect.provide(Sandbox.layer))
  )
})

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

describe.skipIf(Option.isNone(url))("payout durable on PostgreSQL", () => {
  it.scopedLive("lists and wakes what an engine with this prefix stored", () =>
    Effect.gen(function* () {
      const schema = `payouts_cli_${process.pid}`
      const address = new URL(Option.getOrThrow(url))
      address.searchParams.set("options", `-c search_path=${schema}`)
      const pool = Effect.acquireRelease(
        Effect.sync(() => new Pg.Pool({ connectionString: address.href, max: 4 })),
        (made) => Effect.promise(() => made.end())
      )
      const server = yield* pool
      yield* Effect.acquireRelease(
        Effect.promise(() => server.query(`CREATE SCHEMA ${schema}`)),
        () => Effect.promise(() => server.query(`DROP SCHEMA ${schema} CASCADE`))
      )
      const durable = (...args: ReadonlyArray<string>) =>
        payout(["durable", ...args, "--postgres", "--prefix", "hostone", "--json"], {
          env: { PAYOUTS_POSTGRES_URL: address.href }
        })
      assert.strictEqual((yield* durable("list")).code, 2)
      const submitting = PostgresEngine.layer({ pool, prefix: "hostone", submitOnly: true, sharding: quick })
      yield* Effect.provide(PayoutWorkflow.submit(requestOf({ handle: "slow" })), submitting)
      const { code, out } = yield* durable("list")
      const { handle, state } = JSON.parse(out[0] ?? "")
      assert.deepStrictEqual([code, out.length, handle, state], [8, 1, "slow", "UnderWay"])
      const all = yield* durable("wake", "--all")
      assert.deepStrictEqual([all.code, all.out], [8, ['{"exitCode":8,"woken":0}']])
    })
  )
})
