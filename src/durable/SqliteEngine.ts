/**
 * The durable engine of one process on an embedded SQLite file, without dependencies beyond npm packages. The file
 * belongs to one process at a time.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Layer from "effect/Layer"
import * as SqliteConnections from "./SqliteConnections.js"
import * as SqliteInbox from "./SqliteInbox.js"
import * as RetryingMessageStorage from "./RetryingMessageStorage.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The path of the file, which is created if missing. SQLite keeps `-wal` and `-shm` next to it. All three are for
   * their owner alone (0600, with any umask). Wider rights are narrowed with a warning; if that is refused, the file is
   * not opened.
   */
  readonly filename: string
  /** What differs from `settings`. */
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Type"]> | undefined
}

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
export const layer = ({ filename, sharding }: Options): Layer.Layer<WorkflowEngine | SqlClient.SqlClient, SqlError> =>
  ClusterWorkflowEngine.layer.pipe(
    Layer.provide(Sharding.layer),
    Layer.provide(Runners.layerNoop),
    Layer.provide(
      RetryingMessageStorage.layer((storage) => SqliteInbox.make(storage, "cluster")).pipe(
        Layer.provide(SqlMessageStorage.layer)
      )
    ),
    Layer.provide([RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
    Layer.provide(ShardingConfig.layer({ ...settings, ...sharding })),
    Layer.provideMerge(SqliteConnections.layer(filename))
  )
