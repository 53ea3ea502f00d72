/**
 * The evidence about one handle, as an immutable value: creates that may have been carried out, transactions that
 * records showed, and when. Here are the functions that build and extend it.
 */
import * as Schema from "effect/Schema"
import { Clocks, Moment, narrowed, type Offset } from "./clocks.js"
import { idsOf, type Payout } from "./Payout.js"
import { hidden } from "./schemaMessages.js"

/**
 * A `POST /v1/payout` that may have been carried out, and whose answer, if any, did not show its transaction.
 *
 * @category models
 * @since 0.1.0
 */
export const Create = Schema.Struct({
  /** The same create has the same id in all evidence. */
  id: Schema.String,
  /** How many creates this entry stands for: more than 1 if only their common time range is known. */
  count: Schema.Number,
  /** The name of the clock that `from` and `to` are by. */
  clock: Schema.String,
  /** The earliest time at which it can have been sent, by `clock`. Absent: any time before `to`. */
  from: Schema.optional(Schema.Number),
  /** The latest time at which it can have been sent, by `clock`. */
  to: Schema.Number,
  /** Minor units. */
  amount: Schema.Number,
  /** The fingerprint of its arguments, if known. */
  request: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it names, if known. */
  method: Schema.optional(Schema.String),
  /** The ids of the transactions that were on record, and had ended, before it was sent. */
  before: Schema.Array(Schema.String),
  /** Whether it is only assumed that another process sent it. No transaction accounts for a guess. */
  guess: Schema.Boolean,
  /** What the provider answered about the handle by a code (134, 133, 11) instead of a record, and when, by `clock`. */
  claim: Schema.optional(Schema.Struct({ said: Schema.Literal("Paid", "Processing", "Exists"), at: Schema.Number }))
}).annotations(hidden("a create in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Create extends Schema.Schema.Type<typeof Create> {}

/**
 * The provider's transaction, as a record showed it.
 *
 * @category models
 * @since 0.1.0
 */
export const Transaction = Schema.Struct({
  /** The provider's id of it. */
  id: Schema.String,
  /** By the provider's clock, in epoch milliseconds. */
  created: Schema.optional(Schema.Number),
  /** Minor units; 0 if it could not be read. */
  amount: Schema.Number,
  /** `paid`, `processing`, `failed` or an unknown word. */
  state: Schema.String,
  /** `hard_declined`, `soft_declined`, `processing_error`, `pending` or an unknown word. */
  errorState: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it went to, if the record shows it. */
  method: Schema.optional(Schema.String),
  /** When a record last showed it under way, neither paid nor failed. */
  underWay: Schema.optional(Moment),
  /** The create that was answered with it, and the fingerprint of that create's arguments. */
  doing: Schema.optional(Schema.Struct({ create: Schema.String, request: Schema.String }))
}).annotations(hidden("a transaction in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Transaction extends Schema.Schema.Type<typeof Transaction> {}

/**
 * What the newest record showed besides its transactions.
 *
 * @category models
 * @since 0.1.0
 */
export const Record = Schema.Struct({
  /** `created`, `processing`, `paid`, `failed` or an unknown word. */
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  /** How many transactions it showed. */
  transactions: Schema.Number,
  /** When the exchange that showed it began. */
  read: Moment
}).annotations(hidden("a record in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Record extends Schema.Schema.Type<typeof Record> {}

/**
 * All that is known about one handle, as a `Schema` value. Store it with the error or outcome that carries it, and pass
 * it to `Payouts.recover` in this process or another one. It holds arguments and payment methods only as fingerprints.
 *
 * @category models
 * @since 0.1.0
 */
export const Evidence = Schema.Struct({
  /** The handle that all of it is about. */
  handle: Schema.String,
  /** The clock of the process that produced it. */
  by: Schema.optional(Schema.String),
  /** The creates that may have been carried out, and whose answer, if any, did not show their transaction. */
  creates: Schema.Array(Create),
  /** Every transaction that a record showed, each once. */
  transactions: Schema.Array(Transaction),
  /** The newest record, if there was one. */
  record: Schema.optional(Record),
  /** When the latest exchange began in which the provider showed all that it had, even if that was nothing. */
  read: Schema.optional(Moment),
  /** Offsets by the clock's name: one clock for each process that took part. An unmeasured clock is absent. */
  clocks: Clocks
}).annotations(hidden("evidence of a payout"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Evidence extends Schema.Schema.Type<typeof Evidence> {}

/**
 * How many creates of one handle are kept as separate entries. Beyond that, the oldest share an entry.
 *
 * @category limits
 * @since 0.1.0
 */
export const createsMax = 100

/**
 * The evidence about a handle of which nothing is known yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty = (handle: string): Evidence => ({ handle, creates: [], transactions: [], clocks: {} })

/**
 * The evidence that a record gives. `read` is when the exchange that showed it began.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofPayout = (handle: string, payout: Payout, read: Moment): Evidence => {
  const ids = idsOf(payout)
  return {
    ...empty(handle),
    transactions: payout.transactions.map(({ amount, created, errorState, method, state }, index) => ({
      id: ids[index] ?? "",
      amount,
      state,
      ...(created === undefined ? {} : { created: created.epochMillis }),
      ...(errorState === undefined ? {} : { errorState }),
      ...(method === undefined ? {} : { method }),
      ...(state === "paid" || state === "failed" ? {} : { underWay: read })
    })),
    record: { state: payout.state, amount: payout.amount, transactions: ids.length, read },
    read
  }
}

/**
 * Adds a create, or replaces the one with the same id.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withCreate = (evidence: Evidence, create: Create): Evidence => ({
  ...evidence,
  creates: compacted([...evidence.creates.filter(({ id }) => id !== create.id), create])
})

/**
 * Removes a create that certainly did nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutCreate = (evidence: Evidence, id: string): Evidence => ({
  ...evidence,
  creates: evidence.creates.filter((one) => one.id !== id)
})

/**
 * Removes the creates that were only assumed. Use it if you know that no process sent them: `recover` itself keeps
 * them, because a guess may be the only trace of a create.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutGuesses = (evidence: Evidence): Evidence => ({
  ...evidence,
  creates: evidence.creates.filter(({ guess, id }) => !guess || id.startsWith(several))
})

/**
 * Combines the two oldest of one clock: across clocks it is not known which was later.
 *
 * @internal
 */
export const compacted = (creates: ReadonlyArray<Create>): ReadonlyArray<Create> => {
  if (creates.length <= createsMax) return creates
  const second = creates.find((one, index) => creates.findIndex(({ clock }) => clock === one.clock) < index)
  const first = creates.find(({ clock }) => clock === second?.clock)
  if (first === undefined || second === undefined) return creates
  return creates.flatMap((one) => (one === second ? [] : one === first ? [together(first, second)] : [one]))
}

// Keeps what both share. When each was sent is no longer known, so no transaction accounts for them.
const together = (self: Create, that: Create): Create => ({
  id: self.id.startsWith(several) ? self.id : `${several}${self.id}`,
  count: self.count + that.count,
  clock: self.clock,
  to: Math.max(self.to, that.to),
  amount: Math.max(self.amount, that.amount),
  ...(self.request !== undefined && self.request === that.request ? { request: self.request } : {}),
  before: self.before.filter((id) => that.before.includes(id)),
  guess: true
})

const several = "several/"

// A transaction ends once. A known end outranks an unknown one, because the provider may find out later.
/** @internal */
export const progress = ({ errorState, state }: Transaction): number =>
  state === "paid" ? ends.length + 2 : state !== "failed" ? 0 : ends.indexOf(errorState) + 2

const ends: ReadonlyArray<string | undefined> = ["processing_error", "soft_declined", "hard_declined"]

/** @internal */
export const isDecline = (errorState: string | undefined): boolean =>
  errorState === "hard_declined" || errorState === "soft_declined"

/**
 * Adds a measured offset of a clock.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withOffset = (evidence: Evidence, clock: string, offset: Offset): Evidence => ({
  ...evidence,
  clocks: { ...evidence.clocks, [clock]: narrowed(evidence.clocks[clock], offset) }
})

/**
 * Evidence that a process takes over, at a moment of its own clock. For a clock that was never measured, only one bound
 * is known: all that happened by it happened before now, or before the first takeover, which `known` holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const adopted = (evidence: Evidence, now: Moment, known: Evidence = empty(evidence.handle)): Evidence => {
  const earlier = new Map(known.creates.map((create) => [create.id, create]))
  const isKnown = (clock: string) => clock === now.clock || evidence.clocks[clock] !== undefined
  const { read, record, transactions, ...rest } = evidence
  return {
    ...rest,
    transactions: transactions.map(({ underWay, ...one }) =>
      underWay !== undefined && isKnown(underWay.clock) ? { ...one, underWay } : one
    ),
    creates: evidence.creates.map(({ from, ...create }) =>
      isKnown(create.clock)
        ? { ...create, ...(from === undefined ? {} : { from }) }
        : ((from === undefined ? undefined : earlier.get(create.id)) ?? {
            ...create,
            clock: now.clock,
            to: now.at,
            ...(create.claim === undefined ? {} : { claim: { ...create.claim, at: now.at } })
          })
    ),
    ...(record === undefined
      ? {}
      : { record: isKnown(record.read.clock) ? record : { ...record, read: longAgo(now) } }),
    ...(read !== undefined && isKnown(read.clock) ? { read } : {})
  }
}

const longAgo = ({ clock }: Moment): Moment => ({ clock, at: 0 })

/**
 * The ids of the transactions that have ended: a create that is sent from now on cannot have made them.
 *
 * @category getters
 * @since 0.1.0
 */
export const over = ({ transactions }: Evidence): ReadonlyArray<string> =>
  transactions.filter((one) => progress(one) > 0).map(({ id }) => id)

/**
 * Whether a payout lacks a transaction that a record showed: the read lags behind.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStale = ({ transactions }: Evidence, payout: Payout): boolean => {
  const shown = new Set(idsOf(payout))
  return transactions.some(({ id }) => !shown.has(id))
}
