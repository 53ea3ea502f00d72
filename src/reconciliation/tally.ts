/**
 * Counts findings, and sums their money by class and currency.
 */
import { type Class, currencyLeft, type Finding, type Summary, type Total } from "./Difference.js"

export interface Tally {
  /** How many rows of our books, and how many records of the list, went in. */
  readonly rows: { expected: number; shown: number }
  readonly add: (finding: Finding) => void
  readonly summary: () => Summary
}

export const make = (): Tally => {
  const counts = new Map<Finding["_tag"], { count: number; readonly totals: Map<string, Total> }>()
  const rows = { expected: 0, shown: 0 }

  const add = (finding: Finding): void => {
    const { _tag, currency, exposure } = finding
    const known = counts.get(_tag) ?? { count: 0, totals: new Map() }
    counts.set(_tag, known)
    known.count += 1
    const sum = (of: string, total: Partial<Total>) => known.totals.set(of, plus(known.totals.get(of), total))
    if ("booked" in finding) sum(currency, { booked: whole(finding.booked) })
    sum(currencyLeft(finding), { least: whole(exposure.min), most: whole(exposure.max) })
  }

  const classOf = (name: Finding["_tag"]): Class => {
    const { count, totals } = counts.get(name) ?? { count: 0, totals: new Map<string, Total>() }
    return { count, totals: Object.fromEntries([...totals].sort(([one], [other]) => (one < other ? -1 : 1))) }
  }

  const summary = (): Summary => ({
    _tag: "Summary",
    agrees: [...counts.keys()].every((name) => name === "Matched" || name === "NotPaid"),
    ...rows,
    classes: {
      Matched: classOf("Matched"),
      NotPaid: classOf("NotPaid"),
      Differs: classOf("Differs"),
      MissingThere: classOf("MissingThere"),
      UnknownHere: classOf("UnknownHere"),
      InDoubt: classOf("InDoubt"),
      FinalSince: classOf("FinalSince"),
      Processing: classOf("Processing"),
      Duplicate: classOf("Duplicate"),
      NotAsked: classOf("NotAsked")
    }
  })

  return { rows, add, summary }
}

const nothing: Total = { booked: 0n, least: 0n, most: 0n }

const plus = (total: Total = nothing, { booked = 0n, least = 0n, most = 0n }: Partial<Total>): Total => ({
  booked: total.booked + booked,
  least: total.least + least,
  most: total.most + most
})

// An amount that no int32 can hold comes from a stream that is not the provider's.
const whole = (amount: number): bigint => (Number.isSafeInteger(amount) ? BigInt(amount) : 0n)
