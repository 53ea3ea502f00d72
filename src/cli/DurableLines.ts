/**
 * Unfinished durable payouts for people: a table, line by line as its pages come, and what is in doubt altogether.
 */
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Execution } from "../durable/Unfinished.js"
import type { Paint } from "./Paint.js"
import * as Summary from "./Summary.js"

// No column can be as wide as its widest entry, which may come on a later page. The handle is last, and never cut.
const widths = { since: 20, state: 8, latest: 18, amount: 14, money: 19, nextLook: 20 } as const

const line = (columns: Readonly<Record<keyof typeof widths, string>>, last: string): string =>
  [
    columns.since.padEnd(widths.since),
    columns.state.padEnd(widths.state),
    columns.latest.padEnd(widths.latest),
    columns.amount.padStart(widths.amount),
    columns.money.padEnd(widths.money),
    columns.nextLook.padEnd(widths.nextLook),
    last
  ].join("  ")

/** The titles of the columns. */
export const head = line(
  { since: "since", state: "state", latest: "latest answer", amount: "amount", money: "money", nextLook: "next look" },
  "handle"
)

/** An execution with its id, and which one of its payout it is. */
export const withId = (one: Execution, paint: Paint): ReadonlyArray<string> => [
  ofExecution(one, paint),
  paint.faint(`  execution ${one.executionId}${one.ordinal === 0 ? "" : `: number ${one.ordinal + 1} of its payout`}`)
]

/** One execution as a line of the table. */
export const ofExecution = (one: Execution, paint: Paint): string => {
  const money = moneyOf(one)
  const row = line(
    {
      since: Summary.timeOf(one.since),
      state: one.waitsFor === undefined ? states[one.state] : waits[one.waitsFor],
      latest: one.latest ?? "-",
      amount: one.amount === undefined ? "-" : `${one.amount} ${one.currency ?? "?"}`,
      money,
      nextLook: Summary.timeOf(one.nextLook)
    },
    one.handle ?? `(execution ${one.executionId})`
  )
  const coloured = row.replace(money, paintOf(one, paint)(money))
  return one.unreadable.length === 0
    ? coloured
    : `${coloured}  ${paint.bad(`(cannot be read: ${one.unreadable.join(", ")})`)}`
}

const states: Readonly<Record<Execution["state"], string>> = {
  UnderWay: "underway",
  Waiting: "waiting",
  Ended: "ended",
  Broken: "broken"
}

const waits: Readonly<Record<NonNullable<Execution["waitsFor"]>, string>> = {
  End: "waiting",
  NextTry: "next try",
  Pause: "pausing"
}

const moneyOf = ({ certainty, exposure }: Execution): string => {
  if (certainty === "NotMoved") return "not moved"
  if (certainty === "MayHaveMoved") return `in doubt ${exposure.max}`
  return exposure.max > exposure.min ? `moved ${exposure.min}, at most ${exposure.max}` : `moved ${exposure.min}`
}

const paintOf = ({ certainty, exposure }: Execution, paint: Paint) =>
  certainty === "Moved" && exposure.max === exposure.min
    ? paint.good
    : certainty === "NotMoved"
      ? paint.faint
      : paint.doubtful

interface Sum {
  readonly count: number
  readonly inDoubt: number
  readonly most: Readonly<Record<string, number>>
}

/** The whole list, with its sum at the end. */
export const ofList = <E, R>(
  executions: Stream.Stream<Execution, E, R>,
  paint: Paint,
  what: "unfinished" | "in doubt"
): Stream.Stream<string, E, R> => {
  const rows = Stream.concat(Stream.map(executions, Option.some), Stream.make(Option.none<Execution>()))
  // The line of titles comes with the first row: a database that cannot be read prints nothing.
  const begin: Sum = { count: 0, inDoubt: 0, most: {} }
  return rows.pipe(
    Stream.mapAccum(begin, (sum, row) => {
      const titles = sum.count === 0 ? [paint.faint(head)] : []
      return Option.match(row, {
        onNone: () => [sum, [...titles, sentence(sum, what)]] as const,
        onSome: (one) => [add(sum, one), [...titles, ofExecution(one, paint)]] as const
      })
    }),
    Stream.mapConcat((lines) => lines)
  )
}

const add = ({ count, inDoubt, most }: Sum, { currency = "?", exposure }: Execution): Sum =>
  exposure.max > exposure.min
    ? {
        count: count + 1,
        inDoubt: inDoubt + 1,
        most: { ...most, [currency]: (most[currency] ?? 0) + exposure.max }
      }
    : { count: count + 1, inDoubt, most }

const sentence = ({ count, inDoubt, most }: Sum, what: "unfinished" | "in doubt"): string => {
  const sums = Object.entries(most).map(([currency, sum]) => `${sum} ${currency}`)
  const payouts = count === 1 ? "payout" : "payouts"
  if (what === "in doubt") {
    const together = count === 0 ? "" : `, at most ${sums.join(" and ")} together`
    return `${count} ${payouts} in doubt, ended ones too${together}; the list is complete`
  }
  const doubt = inDoubt === 0 ? "none of them in doubt" : `${inDoubt} in doubt, at most ${sums.join(" and ")} together`
  const all = count === 0 ? `${count} unfinished ${payouts}` : `${count} unfinished ${payouts}, ${doubt}`
  return `${all}; the list is complete, without those that have ended (--in-doubt)`
}
