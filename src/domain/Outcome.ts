/**
 * The successes of a payout: money that moved, or money that the provider has accepted to move.
 */
import * as Schema from "effect/Schema"
import { Attempt } from "./Attempt.js"
import { Certainty, Evidence, Exposure } from "./Exposure.js"
import { Handle } from "./Handle.js"
import { Amount, Currency } from "./Money.js"
import { Payout } from "./Payout.js"
import { hidden } from "./schemaMessages.js"

const fields = {
  /** The request's handle. */
  handle: Handle,
  /** The request's amount, in minor units. */
  amount: Amount,
  /** The request's currency, ISO 4217. */
  currency: Currency,
  /** The provider's record. */
  payout: Payout,
  /** Every exchange of this payout that this process has on record, oldest first. */
  attempts: Schema.Array(Attempt),
  /** `Moved` for `Paid`. `MayHaveMoved` for `Processing`, until it is final. */
  certainty: Certainty,
  /** The least and the most that can have left the account, in minor units. */
  exposure: Exposure,
  /** The basis of certainty and exposure: store it, and pass it to `Payouts.recover`. */
  evidence: Evidence
}

/**
 * A success: the money moved. `exposure.max` is more than the amount only if an earlier create may have paid as well,
 * without the provider knowing it.
 *
 * @category models
 * @since 0.1.0
 */
export const Paid = Schema.TaggedStruct("Paid", fields).annotations(hidden("a paid outcome"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Paid extends Schema.Schema.Type<typeof Paid> {}

/**
 * The wait that ended with a `Processing` of `Payouts.awaitFinal`: `payout` is what the provider showed at `shownAt`.
 *
 * @category models
 * @since 0.1.0
 */
export const Waited = Schema.Struct({
  /**
   * How many lookups this call began. **0: the provider was not asked**, because the deadline came first (too many
   * other calls were waiting, or it is too short) or the schedule granted no lookup. Then the payout may have become
   * final since `shownAt`.
   */
  lookups: Schema.NonNegativeInt,
  /** When the exchange that showed `payout` began, by its process's clock. Absent if it is not on record. */
  shownAt: Schema.optional(Schema.DateTimeUtc)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Waited extends Schema.Schema.Type<typeof Waited> {}

/**
 * A success: accepted and not final, with an asynchronous payment method. `Payouts.awaitFinal` waits until it is paid
 * or failed.
 *
 * @category models
 * @since 0.1.0
 */
export const Processing = Schema.TaggedStruct("Processing", {
  ...fields,
  /** How `awaitFinal` waited. Absent if another method answered. For a durable payout, it describes the latest poll. */
  waited: Schema.optional(Waited)
}).annotations(hidden("an outcome that is processing"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Processing extends Schema.Schema.Type<typeof Processing> {}

/**
 * The success of a call: `Paid` or `Processing`. A `Schema`, so that a queue or a workflow can carry it.
 *
 * @category models
 * @since 0.1.0
 */
export const Outcome = Schema.Union(Paid, Processing).annotations(hidden("an outcome"))

/**
 * @category models
 * @since 0.1.0
 */
export type Outcome = Paid | Processing
