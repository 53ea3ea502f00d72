/**
 * What makes the engine stall, on real databases: hints around the moment in which a payout suspends, with a storage
 * whose answers are late. Each payout would otherwise wait for its next poll, an hour later.
 */
import {
  ClusterWorkflowEngine,
  Message,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig,
  SqlMessageStorage
} from "@effect/cluster"
import type { Rpc } from "@effect/rpc"
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Config, Effect, Layer, Option, Redacted, Schedule } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as PostgresInbox from "../../src/durable/PostgresInbox.js"
import * as RetryingMessageStorage from "../../src/durable/RetryingMessageStorage.js"
import * as SqliteConnections from "../../src/durable/SqliteConnections.js"
import * as SqliteInbox from "../../src/durable/SqliteInbox.js"
import { requestOf } from "../support.js"

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

/** When a reply of a run is late: on its way to the database, or on the way back. */
type Late = "Before" | "After"

const lateness = "250 millis"

/** A storage in which a workflow's `Suspended` is late. */
const late = (when: Late) =>
  Layer.effect(
    MessageStorage.MessageStorage,
    Effect.map(MessageStorage.MessageStorage, (storage) => {
      const slow = (message: Message.Incoming<Rpc.Any>): Message.Incoming<Rpc.Any> =>
        message._tag === "IncomingRequest" && message.envelope.tag === "run"
          ? new Message.IncomingRequest({
              ...message,
              respond: (reply) =>
                when === "Before"
                  ? Effect.delay(message.respond(reply), lateness)
                  : Effect.zipLeft(message.respond(reply), Effect.sleep(lateness))
            })
          : message
      const all = <E, R>(read: Effect.Effect<Array<Message.Incoming<Rpc.Any>>, E, R>) =>
        Effect.map(read, (messages) => messages.map(slow))
      return {
        ...storage,
        unprocessedMessages: (shards) => all(storage.unprocessedMessages(shards)),
        unprocessedMessagesById: (ids) => all(storage.unprocessedMessagesById(ids))
      } satisfies MessageStorage.MessageStorage["Type"]
    })
  )

const sqlite = Layer.unwrapScoped(
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "payouts-stalls-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
    ),
    (directory) => SqliteConnections.layer(join(directory, "payouts.sqlite"))
  )
)

/** A schema of its own. */
const postgres = Layer.unwrapScoped(
  Effect.gen(function* () {
    const schema = `stalls_${process.pid}_${yield* Clock.currentTimeMillis}`
    const given = Option.getOrThrow(url)
    const server = PgClient.layer({ url: Redacted.make(given) })
    const run = (statement: string) =>
      Effect.orDie(
        Effect.provide(
          Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement)),
          server
        )
      )
    yield* Effect.acquireRelease(run(`CREATE SCHEMA ${schema}`), () => run(`DROP SCHEMA ${schema} CASCADE`))
    const own = new URL(given)
    own.searchParams.set("options", `-c search_path=${schema}`)
    return PgClient.layer({ url: Redacted.make(own.href) })
  })
)

const engine = (on: "SQLite" | "PostgreSQL", when: Late) => {
  const inbox = on === "SQLite" ? SqliteInbox.make : PostgresInbox.make
  return ClusterWorkflowEngine.layer.pipe(
    Layer.provide(Sharding.layer),
    Layer.provide(Runners.layerNoop),
    Layer.provide(RetryingMessageStorage.layer((storage) => inbox(storage, "cluster"))),
    Layer.provide(late(when)),
    Layer.provide(SqlMessageStorage.layer),
    Layer.provide([RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
    Layer.provide(
      ShardingConfig.layer({ entityMessagePollInterval: "1 second", entityReplyPollInterval: "100 millis" })
    ),
    Layer.provide(on === "SQLite" ? sqlite : postgres)
  )
}

const payouts = 6
/** A claim that nobody works on is found after two seconds, and read with the next poll, a second later. */
const bound = 10_000

/** The longest that a payout took from its hint to its end. The hints come while the payouts suspend. */
const slowest = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  const took = yield* Effect.forEach(
    Array.from({ length: payouts }, (_, index) => requestOf({ handle: `prize-${index}` })),
    (request, index) =>
      Effect.gen(function* () {
        const executionId = yield* PayoutWorkflow.submit(request)
        yield* sandbox.settle(request.handle, Acquirer.paid).pipe(Effect.retry(Schedule.spaced("5 millis")))
        yield* Effect.sleep(index * 50)
        const hinted = yield* Clock.currentTimeMillis
        yield* PayoutWorkflow.hint(executionId)
        yield* PayoutWorkflow.poll(executionId).pipe(
          Effect.repeat({ until: (result) => result?._tag === "Complete", schedule: Schedule.spaced("50 millis") }),
          Effect.timeoutOption(bound * 2)
        )
        return (yield* Clock.currentTimeMillis) - hinted
      }),
    { concurrency: payouts }
  )
  return Math.max(...took)
})

const cases = (["SQLite", "PostgreSQL"] as const).flatMap((on) =>
  (["Before", "After"] as const).map((when) => ({ on, when }))
)

describe("A hint that comes while a payout suspends", () => {
  for (const { on, when } of cases) {
    it.live.skipIf(on === "PostgreSQL" && Option.isNone(url))(
      `ends it within ${bound / 1000} seconds on ${on}, ` +
        (when === "Before" ? "before `Suspended` is stored" : "before the engine knows that `Suspended` is stored"),
      () =>
        Effect.gen(function* () {
          assert.isBelow(yield* slowest, bound)
        }).pipe(
          Effect.provide(
            PayoutWorkflow.layerWith({ pollSchedule: Schedule.spaced("1 hour") }).pipe(
              Layer.provide(Payouts.layer),
              Layer.provideMerge(Sandbox.layerWith({ testAmounts: false, outcome: () => Acquirer.processing() })),
              Layer.provideMerge(engine(on, when))
            )
          )
        ),
      60_000
    )
  }
})
