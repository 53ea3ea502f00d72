/**
 * What a reconciliation finds about one payout, and the summary of all findings. It names handles, amounts, currencies
 * and states, and nothing else of a payout.
 */
import * as Schema from "effect/Schema"
import { Exposure } from "../domain/Exposure.js"
import { isCurrency } from "../domain/Money.js"
import { LookupFailed } from "../domain/PayoutError.js"
import { hidden } from "../domain/schemaMessages.js"
import { Standing } from "./Expectation.js"

const about = {
  handle: Schema.String,
  /** The currency in our books, or else the provider's. `unknown` if the provider does not say a valid one. */
  currency: Schema.String,
  /**
   * The least and the most that can have left the account for this handle, in minor units, by our evidence and the
   * provider's record. Without evidence, no create counts that the record does not show. If the provider shows another
   * currency than our books, it is in the provider's.
   */
  exposure: Exposure
}

const here = {
  /** The amount in our books, in minor units. */
  booked: Schema.Number,
  /** What our books say of it. */
  standing: Standing
}

const Record = Schema.Struct({
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  currency: Schema.optional(Schema.String)
})

const there = {
  /** What the provider shows. */
  shown: Record
}

/**
 * Why a lookup said nothing: the category of its failure, or `NoLookup` if the caller passed no `assess`.
 *
 * @category models
 * @since 0.1.0
 */
export const Unasked = Schema.Literal("NoLookup", ...LookupFailed.fields.category.literals).annotations(
  hidden("why a lookup said nothing")
)

/**
 * @category models
 * @since 0.1.0
 */
export type Unasked = typeof Unasked.Type

/**
 * Both sides say that it is paid, with the same arguments.
 *
 * @category models
 * @since 0.1.0
 */
export const Matched = Schema.TaggedStruct("Matched", { ...about, ...here, ...there })

/**
 * Both sides say that no money moved: a failed payout, or one that the provider does not have.
 *
 * @category models
 * @since 0.1.0
 */
export const NotPaid = Schema.TaggedStruct("NotPaid", {
  ...about,
  ...here,
  /** The provider's record, if it has one. */
  shown: Schema.optional(Record)
})

/**
 * The provider shows it as processing, and our books do not deny it. It is not final yet.
 *
 * @category models
 * @since 0.1.0
 */
export const Processing = Schema.TaggedStruct("Processing", { ...about, ...here, ...there }).annotations(
  hidden("a payout that is processing")
)

/**
 * It was processing or in doubt when our books were written, and is so no more.
 *
 * @category models
 * @since 0.1.0
 */
export const FinalSince = Schema.TaggedStruct("FinalSince", {
  ...about,
  ...here,
  /** The provider's record, if it has one. */
  shown: Schema.optional(Record),
  /** How it ended. */
  now: Schema.Literal("Paid", "NotMoved")
}).annotations(hidden("a payout that is final since"))

/**
 * The provider's record contradicts our books, in these fields. `state`: our books say that it is paid, or expect it,
 * and the provider shows otherwise, or our books say that no money moved, and the provider shows that it did or may.
 *
 * @category models
 * @since 0.1.0
 */
export const Differs = Schema.TaggedStruct("Differs", {
  ...about,
  ...here,
  ...there,
  /** The fields that contradict each other. */
  in: Schema.Array(Schema.Literal("amount", "currency", "customer", "state"))
}).annotations(hidden("a payout that differs"))

/**
 * The provider has no payout under a handle of our books: a lookup has proved it. If our books have no evidence, then
 * one create may still be under way, and `exposure.max` is its amount.
 *
 * @category models
 * @since 0.1.0
 */
export const MissingThere = Schema.TaggedStruct("MissingThere", { ...about, ...here }).annotations(
  hidden("a payout that the provider does not have")
)

/**
 * The provider has a payout that our books do not have. `exposure` says whether money moved outside of our books.
 *
 * @category models
 * @since 0.1.0
 */
export const UnknownHere = Schema.TaggedStruct("UnknownHere", { ...about, ...there }).annotations(
  hidden("a payout that our books do not have")
)

/**
 * Money may have moved, or may have moved more than once. `unasked` says why no lookup could end the doubt.
 *
 * @category models
 * @since 0.1.0
 */
export const InDoubt = Schema.TaggedStruct("InDoubt", {
  ...about,
  ...here,
  /** The provider's record, if it has one. */
  shown: Schema.optional(Record),
  /** Why the provider could not be asked, if that is the reason. */
  unasked: Schema.optional(Unasked)
}).annotations(hidden("a payout in doubt"))

/**
 * One more row of our books about a handle. A handle pays once, so our books count its money twice. With other
 * arguments, only one of the rows can be right. `exposure` is 0 here: it counts at the other row.
 *
 * @category models
 * @since 0.1.0
 */
export const Duplicate = Schema.TaggedStruct("Duplicate", {
  ...about,
  ...here,
  /** Whether the rows have the same arguments. */
  arguments: Schema.Literal("Same", "Other")
}).annotations(hidden("a duplicate in our books"))

/**
 * The list does not show it, and the provider could not be asked. This says nothing about the money.
 *
 * @category models
 * @since 0.1.0
 */
export const NotAsked = Schema.TaggedStruct("NotAsked", {
  ...about,
  ...here,
  /** Why the provider could not be asked. */
  unasked: Unasked
}).annotations(hidden("a payout that could not be asked about"))

/**
 * What the two sides do not agree about.
 *
 * @category models
 * @since 0.1.0
 */
export const Difference = Schema.Union(
  Differs,
  MissingThere,
  UnknownHere,
  InDoubt,
  FinalSince,
  Processing,
  Duplicate,
  NotAsked
).annotations(hidden("a difference"))

/**
 * @category models
 * @since 0.1.0
 */
export type Difference = typeof Difference.Type

/** What is found about one payout, also if both sides agree. */
export type Finding = Difference | typeof Matched.Type | typeof NotPaid.Type

/** The currency of the money that left the account. */
export const currencyLeft = (finding: Finding): string =>
  "shown" in finding && isCurrency(finding.shown?.currency) ? finding.shown.currency : finding.currency

/**
 * The names of all classes, in the order of the report.
 *
 * @category models
 * @since 0.1.0
 */
export const classes = [
  "Matched",
  "NotPaid",
  "Differs",
  "MissingThere",
  "UnknownHere",
  "InDoubt",
  "FinalSince",
  "Processing",
  "Duplicate",
  "NotAsked"
] as const satisfies ReadonlyArray<Finding["_tag"]>

/**
 * Sums in minor units of one currency. They are `bigint`, which no number of payouts exceeds; JSON has them as text.
 *
 * @category models
 * @since 0.1.0
 */
export const Total = Schema.Struct({
  /** The amounts in our books. */
  booked: Schema.BigInt,
  /** The least that has left the account. */
  least: Schema.BigInt,
  /** The most that can have left the account. */
  most: Schema.BigInt
}).annotations(hidden("a total"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Total extends Schema.Schema.Type<typeof Total> {}

/**
 * The payouts of one class: how many, and their sums by currency.
 *
 * @category models
 * @since 0.1.0
 */
export const Class = Schema.Struct({
  /** How many payouts. */
  count: Schema.NonNegativeInt,
  /** Their sums, by currency. */
  totals: Schema.Record({ key: Schema.String, value: Total })
}).annotations(hidden("a class"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Class extends Schema.Schema.Type<typeof Class> {}

/**
 * All findings, counted.
 *
 * @category models
 * @since 0.1.0
 */
export const Summary = Schema.TaggedStruct("Summary", {
  /** Whether all payouts are `Matched` or `NotPaid`. */
  agrees: Schema.Boolean,
  /** How many rows our books have. */
  expected: Schema.NonNegativeInt,
  /** How many records the list showed. */
  shown: Schema.NonNegativeInt,
  /** One entry per class, also where it has no payouts. */
  classes: Schema.Record({ key: Schema.Literal(...classes), value: Class })
}).annotations(hidden("a summary"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Summary extends Schema.Schema.Type<typeof Summary> {}
