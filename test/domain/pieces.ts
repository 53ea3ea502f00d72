/** Pieces of evidence, at minutes of one morning, and what they say in amounts of 100. */
import { DateTime } from "effect"
import { Exposure, type Payout } from "effect-billwerk-payouts"

export const minute = 60_000
export const start = Date.UTC(2026, 0, 1)

/** Our clock, measured: it is the provider's to the second. */
export const clocks = { here: { min: -500, max: 500 } }
export const mine = { request: "our arguments", method: "our card" }

export const stateOf = (transactions: ReadonlyArray<Payout.Transaction>) =>
  transactions.some(({ state }) => state === "paid")
    ? "paid"
    : transactions.some(({ state }) => state === "processing")
      ? "processing"
      : "failed"

export const horizon = 360 * minute
export const moment = (minutes: number, clock = "here"): Exposure.Moment => ({ clock, at: start + minutes * minute })

/** A create of ours, at a minute. */
export const post = (id: string, minutes: number, over: Partial<Exposure.Create> = {}): Exposure.Create => ({
  id,
  count: 1,
  clock: "here",
  from: start + minutes * minute,
  to: start + minutes * minute,
  amount: 100,
  ...mine,
  before: [],
  guess: false,
  ...over
})

export const tx = (id: string, minutes: number, over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id,
  state: "failed",
  amount: 100,
  errorState: "hard_declined",
  created: DateTime.unsafeMake(start + minutes * minute),
  ...over
})

export const paidTx = (id: string, minutes: number) => tx(id, minutes, { state: "paid", errorState: undefined })
export const errorTx = (id: string, minutes: number) => tx(id, minutes, { errorState: "processing_error" })

export const record = (
  minutes: number,
  transactions: ReadonlyArray<Payout.Transaction>,
  over: Partial<Payout.Payout> = {}
): Exposure.Evidence =>
  Exposure.ofPayout(
    "h",
    { handle: "h", state: stateOf(transactions), amount: 100, transactions, ...over },
    moment(minutes)
  )

export const nothing: Exposure.Evidence = { ...Exposure.empty("h"), clocks }
export const readNothing = (minutes: number): Exposure.Evidence => ({ ...Exposure.empty("h"), read: moment(minutes) })
export type Pieces = ReadonlyArray<Exposure.Evidence | Exposure.Create>

export const known = (...pieces: Pieces): Exposure.Evidence =>
  pieces.reduce<Exposure.Evidence>(
    (sum, one) => ("id" in one ? Exposure.withCreate(sum, one) : Exposure.merge(sum, one)),
    nothing
  )

/** "min..max", in amounts of 100. */
export const range = ({ max, min }: Exposure.Exposure) => `${min / 100}..${max / 100}`
export const says = (...pieces: Pieces) => range(Exposure.exposure(known(...pieces), horizon))
