/**
 * All that is known of one handle, as a value: creates that may have been carried out, transactions that records have shown, and
 * when. Two pieces of it are put together by `merge`, in any order.
 */
import * as Schema from "effect/Schema"
import { Clocks, elapsed, Moment, narrowed, type Offset } from "./clocks.js"
import { idsOf, type Payout } from "./Payout.js"
import { hidden } from "./refusal.js"

/**
 * A create that may have been carried out, and that was not answered by a record that shows its transaction.
 *
 * @category models
 * @since 0.1.0
 */
export const Create = Schema.Struct({
  /** Its own; the same create has the same id wherever its evidence goes. */
  id: Schema.String,
  /** How many creates this stands for: more than 1, where only the times of all of them are known. */
  count: Schema.Number,
  clock: Schema.String,
  /** The earliest that it can have been sent, by `clock`. Absent: at any time before `to`. */
  from: Schema.optional(Schema.Number),
  /** The latest that it can have been sent, by `clock`. */
  to: Schema.Number,
  /** Minor units. */
  amount: Schema.Number,
  /** The fingerprint of its arguments, where they are known. */
  request: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it names, where it is known. */
  method: Schema.optional(Schema.String),
  /** The transactions that were on record, and over, before it was sent. */
  before: Schema.Array(Schema.String),
  /** Whether it is only assumed that somebody sent it. */
  guess: Schema.Boolean,
  /** What it was told of the handle by a code (134, 133, 11) instead of the record, and when, by `clock`. */
  claim: Schema.optional(Schema.Struct({ said: Schema.Literal("Paid", "Processing", "Exists"), at: Schema.Number }))
}).annotations(hidden("a create in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Create extends Schema.Schema.Type<typeof Create> {}

/**
 * A transaction that a record has shown.
 *
 * @category models
 * @since 0.1.0
 */
export const Transaction = Schema.Struct({
  id: Schema.String,
  /** By the provider's clock, in epoch milliseconds. */
  created: Schema.optional(Schema.Number),
  /** Minor units; 0, if it could not be read. */
  amount: Schema.Number,
  state: Schema.String,
  errorState: Schema.optional(Schema.String),
  /** The fingerprint of the saved method that it went to, where the record shows it. */
  method: Schema.optional(Schema.String),
  /** The create that was answered with it, and the fingerprint of that create's arguments. */
  doing: Schema.optional(Schema.Struct({ create: Schema.String, request: Schema.String }))
}).annotations(hidden("a transaction in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Transaction extends Schema.Schema.Type<typeof Transaction> {}

/**
 * What the newest record said beside its transactions.
 *
 * @category models
 * @since 0.1.0
 */
export const Record = Schema.Struct({
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  /** How many transactions it showed. */
  transactions: Schema.Number,
  /** When the exchange that showed it was begun. */
  read: Moment
}).annotations(hidden("a record in evidence"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Record extends Schema.Schema.Type<typeof Record> {}

/**
 * All evidence about one handle: a `Schema` value, to be stored with the error or outcome that has it, and to be handed to
 * `Payouts.recover` in this process or in another one. It has arguments and payment methods by their fingerprints only.
 *
 * @category models
 * @since 0.1.0
 */
export const Evidence = Schema.Struct({
  handle: Schema.String,
  /** The clock of the process that stated it. */
  by: Schema.optional(Schema.String),
  creates: Schema.Array(Create),
  transactions: Schema.Array(Transaction),
  record: Schema.optional(Record),
  /** When the latest exchange was begun in which the provider showed all that it had, even if that was nothing. */
  read: Schema.optional(Moment),
  /** By the clock's name: one for each process that took part. One that was never measured is absent. */
  clocks: Clocks
}).annotations(hidden("evidence of a payout"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Evidence extends Schema.Schema.Type<typeof Evidence> {}

/**
 * How many creates of one handle are kept apart. Beyond that, the oldest are kept as one entry.
 *
 * @category limits
 * @since 0.1.0
 */
export const createsMax = 100

/**
 * No evidence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty = (handle: string): Evidence => ({ handle, creates: [], transactions: [], clocks: {} })

/**
 * What a record shows. `read` is when the exchange was begun that showed it.
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
      ...(method === undefined ? {} : { method })
    })),
    record: { state: payout.state, amount: payout.amount, transactions: ids.length, read },
    read
  }
}

/**
 * Adds a create, or replaces the one of its id.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withCreate = (evidence: Evidence, create: Create): Evidence => ({
  ...evidence,
  creates: compacted([...evidence.creates.filter(({ id }) => id !== create.id), create])
})

/**
 * Takes a create away: it certainly did nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutCreate = (evidence: Evidence, id: string): Evidence => ({
  ...evidence,
  creates: evidence.creates.filter((one) => one.id !== id)
})

/**
 * Takes away the creates that were only assumed. For a caller that knows that nobody sent them: `recover` itself keeps what the
 * evidence assumes, since it may be the only trace of a create.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutGuesses = (evidence: Evidence): Evidence => ({
  ...evidence,
  creates: evidence.creates.filter(({ guess, id }) => !guess || id.startsWith(several))
})

/**
 * Puts two pieces of evidence about one handle together. Whatever either has counts; of the same transaction, what it has
 * come to.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (self: Evidence, that: Evidence): Evidence => {
  const transactions = mergeBy(self.transactions, that.transactions, mergeTransaction)
  const done = new Set(transactions.map(({ doing }) => doing?.create))
  const creates = mergeBy(self.creates, that.creates, mergeCreate).filter(({ id }) => !done.has(id))
  const clocks = { ...self.clocks }
  for (const [clock, offset] of Object.entries(that.clocks)) clocks[clock] = narrowed(clocks[clock], offset)
  const merged: Evidence = { handle: self.handle, creates: compacted(creates), transactions, clocks }
  const record = mergeRecord(merged, self.record, that.record)
  const read = later(merged, self.read, that.read)
  return {
    ...merged,
    ...(record === undefined ? {} : { record }),
    ...(read === undefined ? {} : { read })
  }
}

const mergeBy = <A extends { readonly id: string }>(
  self: ReadonlyArray<A>,
  that: ReadonlyArray<A>,
  both: (self: A, that: A) => A
): ReadonlyArray<A> => {
  if (self.length === 0) return that
  if (that.length === 0) return self
  const merged = new Map(self.map((one) => [one.id, one]))
  for (const one of that) {
    const known = merged.get(one.id)
    merged.set(one.id, known === undefined ? one : both(known, one))
  }
  return [...merged.values()]
}

// A claim is made once, when the answer came.
const mergeCreate = (self: Create, that: Create): Create => {
  const claim = self.claim ?? that.claim
  return { ...mergeTimes(self, that), ...(claim === undefined ? {} : { claim }) }
}

const mergeTimes = (self: Create, that: Create): Create => {
  const [one, other] = isOriginal(self, that) ? [self, that] : [that, self]
  const to = one.clock === other.clock ? Math.max(one.to, other.to) : one.to
  if (one.count !== other.count) {
    // They stand for different creates, and only what is the same of both is known of all.
    const { from: _, ...rest } = one
    const before = one.before.filter((id) => other.before.includes(id))
    return { ...rest, to, before, count: Math.max(one.count, other.count) }
  }
  const before = [...new Set([...one.before, ...other.before])]
  if (one.clock !== other.clock) return { ...one, before }
  // An intent and its create are the same: it was sent at the later of the two. Whoever guesses again, guesses until then.
  const from = Math.max(one.from ?? -Infinity, other.from ?? -Infinity)
  return { ...one, to, before, ...(from === -Infinity ? {} : { from }) }
}

// Who took over a create of a clock that was not measured has it by another clock, and does not know from when on it may be.
const isOriginal = (self: Create, that: Create): boolean =>
  (self.from === undefined) === (that.from === undefined) ? self.clock <= that.clock : self.from !== undefined

const mergeTransaction = (self: Transaction, that: Transaction): Transaction => {
  const [less, more] = progress(self) > progress(that) ? [that, self] : [self, that]
  return { ...less, ...more }
}

// Reads may lag behind: what says paid is the newer one; among others, what shows more transactions; then, what was read later.
const mergeRecord = (evidence: Evidence, self: Record | undefined, that: Record | undefined): Record | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  const wasPaid = self.state === "paid"
  if (wasPaid !== (that.state === "paid")) return wasPaid ? self : that
  if (self.transactions !== that.transactions) return self.transactions > that.transactions ? self : that
  return elapsed(evidence.clocks, self.read, that.read) >= 0 ? that : self
}

const later = (evidence: Evidence, self: Moment | undefined, that: Moment | undefined): Moment | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  return elapsed(evidence.clocks, self, that) >= 0 ? that : self
}

// The two oldest of one clock: of two clocks it is not known which was later.
const compacted = (creates: ReadonlyArray<Create>): ReadonlyArray<Create> => {
  if (creates.length <= createsMax) return creates
  const second = creates.find((one, index) => creates.findIndex(({ clock }) => clock === one.clock) < index)
  const first = creates.find(({ clock }) => clock === second?.clock)
  if (first === undefined || second === undefined) return creates
  return creates.flatMap((one) => (one === second ? [] : one === first ? [together(first, second)] : [one]))
}

// What is not the same of both is not known of the two; and when each was sent is not, so no transaction accounts for them.
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

// A transaction ends once, and an end that is known outranks one that is not: the provider may find out later.
/** @internal */
export const progress = ({ errorState, state }: Transaction): number =>
  state === "paid" ? 3 : state !== "failed" ? 0 : isDecline(errorState) ? 2 : 1

/** @internal */
export const isDecline = (errorState: string | undefined): boolean =>
  errorState === "hard_declined" || errorState === "soft_declined"

/**
 * Adds what is measured of a clock.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withOffset = (evidence: Evidence, clock: string, offset: Offset): Evidence => ({
  ...evidence,
  clocks: { ...evidence.clocks, [clock]: narrowed(evidence.clocks[clock], offset) }
})

/**
 * Evidence as it is taken over at a moment of another clock. Of a clock that was never measured only this is known: that all
 * that happened by it happened before now; or before it was taken over the first time, which is in `known`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const adopted = (evidence: Evidence, now: Moment, known: Evidence = empty(evidence.handle)): Evidence => {
  const earlier = new Map(known.creates.map((create) => [create.id, create]))
  const isKnown = (clock: string) => clock === now.clock || evidence.clocks[clock] !== undefined
  const { read, record, ...rest } = evidence
  return {
    ...rest,
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
 * The transactions that are over, by their ids: a create that is sent from now on is not what they are the doing of.
 *
 * @category getters
 * @since 0.1.0
 */
export const over = ({ transactions }: Evidence): ReadonlyArray<string> =>
  transactions.filter((one) => progress(one) > 0).map(({ id }) => id)

/**
 * Whether a payout shows less than any record did: a read that lags behind.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStale = ({ transactions }: Evidence, payout: Payout): boolean => {
  const shown = new Set(idsOf(payout))
  return transactions.some(({ id }) => !shown.has(id))
}
