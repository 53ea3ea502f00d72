/**
 * The rows of the outbox: the statements that write, take, release and delete them, in the host's own database. They are the same
 * for each dialect but for how rows are taken.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { DurableRequest } from "./PayoutWorkflow.js"

/** How long a relay keeps the rows that it took, and how long a row that could not be read is left alone. */
export const claimMax = Duration.minutes(1)
export const unreadableRetry = Duration.hours(1)

/** The version of a row's payload. A row of a later one is kept for a process that can read it. */
export const version = 1

export interface Row {
  readonly executionId: string
  readonly version: number
  /** Undefined if it cannot be read. */
  readonly request: PayoutRequest | undefined
}

export interface Rows {
  /** Writes a row, unless the same request waits already. */
  readonly insert: (executionId: string, request: PayoutRequest) => Effect.Effect<void, SqlError>
  /** Takes up to `max` rows that no other relay works on. */
  readonly claim: (max: number) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  readonly release: (executionIds: ReadonlyArray<string>) => Effect.Effect<void, SqlError>
  readonly remove: (executionId: string) => Effect.Effect<void, SqlError>
  readonly markUnreadable: (executionId: string) => Effect.Effect<void, SqlError>
  readonly counts: Effect.Effect<{ readonly waiting: number; readonly unreadable: number }, SqlError>
}

export const createTable = (table: string): string =>
  `CREATE TABLE IF NOT EXISTS ${table} (
  id VARCHAR(255) NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  payload TEXT NOT NULL,
  created BIGINT NOT NULL,
  claimed BIGINT,
  unreadable INTEGER
)`

/** A name that needs no quotes, with its schema or without. */
export const plainName = (name: string): Effect.Effect<string, ConfigError.ConfigError> =>
  /^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/.test(name)
    ? Effect.succeed(name)
    : Effect.fail(
        ConfigError.InvalidData(["table"], "Expected letters, digits and _, with a schema and a dot or without")
      )

/** libSQL's client marks its transactions by a tag of its own, which is known by its key. */
const libsqlTransaction = Context.GenericTag("@effect/sql-libsql/LibsqlClient/LibsqlTransaction")

/** Whether the fiber is in a transaction of an SQL client. */
export const isInTransaction: Effect.Effect<boolean> = Effect.map(
  Effect.context<never>(),
  ({ unsafeMap }) => unsafeMap.has(SqlClient.TransactionConnection.key) || unsafeMap.has(libsqlTransaction.key)
)

/** The driver's code of an error (`42501`, `SQLITE_FULL`): it names what is wrong, and holds nothing of a row. */
export const codeOf = ({ cause }: SqlError): string => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  return typeof code === "string" && /^[A-Z0-9_]{5,40}$/.test(code) ? code : "SqlError"
}

export const make = (client: SqlClient.SqlClient, table: string): Effect.Effect<Rows, SqlError> => {
  const sql = client.withoutTransforms()
  const name = sql.literal(table)
  const rows = statements(sql, table)
  // A role without the right to make tables can use one that is there.
  const isThere = sql`SELECT id FROM ${name} WHERE 1 = 0`
  return isThere.pipe(
    // Of two processes that make it at once, one may fail.
    Effect.catchAll(() => Effect.catchAll(sql.unsafe(createTable(table)), () => isThere)),
    Effect.mapBoth({
      onFailure: (error) => new SqlError({ cause: error.cause, message: notThere(table, error) }),
      onSuccess: () => rows
    })
  )
}

const notThere = (table: string, error: SqlError) =>
  `Outbox ${table}: there is no such table that can be read, and none could be made (${codeOf(error)})`

interface Stored {
  readonly id: string
  readonly version: number | bigint | string
  readonly payload: string
}

const Payload = Schema.parseJson(Schema.Struct({ request: DurableRequest }))
const encode = Schema.encode(Payload)
const decode = Schema.decodeOption(Payload)

const rowOf = ({ id, payload, version: stored }: Stored): Row => {
  const read = Number(stored) === version ? decode(payload) : Option.none()
  return {
    executionId: id,
    version: Number(stored),
    request: Option.getOrUndefined(Option.map(read, ({ request }) => request))
  }
}

const statements = (sql: SqlClient.SqlClient, table: string): Rows => {
  const name = sql.literal(table)
  const claim = claiming(sql, table)
  const named = (executionIds: ReadonlyArray<string>) => sql.in("id", executionIds)
  return {
    insert: (executionId, request) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const payload = yield* Effect.orDie(encode({ request }))
        const row = sql`(id, version, payload, created) VALUES (${executionId}, ${version}, ${payload}, ${now})`
        yield* sql.onDialectOrElse({
          mysql: () => sql`INSERT IGNORE INTO ${name} ${row}`,
          orElse: () => sql`INSERT INTO ${name} ${row} ON CONFLICT (id) DO NOTHING`
        })
      }),
    claim: (max) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.map(claim(max, now), (all) => all.map(rowOf))),
    release: (executionIds) =>
      executionIds.length === 0
        ? Effect.void
        : Effect.asVoid(sql`UPDATE ${name} SET claimed = NULL WHERE unreadable IS NULL AND ${named(executionIds)}`),
    remove: (executionId) => Effect.asVoid(sql`DELETE FROM ${name} WHERE id = ${executionId}`),
    markUnreadable: (executionId) =>
      Effect.asVoid(sql`UPDATE ${name} SET unreadable = ${version} WHERE id = ${executionId}`),
    counts: Effect.map(
      sql<{
        readonly total: unknown
        readonly unreadable: unknown
      }>`SELECT COUNT(*) AS total, COUNT(unreadable) AS unreadable FROM ${name}`,
      ([row]) => {
        const unreadable = Number(row?.unreadable ?? 0)
        return { waiting: Number(row?.total ?? 0) - unreadable, unreadable }
      }
    )
  }
}

/**
 * A row is free if it was not taken, or too long ago, or in the future: then a clock was wrong, and to submit a payout twice
 * changes nothing.
 */
const claiming = (sql: SqlClient.SqlClient, table: string) => {
  const name = sql.literal(table)
  const free = (now: number) => {
    const [claim, retry] = [now - Duration.toMillis(claimMax), now - Duration.toMillis(unreadableRetry)]
    return sql`(claimed IS NULL OR claimed > ${now} OR claimed <= ${retry} OR (claimed <= ${claim} AND unreadable IS NULL) OR unreadable < ${version})`
  }
  const first = (max: number, now: number) =>
    sql`SELECT id FROM ${name} WHERE ${free(now)} ORDER BY created LIMIT ${sql.literal(String(max))}`
  const found = sql.literal("id, version, payload")
  const update = (max: number, now: number, lock: string) =>
    sql<Stored>`UPDATE ${name} SET claimed = ${now} WHERE id IN (${first(max, now)} ${sql.literal(lock)}) RETURNING ${found}`
  // MySQL returns nothing from an update.
  const select = (max: number, now: number) =>
    sql.withTransaction(
      Effect.gen(function* () {
        const rows =
          yield* sql<Stored>`SELECT ${found} FROM ${name} WHERE ${free(now)} ORDER BY created LIMIT ${sql.literal(String(max))} FOR UPDATE SKIP LOCKED`
        const ids = rows.map(({ id }) => id)
        if (ids.length > 0) yield* sql`UPDATE ${name} SET claimed = ${now} WHERE ${sql.in("id", ids)}`
        return rows
      })
    )
  return (max: number, now: number): Effect.Effect<ReadonlyArray<Stored>, SqlError> =>
    sql.onDialectOrElse({
      mysql: () => select(max, now),
      pg: () => update(max, now, "FOR UPDATE SKIP LOCKED"),
      orElse: () => update(max, now, "")
    })
}
