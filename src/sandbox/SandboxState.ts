/**
 * What a sandbox has seen and plans, as a value that can be stored: a sandbox that starts again goes on with it. It holds
 * no key, no card token and no body of a request, but the references (`ca_...`) of the cards that were paid to: the
 * provider shows them on its record.
 */
import * as Schema from "effect/Schema"
import { Kind } from "../domain/Attempt.js"
import * as Payout from "../domain/Payout.js"

/**
 * When and how a processing payout settles by itself.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Settlement = Schema.Struct({
  handle: Schema.String,
  /** When it settles, by the provider's clock. */
  due: Schema.DateTimeUtc,
  /** What it settles as. */
  as: Schema.Union(
    Schema.TaggedStruct("Paid", {}),
    Schema.TaggedStruct("Failed", { errorState: Schema.String, error: Schema.String, moved: Schema.Boolean })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Settlement extends Schema.Schema.Type<typeof Settlement> {}

/** Minor units, as the provider takes them. */
const Amount = Schema.Int.pipe(Schema.positive())

const Transaction = Schema.Struct({
  ...Payout.Transaction.fields,
  amount: Amount,
  created: Schema.DateTimeUtc,
  card: Schema.Redacted(Schema.String),
  settled: Schema.optionalWith(Schema.DateTimeUtc, { exact: true })
})

const Recorded = Schema.Struct({
  ...Payout.Payout.fields,
  amount: Amount,
  currency: Schema.String,
  customer: Schema.String,
  text: Schema.optional(Schema.String),
  created: Schema.DateTimeUtc,
  transactions: Schema.Array(Transaction)
})

const Movement = Schema.Struct({
  handle: Schema.String,
  amount: Amount,
  currency: Schema.String,
  transaction: Schema.String,
  when: Schema.DateTimeUtc,
  hidden: Schema.Boolean
})

const Deed = Schema.Union(
  Schema.TaggedStruct("UnderWay", {}),
  Schema.TaggedStruct("Nothing", {}),
  Schema.TaggedStruct("Refused", { code: Schema.Number, text: Schema.String }),
  Schema.TaggedStruct("Showed", { state: Schema.optional(Schema.String) }),
  Schema.TaggedStruct("Attempted", {
    transaction: Schema.String,
    state: Schema.String,
    errorState: Schema.optional(Schema.String),
    error: Schema.optional(Schema.String),
    moved: Schema.Boolean
  })
)

const Exchange = Schema.Struct({
  ordinal: Schema.Number,
  kind: Schema.Union(Kind, Schema.Literal("Other")),
  handle: Schema.optional(Schema.String),
  started: Schema.DateTimeUtc,
  ended: Schema.optional(Schema.DateTimeUtc),
  amount: Schema.optional(Schema.Number),
  currency: Schema.optional(Schema.String),
  step: Schema.optional(Schema.String),
  deed: Deed,
  altered: Schema.Boolean,
  fingerprint: Schema.String,
  ending: Schema.Literal(
    "Pending",
    "Answered",
    "Truncated",
    "Stalled",
    "Dripping",
    "Dropped",
    "Refused",
    "Hanging",
    "Abandoned"
  ),
  status: Schema.optional(Schema.Number)
})

/** What the provider's rules go on with. */
const provider = {
  /** The provider's record. */
  payouts: Schema.Array(Recorded),
  /** The acquirer's truth: money that really left. */
  movements: Schema.Array(Movement),
  /** What will settle by itself. */
  settlements: Schema.Array(Settlement),
  /** The references of the cards of used tokens. */
  tokensUsed: Schema.Array(Schema.String),
  /** How many transactions there were: the provider gives no id twice. */
  transactions: Schema.Number,
  /** How many customers the provider has named itself. */
  customersMade: Schema.Number
}

/**
 * All that a sandbox has on record, to be stored and taken up again.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SandboxState = Schema.Struct({
  ...provider,
  /** The latest exchanges. */
  exchanges: Schema.Array(Exchange),
  /** How many exchanges there were in all. */
  exchangesBegan: Schema.Number,
  /** The handles of payouts of which an exchange that is no longer among these told the client that they are paid. */
  toldPaid: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
})

/**
 * @category models
 * @since 0.1.0
 */
export interface SandboxState extends Schema.Schema.Type<typeof SandboxState> {}

/**
 * The part of it that the provider's rules go on with: all but the exchanges.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderState extends Omit<SandboxState, "exchanges" | "exchangesBegan" | "toldPaid"> {}
