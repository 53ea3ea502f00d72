/** A durable payout on an engine: the answer to its create is lost, and a second engine on the same store finds its end. */
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import { Effect, Layer } from "effect"
import Pg from "pg"
import * as PayoutWorkflow from "../../../src/durable/PayoutWorkflow.js"
import * as PostgresEngine from "../../../src/durable/PostgresEngine.js"
import * as SqliteEngine from "../../../src/durable/SqliteEngine.js"
import { Payouts } from "../../../src/index.js"
import { Ledger, Sandbox, Script } from "../../../src/sandbox/index.js"
import { payout } from "./parts.js"

const sharding = { entityMessagePollInterval: "100 millis", entityTerminationTimeout: "1 second" } as const

const onEngine = <E extends object>(engine: Layer.Layer<WorkflowEngine, E>): Effect.Effect<unknown, object> =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate))
    const process = PayoutWorkflow.layer.pipe(Layer.provide(Payouts.layer), Layer.provideMerge(engine))
    const execute = Effect.flatMap(payout("durable"), PayoutWorkflow.execute).pipe(
      Effect.map(({ _tag }) => _tag),
      Effect.provide(Layer.fresh(process))
    )
    const ends = [yield* execute, yield* execute]
    const exchanges = (yield* sandbox.exchanges).map(({ kind }) => kind)
    return { ends, exchanges, moved: Ledger.moved(yield* sandbox.ledger, "durable") }
  }).pipe(Effect.provide(Sandbox.layer))

export const sqlite = (filename: string): Effect.Effect<unknown, object> =>
  onEngine(SqliteEngine.layer({ filename, sharding }))

/** In a schema, which the caller has made. */
export const postgres = (connectionString: string): Effect.Effect<unknown, object> =>
  onEngine(
    PostgresEngine.layer({
      pool: Effect.acquireRelease(
        Effect.sync(() => new Pg.Pool({ connectionString, max: 8 })),
        (made) => Effect.promise(() => made.end())
      ),
      sharding
    })
  )
