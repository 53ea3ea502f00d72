import { Match } from "effect"
import type { PayoutError } from "effect-billwerk-payouts"

/** By category, once it is certain that nothing has moved. Leaving out a category does not compile. */
const whenNotMoved = Match.type<Exclude<PayoutError.PayoutError, PayoutError.HandleConflict>>().pipe(
  Match.tag("InvalidRequest", ({ field, reason }) => `correct the request: ${field} ${reason}`),
  Match.tag("PaymentMethodNotFound", "PaymentMethodNotAllowed", () => "ask for another payment method"),
  Match.tag("HardDeclined", ({ error }) => `ask for another payment method: ${error}`),
  Match.tag("SoftDeclined", ({ error }) => `try again when the reason is gone: ${error}`),
  Match.tag("CustomerMismatch", () => "find out which payout took the handle"),
  Match.tag("RequestRejected", ({ code, status }) => `correct the integration: HTTP ${status}, code ${code}`),
  Match.tag("RateLimited", "CommunicationError", "ServerError", "UnexpectedResponse", () => "try again later"),
  Match.tag("ProcessingError", () => "ask the acquirer"),
  Match.exhaustive
)

/** What a case worker has to do. */
export const nextStep = (error: PayoutError.PayoutError): string => {
  const { certainty, exposure } = error
  if (error._tag === "HandleConflict") {
    return `find out which payout took the handle: up to ${exposure.max + error.other.exposure.max} may have moved`
  }
  if (certainty === "NotMoved") return whenNotMoved(error)
  const next = error._tag === "ProcessingError" ? "ask the acquirer" : `recover ${error.handle}`
  return `${next}: up to ${exposure.max} may have moved`
}
