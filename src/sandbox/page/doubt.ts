/**
 * What a client of a payout cannot know of it, although the sandbox does: from the ledger and the exchanges.
 */
import type * as Ledger from "../Ledger.js"
import { type Exchange, tellsPaid } from "../Exchange.js"

/** Money that moved, or still may, without an answer that told the client that it moved: minor units, and why. */
export interface Doubt {
  /** The same for two reasons to doubt the same money: a transaction, or an exchange. */
  readonly about: string
  readonly amount: number
  readonly says: string
}

/** Everything about one payout. */
export interface Known {
  readonly record: Ledger.Recorded | undefined
  readonly movements: ReadonlyArray<Ledger.Movement>
  /** In their order. The oldest may be forgotten. */
  readonly exchanges: ReadonlyArray<Exchange>
  /** Whether a forgotten exchange told the client that the payout is paid. */
  readonly toldPaid: boolean
}

export const doubtsOf = ({ exchanges, movements, record, toldPaid }: Known): ReadonlyArray<Doubt> => {
  const onTheirWay = exchanges.filter(({ deed, kind }) => kind === "Create" && deed._tag === "UnderWay")
  // A handle is paid once, so the order of the answers does not matter: one that arrives late may have begun early.
  const isTold = toldPaid || exchanges.some(tellsPaid)
  return [
    ...onTheirWay.map(({ amount, ordinal }) => ({
      about: `exchange ${ordinal}`,
      amount: amount ?? 0,
      says: "A create is on its way, and is carried out when it arrives."
    })),
    ...(record?.state === "processing"
      ? record.transactions
          .slice(-1)
          .map(({ amount, id }) => ({ about: id, amount, says: "Accepted, and not carried out yet." }))
      : []),
    ...movements
      .filter(({ hidden }) => !hidden && !isTold)
      .map(({ amount, transaction }) => ({ about: transaction, amount, says: untold(transaction, exchanges) })),
    ...movements
      .filter(({ hidden }) => hidden)
      .map(({ amount, transaction }) => ({
        about: transaction,
        amount,
        says: "The money moved, and the record says failed."
      }))
  ]
}

/** How much is in doubt for at least one reason. */
export const sumOf = (doubts: ReadonlyArray<Doubt>): number =>
  [...new Map(doubts.map(({ about, amount }) => [about, amount] as const)).values()].reduce(
    (total, amount) => total + amount,
    0
  )

/** Why the client cannot know of money that moved on record. */
const untold = (transaction: string, exchanges: ReadonlyArray<Exchange>): string => {
  for (const { deed, ending } of exchanges) {
    if (deed._tag !== "Attempted" || deed.transaction !== transaction) continue
    if (ending === "Pending") return "Carried out, and the answer is on its way."
    return deed.state === "processing"
      ? "Paid later, and no answer has said so yet."
      : "Carried out, and the answer was lost."
  }
  return "Carried out, and no answer that is remembered said so."
}
