/** Rows that this version of the library cannot read: what a later version stored, and what is broken. */
import { assert, describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import { Duration, Effect, Layer, Schedule, Schema } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as SqliteConnections from "../../src/durable/SqliteConnections.js"
import * as stored from "../../src/durable/stored.js"
import { requestOf } from "../support.js"

const request = requestOf()
const beside = requestOf({ handle: "beside" })

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  ),
  (made) => path.join(made, "payouts.sqlite")
)

const runtime = (filename: string, more: PayoutWorkflow.Options = {}) =>
  PayoutWorkflow.layerWith({
    policy: RetryPolicy.none,
    pollSchedule: Schedule.spaced("200 millis"),
    inMemoryThreshold: Duration.zero,
    ...more
  }).pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(SqliteEngine.layer({ filename, sharding: { entityMessagePollInterval: "50 millis" } }))
  )

/** Which row: the message of a tag and a name, or its reply. */
type Row = { readonly tag: "run" | "activity" | "deferred"; readonly name?: string; readonly part: "payload" | "reply" }

const Json = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const rowsOf = ({ name, part, tag }: Row) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const id = yield* PayoutWorkflow.executionId(request)
    const [table, column] = part === "payload" ? ["m", "m.id"] : ["r", "r.id"]
    return yield* sql<{ id: bigint; text: string }>`
      SELECT ${sql.literal(`${column} AS id, ${table}.payload AS text`)}
      FROM cluster_messages m LEFT JOIN cluster_replies r ON r.request_id = m.id
      WHERE m.tag = ${tag} AND m.entity_type = ${"Workflow/BillwerkPayout"} AND m.entity_id = ${id}
      AND ${sql.literal(column)} IS NOT NULL
      AND (m.payload LIKE ${`%"name":"${name ?? ""}"%`} OR ${name === undefined ? 1 : 0} = 1)`
  })

/** Changes the JSON of a row, and gives what it was. */
const tamper = (filename: string, row: Row, change: (text: string) => string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { name, part, tag } = row
    const rows = yield* rowsOf(row)
    assert.strictEqual(rows.length, 1, `${tag} ${name}`)
    const [found] = rows
    assert(found !== undefined)
    const table = sql.literal(part === "payload" ? "cluster_messages" : "cluster_replies")
    yield* sql`UPDATE ${table} SET payload = ${change(found.text)} WHERE id = ${found.id}`
    return found.text
  }).pipe(Effect.provide(SqliteConnections.layer(filename)))

/** The value inside a stored reply, whatever wraps it. */
const inReply = (change: (value: Readonly<Record<string, unknown>>) => unknown) => (text: string) => {
  const into = (json: unknown): unknown => {
    if (typeof json !== "object" || json === null) return json
    if ("version" in json) return change({ ...json })
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, into(value)]))
  }
  const changed = JSON.stringify(into(Schema.decodeSync(Json)(text)))
  assert.notStrictEqual(changed, text)
  return changed
}

const newer = (value: Readonly<Record<string, unknown>>) => ({ ...value, version: stored.version + 1, _tag: "Brave" })
const broken = () => ({ version: stored.version, nothing: "of use" })

/** The payload itself has the version. */
const payload = (change: (value: Readonly<Record<string, unknown>>) => unknown) => (text: string) =>
  JSON.stringify(change(Schema.decodeSync(Json)(text)))

/** What a process of the right version would be woken by later. */
const wakeAll = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`UPDATE cluster_messages SET deliver_at = 0 WHERE deliver_at IS NOT NULL`
  }).pipe(Effect.provide(SqliteConnections.layer(filename)))

const slow = Sandbox.layerWith({ outcome: Acquirer.processing() })

const moved = Effect.flatMap(Sandbox.Sandbox, ({ ledger }) =>
  Effect.map(ledger, (ledger) => Ledger.moved(ledger, request.handle))
)
const creates = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges),
  (exchanges) => exchanges.filter(({ handle, kind }) => kind === "Create" && handle === request.handle).length
)

/** Runs the payout in a first process for a time, until a row is stored, and closes it. */
const begun = (filename: string, row: Row, after: Duration.DurationInput, more?: PayoutWorkflow.Options) => {
  const isStored = Effect.map(rowsOf(row), (rows) => rows.length === 1)
  return PayoutWorkflow.submit(request).pipe(
    Effect.zipRight(Effect.sleep(after)),
    Effect.zipRight(
      isStored.pipe(
        Effect.repeat({ until: (isStored) => isStored, schedule: Schedule.spaced("50 millis") }),
        Effect.provide(SqliteConnections.layer(filename)),
        Effect.timeout("1 minute")
      )
    ),
    Effect.provide(Layer.fresh(runtime(filename, more)))
  )
}

/** In a next process: how ours ends within two seconds, and that closing takes no time. */
const next = (filename: string, more?: PayoutWorkflow.Options) =>
  Effect.gen(function* () {
    const [took, said] = yield* Effect.timed(
      Effect.gen(function* () {
        yield* PayoutWorkflow.submit(beside)
        const said = yield* PayoutWorkflow.execute(request).pipe(Effect.merge, Effect.timeoutOption("3 seconds"))
        const sandbox = yield* Sandbox.Sandbox
        // It holds up nobody.
        assert.isTrue((yield* sandbox.exchanges).some(({ handle }) => handle === beside.handle))
        return said
      }).pipe(Effect.provide(Layer.fresh(runtime(filename, more))))
    )
    assert.isBelow(Duration.toMillis(took), 60_000)
    return said._tag === "Some" ? [said.value._tag, said.value.certainty, said.value.exposure.max] : ["None"]
  })

describe.concurrent("A value of a later version (D19)", () => {
  it.live.each([
    ["request", { tag: "run", part: "payload" }],
    ["intent", { tag: "activity", name: "intent/1", part: "reply" }],
    ["round", { tag: "activity", name: "send/1", part: "reply" }],
    ["poll", { tag: "activity", name: "poll/1", part: "reply" }]
  ] as const)("(a %s) is left to its processes: nothing is sent or said until one reads it", ([, row]) =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      yield* begun(filename, row, "1 second")
      const text = yield* tamper(filename, row, row.part === "payload" ? payload(newer) : inReply(newer))
      yield* sandbox.settle(request.handle, Acquirer.paid)
      assert.deepStrictEqual(yield* next(filename), ["None"])
      assert.strictEqual(yield* creates, 1)
      // A process of that version: what is stored is plain to it.
      yield* tamper(filename, row, () => text)
      yield* wakeAll(filename)
      assert.deepStrictEqual(yield* next(filename), ["Paid", "Moved", 12_500])
      assert.deepStrictEqual([yield* creates, yield* moved], [1, 12_500])
    }).pipe(Effect.scoped, Effect.provide(slow))
  )

  it.live("(an end) is no end that is told, and none that is taken up", () =>
    Effect.gen(function* () {
      const filename = yield* file
      yield* begun(filename, { tag: "run", part: "reply" }, "1 second")
      yield* tamper(filename, { tag: "run", part: "reply" }, inReply(newer))
      yield* Effect.gen(function* () {
        const id = yield* PayoutWorkflow.executionId(request)
        assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
        assert.strictEqual((yield* PayoutWorkflow.retry(request)).status, "Underway")
      }).pipe(Effect.provide(Layer.fresh(runtime(filename))))
      assert.deepStrictEqual(yield* next(filename), ["None"])
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )
})

describe.concurrent("A value that cannot be read (D17)", () => {
  it.live.each([
    ["intent", { tag: "activity", name: "intent/1", part: "reply" }],
    ["round", { tag: "activity", name: "send/1", part: "reply" }],
    ["poll", { tag: "activity", name: "poll/1", part: "reply" }],
    ["reason why a wait ended", { tag: "deferred", name: "ended/1", part: "reply" }]
  ] as const)("(a %s) makes the next step ask, and nothing is paid twice", ([what, row]) =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      yield* begun(filename, row, "1 second")
      yield* tamper(filename, row, what.startsWith("reason") ? (text) => text.replace(/Clock/, "Owl") : inReply(broken))
      yield* sandbox.settle(request.handle, Acquirer.paid)
      assert.deepStrictEqual(yield* next(filename), ["Paid", "Moved", 12_500])
      assert.deepStrictEqual([yield* creates, yield* moved], [1, 12_500])
    }).pipe(Effect.scoped, Effect.provide(slow))
  )

  it.live("(a round that may have paid) counts as sent, until the horizon has passed", () =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      const waiting = { pauseSchedule: Schedule.fromDelays("1 second") }
      yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate))
      yield* begun(filename, { tag: "activity", name: "send/1", part: "reply" }, "500 millis", waiting)
      yield* tamper(filename, { tag: "activity", name: "intent/1", part: "reply" }, inReply(broken))
      yield* tamper(filename, { tag: "activity", name: "send/1", part: "reply" }, inReply(broken))
      // What the first create did is unknown, and so is what the second one does.
      assert.deepStrictEqual(yield* next(filename, { pauseSchedule: Schedule.stop }), [
        "CommunicationError",
        "MayHaveMoved",
        25_000
      ])
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )

  it.live("(a final poll, of a payout that was sent again since) leaves in doubt what was sent after it", () =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      const policy = RetryPolicy.make({
        softDeclined: Schedule.spaced("100 millis"),
        communication: Schedule.spaced("1 hour")
      })
      yield* sandbox.script(
        Script.processing().pipe(Script.onCreate),
        Script.executeLater("20 seconds").pipe(Script.onCreate)
      )
      yield* Effect.gen(function* () {
        yield* PayoutWorkflow.submit(request)
        yield* Effect.sleep("100 millis")
        yield* sandbox.settle(request.handle, Acquirer.softDeclined())
        yield* Effect.sleep("2 seconds")
      }).pipe(Effect.provide(Layer.fresh(runtime(filename, { policy, pauseSchedule: Schedule.stop }))))
      yield* tamper(filename, { tag: "activity", name: "poll/1", part: "reply" }, inReply(broken))
      yield* wakeAll(filename)
      const end = yield* Effect.gen(function* () {
        yield* Effect.sleep("5 seconds")
        const result = yield* PayoutWorkflow.poll(yield* PayoutWorkflow.executionId(request))
        return result?._tag === "Complete" ? (yield* Effect.merge(result.exit)).certainty : result?._tag
      }).pipe(Effect.provide(Layer.fresh(runtime(filename, { pauseSchedule: Schedule.stop }))))
      assert.notStrictEqual(end, "NotMoved")
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )

  it.live("(a request) holds up no other payout, and no process that closes", () =>
    Effect.gen(function* () {
      const filename = yield* file
      yield* begun(filename, { tag: "activity", name: "send/1", part: "reply" }, "1 second")
      yield* tamper(filename, { tag: "run", part: "payload" }, payload(broken))
      assert.deepStrictEqual(yield* next(filename), ["None"])
    }).pipe(Effect.scoped, Effect.provide(slow))
  )

  it.live("(an end) is found out anew by whoever waits for it, without a create", () =>
    Effect.gen(function* () {
      const filename = yield* file
      yield* begun(filename, { tag: "run", part: "reply" }, "1 second")
      yield* tamper(filename, { tag: "run", part: "reply" }, inReply(broken))
      assert.deepStrictEqual(yield* next(filename), ["Paid", "Moved", 12_500])
      assert.deepStrictEqual([yield* creates, yield* moved], [1, 12_500])
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )
})
