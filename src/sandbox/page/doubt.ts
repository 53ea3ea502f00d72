/**
 * What a client of a payout cannot know of it, although the sandbox does: from the ledger and the exchanges.
 */
import type * as Ledger from "../Ledger.js"
import type { Exchange } from "../Exchange.js"

/** Money whose way the client has not been told, in minor units, and why. */
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
  /** In their order. */
  readonly exchanges: ReadonlyArray<Exchange>
}

export const doubtsOf = ({ exchanges, movements, record }: Known): ReadonlyArray<Doubt> => {
  const onTheirWay = exchanges.filter(({ deed, kind }) => kind === "Create" && deed._tag === "UnderWay")
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
    ...untold(exchanges).flatMap((transaction) =>
      movements
        .filter((one) => one.transaction === transaction)
        .map(({ amount }) => ({ about: transaction, amount, says: "Carried out, and the answer was lost." }))
    ),
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

/** The transactions of attempts whose answer was lost or false, since the client was last told of the payout. */
const untold = (exchanges: ReadonlyArray<Exchange>): ReadonlyArray<string> => {
  const told = exchanges.findLastIndex(isTold)
  return exchanges
    .slice(told + 1)
    .flatMap(({ deed, ending }) => (deed._tag === "Attempted" && ending !== "Pending" ? [deed.transaction] : []))
}

/** Whether the client learned from it what is on record. */
const isTold = ({ altered, deed, ending }: Exchange): boolean => {
  if (altered || (ending !== "Answered" && ending !== "Dripping")) return false
  return (
    deed._tag === "Attempted" ||
    (deed._tag === "Showed" && deed.state !== undefined) ||
    (deed._tag === "Refused" && (deed.code === payoutProcessing || deed.code === payoutPaid))
  )
}

const payoutProcessing = 133
const payoutPaid = 134
