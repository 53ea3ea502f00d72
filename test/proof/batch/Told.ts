/** What the campaign and the programs that it kills tell each other. */
import type { PayoutRequest } from "effect-billwerk-payouts"

/** Who keeps the record: the library, or one that is wrong on purpose. */
export type Keeper = "library" | "after sending" | "not at all"

/** What a program is started with. */
export interface Setup {
  /** The provider's address. */
  readonly provider: string
  readonly journal: string
  readonly rows: number
  readonly keeper: Keeper
  /** How many rows are under way at once. */
  readonly concurrency: number
  /** How long a create or a lookup may take, in milliseconds. */
  readonly deadline: number
  /** How long a lock holds that nobody renews, in milliseconds. */
  readonly lease: number
}

/** What a program tells: that it begins, how a row ended, and how the run ended. */
export type Told =
  | { readonly _tag: "Ready" }
  | {
      readonly _tag: "Ended"
      readonly handle: string
      readonly outcome: string
      readonly certainty: string
      readonly min: number
      readonly max: number
      /** Whether an earlier run had ended it. */
      readonly isEarlier: boolean
    }
  | { readonly _tag: "Summary"; readonly notBegun: number; readonly stopped: string | undefined }

const destination = "ca_fcfac2016614418f969fa5697383e47c"

/** The batch: the same in each run. */
export const inputsOf = (rows: number): ReadonlyArray<PayoutRequest.Input> =>
  Array.from({ length: rows }, (_, index) => ({
    handle: `pay-${index + 1}`,
    destination,
    amount: index + 1,
    currency: "DKK"
  }))
