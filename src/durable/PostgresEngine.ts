/**
 * The durable engine of several processes on PostgreSQL. They share the payouts, and take over those of a process that
 * dies. They communicate only through the database: no process listens on a port.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
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
import { apart } from "./apart.js"
import * as PostgresInbox from "./PostgresInbox.js"
import * as RetryingMessageStorage from "./RetryingMessageStorage.js"
import * as tables from "./tables.js"

/**
 * The settings of the engine: the pool is yours, everything else has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * A pool of the package `pg`, closed with the scope. The engine keeps one connection for its locks, and refuses a
   * pool of fewer than `connectionsMin`.
   */
  readonly pool: Effect.Effect<Pool, SqlError, Scope.Scope>
  /**
   * The beginning of the names of the engine's tables, in lower case: `cluster_messages`, `cluster_replies`,
   * `cluster_runners`, `cluster_locks` and `cluster_migrations` by default. Engines with other prefixes share nothing
   * but the database. Up to 32 characters.
   */
  readonly prefix?: string | undefined
  /** Whether the process only submits payouts, waits for them and wakes them, but runs none. Default: false. */
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
 * The locks are rows, which belong to one schema. PostgreSQL's advisory locks belong to the whole database, under
 * numbers that are the same for every engine. An engine of another schema would then block this one's payouts for as
 * long as it runs.
 */
const locksAreRows = { shardLockDisableAdvisory: true }

/**
 * The fewest connections with which the engine works: one holds its locks, and the others do its work. Give it more.
 *
 * @category settings
 * @since 0.1.0
 */
export const connectionsMin = 2

/**
 * The settings that differ from the engine's defaults. The others detect a dead process within `shardLockExpiration`. A
 * process must not pause for that long and then go on: the others take its payouts over, and what it was sending stays in
 * doubt until the record accounts for it or the arrival horizon has passed. Raise it where processes are throttled.
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
 * The engine, and its SQL client for tables of your own.
 *
 * **No process listens on a port, and no option makes one listen:** the engine's socket has no authentication, so
 * anyone with access to it could run any workflow, for any amount. Processes meet only in the database, by polling. The
 * running process finds a submitted payout within `entityMessagePollInterval`, and the submitting process sees its end
 * within `entityReplyPollInterval`. **Anyone who may write to the database can run a payout:** give the engine a
 * database, or a schema and a role, of its own.
 *
 * **Let all connections use UTC** (`ALTER ROLE ... SET timezone = 'UTC'`): the engine's rows have times without a zone. In a
 * zone with summer time, the payouts of a process that dies in the hour in which clocks go back wait for an hour.
 *
 * **The tables** are made by the first engine that is built with a role that may do so (`CREATE` on the schema; it then owns
 * them). It runs two migrations, which `cluster_migrations` counts: `cluster_messages` and `cluster_replies` with their
 * indexes, and a wider column. It makes `cluster_runners` and `cluster_locks` beside them. From then on an engine makes
 * nothing, and its role needs only:
 *
 * ```sql
 * GRANT USAGE ON SCHEMA payouts TO payer;
 * GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_messages, cluster_replies, cluster_runners, cluster_locks TO payer;
 * GRANT SELECT, UPDATE ON cluster_migrations TO payer; -- UPDATE: each start locks it for a moment
 * GRANT SELECT ON cluster_payout_migrations TO payer;
 * GRANT USAGE ON cluster_messages_rowid_seq, cluster_replies_rowid_seq, cluster_runners_machine_id_seq TO payer;
 * ```
 *
 * A role that lists (`Unfinished`) needs `SELECT` on `cluster_messages` and `cluster_replies`. A release of
 * `@effect/cluster` with a further migration needs the owner's role once.
 *
 * Building it fails with a `ConfigError` if the pool has fewer than `connectionsMin` connections or the prefix is none,
 * and with an `SqlError` if tables are missing and the role may not make them.
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
  prefix = tables.prefixDefault,
  sharding,
  submitOnly = false
}: Options): Layer.Layer<WorkflowEngine | SqlClient, SqlError | ConfigError.ConfigError> =>
  apart(
    Layer.unwrapScoped(
      Effect.gen(function* () {
        yield* tables.checkPrefix(prefix)
        const acquired = yield* Effect.tap(pool, keepRunning)
        yield* enough(acquired)
        const runnerAddress = submitOnly ? Option.none() : Option.some(yield* name)
        return ClusterWorkflowEngine.layer.pipe(
          Layer.provide(Sharding.layer),
          Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
          Layer.provide(
            RetryingMessageStorage.layer((storage) => PostgresInbox.make(storage, prefix)).pipe(
              Layer.provide(tables.messages(prefix))
            )
          ),
          Layer.provide(tables.runners(prefix)),
          Layer.provide(ShardingConfig.layer({ ...settings, ...sharding, ...locksAreRows, runnerAddress })),
          Layer.provideMerge(PgClient.layerFromPool({ acquire: Effect.succeed(acquired) }))
        )
      })
    )
  )

/** The others know a process by an address. Here it is a unique name on which no process listens (RFC 6761). */
const name = Effect.map(
  Effect.all([Clock.currentTimeNanos, Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 4)]),
  ([nanos, parts]) => RunnerAddress.make(`${[nanos, ...parts].map((part) => part.toString(36)).join("-")}.invalid`, 0)
)

/** With fewer connections, the engine waits for one for ever, without an error. */
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
 * Lets every statement on a connection run to its end. On an interruption the client of `@effect/sql-pg` makes the
 * server cancel the connection's current statement, which may be another fiber's. So this hides the process id from it.
 */
const keepRunning = (pool: Pool): Effect.Effect<void> =>
  Effect.sync(() => {
    pool.on("connect", (client) => {
      Object.defineProperty(client, "processID", { get: () => undefined, set: () => undefined })
    })
    // An idle connection broke. The pool makes another one.
    pool.on("error", () => undefined)
  })
