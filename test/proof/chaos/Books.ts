/**
 * What was asked for, what was said of it, and what is true: the judge of a campaign. It believes nobody but the
 * provider's ledger.
 */
import { Option, Redacted } from "effect"
import { Ledger } from "effect-billwerk-payouts/testing"
import { type End, keyOf, type Request } from "./Orders.js"

/** The processing errors that a payout may see, by the policy of the machines: the first one, and two that are retried. */
const processingErrorsMax = 3

export interface Entry {
  readonly request: Request
  /** Whether a machine has said that it is stored. From then on nobody needs to submit it again. */
  isStored: boolean
  /** Whether the handle was paid to another card since. */
  isFollowed: boolean
  /** How often it was taken up again after an end. */
  reopenings: number
  /** What its caller was told, each time, by which machine, and how much had moved to its card by then. */
  readonly ends: Array<Told>
}

interface Told extends End {
  readonly by: string
  readonly moved: number
}

/** What is wrong, by the kind of wrong. */
export interface Judgement {
  /** Stored, and never ended. */
  readonly lost: ReadonlyArray<string>
  /** Paid twice by us: beyond what the provider itself has hidden. */
  readonly doubled: ReadonlyArray<string>
  /** What the caller was told is not so. */
  readonly falsely: ReadonlyArray<string>
}

export class Books {
  readonly entries = new Map<string, Entry>()

  open(request: Request): void {
    this.entries.set(keyOf(request), { request, isStored: false, isFollowed: false, reopenings: 0, ends: [] })
  }

  stored(key: string): void {
    const entry = this.entries.get(key)
    if (entry !== undefined) entry.isStored = true
  }

  ended(key: string, by: string, end: End, ledger: Ledger.Ledger): void {
    const entry = this.entries.get(key)
    entry?.ends.push({
      ...end,
      by,
      moved: sum(movedTo(entry.request, Ledger.movements(ledger, entry.request.handle), ledger))
    })
  }

  /** Opens the same orders to other cards, where a machine other than `by` was told that they are declined for good. */
  followUp(by: string): ReadonlyArray<Request> {
    const requests = [...this.entries.values()].flatMap((entry) => {
      const [end] = entry.ends
      const isDeclined = end?.tag === "HardDeclined" && end.certainty === "NotMoved" && end.by !== by
      if (!isDeclined || entry.isFollowed) return []
      entry.isFollowed = true
      return [{ ...entry.request, destination: `${entry.request.destination}2` }]
    })
    for (const request of requests) this.open(request)
    return requests
  }

  /** How many were paid to another card than the first one. */
  get otherCards(): number {
    return [...this.entries.values()].filter(({ isFollowed }) => isFollowed).length
  }

  get unfinished(): ReadonlyArray<Entry> {
    return Array.from(this.entries.values()).filter(({ ends, reopenings }) => ends.length <= reopenings)
  }

  /** Takes payouts up again that have ended without being paid, or that may have moved money. At most twice each. */
  reopen(mode: "Retry" | "Assess", count: number): ReadonlyArray<Request> {
    const entries = [...this.entries.values()].filter((entry) => {
      const last = entry.ends.at(-1)
      if (last === undefined || entry.ends.length <= entry.reopenings || entry.reopenings > 1) return false
      const isOver = last.tag === "Paid" || last.tag === "HardDeclined" || entry.isFollowed
      return mode === "Retry" ? !isOver : last.certainty === "MayHaveMoved"
    })
    for (const entry of entries.slice(0, count)) entry.reopenings += 1
    return entries.slice(0, count).map(({ request }) => request)
  }

  /** How often payouts were taken up again. */
  get reopenings(): number {
    return [...this.entries.values()].reduce((total, entry) => total + entry.reopenings, 0)
  }

  /** Forgets what was said to be stored: the store was put back to an earlier state. */
  restored(): void {
    for (const entry of this.entries.values()) entry.isStored = false
  }

  /** How many ended as what. */
  get categories(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { ends } of this.entries.values()) {
      const last = ends.at(-1)
      const name = last === undefined ? "not ended" : `${last.tag}, ${last.certainty}`
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  /** `mayDiffer`: payouts may be told to have ended otherwise, later. To be called when everything that the provider has under way is done. */
  judge(ledger: Ledger.Ledger, mayDiffer = false): Judgement {
    const lost: Array<string> = []
    const doubled: Array<string> = []
    const falsely: Array<string> = []
    const movements = byOrder(ledger)
    for (const [key, { ends, reopenings, request }] of this.entries) {
      const moved = movements.get(request.handle) ?? []
      if (ends.length === 0) lost.push(key)
      const cards = [...this.entries.values()].filter((entry) => entry.request.handle === request.handle).length
      const times = overpaid(moved, cards + reopenings)
      if (times !== undefined) doubled.push(`${key}: ${times}`)
      const lie =
        reopenings > 0 || mayDiffer
          ? untrue(ends, movedTo(request, moved, ledger))
          : contradiction(ends, movedTo(request, moved, ledger))
      if (lie !== undefined) falsely.push(`${key}: ${lie}`)
    }
    return { lost, doubled, falsely }
  }
}

/** All that moved for an order, whatever handles were used for it: `pay-1`, and `pay-1.2`, which only a wrong client takes. */
const byOrder = (ledger: Ledger.Ledger): ReadonlyMap<string, ReadonlyArray<Ledger.Movement>> => {
  const orders = new Map<string, Array<Ledger.Movement>>()
  for (const [handle, movements] of ledger.movements) {
    const [order = handle] = handle.split(".")
    orders.set(order, [...(orders.get(order) ?? []), ...movements])
  }
  return orders
}

/** What moved to the card of a request, and not to another one under its handle. */
const movedTo = (
  { destination }: Request,
  movements: ReadonlyArray<Ledger.Movement>,
  ledger: Ledger.Ledger
): ReadonlyArray<Ledger.Movement> =>
  movements.filter(({ handle, transaction }) =>
    Option.exists(Ledger.payout(ledger, handle), ({ transactions }) =>
      transactions.some(({ card, id }) => id === transaction && Redacted.value(card) === destination)
    )
  )

const sum = (movements: ReadonlyArray<Ledger.Movement>): number =>
  movements.reduce((total, { amount }) => total + amount, 0)

const overpaid = (movements: ReadonlyArray<Ledger.Movement>, cards: number): string | undefined => {
  const hidden = movements.filter((movement) => movement.hidden).length
  if (movements.length - hidden > 1) return `paid ${movements.length - hidden} times`
  return hidden > processingErrorsMax * cards ? `${hidden} hidden payments` : undefined
}

/** What was said against what is so: in the end, and when it was said. */
const contradiction = (ends: ReadonlyArray<Told>, movements: ReadonlyArray<Ledger.Movement>): string | undefined => {
  const moved = sum(movements)
  const [first] = ends
  if (first === undefined) return undefined
  const other = ends.find((end) => words(end) !== words(first))
  if (other !== undefined) return `${words(first)}; and then ${words(other)}`
  if (!isCertainty(first)) return `${words(first)}, which says nothing`
  return first.moved < first.min || moved < first.min || moved > first.max
    ? `${words(first)}; ${first.moved} had moved by then, and ${moved} in the end`
    : undefined
}

/** A payout that is taken up again may end otherwise. Each end has to be true when it is told, and the last one for good. */
const untrue = (ends: ReadonlyArray<Told>, movements: ReadonlyArray<Ledger.Movement>): string | undefined => {
  const lie = ends.find((end) => !isCertainty(end) || end.moved < end.min || end.moved > end.max)
  if (lie !== undefined) return `${words(lie)}; ${lie.moved} had moved by then`
  const last = ends.at(-1)
  return last === undefined ? undefined : contradiction([last], movements)
}

const words = ({ certainty, max, min, tag }: End): string => `${tag}, ${certainty}, ${min} to ${max}`

const isCertainty = ({ certainty, max, min }: End): boolean =>
  certainty === (min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved")
