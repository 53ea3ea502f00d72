/**
 * Reads durable payouts from the engine's own tables, a page at a time: the executions, the stored replies of their steps,
 * and their latest durable clock. Both dialects; three statements per page, each by an index or in the order of the
 * primary key.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment, Identifier } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import { workflow } from "./execution.js"
import type * as history from "./history.js"

// The engine's keys have the workflow's name.
const payoutType = `Workflow/${workflow.name}`
const clockType = "Workflow/-/DurableClock"

/** How many executions are read at once. With their steps, they are what is in memory. */
export const pageMax = 200

/** One execution, as stored. Ids grow with time: the list goes on behind the last one. */
export interface Run {
  readonly id: bigint
  readonly executionId: string
  /** The stored request, as JSON. */
  readonly payload: string
  /** The stored end, or that it waits. Undefined: it is under way, or about to be. */
  readonly reply: string | undefined
  readonly replyId: bigint | undefined
}

/** A step, and when the engine last stored something about it. */
export interface Step extends history.Row {
  readonly id: bigint
  readonly storedId: bigint
}

/** What is stored of the steps of one execution. */
export interface Steps {
  readonly steps: ReadonlyArray<Step>
  /** When its latest durable clock rings, in epoch milliseconds. Undefined: there is none, or it has rung. */
  readonly rings: number | undefined
}

/** Which executions to read. */
export type Wanted =
  | { readonly _tag: "Unfinished" }
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "MayBeInDoubt" }
  | { readonly _tag: "Handle"; readonly handle: string }

export interface Reader {
  /** The next page of executions, in the order in which they were submitted. */
  readonly runs: (wanted: Wanted, after: bigint) => Effect.Effect<ReadonlyArray<Run>, SqlError>
  /** The steps of executions, by execution id. */
  readonly steps: (runs: ReadonlyArray<Run>) => Effect.Effect<ReadonlyMap<string, Steps>, SqlError>
  /** Which of these executions of payouts, by the id of the first one and their ordinal, have begun: as `markOf`. */
  readonly begun: (marks: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, SqlError>
}

/** The key of the mark that an execution after the first one has begun. */
export const markOf = (first: string, ordinal: number): string => `${payoutType}/${first}/deferred/reopened/${ordinal}`

interface RunRow {
  readonly id: unknown
  readonly execution: string
  readonly payload: string | null
  readonly reply: string | null
  readonly replied: unknown
}

interface StepRow {
  readonly id: unknown
  readonly execution: string
  readonly key: string
  readonly reply: string | null
  readonly replied: unknown
}

interface ClockRow {
  readonly execution: string
  readonly processed: unknown
  readonly rings: unknown
}

const completed = '{"_tag":"Success","value":{"_tag":"Complete"%'
const suspended = '{"_tag":"Success","value":{"_tag":"Suspended"%'

/** The keys of an execution's steps, and of its clocks, begin so. */
const stepKey = (executionId: string) => `${payoutType}/${executionId}/activity/`
const clockKey = (executionId: string) => `${clockType}/${executionId}/run/`

/** Behind every step's name, also where a database compares texts by a language's rules. */
const behind = "zz"

export const make = (prefix: string): Effect.Effect<Reader, never, SqlClient.SqlClient> =>
  Effect.map(SqlClient.SqlClient, (client) => {
    const sql = client.withoutTransforms()
    const tables = { sql, messages: sql(`${prefix}_messages`), replies: sql(`${prefix}_replies`) }
    return {
      runs: (wanted, after) => read(runs(tables, wanted, after)),
      steps: (runs) => read(steps(tables, runs)),
      begun: (marks) => read(begun(tables, marks))
    }
  })

interface Tables {
  readonly sql: SqlClient.SqlClient
  readonly messages: Identifier
  readonly replies: Identifier
}

const runs = ({ messages, replies, sql }: Tables, wanted: Wanted, after: bigint) =>
  Effect.map(
    sql<RunRow>`
      SELECT m.id AS id, m.entity_id AS execution, m.payload AS payload, r.payload AS reply, r.id AS replied
      FROM ${messages} m LEFT JOIN ${replies} r ON r.request_id = m.id AND r.kind = 0
      WHERE m.id > ${String(after)} AND m.kind = 0 AND m.entity_type = ${payoutType} AND m.tag = 'run'
      AND ${isWanted(sql, wanted)}
      ORDER BY m.id LIMIT ${sql.literal(String(pageMax))}
    `,
    (rows) => rows.map(runOf)
  )

const isWanted = (sql: SqlClient.SqlClient, wanted: Wanted): Fragment => {
  switch (wanted._tag) {
    case "Unfinished":
      return sql`(r.payload IS NULL OR r.payload NOT LIKE ${completed})`
    case "Waiting":
      return sql`r.payload LIKE ${suspended}`
    case "Ended":
      return sql`r.payload LIKE ${completed}`
    // What has ended and certainly moved nothing is not in doubt.
    case "MayBeInDoubt":
      return sql`(r.payload IS NULL OR r.payload NOT LIKE '%"certainty":"NotMoved"%')`
    case "Handle": {
      const field = `"handle":${JSON.stringify(wanted.handle)}`
      return sql.onDialectOrElse({
        pg: () => sql`strpos(m.payload, ${field}) > 0`,
        orElse: () => sql`instr(m.payload, ${field}) > 0`
      })
    }
  }
}

const steps = Effect.fnUntraced(function* (tables: Tables, runs: ReadonlyArray<Run>) {
  const ids = runs.map(({ executionId }) => executionId)
  const steps = new Map<string, Array<Step>>(ids.map((id) => [id, []]))
  if (ids.length === 0) return new Map<string, Steps>()
  for (const row of yield* stepsOf(tables, ids)) {
    if (row.key.startsWith(stepKey(row.execution))) steps.get(row.execution)?.push(stepOf(row))
  }
  const rings = new Map((yield* clocksOf(tables, ids)).map((row) => [row.execution, ringsAt(row)]))
  return new Map<string, Steps>([...steps].map(([id, all]) => [id, { steps: all.sort(byId), rings: rings.get(id) }]))
})

const begun = ({ messages, sql }: Tables, marks: ReadonlyArray<string>) =>
  marks.length === 0
    ? Effect.succeed(new Set<string>())
    : Effect.map(
        sql<{ readonly key: string }>`SELECT message_id AS key FROM ${messages} WHERE ${sql.in("message_id", marks)}`,
        (rows) => new Set(rows.map(({ key }) => key))
      )

// By the key alone, which has an index: with a condition on another column, SQLite reads the whole table for each page.
// A poll that learned nothing has nothing to add, and there may be thousands of them.
const stepsOf = ({ messages, replies, sql }: Tables, ids: ReadonlyArray<string>) =>
  sql<StepRow>`
    ${ranges(sql, ids.map(stepKey))}
    SELECT m.id AS id, m.entity_id AS execution, m.message_id AS key, r.payload AS reply, r.id AS replied
    FROM wanted CROSS JOIN ${messages} m LEFT JOIN ${replies} r ON r.request_id = m.id AND r.kind = 0
    WHERE m.message_id >= wanted.low AND m.message_id < wanted.high
    AND (r.payload IS NULL OR r.payload NOT LIKE '%"_tag":"Waiting"%' OR r.payload LIKE '%"evidence":%')
  `

/** The latest clock of each execution. Earlier ones may still ring, where a hint ended their wait; they end nothing. */
const clocksOf = ({ messages, sql }: Tables, ids: ReadonlyArray<string>) =>
  sql<ClockRow>`
    ${ranges(sql, ids.map(clockKey))}
    SELECT m.entity_id AS execution, m.processed AS processed, m.deliver_at AS rings FROM ${messages} m
    WHERE m.id IN (
      SELECT MAX(c.id) FROM wanted CROSS JOIN ${messages} c
      WHERE c.message_id >= wanted.low AND c.message_id < wanted.high
      GROUP BY wanted.low
    )
  `

/** A table of ranges of keys. */
const ranges = (sql: SqlClient.SqlClient, keys: ReadonlyArray<string>): Fragment =>
  sql`WITH wanted (low, high) AS (VALUES ${sql.csv(keys.map((key) => sql`(${key}, ${key + behind})`))})`

/** Ids need more than 53 bits. */
const read = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  self.pipe(Effect.provideService(SqlClient.SafeIntegers, true), Effect.withTracerEnabled(false))

const byId = (one: Step, other: Step): number => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)

const runOf = ({ execution, id, payload, replied, reply }: RunRow): Run => ({
  id: idOf(id),
  executionId: execution,
  payload: payload ?? "",
  reply: reply ?? undefined,
  replyId: replied === null ? undefined : idOf(replied)
})

/** The key ends with the step's name and the number of the try, which is always the first. */
const stepOf = ({ execution, id, key, replied, reply }: StepRow): Step => ({
  id: idOf(id),
  storedId: idOf(replied ?? id),
  name: key.slice(stepKey(execution).length).replace(/\/\d+$/, ""),
  reply: reply ?? undefined
})

const ringsAt = ({ processed, rings }: ClockRow): number | undefined =>
  rings === null || processed === true || Number(processed) === 1 ? undefined : Number(rings)

const idOf = (id: unknown): bigint => BigInt(String(id))
