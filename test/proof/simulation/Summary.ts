/** What became of many worlds: values that a worker can send, and that add up. */
import { createHash } from "node:crypto"
import { library, type Subject } from "./Client.js"
import { type Report, run } from "./World.js"

export interface Failure {
  readonly seed: number
  readonly invariant: string
  readonly what: string
}

type Counts = Readonly<Record<string, number>>

export interface Summary {
  readonly worlds: number
  readonly payouts: number
  readonly exchanges: number
  /** How often each fault happened, by its number. */
  readonly injected: Counts
  /** What the payouts ended as. */
  readonly outcomes: Counts
  /** In how many payouts money was in doubt in the end, for a reason on record (`open`) and for none (`useless`). */
  readonly doubts: Report["doubts"]
  readonly failures: ReadonlyArray<Failure>
  /** How many worlds were run twice, to compare their traces. */
  readonly compared: number
}

export const nothing: Summary = {
  worlds: 0,
  payouts: 0,
  exchanges: 0,
  injected: {},
  outcomes: {},
  doubts: { open: 0, useless: 0 },
  failures: [],
  compared: 0
}

export const add = (a: Summary, b: Summary): Summary => ({
  worlds: a.worlds + b.worlds,
  payouts: a.payouts + b.payouts,
  exchanges: a.exchanges + b.exchanges,
  injected: sum(a.injected, b.injected),
  outcomes: sum(a.outcomes, b.outcomes),
  doubts: { open: a.doubts.open + b.doubts.open, useless: a.doubts.useless + b.doubts.useless },
  failures: [...a.failures, ...b.failures],
  compared: a.compared + b.compared
})

const sum = (a: Counts, b: Counts): Counts => {
  const total = { ...a }
  for (const [name, count] of Object.entries(b)) total[name] = (total[name] ?? 0) + count
  return total
}

/** Some worlds are run twice: one of so many. */
const comparedOneOf = 50

/** Runs the worlds of some seeds, one after the other. */
export const simulate = (seeds: Iterable<number>, subject: Subject = library): Summary => {
  let summary = nothing
  for (const seed of seeds) {
    summary = add(summary, of(run(seed, subject)))
    if (seed % comparedOneOf === 0) summary = add(summary, compare(seed, subject))
  }
  return summary
}

const of = (report: Report): Summary => ({
  ...nothing,
  worlds: 1,
  payouts: report.payouts,
  exchanges: report.exchanges,
  injected: Object.fromEntries(report.injected),
  outcomes: Object.fromEntries(report.outcomes),
  doubts: report.doubts,
  failures: report.violations.slice(0, 1).map(({ invariant, what }) => ({ seed: report.seed, invariant, what }))
})

// I14: the same seed makes the same world, to the last exchange.
const compare = (seed: number, subject: Subject): Summary => {
  const [first, second] = [traceOf(seed, subject), traceOf(seed, subject)]
  const failures = first === second ? [] : [{ seed, invariant: "I14", what: "two runs of one seed were different" }]
  return { ...nothing, compared: 1, failures }
}

/** A fingerprint of everything that happened in a world. */
export const traceOf = (seed: number, subject: Subject = library): string =>
  createHash("sha256")
    .update(run(seed, subject, { traced: true }).trace.join("\n"))
    .digest("hex")
