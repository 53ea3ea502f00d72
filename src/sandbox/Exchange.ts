/**
 * What the provider saw of each exchange. It is enough to compare with the client's attempts, and has no secret: only a
 * fingerprint of the body is kept.
 */
import * as Data from "effect/Data"
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
 * What the provider did with a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Deed = Data.TaggedEnum<{
  /** It has not reached the provider yet. */
  UnderWay: {}
  /** A step of the script let the provider do nothing. */
  Nothing: {}
  /** The provider refused it by its rules, and changed nothing. */
  Refused: { readonly code: number; readonly text: string }
  /** The provider showed what it has, and changed nothing. `state` is that of the payout, where one was asked for. */
  Showed: { readonly state?: string | undefined }
  /** The provider made an attempt to move money. */
  Attempted: {
    readonly transaction: string
    /** What the attempt came to at once: `paid`, `processing`, `failed`. */
    readonly state: string
    readonly errorState?: string | undefined
    readonly error?: string | undefined
    /** Whether money moved at once, on record or not. */
    readonly moved: boolean
  }
}>

/**
 * The constructors of what the provider did.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Deed = Data.taggedEnum<Deed>()

/**
 * One exchange as the sandbox saw it: what came in, and how it was answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exchange {
  /** 1 for the first. */
  readonly ordinal: number
  /** What was asked; `Other` for what no client of this library sends. */
  readonly kind: Kind | "Other"
  /** The handle that it was about, if it could be read. */
  readonly handle?: string | undefined
  /** When it came in, by the test's clock. */
  readonly started: DateTime.Utc
  /** When the provider answered, or the exchange ended without an answer. */
  readonly ended?: DateTime.Utc | undefined
  /** Minor units, as a create asked for them. Undefined for anything else than a whole number. */
  readonly amount?: number | undefined
  /** As a create asked for it. Undefined for anything else than three capital letters. */
  readonly currency?: string | undefined
  /** The name of the step of the script that it met, if that step has one: see `Script.named`. */
  readonly step?: string | undefined
  /** What the provider did with it. */
  readonly deed: Deed
  /** Whether the script gave another answer than the provider's own. */
  readonly altered: boolean
  /** Equal for bodies that are equal in every byte. It reveals nothing else about them. */
  readonly fingerprint: string
  /** How it was answered. */
  readonly ending: Ending
  /** The HTTP status, if one was sent. */
  readonly status?: number | undefined
}

/** What is known of an exchange when it begins. */
export type Begun = Omit<Exchange, "ordinal" | "ended" | "deed" | "ending" | "status">

const pending = { ended: undefined, deed: Deed.UnderWay(), ending: "Pending", status: undefined } as const

/** Whether the client learned from its answer that the payout is paid. */
export const tellsPaid = ({ altered, deed, ending }: Exchange): boolean => {
  if (altered || ending !== "Answered") return false
  if (deed._tag === "Refused") return deed.code === payoutPaid
  return (deed._tag === "Attempted" || deed._tag === "Showed") && deed.state === "paid"
}

const payoutPaid = 134

/**
 * The exchanges, in the order in which they began. Beyond `exchangesMax`, the oldest are forgotten, but none that is still
 * on its way to the provider: it may move money.
 */
export class Log {
  private readonly exchanges = new Map<number, Exchange>()
  private readonly told = new Set<string>()
  private began = 0

  constructor(private readonly exchangesMax: number) {}

  /** How many exchanges there were. */
  get count(): number {
    return this.began
  }

  get all(): ReadonlyArray<Exchange> {
    return Array.from(this.exchanges.values())
  }

  /** The handles of payouts of which a forgotten exchange told the client that they are paid. */
  get toldPaid(): ReadonlyArray<string> {
    return Array.from(this.told)
  }

  /** How many different bodies the creates of a handle had. */
  bodies(handle: string): number {
    const creates = this.all.filter((exchange) => exchange.kind === "Create" && exchange.handle === handle)
    return new Set(creates.map((exchange) => exchange.fingerprint)).size
  }

  begin(exchange: Begun): number {
    this.began += 1
    const ordinal = this.began
    this.exchanges.set(ordinal, { ordinal, ...exchange, ...pending })
    this.forget()
    return ordinal
  }

  /** What the provider did, which it may do long after the client has gone. */
  did(ordinal: number, deed: Deed): void {
    this.change(ordinal, { deed })
  }

  end(ordinal: number, end: Pick<Exchange, "ending" | "status" | "ended">): void {
    this.change(ordinal, end)
  }

  /** Replaces all exchanges by earlier ones. `count` is how many there were, with those that are forgotten. */
  restore(exchanges: ReadonlyArray<Exchange>, count: number, toldPaid: ReadonlyArray<string>): void {
    this.exchanges.clear()
    for (const exchange of exchanges) this.exchanges.set(exchange.ordinal, exchange)
    this.began = count
    for (const handle of toldPaid) this.told.add(handle)
    this.forget()
  }

  private forget(): void {
    for (const exchange of this.exchanges.values()) {
      if (this.exchanges.size <= this.exchangesMax) return
      if (exchange.deed._tag === "UnderWay") continue
      this.exchanges.delete(exchange.ordinal)
      if (exchange.handle !== undefined && tellsPaid(exchange)) this.told.add(exchange.handle)
    }
  }

  private change(ordinal: number, change: Partial<Exchange>): void {
    const exchange = this.exchanges.get(ordinal)
    if (exchange !== undefined) this.exchanges.set(ordinal, { ...exchange, ...change })
  }
}
