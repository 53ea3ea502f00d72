/**
 * Which creates a client can know of: those that it sent, those in evidence that it was handed, and those that it was told
 * a number of. The oracle holds a client to what it says only as far as its callers told it the truth.
 */
import type { Sent } from "./Payment.js"
import type { Process } from "./Process.js"

export interface Knowledge {
  /** The creates that it sent itself, or that stand in evidence that it was handed. */
  readonly known: ReadonlySet<Sent>
  /** The creates that a number stands for which a process was told, this one or one whose evidence it was handed. */
  readonly counted: ReadonlyMap<Process, ReadonlySet<Sent>>
  /** Up to when it has to guess that there is another one, since it was told nothing. */
  readonly guesses: number
}

export const nothing: Knowledge = { known: new Set(), counted: new Map(), guesses: -Infinity }

/** What both know. */
export const both = (self: Knowledge, that: Knowledge): Knowledge => {
  const counted = new Map(self.counted)
  for (const [process, creates] of that.counted) {
    counted.set(process, new Set([...(counted.get(process) ?? []), ...creates]))
  }
  return { known: new Set([...self.known, ...that.known]), counted, guesses: Math.max(self.guesses, that.guesses) }
}

/** The same, after one more create was sent. */
export const sending = (self: Knowledge, create: Sent): Knowledge => ({
  ...self,
  known: new Set([...self.known, create])
})

/**
 * The same, when a process was told a number that stands for these creates, instead of all that it was told before and that is not
 * in the evidence that it was told beside.
 */
export const counting = (
  self: Knowledge,
  process: Process,
  creates: Iterable<Sent>,
  { counted, guesses }: Knowledge
): Knowledge => ({
  ...self,
  counted: new Map([...self.counted, [process, new Set([...(counted.get(process) ?? []), ...creates])]]),
  guesses
})

/** The same, when nothing was told at all at a moment. */
export const guessing = (self: Knowledge, now: number): Knowledge => ({ ...self, guesses: now })

/** The creates of `all` that it does not know of; or that it knows of only because this process was told a number. */
export const unknownTo = (
  { counted, known }: Knowledge,
  all: ReadonlyArray<Sent>,
  but?: Process
): ReadonlyArray<Sent> => {
  const told = [...counted].filter(([process]) => process !== but)
  return all.filter((create) => !known.has(create) && !told.some(([, creates]) => creates.has(create)))
}

/**
 * How far a statement must be true.
 *
 * - `Whole`: all of it. Every create is known, or was over before.
 * - `Certainty`: it may have guessed too few creates, but must not be certain.
 * - `Nothing`: somebody sent a create and did not say so.
 */
export type Trust = "Whole" | "Certainty" | "Nothing"
