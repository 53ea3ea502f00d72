/**
 * The durable engine of one process on an embedded SQLite file, without dependencies beyond npm packages. One process at
 * a time runs its payouts. Others may submit, list and wake them.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { apart } from "./apart.js"
import * as RetryingMessageStorage from "./RetryingMessageStorage.js"
import * as SqliteConnections from "./SqliteConnections.js"
import * as SqliteInbox from "./SqliteInbox.js"
import * as SqliteOwner from "./SqliteOwner.js"
import * as tables from "./tables.js"

/**
 * The settings of the engine: the file is yours, everything else has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The path of the file, which is created if missing, on a disk of this machine: no network file system. SQLite keeps
   * `-wal` and `-shm` next to it, and the running process `-owner`, its lock. All four are for their owner alone (0600,
   * with any umask). Wider rights are narrowed with a warning; if that is refused, the file is not opened.
   */
  readonly filename: string
  /**
   * The beginning of the names of the engine's tables, in lower case: `cluster_messages`, `cluster_replies` and
   * `cluster_migrations` by default. Engines with other prefixes share nothing but the file. Up to 32 characters.
   */
  readonly prefix?: string | undefined
  /**
   * Whether the process only submits payouts, waits for them and wakes them, but runs none: the operator's tool, or a
   * web process. It needs no lock, and the running process finds what it stored within `entityMessagePollInterval`.
   * Default: false.
   */
  readonly submitOnly?: boolean | undefined
  /** What differs from `settings`. */
  readonly sharding?: Partial<Omit<ShardingConfig.ShardingConfig["Type"], "runnerAddress">> | undefined
}

/**
 * Another engine runs the payouts of this file. `filename` is the file and `lock` the file by which the other one holds
 * it. Building the layer fails with it at once; retry it (`Layer.retry`) where an old process may still be ending.
 *
 * @category errors
 * @since 0.1.0
 */
export const FileOwned = SqliteOwner.FileOwned

/**
 * @category errors
 * @since 0.1.0
 */
export type FileOwned = SqliteOwner.FileOwned

/**
 * The settings that differ from the engine's defaults. With them, a durable clock rings, and work left by a crash is
 * taken up, within one second instead of ten.
 *
 * @category settings
 * @since 0.1.0
 */
export const settings = {
  entityMessagePollInterval: "1 second",
  entityReplyPollInterval: "100 millis"
} as const satisfies Partial<ShardingConfig.ShardingConfig["Type"]>

/**
 * The engine, and its SQL client for tables of your own.
 *
 * **One process at a time runs the payouts of a file.** Building a second engine fails with `FileOwned`, in the same
 * process too, unless it has another `prefix` or is `submitOnly`. The lock is one of the operating system: it ends with
 * the process, however that ends, and needs no cleaning up. A copy of the file has an owner of its own: never run two
 * copies. (As always with SQLite: nothing else in the process may open and close the files themselves.)
 *
 * It makes its tables where they are missing, and indexes with them. A prefix that is none fails with a `ConfigError`.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Payouts } from "effect-billwerk-payouts"
 * import { Sandbox } from "effect-billwerk-payouts/testing"
 * import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
 * import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
 *
 * const live = PayoutWorkflow.layer.pipe(
 *   Layer.provide(Payouts.layer),
 *   Layer.provide(Sandbox.layer),
 *   Layer.provideMerge(SqliteEngine.layer({ filename: "payouts.sqlite" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({
  filename,
  prefix = tables.prefixDefault,
  sharding,
  submitOnly = false
}: Options): Layer.Layer<WorkflowEngine | SqlClient.SqlClient, SqlError | FileOwned | ConfigError.ConfigError> =>
  apart(
    ClusterWorkflowEngine.layer.pipe(
      Layer.provide(Sharding.layer),
      Layer.provide(Runners.layerNoop),
      Layer.provide(
        RetryingMessageStorage.layer((storage) => SqliteInbox.make(storage, prefix)).pipe(
          Layer.provide(tables.messages(prefix))
        )
      ),
      Layer.provide([RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
      Layer.provide(
        ShardingConfig.layer({ ...settings, ...sharding, ...(submitOnly ? { runnerAddress: Option.none() } : {}) })
      ),
      Layer.provideMerge(SqliteConnections.layer(filename)),
      Layer.provide(submitOnly ? Layer.empty : SqliteOwner.layer(filename, lockOf(prefix))),
      Layer.provide(Layer.effectDiscard(tables.checkPrefix(prefix)))
    )
  )

/** Tables of another prefix may have another owner. */
const lockOf = (prefix: string): string => (prefix === tables.prefixDefault ? "-owner" : `-${prefix}-owner`)
