/**
 * Merges two pieces of evidence about one handle, in any order. Beyond `createsMax` creates details may be lost; doubt
 * never is.
 */
import { type Clocks, type Moment, narrowed, order } from "./clocks.js"
import { compacted, type Create, type Evidence, progress, type Record, type Transaction } from "./Evidence.js"

/**
 * Combines two pieces of evidence about one handle. All of both counts, and a transaction's most advanced state. The
 * order makes a difference only for the times of two reads by clocks that cannot be compared: the first one is kept.
 *
 * Of three records, two of them of unknown order, it depends on the grouping which one is kept. One slot cannot do
 * better: a later record replaces an earlier one, an open one replaces a failure of unknown order, and these two rules
 * can form a circle. All transactions are kept in any grouping.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (self: Evidence, that: Evidence): Evidence => {
  const clocks = { ...self.clocks }
  for (const [clock, offset] of Object.entries(that.clocks)) clocks[clock] = narrowed(clocks[clock], offset)
  const transactions = mergeBy(self.transactions, that.transactions, (one, other) =>
    mergeTransaction(clocks, one, other)
  )
  const done = new Set(transactions.map(({ doing }) => doing?.create))
  const creates = mergeBy(self.creates, that.creates, mergeCreate).filter(({ id }) => !done.has(id))
  const merged: Evidence = { handle: self.handle, creates: compacted(creates), transactions, clocks }
  const record = mergeRecord(clocks, self.record, that.record)
  const read = mergeRead(clocks, self.read, that.read)
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

// A create has one answer, so it has one claim. The claim's time is by the create's clock, so the two stay together.
const mergeCreate = (self: Create, that: Create): Create => {
  const [one, other] = isOriginal(self, that) ? [self, that] : [that, self]
  if (one.claim !== undefined || other.claim === undefined) return mergeTimes(one, other)
  return one.clock === other.clock ? { ...mergeTimes(one, other), claim: other.claim } : mergeTimes(other, one)
}

const mergeTimes = (one: Create, other: Create): Create => {
  const to = one.clock === other.clock ? Math.max(one.to, other.to) : one.to
  if (one.count !== other.count) {
    // They stand for different sets of creates: only what both share is known of all.
    const { from: _, ...rest } = one
    const before = one.before.filter((id) => other.before.includes(id))
    return { ...rest, to, before, count: Math.max(one.count, other.count) }
  }
  const before = [...new Set([...one.before, ...other.before])]
  if (one.clock !== other.clock) return { ...one, before }
  // An intent and its create are the same create: the later `from` holds. A repeated guess lasts until the later `to`.
  const from = Math.max(one.from ?? -Infinity, other.from ?? -Infinity)
  return { ...one, to, before, ...(from === -Infinity ? {} : { from }) }
}

// A process that took over a create of an unmeasured clock dates it by its own clock, without `from`.
const isOriginal = (self: Create, that: Create): boolean =>
  (self.from === undefined) === (that.from === undefined) ? self.clock <= that.clock : self.from !== undefined

const mergeTransaction = (clocks: Clocks, self: Transaction, that: Transaction): Transaction => {
  const rank = (one: Transaction) => [progress(one), one.errorState ?? ""].join()
  const [{ errorState: _, ...less }, more] = rank(self) > rank(that) ? [that, self] : [self, that]
  const underWay = mergeRead(clocks, self.underWay, that.underWay)
  return { ...less, ...more, ...(underWay === undefined ? {} : { underWay }) }
}

// Reads may lag behind: a paid record is the newer one, then one with more transactions, then the later read.
const mergeRecord = (clocks: Clocks, self: Record | undefined, that: Record | undefined): Record | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  const wasPaid = self.state === "paid"
  if (wasPaid !== (that.state === "paid")) return wasPaid ? self : that
  if (self.transactions !== that.transactions) return self.transactions > that.transactions ? self : that
  const later = order(clocks, self.read, that.read)
  if (later !== 0) return later > 0 ? that : self
  // Of the same moment, the failure is the newer one. If it is not known which is later, what is open counts.
  const isPreferred = (one: Record) => (one.state === "failed") === (self.read.clock === that.read.clock)
  const rank = (one: Record) => JSON.stringify([isPreferred(one) ? 1 : 0, one.state, one.read.clock, one.read.at])
  return rank(that) >= rank(self) ? that : self
}

// If it is not known which is later, the first counts: a process's own clock serves its own creates best.
const mergeRead = (clocks: Clocks, self: Moment | undefined, that: Moment | undefined): Moment | undefined =>
  self === undefined || (that !== undefined && order(clocks, self, that) > 0) ? that : self
