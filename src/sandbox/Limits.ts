/**
 * The provider's request limits: a token bucket and a number of concurrent requests, separate for reads and writes.
 */
import type * as ErrorCode from "./ErrorCode.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Limit {
  /** Requests per second. */
  readonly rate: number
  /** Requests at once, after a pause. */
  readonly burst: number
  /** Concurrent requests. */
  readonly concurrent: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly reads: Limit
  readonly writes: Limit
}

/**
 * The provider's limits: 10 writes and 25 reads per second, in bursts of 25 and 50, with 10 of each at a time. Source:
 * the provider's page on request limiting (documented).
 *
 * @category constants
 * @since 0.1.0
 */
export const documented: Limits = {
  reads: { rate: 25, burst: 50, concurrent: 10 },
  writes: { rate: 10, burst: 25, concurrent: 10 }
}

/** Admits requests. Each admitted request must leave. */
export class Gate {
  private tokens: number
  private filled = 0
  private inside = 0

  constructor(private readonly limit: Limit) {
    this.tokens = limit.burst
  }

  /** Admits a request at `now` (epoch milliseconds), or returns the reason for a refusal. */
  enter(now: number): ErrorCode.Name | undefined {
    const earned = ((now - this.filled) / 1000) * this.limit.rate
    this.tokens = Math.min(this.limit.burst, this.tokens + Math.max(0, earned))
    this.filled = now
    if (this.tokens < 1) return "rateLimited"
    if (this.inside >= this.limit.concurrent) return "concurrencyLimited"
    this.tokens -= 1
    this.inside += 1
    return undefined
  }

  leave(): void {
    this.inside -= 1
  }
}
