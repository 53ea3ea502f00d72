/**
 * What a batch says to people: its preview, its progress, and its summary.
 */
import * as Duration from "effect/Duration"
import * as Batch from "../batch/Batch.js"
import * as Layout from "./Layout.js"
import type { Paint } from "./Paint.js"

/** The most problems that are shown. */
const problemsMax = 20

/** What the file would do, and what an earlier run left. */
export const preview = (
  { duplicates, invalid, rows, sums, valid }: Batch.Preview,
  plan: Batch.Plan | undefined
): ReadonlyArray<string> => [
  `${counted(rows)}: ${valid.length} valid, ${invalid.length} invalid, ` +
    `${duplicates.length} with a handle that another row has`,
  ...problems([...invalid, ...duplicates]),
  ...money("sum", sums),
  ...(plan === undefined ? [] : planned(plan))
]

const planned = ({ begun, done, fresh, inDoubt, missing }: Batch.Plan): ReadonlyArray<string> => [
  ...(done + begun === 0
    ? []
    : [
        ...Layout.labelled("record", `${done} are done and skipped, ${begun} were begun and are recovered first`),
        ...money("in doubt", inDoubt, "at most ")
      ]),
  ...(missing.length === 0 ? [] : Layout.labelled("missing", lacking(missing))),
  ...Layout.labelled(
    "send",
    fresh.length === 0
      ? "no new row"
      : `${counted(fresh.length)}, ${atLeast(fresh.length)} within the provider's request limits`
  )
]

const atLeast = (rows: number): string => {
  const least = Batch.leastTime(rows)
  return Duration.greaterThan(least, Duration.zero) ? `in ${duration(least)} or more` : "at once"
}

const lacking = (handles: ReadonlyArray<string>): string => {
  const which = handles.slice(0, problemsMax).join(", ")
  return handles.length === 1
    ? `1 row on record was left unclear, and is not in the file. Put it back: only this journal has its evidence. ${which}`
    : `${handles.length} rows on record were left unclear, and are not in the file. Put them back: only this journal has ` +
        `their evidence. ${which}`
}

/** So many rows. */
export const counted = (rows: number): string => (rows === 1 ? "1 row" : `${rows} rows`)

/** Rows that cannot be paid, each with its line. */
export const problems = (all: ReadonlyArray<Batch.Problem>): ReadonlyArray<string> => [
  ...[...all]
    .sort((self, that) => self.line - that.line)
    .slice(0, problemsMax)
    .map(({ line, reason }) => `line ${line}: ${reason}`),
  ...(all.length > problemsMax ? [`and ${all.length - problemsMax} more`] : [])
]

/** How far a run is, `elapsed` after its first row. */
export const progress = (
  { earlier, ended, inDoubt, rows }: Batch.Progress,
  elapsed: Duration.Duration,
  notBegun = rows - ended
): string => {
  const perSecond = (ended - earlier) / Math.max(Duration.toSeconds(elapsed), 0.001)
  const left = perSecond === 0 ? Batch.leastTime(notBegun) : Duration.seconds(notBegun / perSecond)
  return [
    `${ended} of ${rows} done`,
    `${perSecond.toFixed(1)} per second`,
    `${rowsIn(inDoubt)} in doubt${most(inDoubt)}`,
    `${duration(left)} left`
  ].join(", ")
}

const most = (sums: Batch.Sums): string => {
  const all = Object.entries(sums).map(([currency, { amount }]) => `${amount} ${currency}`)
  return all.length === 0 ? "" : ` (at most ${all.join(", ")})`
}

export const rowsIn = (sums: Batch.Sums): number => Object.values(sums).reduce((total, { rows }) => total + rows, 0)

/** How a run ended. `leftOut` are the rows of the file that were not valid. */
export const summary = (summary: Batch.Summary, leftOut: number, paint: Paint): ReadonlyArray<string> => {
  const { inDoubt, missing, notBegun, notMoved, paid, processing, rows, stopped } = summary
  return [
    `${counted(rows)}: ${rowsIn(paid)} paid, ${rowsIn(processing)} processing, ${rowsIn(notMoved)} not paid, ` +
      `${rowsIn(inDoubt)} in doubt, ${notBegun} not begun${leftOut === 0 ? "" : `; ${leftOut} more were left out`}`,
    ...money("paid", paid),
    ...money("pending", processing),
    ...money("not paid", notMoved),
    ...money("in doubt", inDoubt, "at most "),
    ...(missing.length === 0
      ? []
      : Layout.labelled(
          "missing",
          paint.doubtful(
            `${counted(missing.length)} on record in doubt, not in the file: ` +
              missing
                .slice(0, problemsMax)
                .map(({ exposure, handle }) => `${handle} (at most ${exposure.max} minor units)`)
                .join(", ")
          )
        )),
    ...(stopped === undefined ? [] : Layout.labelled("stopped", paint.doubtful(why(stopped)))),
    ...next(summary)
  ]
}

/** What to do next. A run that is repeated asks no more about a row that is paid, and ends no doubt beside it. */
const next = ({ ended, inDoubt, notBegun, notMoved, paid, processing, stopped, toSendAgain }: Batch.Summary) => {
  const unclear = ended - rowsIn(paid) - rowsIn(processing) - rowsIn(notMoved)
  const isAgain = unclear + rowsIn(processing) + notBegun + toSendAgain > 0 || stopped?._tag === "StoreFailed"
  const hasPaidInDoubt = rowsIn(inDoubt) > unclear + notBegun
  const again = isAgain ? ["run the same command again; never pay a row in doubt under another handle"] : []
  const paidInDoubt =
    "a row that is paid and in doubt stays so, if you run the command again: book the payment, ask the acquirer about " +
    "the rest, never pay it again"
  return [...again, ...(hasPaidInDoubt ? [paidInDoubt] : [])].flatMap((text) => Layout.labelled("next", text))
}

/** Why a run stopped, and what to do about it. */
export const why = (stopped: Batch.Stop): string => {
  switch (stopped._tag) {
    case "InDoubt":
      return (
        `${stopped.amount} minor units of ${stopped.currency} are in doubt, and ${stopped.limit} are the limit: ` +
        "find out what happened to them first"
      )
    case "FailuresInARow":
      return `${stopped.count} rows failed one after the other: find out why first`
    case "KeyRefused":
      return `the provider refused the key or what it may do (HTTP ${stopped.status}): correct it first`
    case "Missing":
      return (
        `${counted(stopped.rows)} on record in doubt, not in the file: put back what is missing, or, if no row of ` +
        "the file is one of them under another handle, give --leave-missing"
      )
    case "StoreFailed":
      return `the journal failed (${stopped.reason}), and nothing is sent that is not on record`
  }
}

const money = (label: string, sums: Batch.Sums, before = ""): ReadonlyArray<string> =>
  Object.entries(sums).flatMap(([currency, { amount, rows }]) =>
    Layout.labelled(label, `${before}${amount} minor units of ${currency} in ${counted(rows)}`)
  )

const duration = (duration: Duration.Duration): string =>
  Duration.format(Duration.seconds(Math.ceil(Duration.toSeconds(duration))))
