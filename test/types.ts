/**
 * What must not compile. This file is only type-checked (`npm run check`): each error that is expected and does not
 * come fails the build.
 */
import { Effect, Redacted, Schedule } from "effect"
import type { Outcome, Payout } from "effect-billwerk-payouts"
import { Payouts, PayoutRequest, RetryPolicy, type PayoutError } from "effect-billwerk-payouts"

const common = { handle: "p-1", amount: 100, currency: "DKK" }

// A policy that retries a hard decline.
// @ts-expect-error
RetryPolicy.make({ hardDeclined: Schedule.recurs(1) })
const sneaky = { hardDeclined: Schedule.recurs(1) }
// @ts-expect-error
RetryPolicy.make(sneaky)
// @ts-expect-error
void ({ ...RetryPolicy.standard, hardDeclined: Schedule.recurs(1) } satisfies RetryPolicy.RetryPolicy)

// A rule that needs a service, or an input that no attempt is.
declare const needy: Schedule.Schedule<number, unknown, "Service">
// @ts-expect-error
RetryPolicy.make({ communication: needy })
declare const picky: Schedule.Schedule<number, { readonly color: string }>
// @ts-expect-error
RetryPolicy.make({ communication: picky })

// Customers that the provider would refuse.
PayoutRequest.make({ ...common, destination: "ca_1" })
PayoutRequest.make({ ...common, destination: "ca_1", customer: "c-1" })
PayoutRequest.make({ ...common, destination: Redacted.make("ct_1"), customer: { handle: "c-1" } })
PayoutRequest.make({ ...common, destination: Redacted.make("ct_1"), customer: { generateHandle: true } })
// @ts-expect-error a card token identifies no customer
PayoutRequest.make({ ...common, destination: Redacted.make("ct_1") })
// @ts-expect-error a customer to create needs a handle, or one generated
PayoutRequest.make({ ...common, destination: "ca_1", customer: { email: "a@example.com" } })
// @ts-expect-error and not both
PayoutRequest.make({ ...common, destination: "ca_1", customer: { handle: "c-1", generateHandle: true } })
// @ts-expect-error there is no such field
PayoutRequest.make({ ...common, destination: "ca_1", customer_handle: "c-1" })
// @ts-expect-error an amount without a currency is no money
PayoutRequest.make({ handle: "p-1", amount: 100, destination: "ca_1" })
// @ts-expect-error amounts are numbers
PayoutRequest.make({ ...common, amount: 100n, destination: "ca_1" })

// What was not validated cannot be sent.
declare const payouts: Payouts.Payouts["Type"]
// @ts-expect-error
void payouts.create({ ...common, destination: "ca_1" })
// @ts-expect-error
void payouts.get("p-1")

// The methods need nothing, and fail with nothing but their errors.
declare const request: PayoutRequest.PayoutRequest
void (payouts.create(request) satisfies Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>)
declare const outcome: Outcome.Outcome
void (payouts.awaitFinal(outcome) satisfies Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>)
void (payouts.awaitFinal(request.handle) satisfies Effect.Effect<
  Outcome.Outcome,
  PayoutError.PayoutError | PayoutError.LookupError
>)
void (payouts.recover(request, { evidence: outcome.evidence }) satisfies Effect.Effect<
  Outcome.Outcome,
  PayoutError.PayoutError
>)
// @ts-expect-error what a process knows of others is told to `recover`
void payouts.create(request, { outstandingCreates: 0 })
// @ts-expect-error a request may not have been sent: create or recover it
void payouts.awaitFinal(request)
void (payouts.get(request.handle) satisfies Effect.Effect<Payout.Payout, PayoutError.LookupError>)
