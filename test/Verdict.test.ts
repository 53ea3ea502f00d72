import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import type { Payout, Reply } from "effect-billwerk-payouts"
import { Verdict } from "effect-billwerk-payouts"

const expected: Verdict.Expected = { handle: "p-1", amount: 100, currency: "DKK", customer: "c-1" }

const transaction = (over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id: "t",
  state: "failed",
  amount: 100,
  created: DateTime.unsafeMake("2025-10-01T09:30:00Z"),
  ...over
})

const payout = (over: Partial<Payout.Payout> = {}): Payout.Payout => ({
  handle: "p-1",
  state: "paid",
  amount: 100,
  currency: "DKK",
  customer: "c-1",
  transactions: [],
  ...over
})

const answer = (status: number, body: Reply.Body): Reply.Reply => ({ _tag: "Response", status, body })
const shows = (over?: Partial<Payout.Payout>) => answer(200, { _tag: "PayoutBody", payout: payout(over) })
const failed = (...transactions: ReadonlyArray<Payout.Transaction>) => shows({ state: "failed", transactions })
const refused = (status: number, code: number) => answer(status, { _tag: "ApiError", code })
const unreadable: Reply.Body = { _tag: "Unreadable", why: "a body that is not JSON" }
const page = (status: number) => answer(status, unreadable)

type Tag = Verdict.Verdict["_tag"]

/** [what came back, the verdict on it as the answer to a create, and to a lookup] */
const table: ReadonlyArray<readonly [says: string, reply: Reply.Reply, create: Tag, lookup: Tag]> = [
  ["paid", shows(), "Paid", "Paid"],
  ["processing", shows({ state: "processing" }), "Processing", "Processing"],
  ["hard declined", failed(transaction({ errorState: "hard_declined" })), "HardDeclined", "HardDeclined"],
  ["soft declined", failed(transaction({ errorState: "soft_declined" })), "SoftDeclined", "SoftDeclined"],
  ["processing error", failed(transaction({ errorState: "processing_error" })), "ProcessingError", "ProcessingError"],
  ["failed, pending", failed(transaction({ errorState: "pending" })), "Unsettled", "Unsettled"],
  ["failed, unknown", failed(transaction({ errorState: "on_holiday" })), "Unsettled", "Unsettled"],
  ["failed for no reason", failed(transaction()), "Unsettled", "Unsettled"],
  ["failed without transactions", failed(), "Unsettled", "Unsettled"],
  ["created", shows({ state: "created" }), "Unsettled", "Unsettled"],
  ["an unknown state", shows({ state: "on_holiday" }), "Unsettled", "Unsettled"],
  ["an empty state", shows({ state: "" }), "Unsettled", "Unsettled"],
  ["PAID in capitals", shows({ state: "PAID" }), "Unsettled", "Unsettled"],
  ["another handle", shows({ handle: "p-2" }), "UnexpectedResponse", "UnexpectedResponse"],
  ["another amount", shows({ amount: 101 }), "UnexpectedResponse", "HandleConflict"],
  ["another currency", shows({ currency: "EUR" }), "UnexpectedResponse", "HandleConflict"],
  ["another customer", shows({ customer: "c-2" }), "UnexpectedResponse", "HandleConflict"],
  ["no currency and no customer", shows({ currency: undefined, customer: undefined }), "Paid", "Paid"],
  ["an API error under 200", refused(200, 2), "UnexpectedResponse", "UnexpectedResponse"],
  ["a page under 200", page(200), "UnexpectedResponse", "UnexpectedResponse"],
  [
    "cut off under 200",
    answer(200, { _tag: "CutOff", reason: "Transport" }),
    "CommunicationError",
    "CommunicationError"
  ],
  ["201 paid", answer(201, { _tag: "PayoutBody", payout: payout() }), "UnexpectedResponse", "UnexpectedResponse"],
  ["204", page(204), "UnexpectedResponse", "UnexpectedResponse"],
  ["307", page(307), "UnexpectedResponse", "UnexpectedResponse"],
  ["a redirect that fetch hides", page(0), "UnexpectedResponse", "UnexpectedResponse"],
  ["400/133", refused(400, 133), "AlreadyProcessing", "RequestRejected"],
  ["400/134", refused(400, 134), "AlreadyPaid", "RequestRejected"],
  ["400/135", refused(400, 135), "PaymentMethodNotAllowed", "RequestRejected"],
  ["400/136", refused(400, 136), "CustomerMismatch", "RequestRejected"],
  ["400/74", refused(400, 74), "ConcurrentUpdate", "RequestRejected"],
  ["400/1", refused(400, 1), "RequestRejected", "RequestRejected"],
  ["400 page", page(400), "UnexpectedResponse", "UnexpectedResponse"],
  ["400 cut off", answer(400, { _tag: "CutOff", reason: "Deadline" }), "UnexpectedResponse", "UnexpectedResponse"],
  ["404/40", refused(404, 40), "PaymentMethodNotFound", "RequestRejected"],
  ["404/137", refused(404, 137), "RequestRejected", "NotFound"],
  ["404/8", refused(404, 8), "RequestRejected", "NotFound"],
  ["400/11", refused(400, 11), "AlreadyExists", "RequestRejected"],
  ["404 page", page(404), "RequestRejected", "RequestRejected"],
  ["401", refused(401, 6), "RequestRejected", "RequestRejected"],
  ["408", page(408), "CommunicationError", "CommunicationError"],
  ["409", page(409), "ConcurrentUpdate", "RequestRejected"],
  ["422/133 is no 133", refused(422, 133), "RequestRejected", "RequestRejected"],
  ["404/134 is no 134", refused(404, 134), "RequestRejected", "RequestRejected"],
  ["425", page(425), "ConcurrentUpdate", "RequestRejected"],
  ["429/122", refused(429, 122), "RateLimited", "RateLimited"],
  ["429 page", page(429), "RateLimited", "RateLimited"],
  ["499", page(499), "RequestRejected", "RequestRejected"],
  ["500", refused(500, 2), "ServerError", "ServerError"],
  ["500/134 is a 500", refused(500, 134), "ServerError", "ServerError"],
  ["501", refused(501, 43), "ServerError", "ServerError"],
  ["502 page", page(502), "ServerError", "ServerError"],
  ["502 cut off", answer(502, { _tag: "CutOff", reason: "Deadline" }), "ServerError", "ServerError"],
  ["598", page(598), "ServerError", "ServerError"],
  [
    "no answer",
    { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" },
    "CommunicationError",
    "CommunicationError"
  ],
  [
    "nothing sent",
    { _tag: "NoResponse", reason: "Transport", sent: "NotSent" },
    "CommunicationError",
    "CommunicationError"
  ]
]

describe("Verdict", () => {
  for (const [says, reply, create, lookup] of table) {
    it(`${says}: ${create} to a create, ${lookup} to a lookup`, () => {
      assert.strictEqual(Verdict.ofCreate(expected, reply)._tag, create)
      assert.strictEqual(Verdict.ofLookup(expected, reply)._tag, lookup)
    })
  }

  it("is total: every status from 0 to 999 has one, with any body", () => {
    const bodies: ReadonlyArray<Reply.Body> = [
      unreadable,
      { _tag: "ApiError", code: 134 },
      { _tag: "CutOff", reason: "Deadline" },
      { _tag: "PayoutBody", payout: payout() }
    ]
    for (let status = 0; status < 1000; status++) {
      for (const body of bodies) {
        const tag = Verdict.ofCreate(expected, answer(status, body))._tag
        assert.isString(tag)
        if (tag === "Paid") assert.strictEqual(status, 200, "only a 200 says that money moved")
      }
    }
  })

  it("keeps Retry-After", () => {
    const reply: Reply.Reply = { _tag: "Response", status: 429, retryAfter: Duration.seconds(3), body: unreadable }
    assert.deepStrictEqual(Verdict.ofCreate(expected, reply), { _tag: "RateLimited", retryAfter: Duration.seconds(3) })
  })

  it("a refused certificate is permanent (5)", () => {
    const reply: Reply.Reply = { _tag: "NoResponse", reason: "Certificate", sent: "NotSent" }
    const verdict = Verdict.ofCreate(expected, reply)
    assert.isTrue(verdict._tag === "CommunicationError" && verdict.permanent === true)
  })

  it("names the fields that differ, and never their values", () => {
    const verdict = Verdict.ofLookup(expected, shows({ amount: 999_777, currency: "EUR", customer: "c-2" }))
    assert.deepStrictEqual(verdict, { _tag: "HandleConflict", differs: ["amount", "currency", "customer"] })
  })
})

describe("what a verdict on a create says about the money", () => {
  const bearing = (reply: Reply.Reply) =>
    Verdict.bearing(Verdict.ofCreate(expected, reply), reply._tag === "Response" ? "Sent" : reply.sent)

  it("a payout is on record", () => {
    for (const reply of [shows(), failed(), shows({ state: "created" })]) assert.strictEqual(bearing(reply), "Recorded")
  })
  it("133 and 134, and a 400 that may be one, are claims", () => {
    for (const reply of [refused(400, 133), refused(400, 134), page(400)]) assert.strictEqual(bearing(reply), "Claimed")
  })
  it("no answer, 5xx and whatever cannot be read are unclear", () => {
    for (const reply of [page(200), page(302), page(500), page(408), shows({ amount: 1 })]) {
      assert.strictEqual(bearing(reply), "Unclear")
    }
    assert.strictEqual(bearing({ _tag: "NoResponse", reason: "Transport", sent: "Unknown" }), "Unclear")
  })
  it("what was not sent, limited or refused is nothing", () => {
    for (const reply of [refused(429, 122), refused(401, 6), refused(400, 74), refused(404, 40)]) {
      assert.strictEqual(bearing(reply), "None")
    }
    assert.strictEqual(bearing({ _tag: "NoResponse", reason: "Transport", sent: "NotSent" }), "None")
  })
})
