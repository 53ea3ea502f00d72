/**
 * How far a run of a batch is, as a value: how many rows have ended and how, and how much money is in doubt. In doubt
 * are rows that earlier runs left so, until this run ends them.
 */
import * as Exposure from "../domain/Exposure.js"
import { isSentAgain, type Recorded, type Standing } from "./entries.js"

/**
 * Rows and money, by currency.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sum {
  /** How many rows. */
  readonly rows: number
  /** Minor units. */
  readonly amount: number
}

/**
 * Sums by currency.
 *
 * @category models
 * @since 0.1.0
 */
export type Sums = Readonly<Record<string, Sum>>

/**
 * How far a run is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** All rows of the batch. */
  readonly rows: number
  /** The rows of which this run knows the result: those that it ended, and those that an earlier one had ended. */
  readonly ended: number
  /** Of these, the rows that an earlier run had ended, so this one made no request for them. */
  readonly earlier: number
  /** Paid, by currency. */
  readonly paid: Sums
  /** Accepted, and not final. Run the batch again to find out. */
  readonly processing: Sums
  /** Ended, and certainly moved nothing. */
  readonly notMoved: Sums
  /**
   * Of these, the rows that the next run sends again without `retryFailed`: a refused key, a limit or a lost connection
   * kept them from being sent.
   */
  readonly toSendAgain: number
  /**
   * Money may have moved, and how much at most beyond what certainly has. A paid row counts here as well if an earlier
   * create of it may have paid too. A row that an earlier run left open counts until this run ends it.
   */
  readonly inDoubt: Sums
  /** How many rows failed one after the other, up to now. */
  readonly failuresInARow: number
}

/** What a row of this run begins with. */
export interface Begins {
  readonly currency: string
  readonly amount: number
  readonly standing: Standing
}

/** The progress before anything is done. */
export const begin = (rows: ReadonlyArray<Begins>, horizon: number): Progress =>
  rows.reduce<Progress>(
    (progress, { amount, currency, standing }) => {
      switch (standing._tag) {
        case "Done": {
          const next = withResult(progress, { amount, currency, result: standing.result })
          return { ...next, earlier: next.earlier + 1, failuresInARow: 0 }
        }
        case "Begun":
          return { ...progress, inDoubt: plus(progress.inDoubt, currency, leftOpen(standing, horizon)) }
        default:
          return progress
      }
    },
    {
      rows: rows.length,
      ended: 0,
      earlier: 0,
      paid: {},
      processing: {},
      notMoved: {},
      toSendAgain: 0,
      inDoubt: {},
      failuresInARow: 0
    }
  )

/** The progress when a row has ended that began as `begins`. */
export const end = (progress: Progress, begins: Begins, result: Recorded, horizon: number): Progress => {
  const { amount, currency, standing } = begins
  const before = standing._tag === "Begun" ? minus(leftOpen(standing, horizon)) : nothing
  return withResult({ ...progress, inDoubt: plus(progress.inDoubt, currency, before) }, { amount, currency, result })
}

const leftOpen = ({ evidence }: Extract<Standing, { readonly _tag: "Begun" }>, horizon: number): Sum => {
  const { max, min } = Exposure.exposure(evidence, horizon)
  return max > min ? { rows: 1, amount: max - min } : nothing
}

const nothing: Sum = { rows: 0, amount: 0 }

const minus = ({ amount, rows }: Sum): Sum => ({ rows: -rows, amount: -amount })

const plus = (sums: Sums, currency: string, { amount, rows }: Sum): Sums => {
  if (rows === 0) return sums
  const before = sums[currency] ?? nothing
  const after = { rows: before.rows + rows, amount: before.amount + amount }
  const { [currency]: _, ...others } = sums
  return after.rows === 0 ? others : { ...others, [currency]: after }
}

const withResult = (
  progress: Progress,
  { amount, currency, result }: { readonly amount: number; readonly currency: string; readonly result: Recorded }
): Progress => {
  const { certainty, exposure, outcome } = result
  const isOne = (is: boolean, most = amount): Sum => (is ? { rows: 1, amount: most } : nothing)
  const isProcessing = outcome === "Processing"
  const doubt = exposure.max - exposure.min
  return {
    ...progress,
    ended: progress.ended + 1,
    paid: plus(progress.paid, currency, isOne(outcome === "Paid")),
    processing: plus(progress.processing, currency, isOne(isProcessing)),
    notMoved: plus(progress.notMoved, currency, isOne(certainty === "NotMoved")),
    toSendAgain: progress.toSendAgain + (isSentAgain(result) ? 1 : 0),
    inDoubt: plus(
      progress.inDoubt,
      currency,
      isOne(!isProcessing && (doubt > 0 || (outcome !== "Paid" && certainty !== "NotMoved")), doubt)
    ),
    failuresInARow: outcome === "Paid" || isProcessing ? 0 : progress.failuresInARow + 1
  }
}
