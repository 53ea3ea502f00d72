import { Match } from "effect"
import type { PayoutError } from "effect-billwerk-payouts"

/** What a case worker has to do. Leaving out a category does not compile. */
export const nextStep = Match.type<PayoutError.PayoutError>().pipe(
  Match.tag("InvalidRequest", ({ field, reason }) => `correct the request: ${field} ${reason}`),
  Match.tag("PaymentMethodNotFound", "PaymentMethodNotAllowed", () => "ask for another payment method"),
  Match.tag("HardDeclined", "SoftDeclined", ({ error }) => `ask the customer: ${error}`),
  Match.tag("CustomerMismatch", "HandleConflict", () => "find out which payout took the handle"),
  Match.tag("RequestRejected", ({ code, status }) => `correct the integration: HTTP ${status}, code ${code}`),
  Match.tag("RateLimited", () => "pay later"),
  Match.tag("CommunicationError", "ServerError", "UnexpectedResponse", ({ handle }) => `recover ${handle}`),
  Match.tag("ProcessingError", ({ exposure }) => `ask the acquirer: up to ${exposure.max} may have moved`),
  Match.exhaustive
)
