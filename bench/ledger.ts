/** The provider's books: what it says about a payout, and what truly became of the money, which is not always the same. */
import { DateTime } from "effect"
import type { Input } from "./Client.js"

/** As they travel to the bench: the truth about one payout, to hold a client's answer against. */
export interface Entry {
  readonly handle: string
  /** How often money left the account. More than once is a double payment. */
  readonly moved: number
  /** Whether the client was told 134, "payout already paid": an answer, which looks like an error. */
  readonly toldAlreadyPaid: boolean
}

interface Transaction {
  /** 32 hex digits, as documented. */
  readonly id: string
  readonly state: "paid" | "failed"
  readonly created: string
}

let ids = 0
export const nextId = (): string => (ids += 1).toString(16).padStart(32, "0")

/** In the provider's format. */
export const now = (): string => DateTime.formatIso(DateTime.unsafeNow()).replace("Z", "+00:00")

export interface Payout {
  readonly input: Input
  readonly created: string
  /** What the provider knows. It does not know of the payments that its processing errors hid. */
  readonly transactions: Array<Transaction>
  moved: number
  toldAlreadyPaid: boolean
}

export interface Ledger {
  readonly get: (handle: string) => Payout | undefined
  /** Makes the record at the first POST, even if that comes to nothing. */
  readonly open: (input: Input) => Payout
  readonly entries: () => ReadonlyArray<Entry>
}

export const isPaid = ({ transactions }: Payout): boolean => transactions.at(-1)?.state === "paid"

export const settlePaid = (record: Payout): void => {
  record.moved += 1
  record.transactions.push({ id: nextId(), state: "paid", created: now() })
}

export const settleProcessingError = (record: Payout, hidden: boolean): void => {
  if (hidden) record.moved += 1
  record.transactions.push({ id: nextId(), state: "failed", created: now() })
}

export const make = (): Ledger => {
  const records = new Map<string, Payout>()
  return {
    get: (handle) => records.get(handle),
    open: (input) => {
      const record: Payout = { input, created: now(), transactions: [], moved: 0, toldAlreadyPaid: false }
      records.set(input.handle, record)
      return record
    },
    entries: () => Array.from(records, ([handle, { moved, toldAlreadyPaid }]) => ({ handle, moved, toldAlreadyPaid }))
  }
}
