/**
 * The amounts that decide what an attempt comes to. Source: the provider's testing page, for charges to cards saved with
 * CVV 888 (documented); that payouts know them is inferred.
 */
import * as Outcome from "./Outcome.js"

/** By amount in minor units. 1000, like any other amount, is paid. */
export const testAmounts: ReadonlyMap<number, Outcome.Failed> = new Map([
  [1001, Outcome.processingError({ error: "acquirer_communication_error" })],
  [1002, Outcome.processingError({ error: "acquirer_error" })],
  [1003, Outcome.processingError({ error: "acquirer_integration_error" })],
  [1004, Outcome.processingError({ error: "acquirer_authentication_error" })],
  [1005, Outcome.processingError({ error: "acquirer_configuration_error" })],
  [1006, Outcome.processingError({ error: "acquirer_rejected_error" })],
  [2001, Outcome.softDeclined("insufficient_funds")],
  [2002, Outcome.softDeclined("settle_blocked")],
  [3001, Outcome.hardDeclined("credit_card_expired")],
  [3002, Outcome.hardDeclined("declined_by_acquirer")],
  [3003, Outcome.hardDeclined("credit_card_lost_or_stolen")],
  [3004, Outcome.hardDeclined("credit_card_suspected_fraud")],
  [3005, Outcome.hardDeclined("authorization_expired")],
  [3006, Outcome.hardDeclined("authorization_amount_exceeded")],
  [3007, Outcome.hardDeclined("authorization_voided")],
  [1337, Outcome.hardDeclined("sca_required")]
])
