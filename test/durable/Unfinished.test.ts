/** The list from the engine's own tables, compared with what the workflow, the error and the ledger say. */
import { assert, describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import { WorkflowEngine } from "@effect/workflow"
import { Cause, Config, Duration, Effect, Exit, Layer, Option, type Scope, Schedule, Stream } from "effect"
import { type PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import Pg from "pg"
import { destination, requestOf } from "../support.js"

const prefix = "hostone"

const quick = { entityMessagePollInterval: "50 millis", entityTerminationTimeout: "1 second" } as const

type Engine = Layer.Layer<WorkflowEngine.WorkflowEngine | SqlClient.SqlClient>

/** A database that is empty, and gone after the test. */
interface Database {
  readonly name: string
  readonly engine: Effect.Effect<(submitOnly: boolean) => Engine, never, Scope.Scope>
}

const onSqlite: Database = {
  name: "SQLite",
  engine: Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    ),
    (made) => (submitOnly) =>
      Layer.orDie(
        SqliteEngine.layer({ filename: path.join(made, "payouts.sqlite"), prefix, submitOnly, sharding: quick })
      )
  )
}

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

let schemas = 0

const onPostgres = (connectionString: string): Database => ({
  name: "PostgreSQL",
  engine: Effect.gen(function* () {
    const schema = `unfinished_${process.pid}_${(schemas += 1)}`
    const server = yield* pool(connectionString)
    yield* Effect.acquireRelease(
      Effect.promise(() => server.query(`CREATE SCHEMA ${schema}`)),
      () => Effect.promise(() => server.query(`DROP SCHEMA ${schema} CASCADE`))
    )
    return (submitOnly) =>
      Layer.orDie(
        PostgresEngine.layer({
          pool: pool(connectionString, `-c search_path=${schema}`),
          prefix,
          submitOnly,
          sharding: quick
        })
      )
  })
})

const pool = (connectionString: string, options = "") =>
  Effect.acquireRelease(
    Effect.sync(() => new Pg.Pool({ connectionString, max: 6, options })),
    (made) => Effect.promise(() => made.end())
  )

const databases = [onSqlite, ...Option.toArray(Option.map(url, onPostgres))]

const workflow = PayoutWorkflow.layerWith({
  policy: RetryPolicy.make({
    communication: Schedule.spaced("1 hour"),
    processingError: Schedule.spaced("1 hour"),
    rateLimited: Schedule.spaced("1 hour")
  }),
  pollSchedule: Schedule.spaced("2 hours"),
  inMemoryThreshold: Duration.zero
}).pipe(Layer.provide(Payouts.layer))

const running = (engine: (submitOnly: boolean) => Engine) => Layer.provideMerge(workflow, engine(false))

const list = Effect.map(Stream.runCollect(Unfinished.list({ prefix })), (all) => [...all])

const down = Script.apiError({ status: 503, code: 1 })

/** What each payout meets, and what the list must say: state, latest, certainty, min and max. */
const stories: Readonly<
  Record<string, { readonly script: ReadonlyArray<Script.Step>; readonly is: ReadonlyArray<unknown> }>
> = {
  paid: { script: [], is: ["Ended", "Paid", "Moved", 12_500, 12_500] },
  processing: {
    script: [Script.processing().pipe(Script.onCreate)],
    is: ["Waiting", "Processing", "MayHaveMoved", 0, 12_500]
  },
  "lost-and-paid": {
    script: [Script.dropAfterCommit.pipe(Script.onCreate), down.pipe(Script.onLookup)],
    is: ["Waiting", "CommunicationError", "MayHaveMoved", 0, 12_500]
  },
  "lost-before": {
    script: [Script.dropBeforeCommit.pipe(Script.onCreate), down.pipe(Script.onLookup)],
    is: ["Waiting", "CommunicationError", "MayHaveMoved", 0, 12_500]
  },
  refused: {
    script: [Script.connectionRefused],
    is: ["Waiting", "CommunicationError", "NotMoved", 0, 0]
  },
  declined: {
    script: [Script.hardDeclined().pipe(Script.onCreate)],
    is: ["Ended", "HardDeclined", "NotMoved", 0, 0]
  },
  "soft-declined": {
    script: [Script.softDeclined().pipe(Script.onCreate)],
    is: ["Ended", "SoftDeclined", "NotMoved", 0, 0]
  },
  "processing-error": {
    script: [Script.processingError().pipe(Script.onCreate)],
    is: ["Waiting", "ProcessingError", "MayHaveMoved", 0, 12_500]
  },
  "processing-error-moved": {
    script: [Script.processingError({ moved: true }).pipe(Script.onCreate)],
    is: ["Waiting", "ProcessingError", "MayHaveMoved", 0, 12_500]
  },
  "rate-limited": {
    script: [Script.apiError({ status: 429, code: 122 }).pipe(Script.onCreate)],
    is: ["Waiting", "RateLimited", "NotMoved", 0, 0]
  },
  rejected: {
    script: [Script.apiError({ status: 400, code: 3 }).pipe(Script.onCreate)],
    is: ["Ended", "RequestRejected", "NotMoved", 0, 0]
  },
  "under-way": {
    script: [Script.hangAfterCommit.pipe(Script.onCreate)],
    is: ["UnderWay", undefined, "MayHaveMoved", 0, 12_500]
  }
}

const requests = Object.keys(stories).map((handle) => requestOf({ handle }))

const told = ({ certainty, exposure, latest, state }: Unfinished.Execution) => [
  state,
  latest,
  certainty,
  exposure.min,
  exposure.max
]

const submitAll = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  // The provider is well until each has sent.
  yield* sandbox.script(
    ...Object.keys(stories).map((handle) => Script.forHandle(handle)(Script.onLookup(Script.normal)))
  )
  yield* sandbox.always(
    ...Object.entries(stories).flatMap(([handle, { script }]) => script.map((step) => Script.forHandle(handle)(step)))
  )
  yield* Effect.forEach(requests, PayoutWorkflow.submit)
  const statuses = Effect.forEach(requests, (request) =>
    Effect.flatMap(PayoutWorkflow.executionId(request), PayoutWorkflow.poll)
  )
  const isUnderWay = (results: Effect.Effect.Success<typeof statuses>) =>
    results.filter((result) => result === undefined).length
  yield* Effect.repeat(statuses, {
    until: (results) => isUnderWay(results) === 1,
    schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo("30 seconds"))
  })
  // The hanging request has left.
  yield* Effect.repeat(
    Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "under-way")),
    {
      until: (moved) => moved > 0,
      schedule: Schedule.spaced("50 millis")
    }
  )
})

/** Overwrites what is stored under keys like this one: a row of a later version, or a broken one. */
const change = (key: string, table: "messages" | "replies", payload: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const messages = sql(`${prefix}_messages`)
    const ids = sql`SELECT id FROM ${messages} WHERE message_id LIKE ${key}`
    yield* table === "messages"
      ? sql`UPDATE ${messages} SET payload = ${payload} WHERE message_id LIKE ${key}`
      : sql`UPDATE ${sql(`${prefix}_replies`)} SET payload = ${payload} WHERE request_id IN (${ids})`
  })

/** What a person would be told by the workflow itself. */
const polled = (request: PayoutRequest.PayoutRequest) =>
  Effect.gen(function* () {
    const result = yield* Effect.flatMap(PayoutWorkflow.executionId(request), PayoutWorkflow.poll)
    if (result?._tag !== "Complete") return undefined
    const end = Exit.isSuccess(result.exit)
      ? result.exit.value
      : Option.getOrThrow(Cause.failureOption(result.exit.cause))
    return ["Ended", end._tag, end.certainty, end.exposure.min, end.exposure.max]
  })

for (const { engine, name } of databases) {
  describe(`The list from ${name}`, () => {
    it.scopedLive("says of a dozen payouts in all states what the workflow and the ledger say", () =>
      Effect.gen(function* () {
        const runtime = yield* Layer.build(running(yield* engine))
        yield* Effect.gen(function* () {
          yield* submitAll
          const unfinished = new Map((yield* list).map((one) => [one.handle, one]))
          const sandbox = yield* Sandbox.Sandbox
          const ledger = yield* sandbox.ledger
          for (const request of requests) {
            const story = stories[request.handle]
            const [one, ...more] = yield* Unfinished.ofHandle(request.handle, { prefix })
            assert(one !== undefined && story !== undefined, request.handle)
            assert.deepStrictEqual([told(one), more], [[...story.is], []], request.handle)
            const end = yield* polled(request)
            if (end !== undefined) assert.deepStrictEqual(told(one), end, request.handle)
            assert.deepStrictEqual(unfinished.get(request.handle), end === undefined ? one : undefined)
            const moved = Ledger.moved(ledger, request.handle)
            assert(one.exposure.min <= moved && moved <= one.exposure.max, request.handle)
            if (one.certainty === "NotMoved") assert.strictEqual(moved, 0, request.handle)
            assert.deepStrictEqual(
              [one.executionId, one.amount, one.currency, one.unreadable],
              [yield* PayoutWorkflow.executionId(request), 12_500, "DKK", []]
            )
            const isWaiting = one.state === "Waiting"
            assert.strictEqual(one.nextLook !== undefined, isWaiting, request.handle)
            if (one.nextLook !== undefined) {
              const wait = Duration.toMinutes(Duration.millis(one.nextLook.epochMillis - one.since.epochMillis))
              assert.closeTo(wait, request.handle === "processing" ? 120 : 60, 1, request.handle)
            }
          }
          assert.strictEqual(unfinished.size, 8)
          assert.notInclude(JSON.stringify([...unfinished.values()]), destination)
        }).pipe(Effect.provide(runtime))
      }).pipe(Effect.provide(Sandbox.layer))
    )

    it.scopedLive("counts what a row that it cannot read may have sent as money that may have moved", () =>
      Effect.gen(function* () {
        const runtime = yield* Layer.build(running(yield* engine))
        yield* Effect.gen(function* () {
          yield* submitAll
          const before = new Map((yield* list).map((one) => [one.handle, one]))
          const later =
            '{"_tag":"Success","value":{"_tag":"Complete","exit":{"_tag":"Success","value":{"_tag":"Later"}}}}'
          yield* change("%/activity/send/1/1", "replies", later)
          yield* change(
            `%/${yield* PayoutWorkflow.executionId(requestOf({ handle: "refused" }))}/run/`,
            "messages",
            "{"
          )
          const ledger = yield* (yield* Sandbox.Sandbox).ledger
          const after = yield* list
          assert.strictEqual(after.length, before.size)
          for (const one of after) {
            const { handle = "refused" } = one
            const isRequestLost = handle === "refused"
            const isOpen = handle === "under-way"
            assert.deepStrictEqual(
              [one.certainty, one.exposure.min, one.exposure.max],
              ["MayHaveMoved", 0, 12_500],
              handle
            )
            assert.isAtMost(Ledger.moved(ledger, handle), one.exposure.max)
            assert.deepStrictEqual(
              one.unreadable,
              [...(isRequestLost ? ["run"] : []), ...(isOpen ? [] : ["send/1"])],
              handle
            )
            assert.strictEqual(one.state, before.get(handle)?.state)
          }
          // The end of an execution is not folded from its steps.
          const [paid] = yield* Unfinished.ofHandle("paid", { prefix })
          assert.deepStrictEqual(paid && [...told(paid), paid.unreadable], [
            "Ended",
            "Paid",
            "Moved",
            12_500,
            12_500,
            ["send/1"]
          ])
          yield* change(`%/${yield* PayoutWorkflow.executionId(requestOf({ handle: "paid" }))}/run/`, "replies", "[]")
          const [broken] = yield* Unfinished.ofHandle("paid", { prefix })
          assert.deepStrictEqual(broken && [...told(broken), broken.unreadable], [
            "Broken",
            undefined,
            "MayHaveMoved",
            0,
            12_500,
            ["run", "send/1"]
          ])
          assert.isTrue((yield* list).some(({ handle }) => handle === "paid"))
        }).pipe(Effect.provide(runtime))
      }).pipe(Effect.provide(Sandbox.layer))
    )

    it.scopedLive("has every execution of a handle, and nothing of an engine with another prefix", () =>
      Effect.gen(function* () {
        const runtime = yield* Layer.build(running(yield* engine))
        yield* Effect.gen(function* () {
          yield* Effect.forEach([12_500, 700, 700], (amount) =>
            Effect.exit(PayoutWorkflow.execute(requestOf({ amount })))
          )
          // A text that looks like another payout's handle.
          yield* PayoutWorkflow.execute(requestOf({ handle: "another", text: `"handle":"${requestOf().handle}"` }))
          const found = yield* Unfinished.ofHandle(requestOf().handle, { prefix })
          assert.deepStrictEqual(
            found.map((one) => [one.amount, ...told(one)]),
            [
              [12_500, "Ended", "Paid", "Moved", 12_500, 12_500],
              [700, "Ended", "HandleConflict", "NotMoved", 0, 0]
            ]
          )
          assert.deepStrictEqual(yield* Unfinished.ofHandle("prize", { prefix }), [])
          assert.strictEqual((yield* Effect.flip(Unfinished.ofHandle("paid")))._tag, "SqlError")
        }).pipe(Effect.provide(runtime))
      }).pipe(Effect.provide(Sandbox.layer))
    )

    it.scopedLive("goes on page by page, in the order of submission", () =>
      Effect.gen(function* () {
        const many = Array.from({ length: 405 }, (_, index) => requestOf({ handle: `prize-${index}` }))
        yield* Effect.gen(function* () {
          yield* Effect.forEach(many, PayoutWorkflow.submit)
          assert.deepStrictEqual(
            (yield* list).map(({ certainty, handle, rounds, state }) => [handle, state, certainty, rounds]),
            many.map(({ handle }) => [handle, "UnderWay", "NotMoved", 0])
          )
          assert.strictEqual(yield* Unfinished.sweep({ prefix }), 0)
        }).pipe(Effect.provide((yield* engine)(true)))
      })
    )

    it.scopedLive("wakes one, and all that wait, from a process that only submits", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const made = yield* engine
        const handles = Array.from({ length: 12 }, (_, index) => `prize-${index}`)
        yield* Layer.build(running(made))
        yield* Effect.gen(function* () {
          yield* Effect.forEach(handles, (handle) => PayoutWorkflow.submit(requestOf({ handle })))
          const waiting = Effect.map(list, (all) => all.filter(({ state }) => state === "Waiting").length)
          const allWait = Effect.repeat(waiting, {
            until: (found) => found === handles.length,
            schedule: Schedule.spaced("300 millis").pipe(Schedule.upTo("30 seconds"))
          })
          yield* allWait
          const since = (yield* list).map((one) => one.since.epochMillis)
          const lookups = Effect.map(sandbox.exchanges, (all) => all.filter(({ kind }) => kind === "Lookup").length)
          assert.strictEqual(yield* Unfinished.sweep({ prefix }), handles.length)
          // They find that they still must wait, and the provider is not asked: each has made its first lookup.
          yield* Effect.sleep("1 second")
          yield* allWait
          const later = (yield* list).map((one) => one.since.epochMillis)
          assert.isTrue(later.every((time, index) => time > (since[index] ?? Infinity)))
          assert.strictEqual(yield* lookups, handles.length)
          yield* sandbox.settle("prize-7", { _tag: "Paid" })
          const [woken] = yield* Unfinished.wake("prize-7", { prefix })
          assert.strictEqual(woken?.state, "Waiting")
          assert.strictEqual((yield* PayoutWorkflow.execute(requestOf({ handle: "prize-7" })))._tag, "Paid")
          assert.deepStrictEqual(yield* Unfinished.wake("prize-7", { prefix }), [])
          assert.strictEqual((yield* list).length, handles.length - 1)
        }).pipe(Effect.provide(made(true)))
      }).pipe(Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing() })))
    )
  })
}
