/**
 * Makes a failure small enough to understand: leaves out payouts, faults, crashes and everything else that can be left
 * out, as long as the same invariant is violated.
 */
import type { Subject } from "./Client.js"
import { type Report, run } from "./World.js"

export interface Shrunk {
  readonly report: Report
  /** How many worlds it took. */
  readonly runs: number
}

/** How many worlds may be run to shrink one. */
const runsMax = 400

export const shrink = (failed: Report, subject: Subject): Shrunk => {
  const violated = failed.violations[0]?.invariant
  let best = failed
  let runs = 0
  const without = (events: ReadonlyArray<string>): boolean => {
    if (runs >= runsMax || events.length === 0) return false
    runs += 1
    const left = new Set(best.events.filter((event) => !events.includes(event)))
    const report = run(failed.seed, subject, { keep: left })
    if (report.violations[0]?.invariant !== violated || report.events.length >= best.events.length) return false
    best = report
    return true
  }

  const culprit = failed.violations[0]?.payment?.handle
  if (culprit !== undefined) without(failed.events.filter((event) => !event.includes(culprit)))
  for (let size = Math.ceil(best.events.length / 2); size >= 1 && runs < runsMax;) {
    let changed = false
    for (let from = 0; from < best.events.length;) {
      // What was left out made room for the events behind it.
      if (without(best.events.slice(from, from + size))) changed = true
      else from += size
    }
    if (size > 1) size = Math.floor(size / 2)
    else if (!changed) break
  }
  return { report: best, runs }
}
