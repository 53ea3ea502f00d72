/**
 * What a payout can succeed with: money that moved, or money that the provider has taken on itself to move.
 */
import * as Schema from "effect/Schema"
import { Attempt } from "./Attempt.js"
import { Certainty, Evidence, Exposure } from "./Exposure.js"
import { Handle } from "./Handle.js"
import { Amount, Currency } from "./Money.js"
import { Payout } from "./Payout.js"
import { hidden } from "./refusal.js"

const fields = {
  handle: Handle,
  amount: Amount,
  currency: Currency,
  /** The provider's record. */
  payout: Payout,
  /** Every exchange of this payout that this process has on record, oldest first. */
  attempts: Schema.Array(Attempt),
  certainty: Certainty,
  /** The least and the most that can have left the account, in minor units. */
  exposure: Exposure,
  /** What certainty and exposure rest on: store it, and hand it to `Payouts.recover`. */
  evidence: Evidence
}

/**
 * The money moved. `exposure.max` is more than the amount only if an earlier attempt of the provider may have paid
 * without knowing it.
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
 * What a `Processing` that `Payouts.awaitFinal` gives back rests on: `payout` is what the provider showed at `shownAt`.
 *
 * @category models
 * @since 0.1.0
 */
export const Waited = Schema.Struct({
  /**
   * How many lookups this call began. **0: the provider was not asked**, because the deadline came first (too many others were
   * waiting, or it is too short) or the schedule granted none. Then the payout may have become final since `shownAt`.
   */
  lookups: Schema.NonNegativeInt,
  /** When the exchange began that showed `payout`, by the clock of the process that made it; none, if it is not on record. */
  shownAt: Schema.optional(Schema.DateTimeUtc)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Waited extends Schema.Schema.Type<typeof Waited> {}

/**
 * Accepted, and not over: an asynchronous payment method. `Payouts.awaitFinal` waits until it is paid or has failed.
 *
 * @category models
 * @since 0.1.0
 */
export const Processing = Schema.TaggedStruct("Processing", {
  ...fields,
  /** How `awaitFinal` waited for it. None, where another method answered. Of a durable payout, it is about the latest poll. */
  waited: Schema.optional(Waited)
}).annotations(hidden("an outcome that is processing"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Processing extends Schema.Schema.Type<typeof Processing> {}

/**
 * @category models
 * @since 0.1.0
 */
export const Outcome = Schema.Union(Paid, Processing).annotations(hidden("an outcome"))

/**
 * @category models
 * @since 0.1.0
 */
export type Outcome = Paid | Processing
