/** One business payout of a world: what is to be paid, what was seen of it on the wire, and what was said about it. */
import { Effect, Redacted } from "effect"
import { type Exposure, PayoutRequest } from "effect-billwerk-payouts"
import { Acquirer, type Sandbox } from "effect-billwerk-payouts/testing"
import type { Chance } from "./Chance.js"
import type { Said } from "./Client.js"
import * as Knowledge from "./Knowledge.js"
import type { Process } from "./Process.js"

/** What a call does. The last two only ask. */
export type Kind = "Create" | "Recover" | "AwaitOutcome" | "AwaitHandle"

/** A call that runs, or has run. */
export interface Call {
  /** `p3 call 2`, as the trace and the events call it. */
  readonly name: string
  readonly kind: Kind
  readonly payment: Payment
  readonly process: Process
  readonly request: PayoutRequest.PayoutRequest
  readonly started: number
  /** How many exchanges of this process this payment had before. */
  readonly seenBefore: number
  /** What only this call knows: that it has to guess, because it was given a bare handle. */
  readonly handed: Knowledge.Knowledge
  /** Whether another call ran beside it in its process: what they send and wait for cannot be told apart. */
  isShared: boolean
  /** Whether it was meant to be interrupted. */
  interrupted: boolean
}

/** An exchange that left a client. */
export interface Sent {
  readonly kind: "Create" | "Lookup"
  readonly process: Process
  /** The call that made it. */
  readonly call: Call | undefined
  readonly at: number
  /** Whether the client got the provider's own answer. */
  answered: boolean
  /** Whether a cache answered, and said so. */
  isOld: boolean
}

/** Something that was said about the money, and has to stay true until somebody sends another create. */
export interface Claim {
  readonly call: Call
  readonly said: Said
  readonly at: number
  readonly trust: Knowledge.Trust
  /** What it rests on. */
  readonly knowledge: Knowledge.Knowledge
}

/** Evidence that somebody kept, and what it stands for. */
export interface Kept {
  readonly words: string
  readonly evidence: Exposure.Evidence
  readonly at: number
  readonly knowledge: Knowledge.Knowledge
}

/** Evidence that was stored before a create was sent. */
export interface Stored extends Omit<Kept, "words"> {
  readonly process: Process
}

const minute = 60_000
const day = 86_400_000

/** How much older than a create a transaction of another process may be, and still be taken for its doing (README). */
const clockErrorMax = 2_000

export class Payment {
  readonly handle: string
  readonly amount: number
  readonly usesToken: boolean
  readonly neighbour: string
  /** The requests that were made under the handle so far. Its last one is the one in force. */
  readonly requests: Array<PayoutRequest.PayoutRequest> = []
  readonly sent: Array<Sent> = []
  /** The calls that may send something. */
  readonly running = new Set<Call>()
  /** The calls beside them that only ask. */
  readonly watching = new Set<Call>()
  readonly secrets: Array<string> = []
  claims: ReadonlyArray<Claim> = []
  /** All that was said: who is told what another call has found is told the same. */
  readonly statements = new Set<Said>()
  calls = 0
  /** Whether two processes ever paid it at the same time: then neither's budget is the payout's. */
  isContended = false
  /** How many exchanges were begun, those included whose process died before it sent anything. */
  departures = 0
  /** Where the next call is made. */
  slot: number
  last: { readonly claim: Claim | undefined; readonly process: Process } | undefined
  /** The evidence of the latest statement that has any, wherever it was made. */
  evident: Kept | undefined
  /** The evidence that was stored before the latest create. */
  stored: Stored | undefined
  /** The latest outcome that was not final. */
  processing: Claim | undefined
  /** Whether the last statement was that no money has moved, and none can have; and nothing was sent since. */
  isCertain = true
  /** When the provider last acted on it. */
  committed = -Infinity
  /** The requests of which a process was told that they are declined for good. */
  readonly declined = new Map<Process, Set<PayoutRequest.PayoutRequest>>()
  /** The request of which a process was told that it is paid. */
  readonly paidIn = new Map<Process, PayoutRequest.PayoutRequest>()
  /** Creates of which it was truly said that they have moved nothing, and never will; and when that was said first. */
  private readonly closed = new Map<Sent, number>()
  private readonly knowledge = new Map<Process, Knowledge.Knowledge>()

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

  get creates(): ReadonlyArray<Sent> {
    return this.sent.filter(({ kind }) => kind === "Create")
  }

  /** The exchanges of a process, but for those of calls that only ask. */
  sentBy(process: Process): ReadonlyArray<Sent> {
    return this.sent.filter((one) => one.process === process && !isWatching(one.call))
  }

  /** What is stored, if its process sent the latest create: it has all that this process sent. */
  get journal(): Kept | undefined {
    const { stored } = this
    if (stored === undefined || this.creates.some(({ at, process }) => process !== stored.process && at > stored.at)) {
      return undefined
    }
    const own = this.creates.filter(({ process }) => process === stored.process)
    const known = own.reduce(Knowledge.sending, stored.knowledge)
    return { words: `what ${stored.process.name} stored`, evidence: stored.evidence, at: stored.at, knowledge: known }
  }

  knownIn(process: Process): Knowledge.Knowledge {
    return this.knowledge.get(process) ?? Knowledge.nothing
  }

  know(process: Process, knowledge: Knowledge.Knowledge): void {
    this.knowledge.set(process, knowledge)
  }

  /** All that a call can know at this moment. */
  knownTo({ handed, process }: Call): Knowledge.Knowledge {
    return Knowledge.both(this.knownIn(process), handed)
  }

  /** The creates that may still do something, for all that somebody of this knowledge can know. */
  openTo(knowledge: Knowledge.Knowledge): ReadonlyArray<Sent> {
    return Knowledge.unknownTo(knowledge, this.creates).filter((create) => !this.closed.has(create))
  }

  /** It was truly said that nothing has moved, and nothing will by what was sent until now. */
  close(now: number): void {
    for (const create of this.creates) if (!this.closed.has(create)) this.closed.set(create, now)
  }

  trustIn(knowledge: Knowledge.Knowledge): Knowledge.Trust {
    const unknown = Knowledge.unknownTo(knowledge, this.creates)
    const open = unknown.filter((create) => !this.isOver(create, unknown))
    if (open.length === 0) return "Whole"
    return open.every(({ at }) => at <= knowledge.guesses) ? "Certainty" : "Nothing"
  }

  /**
   * Whether a create of another process is over for a client that does not know of it. It is not if a create that the
   * client knows of left so soon after that nobody can tell by the clocks which of the two made a transaction. People
   * keep further apart; but who pays beside another call may wait for a turn until just after that call has ended.
   */
  private isOver(create: Sent, unknown: ReadonlyArray<Sent>): boolean {
    const closed = this.closed.get(create)
    const isConfused = ({ at }: Sent) => closed !== undefined && at >= closed && at <= closed + clockErrorMax
    return (
      closed !== undefined &&
      !this.creates.some((one) => isConfused(one) && !unknown.includes(one) && !this.closed.has(one))
    )
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

  /** Attempts of earlier days that are on record, all declined: of other cards, and perhaps of another amount. */
  history(chance: Chance): Sandbox.PastPayout {
    const ages = Array.from({ length: chance.between(1, 3) }, () => chance.duration(minute, 30 * day))
    const transactions = ages
      .sort((a, b) => b - a)
      .map((age, index) => ({
        created: { age },
        destination: `ca_old${index}x${this.index}fcfac2016614418f969fa569`,
        outcome: chance.happens(0.5) ? Acquirer.hardDeclined() : Acquirer.softDeclined(),
        ...(chance.happens(0.2) ? { amount: this.amount + 1 } : {})
      }))
    const latest = transactions.pop()
    return {
      handle: this.handle,
      amount: this.amount,
      currency: "DKK",
      customer: `customer-${this.index}`,
      transactions: latest === undefined ? [] : [...transactions, latest]
    }
  }
}

export const isWatching = (call: Call | undefined): boolean =>
  call?.kind === "AwaitOutcome" || call?.kind === "AwaitHandle"
