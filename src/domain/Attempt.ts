/**
 * The log entry of one exchange with the provider, for people to read. Statements about the money rest on the evidence:
 * see `Exposure`.
 */
import * as Schema from "effect/Schema"
import { hidden } from "./schemaMessages.js"

/**
 * `Create` is `POST /v1/payout`, which may move money. The others only read: `Lookup` is `GET /v1/payout/{handle}`, `List`
 * one page of `GET /v1/list/payout`, `Details` a transaction's details, and `Account` is `GET /v1/account`.
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.Literal("Create", "Lookup", "List", "Details", "Account").annotations(
  hidden("a kind of attempt")
)

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * Whether the request left this machine. `Sent`: an answer proves it. `NotSent`: no connection was made. `Unknown`:
 * anything in between, including a deadline and an interruption.
 *
 * @category models
 * @since 0.1.0
 */
export const Sent = Schema.Literal("Sent", "NotSent", "Unknown").annotations(hidden("whether a request left"))

/**
 * @category models
 * @since 0.1.0
 */
export type Sent = typeof Sent.Type

/**
 * What one exchange says about the money.
 *
 * - `None`: it cannot have moved money. It was not sent, it was refused before the provider did anything, or it is a
 *   lookup that showed nothing.
 * - `Unclear`: it may have moved money, and only an answer about this handle's payout can tell.
 * - `Claimed`: the provider said that the handle's payout is being paid (133) or paid (134), without showing it; or it
 *   may have said so, in an unreadable 400. For a lookup: the record contradicts such a claim, and may lag behind.
 * - `Recorded`: the provider showed the payout; `recorded` holds what the record said.
 * - `Foreign`: the provider showed a payout with other arguments under this handle.
 *
 * @category models
 * @since 0.1.0
 */
export const Bearing = Schema.Literal("None", "Unclear", "Claimed", "Recorded", "Foreign").annotations(
  hidden("what an attempt says")
)

/**
 * @category models
 * @since 0.1.0
 */
export type Bearing = typeof Bearing.Type

/**
 * A summary of what a record showed.
 *
 * @category models
 * @since 0.1.0
 */
export const Recorded = Schema.Struct({
  /** The payout's state: `paid`, `processing`, `failed` or an unknown word. */
  state: Schema.String,
  /** How many transactions it showed: one for each create that the provider carried out. */
  transactions: Schema.Number,
  /** How many of these transactions are processing errors. Each may have paid. */
  processingErrors: Schema.Number,
  /** The `error_state` of the latest transaction. */
  errorState: Schema.optional(Schema.String)
}).annotations(hidden("what a record said"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Recorded extends Schema.Schema.Type<typeof Recorded> {}

/**
 * What the library did after an attempt.
 *
 * @category models
 * @since 0.1.0
 */
export const Decision = Schema.Literal("Succeed", "Fail", "SendAgain", "LookUp", "Interrupted").annotations(
  hidden("what was done")
)

/**
 * @category models
 * @since 0.1.0
 */
export type Decision = typeof Decision.Type

/**
 * One exchange with the provider, on record.
 *
 * @category models
 * @since 0.1.0
 */
export const Attempt = Schema.Struct({
  /** 1 for the first exchange of this payout in this process. */
  ordinal: Schema.Number,
  /** What the exchange was. */
  kind: Kind,
  /** When it began, by this machine's clock. */
  started: Schema.DateTimeUtc,
  /** How long it took by the monotonic clock; encoded in milliseconds. */
  took: Schema.DurationFromMillis,
  /** How long it waited for its turn within the provider's request limits before that; encoded in milliseconds. */
  queued: Schema.optional(Schema.DurationFromMillis),
  /** Whether the request left this machine. */
  sent: Sent,
  /** The HTTP status, if an answer began. */
  status: Schema.optional(Schema.Number),
  /** The provider's error code. */
  code: Schema.optional(Schema.Number),
  /** The provider's name for this exchange: quote it to their support. */
  requestId: Schema.optional(Schema.String),
  /** The verdict on the exchange, by name: `Paid`, `CommunicationError`, `NotFound`, ... */
  outcome: Schema.String,
  /** What it says about the money. */
  bearing: Bearing,
  /** What the provider's record showed, if the answer had one. */
  recorded: Schema.optional(Recorded),
  /** What the library did next. */
  decision: Decision,
  /** Why the library decided that, in words for a person. */
  why: Schema.String,
  /** The wait before the next exchange; encoded in milliseconds. */
  delay: Schema.optional(Schema.DurationFromMillis)
}).annotations(hidden("an attempt"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Attempt extends Schema.Schema.Type<typeof Attempt> {}
