/** The table, and what this library promises of it. */
import { table } from "../report.js"
import { writes } from "./admission.js"
import { hasLimitsForItself } from "./rows.js"
import { idealSeconds, type Result } from "./run.js"

export const refusals = ({ books: { ours } }: Result): number => ours.tooFast + ours.tooMany

export const exchangesEach = ({ books, payouts }: Result): number => books.ours.exchanges / payouts

export const overIdeal = ({ books, payouts }: Result): number =>
  books.seconds / idealSeconds(payouts, books.answerMillis)

/** What was paid, as a part of what a foreign program left. */
export const shareOfWhatIsLeft = ({ books: { foreign, seconds }, ends }: Result): number =>
  ends.paid / (writes.rate * seconds + writes.burst - foreign.paidAt.length)

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

export const report = (results: ReadonlyArray<Result>): string =>
  table(
    results.map((result) => ({
      client: result.row.name,
      paid: String(result.ends.paid),
      "ended as rate limited": String(result.ends.rateLimited),
      "other ends": String(result.ends.other),
      "exchanges a payout": exchangesEach(result).toFixed(3),
      "429s": String(refusals(result)),
      seconds: result.books.seconds.toFixed(1),
      "seconds / ideal": overIdeal(result).toFixed(3),
      "of what is left": result.row.isBesideForeign ? percent(shareOfWhatIsLeft(result)) : "-"
    }))
  )

/** A burst of 20 in place of 25 is half a second, which is much of a short run. */
export const payoutsMinForTime = 500

/** What a row of ours has to keep; empty if it does. */
export const broken = (result: Result): ReadonlyArray<string> => {
  const { books, ends, payouts, row } = result
  const promises: ReadonlyArray<readonly [isKept: boolean, what: string]> = [
    [books.paidTwice === 0, `${books.paidTwice} payouts were paid twice`],
    [ends.paid === books.ours.paidAt.length, `${ends.paid} are said to be paid, and ${books.ours.paidAt.length} were`],
    [row.client !== "ours" || ends.paid === payouts, `${ends.paid} of ${payouts} were paid`],
    [
      !hasLimitsForItself(row) || exchangesEach(result) <= 1.01,
      `${exchangesEach(result).toFixed(3)} exchanges a payout are more than 1.01`
    ],
    [
      !hasLimitsForItself(row) || payouts < payoutsMinForTime || overIdeal(result) <= 1.03,
      `${overIdeal(result).toFixed(3)} of the ideal time are more than 1.03`
    ],
    [
      row.client !== "ours" || !row.isBesideForeign || payouts < payoutsMinForTime || shareOfWhatIsLeft(result) >= 0.9,
      `${percent(shareOfWhatIsLeft(result))} of what is left are less than 90 %`
    ]
  ]
  return row.ours ? promises.flatMap(([isKept, what]) => (isKept ? [] : [`${row.name}: ${what}`])) : []
}
