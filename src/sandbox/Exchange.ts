/**
 * What the provider saw of each exchange. It is enough to compare with the client's attempts, and has no secret: only a
 * fingerprint of the body is kept.
 */
import type * as DateTime from "effect/DateTime"
import type { Kind } from "../domain/Attempt.js"

/**
 * How an exchange ended, as far as the provider can know. `Pending`: not yet. `Abandoned`: the client left first.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending =
  "Pending" | "Answered" | "Truncated" | "Stalled" | "Dripping" | "Dropped" | "Refused" | "Hanging" | "Abandoned"

/**
 * @category models
 * @since 0.1.0
 */
export interface Exchange {
  /** 1 for the first. */
  readonly ordinal: number
  readonly kind: Kind | "Other"
  readonly handle: string | undefined
  readonly started: DateTime.Utc
  /** Equal for bodies that are equal in every byte. It reveals nothing else about them. */
  readonly fingerprint: string
  readonly ending: Ending
  /** The HTTP status, if one was sent. */
  readonly status: number | undefined
}

/** The exchanges, in the order in which they began. Beyond `exchangesMax`, the oldest are forgotten. */
export class Log {
  private readonly exchanges = new Map<number, Exchange>()
  private began = 0

  constructor(private readonly exchangesMax: number) {}

  /** How many exchanges there were. */
  get count(): number {
    return this.began
  }

  get all(): ReadonlyArray<Exchange> {
    return Array.from(this.exchanges.values())
  }

  /** How many different bodies the creates of a handle had. */
  bodies(handle: string): number {
    const creates = this.all.filter((exchange) => exchange.kind === "Create" && exchange.handle === handle)
    return new Set(creates.map((exchange) => exchange.fingerprint)).size
  }

  begin(exchange: Omit<Exchange, "ordinal" | "ending" | "status">): number {
    this.began += 1
    const ordinal = this.began
    this.exchanges.set(ordinal, { ordinal, ...exchange, ending: "Pending", status: undefined })
    this.exchanges.delete(ordinal - this.exchangesMax)
    return ordinal
  }

  end(ordinal: number, ending: Ending, status: number | undefined): void {
    const exchange = this.exchanges.get(ordinal)
    if (exchange !== undefined) this.exchanges.set(ordinal, { ...exchange, ending, status })
  }
}
