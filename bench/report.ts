/** The tables, as Markdown whose columns are aligned, so that they read as well on a terminal. */
import { cpus } from "node:os"
import { faults } from "./faults.js"
import { faultShare, type Safety, type Sample } from "./measure.js"
import { referenceId, type Row } from "./rows.js"
import { estimate, median, quantile, type Estimate } from "./statistics.js"

export interface Result {
  readonly row: Row
  /** By column, one a round. */
  readonly samples: ReadonlyMap<string, ReadonlyArray<Sample>>
  readonly bundleBytes: number
  readonly coldMillis: ReadonlyArray<number>
  readonly allocatedBytes: number
}

export interface Circumstances {
  readonly rounds: number
  readonly payouts: number
  readonly pinning: string
  /** Of the packages that are measured. */
  readonly versions: ReadonlyArray<string>
}

const samplesOf = ({ samples }: Result, column: string): ReadonlyArray<Sample> => samples.get(column) ?? []

const mid = (result: Result, column: string, of: (sample: Sample) => number): number =>
  median(samplesOf(result, column).map(of))

/** CPU a payout over raw undici's in the same round. */
export const ratio = (results: ReadonlyArray<Result>, result: Result, column: string): Estimate => {
  const reference = results.find(({ row }) => row.id === referenceId)
  const cpu = (of: Result) => samplesOf(of, column).map(({ cpuMicros }) => cpuMicros)
  const theirs = reference === undefined ? [] : cpu(reference)
  return estimate(cpu(result).map((micros, round) => micros / (theirs[round] ?? Number.NaN)))
}

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

export const safetyOf = (result: Result): Safety | undefined => {
  const rounds = samplesOf(result, "faults").flatMap(({ safety }) => safety ?? [])
  if (rounds.length === 0) return undefined
  const total = (of: (safety: Safety) => number) => sum(rounds.map(of))
  return {
    hit: total(({ hit }) => hit),
    wrong: total(({ wrong }) => wrong),
    failedThoughPaid: total(({ failedThoughPaid }) => failedThoughPaid),
    toldAlreadyPaid: total(({ toldAlreadyPaid }) => toldAlreadyPaid),
    paidTwice: total(({ paidTwice }) => paidTwice),
    paidThoughNot: total(({ paidThoughNot }) => paidThoughNot),
    unclear: total(({ unclear }) => unclear),
    settleMillis: rounds.flatMap(({ settleMillis }) => settleMillis)
  }
}

type Cells = Readonly<Record<string, string>>

export const table = (lines: ReadonlyArray<Cells>): string => {
  const names = Object.keys(lines[0] ?? {})
  const widths = names.map((name) => Math.max(name.length, ...lines.map((line) => (line[name] ?? "").length)))
  const pad = (text: string, index: number) =>
    index === 0 ? text.padEnd(widths[index] ?? 0) : text.padStart(widths[index] ?? 0)
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [
    line(names.map(pad)),
    line(widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`))),
    ...lines.map((cells) => line(names.map((name, index) => pad(cells[name] ?? "", index))))
  ].join("\n")
}

const millis = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0))
export const percent = (share: number) => `${(share * 100).toFixed(0)} %`
// One round has no spread, so it does not claim one.
const around = ({ samples, spread }: Estimate) => (samples > 1 ? ` ±${percent(spread)}` : "")
const pair = (low: number, high: number) => `${millis(low)} / ${millis(high)}`

const costs = (results: ReadonlyArray<Result>, result: Result, column: string): Cells => {
  const cpu = estimate(samplesOf(result, column).map(({ cpuMicros }) => cpuMicros))
  const over = ratio(results, result, column)
  const p50 = mid(result, column, (sample) => sample.p50)
  const p99 = mid(result, column, (sample) => sample.p99)
  return {
    [`${column}: CPU µs`]: cpu.median.toFixed(0),
    [`${column}: x undici`]: over.median.toFixed(2) + around(over),
    [`${column}: p50 / p99 ms`]: pair(p50, p99)
  }
}

const none = "-"

const underFaults = (results: ReadonlyArray<Result>, result: Result): Cells => {
  const safety = safetyOf(result)
  if (safety === undefined) return {}
  const over = ratio(results, result, "faults")
  return {
    client: result.row.name,
    "requests a payout": mid(result, "faults", ({ requests }) => requests).toFixed(3),
    "CPU µs": mid(result, "faults", ({ cpuMicros }) => cpuMicros).toFixed(0),
    "x undici": over.median.toFixed(2) + around(over),
    "settled, p50 / p99 ms": pair(quantile(safety.settleMillis, 0.5), quantile(safety.settleMillis, 0.99)),
    "failed though paid": String(safety.failedThoughPaid),
    "of them told 134": String(safety.toldAlreadyPaid),
    "paid twice": String(safety.paidTwice),
    "left unclear": String(safety.unclear)
  }
}

const besides = (result: Result): Cells => {
  const server = (column: string) => samplesOf(result, column).flatMap(({ server }) => server ?? [])
  const busy = (column: string) => {
    const shares = server(column).map(({ busy }) => busy)
    return shares.length === 0 ? none : percent(median(shares))
  }
  const cpu = server("16").map(({ cpuMicros }) => cpuMicros)
  const connections = server("16").map(({ connections }) => connections)
  const rss = ["1", "16", "128"].map((column) => mid(result, column, ({ rssBytes }) => rssBytes))
  const cold = estimate(result.coldMillis)
  return {
    client: result.row.name,
    "a second, at 16": mid(result, "16", ({ perSecond }) => perSecond).toFixed(0),
    "allocated KB": (result.allocatedBytes / 1e3).toFixed(1),
    "RSS MB": (Math.max(...rss) / 1e6).toFixed(0),
    "cold start ms": cold.median.toFixed(0) + around(cold),
    "bundle KB": (result.bundleBytes / 1e3).toFixed(1),
    "connections a payout": connections.length === 0 ? none : median(connections).toFixed(2),
    "server CPU µs": cpu.length === 0 ? none : median(cpu).toFixed(0),
    "server busy at 16": busy("16"),
    "at 128": busy("128")
  }
}

/** Whoever is measured has to be what is waited for. */
const headroom = (results: ReadonlyArray<Result>): string => {
  const rates = results
    .filter(({ row }) => row.socket)
    .flatMap((result) =>
      ["16", "128"].map((column) => ({
        name: result.row.name,
        rate: mid(result, column, ({ perSecond }) => perSecond),
        busy: mid(result, column, ({ server }) => server?.busy ?? Number.NaN),
        raw: result.row.id === "raw-socket"
      }))
    )
  const ceiling = Math.max(...rates.map(({ rate }) => rate))
  const measured = rates.filter(({ raw }) => !raw)
  const fastest = measured.toSorted((a, b) => b.rate - a.rate)[0]
  const busiest = measured.toSorted((a, b) => b.busy - a.busy)[0]
  return (
    `The server: it gave up to ${ceiling.toFixed(0)} answers a second (to the raw socket); the fastest of the others, ` +
    `${fastest?.name}, took ${fastest?.rate.toFixed(0)}. Its event loop was never busy for more than ` +
    `${percent(busiest?.busy ?? Number.NaN)} of a row's time but the raw socket's (${busiest?.name}).`
  )
}

const today = ({ payouts, pinning, rounds, versions }: Circumstances): string =>
  `${rounds} rounds of ${payouts} payouts a row and column, in shuffled order, each round in processes of its own. ${cpus().length} x ` +
  `${cpus()[0]?.model.trim()}; ${pinning}. Node ${process.version} (its fetch is undici ` +
  `${process.versions["undici"]}), ${versions.join(", ")}.`

export const report = (results: ReadonlyArray<Result>, circumstances: Circumstances): string => {
  const hit = Math.max(...results.map((result) => safetyOf(result)?.hit ?? 0))
  const safe = results.filter((result) => safetyOf(result) !== undefined)
  return [
    today(circumstances),
    "**What a payout costs**, by how many are in flight: CPU of the client's process; the same over raw undici's in the " +
      "same round; latency.",
    table(
      results.map((result) => ({
        client: result.row.name,
        ...costs(results, result, "1"),
        ...costs(results, result, "16"),
        ...costs(results, result, "128")
      }))
    ),
    `**What ${faultShare} faults do**, 16 in flight: ${hit} payouts were hit in all, by ${faults.length} faults in turn; the ` +
      "last four columns are how many of those each client got wrong, or did not know, by the server's books.",
    table(safe.map((result) => underFaults(results, result))),
    "**What else it costs**, and what the server had to do for it.",
    table(results.map(besides)),
    headroom(results)
  ].join("\n\n")
}
