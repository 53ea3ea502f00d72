/**
 * `npm run simulate`: worlds by the thousand, on every core; or one world again, with everything that happens in it.
 */
import { Command, Options } from "@effect/cli"
import { Worker as PlatformWorker } from "@effect/platform"
import { NodeContext, NodeRuntime, NodeWorker } from "@effect/platform-node"
import { Clock, Console, Effect, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { library } from "./Client.js"
import { seeds } from "./Seeds.js"
import { shrink } from "./Shrink.js"
import { add, type Failure, nothing, type Summary } from "./Summary.js"
import { rows, table } from "./wrong/Hunt.js"
import { run } from "./World.js"

/** Seeds that a worker is given at a time. */
const batchSize = 20
/** Failures that are shrunk and shown. */
const shownMax = 3
const progressEvery = 5_000

const options = {
  payouts: Options.integer("payouts").pipe(
    Options.withDefault(10_000),
    Options.withDescription("How many payouts to simulate, at least.")
  ),
  from: Options.integer("from").pipe(Options.withDefault(1), Options.withDescription("The first seed.")),
  workers: Options.integer("workers").pipe(
    Options.withDefault(availableParallelism()),
    Options.withDescription("How many threads to use.")
  ),
  wrong: Options.boolean("wrong").pipe(
    Options.withDescription("Hunt for every deliberately wrong client instead, and count the seeds that it takes.")
  ),
  seed: Options.integer("seed").pipe(
    Options.optional,
    Options.withDescription("Run the world of this seed only, and print everything that happens in it.")
  ),
  keep: Options.text("keep").pipe(
    Options.optional,
    Options.withDescription("Of that world, only these events, separated by commas, as a failure prints them.")
  )
}

const command = Command.make("simulate", options, ({ from, keep, payouts, seed, workers, wrong }) =>
  Option.match(seed, {
    onSome: (seed) => replay(seed, keep),
    onNone: () => (wrong ? huntAll : simulateAll(payouts, from, workers))
  })
)

const huntAll = Effect.suspend(() => {
  const found = rows()
  return Effect.zipRight(
    Console.log(table(found)),
    found.every(({ caught }) => caught !== undefined) ? Effect.void : fail
  )
})

const simulateAll = Effect.fn(function* (payouts: number, from: number, workers: number) {
  const started = yield* Clock.currentTimeMillis
  const pool = yield* PlatformWorker.makePool<ReadonlyArray<number>, Summary, never>({ size: workers })
  const kept = seeds.map(({ seed }) => seed)
  const batches = Stream.concat(
    Stream.make(kept),
    Stream.iterate(from, (first) => first + batchSize).pipe(
      Stream.map((first) => Array.from({ length: batchSize }, (_, index) => first + index))
    )
  )
  let shown = started
  const total = yield* batches.pipe(
    // In order, so that the same arguments run the same worlds on every machine.
    Stream.mapEffect((batch) => pool.executeEffect(batch), { concurrency: workers }),
    Stream.scan(nothing, add),
    Stream.tap((summary) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (now - shown < progressEvery) return Effect.void
        shown = now
        return Console.log(progress(summary, payouts, now - started))
      })
    ),
    Stream.takeUntil((summary) => summary.payouts >= payouts),
    Stream.runLast
  )
  const summary = Option.getOrElse(total, () => nothing)
  yield* Console.log(report(summary, (yield* Clock.currentTimeMillis) - started, from))
  for (const failure of summary.failures.slice(0, shownMax)) yield* Console.log(explain(failure))
  if (summary.failures.length > 0) yield* fail
}, Effect.scoped)

const replay = Effect.fn(function* (seed: number, keep: Option.Option<string>) {
  const kept = Option.getOrUndefined(Option.map(keep, (text) => new Set(text.split(","))))
  const { events, trace, violations } = run(seed, library, { keep: kept, traced: true })
  yield* Console.log(trace.join("\n"))
  yield* Console.log(`\n${events.length} events, ${violations.length} violations`)
  for (const { invariant, what } of violations) yield* Console.log(`${invariant}: ${what}`)
  if (violations.length > 0) yield* fail
})

const fail = Effect.sync(() => {
  process.exitCode = 1
})

const perSecond = (count: number, millis: number) => Math.round((count * 1000) / Math.max(millis, 1))

const progress = ({ failures, payouts }: Summary, target: number, millis: number) =>
  [
    `${payouts} of ${target} payouts, ${perSecond(payouts, millis)} a second, ${failures.length} violations`,
    // A long run may be stopped before its end.
    ...failures.slice(-shownMax).map(({ invariant, seed, what }) => `  seed ${seed}: ${invariant}: ${what}`)
  ].join("\n")

const report = (summary: Summary, millis: number, from: number): string =>
  [
    "",
    `${summary.payouts} payouts in ${summary.worlds} worlds (seeds from ${from}, and ${seeds.length} kept ones)`,
    `${summary.exchanges} exchanges, ${(millis / 1000).toFixed(1)} s, ${perSecond(summary.payouts, millis)} payouts a second`,
    `${summary.compared} worlds were run twice more, and their traces compared`,
    "",
    "Faults injected, by number:",
    columns(
      Object.entries(summary.injected).sort(([a], [b]) => Number(a) - Number(b)),
      8
    ),
    "",
    "Payouts ended as:",
    columns(
      Object.entries(summary.outcomes).sort(([, a], [, b]) => b - a),
      1
    ),
    "",
    `${summary.doubts.open} in doubt because of an attempt that nobody can explain, ${summary.doubts.useless} without need`,
    `${summary.failures.length} violations`
  ].join("\n")

const columns = (entries: ReadonlyArray<readonly [string, number]>, perLine: number): string => {
  const cells = entries.map(([name, count]) =>
    perLine === 1 ? `  ${name.padEnd(36)} ${count}` : `  ${name.padStart(3)} ${String(count).padEnd(8)}`
  )
  const lines = Array.from({ length: Math.ceil(cells.length / perLine) }, (_, line) =>
    cells
      .slice(line * perLine, (line + 1) * perLine)
      .join("")
      .trimEnd()
  )
  return lines.join("\n")
}

const explain = ({ invariant, seed, what }: Failure): string => {
  if (invariant === "I14") return `\nseed ${seed}: ${what}`
  const { report, runs } = shrink(run(seed, library), library)
  return [
    `\nseed ${seed} at commit ${commit()}: ${invariant}: ${what}`,
    `shrunk to ${report.events.length} events in ${runs} runs: ${report.violations[0]?.what}`,
    `npm run simulate -- --seed ${seed} --keep "${report.events.join(",")}"`
  ].join("\n")
}

const commit = (): string => execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim()

const workerLayer = NodeWorker.layer(() => new Worker(new URL("./worker.js", import.meta.url)))

Command.run(command, { name: "simulate", version: "1" })(process.argv).pipe(
  Effect.provide([NodeContext.layer, workerLayer]),
  NodeRuntime.runMain
)
