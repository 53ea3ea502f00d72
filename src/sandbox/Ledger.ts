/**
 * What happened, in two books that never correct each other. `movements` is the acquirer's truth (money that really
 * moved), and `payouts` the provider's record (what it knows, and what its API answers). A ledger is an immutable
 * value, so a test's copy is a snapshot.
 */
import { groupBy } from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Payout from "../domain/Payout.js"
import type { Outcome, Settled } from "./Acquirer.js"

/**
 * Money that really left the account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Movement {
  readonly handle: string
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  /** The id of the transaction that moved it. */
  readonly transaction: string
  /** When it left, by the provider's clock. */
  readonly when: DateTime.Utc
  /** A hidden success: the provider's record shows this transaction as failed. */
  readonly hidden: boolean
}

/**
 * One attempt, as the provider has it on record.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction extends Payout.Transaction {
  /** When the attempt was made, by the provider's clock. */
  readonly created: DateTime.Utc
  /** The reference (`ca_...`) of its card, which prints as `<redacted>`. A card token gets a new reference. */
  readonly card: Redacted.Redacted<string>
  /** When it became paid or failed. */
  readonly settled?: DateTime.Utc
}

/**
 * A payout, as the provider has it on record: the domain's `Payout`, with everything that this provider always knows.
 * Transactions are oldest first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recorded extends Payout.Payout {
  readonly currency: string
  readonly customer: string
  /** The text of the request that made the record. */
  readonly text?: string | undefined
  /** When the payout was first on record, by the provider's clock. */
  readonly created: DateTime.Utc
  /** Oldest first. */
  readonly transactions: ReadonlyArray<Transaction>
}

/**
 * Both books at one moment, by handle.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** The provider's record, by handle. */
  readonly payouts: HashMap.HashMap<string, Recorded>
  /** The acquirer's truth, by handle: oldest first. */
  readonly movements: HashMap.HashMap<string, ReadonlyArray<Movement>>
  /** The sum of all movements in minor units, regardless of currency. */
  readonly totalMoved: number
}

/**
 * The validated arguments of an attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Intent {
  readonly handle: string
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  readonly customer: string
  /** The reference (`ca_...`) of the card, which prints as `<redacted>`. A card token gets a new reference. */
  readonly card: Redacted.Redacted<string>
  /** For the customer's statement. */
  readonly text?: string | undefined
}

/**
 * A ledger without payouts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Ledger = { payouts: HashMap.empty(), movements: HashMap.empty(), totalMoved: 0 }

/**
 * A ledger of both books, as they were saved.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBooks = (payouts: ReadonlyArray<Recorded>, moved: ReadonlyArray<Movement>): Ledger => ({
  payouts: HashMap.fromIterable(payouts.map((payout) => [payout.handle, payout] as const)),
  movements: HashMap.fromIterable(Object.entries(groupBy(moved, ({ handle }) => handle))),
  totalMoved: moved.reduce((total, { amount }) => total + amount, 0)
})

/**
 * The provider's record of a handle.
 *
 * @category queries
 * @since 0.1.0
 */
export const payout = (ledger: Ledger, handle: string): Option.Option<Recorded> => HashMap.get(ledger.payouts, handle)

/**
 * What really moved for a handle, oldest first.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const moved = Effect.gen(function* () {
 *   const sandbox = yield* Sandbox.Sandbox
 *   return Ledger.movements(yield* sandbox.ledger, "prize-2026-0042").map((movement) => movement.amount)
 * })
 * ```
 *
 * @category queries
 * @since 0.1.0
 */
export const movements = (ledger: Ledger, handle: string): ReadonlyArray<Movement> =>
  Option.getOrElse(HashMap.get(ledger.movements, handle), () => none)

const none: ReadonlyArray<Movement> = []

/**
 * How much really moved for a handle, in minor units.
 *
 * @category queries
 * @since 0.1.0
 */
export const moved = (ledger: Ledger, handle: string): number =>
  movements(ledger, handle).reduce((total, movement) => total + movement.amount, 0)

/**
 * Every payout on record, in the order of creation.
 *
 * @category queries
 * @since 0.1.0
 */
export const payouts = (ledger: Ledger): ReadonlyArray<Recorded> =>
  Array.from(HashMap.values(ledger.payouts)).sort(byCreation)

// Transaction ids grow, so they give the order when a test's clock stands still.
const byCreation = (a: Recorded, b: Recorded): number =>
  a.created.epochMillis - b.created.epochMillis || (firstTransaction(a) < firstTransaction(b) ? -1 : 1)

const firstTransaction = (payout: Recorded): string => payout.transactions[0]?.id ?? ""

/**
 * The handles with more than one success on record. The provider's rule is one success per handle, so this is empty
 * unless the sandbox itself is broken.
 *
 * @category queries
 * @since 0.1.0
 */
export const paidTwice = (ledger: Ledger): ReadonlyArray<string> =>
  payouts(ledger)
    .filter((payout) => payout.transactions.filter((one) => one.state === "paid").length > 1)
    .map((payout) => payout.handle)

/**
 * The handles whose money really moved more than once. A processing error that hid a success, followed by another
 * attempt, has this effect. No client can see it, which is why such attempts must be few.
 *
 * @category queries
 * @since 0.1.0
 */
export const movedTwice = (ledger: Ledger): ReadonlyArray<string> =>
  Array.from(ledger.movements)
    .filter(([, movements]) => movements.length > 1)
    .map(([handle]) => handle)

/**
 * Puts a payout on record, and replaces the handle's earlier one.
 *
 * @category transitions
 * @since 0.1.0
 */
export const record = (ledger: Ledger, payout: Recorded): Ledger => ({
  ...ledger,
  payouts: HashMap.set(ledger.payouts, payout.handle, payout)
})

/**
 * Appends an attempt to a handle's payout. The first attempt creates the payout.
 *
 * @category transitions
 * @since 0.1.0
 */
export const attempt = (
  ledger: Ledger,
  intent: Intent,
  transaction: string,
  outcome: Outcome,
  when: DateTime.Utc
): Ledger => {
  const before = Option.getOrUndefined(payout(ledger, intent.handle))
  const opened: Recorded = {
    handle: intent.handle,
    state: "processing",
    amount: intent.amount,
    currency: intent.currency,
    customer: intent.customer,
    text: intent.text,
    created: before?.created ?? when,
    transactions: [
      ...(before?.transactions ?? []),
      {
        id: transaction,
        state: "processing",
        amount: intent.amount,
        created: after(before?.transactions.at(-1), when),
        card: intent.card,
        cardType: "visa",
        provider: "test"
      }
    ]
  }
  return outcome._tag === "Processing" ? record(ledger, opened) : close(ledger, opened, outcome, when)
}

// Two attempts never begin at the same time, so their order shows even when a test's clock stands still.
const after = (earlier: Transaction | undefined, when: DateTime.Utc): DateTime.Utc =>
  earlier === undefined || earlier.created.epochMillis < when.epochMillis
    ? when
    : DateTime.add(earlier.created, { millis: 1 })

/**
 * Settles a processing payout. Any other payout stays as it is.
 *
 * @category transitions
 * @since 0.1.0
 */
export const settle = (ledger: Ledger, handle: string, outcome: Settled, when: DateTime.Utc): Ledger =>
  Option.match(payout(ledger, handle), {
    onNone: () => ledger,
    onSome: (before) => (before.state === "processing" ? close(ledger, before, outcome, when) : ledger)
  })

// Ends the last transaction. Books the money if it moved, even if the record does not show it.
const close = (ledger: Ledger, payout: Recorded, outcome: Settled, when: DateTime.Utc): Ledger => {
  const last = payout.transactions.at(-1)
  if (last === undefined) return ledger
  const earlier = payout.transactions.slice(0, -1)
  if (outcome._tag === "Paid") {
    const transaction: Transaction = { ...last, state: "paid", settled: when }
    const paid: Recorded = { ...payout, state: "paid", paid: when, transactions: [...earlier, transaction] }
    return move(record(ledger, paid), paid, transaction, false, when)
  }
  const transaction: Transaction = {
    ...last,
    state: "failed",
    settled: when,
    errorState: outcome.errorState,
    error: outcome.error
  }
  const failed: Recorded = { ...payout, state: "failed", failed: when, transactions: [...earlier, transaction] }
  return outcome.moved ? move(record(ledger, failed), failed, transaction, true, when) : record(ledger, failed)
}

const move = (
  ledger: Ledger,
  { currency, handle }: Recorded,
  { amount, id }: Transaction,
  hidden: boolean,
  when: DateTime.Utc
): Ledger => ({
  ...ledger,
  movements: HashMap.set(ledger.movements, handle, [
    ...movements(ledger, handle),
    { handle, amount, currency, transaction: id, when, hidden }
  ]),
  totalMoved: ledger.totalMoved + amount
})
