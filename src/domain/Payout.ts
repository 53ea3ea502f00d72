/**
 * What the provider shows of a payout: its state and its transactions.
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { Recorded } from "./Attempt.js"
import { hidden } from "./schemaMessages.js"

/**
 * One try of the provider to move the money. `state`, `errorState` and `error` are open. An unknown word is kept if it
 * is a code (`some_word`) that repeats nothing of the request, and is `<redacted>` otherwise. Source: the provider's
 * schema (documented). Of the card only a fingerprint is kept: it tells two cards apart and shows neither.
 *
 * @category models
 * @since 0.1.0
 */
export const Transaction = Schema.Struct({
  /** 32 hex digits (documented). An id in another form becomes its fingerprint, `id-...`: it may hold anything. */
  id: Schema.String,
  /** `paid`, `processing`, `failed`. */
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  /** When the provider made it, by its own clock. */
  created: Schema.optional(Schema.DateTimeUtc),
  /** `hard_declined`, `soft_declined`, `processing_error`, `pending`. */
  errorState: Schema.optional(Schema.String),
  /** The transaction error, such as `insufficient_funds`. */
  error: Schema.optional(Schema.String),
  /** Up to six letters and digits, such as `05`; anything else is not kept. */
  acquirerCode: Schema.optional(Schema.String),
  /** Only with `keepProviderTexts`: at most 255 characters, without any text of the request. */
  acquirerMessage: Schema.optional(Schema.String),
  /** The brand of the card, such as `visa_dk`. */
  cardType: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it went to, if the record shows its card. */
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
 * The provider's record of one payout at the time of the exchange. `state` decides, even against the dates. It is open:
 * `created`, `processing`, `paid`, `failed`, an unknown code, or `<redacted>`.
 *
 * @category models
 * @since 0.1.0
 */
export const Payout = Schema.Struct({
  /** The handle that the record is under. */
  handle: Schema.String,
  /** `created`, `processing`, `paid` or `failed`; it decides. */
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  /** ISO 4217. */
  currency: Schema.optional(Schema.String),
  /** The customer's handle. An e-mail address is kept only if it is known to be this customer's handle. */
  customer: Schema.optional(Schema.String),
  /** When the provider made the payout, by its own clock. */
  created: Schema.optional(Schema.DateTimeUtc),
  /** When it was paid, by the provider's clock. */
  paid: Schema.optional(Schema.DateTimeUtc),
  /** When it failed, by the provider's clock. */
  failed: Schema.optional(Schema.DateTimeUtc),
  /** One for each create that the provider carried out, in no documented order: see `latest`. */
  transactions: Schema.Array(Transaction)
}).annotations(hidden("a payout of the provider"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Payout extends Schema.Schema.Type<typeof Payout> {}

/**
 * The transaction with the latest `created`. Its position does not count, because the provider documents no order.
 * Among equals the later position wins; a transaction without a date is older than any with one.
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
 * A summary of a record.
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
 * The ids of a payout's transactions, in their order. A transaction without an id, or with another's id, is named by
 * its position: to drop it would hide that it may have paid.
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
 * The id of a payout's latest transaction, as `idsOf` names it.
 *
 * @category getters
 * @since 0.1.0
 */
export const latestId = (payout: Payout): string | undefined => {
  const one = latest(payout)
  return one && idsOf(payout)[payout.transactions.indexOf(one)]
}
