/**
 * Evidence: what each exchange with the provider was, and what all of them together say about the money. Certainty is
 * folded over every attempt and never read off the last one.
 */
import * as Schema from "effect/Schema"

/**
 * `Create` is `POST /v1/payout`, which may move money; `Lookup` is `GET /v1/payout/{handle}`, which cannot.
 *
 * @category models
 */
export const Kind = Schema.Literal("Create", "Lookup")

/** @category models */
export type Kind = typeof Kind.Type

/**
 * Whether the request left this machine. `Sent`: an answer proves it. `NotSent`: no connection was made. `Unknown`:
 * anything between, a deadline and an interruption included.
 *
 * @category models
 */
export const Sent = Schema.Literal("Sent", "NotSent", "Unknown")

/** @category models */
export type Sent = typeof Sent.Type

/**
 * What one exchange says about the money.
 *
 * - `None`: it cannot have moved any (not sent, refused before anything was done, or a lookup that told nothing).
 * - `Unclear`: it may have moved it, and only an answer about this handle's payout can tell.
 * - `Claimed`: the provider said that the handle's payout is paid or being paid (133, 134), without showing it; or it
 *   may have said so, in a 400 that cannot be read. Of a lookup: the record says otherwise, but may be from before;
 *   `recorded` has what it says.
 * - `Recorded`: it showed the payout; `recorded` has what the record says.
 * - `Foreign`: it showed a payout with other arguments under this handle, so what was claimed is about that one.
 *
 * @category models
 */
export const Bearing = Schema.Literal("None", "Unclear", "Claimed", "Recorded", "Foreign")

/** @category models */
export type Bearing = typeof Bearing.Type

/**
 * The provider's record of the payout, as far as it concerns money. Amounts are minor units.
 *
 * @category models
 */
export const Recorded = Schema.Struct({
  state: Schema.String,
  /** How many transactions the record has: one for each attempt that the provider made. */
  transactions: Schema.Number,
  processingErrors: Schema.Number,
  /** The `error_state` of the latest transaction. */
  errorState: Schema.optional(Schema.String),
  /** How many of the transactions are too old to come from the attempts on record. */
  earlier: Schema.optional(Schema.Number),
  /** What the provider knows to be paid. */
  paid: Schema.Number,
  /** What may have been paid without the provider knowing it: processing errors and whatever has no known reason. */
  open: Schema.Number
})

/** @category models */
export interface Recorded extends Schema.Schema.Type<typeof Recorded> {}

/**
 * What was done after an attempt.
 *
 * @category models
 */
export const Decision = Schema.Literal("Succeed", "Fail", "SendAgain", "LookUp", "Interrupted")

/** @category models */
export type Decision = typeof Decision.Type

/**
 * One exchange with the provider, on record.
 *
 * @category models
 */
export const Attempt = Schema.Struct({
  /** 1 for the first exchange of this payout in this process. */
  ordinal: Schema.Number,
  kind: Kind,
  started: Schema.DateTimeUtc,
  /** By the monotonic clock; encoded in milliseconds. */
  took: Schema.DurationFromMillis,
  sent: Sent,
  /** The HTTP status, if an answer began. */
  status: Schema.optional(Schema.Number),
  /** The provider's error code. */
  code: Schema.optional(Schema.Number),
  /** The provider's name for this exchange: quote it to their support. */
  requestId: Schema.optional(Schema.String),
  /** What the exchange turned out to be: `Paid`, `CommunicationError`, `NotFound`, ... */
  outcome: Schema.String,
  bearing: Bearing,
  recorded: Schema.optional(Recorded),
  decision: Decision,
  /** Why that was decided, in words for a person. */
  why: Schema.String,
  /** The wait before the next exchange; encoded in milliseconds. */
  delay: Schema.optional(Schema.DurationFromMillis)
})

/** @category models */
export interface Attempt extends Schema.Schema.Type<typeof Attempt> {}

/**
 * Did the money move? `NotMoved` and `Moved` are said only when they are certain.
 *
 * @category models
 */
export const Certainty = Schema.Literal("Moved", "NotMoved", "MayHaveMoved")

/** @category models */
export type Certainty = typeof Certainty.Type

/**
 * The least and the most that can have left the account for this handle, in minor units.
 *
 * @category models
 */
export const Exposure = Schema.Struct({ min: Schema.Number, max: Schema.Number })

/** @category models */
export interface Exposure extends Schema.Schema.Type<typeof Exposure> {}

/**
 * Everything known about one payout's money: the attempts on record, and how many creates may have been sent that are
 * not on record (by a process that died).
 *
 * @category models
 */
export interface Evidence {
  /** Minor units. */
  readonly amount: number
  readonly unseen: number
  readonly attempts: ReadonlyArray<Attempt>
}

/**
 * What attempts amount to, counted one after the other: as much as has to be kept of them.
 *
 * @category folding
 */
export interface Tally {
  /** Creates of this process that no record accounts for: each may still be executed. */
  readonly pending: number
  /** Creates of other processes that no record accounts for. */
  readonly unseen: number
  /** Whether their number is only a guess: then a failure that is sent again may have been, unseen. */
  readonly guessed: boolean
  /** All creates that may have been executed. */
  readonly sends: number
  /** The newest record of the payout. */
  readonly record: Recorded | undefined
  /** The most transactions, and the most processing errors, that any record showed. */
  readonly transactions: number
  readonly processingErrors: number
  /** What the provider claims of the handle, and no record has answered since: that it is paid, or at least there. */
  readonly claimed: "Paid" | "There" | undefined
  /** Creates that were told so. If that is true, they did nothing; but it may have been said of another payout. */
  readonly told: number
}

/**
 * Nothing but what may have been sent unseen.
 *
 * @category folding
 */
export const emptyTally = (unseen: number, guessed = false): Tally => ({
  pending: 0,
  unseen,
  guessed,
  sends: unseen,
  record: undefined,
  transactions: 0,
  processingErrors: 0,
  claimed: undefined,
  told: 0
})

/** The code for "payout already paid". */
const alreadyPaid = 134

/**
 * Counts one more attempt.
 *
 * @category folding
 */
export const count = (tally: Tally, attempt: Attempt): Tally => {
  const executed = attempt.kind === "Create" && (attempt.bearing === "Unclear" || attempt.bearing === "Recorded")
  const sent = executed ? { ...tally, sends: tally.sends + 1 } : tally
  switch (attempt.bearing) {
    case "None":
      return sent
    case "Unclear":
      return executed ? { ...sent, pending: sent.pending + 1 } : sent
    case "Claimed":
      if (attempt.kind === "Lookup") {
        return attempt.recorded === undefined ? { ...tally, claimed: "Paid" } : contradict(tally, attempt.recorded)
      }
      return {
        ...tally,
        claimed: attempt.code === alreadyPaid || tally.claimed === "Paid" ? "Paid" : "There",
        told: tally.told + 1,
        sends: tally.sends + 1
      }
    case "Foreign":
      return { ...sent, claimed: undefined, told: 0 }
    case "Recorded":
      return attempt.recorded === undefined ? sent : reconcile(sent, attempt.recorded, executed ? 1 : 0)
  }
}

/**
 * Counts a record that is on no attempt.
 *
 * @category folding
 */
export const witness = (tally: Tally, record: Recorded): Tally => reconcile(tally, record, 0)

/**
 * Counts a record that shows a failure where the provider has claimed something else: that stands, for the record may be
 * from before. But it may have been said of another payout, and then the creates that were told so may have been executed.
 *
 * @category folding
 */
export const contradict = (tally: Tally, record: Recorded): Tally => ({
  ...reconcile(untold(tally), record, 0),
  claimed: tally.claimed ?? "Paid"
})

const untold = (tally: Tally): Tally => ({ ...tally, told: 0, pending: tally.pending + tally.told })

/**
 * A record accounts for as many creates as it has new transactions: not for those that were there before, and not for
 * the create (`own`) that it is the answer to, which needs no other account. What is left of them accounts for creates
 * of other processes; but if nobody knows how many there were, not where it ends in a failure that is sent again.
 */
const reconcile = (before: Tally, record: Recorded, own: 0 | 1): Tally => {
  const tally = before.told === 0 ? before : answered(before, record)
  // Where something is open, a record that shows no transaction of this create's does not account for it either.
  if (own === 1 && record.transactions <= tally.transactions && record.open > 0 && record.state !== "paid") {
    return { ...tally, pending: tally.pending + 1, claimed: undefined }
  }
  const fresh = record.transactions - tally.transactions - own
  const paidOff = Math.min(
    tally.pending,
    Math.max(0, Math.min(fresh, record.transactions - (record.earlier ?? 0) - own))
  )
  const isResent = record.errorState === "soft_declined" || record.errorState === "processing_error"
  const seen = tally.guessed && isResent ? 0 : Math.min(tally.unseen, Math.max(0, fresh - paidOff))
  return {
    ...tally,
    pending: tally.pending - paidOff,
    unseen: tally.unseen - seen,
    record: newer(tally.record, record),
    transactions: Math.max(tally.transactions, record.transactions),
    processingErrors: Math.max(tally.processingErrors, record.processingErrors),
    claimed: undefined
  }
}

// Creates that were told what the record bears out did nothing; where it shows no transaction, that cannot be told. And one
// that was told of a payment which the record does not show may have been given another's answer, and have been executed.
const answered = (tally: Tally, { state, transactions }: Recorded): Tally => {
  if (tally.claimed === "Paid" && state !== "paid") return untold(tally)
  return { ...tally, told: 0, sends: tally.sends - (transactions === 0 ? 0 : tally.told) }
}

// Reads may lag behind writes: a record that says paid is the newer one, and so, among others, is one that shows more
// transactions. Nothing undoes a payment, and a paid payout need not show any transaction.
const newer = (before: Recorded | undefined, after: Recorded): Recorded => {
  if (before === undefined) return after
  const wasPaid = before.state === "paid"
  const isPaid = after.state === "paid"
  return (wasPaid === isPaid ? before.transactions > after.transactions : wasPaid) ? before : after
}

/**
 * What a tally comes to, for a payout of `amount` minor units.
 *
 * The provider allows one success a handle, so once its record says `paid`, a request still under way can no longer pay.
 * Until then every request that the record does not account for may still pay; so does every processing error, which may
 * have been approved all the same.
 *
 * @category folding
 */
export const exposureOf = (amount: number, tally: Tally): Exposure => {
  const { claimed, pending, record, told, unseen } = tally
  if (record?.state === "paid") {
    return { min: amount, max: Math.max(record.paid, amount) + record.open + hidden(tally, record) * amount }
  }
  // What is said to be paid was paid by one that is under way, or else by one that nobody knows of.
  const underWay = Math.max(claimed === undefined ? 0 : 1, pending + unseen + told)
  return { min: 0, max: (record?.open ?? 0) + underWay * amount }
}

// How many transactions that a paid record does not show may have paid as well: the processing errors that an earlier
// record showed, and, where it shows none at all, every request but the one that it was paid by.
const hidden = ({ processingErrors, sends }: Tally, record: Recorded): number =>
  Math.max(0, processingErrors - record.processingErrors, record.transactions === 0 ? sends - 1 : 0)

/**
 * Folds evidence into an exposure.
 *
 * @category folding
 */
export const exposure = ({ amount, attempts, unseen }: Evidence): Exposure =>
  exposureOf(amount, attempts.reduce(count, emptyTally(unseen)))

/**
 * The certainty that an exposure amounts to.
 *
 * @category folding
 */
export const certainty = ({ max, min }: Exposure): Certainty =>
  min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"
