/**
 * All evidence about one handle, and what it says about the money: certainty and exposure. Evidence is a value. Two pieces
 * of it are put together by `merge`, in any order, and what they say is computed from all of it, never counted along the
 * way: so it says the same after a restart, and in another process.
 *
 * A statement is the worst of all histories that the evidence allows, under four assumptions:
 *
 * 1. A create is carried out once, or never, and not later than the arrival horizon after it was sent (inferred).
 * 2. A create that is carried out makes one transaction, or is answered by 133 or 134 and does nothing.
 * 3. The provider allows one success for a handle (documented for charges, inferred for payouts).
 * 4. Who calls `create` knows of every create that is under way; who does not calls `recover`, which assumes one more.
 *
 * Worked histories, which `test/domain/Exposure.test.ts` reads. One amount is 100, times are minutes, the horizon is 360.
 * `post` is a create whose answer never came, `declined`, `paid`, `error` (a processing error) and `processing` are
 * transactions that the record shows, `own` is one that a create of ours was answered with, `read` is when the record was
 * read, and `guess` is a create that another process may have sent.
 *
 * | history                                                  | min | max | why                                             |
 * | -------------------------------------------------------- | --- | --- | ----------------------------------------------- |
 * | post 0                                                   |   0 | 100 | it may have been carried out                    |
 * | post 0; declined 0; read 1                               |   0 |   0 | the transaction is its doing                    |
 * | post 5; declined 0; read 6                               |   0 | 100 | the transaction is older than the create        |
 * | post 0; post 1; declined 2; read 3                       |   0 | 100 | one transaction accounts for one create         |
 * | post 0; own 1 declined; read 1                           |   0 | 100 | what a create was answered with is its own      |
 * | post 0; read 100                                         |   0 | 100 | it may still be carried out                     |
 * | post 0; declined 0 card; read 400                        |   0 |   0 | read after the horizon: it never will be        |
 * | post 0; declined 1 card; read 2                          |   0 | 100 | the transaction went to another card            |
 * | post 5; error 0; read 6                                  |   0 | 200 | the error may have paid, and so may the create  |
 * | post 0; error 1; read 2                                  |   0 | 100 | the error is its doing, and may have paid       |
 * | error 0; paid 5; read 6                                  | 100 | 200 | paid, and the error may have paid as well       |
 * | post 0; paid 1; read 2                                   | 100 | 100 | once it is paid, nothing else can pay           |
 * | post 0; post 1; paid 2; read 3                           | 100 | 100 | the same                                        |
 * | guess 5; declined 0; read 5                              |   0 | 100 | a guess is never accounted for                  |
 * | guess 5; read 400                                        |   0 |   0 | read after the horizon                          |
 * | post 0; guess 1; declined 2; read 3                      |   0 | 100 | one of the two made the transaction             |
 * | processing 0; read 1                                     |   0 | 100 | it may be paid later                            |
 * | own 0 declined                                           |   0 |   0 | declined                                        |
 */
import * as Schema from "effect/Schema"
import * as Payout from "./Payout.js"

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
 * A moment by one of the clocks of `Evidence.clocks`, in epoch milliseconds.
 *
 * @category models
 */
export const Moment = Schema.Struct({ clock: Schema.String, at: Schema.Number })

/** @category models */
export interface Moment extends Schema.Schema.Type<typeof Moment> {}

/**
 * A create that may have been carried out, and that was not answered by a record that shows its transaction.
 *
 * @category models
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
})

/** @category models */
export interface Create extends Schema.Schema.Type<typeof Create> {}

/**
 * A transaction that a record has shown.
 *
 * @category models
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
})

/** @category models */
export interface Transaction extends Schema.Schema.Type<typeof Transaction> {}

/**
 * What the newest record said beside its transactions.
 *
 * @category models
 */
export const Record = Schema.Struct({
  state: Schema.String,
  /** Minor units. */
  amount: Schema.Number,
  /** How many transactions it showed. */
  transactions: Schema.Number,
  /** When the exchange that showed it was begun. */
  read: Moment
})

/** @category models */
export interface Record extends Schema.Schema.Type<typeof Record> {}

/**
 * How far the provider's clock is ahead of another one, in milliseconds: at least `min`, at most `max`.
 *
 * @category models
 */
export const Offset = Schema.Struct({ min: Schema.Number, max: Schema.Number })

/** @category models */
export interface Offset extends Schema.Schema.Type<typeof Offset> {}

/**
 * All evidence about one handle: a `Schema` value, to be stored with the error or outcome that has it, and to be handed to
 * `Payouts.recover` in this process or in another one. It has arguments and payment methods by their fingerprints only.
 *
 * @category models
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
  clocks: Schema.Record({ key: Schema.String, value: Offset })
})

/** @category models */
export interface Evidence extends Schema.Schema.Type<typeof Evidence> {}

/**
 * How long after it was sent a create may still be carried out, in milliseconds: 6 hours. Ours, inferred: no proxy, gateway
 * or provider is known to hold a request for as long. `Payouts.layerWith` has an option for it.
 *
 * @category limits
 */
export const arrivalHorizonDefault = 6 * 60 * 60 * 1000

/**
 * How much older than its create a transaction may seem to be, in milliseconds: a `Date` has whole seconds, and the answer
 * that brought it took a while. By a clock that is measured less exactly, it has to be later by as much.
 *
 * @category limits
 */
export const clockErrorMax = 2000

/**
 * How far a read may lag behind what the provider has said, in milliseconds (inferred).
 *
 * @category limits
 */
export const readLagMax = 10 * 60 * 1000

/**
 * How many creates of one handle are kept apart. Beyond that, the oldest are kept as one entry.
 *
 * @category limits
 */
export const createsMax = 100

/**
 * No evidence.
 *
 * @category constructors
 */
export const empty = (handle: string): Evidence => ({ handle, creates: [], transactions: [], clocks: {} })

/**
 * The ids of a payout's transactions, in their order. One without an id, or with another's, gets its place as a name:
 * to drop it would hide that it may have paid.
 *
 * @category getters
 */
export const idsOf = ({ transactions }: Payout.Payout): ReadonlyArray<string> => {
  const ids = new Set<string>()
  return transactions.map(({ id }, index) => {
    const own = id === "" || ids.has(id) ? `unnamed-${index}` : id
    ids.add(own)
    return own
  })
}

/**
 * What a record shows. `read` is when the exchange was begun that showed it.
 *
 * @category constructors
 */
export const ofPayout = (handle: string, payout: Payout.Payout, read: Moment): Evidence => {
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
 */
export const withCreate = (evidence: Evidence, create: Create): Evidence => ({
  ...evidence,
  creates: compacted([...evidence.creates.filter(({ id }) => id !== create.id), create])
})

/**
 * Takes a create away: it certainly did nothing.
 *
 * @category combinators
 */
export const withoutCreate = (evidence: Evidence, id: string): Evidence => ({
  ...evidence,
  creates: evidence.creates.filter((one) => one.id !== id)
})

/**
 * Says which transaction a create was answered with: the latest of its record that can be its doing. If there is none, the
 * create stays in doubt.
 *
 * @category combinators
 */
export const answered = (evidence: Evidence, create: Create): Evidence => {
  const own = evidence.transactions.reduce<Transaction | undefined>(
    (best, one) =>
      one.doing === undefined && isPossible(evidence, one, create, 0) && (one.created ?? 0) >= (best?.created ?? 0)
        ? one
        : best,
    undefined
  )
  if (own === undefined) return evidence
  const doing = { create: create.id, request: create.request ?? "" }
  return {
    ...withoutCreate(evidence, create.id),
    transactions: evidence.transactions.map((one) => (one === own ? { ...one, doing } : one))
  }
}

/**
 * Puts two pieces of evidence about one handle together. Whatever either has counts; of the same transaction, what it has
 * come to.
 *
 * @category combinators
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

// A claim is made once, when the answer came; and whoever guesses again, guesses that it was sent until then.
const mergeCreate = (self: Create, that: Create): Create => {
  const [one, other] = isOriginal(self, that) ? [self, that] : [that, self]
  return {
    ...one,
    ...(one.claim === undefined && other.claim !== undefined ? { claim: other.claim } : {}),
    to: one.clock !== other.clock && one.from !== undefined ? one.to : Math.max(one.to, other.to),
    count: Math.max(one.count, other.count)
  }
}

// Who took over a create of a clock that was not measured has it by another clock, and does not know from when on it may be.
const isOriginal = (self: Create, that: Create): boolean =>
  (self.from === undefined) === (that.from === undefined) ? self.clock <= that.clock : self.from !== undefined

const mergeTransaction = (self: Transaction, that: Transaction): Transaction => {
  const [less, more] = progress(self) > progress(that) ? [that, self] : [self, that]
  return { ...less, ...more }
}

// A transaction ends once, and an end that is known outranks one that is not: the provider may find out later.
const progress = ({ errorState, state }: Transaction): number =>
  state === "paid" ? 3 : state !== "failed" ? 0 : isDecline(errorState) ? 2 : 1

const isDecline = (errorState: string | undefined): boolean =>
  errorState === "hard_declined" || errorState === "soft_declined"

// Reads may lag behind: what says paid is the newer one; among others, what shows more transactions; then, what was read later.
const mergeRecord = (evidence: Evidence, self: Record | undefined, that: Record | undefined): Record | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  const wasPaid = self.state === "paid"
  if (wasPaid !== (that.state === "paid")) return wasPaid ? self : that
  if (self.transactions !== that.transactions) return self.transactions > that.transactions ? self : that
  return elapsed(evidence, self.read, that.read) >= 0 ? that : self
}

// Both are true of a clock that did not jump. Of one that did, it is not known when.
const narrowed = (self: Offset | undefined, that: Offset): Offset => {
  if (self === undefined) return that
  const both = { min: Math.max(self.min, that.min), max: Math.min(self.max, that.max) }
  return both.min <= both.max ? both : { min: Math.min(self.min, that.min), max: Math.max(self.max, that.max) }
}

const later = (evidence: Evidence, self: Moment | undefined, that: Moment | undefined): Moment | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  return elapsed(evidence, self, that) >= 0 ? that : self
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

/**
 * What the `Date` of one answer says about a clock: the answer was made while the exchange was under way. All are epoch
 * milliseconds, and a `Date` has whole seconds.
 *
 * @category constructors
 */
export const offsetBy = (begun: number, ended: number, date: number): Offset => ({
  min: Math.floor(date - ended),
  max: Math.ceil(date + 1000 - begun)
})

/**
 * Adds what is measured of a clock.
 *
 * @category combinators
 */
export const withOffset = (evidence: Evidence, clock: string, offset: Offset): Evidence => ({
  ...evidence,
  clocks: { ...evidence.clocks, [clock]: narrowed(evidence.clocks[clock], offset) }
})

/**
 * Evidence as it is taken over at a moment of another clock. Of a clock that was never measured only this is known: that all
 * that happened by it happened before now.
 *
 * @category combinators
 */
export const adopted = (evidence: Evidence, now: Moment): Evidence => {
  const isKnown = (clock: string) => clock === now.clock || evidence.clocks[clock] !== undefined
  const { read, record, ...rest } = evidence
  return {
    ...rest,
    creates: evidence.creates.map(({ from, ...create }) =>
      isKnown(create.clock)
        ? { ...create, ...(from === undefined ? {} : { from }) }
        : {
            ...create,
            clock: now.clock,
            to: now.at,
            ...(create.claim === undefined ? {} : { claim: { ...create.claim, at: now.at } })
          }
    ),
    ...(record === undefined
      ? {}
      : { record: isKnown(record.read.clock) ? record : { ...record, read: longAgo(now) } }),
    ...(read !== undefined && isKnown(read.clock) ? { read } : {})
  }
}

const longAgo = ({ clock }: Moment): Moment => ({ clock, at: 0 })

// --- time ---

/** The least time from one moment to another, in milliseconds; minus infinity, where nothing is known. */
const elapsed = ({ clocks }: Evidence, from: Moment, to: Moment): number => {
  if (from.clock === to.clock) return to.at - from.at
  const [one, other] = [clocks[from.clock], clocks[to.clock]]
  return one === undefined || other === undefined ? -Infinity : to.at + other.min - (from.at + one.max)
}

const sentUntil = ({ clock, to }: Create): Moment => ({ clock, at: to })

/** When it was sent, by the provider's clock. */
const sentAt = ({ clocks }: Evidence, { clock, from, to }: Create): { readonly min: number; readonly max: number } => {
  const offset = clocks[clock]
  if (offset === undefined) return { min: -Infinity, max: Infinity }
  return { min: from === undefined ? -Infinity : from + offset.min, max: to + offset.max }
}

const isPastHorizon = (evidence: Evidence, create: Create, horizon: number): boolean =>
  evidence.read !== undefined && elapsed(evidence, sentUntil(create), evidence.read) >= horizon + readLagMax

// --- attribution ---

/** Whether a transaction may be a create's doing, for all that is known. */
const isPossible = (evidence: Evidence, one: Transaction, create: Create, horizon: number): boolean => {
  if (create.before.includes(one.id)) return false
  if (one.amount !== 0 && one.amount !== create.amount) return false
  if (one.method !== undefined && create.method !== undefined && one.method !== create.method) return false
  const { max, min } = sentAt(evidence, create)
  return one.created === undefined || (one.created >= min && (horizon === 0 || one.created <= max + horizon))
}

/**
 * Whether it is certainly no older than the create: then it is the doing of this one, or of another that we know of, for nobody
 * else sends from then on.
 */
const isNewEnough = ({ clocks }: Evidence, { created }: Transaction, { clock, from, to }: Create): boolean => {
  const offset = clocks[clock]
  const since = from ?? to
  return (
    offset !== undefined &&
    created !== undefined &&
    created >= since + Math.max(from === undefined ? -Infinity : offset.min, offset.max - clockErrorMax)
  )
}

/** Whether a transaction accounts for a create, if it accounts for no other one. */
const accountsFor = (evidence: Evidence, one: Transaction, create: Create, horizon: number): boolean =>
  !create.guess &&
  one.doing === undefined &&
  one.amount === create.amount &&
  !(create.claim?.said === "Paid" && isClaimStanding(evidence, create)) &&
  isPossible(evidence, one, create, horizon) &&
  isNewEnough(evidence, one, create)

// 134, while the record shows no payment: it may lag behind, or the answer may have been another payout's.
const isClaimStanding = (evidence: Evidence, { claim, clock }: Create): boolean =>
  claim !== undefined &&
  (evidence.record === undefined || elapsed(evidence, { clock, at: claim.at }, evidence.record.read) < readLagMax)

/** Whether the record bears out that there was another payout when this create came: then the create did nothing. */
const isBorneOut = (evidence: Evidence, create: Create): boolean =>
  (create.claim?.said === "Processing" || create.claim?.said === "Exists") &&
  evidence.transactions.some(
    (one) => !isNewEnough(evidence, one, create) && (create.claim?.said === "Exists" || !create.before.includes(one.id))
  )

/**
 * How many transactions of `transactions` can be the doing of creates of `creates` at the same time, each of one
 * (a maximum matching; there are few of either).
 */
const matched = (
  transactions: ReadonlyArray<Transaction>,
  creates: ReadonlyArray<Create>,
  isDoing: (one: Transaction, create: Create) => boolean
): number => {
  const places = creates.flatMap((create) =>
    Array.from({ length: Math.min(create.count, transactions.length) }, () => create)
  )
  const taken = new Map<number, Transaction>()
  const place = (one: Transaction, tried: Set<number>): boolean =>
    places.some((create, index) => {
      if (tried.has(index) || !isDoing(one, create)) return false
      tried.add(index)
      const other = taken.get(index)
      if (other !== undefined && !place(other, tried)) return false
      taken.set(index, one)
      return true
    })
  return transactions.filter((one) => place(one, new Set())).length
}

/** The most that `meant` creates can still pay, which no transaction accounts for. */
const doubtOf = (evidence: Evidence, horizon: number, meant: ReadonlyArray<Create>): number => {
  const { creates, transactions } = evidence
  const open = meant.filter((create) => !isPastHorizon(evidence, create, horizon) && !isBorneOut(evidence, create))
  return [...new Set(open.map(({ amount }) => amount))].reduce((doubt, amount) => {
    const alike = creates.filter((create) => create.amount === amount)
    const inDoubt = alike.filter((create) => open.includes(create))
    const ours = transactions.filter((one) => alike.some((create) => accountsFor(evidence, one, create, horizon)))
    const isDoing = (one: Transaction, create: Create) => isPossible(evidence, one, create, horizon)
    // As many of them as possible may be the doing of the others.
    const others = alike.filter((create) => !open.includes(create))
    const accounted = matched(ours, alike, isDoing) - matched(ours, others, isDoing)
    return doubt + Math.max(0, countOf(inDoubt) - accounted) * amount
  }, 0)
}

// --- what it comes to ---

/**
 * Whether a transaction may have moved money although it does not say so. Only a documented decline denies it: a processing
 * error may have been approved, and what has no reason, or one that we do not know, is no "no".
 *
 * @category predicates
 */
export const isOpen = ({ errorState, state }: Pick<Transaction, "state" | "errorState">): boolean =>
  state !== "failed" || !isDecline(errorState)

/**
 * The least and the most that can have left the account, or still can by what was sent, under all arguments.
 *
 * @category folding
 */
export const exposure = (evidence: Evidence, horizon: number = arrivalHorizonDefault): Exposure =>
  exposureOf(
    evidence,
    horizon,
    () => true,
    () => true
  )

/**
 * The same for the creates of some arguments only, by their fingerprints; or for those of all others.
 *
 * @category folding
 */
export const exposureOfRequest = (
  evidence: Evidence,
  { method, request }: Parameters<typeof doingOf>[2],
  of: "Own" | "Others",
  horizon: number = arrivalHorizonDefault
): Exposure => {
  const isMeant = (one: string | undefined) => (one === request) === (of === "Own")
  const others = evidence.creates.filter((create) => create.request !== request)
  return exposureOf(evidence, horizon, isMeant, (one) => {
    if (one.doing !== undefined) return isMeant(one.doing.request)
    if (one.method === undefined || method === undefined) return undefined
    // The record shows that it went to another saved method; or to this one, and nobody else that is known can have sent it.
    if (one.method !== method) return of === "Others"
    return others.some((create) => isPossible(evidence, one, create, horizon)) ? undefined : of === "Own"
  })
}

/** `isTheirs` is undefined, where it is not known whose doing a transaction is. */
const exposureOf = (
  evidence: Evidence,
  horizon: number,
  isMeant: (request: string | undefined) => boolean,
  isTheirs: (one: Transaction) => boolean | undefined
): Exposure => {
  const { creates, record, transactions } = evidence
  const meant = creates.filter(({ request }) => isMeant(request))
  const others = creates.filter(({ request }) => !isMeant(request))
  // A create that was told 134 is not what a paid payout was paid by.
  const mayBeOf = (one: Transaction, some: ReadonlyArray<Create>) =>
    some.some(
      (create) => isPossible(evidence, one, create, horizon) && !(one.state === "paid" && create.claim?.said === "Paid")
    )
  const theirs = transactions.filter((one) => isTheirs(one) ?? (isMeant(undefined) || mayBeOf(one, meant)))
  const open = sumOf(
    evidence,
    theirs.filter((one) => isOpen(one) && (record?.state !== "paid" || one.state !== "paid"))
  )
  if (record?.state !== "paid") {
    const doubt = doubtOf(evidence, horizon, meant)
    // A payout that is not over, or failed for no reason that is shown, may itself have moved the money, by one of them.
    const unexplained = open === 0 && isMeant(undefined) && isUnexplained(evidence) ? (record?.amount ?? 0) : 0
    return { min: 0, max: open + Math.max(doubt, unexplained) }
  }
  const payers = transactions.filter(({ state }) => state === "paid")
  const paid = sumOf(
    evidence,
    theirs.filter(({ state }) => state === "paid")
  )
  const isPaidHere = payers.length === 0 ? isMeant(undefined) || meant.length > 0 : paid > 0
  const isPaidElsewhere = payers.some((one) => isTheirs(one) === undefined && mayBeOf(one, others))
  const certainly = payers.filter((one) => isTheirs(one) === true)
  // Where it shows no transaction, any of those that may have been carried out may have paid beside it, unknown to it.
  const unseen = record.transactions > 0 ? 0 : (countOf(meant) - 1) * record.amount
  return {
    min:
      isMeant(undefined) && isPaidHere && !isPaidElsewhere
        ? record.amount
        : Math.max(0, ...certainly.map(({ amount }) => amount)),
    max: (isPaidHere ? Math.max(record.amount, paid) : 0) + open + Math.max(0, unseen)
  }
}

const sumOf = ({ record }: Evidence, transactions: ReadonlyArray<Transaction>): number =>
  transactions.reduce((total, { amount }) => total + Math.max(amount, record?.amount ?? 0), 0)

const countOf = (creates: ReadonlyArray<Create>): number => creates.reduce((total, { count }) => total + count, 0)

const isUnexplained = ({ record, transactions }: Evidence): boolean =>
  record !== undefined && (record.state !== "failed" || transactions.length === 0)

/**
 * The certainty that an exposure amounts to.
 *
 * @category folding
 */
export const certainty = ({ max, min }: Exposure): Certainty =>
  min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"

/**
 * Whose doing a transaction is: that of a request (`Own`), that of other arguments (`Other`), or unknown. It is a request's own
 * if a create of it was answered with it; if it went to the saved method that the request names; or if it accounts for a create
 * of the request, and can be the doing of no other arguments.
 *
 * @category getters
 */
export const doingOf = (
  evidence: Evidence,
  id: string,
  { method, request }: { readonly request: string; readonly method: string | undefined },
  horizon: number = arrivalHorizonDefault
): "Own" | "Other" | "Unknown" => {
  const one = evidence.transactions.find((transaction) => transaction.id === id)
  if (one === undefined) return "Unknown"
  if (one.doing !== undefined) return one.doing.request === request ? "Own" : "Other"
  if (one.method !== undefined && method !== undefined) return one.method === method ? "Own" : "Other"
  const able = evidence.creates.filter((create) => isPossible(evidence, one, create, horizon))
  return able.some((create) => accountsFor(evidence, one, create, horizon)) &&
    able.every((create) => create.request === request)
    ? "Own"
    : "Unknown"
}

/**
 * Whether a request was declined for good: a transaction that was is its own doing. It is never sent again, whatever was tried
 * under the handle since.
 *
 * @category predicates
 */
export const isDeclined = (
  evidence: Evidence,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): boolean =>
  evidence.transactions.some(
    ({ errorState, id, state }) =>
      state === "failed" && errorState === "hard_declined" && doingOf(evidence, id, request, horizon) === "Own"
  )

/**
 * Whether it was certainly other arguments that were paid.
 *
 * @category predicates
 */
export const isPaidToOthers = (evidence: Evidence, request: Parameters<typeof doingOf>[2]): boolean =>
  evidence.transactions.some(({ id, state }) => state === "paid" && doingOf(evidence, id, request) === "Other")

/**
 * Whether the latest transaction of a payout is the doing of a request.
 *
 * @category predicates
 */
export const isDoing = (
  evidence: Evidence,
  payout: Payout.Payout,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): boolean => {
  const id = latestId(payout)
  return id !== undefined && doingOf(evidence, id, request, horizon) === "Own"
}

/**
 * The id of a payout's latest transaction, as `idsOf` has it.
 *
 * @category getters
 */
export const latestId = (payout: Payout.Payout): string | undefined => {
  const latest = Payout.latest(payout)
  return latest && idsOf(payout)[payout.transactions.indexOf(latest)]
}

/**
 * The transactions that are over, by their ids: a create that is sent from now on is not what they are the doing of.
 *
 * @category getters
 */
export const over = ({ transactions }: Evidence): ReadonlyArray<string> =>
  transactions.filter((one) => progress(one) > 0).map(({ id }) => id)

/**
 * Whether a failure that is on record at a moment contradicts what the provider has said by a code: any does 134, and one that
 * was over before does 133. It may be a read that lags behind, so the claim stands for as long as reads may lag.
 *
 * @category predicates
 */
export const isContradicted = (evidence: Evidence, now: Moment): boolean =>
  evidence.record?.state === "failed" &&
  evidence.creates.some(
    (create) =>
      create.claim !== undefined &&
      elapsed(evidence, { clock: create.clock, at: create.claim.at }, now) < readLagMax &&
      (create.claim.said === "Paid" ||
        (create.claim.said === "Processing" && evidence.transactions.every(({ id }) => create.before.includes(id))))
  )

/**
 * Whether the provider has said by a code that the handle is paid, or being paid, so lately that reads may not show it yet.
 *
 * @category predicates
 */
export const isClaimed = (evidence: Evidence, now: Moment): boolean =>
  evidence.creates.some(
    ({ claim, clock }) => claim !== undefined && elapsed(evidence, { clock, at: claim.at }, now) < readLagMax
  )

/**
 * How many transactions that any record showed are processing errors.
 *
 * @category getters
 */
export const processingErrors = ({ transactions }: Evidence): number =>
  transactions.filter(({ errorState }) => errorState === "processing_error").length

/**
 * Whether a payout shows less than any record did: a read that lags behind.
 *
 * @category predicates
 */
export const isStale = ({ transactions }: Evidence, payout: Payout.Payout): boolean => {
  const shown = new Set(idsOf(payout))
  return transactions.some(({ id }) => !shown.has(id))
}
