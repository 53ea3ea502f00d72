/**
 * Durable payouts in a PostgreSQL database, for the commands about them. Loaded only for these.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import Pg from "pg"
import * as PostgresEngine from "../durable/PostgresEngine.js"
import * as tables from "../durable/tables.js"
import * as Unfinished from "../durable/Unfinished.js"

export const open = (url: Redacted.Redacted, prefix: string | undefined) => {
  const pool = poolOf(url)
  return {
    unfinished: Unfinished,
    checkPrefix: tables.checkPrefix,
    reading: PgClient.layerFromPool({ acquire: pool }),
    waking: PostgresEngine.layer({ pool, prefix, submitOnly: true })
  }
}

const poolOf = (url: Redacted.Redacted) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const pool = new Pg.Pool({ connectionString: Redacted.value(url), max: 4, connectionTimeoutMillis: 10_000 })
        // An idle connection broke: the next statement says so.
        pool.on("error", () => undefined)
        return pool
      },
      catch: () => new SqlError({ cause: undefined, message: "PAYOUTS_POSTGRES_URL is no URL of a database" })
    }),
    (pool) => Effect.promise(() => pool.end())
  )
