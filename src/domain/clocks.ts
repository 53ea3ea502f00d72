/**
 * Times by the clocks of several processes. They are compared through each clock's measured offset to the provider's.
 */
import * as Schema from "effect/Schema"
import { hidden } from "./schemaMessages.js"

/**
 * A point in time by one of the clocks of `Evidence.clocks`, in epoch milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const Moment = Schema.Struct({
  /** The name of the clock. */
  clock: Schema.String,
  /** Epoch milliseconds by that clock. */
  at: Schema.Number
}).annotations(hidden("a moment"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Moment extends Schema.Schema.Type<typeof Moment> {}

/**
 * How far the provider's clock is ahead of another one, in milliseconds: at least `min`, at most `max`.
 *
 * @category models
 * @since 0.1.0
 */
export const Offset = Schema.Struct({
  /** Milliseconds; negative if the provider's clock may be behind. */
  min: Schema.Number,
  /** Milliseconds; never less than `min`. */
  max: Schema.Number
}).annotations(hidden("an offset"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Offset extends Schema.Schema.Type<typeof Offset> {}

/**
 * The offsets of the measured clocks, by their names. An unmeasured clock is absent.
 *
 * @category models
 * @since 0.1.0
 */
export const Clocks = Schema.Record({ key: Schema.String, value: Offset }).annotations(hidden("clocks"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Clocks extends Schema.Schema.Type<typeof Clocks> {}

/**
 * The offset that follows from the `Date` of one answer: the provider made the answer while the exchange was under way.
 * All are epoch milliseconds, and a `Date` has whole seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const offsetBy = (begun: number, ended: number, date: number): Offset => ({
  min: Math.floor(date - ended),
  max: Math.ceil(date + 1000 - begun)
})

// Both hold for a clock that did not jump. If it jumped, it is not known when, so the range covers both.
/** @internal */
export const narrowed = (self: Offset | undefined, that: Offset): Offset => {
  if (self === undefined) return that
  const both = { min: Math.max(self.min, that.min), max: Math.min(self.max, that.max) }
  return both.min <= both.max ? both : { min: Math.min(self.min, that.min), max: Math.max(self.max, that.max) }
}

/**
 * The least time from one moment to another, in milliseconds; minus infinity if nothing is known.
 *
 * @internal
 */
export const elapsed = (clocks: Clocks, from: Moment, to: Moment): number => {
  if (from.clock === to.clock) return to.at - from.at
  const [one, other] = [clocks[from.clock], clocks[to.clock]]
  return one === undefined || other === undefined ? -Infinity : to.at + other.min - (from.at + one.max)
}

/**
 * Positive if the second moment is certainly the later one, negative if the first is. 0 if they are the same moment, or
 * if their order is not known.
 *
 * @internal
 */
export const order = (clocks: Clocks, self: Moment, that: Moment): number =>
  Math.max(elapsed(clocks, self, that), 0) - Math.max(elapsed(clocks, that, self), 0)
