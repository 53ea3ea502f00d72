/**
 * The provider's side of its request limits: a token bucket and a number of concurrent requests, for reads or writes.
 */
import type { Limit } from "../provider/RequestLimits.js"
import type * as ErrorCode from "./ErrorCode.js"

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
