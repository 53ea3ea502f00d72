/** One fault over all HTTP layers at a time, as a test. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Logger, LogLevel } from "effect"
import * as Batch from "./Batch.js"
import * as Leaks from "./Leaks.js"
import type { Faults } from "./Proxy.js"
import { type Transport, transports } from "./Transports.js"

export interface Trial extends Partial<Pick<Batch.Batch, "meanwhile">> {
  readonly title: string
  readonly faults: Partial<Faults> | ((elsewhere: string, seed: number) => Partial<Faults>)
  /** Ordinary payouts, unless said. */
  readonly wanted?: (size: number, seed: number) => ReadonlyArray<Batch.Wanted>
  /** Whether only the deadline ends it. */
  readonly stalls?: boolean
  /** Over connections that are kept, where a layer has both. */
  readonly kept?: boolean
  /** Why connections stay open over one of the layers, where that is not ours to mend. */
  readonly leaks?: Partial<Record<Transport["name"], string>>
  /** What has to be seen of the fault in what the calls say, or it did not take place. */
  readonly leaves: "Doubt" | "NotSent" | "Nothing" | "NoTrace"
}

export const trial = (trial: Trial): void => {
  const { seed, size } = Effect.runSync(Effect.all({ seed: Batch.seed, size: Batch.size }))
  const body = () =>
    Effect.gen(function* () {
      const before = yield* Leaks.resources
      const reports = yield* Effect.forEach(
        transports,
        (transport) => Effect.map(run(trial, transport, seed, size), (report) => [transport.name, report] as const),
        { concurrency: "unbounded" }
      )
      const said = reports.flatMap(([name, report]) => objections(trial, name, report).map((one) => `${name}: ${one}`))
      assert.deepStrictEqual(said, [], `seed ${seed}`)
      assert.deepStrictEqual(yield* Leaks.more(before), [])
      // Each thing that cannot be is a line in the log.
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
  // A second is far too much for a payout, but not on a machine with other things to do.
  it.live(trial.title, body, 30_000 + 1_000 * size)
}

const run = (trial: Trial, transport: Transport, seed: number, size: number) => {
  const { faults, kept = false, meanwhile, stalls = false, wanted = ordinary } = trial
  return Batch.run({
    transport,
    http: kept ? transport.kept : transport.layer,
    wanted: wanted(size, seed),
    faults: (elsewhere) => ({
      toxics: [],
      lies: [],
      ...(typeof faults === "function" ? faults(elsewhere, seed) : faults)
    }),
    seed,
    // Where nothing stalls, a machine that is busy should not look as if something did.
    deadline: stalls ? Duration.millis(300) : Duration.seconds(3),
    ...(meanwhile === undefined ? {} : { meanwhile })
  })
}

// All of one amount: only the handle tells whose answer it is.
const ordinary = (size: number): ReadonlyArray<Batch.Wanted> =>
  Array.from({ length: size }, (_, index) => ({ handle: `chaos-${index + 1}`, amount: 10_000 }))

/** What was not true, what was left open, and whether there was a fault at all. */
const objections = (trial: Trial, name: Transport["name"], report: Batch.Report): ReadonlyArray<string> => {
  const attempts = report.stories.flatMap(({ calls }) => calls[0]?.said.attempts ?? [])
  const seen = {
    Doubt: () => report.afflicted + report.lied > 0 && attempts.some(({ bearing }) => bearing === "Unclear"),
    NotSent: () =>
      attempts.length > 0 && attempts.every(({ bearing, sent }) => sent === "NotSent" && bearing === "None"),
    NoTrace: () =>
      report.lied > 0 &&
      attempts.length === report.stories.length &&
      report.stories.every(({ calls }) => calls[0]?.said._tag === "Paid"),
    Nothing: () => report.afflicted + report.lied > 0
  }
  const isLeak = report.leftOpen > 0 && trial.leaks?.[name] === undefined
  return [
    ...report.complaints,
    ...(isLeak ? [`${report.leftOpen} connections were left open`] : []),
    ...(seen[trial.leaves]() ? [] : ["nothing was wrong"])
  ]
}
