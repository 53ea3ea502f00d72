/**
 * What does it cost that no process listens on a port? From submit to end, with the engine's own socket between the processes
 * (on the loopback interface, as `PostgresEngine` had it once) and with the database alone between them; and how long payouts
 * wait whose runner was killed.
 *
 * Run: `npm run bench:listener`, or `npm run bench:listener -- ROUNDS PAYOUTS KILLS` (default: 5 rounds of 40 payouts, which
 * arrive at random within 8 seconds, and 3 kills). `PAYOUTS_POSTGRES_URL` says where the server is. Two runners, and one that
 * only submits, each with an engine of its own, here in one process; the runner that is killed is a process of its own. The
 * provider is the sandbox, in the same process.
 */
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import type { WorkflowEngine } from "@effect/workflow"
import { Clock, Config, Console, Effect, Layer, Logger, LogLevel, Option, Random } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import { type ChildProcess, fork } from "node:child_process"
import Pg from "pg"
import { quantile } from "./statistics.js"

const [, program = "", ...given] = process.argv
const [rounds = 5, payouts = 40, kills = 3] = given.map(Number)
const arrivalsWithin = 8_000
const ports = [34_451, 34_452]

/** An engine on a database; `nth` of the runners, or one that only submits. */
type Engine = (url: string, nth: number | undefined) => Layer.Layer<WorkflowEngine.WorkflowEngine>

const pool = (url: string) =>
  Effect.acquireRelease(
    // Its database may be dropped before its last connection is closed.
    Effect.sync(() => new Pg.Pool({ connectionString: url, max: 8 }).on("error", () => undefined)),
    (pool) => Effect.promise(() => pool.end())
  )

const polling =
  (entityMessagePollInterval: "1 second" | "200 millis"): Engine =>
  (url, nth) =>
    Layer.orDie(
      PostgresEngine.layer({
        pool: pool(url),
        submitOnly: nth === undefined,
        sharding: { entityMessagePollInterval }
      })
    )

const listening: Engine = (url, nth) => {
  const port = nth === undefined ? undefined : ports[nth]
  const config = {
    ...PostgresEngine.settings,
    runnerAddress: Option.map(Option.fromNullable(port), (port) => RunnerAddress.make("127.0.0.1", port))
  }
  return ClusterWorkflowEngine.layer.pipe(
    Layer.provide(
      port === undefined
        ? NodeClusterSocket.layer({ clientOnly: true, storage: "byo", shardingConfig: config })
        : NodeClusterSocket.layer({ storage: "byo", shardingConfig: config })
    ),
    Layer.provide([SqlMessageStorage.layer, SqlRunnerStorage.layer]),
    Layer.provide(ShardingConfig.layer(config)),
    Layer.provide(PgClient.layerFromPool({ acquire: pool(url) })),
    Layer.orDie
  )
}

const modes: ReadonlyArray<readonly [name: string, engine: Engine]> = [
  ["a socket between them", listening],
  ["the database alone, polled every second", polling("1 second")],
  ["the database alone, polled every 200 ms", polling("200 millis")]
]

/** The address of a new database, for as long as it is needed. */
const database = (server: Pg.Pool, url: string) =>
  Effect.gen(function* () {
    const name = `payouts_listener_${process.pid}_${yield* Random.nextIntBetween(0, 1e9)}`
    yield* Effect.acquireRelease(
      Effect.promise(() => server.query(`CREATE DATABASE ${name}`)),
      () => Effect.promise(() => server.query(`DROP DATABASE ${name} WITH (FORCE)`))
    )
    const own = new URL(url)
    own.pathname = `/${name}`
    return own.href
  })

const runtime = (engine: Layer.Layer<WorkflowEngine.WorkflowEngine>) =>
  PayoutWorkflow.layer.pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(engine),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None))
  )

/** Milliseconds from submit to end. */
const execute = (handle: string) =>
  Effect.gen(function* () {
    const request = yield* PayoutRequest.make({
      handle,
      destination: "ca_fcfac2016614418f969fa5697383e47c",
      amount: 12_500,
      currency: "DKK"
    })
    const began = yield* Clock.currentTimeNanos
    yield* PayoutWorkflow.execute(request)
    return Number((yield* Clock.currentTimeNanos) - began) / 1e6
  })

/** The same, of payouts that arrive at random. */
const latencies = (prefix: string) =>
  Effect.forEach(
    Array.from({ length: payouts }),
    (_, index) =>
      Effect.gen(function* () {
        yield* Effect.sleep(yield* Random.nextIntBetween(0, arrivalsWithin))
        return yield* execute(`${prefix}-${index}`)
      }),
    { concurrency: "unbounded" }
  )

/** A runner in a process of its own, which is killed. */
const victim = Effect.gen(function* () {
  const [, mode = "", url = ""] = given
  const engine = modes[Number(mode)]?.[1] ?? listening
  yield* Layer.build(runtime(engine(url, 0)))
  // Whoever started it is gone.
  yield* Effect.sync(() => process.on("disconnect", () => process.kill(process.pid, "SIGKILL")))
  yield* Effect.sync(() => process.send?.("ready"))
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(Sandbox.layer))

/** The slowest of some payouts that are submitted when one of two runners has just been killed, in milliseconds. */
const takeover = (server: Pg.Pool, url: string, mode: number) =>
  Effect.gen(function* () {
    const engine = modes[mode]?.[1] ?? listening
    const own = yield* database(server, url)
    const child = yield* Effect.acquireRelease(
      Effect.async<ChildProcess>((resume) => {
        const child = fork(program, ["victim", String(mode), own], { execArgv: ["--no-deprecation"] })
        child.once("message", () => resume(Effect.succeed(child)))
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    yield* Layer.build(runtime(engine(own, 1)))
    const submitter = yield* Layer.build(runtime(engine(own, undefined)))
    // Until both have their shards.
    yield* Effect.sleep("6 seconds")
    yield* Effect.sync(() => child.kill("SIGKILL"))
    const waits = yield* Effect.forEach(
      Array.from({ length: 30 }, (_, index) => `taken-over-${index}`),
      execute,
      { concurrency: "unbounded" }
    ).pipe(Effect.provide(submitter))
    return Math.max(...waits)
  }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))

/** Three processes on a database of their own for each mode, and how long payouts took that one of them submitted. */
const measure = (server: Pg.Pool, url: string) =>
  Effect.gen(function* () {
    const ways = yield* Effect.forEach(modes, ([mode, engine]) =>
      Effect.gen(function* () {
        const own = yield* database(server, url)
        const runner = yield* Layer.build(runtime(engine(own, 0)))
        yield* Layer.build(runtime(engine(own, 1)))
        const submitter = yield* Layer.build(runtime(engine(own, undefined)))
        return [
          { mode, by: "one of two runners", context: runner },
          { mode, by: "a process that only submits", context: submitter }
        ] as const
      })
    ).pipe(Effect.map((all) => all.flat()))
    yield* Effect.sleep("5 seconds")
    const samples = new Map(ways.map((way) => [way, new Array<number>()]))
    // The first round warms up, and is not counted.
    for (let round = 0; round <= rounds; round++) {
      for (const way of yield* Random.shuffle(ways)) {
        const measured = yield* Effect.provide(latencies(`${round}-${ways.indexOf(way)}`), way.context)
        if (round > 0) samples.get(way)?.push(...measured)
      }
    }
    return Array.from(samples, ([{ by, mode }, own]) => ({
      between: mode,
      "submitted by": by,
      "median, ms": Math.round(quantile(own, 0.5)),
      "p99, ms": Math.round(quantile(own, 0.99))
    }))
  }).pipe(Effect.scoped)

const main = Effect.gen(function* () {
  const url = yield* Config.string("PAYOUTS_POSTGRES_URL")
  const server = new Pg.Pool({ connectionString: url, max: 1 })
  yield* Effect.addFinalizer(() => Effect.promise(() => server.end()))
  if (rounds > 0) {
    yield* Console.log(`${rounds} rounds of ${payouts} payouts, submit to end, Node ${process.version}`)
    yield* Console.table(yield* measure(server, url))
  }
  for (const [mode, [name]] of modes.entries()) {
    const waits = yield* Effect.forEach(Array.from({ length: kills }), () => takeover(server, url, mode))
    yield* Console.log(
      `${name}: after a SIGKILL the slowest took ${waits.map((wait) => (wait / 1000).toFixed(1)).join(", ")} s`
    )
  }
}).pipe(Effect.scoped, Effect.provide(Sandbox.layerWith({ testAmounts: false })))

NodeRuntime.runMain(given[0] === "victim" ? victim : main)
