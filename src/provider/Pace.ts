/**
 * How fast requests of one kind may leave: a token bucket whose rate follows the provider's answers. After a 429 the
 * rate falls below that of the latest requests, and then recovers steadily. Times are in milliseconds, by one clock.
 */

/**
 * The limit of one kind of request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limit {
  /** Requests per second; more than 0. */
  readonly rate: number
  /** Requests at once, after a pause: an integer of 1 or more. */
  readonly burst: number
  /** Concurrent requests: an integer of 1 or more. */
  readonly concurrent: number
}

/** What is left of the rate after a 429. */
const slowDown = 0.85

/** The part of the limit's rate that comes back in a second without a 429. */
const recoveryPerSecond = 0.02

/** The lowest rate, as a part of the limit's. */
const rateMin = 0.05

/** How long a lower number at a time stands before one more is allowed. */
const slotsStand = 10_000

/** The longest pause that a `Retry-After` causes for all calls. No `Retry-After` is documented. */
const pauseMax = 60_000

/** How many of the latest requests show the rate at which they left. */
const latestMax = 16

export class Pace {
  private tokens: number
  private filled = -Infinity
  private rate: number
  private widened = -Infinity
  private slowed = -Infinity
  private pausedUntil = -Infinity
  private readonly latest: Array<number> = []
  private slots: number

  constructor(private readonly limit: Limit) {
    this.tokens = limit.burst
    this.rate = limit.rate
    this.slots = limit.concurrent
  }

  /** How many requests may be under way at once. */
  concurrent(now: number): number {
    this.recover(now)
    return this.slots
  }

  /** How long from `now` until a token is there; 0 if there is one. */
  wait(now: number): number {
    this.recover(now)
    const paused = Math.max(0, this.pausedUntil - now)
    // A token may be a rounding error short.
    return this.tokens >= 1 - 1e-9 ? paused : Math.max(paused, ((1 - this.tokens) / this.rate) * 1000)
  }

  take(now: number): void {
    this.tokens -= 1
    this.latest.push(now)
    if (this.latest.length > latestMax) this.latest.shift()
  }

  /** Puts the token of a request back that was not sent. */
  giveBack(): void {
    this.tokens = Math.min(this.limit.burst, this.tokens + 1)
    this.latest.pop()
  }

  /** How many tokens a full burst lacks, rounded up. */
  lacking(now: number): number {
    this.recover(now)
    return Math.min(this.limit.burst, Math.ceil(this.limit.burst - this.tokens - 1e-9))
  }

  /** Takes all tokens away. */
  drain(now: number): void {
    this.recover(now)
    this.tokens = Math.min(this.tokens, 0)
  }

  /**
   * Takes note of a 429. Requests that left before the pace last slowed down say nothing about the new one. `Rate`: the
   * provider's bucket is empty, because other programs use the account. `Concurrent`: too many at a time.
   */
  refused(what: "Rate" | "Concurrent", sent: number, now: number, retryAfter: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, now + Math.min(retryAfter, pauseMax))
    if (sent < this.slowed) return
    this.recover(now)
    if (what === "Concurrent") this.slots = Math.max(1, this.slots - 1)
    else {
      this.rate = Math.max(rateMin * this.limit.rate, Math.min(this.rate, this.measured(now)) * slowDown)
      this.tokens = Math.min(this.tokens, 0)
    }
    this.slowed = now
    this.widened = now
  }

  // The rate at which the latest requests left. A process with little to send must slow down, too.
  private measured(now: number): number {
    const [first = now] = this.latest
    return this.latest.length < latestMax || now <= first ? Infinity : ((this.latest.length - 1) * 1000) / (now - first)
  }

  private recover(now: number): void {
    if (this.filled === -Infinity) this.filled = now
    const seconds = Math.max(0, now - this.filled) / 1000
    this.filled = now
    this.tokens = Math.min(this.limit.burst, this.tokens + seconds * this.rate)
    this.rate = Math.min(this.limit.rate, this.rate + seconds * recoveryPerSecond * this.limit.rate)
    if (this.slots < this.limit.concurrent && now - this.widened >= slotsStand) {
      this.slots += 1
      this.widened = now
    }
  }
}
