/**
 * The documented request limits, as the provider keeps them: a bucket of tokens that fills at a steady rate, and a number
 * of requests at a time. A request over a limit is refused before anything else happens, and takes no token.
 */

export interface Limit {
  /** Requests per second. */
  readonly rate: number
  /** Requests at once, after a pause. */
  readonly burst: number
  /** Requests under way. */
  readonly concurrent: number
}

export const writes: Limit = { rate: 10, burst: 25, concurrent: 10 }
export const reads: Limit = { rate: 25, burst: 50, concurrent: 10 }

/** The documented codes of a 429. */
export const tooFast = 122
export const tooMany = 123

export type Refusal = typeof tooFast | typeof tooMany

/** Times are in milliseconds, by one clock. */
export class Admission {
  private tokens: number
  private filled: number | undefined
  private inside = 0

  constructor(private readonly limit: Limit) {
    this.tokens = limit.burst
  }

  /** Lets a request in, or says why not. Each request that was let in leaves, once. */
  enter(now: number): Refusal | undefined {
    const seconds = (now - (this.filled ?? now)) / 1_000
    this.filled = now
    this.tokens = Math.min(this.limit.burst, this.tokens + seconds * this.limit.rate)
    if (this.inside >= this.limit.concurrent) return tooMany
    // A token may be a rounding error short.
    if (this.tokens < 1 - 1e-9) return tooFast
    this.tokens -= 1
    this.inside += 1
    return undefined
  }

  leave(): void {
    this.inside -= 1
  }
}
