import { Either, type Redacted } from "effect"
import { Handle, PayoutRequest } from "effect-billwerk-payouts"

/** To a payment method that the provider keeps. It belongs to a customer, so none is named. */
export const toSavedMethod = PayoutRequest.make({
  handle: "prize-2026-0042",
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500, // minor units: 125.00 DKK
  currency: "DKK",
  text: "First prize, week 42", // on the payout, at the provider
  textOnStatement: "PRIZE 42" // on the receiver's bank statement: printable ASCII
})

/** To a card token, which serves once: a secret, and it needs a customer. This customer exists. */
export const toCardToken = (token: Redacted.Redacted<string>) =>
  PayoutRequest.make({
    handle: "prize-2026-0043",
    destination: token, // Redacted.make("ct_...")
    customer: "customer-006",
    amount: 7_500,
    currency: "EUR"
  })

/** To a new customer, whom the provider creates with the payout. The handle is derived from ids of your own. */
export const toNewCustomer = (prize: number, token: Redacted.Redacted<string>) =>
  Handle.derive("prize", 2026, prize).pipe(
    Either.flatMap((handle) =>
      PayoutRequest.make({
        handle, // "prize.2026.44"
        destination: token,
        customer: { handle: "customer-007", email: "winner@example.com", firstName: "Ada", country: "DK" },
        amount: 7_500,
        currency: "EUR"
      })
    )
  )
