/**
 * What happened to a payout, for people: the outcome, the timeline, the money, and what an error says to do.
 */
import * as Match from "effect/Match"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome } from "../domain/Outcome.js"
import type * as Payout from "../domain/Payout.js"
import type { LookupError, PayoutError } from "../domain/PayoutError.js"
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

export const ofLookupError = (error: LookupError, paint: Paint): ReadonlyArray<string> => [
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

/** An error's message, which says what to do next. */
export const message = (ended: Ended): ReadonlyArray<string> =>
  isOutcome(ended) ? [] : Layout.labelled("message", ended.message)

/** Where the next call finds the evidence. */
export const kept = (file: string | undefined): ReadonlyArray<string> =>
  file === undefined ? [] : Layout.labelled("evidence", `in ${file}, for recover --evidence ${file}`)

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
    ...(payout.transactions.length === 0 ? ["no transactions"] : [paint.faint(head), ...body]),
    ...Layout.labelled("record", `shows ${Layout.between(onRecord(payout))} minor units that have moved or may have`),
    ...Layout.labelled("", "It does not show a create that is still under way: recover tells what became of a payout.")
  ]
}

const onRecord = (payout: Payout.Payout): Exposure.Exposure =>
  Exposure.exposure(Exposure.ofPayout(payout.handle, payout, { clock: "", at: 0 }))

const columns: ReadonlyArray<Layout.Column> = [{ title: "transaction" }, { title: "state" }, { title: "reason" }]

const row = ({ error, errorState, id, state }: Payout.Transaction): ReadonlyArray<string> => [
  id,
  state,
  [errorState, error].filter((word) => word !== undefined).join(", ")
]

const stateColour = (state: string, paint: Paint) =>
  Match.value(state).pipe(
    Match.when("paid", () => paint.good),
    Match.when("failed", () => paint.bad),
    Match.orElse(() => paint.doubtful)
  )
