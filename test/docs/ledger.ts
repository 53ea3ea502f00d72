import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { Data, Effect, Layer } from "effect"
import type { PayoutRequest } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { Books } from "./durable.js"

/** For your migrations. A step of a payout is there once, so a step that runs again changes nothing. */
export const migrate = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS entries (
    handle TEXT NOT NULL, step TEXT NOT NULL, account TEXT NOT NULL, amount BIGINT NOT NULL,
    PRIMARY KEY (handle, step, account))`
  yield* sql`CREATE TABLE IF NOT EXISTS cases (handle TEXT PRIMARY KEY, at_most BIGINT NOT NULL, closed_by TEXT)`
})

/** Runs the steps of a handle one after the other, each in full: a person may decide while the payout goes on. */
const oneAtATime = <A, E>(handle: string, step: Effect.Effect<A, E>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => {
    // The row of its case is the lock, so it is there before there is a case.
    const lock = sql`
      INSERT INTO cases ${sql.insert({ handle, at_most: -1, closed_by: "no case" })}
      ON CONFLICT (handle) DO UPDATE SET at_most = cases.at_most`
    return sql.withTransaction(Effect.zipRight(lock, step))
  })

/** What is booked as paid for a handle, and what is reserved. */
const fundsOf = (sql: SqlClient.SqlClient, handle: string) => sql`
  SELECT COALESCE(SUM(CASE WHEN account = 'paid' THEN amount END), 0) AS paid,
    COALESCE(SUM(CASE WHEN account = 'reserved' THEN amount END), 0) AS reserved
  FROM entries WHERE handle = ${handle}`

/** The name of a step that may be there once more after funds were given back, by a release or a decision. */
const next = (sql: SqlClient.SqlClient, name: string, handle: string) => sql`
  SELECT ${name} || ' ' || COUNT(*) AS step FROM entries
  WHERE handle = ${handle} AND account = 'reserved' AND (step LIKE 'release %' OR step LIKE 'decide %')`

/** Whether funds were reserved since they were given back last. */
const isReservedAnew = (sql: SqlClient.SqlClient, handle: string) => sql`
  EXISTS (SELECT 1 FROM entries WHERE handle = ${handle} AND step = (${next(sql, "reserve", handle)}))`

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  /** A step that fails is a defect, which the engine runs again: the payout waits for its books. */
  const step = (handle: string, ...statements: ReadonlyArray<Effect.Effect<unknown, SqlError>>) =>
    oneAtATime(handle, Effect.all(statements, { discard: true })).pipe(
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.orDie
    )

  return Books.of({
    /** Once, and once more after they were given back: another card may be tried then. */
    reserve: (handle, amount) =>
      step(
        handle,
        sql`
        WITH next AS (${next(sql, "reserve", handle)})
        INSERT INTO entries
        SELECT ${handle}, step, 'available', -CAST(${amount} AS BIGINT) FROM next WHERE true UNION ALL
        SELECT ${handle}, step, 'reserved', CAST(${amount} AS BIGINT) FROM next WHERE true
        ON CONFLICT DO NOTHING`
      ),
    /** Books what has moved in all, but for what a person has booked already. What is not reserved is taken anew. */
    book: (handle, amount) =>
      step(
        handle,
        sql`
        WITH funds AS (${fundsOf(sql, handle)}), due AS (
          SELECT ${amount} - paid AS amount, CASE WHEN ${amount} - paid < reserved THEN ${amount} - paid ELSE reserved END AS held
          FROM funds WHERE paid < ${amount})
        INSERT INTO entries
        SELECT ${handle}, ${`book ${amount}`}, 'reserved', -held FROM due WHERE true UNION ALL
        SELECT ${handle}, ${`book ${amount}`}, 'available', held - amount FROM due WHERE true UNION ALL
        SELECT ${handle}, ${`book ${amount}`}, 'paid', amount FROM due WHERE true
        ON CONFLICT DO NOTHING`
      ),
    /** Gives back what is still reserved, but for what an open case keeps: that may be another card's. */
    release: (handle) =>
      step(
        handle,
        sql`
        WITH funds AS (${fundsOf(sql, handle)}), next AS (${next(sql, "release", handle)}), rest AS (
          SELECT step, reserved FROM funds, next WHERE reserved > 0 AND NOT EXISTS (
            SELECT 1 FROM cases WHERE handle = ${handle} AND closed_by IS NULL))
        INSERT INTO entries
        SELECT ${handle}, step, 'reserved', -reserved FROM rest WHERE true UNION ALL
        SELECT ${handle}, step, 'available', reserved FROM rest WHERE true
        ON CONFLICT DO NOTHING`
      ),
    /** Keeps as much reserved as may have moved, while the case is open. A closed case is opened again by more, or new, money. */
    askAPerson: (handle, atMost) =>
      step(
        handle,
        sql`
        WITH funds AS (${fundsOf(sql, handle)}), next AS (${next(sql, `ask ${atMost}`, handle)}), rest AS (
          SELECT step, ${atMost} - reserved AS amount FROM funds, next WHERE reserved < ${atMost} AND NOT EXISTS (
            SELECT 1 FROM cases WHERE handle = ${handle} AND closed_by IS NOT NULL AND at_most >= ${atMost}
              AND NOT ${isReservedAnew(sql, handle)}))
        INSERT INTO entries
        SELECT ${handle}, step, 'available', -amount FROM rest WHERE true UNION ALL
        SELECT ${handle}, step, 'reserved', amount FROM rest WHERE true
        ON CONFLICT DO NOTHING`,
        sql`
        UPDATE cases SET at_most = ${atMost}, closed_by = NULL WHERE handle = ${handle} AND (
          at_most < ${atMost} OR (closed_by IS NOT NULL AND ${isReservedAnew(sql, handle)}))`
      )
  })
})

export const BooksLive = Layer.effect(Books, make)

/** A sum is BIGINT, which the client of PostgreSQL gives as a text. */
export const balances = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.map(
    sql<{ account: string; total: number | string }>`
      SELECT account, SUM(amount) AS total FROM entries GROUP BY account ORDER BY account`,
    (rows) => rows.map(({ account, total }) => ({ account, total: Number(total) }))
  )
)

/** The queue of the people: the open cases, the most money first. */
export const openCases = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.map(
    sql<{ handle: string; at_most: number | string }>`
      SELECT handle, at_most FROM cases WHERE closed_by IS NULL ORDER BY at_most DESC`,
    (rows) => rows.map(({ at_most, handle }) => ({ handle, atMost: Number(at_most) }))
  )
)

/** There is no open case for the handle, or less is booked and reserved for it than has moved. */
export class NotClosed extends Data.TaggedError("NotClosed")<{ readonly handle: string; readonly moved: number }> {}

/** Books what moved and gives the rest back: one step of three rows, only for an open case. It is safe to repeat. */
const close = Effect.fn("close")(function* (handle: string, moved: number, by: string) {
  const sql = yield* SqlClient.SqlClient
  const decide = sql`
    WITH funds AS (${fundsOf(sql, handle)}), next AS (${next(sql, "decide", handle)}), decided AS (
      SELECT step, ${moved} - paid AS due, reserved FROM funds, next, cases
      WHERE handle = ${handle} AND closed_by IS NULL AND ${moved} - paid BETWEEN 0 AND reserved
    )
    INSERT INTO entries
    SELECT ${handle}, step, 'reserved', -reserved FROM decided WHERE true UNION ALL
    SELECT ${handle}, step, 'paid', due FROM decided WHERE true UNION ALL
    SELECT ${handle}, step, 'available', reserved - due FROM decided WHERE true
    ON CONFLICT DO NOTHING`
  const end = sql`
    UPDATE cases SET closed_by = ${by} WHERE handle = ${handle} AND closed_by IS NULL AND EXISTS (
      SELECT 1 FROM (${fundsOf(sql, handle)}) AS funds WHERE reserved = 0 AND paid = ${moved})
    RETURNING handle`
  const closed = yield* oneAtATime(handle, Effect.zipRight(decide, end))
  if (closed.length === 0) return yield* new NotClosed({ handle, moved })
})

/** Asks the provider again, which sends nothing, and closes the case if no doubt is left. */
export const reassess = Effect.fn("reassess")(function* (request: PayoutRequest.PayoutRequest) {
  yield* PayoutWorkflow.assess(request)
  const end = yield* Effect.merge(PayoutWorkflow.execute(request))
  // A conflict knows the money of its own request only. The case is about the handle.
  if (end._tag === "HandleConflict" || end._tag === "InvalidRequest") return
  const { max, min } = end.exposure
  if (min === max) yield* close(request.handle, max, "the record")
})

/** What a person found out from the acquirer: how much moved under the handle, in all. Only that ends the doubt of a processing error. */
export const decide = (handle: string, moved: number, person: string) => close(handle, moved, person)
