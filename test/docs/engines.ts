import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import { Config, Effect, Layer } from "effect"
import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import Pg from "pg"

const Durable = PayoutWorkflow.layer.pipe(
  Layer.provide(Payouts.layer),
  Layer.provide(BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })),
  Layer.provide(FetchHttpClient.layer)
)

/** For tests: in memory. */
export const InMemory = Durable.pipe(Layer.provideMerge(WorkflowEngine.layerMemory))

/** One process, one file. */
export const OneProcess = Durable.pipe(Layer.provideMerge(SqliteEngine.layer({ filename: "payouts.sqlite" })))

/** Several processes, one database, in which they meet: none of them listens on a port. */
export const Several = Durable.pipe(
  Layer.provideMerge(
    PostgresEngine.layer({
      pool: Effect.acquireRelease(
        Effect.sync(() => new Pg.Pool({ connectionString: "postgres://127.0.0.1/payouts" })),
        (pool) => Effect.promise(() => pool.end())
      )
    })
  )
)
