/**
 * What the provider says about a payout: its state, its transactions, and what they can have done to the money.
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { Recorded } from "./Attempt.js"
import { hidden } from "./refusal.js"

/**
 * One attempt of the provider to move the money. `state` and `errorState` are open: a word we do not know is kept as it
 * came. Source: the provider's schema (documented). The card itself is left out on purpose.
 *
 * @category models
 */
export const Transaction = Schema.Struct({
  id: Schema.String,
  /** `paid`, `processing`, `failed`. */
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  created: Schema.optional(Schema.DateTimeUtc),
  /** `hard_declined`, `soft_declined`, `processing_error`, `pending`. */
  errorState: Schema.optional(Schema.String),
  /** The transaction error, such as `insufficient_funds`. */
  error: Schema.optional(Schema.String),
  acquirerCode: Schema.optional(Schema.String),
  acquirerMessage: Schema.optional(Schema.String),
  cardType: Schema.optional(Schema.String),
  /** The acquirer's gateway, such as `clearhaus`. */
  provider: Schema.optional(Schema.String)
}).annotations(hidden("a transaction"))

/** @category models */
export interface Transaction extends Schema.Schema.Type<typeof Transaction> {}

/**
 * The provider's record of one payout at the moment it was asked. `state` decides, whatever the dates say; it is open:
 * `created`, `processing`, `paid`, `failed`, or a word we do not know.
 *
 * @category models
 */
export const Payout = Schema.Struct({
  handle: Schema.String,
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  currency: Schema.optional(Schema.String),
  /** The customer's handle. */
  customer: Schema.optional(Schema.String),
  created: Schema.optional(Schema.DateTimeUtc),
  paid: Schema.optional(Schema.DateTimeUtc),
  failed: Schema.optional(Schema.DateTimeUtc),
  /** One for each attempt, in no documented order: see `latest`. */
  transactions: Schema.Array(Transaction)
}).annotations(hidden("a payout of the provider"))

/** @category models */
export interface Payout extends Schema.Schema.Type<typeof Payout> {}

/**
 * The latest transaction: by `created`, not by position, because the provider documents no order. Among equals the one
 * that stands later wins; one without a date is older than any that has one.
 *
 * @example
 * ```ts
 * import { Payout } from "effect-billwerk-payouts"
 *
 * const why = (payout: Payout.Payout) => Payout.latest(payout)?.error ?? "no reason given"
 * ```
 *
 * @category getters
 */
export const latest = (payout: Payout): Transaction | undefined =>
  payout.transactions.reduce<Transaction | undefined>(
    (best, next) => (best === undefined || millis(next.created) >= millis(best.created) ? next : best),
    undefined
  )

const millis = (date: DateTime.Utc | undefined): number => (date === undefined ? -Infinity : date.epochMillis)

/**
 * Whether a transaction may have moved money although its payout does not say so. Only a documented decline closes it:
 * a processing error may have been approved, and what has no reason, or one that we do not know, is not a "no".
 *
 * @category predicates
 */
export const isOpen = (transaction: Transaction): boolean =>
  transaction.state !== "failed" ||
  (transaction.errorState !== "hard_declined" && transaction.errorState !== "soft_declined")

/**
 * How many transactions were made before a moment (epoch milliseconds). One without a date may be of any time.
 *
 * @category getters
 */
export const madeBefore = ({ transactions }: Payout, moment: number): number =>
  transactions.filter(({ created }) => created === undefined || created.epochMillis < moment).length

/**
 * What a record says about the money, in minor units: what the provider knows to be paid, and what may have been paid
 * without it knowing.
 *
 * @category getters
 */
export const recorded = (payout: Payout): Recorded => {
  const { state, transactions } = payout
  let [paidSum, open, processingErrors] = [0, 0, 0]
  for (const one of transactions) {
    const amount = Math.max(one.amount, payout.amount)
    const isPaid = one.state === "paid"
    if (isPaid) paidSum += amount
    if (isOpen(one) && !(state === "paid" && isPaid)) open += amount
    if (one.errorState === "processing_error") processingErrors += 1
  }
  const paid = state === "paid" ? Math.max(payout.amount, paidSum) : 0
  // A payout that is still open, or failed for no reason that a transaction shows, may itself have moved the money.
  const last = latest(payout)
  const unexplained = state !== "paid" && (state !== "failed" || last === undefined || isOpen(last))
  return {
    state,
    transactions: transactions.length,
    processingErrors,
    ...(state === "failed" && last?.errorState !== undefined ? { errorState: last.errorState } : {}),
    paid,
    open: unexplained ? Math.max(open, payout.amount) : open
  }
}
