/**
 * The indices that this package adds to the engine's tables. They have a migration table of their own, because the
 * engine numbers its migrations itself.
 */
import * as Migrator from "@effect/sql/Migrator"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** Creates the indices once. Processes that start at the same moment may get in each other's way: they try again. */
export const indices = (
  prefix: string,
  statements: ReadonlyArray<Effect.Effect<unknown, SqlError>>
): Effect.Effect<void, never, SqlClient.SqlClient> =>
  Migrator.make({})({
    loader: Migrator.fromRecord({ "0001_indices": Effect.all(statements, { discard: true }) }),
    table: `${prefix}_payout_migrations`
  }).pipe(
    Effect.retry(Schedule.intersect(Schedule.spaced("200 millis"), Schedule.recurs(25))),
    Effect.orDie,
    Effect.asVoid
  )
