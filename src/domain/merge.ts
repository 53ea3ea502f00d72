/**
 * Merges two pieces of evidence about one handle, in any order. Beyond `createsMax` creates details may be lost; doubt
 * never is.
 */
import { type Moment, narrowed, order } from "./clocks.js"
import { compacted, type Create, type Evidence, progress, type Record, type Transaction } from "./Evidence.js"

/**
 * Combines two pieces of evidence about one handle. All of both counts, and a transaction's most advanced state. The
 * order makes a difference only for two reads by clocks that cannot be compared: the first one is kept.
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
  const read = mergeRead(merged, self.read, that.read)
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

// A create has one answer, so it has one claim.
const mergeCreate = (self: Create, that: Create): Create => {
  const claim = self.claim ?? that.claim
  return { ...mergeTimes(self, that), ...(claim === undefined ? {} : { claim }) }
}

const mergeTimes = (self: Create, that: Create): Create => {
  const [one, other] = isOriginal(self, that) ? [self, that] : [that, self]
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

const mergeTransaction = (self: Transaction, that: Transaction): Transaction => {
  const [{ errorState: _, ...less }, more] = progress(self) > progress(that) ? [that, self] : [self, that]
  return { ...less, ...more }
}

// Reads may lag behind: a paid record is the newer one, then one with more transactions, then the later read. If it is
// not known which read was later, the record that leaves more open counts.
const mergeRecord = ({ clocks }: Evidence, self: Record | undefined, that: Record | undefined): Record | undefined => {
  if (self === undefined || that === undefined) return that ?? self
  const wasPaid = self.state === "paid"
  if (wasPaid !== (that.state === "paid")) return wasPaid ? self : that
  if (self.transactions !== that.transactions) return self.transactions > that.transactions ? self : that
  const later = order(clocks, self.read, that.read)
  return later > 0 || (later === 0 && openness(that) >= openness(self)) ? that : self
}

// As a text, so that the two compare the same in either order.
const openness = ({ read: { at, clock }, state }: Record): string =>
  JSON.stringify([state === "failed" ? 0 : 1, state, clock, at])

// If it is not known which is later, the first counts: a process's own clock serves its own creates best.
const mergeRead = ({ clocks }: Evidence, self: Moment | undefined, that: Moment | undefined): Moment | undefined =>
  self === undefined || (that !== undefined && order(clocks, self, that) > 0) ? that : self
