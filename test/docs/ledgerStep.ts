import { Data } from "effect"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"

/** What a ledger that books by handle does with the funds that it reserved. */
export type LedgerStep = Data.TaggedEnum<{
  /** Books `amount`. `inDoubt` may have moved as well: it stays reserved, and a person is asked about it. */
  readonly Book: { readonly amount: number; readonly inDoubt: number }
  /** Gives the funds back: nothing moved, and to send the same again cannot help. */
  readonly Release: {}
  /** Keeps the funds reserved, and tries again later: nothing was decided yet. */
  readonly TryLater: {}
  /** Keeps the funds reserved, and asks a person: at most this much has moved under the handle. */
  readonly AskAPerson: { readonly atMost: number }
}>
export const LedgerStep = Data.taggedEnum<LedgerStep>()

export const ledgerStep = (end: Outcome.Outcome | PayoutError.PayoutError): LedgerStep => {
  const { max, min } = end.exposure
  if (end._tag === "Paid") return LedgerStep.Book({ amount: min, inDoubt: max - min })
  if (end._tag === "Processing") return LedgerStep.TryLater()
  // `certainty` is about this request alone. The funds of the handle may be those of the other one.
  if (end._tag === "HandleConflict") return LedgerStep.AskAPerson({ atMost: max + end.other.exposure.max })
  // Such a request is not sent, and that says nothing about an earlier one.
  if (end._tag === "InvalidRequest") return LedgerStep.AskAPerson({ atMost: max })
  if (end.certainty !== "NotMoved") return LedgerStep.AskAPerson({ atMost: max })
  return isRefused(end) ? LedgerStep.Release() : LedgerStep.TryLater()
}

/** Declined, or refused for what it asks for. A lost connection, a limit, a refused key and a collision pass. */
const isRefused = (error: PayoutError.PayoutError): boolean => {
  switch (error._tag) {
    case "HardDeclined":
    case "SoftDeclined":
    case "PaymentMethodNotFound":
    case "PaymentMethodNotAllowed":
    case "CustomerMismatch":
      return true
    case "RequestRejected":
      return error.code !== 74 && ![401, 403, 409, 425].includes(error.status)
    default:
      return false
  }
}
