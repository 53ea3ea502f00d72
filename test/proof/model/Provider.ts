/**
 * A provider for the second model, written from the facts of the API alone: one payout, its record, and the truth that
 * the record may hide. What becomes of each request is decided outside, one request at a time.
 */
import { DateTime } from "effect"
import type { VirtualTime } from "../simulation/VirtualTime.js"

export const handle = "model-1"
export const amount = 12_500
export const currency = "DKK"

const second = 1_000
const minute = 60 * second

/** How long a request travels, how long the acquirer takes, and how long an answer travels. */
export const transit = 50
const acquirerTakes = 300
/** A request that is held up is carried out so much later. */
const heldUp = 10 * minute
/** An asynchronous payment ends so much after it began. */
const processingTakes = 20 * minute
/** A read may lag behind a transaction that is younger than this. */
export const lagMax = minute

/** What the acquirer makes of a transaction. `hidden` is a processing error that moved the money all the same. */
export type Ending = "paid" | "soft" | "hard" | "error" | "hidden" | "pays later" | "declines later"

/** What the network makes of a create. `crossed` is carried out and answered with the answer to another payout. */
export type Way = "answered" | "lost" | "reset" | "held up" | "crossed 134" | "crossed 133" | "crossed handle"

/** What is held up does not also end later: its answer is too far away already. */
export interface Fate {
  readonly way: Way
  readonly ending: Ending
}

/** What the network makes of a lookup. */
export type Reading = "answered" | "lost" | "lags"

export interface Transaction {
  readonly id: string
  readonly created: number
  readonly card: string
  /** The process that sent the create, or none for what was there before. */
  readonly by: string | undefined
  state: "paid" | "failed" | "processing"
  errorState: "hard_declined" | "soft_declined" | "processing_error" | undefined
  /** Whether the money left the account, whatever the record says. */
  moved: boolean
}

/** A response as it is put on the wire. */
export interface Response {
  readonly status: number
  readonly body: unknown
}

/** What will happen without any further request. */
interface Pending {
  readonly at: number
  readonly what: { readonly arrives: Ending } | { readonly ends: Transaction; readonly paid: boolean }
}

export class Provider {
  readonly transactions: Array<Transaction> = []
  private readonly pending = new Set<Pending>()
  private named = 0

  constructor(
    private readonly time: VirtualTime,
    /** Whether the record shows the saved method. */
    private readonly showsCards: boolean
  ) {}

  get now(): number {
    return this.time.now
  }

  /** What has really left the account. */
  get moved(): number {
    return movedOf(this.transactions)
  }

  /** What has really left the account with one card. */
  movedTo(card: string): number {
    return movedOf(this.transactions.filter((one) => one.card === card))
  }

  /** What will have left the account in the end, if nothing more is sent. */
  movedInTheEnd(): number {
    let moved = this.moved
    let isPaid = this.transactions.some((one) => one.state === "paid")
    let processing = this.transactions.find((one) => one.state === "processing")
    const rest = [...this.pending].sort((a, b) => a.at - b.at)
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      if ("ends" in next.what) {
        processing = undefined
        if (next.what.paid) moved += amount
        isPaid ||= next.what.paid
      } else if (!isPaid && processing === undefined) {
        // What is still on its way never ends later: see `Fate`.
        const ending = next.what.arrives
        if (ending === "paid" || ending === "hidden") moved += amount
        if (ending === "paid") isPaid = true
      }
    }
    return moved
  }

  /** A decline from long ago. */
  remember(card: string, created: number): void {
    this.add(card, undefined, created, "hard")
  }

  /** Sends a create on its way, and says when it comes back with what, if it does. */
  post(card: string, by: string, { ending, way }: Fate, done: (response: Response | undefined) => void): void {
    const arrival = this.now + transit
    const back = arrival + acquirerTakes + transit
    switch (way) {
      case "lost":
        this.time.plan(arrival, () => done(undefined))
        return
      case "held up":
        this.arrive(this.now + heldUp, card, by, ending, () => undefined)
        this.time.plan(arrival, () => done(undefined))
        return
      case "reset":
        this.arrive(arrival, card, by, ending, () => undefined)
        this.time.plan(back, () => done(undefined))
        return
      case "answered":
        this.arrive(arrival, card, by, ending, (response) => this.time.plan(back, () => done(response)))
        return
      default: {
        this.arrive(arrival, card, by, ending, () => undefined)
        this.time.plan(back, () => done(this.crossed(way)))
      }
    }
  }

  /** Sends a lookup on its way. */
  get(asked: string, reading: Reading, done: (response: Response | undefined) => void): void {
    if (reading === "lost") {
      this.time.plan(this.now + transit, () => done(undefined))
      return
    }
    this.time.plan(this.now + transit, () => {
      const shown = reading === "lags" ? this.transactions.slice(0, -1) : this.transactions
      const response =
        asked !== handle || shown.length === 0
          ? this.error(404, 137, "Payout not found", `/v1/payout/${asked}`)
          : { status: 200, body: this.record(shown) }
      this.time.plan(this.now + transit, () => done(response))
    })
  }

  /** Whether a read by this process can lag: only behind what it sent itself, and only for a while. */
  canLag(by: string): boolean {
    const last = this.transactions.at(-1)
    return last !== undefined && last.by === by && this.now - last.created < lagMax
  }

  private arrive(at: number, card: string, by: string, ending: Ending, answer: (response: Response) => void): void {
    const pending: Pending = { at, what: { arrives: ending } }
    this.pending.add(pending)
    this.time.plan(at, () => {
      this.pending.delete(pending)
      answer(this.carryOut(card, by, ending))
    })
  }

  /** One success a handle. */
  private carryOut(card: string, by: string, ending: Ending): Response {
    if (this.transactions.some(({ state }) => state === "paid")) return this.error(400, 134, "Payout already paid")
    if (this.transactions.some(({ state }) => state === "processing")) return this.error(400, 133, "Payout processing")
    const transaction = this.add(card, by, this.now, ending)
    if (transaction.state === "processing") this.endLater(transaction, ending === "pays later")
    return { status: 200, body: this.record(this.transactions) }
  }

  private add(card: string, by: string | undefined, created: number, ending: Ending): Transaction {
    const transaction: Transaction = {
      id: (++this.named).toString(16).padStart(32, "0"),
      created,
      card,
      by,
      state: ending === "paid" ? "paid" : ending.endsWith("later") ? "processing" : "failed",
      errorState: errorStates[ending],
      moved: ending === "paid" || ending === "hidden"
    }
    this.transactions.push(transaction)
    return transaction
  }

  private endLater(transaction: Transaction, paid: boolean): void {
    const pending: Pending = { at: this.now + processingTakes, what: { ends: transaction, paid } }
    this.pending.add(pending)
    this.time.plan(pending.at, () => {
      this.pending.delete(pending)
      transaction.state = paid ? "paid" : "failed"
      transaction.errorState = paid ? undefined : "hard_declined"
      transaction.moved = paid
    })
  }

  private record(shown: ReadonlyArray<Transaction>): unknown {
    const last = shown.at(-1)
    return this.payout(handle, shown.find(({ state }) => state === "paid")?.state ?? last?.state ?? "created", shown)
  }

  private payout(name: string, state: string, shown: ReadonlyArray<Transaction>): unknown {
    return {
      handle: name,
      state,
      amount,
      currency,
      customer: "customer-1",
      created: iso(shown[0]?.created ?? this.now),
      transactions: shown.map((one) => ({
        id: one.id,
        state: one.state,
        payout: name,
        amount,
        created: iso(one.created),
        card_type: "visa",
        ...(one.errorState === undefined ? {} : { error_state: one.errorState, error: "declined_by_acquirer" }),
        ...(this.showsCards ? { card: { id: one.card, state: "active" } } : {})
      }))
    }
  }

  private crossed(way: "crossed 134" | "crossed 133" | "crossed handle"): Response {
    if (way === "crossed 134") return this.error(400, 134, "Payout already paid")
    if (way === "crossed 133") return this.error(400, 133, "Payout processing")
    const other = this.transactions.slice(0, 1).map((one) => ({ ...one, id: "f".repeat(32), state: "paid" as const }))
    return { status: 200, body: this.payout("model-2", "paid", other) }
  }

  private error(status: number, code: number, error: string, path = "/v1/payout"): Response {
    const http_reason = status === 404 ? "Not Found" : "Bad Request"
    return {
      status,
      body: { code, error, path, timestamp: iso(this.now), http_status: status, http_reason, request_id: "in-header" }
    }
  }
}

const movedOf = (transactions: ReadonlyArray<Transaction>) => transactions.filter((one) => one.moved).length * amount

const errorStates: { readonly [ending in Ending]: Transaction["errorState"] } = {
  paid: undefined,
  soft: "soft_declined",
  hard: "hard_declined",
  error: "processing_error",
  hidden: "processing_error",
  "pays later": undefined,
  "declines later": undefined
}

const iso = (millis: number) => DateTime.formatIso(DateTime.unsafeMake(millis))
