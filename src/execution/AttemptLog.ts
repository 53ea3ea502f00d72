/**
 * The exchanges of one payout, on record for people. One that is begun is closed: by its answer, or by an interruption.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Attempt from "../domain/Attempt.js"

/** The most exchanges of one call, whatever the policy says. */
export const exchangesMax = 100

/** How many attempts are kept from one call to the next. */
export const attemptsKept = 100

/** What an exchange turned out to be. */
export type Ended = Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took">

type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

export class AttemptLog {
  private readonly entries: Array<Attempt.Attempt>

  constructor(entries: ReadonlyArray<Attempt.Attempt> = []) {
    this.entries = [...entries]
  }

  /** As they are now. */
  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return [...this.entries]
  }

  get latest(): Attempt.Attempt | undefined {
    return this.entries.at(-1)
  }

  /** `begun` and `ended` are epoch milliseconds. */
  add(kind: Attempt.Kind, begun: number, ended: number, what: Ended): void {
    this.entries.push({
      ordinal: (this.latest?.ordinal ?? 0) + 1,
      kind,
      started: DateTime.unsafeMake(Math.floor(begun)),
      took: Duration.millis(ended - begun),
      ...what
    })
  }

  /** Puts on record what is done after the latest attempt, and why. */
  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    const { latest } = this
    if (latest === undefined) return
    const decided: Writable<Attempt.Attempt> = { ...latest, decision }
    if (why !== undefined) decided.why = `${latest.why}; ${why}`
    if (delay !== undefined) decided.delay = delay
    else if (latest.delay !== undefined) delete decided.delay
    this.entries[this.entries.length - 1] = decided
  }

  /** Forgets the oldest attempts, beyond as many as are kept. */
  trim(): void {
    const tooMany = this.entries.length - attemptsKept
    if (tooMany > 0) this.entries.splice(0, tooMany)
  }
}
