import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { Effect, Layer } from "effect"
import type { PayoutRequest } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { Books } from "./durable.js"

/** For your migrations. A step of a payout is there once, so a step that runs again changes nothing. */
export const migrate = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS entries (
    handle TEXT NOT NULL, step TEXT NOT NULL, account TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (handle, step, account))`
  yield* sql`CREATE TABLE IF NOT EXISTS cases (handle TEXT PRIMARY KEY, at_most INTEGER NOT NULL, closed_by TEXT)`
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
    /** Keeps as much reserved as may have moved, for as long as the case is open. */
    askAPerson: (handle, atMost) =>
      step(sql`
        WITH rest AS (SELECT ${atMost} - SUM(amount) AS amount FROM entries WHERE handle = ${handle} AND account = 'reserved')
        INSERT INTO entries
        SELECT ${handle}, 'ask', 'available', -amount FROM rest WHERE amount > 0 UNION ALL
        SELECT ${handle}, 'ask', 'reserved', amount FROM rest WHERE amount > 0
        ON CONFLICT DO NOTHING`).pipe(
        Effect.zipRight(step(sql`INSERT INTO cases ${sql.insert({ handle, at_most: atMost })} ON CONFLICT DO NOTHING`))
      )
  })
})

export const BooksLive = Layer.effect(Books, make)

export const balances = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<{ account: string; total: number }>`
    SELECT account, SUM(amount) AS total FROM entries GROUP BY account ORDER BY account`
)

/** The queue of the people: the open cases, the most money first. */
export const openCases = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql<{ handle: string; at_most: number }>`
    SELECT handle, at_most FROM cases WHERE closed_by IS NULL ORDER BY at_most DESC`
)

const close = Effect.fn("close")(function* (handle: string, moved: number, by: string) {
  const sql = yield* SqlClient.SqlClient
  const books = yield* Books
  if (moved > 0) yield* books.book(handle, moved)
  yield* books.release(handle)
  yield* sql`UPDATE cases SET closed_by = ${by} WHERE handle = ${handle} AND closed_by IS NULL`
})

/** Asks the provider again, which sends nothing, and closes the case if no doubt is left. */
export const reassess = Effect.fn("reassess")(function* (request: PayoutRequest.PayoutRequest) {
  yield* PayoutWorkflow.assess(request)
  const { exposure } = yield* Effect.merge(PayoutWorkflow.execute(request))
  if (exposure.min === exposure.max) yield* close(request.handle, exposure.max, "the record")
})

/** What a person found out from the acquirer: how much moved. Only that ends the doubt of a processing error. */
export const decide = (handle: string, moved: number, person: string) => close(handle, moved, person)
