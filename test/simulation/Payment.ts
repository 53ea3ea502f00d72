/** One business payout of a world: what is to be paid, what was seen of it on the wire, and what was said about it. */
import { Effect, Redacted } from "effect"
import { PayoutRequest } from "effect-billwerk-payouts"
import type { Chance } from "./Chance.js"
import type { Said } from "./Client.js"
import type { Process } from "./Process.js"

/** A call that runs, or has run. */
export interface Call {
  /** `p3 call 2`, as the trace and the events call it. */
  readonly name: string
  readonly payment: Payment
  readonly process: Process
  readonly request: PayoutRequest.PayoutRequest
  readonly started: number
  /** How many exchanges of this process this payment had before. */
  readonly seenBefore: number
  /** Whether the client was told of every create that it could not know of itself, so that all it says must be true. */
  isInformed: boolean
  /** Whether another call ran beside it in its process: what they send and wait for cannot be told apart. */
  isShared: boolean
  /** Whether it was meant to be interrupted. */
  interrupted: boolean
}

/** An exchange that left a client. */
export interface Sent {
  readonly kind: "Create" | "Lookup"
  readonly process: Process
  readonly at: number
  /** Whether the client got the provider's own answer. */
  answered: boolean
}

/** Something that was said about the money, and has to stay true until the next call. */
export interface Claim {
  readonly said: Said
  readonly isInformed: boolean
}

export class Payment {
  readonly handle: string
  readonly amount: number
  readonly usesToken: boolean
  readonly neighbour: string
  /** The requests that were made under the handle so far. Its last one is the one in force. */
  readonly requests: Array<PayoutRequest.PayoutRequest> = []
  readonly sent: Array<Sent> = []
  readonly running = new Set<Call>()
  readonly secrets: Array<string> = []
  claims: ReadonlyArray<Claim> = []
  calls = 0
  /** Whether two processes ever paid it at the same time: then neither's budget is the payout's. */
  isContended = false
  /** How many exchanges were begun, those included whose process died before it sent anything. */
  departures = 0
  /** Where the next call is made. */
  slot: number
  last: { readonly said: Said | undefined; readonly process: Process } | undefined
  /** When the provider last acted on it. */
  committed = -Infinity
  /** The processes that know of a hard decline of a request. */
  readonly declined = new Map<Process, PayoutRequest.PayoutRequest>()
  readonly paidIn = new Set<Process>()

  constructor(
    readonly index: number,
    payments: number,
    slots: number,
    chance: Chance
  ) {
    this.handle = `payout-${index}`
    this.neighbour = `payout-${(index + 1) % payments}`
    this.amount = chance.between(1, 100_000)
    this.usesToken = chance.happens(0.15)
    this.slot = chance.between(0, slots - 1)
    this.renew()
  }

  get request(): PayoutRequest.PayoutRequest {
    const request = this.requests.at(-1)
    if (request === undefined) throw new Error("a payment has at least one request")
    return request
  }

  /** How many creates other processes have sent, those that died included. */
  unseenBy(process: Process): number {
    return this.sent.filter((one) => one.kind === "Create" && one.process !== process).length
  }

  /** How many exchanges a process had. */
  sentBy(process: Process): ReadonlyArray<Sent> {
    return this.sent.filter((one) => one.process === process)
  }

  /** Other arguments under the same handle: another card. */
  renew(): void {
    const reference = `${this.usesToken ? "ct" : "ca"}_${this.index}x${this.requests.length}fcfac2016614418f969fa569738`
    this.secrets.push(reference)
    this.requests.push(
      Effect.runSync(
        PayoutRequest.fromUnknown({
          handle: this.handle,
          destination: this.usesToken ? Redacted.make(reference) : reference,
          amount: this.amount,
          currency: "DKK",
          customer: `customer-${this.index}`
        })
      )
    )
  }
}
