/**
 * Payouts that exist before the sandbox receives anything. Their types allow only what the provider's rules allow: a
 * payout is attempted again only after a failure.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Acquirer from "./Acquirer.js"

/**
 * A time by Effect's clock: an exact date, or how long before the sandbox starts (or is reset).
 *
 * @category models
 * @since 0.1.0
 */
export type Past = { readonly age: Duration.DurationInput } | DateTime.Utc

/**
 * An attempt in the past. A finished attempt ended when it was created. A processing one settles `after` its creation,
 * or by `sandbox.settle`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastTransaction<out Outcome extends Acquirer.Outcome = Acquirer.Outcome> {
  /** When it was created, as a time or as an age at the start. */
  readonly created: Past
  /** Minor units. Default: the payout's amount. */
  readonly amount?: number
  /** A saved method (`ca_...`), or a card token (`ct_...`), which the attempt used up. */
  readonly destination: string
  /** How it ended, and why. `Acquirer.processingError({ moved: true })` hides a movement. */
  readonly outcome: Outcome
}

/**
 * A payout in the past. Its state is that of its latest transaction, or `created` without one.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastPayout {
  readonly handle: string
  /** Minor units. */
  readonly amount: number
  /** Default: the account's currency. */
  readonly currency?: string
  /** Default: the owner of its first destination, registered or made up. */
  readonly customer?: string
  /** Default: none. */
  readonly text?: string
  /** When it was created. Default: with its first transaction, or at the start if there is none. */
  readonly created?: Past
  /** Oldest first. A transaction that is not later than the one before it becomes a millisecond later. */
  readonly transactions:
    readonly [] | readonly [...earlier: ReadonlyArray<PastTransaction<Acquirer.Failed>>, latest: PastTransaction]
}

/** A payout of the past, with its times as dates. */
export interface Dated {
  readonly payout: PastPayout
  readonly created: DateTime.Utc
  readonly attempts: ReadonlyArray<{ readonly made: DateTime.Utc; readonly transaction: PastTransaction }>
}

/** The payouts by their creation. `start` is the sandbox's start in epoch milliseconds. */
export const dated = (history: ReadonlyArray<PastPayout>, start: number): ReadonlyArray<Dated> => {
  const dateOf = (past: Past): DateTime.Utc =>
    DateTime.isDateTime(past) ? past : DateTime.unsafeMake(start - Duration.toMillis(past.age))
  return history
    .map((payout) => {
      const attempts = payout.transactions.map((transaction) => ({ made: dateOf(transaction.created), transaction }))
      const created = payout.created === undefined ? attempts[0]?.made : dateOf(payout.created)
      return { payout, created: created ?? DateTime.unsafeMake(start), attempts }
    })
    .sort((a, b) => a.created.epochMillis - b.created.epochMillis)
}
