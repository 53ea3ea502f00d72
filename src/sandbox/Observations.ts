/**
 * What a probe of a test account saw of the provider (`payout probe`), where the documentation leaves things open: a dated
 * value that can be stored, and that sets the Sandbox's switches.
 */
import * as Schema from "effect/Schema"
import type { Rules } from "./Rules.js"

/**
 * Each field is missing where the probe could not see it: an answer did not come, or the account has no payout in that
 * state.
 *
 * @category models
 * @since 0.1.0
 */
export const Observations = Schema.Struct({
  /** When it was seen. */
  observed: Schema.DateTimeUtc,
  /** The answer to a second create on a paid handle: 400 with code 134, or 200 with the payout. */
  repeatOfPaid: Schema.optional(Schema.Literal("Error", "Replay")),
  /** The same on a processing handle: 400 with code 133, or 200. */
  repeatOfProcessing: Schema.optional(Schema.Literal("Error", "Replay")),
  /** Whether a failed payout can be attempted again under its handle. */
  repeatOfFailed: Schema.optional(Schema.Literal("Accept", "Refuse")),
  /** The same with another amount. */
  changedAmount: Schema.optional(Schema.Literal("Accept", "Refuse")),
  /** Whether the amount 3001 is a hard decline, as it is for charges to certain test cards. */
  testAmounts: Schema.optional(Schema.Boolean),
  /** In which order a record shows its transactions. */
  transactionsOrder: Schema.optional(Schema.Literal("OldestFirst", "NewestFirst")),
  /** Whether the `created` of two transactions tell them apart. */
  transactionDates: Schema.optional(Schema.Literal("Distinct", "Equal", "Missing")),
  /** Whether a transaction shows the id of its saved card. */
  card: Schema.optional(Schema.Literal("Shown", "Hidden")),
  /** Whether answers have a `Date` header. */
  date: Schema.optional(Schema.Literal("Sent", "Absent")),
  /** Whether an answer looked like a cache's: an `Age` header, or a `Request-Id` that came before. */
  cached: Schema.Boolean,
  /** The longest `Retry-After` of a 429, in milliseconds, if there was a 429 with one. */
  retryAfter: Schema.optional(Schema.Number),
  /** Whether a handle of 255 characters with `- _ . @` is taken. */
  longHandle: Schema.optional(Schema.Literal("Accept", "Refuse")),
  /** How long after its create a lookup first showed the payout, in milliseconds; 0 if the first one did. */
  readLag: Schema.optional(Schema.Number)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Observations extends Schema.Schema.Type<typeof Observations> {}

/**
 * The Sandbox's switches as a probe saw them; what it did not see keeps its default.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Observations, Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const asObserved = (json: string) =>
 *   Sandbox.layerWith(Observations.rules(Schema.decodeSync(Schema.parseJson(Observations.Observations))(json)))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const rules = (seen: Observations): Partial<Rules> => ({
  ...(seen.repeatOfPaid === undefined ? {} : { repeatOfPaid: seen.repeatOfPaid }),
  ...(seen.repeatOfProcessing === undefined ? {} : { repeatOfProcessing: seen.repeatOfProcessing }),
  ...(seen.changedAmount === undefined ? {} : { changedAmount: seen.changedAmount }),
  ...(seen.testAmounts === undefined ? {} : { testAmounts: seen.testAmounts }),
  ...(seen.transactionsOrder === undefined ? {} : { transactionsOrder: seen.transactionsOrder }),
  ...(seen.transactionDates === undefined ? {} : { transactionDates: seen.transactionDates }),
  ...(seen.card === undefined ? {} : { card: seen.card }),
  ...(seen.date === undefined ? {} : { date: seen.date }),
  ...(seen.retryAfter === undefined ? {} : { retryAfter: String(Math.ceil(seen.retryAfter / 1000)) })
})
