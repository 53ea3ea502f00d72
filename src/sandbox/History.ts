/**
 * Payouts that exist before the sandbox receives anything. Their types allow only what the provider's rules allow: a
 * payout is attempted again only after a failure.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Acquirer from "./Acquirer.js"

/**
 * A moment by Effect's clock: how long before the sandbox starts (or is reset), or when exactly.
 *
 * @category models
 * @since 0.1.0
 */
export type Past = { readonly age: Duration.DurationInput } | DateTime.Utc

/**
 * An attempt that was made. One that ended did so when it was created; one that is processing settles `after` its
 * creation, or by `sandbox.settle`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastTransaction<out Outcome extends Acquirer.Outcome = Acquirer.Outcome> {
  readonly created: Past
  /** Minor units; those of the payout, unless said. */
  readonly amount?: number
  /** A saved method (`ca_...`), or a card token (`ct_...`), which it has used up. */
  readonly destination: string
  /** How it ended, and why; `Acquirer.processingError({ moved: true })` hides a movement. */
  readonly outcome: Outcome
}

/**
 * A payout that was made. Its state is that of its latest transaction, or `created` if it has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastPayout {
  readonly handle: string
  /** Minor units. */
  readonly amount: number
  /** The account's, unless said. */
  readonly currency?: string
  /** Its first destination's owner, unless said: the registered one, or one made up. */
  readonly customer?: string
  readonly text?: string
  /** When it was created: with its first transaction, unless said; without any, at the start. */
  readonly created?: Past
  /** Oldest first. One that is not later than the one before it becomes a millisecond later. */
  readonly transactions:
    readonly [] | readonly [...earlier: ReadonlyArray<PastTransaction<Acquirer.Failed>>, latest: PastTransaction]
}

/** A payout of the past, with its moments as dates. */
export interface Dated {
  readonly payout: PastPayout
  readonly created: DateTime.Utc
  readonly attempts: ReadonlyArray<{ readonly made: DateTime.Utc; readonly transaction: PastTransaction }>
}

/** The payouts in the order of their creation, as seen from the start (epoch milliseconds). */
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
