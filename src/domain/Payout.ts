/**
 * What the provider says about a payout: its state, its transactions, and what they can have done to the money.
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { Recorded } from "./Attempt.js"
import { hidden } from "./refusal.js"

/**
 * One attempt of the provider to move the money. `state`, `errorState` and `error` are open: a word we do not know is kept,
 * if it is a code (`some_word`) that repeats nothing of the request, and is `<redacted>` otherwise. Source: the provider's
 * schema (documented). Of the card only a fingerprint is kept: it tells two cards apart, and shows neither.
 *
 * @category models
 * @since 0.1.0
 */
export const Transaction = Schema.Struct({
  /** 32 hex digits (documented). One in another form is known by its fingerprint, `id-...`: it may be anything. */
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
  /** Up to six letters and digits, such as `05`; anything else is not kept. */
  acquirerCode: Schema.optional(Schema.String),
  /** Only with `keepProviderTexts`: at most 255 characters, without what they repeat of the request. */
  acquirerMessage: Schema.optional(Schema.String),
  cardType: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it went to, where the record shows its card. */
  method: Schema.optional(Schema.String),
  /** The acquirer's gateway, such as `clearhaus`. */
  provider: Schema.optional(Schema.String)
}).annotations(hidden("a transaction"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Transaction extends Schema.Schema.Type<typeof Transaction> {}

/**
 * The provider's record of one payout at the moment it was asked. `state` decides, whatever the dates say; it is open:
 * `created`, `processing`, `paid`, `failed`, a code that we do not know, or `<redacted>`.
 *
 * @category models
 * @since 0.1.0
 */
export const Payout = Schema.Struct({
  handle: Schema.String,
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  currency: Schema.optional(Schema.String),
  /** The customer's handle. One that is an e-mail address is kept only if it is known to be this customer's. */
  customer: Schema.optional(Schema.String),
  created: Schema.optional(Schema.DateTimeUtc),
  paid: Schema.optional(Schema.DateTimeUtc),
  failed: Schema.optional(Schema.DateTimeUtc),
  /** One for each attempt, in no documented order: see `latest`. */
  transactions: Schema.Array(Transaction)
}).annotations(hidden("a payout of the provider"))

/**
 * @category models
 * @since 0.1.0
 */
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
 * @since 0.1.0
 */
export const latest = (payout: Payout): Transaction | undefined =>
  payout.transactions.reduce<Transaction | undefined>(
    (best, next) => (best === undefined || millis(next.created) >= millis(best.created) ? next : best),
    undefined
  )

const millis = (date: DateTime.Utc | undefined): number => (date === undefined ? -Infinity : date.epochMillis)

/**
 * What a record says, in short.
 *
 * @category getters
 * @since 0.1.0
 */
export const recorded = (payout: Payout): Recorded => {
  const { state, transactions } = payout
  const errorState = state === "failed" ? latest(payout)?.errorState : undefined
  return {
    state,
    transactions: transactions.length,
    processingErrors: transactions.filter((one) => one.errorState === "processing_error").length,
    ...(errorState === undefined ? {} : { errorState })
  }
}

/**
 * The ids of a payout's transactions, in their order. One without an id, or with another's, gets its place as a name:
 * to drop it would hide that it may have paid.
 *
 * @category getters
 * @since 0.1.0
 */
export const idsOf = ({ transactions }: Payout): ReadonlyArray<string> => {
  const ids = new Set<string>()
  return transactions.map(({ id }, index) => {
    const own = id === "" || ids.has(id) ? `unnamed-${index}` : id
    ids.add(own)
    return own
  })
}

/**
 * The id of a payout's latest transaction, as `idsOf` has it.
 *
 * @category getters
 * @since 0.1.0
 */
export const latestId = (payout: Payout): string | undefined => {
  const one = latest(payout)
  return one && idsOf(payout)[payout.transactions.indexOf(one)]
}
