/**
 * Tells, when an exchange misses its deadline, whether its request may have left this machine. Only a transport of this
 * library knows that. It reports to a `FiberRef`, which reaches it through any client that is derived from it.
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** An exchange of a transport. */
export interface Tracked {
  /** Whether it waits for a connection: nothing of it was sent, and nothing has ended it. */
  readonly isWaiting: boolean
  /** Whether it was handed to a connection. */
  readonly hasBegun: boolean
  /** Ends it. What is not sent by then is never sent. */
  readonly abort: () => void
}

/** The exchanges that transports begin for one request. The body names a destination, so nothing here can be printed. */
export class Transmission {
  readonly #body: HttpBody.HttpBody
  readonly #exchanges: Array<Tracked> = []
  /**
   * Of a request without a body. All of them have the same one, so these may be others that a host's client sends, and say
   * nothing of what was sent. None moves money.
   */
  readonly #bodiless: Array<Tracked> = []
  private isOver = false
  private isUnsent = false

  constructor(body: HttpBody.HttpBody) {
    this.#body = body
  }

  /** Called by a transport before it sends. A host's client may send others, for a token for example. */
  track(body: HttpBody.HttpBody, exchange: Tracked): void {
    if (body !== this.#body) return
    if (this.isOver) exchange.abort()
    else (body._tag === "Empty" ? this.#bodiless : this.#exchanges).push(exchange)
  }

  /** Whether a connection got the request, or a part of it. */
  get hasBegun(): boolean {
    return this.#exchanges.some(({ hasBegun }) => hasBegun)
  }

  /**
   * Ends the request. At its deadline it was not sent if its only exchange was still waiting. If one had ended before,
   * the host's client may have sent the request elsewhere.
   */
  end(): void {
    const [only, ...others] = this.#exchanges
    this.isUnsent = only !== undefined && others.length === 0 && only.isWaiting
    this.isOver = true
    for (const exchange of [...this.#exchanges, ...this.#bodiless]) exchange.abort()
  }

  /** Unknown until the end, and if no transport reported. */
  get sent(): "NotSent" | "Unknown" {
    return this.isUnsent ? "NotSent" : "Unknown"
  }
}

/** The transmission of the request that this fiber sends, if it is of interest. */
export const current: FiberRef.FiberRef<Transmission | undefined> = globalValue(
  "effect-billwerk-payouts/provider/transmission/current",
  () => FiberRef.unsafeMake<Transmission | undefined>(undefined)
)
