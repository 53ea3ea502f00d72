/** Whatever is public and can be carried, comes back from JSON as it was (79, 110). */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck as fc, Redacted, Schema } from "effect"
import * as library from "effect-billwerk-payouts"
import {
  Attempt,
  Batch,
  BatchStore,
  Customer,
  Destination,
  Exposure,
  Handle,
  Hint,
  Money,
  Outcome,
  PaidContradicted,
  Payout,
  PayoutError,
  PayoutFilter,
  PayoutRequest,
  Reconciliation,
  Webhook
} from "effect-billwerk-payouts"
import { isDeepStrictEqual } from "node:util"
import { property } from "./property.js"
import * as values from "./values.js"

const covered = new Set<string>()
const runs = 20

/** By JSON's text and back: the same value, the same text again, and, of an error, the same class and message. */
const roundTrips = <A, I>(
  name: string,
  schema: Schema.Schema<A, I>,
  arbitrary: fc.Arbitrary<A>,
  isSame: (back: A, value: A) => boolean = Schema.equivalence(schema)
): void => {
  covered.add(name)
  const encode = Schema.encodeSync(schema)
  const decode = Schema.decodeUnknownSync(schema)
  const is = Schema.is(schema)
  property(`${name}`, runs, arbitrary, (value) => {
    const text = JSON.stringify(encode(value))
    const back = decode(JSON.parse(text))
    assert.isTrue(is(back), "what came back is not of its own schema")
    assert.isTrue(isSame(back, value), `${text} came back as another value`)
    assert.strictEqual(JSON.stringify(encode(back)), text)
    if (!(value instanceof Error)) return
    assert.strictEqual(Object.getPrototypeOf(back), Object.getPrototypeOf(value))
    assert.strictEqual(String(back), String(value))
  })
}

const any = <A, I>(name: string, schema: Schema.Schema<A, I>) => roundTrips(name, schema, Arbitrary.make(schema))

const isSameRequest = (back: PayoutRequest.PayoutRequest, value: PayoutRequest.PayoutRequest) =>
  PayoutRequest.differences(back, value).length === 0

const savedMethods = values.savedReferences.map((reference) =>
  Destination.SavedMethod.make({ reference: Redacted.make(reference) })
)
const tokensInHand = values.tokens.map((token) => Destination.CardToken.make({ reference: Redacted.make(token) }))

describe("Comes back from JSON as it was:", () => {
  roundTrips("Attempt.Kind", Attempt.Kind, Arbitrary.make(Attempt.Kind))
  roundTrips("Attempt.Sent", Attempt.Sent, Arbitrary.make(Attempt.Sent))
  roundTrips("Attempt.Bearing", Attempt.Bearing, Arbitrary.make(Attempt.Bearing))
  roundTrips("Attempt.Decision", Attempt.Decision, Arbitrary.make(Attempt.Decision))
  roundTrips("Exposure.Certainty", Exposure.Certainty, Arbitrary.make(Exposure.Certainty))
  roundTrips("Attempt.Recorded", Attempt.Recorded, values.recorded)
  roundTrips("Exposure.Exposure", Exposure.Exposure, values.exposures)
  roundTrips("Exposure.Offset", Exposure.Offset, values.exposures)
  roundTrips("Exposure.Clocks", Exposure.Clocks, fc.dictionary(fc.string(), values.exposures))
  roundTrips("Exposure.Moment", Exposure.Moment, values.moments)
  roundTrips("Exposure.Create", Exposure.Create, values.creates)
  roundTrips("Exposure.Transaction", Exposure.Transaction, values.transactionsOnRecord)
  roundTrips("Exposure.Record", Exposure.Record, values.records)
  roundTrips("Exposure.Evidence", Exposure.Evidence, values.evidences)
  roundTrips("Attempt.Attempt", Attempt.Attempt, values.attempts)
  roundTrips("Handle.Handle", Handle.Handle, values.handles)
  roundTrips("Money.Amount", Money.Amount, values.amounts)
  roundTrips("Money.Currency", Money.Currency, values.currencies)
  roundTrips("Customer.CustomerHandle", Customer.CustomerHandle, values.handles)
  roundTrips("Customer.NewCustomer", Customer.NewCustomer, values.newCustomers, isDeepStrictEqual)
  roundTrips("Customer.Customer", Customer.Customer, values.customers, isDeepStrictEqual)
  roundTrips("Destination.Reference", Destination.Reference, Arbitrary.make(Destination.Reference))
  roundTrips("Destination.SavedMethod", Destination.SavedMethod, savedMethods)
  roundTrips("Destination.Destination", Destination.Destination, savedMethods)
  roundTrips("Payout.Transaction", Payout.Transaction, values.transactions)
  roundTrips("Payout.Payout", Payout.Payout, values.payouts)
  roundTrips("Outcome.Paid", Outcome.Paid, values.paid)
  roundTrips("Outcome.Waited", Outcome.Waited, values.waited)
  roundTrips("Outcome.Processing", Outcome.Processing, values.processing)
  roundTrips("Outcome.Outcome", Outcome.Outcome, fc.oneof(values.paid, values.processing))
  roundTrips(
    "PaidContradicted.PaidContradicted",
    PaidContradicted.PaidContradicted,
    fc
      .record({ handle: values.handles, paid: values.payouts, shown: values.payouts })
      .map((one) => new PaidContradicted.PaidContradicted(one))
  )
  // An optional field may be there and undefined, and comes back as one that is not there.
  const isSameHint = (back: Hint.Hint, { eventId, eventType, id, references, timestamp }: Hint.Hint) =>
    isDeepStrictEqual(
      [back.id, back.eventId, back.eventType, back.references, back.timestamp.epochMillis],
      [id, eventId, eventType, references, timestamp.epochMillis]
    )
  roundTrips("Hint.Hint", Hint.Hint, Arbitrary.make(Hint.Hint), isSameHint)
  roundTrips("Webhook.Reason", Webhook.Reason, Arbitrary.make(Webhook.Reason))
  roundTrips("Webhook.WebhookRejected", Webhook.WebhookRejected, Arbitrary.make(Webhook.WebhookRejected))
  roundTrips("PayoutRequest.PayoutRequest", PayoutRequest.PayoutRequest, values.requests, isSameRequest)

  const { errors } = values
  roundTrips("PayoutError.InvalidRequest", PayoutError.InvalidRequest, errors.InvalidRequest)
  roundTrips("PayoutError.CommunicationError", PayoutError.CommunicationError, errors.CommunicationError)
  roundTrips("PayoutError.ServerError", PayoutError.ServerError, errors.ServerError)
  roundTrips("PayoutError.UnexpectedResponse", PayoutError.UnexpectedResponse, errors.UnexpectedResponse)
  roundTrips("PayoutError.PaymentMethodNotFound", PayoutError.PaymentMethodNotFound, errors.PaymentMethodNotFound)
  roundTrips("PayoutError.PaymentMethodNotAllowed", PayoutError.PaymentMethodNotAllowed, errors.PaymentMethodNotAllowed)
  roundTrips("PayoutError.CustomerMismatch", PayoutError.CustomerMismatch, errors.CustomerMismatch)
  roundTrips("PayoutError.RequestRejected", PayoutError.RequestRejected, errors.RequestRejected)
  roundTrips("PayoutError.RateLimited", PayoutError.RateLimited, errors.RateLimited)
  roundTrips("PayoutError.HardDeclined", PayoutError.HardDeclined, errors.HardDeclined)
  roundTrips("PayoutError.SoftDeclined", PayoutError.SoftDeclined, errors.SoftDeclined)
  roundTrips("PayoutError.ProcessingError", PayoutError.ProcessingError, errors.ProcessingError)
  roundTrips("PayoutError.HandleConflict", PayoutError.HandleConflict, errors.HandleConflict)
  roundTrips("PayoutError.PayoutNotFound", PayoutError.PayoutNotFound, errors.PayoutNotFound)
  roundTrips("PayoutError.LookupFailed", PayoutError.LookupFailed, errors.LookupFailed)
  const { LookupFailed, PayoutNotFound, ...payoutErrors } = errors
  roundTrips("PayoutError.PayoutError", PayoutError.PayoutError, fc.oneof(...Object.values(payoutErrors)))
  roundTrips("PayoutError.LookupError", PayoutError.LookupError, fc.oneof(LookupFailed, PayoutNotFound))

  roundTrips("PayoutError.ListFailed", PayoutError.ListFailed, values.listFailed)
  roundTrips("PayoutError.ListError", PayoutError.ListError, fc.oneof(errors.InvalidRequest, values.listFailed))
  any("PayoutFilter.State", PayoutFilter.State)

  any("Batch.BatchRefused", Batch.BatchRefused)
  any("BatchStore.BatchLocked", BatchStore.BatchLocked)
  any("BatchStore.StoreFailed", BatchStore.StoreFailed)
  const { begun, ended, recordedRows } = values
  roundTrips("BatchStore.Recorded", BatchStore.Recorded, recordedRows)
  roundTrips("BatchStore.Begun", BatchStore.Begun, begun)
  roundTrips("BatchStore.Ended", BatchStore.Ended, ended)
  roundTrips("BatchStore.Entry", BatchStore.Entry, fc.oneof(begun, ended))

  any("Reconciliation.Standing", Reconciliation.Standing)
  any("Reconciliation.Unasked", Reconciliation.Unasked)
  any("Reconciliation.Total", Reconciliation.Total)
  any("Reconciliation.Class", Reconciliation.Class)
  any("Reconciliation.Summary", Reconciliation.Summary)
  any("Reconciliation.BadRow", Reconciliation.BadRow)
  roundTrips("Reconciliation.Expectation", Reconciliation.Expectation, values.expectations)
  const { differences, matched, notPaid } = values
  roundTrips("Reconciliation.Matched", Reconciliation.Matched, matched)
  roundTrips("Reconciliation.NotPaid", Reconciliation.NotPaid, notPaid)
  roundTrips("Reconciliation.Differs", Reconciliation.Differs, differences.Differs)
  roundTrips("Reconciliation.MissingThere", Reconciliation.MissingThere, differences.MissingThere)
  roundTrips("Reconciliation.UnknownHere", Reconciliation.UnknownHere, differences.UnknownHere)
  roundTrips("Reconciliation.InDoubt", Reconciliation.InDoubt, differences.InDoubt)
  roundTrips("Reconciliation.FinalSince", Reconciliation.FinalSince, differences.FinalSince)
  roundTrips("Reconciliation.Processing", Reconciliation.Processing, differences.Processing)
  roundTrips("Reconciliation.Duplicate", Reconciliation.Duplicate, differences.Duplicate)
  roundTrips("Reconciliation.NotAsked", Reconciliation.NotAsked, differences.NotAsked)
  roundTrips("Reconciliation.Difference", Reconciliation.Difference, fc.oneof(...Object.values(differences)))

  it("every schema that is public, but for the card token's and the one of inputs, which may hold one", () => {
    const schemas = Object.entries(library).flatMap(([module, exported]) =>
      Object.entries(exported).flatMap(([name, value]) => (Schema.isSchema(value) ? [`${module}.${name}`] : []))
    )
    assert.sameMembers(schemas, [...covered, "Destination.CardToken", "PayoutRequest.FromInput"])
  })
})

describe("A request", () => {
  const Json = Schema.parseJson(PayoutRequest.PayoutRequest)

  property(
    "that went through a queue differs from itself in nothing, so it is sent as the same bytes (I5)",
    60,
    values.requests,
    (request) => {
      const back = Schema.decodeSync(Json)(Schema.encodeSync(Json)(request))
      assert.instanceOf(back, PayoutRequest.PayoutRequest)
      assert.deepStrictEqual(PayoutRequest.differences(back, request), [])
    }
  )

  property(
    "to a card token does not get through, and its token is not in what is stored instead (110)",
    60,
    values.tokenRequests,
    ({ request, token }) => {
      const text = Either.merge(Either.map(Schema.encodeEither(Json)(request), String))
      assert.notInclude(String(text), token)
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Json)(text)))
    }
  )

  property("has no card token that can be stored under another name (110)", 60, tokensInHand, (destination) => {
    const token = Redacted.value(destination.reference)
    const encoded: unknown = Either.merge(Schema.encodeUnknownEither(Destination.Destination)(destination))
    const text = JSON.stringify(encoded)
    assert.notInclude(text, token)
    assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Destination.Destination)(JSON.parse(text))))
    for (const _tag of ["SavedMethod", "CardToken"]) {
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Destination.Destination)({ _tag, reference: token })))
    }
  })
})
