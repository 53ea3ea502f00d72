/** What reaches the engine on PostgreSQL from outside: nothing. Where there is a server: `PAYOUTS_POSTGRES_URL`. */
import { EntityAddress, EntityId, EntityType, RunnerAddress, Runners, ShardId, Snowflake } from "@effect/cluster"
import { NodeClusterSocket } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Headers } from "@effect/platform"
import { RpcClient, RpcSerialization } from "@effect/rpc"
import * as SqlClient from "@effect/sql/SqlClient"
import { Clock, Config, Effect, Layer, Option, Schema } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import Pg from "pg"
import { requestOf } from "../support.js"

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

/** A schema of its own for each test, and so many connections to it. */
const pool = (name: string, max: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const schema = `doors_${name}_${process.pid}_${now}`
    return Effect.acquireRelease(
      Effect.promise(async () => {
        const made = new Pg.Pool({ connectionString: Option.getOrThrow(url), max, options: `-c search_path=${schema}` })
        await made.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
        return made
      }),
      (made) => Effect.promise(() => made.query(`DROP SCHEMA ${schema} CASCADE`).then(() => made.end()))
    )
  })

const runtime = (name: string, connections = 4) =>
  PayoutWorkflow.layer.pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(
      PostgresEngine.layer({
        pool: pool(name, connections),
        sharding: { entityMessagePollInterval: "200 millis", entityTerminationTimeout: "1 second" }
      })
    )
  )

const servers = Effect.sync(() => process.getActiveResourcesInfo().filter((name) => /Server|Pipe/.test(name)))

/** A peer with Effect's public packages and nothing else: it has the payout run wherever it is let in. */
const attack = (address: RunnerAddress.RunnerAddress, request: PayoutRequest.PayoutRequest) =>
  Effect.gen(function* () {
    const connect = yield* Runners.RpcClientProtocol
    const peer = yield* Effect.provideService(Runners.makeRpcClient, RpcClient.Protocol, yield* connect(address))
    const encoded = yield* Schema.encode(PayoutWorkflow.DurableRequest)(request)
    return yield* peer.Effect({
      persisted: false,
      request: {
        _tag: "Request",
        requestId: Snowflake.Snowflake(1n),
        address: new EntityAddress.EntityAddress({
          shardId: ShardId.make("default", 1),
          entityType: EntityType.EntityType.make("Workflow/BillwerkPayout"),
          entityId: EntityId.make("attack")
        }),
        tag: "run",
        payload: { request: encoded },
        headers: Headers.empty
      }
    })
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeClusterSocket.layerClientProtocol.pipe(Layer.provide(RpcSerialization.layerMsgPack))),
    Effect.timeout("2 seconds"),
    Effect.exit
  )

describe.skipIf(Option.isNone(url))("An engine on PostgreSQL", () => {
  it.scopedLive("refuses a pool of one connection when it is built, instead of waiting for another for ever", () =>
    Effect.gen(function* () {
      const refused = yield* Layer.build(runtime("one", 1)).pipe(
        Effect.flip,
        Effect.timeout("5 seconds"),
        Effect.disconnect
      )
      assert.deepStrictEqual(
        String(refused),
        '(Invalid data at pool: "Expected a pool of at least 2 connections (max): one of them holds the engine\'s locks; got 1")'
      )
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("pays with the fewest connections that it takes", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(runtime("fewest", PostgresEngine.connectionsMin))
      const requests = Array.from({ length: 20 }, (_, index) => requestOf({ handle: `prize-${index}` }))
      yield* Effect.forEach(requests, PayoutWorkflow.execute, { concurrency: 20 }).pipe(Effect.provide(context))
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 20 * 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("listens on no port", () =>
    Effect.gen(function* () {
      const before = yield* servers
      const context = yield* Layer.build(runtime("ports"))
      yield* Effect.provide(PayoutWorkflow.execute(requestOf()), context)
      assert.deepStrictEqual(yield* servers, before)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("pays beside an engine of another host, with a schema of its own in the same database", () =>
    Effect.gen(function* () {
      const neighbour = yield* Layer.build(runtime("neighbour"))
      yield* Effect.provide(PayoutWorkflow.execute(requestOf({ handle: "theirs" })), neighbour)
      // By now the neighbour has every shard of its own, and keeps them.
      const context = yield* Layer.build(runtime("beside"))
      yield* Effect.provide(PayoutWorkflow.execute(requestOf({ handle: "ours" })), context)
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 2 * 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("is reached by no peer without credentials, at whatever address the database names (D2)", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(runtime("attack"))
      // By now it has its shards, and works.
      yield* Effect.provide(PayoutWorkflow.execute(requestOf()), context)
      const rows = yield* Effect.provide(
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql<{ address: string }>`SELECT address FROM cluster_runners`),
        context
      )
      assert.strictEqual(rows.length, 1)
      const addresses = rows.map(({ address }) => {
        const [host = "", port] = address.split(":")
        return RunnerAddress.make(host, Number(port))
      })
      const stolen = requestOf({ handle: "stolen", amount: 2_147_483_647 })
      const exits = yield* Effect.forEach([...addresses, RunnerAddress.make("127.0.0.1", 34_431)], (address) =>
        attack(address, stolen)
      )
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, stolen.handle), 0)
      assert.deepStrictEqual([...new Set(exits.map(({ _tag }) => _tag))], ["Failure"])
    }).pipe(Effect.provide(Sandbox.layer))
  )
})
