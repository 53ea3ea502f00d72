/**
 * The log of one payout's attempts. Each begun exchange is closed, by its answer or by an interruption.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Attempt from "../domain/Attempt.js"
import type { Ended } from "./ended.js"

/** The most exchanges in one call. No policy raises it. */
export const exchangesMax = 100

/** The most attempts kept from one call to the next. */
export const attemptsKept = 100

/** The beginning of an exchange. `begun` is in epoch milliseconds. */
export interface Begun {
  readonly kind: Attempt.Kind
  readonly begun: number
  readonly queued: Duration.Duration
}

type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

export class AttemptLog {
  private readonly entries: Array<Attempt.Attempt>

  constructor(entries: ReadonlyArray<Attempt.Attempt> = []) {
    this.entries = [...entries]
  }

  /** A copy of the attempts so far. */
  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return [...this.entries]
  }

  get latest(): Attempt.Attempt | undefined {
    return this.entries.at(-1)
  }

  /** `ended` is in epoch milliseconds. */
  add({ begun, kind, queued }: Begun, ended: number, what: Ended): void {
    this.entries.push({
      ordinal: (this.latest?.ordinal ?? 0) + 1,
      kind,
      started: DateTime.unsafeMake(Math.floor(begun)),
      took: Duration.millis(ended - begun),
      ...(Duration.toMillis(queued) > 0 ? { queued } : {}),
      ...what
    })
  }

  /** Records what the loop does after the latest attempt, and why. */
  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    const { latest } = this
    if (latest === undefined) return
    const decided: Writable<Attempt.Attempt> = { ...latest, decision }
    if (why !== undefined) decided.why = `${latest.why}; ${why}`
    if (delay !== undefined) decided.delay = delay
    else delete decided.delay
    this.entries[this.entries.length - 1] = decided
  }

  /** Drops the oldest attempts beyond `attemptsKept`. */
  trim(): void {
    this.entries.splice(0, this.entries.length - attemptsKept)
  }
}
