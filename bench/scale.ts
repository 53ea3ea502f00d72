/**
 * Does a payout cost the same, however many there are? Does memory stay where it is, and what does a payout take up that
 * waits?
 *
 * Run: `npm run bench:scale`, or `npm run bench:scale -- PAYOUTS...` (default: 1,000, 10,000, 100,000 and 1,000,000; those
 * up to 100,000 also wait). Each figure is from a process of its own, which pays through `createAll` over a provider in
 * memory; see `volume.ts`.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Array, Console, Effect } from "effect"
import { execFile } from "node:child_process"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { median, operator, volume, waiting, wide, type InBulk, type Volume, type Waiting } from "./volume.js"

const inFlight = 256
/** Shorter runs are noisier, so there are more of them. */
const runsOf = (count: number) => (count <= 10_000 ? 5 : count <= 100_000 ? 3 : 1)
/** Long enough for all of them to begin. */
const waitOf = (count: number) => Math.max(5, Math.ceil(count / 1_000))
const waitingMax = 100_000

type Job = "volume" | "limited" | "operator" | "waiting"

const jobs: Record<Job, (count: number) => Effect.Effect<unknown>> = {
  volume: (count) => volume(count, inFlight),
  limited: (count) => volume(count, inFlight, wide),
  operator: (count) =>
    Effect.flatMap(
      Effect.promise(
        (): Promise<{ readonly inBulk: InBulk }> => import(new URL("../execution/bulk.js", import.meta.url).href)
      ),
      ({ inBulk }) => operator(inBulk, count, inFlight, 10)
    ),
  waiting: (count) => waiting(count, waitOf(count))
}

const isJob = (name: string | undefined): name is Job => name !== undefined && name in jobs

/** Does it in a process of its own. */
const apart = (job: Job, count: number) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--expose-gc",
      fileURLToPath(import.meta.url),
      job,
      String(count)
    ])
    return JSON.parse(stdout)
  })

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  [head, head.map(() => "--:"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const whole = (value: number): string => Math.round(value).toLocaleString("en")
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

/** The least and the median, or the only one. */
const spread = (values: ReadonlyArray<number>, show: (value: number) => string): string =>
  values.length === 1 ? show(values[0] ?? Number.NaN) : `${show(Math.min(...values))} / ${show(median(values))}`

const volumes = Effect.fn(function* (count: number) {
  const runs: ReadonlyArray<Volume> = yield* Effect.replicateEffect(apart("volume", count), runsOf(count))
  const all = (of: (run: Volume) => number, show: (value: number) => string) => spread(Array.map(runs, of), show)
  return [
    whole(count),
    all(
      ({ seconds }) => seconds,
      (value) => value.toFixed(1)
    ),
    all(({ cpuMicrosEach }) => cpuMicrosEach, whole),
    whole(Math.max(...runs.map(({ seconds }) => count / seconds))),
    all(({ rssMaxBytes }) => rssMaxBytes, megabytes),
    all(({ rssEndBytes }) => rssEndBytes, megabytes)
  ]
})

const waits = Effect.fn(function* (count: number) {
  const run: Waiting = yield* apart("waiting", count)
  return [
    whole(count),
    run.waitSeconds,
    whole(run.heapBytesEach),
    whole(run.paid),
    run.endSeconds.toFixed(1),
    (run.heapBytesAfter / 1e6).toFixed(1)
  ]
})

/** CPU a payout without request limits and with such as nobody waits for, in turn. */
const limits = Effect.gen(function* () {
  const micros = { volume: new globalThis.Array<number>(), limited: new globalThis.Array<number>() }
  for (let round = 0; round < 5; round++) {
    for (const job of ["volume", "limited"] as const) {
      const run: Volume = yield* apart(job, 100_000)
      micros[job].push(run.cpuMicrosEach)
    }
  }
  const show = (values: ReadonlyArray<number>) => spread(values, (value) => value.toFixed(1))
  return `CPU µs a payout without request limits: ${show(micros.volume)}; with such as nobody waits for: ${show(micros.limited)}.`
})

const main = Effect.fn(function* (sizes: ReadonlyArray<number>) {
  yield* Console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, ${inFlight} in flight.`
  )
  yield* Console.log("Where there are two figures, they are the least and the median of some runs.\n")
  yield* Console.log(
    table(
      ["payouts", "seconds", "CPU µs a payout", "payouts/s, at best", "RSS max, MB", "RSS at the end, MB"],
      yield* Effect.forEach(sizes, volumes)
    )
  )
  yield* Console.log(`\n${yield* limits}`)
  const bare: ReadonlyArray<number> = yield* apart("operator", 100_000)
  yield* Console.log(`\nThe workers alone: ${spread(bare, (value) => value.toFixed(1))} µs of CPU an element.\n`)
  yield* Console.log(
    table(
      [
        "waiting at once",
        "wait, s",
        "heap bytes each",
        "paid after it",
        "seconds until all are",
        "heap MB more at the end"
      ],
      yield* Effect.forEach(
        sizes.filter((count) => count <= waitingMax),
        waits
      )
    )
  )
})

const [first, ...rest] = process.argv.slice(2)

NodeRuntime.runMain(
  isJob(first)
    ? Effect.flatMap(jobs[first](Number(rest[0])), (result) => Console.log(JSON.stringify(result)))
    : main(first === undefined ? [1_000, 10_000, 100_000, 1_000_000] : [first, ...rest].map(Number))
)
