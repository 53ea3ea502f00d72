/**
 * The amounts that decide the outcome of an attempt. Source: the provider's testing page, for charges to cards saved
 * with CVV 888 (documented); for payouts inferred.
 */
import * as Acquirer from "./Acquirer.js"

/** By amount in minor units. 1000, like any other amount, is paid. */
export const testAmounts: ReadonlyMap<number, Acquirer.Failed> = new Map([
  [1001, Acquirer.processingError({ error: "acquirer_communication_error" })],
  [1002, Acquirer.processingError({ error: "acquirer_error" })],
  [1003, Acquirer.processingError({ error: "acquirer_integration_error" })],
  [1004, Acquirer.processingError({ error: "acquirer_authentication_error" })],
  [1005, Acquirer.processingError({ error: "acquirer_configuration_error" })],
  [1006, Acquirer.processingError({ error: "acquirer_rejected_error" })],
  [2001, Acquirer.softDeclined("insufficient_funds")],
  [2002, Acquirer.softDeclined("settle_blocked")],
  [3001, Acquirer.hardDeclined("credit_card_expired")],
  [3002, Acquirer.hardDeclined("declined_by_acquirer")],
  [3003, Acquirer.hardDeclined("credit_card_lost_or_stolen")],
  [3004, Acquirer.hardDeclined("credit_card_suspected_fraud")],
  [3005, Acquirer.hardDeclined("authorization_expired")],
  [3006, Acquirer.hardDeclined("authorization_amount_exceeded")],
  [3007, Acquirer.hardDeclined("authorization_voided")],
  [1337, Acquirer.hardDeclined("sca_required")]
])
