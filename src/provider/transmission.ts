/**
 * Whether a request may have left this machine, as long as there is neither an answer nor an error. Only a transport of
 * this library can say that. It reads a `FiberRef`, which reaches it through any client that is derived from it.
 */
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** What a transport knows of one of its exchanges. */
export interface Tracked {
  /** `"NotSent"` if it is certain that no byte was sent. It may change until the exchange is over. */
  readonly sent: "NotSent" | "Unknown"
}

/** The exchanges that transports began for one request. */
export class Transmission {
  private readonly exchanges: Array<Tracked> = []

  /** Called by a transport, before it sends. */
  track(exchange: Tracked): void {
    this.exchanges.push(exchange)
  }

  /** Unknown if no transport tracks its exchange. */
  get sent(): "NotSent" | "Unknown" {
    const { exchanges } = this
    return exchanges.length > 0 && exchanges.every(({ sent }) => sent === "NotSent") ? "NotSent" : "Unknown"
  }
}

/** The transmission of the request that this fiber sends, if anybody asks for it. */
export const current: FiberRef.FiberRef<Transmission | undefined> = globalValue(
  "effect-billwerk-payouts/provider/transmission/current",
  () => FiberRef.unsafeMake<Transmission | undefined>(undefined)
)
