/** What was told of each row, against what is true: the judge of a campaign. It believes nobody but the ledger. */
import { Ledger } from "effect-billwerk-payouts/testing"
import { inputsOf, type Told } from "./Told.js"

type Statement = Extract<Told, { readonly _tag: "Ended" }>

/** The processing errors that a row may see: the policy's, which the provider's own record counts over all runs. */
const hiddenMax = 2

/** What is wrong, by the kind of wrong. */
export interface Judgement {
  /** Neither paid nor certainly refused nor in doubt, after the last run. */
  readonly lost: ReadonlyArray<string>
  /** Paid twice by us: beyond what the provider itself has hidden. */
  readonly doubled: ReadonlyArray<string>
  /** What was told of it is not so: when it was told, or in the end. */
  readonly falsely: ReadonlyArray<string>
  /** All that moved, and the least and the most of it by the last statements. */
  readonly books: { readonly moved: number; readonly min: number; readonly max: number }
}

export class Books {
  /** The last statement of each row. */
  readonly last = new Map<string, Statement>()
  private readonly lies: Array<string> = []
  /** The rows that were told to be declined, with nothing moved: nobody sends them again. */
  private readonly declined = new Set<string>()
  private readonly amounts: ReadonlyMap<string, number>

  constructor(rows: number) {
    this.amounts = new Map(inputsOf(rows).map(({ amount, handle }) => [handle, amount]))
  }

  /** A row has ended, when the ledger was so. */
  told(statement: Statement, ledger: Ledger.Ledger): void {
    this.last.set(statement.handle, statement)
    if (isOver(statement)) this.declined.add(statement.handle)
    const lie = contradiction(statement, Ledger.moved(ledger, statement.handle))
    if (lie !== undefined) this.lies.push(`when told: ${lie}`)
  }

  /** How many rows ended as what. */
  get ends(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { certainty, outcome } of this.last.values()) {
      const name = `${outcome}, ${certainty}`
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  /** To be called when everything that the provider has under way is done. */
  judge(ledger: Ledger.Ledger): Judgement {
    const lost: Array<string> = []
    const doubled: Array<string> = []
    const falsely = [...this.lies]
    let min = 0
    let max = 0
    for (const [handle, amount] of this.amounts) {
      const statement = this.last.get(handle)
      const movements = Ledger.movements(ledger, handle)
      const hidden = movements.filter((movement) => movement.hidden).length
      if (movements.length - hidden > 1) doubled.push(`${handle}: paid ${movements.length - hidden} times`)
      if (hidden > hiddenMax) doubled.push(`${handle}: ${hidden} hidden payments`)
      if (statement === undefined || statement.outcome === "Processing") {
        lost.push(`${handle}: ${statement?.outcome ?? "never ended"}`)
        continue
      }
      min += statement.min
      max += statement.max
      const lie = contradiction(statement, Ledger.moved(ledger, handle))
      if (lie !== undefined) falsely.push(`in the end: ${lie}`)
      if (this.declined.has(handle) && movements.length > 0)
        falsely.push(`${handle}: paid after it was told as declined`)
      if (statement.outcome === "Paid" && statement.min !== amount) falsely.push(`${handle}: paid ${statement.min}`)
    }
    return { lost, doubled, falsely, books: { moved: ledger.totalMoved, min, max } }
  }
}

const isOver = ({ certainty, outcome }: Statement): boolean =>
  certainty === "NotMoved" && (outcome === "HardDeclined" || outcome === "SoftDeclined")

const contradiction = ({ certainty, handle, max, min, outcome }: Statement, moved: number): string | undefined => {
  const is = min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"
  if (certainty === is && min <= moved && moved <= max) return undefined
  return `${handle}: ${outcome}, ${certainty}, ${min} to ${max}; and ${moved} had moved`
}
