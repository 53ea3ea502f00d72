/**
 * The durable engine of several processes on PostgreSQL: they share the payouts among them, and take over those of one that
 * dies. They meet in the database and nowhere else: no process listens on a port.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Clock from "effect/Clock"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Pool } from "pg"
import * as SteadyStorage from "./RetryingMessageStorage.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * A pool of the package `pg`, and its end. The engine keeps one connection for itself, which holds its locks; a pool of
   * fewer than `connectionsMin` is refused.
   */
  readonly pool: Effect.Effect<Pool, SqlError, Scope.Scope>
  /** A process that submits payouts, waits for them and wakes them, but runs none. Default: false. */
  readonly submitOnly?: boolean | undefined
  /** What differs from `settings`. */
  readonly sharding?:
    | Partial<
        Omit<
          ShardingConfig.ShardingConfig["Type"],
          "runnerAddress" | "runnerListenAddress" | "shardLockDisableAdvisory"
        >
      >
    | undefined
}

/**
 * The locks are rows, which belong to one schema. PostgreSQL's advisory locks belong to the whole database, under numbers that
 * are the same for every engine: an engine of another schema would keep this one's payouts waiting for as long as it runs.
 */
const locksAreRows = { shardLockDisableAdvisory: true }

/**
 * The fewest connections that the engine works with: one holds its locks, and the others do its work. Give it more.
 *
 * @category settings
 * @since 0.1.0
 */
export const connectionsMin = 2

/**
 * What differs from the engine's defaults. A process that dies is found out within `shardLockExpiration`, and nothing may
 * stop a process for as long and let it go on: longer pauses are safe for the money, and cost a lookup.
 *
 * @category settings
 * @since 0.1.0
 */
export const settings = {
  shardLockExpiration: "9 seconds",
  shardLockRefreshInterval: "3 seconds",
  refreshAssignmentsInterval: "1 second",
  runnerHealthCheckInterval: "2 seconds",
  entityMessagePollInterval: "1 second",
  entityReplyPollInterval: "100 millis"
} as const satisfies Partial<ShardingConfig.ShardingConfig["Type"]>

/**
 * The engine, and the SQL client that it stores with, for tables of your own.
 *
 * **No process listens on a port, and none can be told to:** the engine's socket has no authentication, so whoever reached it
 * could have any workflow run, for any amount. Processes meet in the database only, by polling: what one of them submits is
 * found by the one that runs it within `entityMessagePollInterval`, and its end is seen within `entityReplyPollInterval`.
 * **Whoever may write to the database can have a payout run:** give the engine a database, or a schema and a role, of its own.
 *
 * Fails with a `ConfigError` while it is built if the pool has fewer than `connectionsMin` connections.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
 * import Pg from "pg"
 *
 * const live = PostgresEngine.layer({
 *   pool: Effect.acquireRelease(
 *     Effect.sync(() => new Pg.Pool({ connectionString: "postgres://127.0.0.1/payouts", max: 10 })),
 *     (pool) => Effect.promise(() => pool.end())
 *   )
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({
  pool,
  sharding,
  submitOnly = false
}: Options): Layer.Layer<WorkflowEngine | SqlClient, SqlError | ConfigError.ConfigError> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const acquired = yield* Effect.tap(pool, keepRunning)
      yield* enough(acquired)
      const runnerAddress = submitOnly ? Option.none() : Option.some(yield* name)
      return ClusterWorkflowEngine.layer.pipe(
        Layer.provide(Sharding.layer),
        Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
        Layer.provide(SteadyStorage.layer.pipe(Layer.provide(SqlMessageStorage.layer))),
        Layer.provide(SqlRunnerStorage.layer),
        Layer.provide(ShardingConfig.layer({ ...settings, ...sharding, ...locksAreRows, runnerAddress })),
        Layer.provideMerge(PgClient.layerFromPool({ acquire: Effect.succeed(acquired) }))
      )
    })
  )

/** A process is known to the others by an address, which here is a name of its own, where nobody listens (RFC 6761). */
const name = Effect.map(
  Effect.all([Clock.currentTimeNanos, Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 4)]),
  ([nanos, parts]) => RunnerAddress.make(`${[nanos, ...parts].map((part) => part.toString(36)).join("-")}.invalid`, 0)
)

/** With fewer, the engine waits for a connection for ever, and says nothing. */
const enough = ({ options: { max } }: Pool): Effect.Effect<void, ConfigError.ConfigError> =>
  max < connectionsMin
    ? Effect.fail(
        ConfigError.InvalidData(
          ["pool"],
          `Expected a pool of at least ${connectionsMin} connections (max): one of them holds the engine's locks; got ${max}`
        )
      )
    : Effect.void

/**
 * Lets what runs on a connection run to its end. On an interruption the client of `@effect/sql-pg` has the server cancel
 * whatever the connection's process runs, which by then may be another fiber's statement; so it is not told the process.
 */
const keepRunning = (pool: Pool): Effect.Effect<void> =>
  Effect.sync(() => {
    pool.on("connect", (client) => {
      Object.defineProperty(client, "processID", { get: () => undefined, set: () => undefined })
    })
    // A connection that breaks while nobody uses it: the pool makes another one.
    pool.on("error", () => undefined)
  })
