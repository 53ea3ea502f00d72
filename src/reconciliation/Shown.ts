/**
 * What a reconciliation keeps of the provider's record of one payout: what it compares, and the evidence that the record
 * gives.
 */
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import { fingerprint } from "../domain/Fingerprint.js"
import type * as Payout from "../domain/Payout.js"
import type { Expectation } from "./Expectation.js"

export const Shown = Schema.Struct({
  handle: Schema.String,
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  currency: Schema.optional(Schema.String),
  /** The fingerprint of the customer's handle. */
  customer: Schema.optional(Schema.String),
  transactions: Schema.Array(Exposure.Transaction)
})

export interface Shown extends Schema.Schema.Type<typeof Shown> {}

// When a page of a list was made is not known by any measured clock. So a list never proves that time has passed.
const read: Exposure.Moment = { clock: "list", at: 0 }

export const ofPayout = (payout: Payout.Payout): Shown => {
  const { amount, currency, customer, handle, state } = payout
  return {
    handle,
    state,
    amount,
    ...(currency === undefined ? {} : { currency }),
    ...(customer === undefined ? {} : { customer: fingerprint(customer) }),
    transactions: Exposure.ofPayout(handle, payout, read).transactions
  }
}

/**
 * The evidence of a record. It says nothing about creates that the record does not show, and without a time of reading,
 * it ends no doubt that only time ends.
 */
export const evidenceOf = (shown: Shown): Exposure.Evidence => ({
  ...transactionsOf(shown),
  record: { state: shown.state, amount: shown.amount, transactions: shown.transactions.length, read }
})

/** The same without the record, for evidence that a lookup will give a newer one. */
export const transactionsOf = ({ handle, transactions }: Shown): Exposure.Evidence => ({
  ...Exposure.empty(handle),
  transactions
})

/** The fields in which a record differs from the books. What either side leaves out cannot differ. */
export const differences = (
  { amount, currency, customer }: Expectation,
  shown: Shown
): ReadonlyArray<"amount" | "currency" | "customer"> => [
  ...(amount === shown.amount ? [] : ["amount" as const]),
  ...(shown.currency === undefined || currency === shown.currency ? [] : ["currency" as const]),
  ...(customer === undefined || shown.customer === undefined || customer === shown.customer
    ? []
    : ["customer" as const])
]

/** The furthest of several records of one payout: a list may show it again on a later page, as it was or as it is. */
export const furthest = (all: ReadonlyArray<Shown>): Shown | undefined =>
  all.reduce<Shown | undefined>((best, one) => (best === undefined || rank(one) > rank(best) ? one : best), undefined)

const rank = (one: Shown): string =>
  JSON.stringify([
    one.state === "paid" ? 1 : 0,
    String(one.transactions.length).padStart(16, "0"),
    one.state === "failed" ? 1 : 0,
    one
  ])
