/**
 * A reconciliation as text for people. Amounts are in minor units, as the provider counts them, and never converted.
 */
import * as Stream from "effect/Stream"
import type { Exposure } from "../domain/Exposure.js"
import { type Class, classes, currencyLeft, type Difference, type Finding, type Summary } from "./Difference.js"
import type { Standing } from "./Expectation.js"

/**
 * The lines of a report: one for each difference, as it comes, and then the summary.
 *
 * @category text
 * @since 0.1.0
 */
export const lines = <E, R>(report: Stream.Stream<Difference | Summary, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapConcat(report, (one) => (one._tag === "Summary" ? summaryLines(one) : [lineOf(one)]))

/**
 * One difference in one line.
 *
 * @category text
 * @since 0.1.0
 */
export const lineOf = (one: Difference): string => `${one._tag.padEnd(nameWidth)}${one.handle}: ${sentence(one)}`

/**
 * The summary: one sentence if both sides agree, or else a table with a line for each class and currency, and what each
 * class means.
 *
 * @category text
 * @since 0.1.0
 */
export const summaryLines = (summary: Summary): ReadonlyArray<string> => {
  if (summary.agrees) return [agreement(summary)]
  const met = classes.filter((name) => summary.classes[name].count > 0)
  return [
    "",
    ...table(met.flatMap((name) => rowsOf(name, summary.classes[name]))),
    "",
    ...met.map((name) => name.padEnd(nameWidth) + meanings[name]),
    "",
    `The books do not agree: ${grouped(summary.expected)} rows of ours, ${grouped(summary.shown)} records of the provider.`,
    "All amounts are in minor units, as the provider counts them."
  ]
}

const nameWidth = Math.max(...classes.map(({ length }) => length)) + 2

const sentence = (one: Difference): string => {
  switch (one._tag) {
    case "Differs":
      return `${ours(one)}; ${theirs(one)}; differs in ${one.in.join(", ")}; ${left(one)}`
    case "MissingThere":
      return `${ours(one)}; the provider has no such payout; ${left(one)}`
    case "UnknownHere":
      return `not in our books; ${theirs(one)}; ${left(one)}`
    case "InDoubt":
      return `${ours(one)}; ${theirs(one)}; ${left(one)}${unasked(one.unasked)}`
    case "FinalSince":
      return `${ours(one)}; ${theirs(one)}; now ${one.now === "Paid" ? "paid" : "final, and no money moved"}`
    case "Processing":
      return `${ours(one)}; ${theirs(one)}; ${left(one)}`
    case "Duplicate":
      return `${ours(one)}; our books have the handle already, with ${one.arguments === "Same" ? "the same" : "other"} arguments`
    case "NotAsked":
      return `${ours(one)}; not in the list${unasked(one.unasked)}`
  }
}

const ours = ({ booked, currency, standing }: Extract<Difference, { readonly booked: number }>): string =>
  `ours ${booked} minor units of ${currency}, ${standings[standing]}`

const standings: Readonly<Record<Standing, string>> = {
  Expected: "expected",
  Paid: "paid",
  Processing: "processing",
  NotMoved: "not paid",
  InDoubt: "in doubt"
}

const theirs = ({
  shown
}: {
  readonly shown?:
    { readonly amount: number; readonly currency?: string | undefined; readonly state: string } | undefined
}): string =>
  shown === undefined
    ? "the provider shows none"
    : `the provider's ${shown.amount} minor units of ${shown.currency ?? "unknown currency"}, ${shown.state}`

const left = (one: Difference): string =>
  `left the account: ${between(one.exposure)} minor units of ${currencyLeft(one)}`

const between = ({ max, min }: Exposure): string => (min === max ? String(min) : `${min} to ${max}`)

const unasked = (why: string | undefined): string => (why === undefined ? "" : `; not asked about (${why})`)

const meanings: Readonly<Record<Finding["_tag"], string>> = {
  Matched: "Both sides say that it is paid.",
  NotPaid: "Both sides say that no money moved.",
  Differs: "The provider's record contradicts our books. Find out which side is right.",
  MissingThere: "The provider has no such payout. Recover it before paying it again, under the same handle.",
  UnknownHere: "Our books do not have it. Find out who paid it.",
  InDoubt: "Money may have moved. Do not pay it again, and recover it.",
  FinalSince: "It is final now. Book it.",
  Processing: "The provider has accepted it. It is not final yet.",
  Duplicate: "Our books have the handle more than once. It pays once: remove what is too much.",
  NotAsked: "The provider could not be asked. This says nothing about the money: reconcile again."
}

const agreement = ({ classes: { Matched, NotPaid } }: Summary): string => {
  const sums = Object.entries(Matched.totals).map(([currency, { booked }]) => `${booked} minor units of ${currency}`)
  const paid =
    Matched.count === 0 ? "No payouts were paid, on either side." : `${payouts(Matched.count)}: ${sums.join(", ")}.`
  return NotPaid.count === 0 ? paid : `${paid} ${grouped(NotPaid.count)} not paid, on both sides.`
}

const payouts = (count: number): string => (count === 1 ? "1 payout matches" : `${grouped(count)} payouts match`)

const head = ["class", "payouts", "currency", "in our books", "left at least", "left at most"]

const rowsOf = (name: Finding["_tag"], { count, totals }: Class): ReadonlyArray<ReadonlyArray<string>> =>
  Object.entries(totals).map(([currency, { booked, least, most }], index) => [
    index === 0 ? name : "",
    index === 0 ? grouped(count) : "",
    currency,
    String(booked),
    String(least),
    String(most)
  ])

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)))
  const isText = (column: number) => column === 0 || column === 2
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  )
}

/** Thousands apart, whatever the machine's locale: counts alone, because "12,500 DKK" would be read as money. */
const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")
