/**
 * The durable engine of several processes on PostgreSQL: they share the payouts among them, and take over those of one that
 * dies.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import type { SocketServerError } from "@effect/platform/SocketServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Pool } from "pg"
import * as SteadyStorage from "./SteadyStorage.js"

/** @category models */
export interface Options {
  /** A pool of the package `pg`, and its end. At least four connections: two of them hold locks and listen. */
  readonly pool: Effect.Effect<Pool, SqlError, Scope.Scope>
  /** Where the other processes reach this one; a process that only submits has none. */
  readonly address: { readonly host: string; readonly port: number } | undefined
  /** What differs from `settings`. */
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Type"]> | undefined
}

/**
 * What differs from the engine's defaults. A process that dies is found out within `shardLockExpiration`, and nothing may
 * stop a process for as long and let it go on: longer pauses are safe for the money, and cost a lookup.
 *
 * @category settings
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
 *   ),
 *   address: { host: "10.0.0.1", port: 34_431 }
 * })
 * ```
 *
 * @category layers
 */
export const layer = ({
  address,
  pool,
  sharding
}: Options): Layer.Layer<WorkflowEngine | SqlClient, SqlError | SocketServerError | ConfigError> => {
  const config = {
    ...settings,
    ...sharding,
    runnerAddress: Option.map(Option.fromNullable(address), ({ host, port }) => RunnerAddress.make(host, port))
  }
  return ClusterWorkflowEngine.layer.pipe(
    Layer.provide(
      address === undefined
        ? NodeClusterSocket.layer({ clientOnly: true, storage: "byo", shardingConfig: config })
        : NodeClusterSocket.layer({ storage: "byo", shardingConfig: config })
    ),
    Layer.provide(SteadyStorage.layer.pipe(Layer.provide(SqlMessageStorage.layer))),
    Layer.provide(SqlRunnerStorage.layer),
    Layer.provide(ShardingConfig.layer(config)),
    Layer.provideMerge(PgClient.layerFromPool({ acquire: Effect.tap(pool, keepRunning) }))
  )
}

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
