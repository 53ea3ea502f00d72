/**
 * What happened to a payout, for people: the outcome, the timeline, the money, and what an error says to do.
 */
import * as DateTime from "effect/DateTime"
import * as Match from "effect/Match"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome } from "../domain/Outcome.js"
import type * as Payout from "../domain/Payout.js"
import type { ListFailed, LookupError, PayoutError } from "../domain/PayoutError.js"
import * as Layout from "./Layout.js"
import type { Paint } from "./Paint.js"
import * as Timeline from "./Timeline.js"

/** How a payout ended. */
export type Ended = Outcome | PayoutError

/** A payout in full. */
export const ofEnded = (ended: Ended, paint: Paint): ReadonlyArray<string> => [
  heading(ended, paint),
  ...Timeline.lines(ended.attempts, paint),
  ...Layout.labelled("money", money(ended)),
  ...message(ended)
]

/** A lookup or a list without an answer. */
export const ofFailed = (error: LookupError | ListFailed, paint: Paint): ReadonlyArray<string> => [
  paint.doubtful(error._tag),
  ...Timeline.lines(error.attempts, paint),
  ...Layout.labelled("message", error.message)
]

/** The tag, in the colour of what it says about the money. */
export const tag = (ended: Ended, paint: Paint): string => colour(ended, paint)(ended._tag)

/** What is known about the money, in one line. */
export const money = (ended: Ended): string =>
  ended._tag === "InvalidRequest"
    ? `${certainties[ended.certainty]}: nothing was sent`
    : `${certainties[ended.certainty]}: ${Layout.between(ended.exposure)} minor units of ${ended.currency}`

/** What to do next: an error's message, or what a payment leaves in doubt. */
export const message = (ended: Ended): ReadonlyArray<string> => {
  const text = isOutcome(ended) ? doubtBeside(ended) : ended.message
  return text === undefined ? [] : Layout.labelled("message", text)
}

/** What else may have moved beside a payment: an earlier create may have paid without the provider knowing it. */
export const doubtBeside = ({ _tag, exposure: { max, min } }: Outcome): string | undefined =>
  _tag === "Paid" && max > min
    ? `It is paid, and up to ${max - min} minor units more may have moved: book the payment, ask the acquirer about ` +
      "the rest, never pay again."
    : undefined

/** Where the evidence is, and what it is for now. */
export const kept = (ended: Ended, file: string | undefined): ReadonlyArray<string> =>
  file === undefined ? [] : Layout.labelled("evidence", `in ${file}${useOf(ended, file)}`)

const useOf = (ended: Ended, file: string): string => {
  if (ended._tag !== "Paid") return `, for recover --evidence ${file}`
  return doubtBeside(ended) === undefined
    ? ": delete it when the payout is booked"
    : ": keep it until the acquirer has answered"
}

export const isOutcome = (ended: Ended): ended is Outcome => ended._tag === "Paid" || ended._tag === "Processing"

const certainties: Readonly<Record<Exposure.Certainty, string>> = {
  Moved: "moved",
  NotMoved: "not moved",
  MayHaveMoved: "may have moved"
}

const heading = (ended: Ended, paint: Paint): string =>
  isOutcome(ended)
    ? `${tag(ended, paint)} ${ended.handle}, ${ended.amount} minor units of ${ended.currency}`
    : `${tag(ended, paint)} ${ended.handle ?? ""}`.trimEnd()

const colour = (ended: Ended, paint: Paint) => {
  if (ended._tag === "Paid") return paint.good
  return ended.certainty === "NotMoved" ? paint.bad : paint.doubtful
}

/** The provider's own record of a payout. */
export const ofPayout = (payout: Payout.Payout, paint: Paint): ReadonlyArray<string> => {
  const [head, ...body] = Layout.table(columns, payout.transactions.map(row))
  return [
    `${stateColour(payout.state, paint)(payout.state)} ${payout.handle}, ${payout.amount} minor units` +
      (payout.currency === undefined ? "" : ` of ${payout.currency}`),
    datesOf(payout),
    ...(payout.transactions.length === 0 ? ["no transactions"] : [paint.faint(head), ...body]),
    ...Layout.labelled("record", `shows ${Layout.between(onRecord(payout))} minor units that have moved or may have`),
    ...Layout.labelled("", "It does not show a create that is still under way: recover tells what became of a payout.")
  ]
}

/** The table of a list, line by line as its pages come, with the number of payouts at the end. */
export const ofPayouts = <E, R>(
  payouts: Stream.Stream<Payout.Payout, E, R>,
  paint: Paint
): Stream.Stream<string, E, R> => {
  const rows = Stream.concat(Stream.map(payouts, Option.some), Stream.make(Option.none<Payout.Payout>()))
  const body = Stream.mapAccum(rows, 0, (count, row) =>
    Option.match(row, {
      onNone: () => [count, `${count} ${count === 1 ? "payout" : "payouts"}; the list is complete`] as const,
      onSome: (payout) => [count + 1, listed(payout, paint)] as const
    })
  )
  const [created, state, amount, currency, customer] = widths
  const head = [
    "created".padEnd(created),
    "state".padEnd(state),
    "amount".padStart(amount),
    "currency".padEnd(currency)
  ]
  return Stream.concat(Stream.make(paint.faint([...head, "customer".padEnd(customer), "handle"].join("  "))), body)
}

// No column can be as wide as its widest entry, which may come on a later page. The handle is last, and never cut.
const widths = [20, 10, 10, 8, 16] as const

const listed = (payout: Payout.Payout, paint: Paint): string => {
  const [created, state, amount, currency, customer] = widths
  return [
    timeOf(payout.created).padEnd(created),
    stateColour(payout.state, paint)(payout.state.padEnd(state)),
    String(payout.amount).padStart(amount),
    (payout.currency ?? "-").padEnd(currency),
    (payout.customer ?? "-").padEnd(customer),
    payout.handle
  ].join("  ")
}

export const timeOf = (time: DateTime.Utc | undefined): string =>
  time === undefined ? "-" : DateTime.formatIso(time).replace(/\.\d+Z$/, "Z")

const onRecord = (payout: Payout.Payout): Exposure.Exposure =>
  Exposure.exposure(Exposure.ofPayout(payout.handle, payout, { clock: "", at: 0 }))

const columns: ReadonlyArray<Layout.Column> = [
  { title: "transaction" },
  { title: "created" },
  { title: "state" },
  { title: "reason" }
]

const row = ({ acquirerCode, created, error, errorState, id, state }: Payout.Transaction): ReadonlyArray<string> => [
  id,
  timeOf(created),
  state,
  [errorState, error, acquirerCode && `acquirer code ${acquirerCode}`].filter((word) => word !== undefined).join(", ")
]

const datesOf = ({ created, customer, failed, paid }: Payout.Payout): string =>
  [
    `created ${timeOf(created)}`,
    paid && `paid ${timeOf(paid)}`,
    failed && `failed ${timeOf(failed)}`,
    customer && `customer ${customer}`
  ]
    .filter((part) => part !== undefined)
    .join(", ")

const stateColour = (state: string, paint: Paint) =>
  Match.value(state).pipe(
    Match.when("paid", () => paint.good),
    Match.when("failed", () => paint.bad),
    Match.orElse(() => paint.doubtful)
  )
