import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { Payout, Reply } from "effect-billwerk-payouts"
import { Exposure, Verdict } from "effect-billwerk-payouts"
import * as errors from "../../src/execution/toError.js"
import { requestOf } from "../support.js"

const payout: Payout.Payout = { handle: "prize-2026-0042", state: "failed", amount: 12_500, transactions: [] }

type Failed = errors.Finding["verdict"]

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

const known = Exposure.withCreate(Exposure.empty("prize-2026-0042"), {
  id: "p/1",
  count: 1,
  clock: "p",
  from: 1,
  to: 1,
  amount: 12_500,
  before: [],
  guess: false
})
const accounting = errors.accounting(requestOf(), [], known, Exposure.arrivalHorizonDefault)

/** An error's own fields: what it has beside the evidence that all of them carry. */
const own = (verdict: Failed, reply: errors.Finding["reply"]) => {
  const error: Readonly<Record<string, unknown>> = { ...errors.toError({ verdict, reply }, accounting) }
  const { amount, attempts, certainty, currency, evidence, exposure, handle, ...rest } = error
  assert.deepStrictEqual<unknown>({ handle, amount, currency, attempts, certainty, exposure, evidence }, accounting)
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

describe("toError: the evidence of an error", () => {
  it("is the request's own, with what all attempts amount to", () => {
    assert.deepStrictEqual<unknown>(accounting, {
      evidence: known,
      handle: "prize-2026-0042",
      amount: 12_500,
      currency: "DKK",
      attempts: [],
      certainty: "MayHaveMoved",
      exposure: { min: 0, max: 12_500 }
    })
  })
})

describe("toError: the error of a verdict", () => {
  const table: ReadonlyArray<
    readonly [verdict: Failed, reply: errors.Finding["reply"], error: Readonly<Record<string, unknown>>]
  > = [
    [
      { _tag: "HardDeclined", payout },
      { ...page, status: 200 },
      { _tag: "HardDeclined", requestId: "r-1", payout }
    ],
    [{ _tag: "SoftDeclined", payout }, page, { _tag: "SoftDeclined", requestId: "r-1", payout }],
    [{ _tag: "ProcessingError", payout }, page, { _tag: "ProcessingError", requestId: "r-1", payout }],
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
      errors.interrupted.verdict,
      errors.interrupted.reply,
      { _tag: "CommunicationError", reason: "Interrupted", status: undefined, requestId: undefined }
    ],
    [
      errors.unseen.verdict,
      errors.unseen.reply,
      { _tag: "CommunicationError", reason: "Unseen", status: undefined, requestId: undefined }
    ],
    [{ _tag: "ServerError", why: "HTTP 502" }, page, { _tag: "ServerError", status: 502, requestId: "r-1" }],
    [{ _tag: "ServerError", why: "HTTP 400" }, refusal, { _tag: "ServerError", ...refused }],
    [{ _tag: "PaymentMethodNotFound" }, refusal, { _tag: "PaymentMethodNotFound", ...refused }],
    [{ _tag: "PaymentMethodNotAllowed" }, refusal, { _tag: "PaymentMethodNotAllowed", ...refused }],
    [{ _tag: "CustomerMismatch" }, refusal, { _tag: "CustomerMismatch", ...refused }],
    [{ _tag: "RequestRejected" }, refusal, { _tag: "RequestRejected", ...refused }],
    [{ _tag: "RejectedInDoubt" }, refusal, { _tag: "RequestRejected", ...refused }],
    [{ _tag: "LookupRefused" }, refusal, { _tag: "RequestRejected", ...refused }],
    [
      { _tag: "CertificateRefused" },
      { _tag: "NoResponse", reason: "Certificate", sent: "NotSent" },
      {
        _tag: "CommunicationError",
        reason: "Certificate",
        systemCode: undefined,
        status: undefined,
        requestId: undefined
      }
    ],
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
        [{ _tag: "NotFound", proven: true }, "the provider knows no payout under this handle"],
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

describe("toError: the error of a request whose handle is taken", () => {
  const own = errors.accounting(requestOf(), [], known, Exposure.arrivalHorizonDefault, { min: 0, max: 0 })

  it("is about its own money, and beside that about the others'", () => {
    const conflict = errors.toConflict({ with: "Provider", differs: ["amount"], reply: page }, own, { min: 1, max: 2 })
    assert.deepStrictEqual<unknown>(
      { ...conflict },
      {
        ...own,
        _tag: "HandleConflict",
        certainty: "NotMoved",
        exposure: { min: 0, max: 0 },
        other: { certainty: "Moved", exposure: { min: 1, max: 2 } },
        with: "Provider",
        differs: ["amount"],
        requestId: "r-1"
      }
    )
  })

  it("has no answer of the provider, where it was found in this process", () => {
    const conflict = errors.toConflict({ with: "Process", differs: ["customer"] }, own, { min: 0, max: 2 })
    assert.deepStrictEqual(
      [conflict.with, conflict.requestId, conflict.other.certainty],
      ["Process", undefined, "MayHaveMoved"]
    )
    const lost = errors.toConflict({ with: "Provider", differs: [], reply: notAnswered }, own, { min: 0, max: 0 })
    assert.deepStrictEqual([lost.requestId, lost.other.certainty], [undefined, "NotMoved"])
  })
})

describe("toError: what the finding of no exchange is", () => {
  it("is a create that was not seen, or whose answer did not come", () => {
    assert.deepStrictEqual(
      [errors.unseen, errors.interrupted].map(({ reply, verdict }) => [reply, verdict._tag, Verdict.why(verdict)]),
      [
        ["Unseen", "CommunicationError", "another process may have sent it"],
        ["Interrupted", "CommunicationError", "the call ended before the answer came"]
      ]
    )
  })
})
