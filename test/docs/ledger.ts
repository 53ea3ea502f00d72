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

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  /** Double entry: two rows whose sum is 0, in one statement, so that both are there or neither. */
  const move = (step: string, from: string, to: string, handle: string, amount: number) => sql`
    INSERT INTO entries ${sql.insert([
      { handle, step, account: from, amount: -amount },
      { handle, step, account: to, amount }
    ])} ON CONFLICT DO NOTHING`

  /** A step that fails is a defect, which the engine runs again: the payout waits for its books. */
  const step = (statement: Effect.Effect<unknown, SqlError>) => Effect.orDie(Effect.asVoid(statement))

  return Books.of({
    reserve: (handle, amount) => step(move("reserve", "available", "reserved", handle, amount)),
    book: (handle, amount) => step(move("book", "reserved", "paid", handle, amount)),
    /** Gives back what is still reserved. */
    release: (handle) =>
      step(sql`
        WITH rest AS (SELECT SUM(amount) AS amount FROM entries WHERE handle = ${handle} AND account = 'reserved')
        INSERT INTO entries
        SELECT ${handle}, 'release', 'reserved', -amount FROM rest WHERE amount > 0 UNION ALL
        SELECT ${handle}, 'release', 'available', amount FROM rest WHERE amount > 0
        ON CONFLICT DO NOTHING`),
    /** Keeps as much reserved as may have moved, while the case is open. A closed case is opened again by more money only. */
    askAPerson: (handle, atMost) =>
      step(sql`
        WITH rest AS (
          SELECT ${atMost} - SUM(amount) AS amount FROM entries WHERE handle = ${handle} AND account = 'reserved'
            AND NOT EXISTS (
              SELECT 1 FROM cases WHERE handle = ${handle} AND closed_by IS NOT NULL AND at_most >= ${atMost}))
        INSERT INTO entries
        SELECT ${handle}, ${`ask ${atMost}`}, 'available', -amount FROM rest WHERE amount > 0 UNION ALL
        SELECT ${handle}, ${`ask ${atMost}`}, 'reserved', amount FROM rest WHERE amount > 0
        ON CONFLICT DO NOTHING`).pipe(
        Effect.zipRight(
          step(sql`
            INSERT INTO cases ${sql.insert({ handle, at_most: atMost })}
            ON CONFLICT (handle) DO UPDATE SET at_most = excluded.at_most, closed_by = NULL
            WHERE cases.at_most < excluded.at_most`)
        )
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
  yield* sql`
    WITH funds AS (
      SELECT ${moved} - SUM(CASE WHEN account = 'paid' THEN amount ELSE 0 END) AS due,
        SUM(CASE WHEN account = 'reserved' THEN amount ELSE 0 END) AS reserved
      FROM entries WHERE handle = ${handle}
    ), decided AS (
      SELECT 'decide ' || at_most AS step, due, reserved FROM funds, cases
      WHERE handle = ${handle} AND closed_by IS NULL AND due BETWEEN 0 AND reserved
    )
    INSERT INTO entries
    SELECT ${handle}, step, 'reserved', -reserved FROM decided WHERE true UNION ALL
    SELECT ${handle}, step, 'paid', due FROM decided WHERE true UNION ALL
    SELECT ${handle}, step, 'available', reserved - due FROM decided WHERE true
    ON CONFLICT DO NOTHING`
  const closed = yield* sql`
    UPDATE cases SET closed_by = ${by} WHERE handle = ${handle} AND closed_by IS NULL AND EXISTS (
      SELECT 1 FROM entries WHERE entries.handle = cases.handle AND step = 'decide ' || at_most)
    RETURNING handle`
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
