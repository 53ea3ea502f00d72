/**
 * The indices that this package adds to the engine's tables. They have a migration table of their own, because the
 * engine numbers its migrations itself.
 */
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as tables from "./tables.js"

/** The number of the latest migration. */
const latest = 1

/** Creates the indices once. Where they are there, a role needs no right but to read the table of migrations. */
export const indices = (
  prefix: string,
  statements: ReadonlyArray<Effect.Effect<unknown, SqlError>>
): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const table = `${prefix}_payout_migrations`
    const done = yield* Effect.option(sql`SELECT 1 FROM ${sql(table)} WHERE migration_id = ${latest}`)
    if (done._tag === "Some" && done.value.length > 0) return
    const loader = Migrator.fromRecord({ "0001_indices": Effect.all(statements, { discard: true }) })
    yield* tables.prepared(prefix, Migrator.make({})({ loader, table }))
  })
