/**
 * What was asked for, what was said of it, and what is true: the judge of a campaign. It believes nobody but the
 * provider's ledger.
 */
import { Ledger, type PayoutRequest } from "effect-billwerk-payouts"
import type { End } from "./Orders.js"

/** The processing errors that a payout may see, by the policy of the machines: the first one, and two that are retried. */
const processingErrorsMax = 3

export interface Entry {
  readonly request: PayoutRequest.Input
  /** Whether a machine has said that it is stored. From then on nobody needs to submit it again. */
  isStored: boolean
  /** What its caller was told, each time, and how much had moved by then. */
  readonly ends: Array<Told>
}

interface Told extends End {
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

  open(request: PayoutRequest.Input): void {
    this.entries.set(request.handle, { request, isStored: false, ends: [] })
  }

  stored(handle: string): void {
    const entry = this.entries.get(handle)
    if (entry !== undefined) entry.isStored = true
  }

  ended(handle: string, end: End, ledger: Ledger.Ledger): void {
    this.entries.get(handle)?.ends.push({ ...end, moved: Ledger.moved(ledger, handle) })
  }

  get unfinished(): ReadonlyArray<Entry> {
    return Array.from(this.entries.values()).filter(({ ends }) => ends.length === 0)
  }

  /** How many ended as what. */
  get categories(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { ends } of this.entries.values()) {
      const name = ends[0] === undefined ? "not ended" : `${ends[0].tag}, ${ends[0].certainty}`
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  /** To be called when everything that the provider has under way is done. */
  judge(ledger: Ledger.Ledger): Judgement {
    const lost: Array<string> = []
    const doubled: Array<string> = []
    const falsely: Array<string> = []
    const movements = byOrder(ledger)
    for (const [handle, { ends }] of this.entries) {
      const moved = movements.get(handle) ?? []
      if (ends.length === 0) lost.push(handle)
      const times = overpaid(moved)
      if (times !== undefined) doubled.push(`${handle}: ${times}`)
      const lie = contradiction(ends, moved)
      if (lie !== undefined) falsely.push(`${handle}: ${lie}`)
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

const overpaid = (movements: ReadonlyArray<Ledger.Movement>): string | undefined => {
  const hidden = movements.filter((movement) => movement.hidden).length
  if (movements.length - hidden > 1) return `paid ${movements.length - hidden} times`
  return hidden > processingErrorsMax ? `${hidden} hidden payments` : undefined
}

/** What was said against what is so: in the end, and when it was said. */
const contradiction = (ends: ReadonlyArray<Told>, movements: ReadonlyArray<Ledger.Movement>): string | undefined => {
  const moved = movements.reduce((sum, { amount }) => sum + amount, 0)
  const [first] = ends
  if (first === undefined) return undefined
  const other = ends.find((end) => words(end) !== words(first))
  if (other !== undefined) return `${words(first)}; and then ${words(other)}`
  if (!isCertainty(first)) return `${words(first)}, which says nothing`
  return first.moved < first.min || moved < first.min || moved > first.max
    ? `${words(first)}; ${first.moved} had moved by then, and ${moved} in the end`
    : undefined
}

const words = ({ certainty, max, min, tag }: End): string => `${tag}, ${certainty}, ${min} to ${max}`

const isCertainty = ({ certainty, max, min }: End): boolean =>
  certainty === (min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved")
