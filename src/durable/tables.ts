/**
 * The engine's tables, under a prefix of their own. They are made when the first engine is built; from then on an engine
 * needs no right to make any.
 */
import type * as MessageStorage from "@effect/cluster/MessageStorage"
import { MessageStorage as MessageStorageTag } from "@effect/cluster/MessageStorage"
import type * as RunnerStorage from "@effect/cluster/RunnerStorage"
import { RunnerStorage as RunnerStorageTag } from "@effect/cluster/RunnerStorage"
import type * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as Snowflake from "@effect/cluster/Snowflake"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"

/** The engine's own default, so that tables of earlier versions are found. */
export const prefixDefault = "cluster"

/** PostgreSQL folds capitals where the engine asks for a table, and cuts names (of indexes) after 63 characters. */
const pattern = /^[a-z][a-z0-9_]{0,31}$/

/** Refuses a prefix that a database would read as another one. */
export const checkPrefix = (prefix: string): Effect.Effect<void, ConfigError.ConfigError> =>
  pattern.test(prefix)
    ? Effect.void
    : Effect.fail(
        ConfigError.InvalidData(["prefix"], "Expected a lower-case letter, and up to 31 more, or digits or underscores")
      )

/** The storage of payouts and their steps. */
export const messages = (
  prefix: string
): Layer.Layer<MessageStorage.MessageStorage, SqlError, SqlClient.SqlClient | ShardingConfig.ShardingConfig> =>
  Layer.scoped(MessageStorageTag, prepared(prefix, SqlMessageStorage.make({ prefix }))).pipe(
    Layer.provide(Snowflake.layerGenerator)
  )

/** The storage of the processes and their locks. */
export const runners = (
  prefix: string
): Layer.Layer<RunnerStorage.RunnerStorage, SqlError, SqlClient.SqlClient | ShardingConfig.ShardingConfig> =>
  Layer.scoped(RunnerStorageTag, prepared(prefix, keepingTables(prefix, SqlRunnerStorage.make({ prefix }))))

/**
 * PostgreSQL asks for the right to make tables before it looks whether the table is there. So where the tables are there,
 * nothing asks for them.
 */
const keepingTables = <A, E, R>(prefix: string, make: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const isThere = (name: string) => Effect.isSuccess(sql`SELECT 1 FROM ${sql(`${prefix}_${name}`)} LIMIT 0`)
    const areThere = (yield* isThere("runners")) && (yield* isThere("locks"))
    return yield* areThere ? Statement.withTransformer(make, leaveTables) : make
  })

const leaveTables: Statement.Statement.Transformer = (statement, sql) =>
  Effect.succeed(/^\s*CREATE TABLE IF NOT EXISTS\b/.test(statement.compile()[0]) ? sql`SELECT 1` : statement)

/**
 * The engine dies if it cannot prepare its tables. Here it fails, and is patient where another process prepares them at the
 * same moment, or has the file.
 */
export const prepared = <A, E, R>(prefix: string, make: Effect.Effect<A, E, R>): Effect.Effect<A, SqlError, R> =>
  make.pipe(
    Effect.mapError((cause) => failed(prefix, cause)),
    Effect.catchAllDefect((cause) => failed(prefix, cause)),
    Effect.retry({ while: isPassing, schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo("10 seconds")) })
  )

const failed = (prefix: string, cause: unknown) =>
  new SqlError({ cause, message: `Failed to prepare the engine's tables (${prefix}_messages and others)` })

/** SQLite: another process writes. PostgreSQL: another one has just made the same table, type or row. */
const passing = new Set(["SQLITE_BUSY", "SQLITE_LOCKED", "42P07", "42710", "23505"])

const isPassing = (error: unknown): boolean => {
  if (!Predicate.isRecord(error)) return false
  return (typeof error["code"] === "string" && passing.has(error["code"])) || isPassing(error["cause"])
}
