import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { Payout, Reply, Verdict } from "effect-billwerk-payouts"
import { Attempt } from "effect-billwerk-payouts"
import * as failure from "../../src/internal/failure.js"
import { requestOf } from "../support.js"

const payout: Payout.Payout = { handle: "prize-2026-0042", state: "failed", amount: 12_500, transactions: [] }

type Failed = failure.Finding["verdict"]

const notAnswered: Reply.Reply = { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode: "ECONNRESET" }
const page: Reply.Reply = {
  _tag: "Response",
  status: 502,
  requestId: "r-1",
  body: { _tag: "Unreadable", why: "a body that is not JSON" }
}
const refusal: Reply.Reply = {
  _tag: "Response",
  status: 400,
  requestId: "r-2",
  body: {
    _tag: "ApiError",
    code: 77,
    error: "Transaction declined",
    message: "see the transaction",
    transactionError: "acquirer_rejected_error"
  }
}
const cutOff: Reply.Reply = {
  _tag: "Response",
  status: 200,
  requestId: "r-3",
  body: { _tag: "CutOff", reason: "Deadline" }
}

const evidence = failure.accounting(requestOf(), [], Attempt.emptyTally(1))

/** An error's own fields: what it has beside the evidence that all of them carry. */
const own = (verdict: Failed, reply: failure.Finding["reply"]) => {
  const error: Readonly<Record<string, unknown>> = { ...failure.toError({ verdict, reply }, evidence) }
  const { amount, attempts, certainty, currency, exposure, handle, ...rest } = error
  assert.deepStrictEqual<unknown>({ handle, amount, currency, attempts, certainty, exposure }, evidence)
  return rest
}

const refused = {
  status: 400,
  requestId: "r-2",
  code: 77,
  error: "Transaction declined",
  detail: "see the transaction",
  transactionError: "acquirer_rejected_error"
}

describe("The evidence of an error", () => {
  it("is the request's own, with what all attempts amount to", () => {
    assert.deepStrictEqual<unknown>(evidence, {
      handle: "prize-2026-0042",
      amount: 12_500,
      currency: "DKK",
      attempts: [],
      certainty: "MayHaveMoved",
      exposure: { min: 0, max: 12_500 }
    })
  })
})

describe("The error of a verdict", () => {
  const table: ReadonlyArray<
    readonly [verdict: Failed, reply: failure.Finding["reply"], error: Readonly<Record<string, unknown>>]
  > = [
    [
      { _tag: "HardDeclined", payout },
      { ...page, status: 200 },
      { _tag: "HardDeclined", requestId: "r-1", payout }
    ],
    [{ _tag: "SoftDeclined", payout }, page, { _tag: "SoftDeclined", requestId: "r-1", payout }],
    [{ _tag: "ProcessingError", payout }, page, { _tag: "ProcessingError", requestId: "r-1", payout }],
    [
      { _tag: "HandleConflict", differs: ["amount", "currency"] },
      page,
      { _tag: "HandleConflict", requestId: "r-1", with: "Provider", differs: ["amount", "currency"] }
    ],
    [
      { _tag: "CommunicationError", why: "the connection failed" },
      notAnswered,
      {
        _tag: "CommunicationError",
        reason: "Transport",
        systemCode: "ECONNRESET",
        status: undefined,
        requestId: undefined
      }
    ],
    [
      { _tag: "CommunicationError", why: "the answer was cut off" },
      cutOff,
      { _tag: "CommunicationError", reason: "CutOff", status: 200, requestId: "r-3" }
    ],
    [
      { _tag: "CommunicationError", why: "HTTP 408" },
      { ...page, status: 408 },
      { _tag: "CommunicationError", reason: "RequestTimeout", status: 408, requestId: "r-1" }
    ],
    [
      failure.interrupted.verdict,
      failure.interrupted.reply,
      { _tag: "CommunicationError", reason: "Interrupted", status: undefined, requestId: undefined }
    ],
    [
      failure.unseen.verdict,
      failure.unseen.reply,
      { _tag: "CommunicationError", reason: "Unseen", status: undefined, requestId: undefined }
    ],
    [{ _tag: "ServerError", why: "HTTP 502" }, page, { _tag: "ServerError", status: 502, requestId: "r-1" }],
    [{ _tag: "ServerError", why: "HTTP 400" }, refusal, { _tag: "ServerError", ...refused }],
    [{ _tag: "PaymentMethodNotFound" }, refusal, { _tag: "PaymentMethodNotFound", ...refused }],
    [{ _tag: "PaymentMethodNotAllowed" }, refusal, { _tag: "PaymentMethodNotAllowed", ...refused }],
    [{ _tag: "CustomerMismatch" }, refusal, { _tag: "CustomerMismatch", ...refused }],
    [{ _tag: "RequestRejected" }, refusal, { _tag: "RequestRejected", ...refused }],
    [{ _tag: "ConcurrentUpdate" }, page, { _tag: "RequestRejected", status: 502, requestId: "r-1" }],
    // The evidence is what is reported, and its reply need not be an answer.
    [{ _tag: "RequestRejected" }, notAnswered, { _tag: "RequestRejected", status: 0, requestId: undefined }],
    [{ _tag: "RequestRejected" }, "Interrupted", { _tag: "RequestRejected", status: 0, requestId: undefined }],
    [
      { _tag: "RateLimited", retryAfter: Duration.seconds(7) },
      refusal,
      { _tag: "RateLimited", ...refused, retryAfter: Duration.seconds(7) }
    ],
    ...(
      [
        [{ _tag: "AlreadyExists" }, "the provider says that the handle is in use (11) but has not shown the payout"],
        [{ _tag: "AlreadyPaid" }, "the provider says that the handle is paid (134) but has not shown the payout"],
        [
          { _tag: "AlreadyProcessing" },
          "the provider says that the handle is being paid (133) but has not shown the payout"
        ],
        [{ _tag: "NotFound" }, "the provider knows no payout under this handle"],
        [{ _tag: "Unsettled", payout, why: "its state is created" }, "its state is created"],
        [{ _tag: "UnexpectedResponse", why: "HTTP 302" }, "HTTP 302"]
      ] as const
    ).map(
      ([verdict, why]) => [verdict, page, { _tag: "UnexpectedResponse", status: 502, requestId: "r-1", why }] as const
    )
  ]
  for (const [index, [verdict, reply, error]] of table.entries()) {
    it(`${verdict._tag} is ${String(error["_tag"])}, with what it rests on #${index}`, () =>
      assert.deepStrictEqual<unknown>(own(verdict, reply), error))
  }
})

describe("The words of a verdict", () => {
  const table: ReadonlyArray<readonly [verdict: Verdict.Verdict, why: string]> = [
    [{ _tag: "Paid", payout }, "the money moved"],
    [{ _tag: "Processing", payout }, "accepted, and settled later"],
    [{ _tag: "HardDeclined", payout }, "declined for good"],
    [{ _tag: "SoftDeclined", payout }, "declined for now"],
    [{ _tag: "ProcessingError", payout }, "it may have been approved without the provider knowing"],
    [{ _tag: "HandleConflict", differs: ["amount"] }, "the handle's payout has another amount"],
    [{ _tag: "HandleConflict", differs: ["amount", "currency"] }, "the handle's payout has another amount, currency"],
    [{ _tag: "NotFound" }, "the provider knows no payout under this handle"],
    [{ _tag: "RateLimited" }, "limited before anything was done"],
    [{ _tag: "ConcurrentUpdate" }, "something else was changing the payout"],
    [{ _tag: "CommunicationError", why: "the connection failed" }, "the connection failed"],
    [{ _tag: "ServerError", why: "HTTP 502" }, "HTTP 502"],
    [{ _tag: "PaymentMethodNotFound" }, "refused, and would be again"],
    [{ _tag: "PaymentMethodNotAllowed" }, "refused, and would be again"],
    [{ _tag: "CustomerMismatch" }, "refused, and would be again"],
    [{ _tag: "RequestRejected" }, "refused, and would be again"],
    [failure.unseen.verdict, "a process that died may have sent it"],
    [failure.interrupted.verdict, "the call ended before the answer came"]
  ]
  for (const [verdict, why] of table) {
    it(`${verdict._tag}: ${why}`, () => assert.strictEqual(failure.why(verdict), why))
  }
})
