/**
 * What does a durable payout cost on each engine, and what one that waits?
 *
 * Run: `npm run bench:durable`, or `npm run bench:durable -- ROUNDS PAYOUTS SUSPENDED... ENGINE...` (default: 5 rounds of 200
 * payouts, and 1,000 and 10,000 suspended ones, on `memory`, `SQLite` and `PostgreSQL`). PostgreSQL takes part if
 * `PAYOUTS_POSTGRES_URL` is set. The provider is the sandbox, in the same process; it and the library are in every
 * figure. CPU is this process's own, without the database server's.
 */
import { NodeRuntime } from "@effect/platform-node"
import { WorkflowEngine } from "@effect/workflow"
import { Clock, Config, Console, Effect, Layer, Logger, LogLevel, Option, Random, Schedule, type Scope } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Pg from "pg"

const words = process.argv.slice(2)
const [rounds = 5, payouts = 200, ...suspended] = words.map(Number).filter((number) => !Number.isNaN(number))
const chosen = words.filter((word) => Number.isNaN(Number(word)))
const inFlight = 32
const processing = 1_000_000

interface Engine {
  readonly name: string
  readonly live: Layer.Layer<WorkflowEngine.WorkflowEngine>
  /** Bytes in its store. */
  readonly size: Effect.Effect<number>
}

const memory: Engine = { name: "memory", live: WorkflowEngine.layerMemory, size: Effect.succeed(0) }

const sqlite: Effect.Effect<Engine, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "payouts-bench-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const filename = join(directory, "payouts.sqlite")
  return {
    name: "SQLite",
    live: Layer.orDie(SqliteEngine.layer({ filename })),
    size: Effect.sync(() =>
      [filename, `${filename}-wal`].reduce(
        (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
        0
      )
    )
  }
})

const postgres = (url: string): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => new Pg.Pool({ connectionString: url, max: 1 })),
      (pool) => Effect.promise(() => pool.end())
    )
    const name = `payouts_bench_${process.pid}_${yield* Random.nextIntBetween(0, 1e9)}`
    yield* Effect.acquireRelease(
      Effect.promise(() => server.query(`CREATE DATABASE ${name}`)),
      () => Effect.promise(() => server.query(`DROP DATABASE ${name} WITH (FORCE)`))
    )
    const own = new URL(url)
    own.pathname = `/${name}`
    const pool = Effect.acquireRelease(
      Effect.sync(() => new Pg.Pool({ connectionString: own.href, max: 10 })),
      (pool) => Effect.promise(() => pool.end())
    )
    return {
      name: "PostgreSQL",
      live: Layer.orDie(PostgresEngine.layer({ pool })),
      size: Effect.promise(async () => {
        const { rows } = await server.query(`SELECT pg_database_size('${name}') AS size`)
        return Number(rows[0].size)
      })
    }
  })

const live = ({ live }: Engine) =>
  PayoutWorkflow.layerWith({ pollSchedule: Schedule.spaced("1 hour") }).pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(
      Sandbox.layerWith({
        exchangesMax: 10,
        testAmounts: false,
        outcome: ({ amount }) => (amount === processing ? Acquirer.processing() : Acquirer.paid)
      })
    ),
    Layer.provideMerge(live),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None))
  )

const request = (handle: string, amount: number) =>
  PayoutRequest.make({ handle, destination: "ca_fcfac2016614418f969fa5697383e47c", amount, currency: "DKK" })

interface Sample {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly latencyMillis: number
}

const pay = (handle: string) => Effect.flatMap(request(handle, 12_500), PayoutWorkflow.execute)

/** Payouts at once, and then some one at a time. */
const throughput = Effect.fn(function* (round: number) {
  const cpu = process.cpuUsage()
  const started = yield* Clock.currentTimeMillis
  yield* Effect.forEach(Array.from({ length: payouts }), (_, index) => pay(`bench-${round}-${index}`), {
    concurrency: inFlight,
    discard: true
  })
  const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
  const { system, user } = process.cpuUsage(cpu)
  const before = yield* Clock.currentTimeMillis
  const alone = 10
  yield* Effect.forEach(Array.from({ length: alone }), (_, index) => pay(`alone-${round}-${index}`), { discard: true })
  const sample: Sample = {
    perSecond: payouts / seconds,
    cpuMicros: (system + user) / payouts,
    latencyMillis: ((yield* Clock.currentTimeMillis) - before) / alone
  }
  return sample
})

const held = Effect.sync(() => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
})

/** The engine puts an execution out of memory after a minute without work. */
const untilIdle = Effect.sleep("75 seconds")

const hints = 20

/** How long a hint takes to end a payout that waits, in milliseconds. */
const wake = Effect.fnUntraced(function* (id: string, index: number) {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.settle(`waiting-${index}`, Acquirer.paid)
  const hinted = yield* Clock.currentTimeMillis
  yield* PayoutWorkflow.hint(id)
  yield* PayoutWorkflow.poll(id).pipe(
    Effect.repeat({ until: (result) => result?._tag === "Complete", schedule: Schedule.spaced("5 millis") })
  )
  return (yield* Clock.currentTimeMillis) - hinted
})

/** Payouts that wait to be settled: what they take up, what they do to an idle process, and how soon some are woken. */
const waiting = Effect.fn(function* (engine: Engine, count: number) {
  const [size, heap] = [yield* engine.size, yield* held]
  const started = yield* Clock.currentTimeMillis
  const ids = yield* Effect.forEach(
    Array.from({ length: count }),
    (_, index) => Effect.flatMap(request(`waiting-${index}`, processing), PayoutWorkflow.submit),
    { concurrency: inFlight }
  )
  yield* Effect.forEach(ids, (id) =>
    PayoutWorkflow.poll(id).pipe(
      Effect.repeat({ until: (result) => result?._tag === "Suspended", schedule: Schedule.spaced("100 millis") })
    )
  )
  const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
  const bytes = (yield* engine.size) - size
  yield* untilIdle
  const heapBytes = (yield* held) - heap
  const cpu = process.cpuUsage()
  yield* Effect.sleep("10 seconds")
  const { system, user } = process.cpuUsage(cpu)
  const woken = yield* Effect.forEach(ids.slice(0, hints), wake)
  return {
    suspended: count,
    "until all wait, s": seconds.toFixed(1),
    "bytes stored each": Math.round(bytes / count),
    "bytes in memory each": Math.round(heapBytes / count),
    "idle CPU, %": ((system + user) / 1e5).toFixed(1),
    "woken by a hint, ms": median(woken).toFixed(0)
  }
})

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const engines = Effect.gen(function* () {
  const url = yield* Effect.option(Config.string("PAYOUTS_POSTGRES_URL"))
  const all = [memory, yield* sqlite, ...(Option.isSome(url) ? [yield* postgres(url.value)] : [])]
  return all.filter(({ name }) => chosen.length === 0 || chosen.includes(name))
})

const rates = Effect.gen(function* () {
  const samples = new Map<string, Array<Sample>>()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const built = yield* Effect.forEach(yield* engines, (engine) =>
        Effect.map(Layer.build(live(engine)), (context) => ({ engine, context }))
      )
      // The first round warms up, and is not counted.
      for (let round = 0; round <= rounds; round++) {
        for (const { context, engine } of yield* Random.shuffle(built)) {
          const sample = yield* Effect.provide(throughput(round), context)
          if (round > 0) samples.set(engine.name, [...(samples.get(engine.name) ?? []), sample])
        }
      }
    })
  )
  yield* Console.log(`${rounds} rounds of ${payouts} durable payouts, ${inFlight} in flight, Node ${process.version}`)
  yield* Console.table(
    Object.fromEntries(
      Array.from(samples, ([name, own]) => [
        name,
        {
          "payouts/s": Math.round(median(own.map(({ perSecond }) => perSecond))),
          "CPU ms each": (median(own.map(({ cpuMicros }) => cpuMicros)) / 1000).toFixed(1),
          "one at a time, ms": median(own.map(({ latencyMillis }) => latencyMillis)).toFixed(1)
        }
      ])
    )
  )
})

const waits = Effect.gen(function* () {
  for (const count of suspended.length > 0 ? suspended : [1_000, 10_000]) {
    for (const { name } of yield* Effect.scoped(engines)) {
      // A process and a store of its own for each size would be truer; an engine of its own is what there is.
      yield* Effect.scoped(
        Effect.gen(function* () {
          const engine = (yield* engines).find((one) => one.name === name)
          if (engine === undefined) return
          const row = yield* Effect.provide(waiting(engine, count), live(engine))
          yield* Console.log(`${name}: ${JSON.stringify(row)}`)
        })
      )
    }
  }
})

const main = Effect.gen(function* () {
  if (rounds > 0) yield* rates
  yield* waits
})

NodeRuntime.runMain(main)
