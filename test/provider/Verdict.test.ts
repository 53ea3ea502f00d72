import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import type { Payout, Reply } from "effect-billwerk-payouts"
import { Verdict } from "effect-billwerk-payouts"
import { fingerprint } from "../../src/domain/Fingerprint.js"
import { destination, requestOf } from "../support.js"

const expected: Verdict.Expected = { handle: "p-1", amount: 100, currency: "DKK", customer: "c-1", method: "card" }

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

const answer = (status: number, body: Reply.Body): Reply.Response => ({ _tag: "Response", status, body })
const shows = (over?: Partial<Payout.Payout>) => answer(200, { _tag: "PayoutBody", payout: payout(over) })
const failed = (...transactions: ReadonlyArray<Payout.Transaction>) => shows({ state: "failed", transactions })
const refused = (status: number, code: number) => answer(status, { _tag: "ApiError", code })
const unreadable: Reply.Body = { _tag: "Unreadable", why: "a body that is not JSON" }
const page = (status: number) => answer(status, unreadable)

const cached = (reply: Reply.Response): Reply.Response => ({ ...reply, isCached: true })
const notFound = (path: string) => answer(404, { _tag: "ApiError", code: 137, path })
const doubtful = (status: number, transactionError = "acquirer_communication_error") =>
  answer(status, { _tag: "ApiError", code: 77, transactionError })
const to = (method: string | undefined): Payout.Transaction => transaction({ state: "paid", method })

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
  ["399", page(399), "UnexpectedResponse", "UnexpectedResponse"],
  ["400/133", refused(400, 133), "AlreadyProcessing", "LookupRefused"],
  ["400/134", refused(400, 134), "AlreadyPaid", "LookupRefused"],
  ["400/135", refused(400, 135), "PaymentMethodNotAllowed", "LookupRefused"],
  ["400/136", refused(400, 136), "CustomerMismatch", "LookupRefused"],
  ["400/74", refused(400, 74), "ConcurrentUpdate", "LookupRefused"],
  ["400/1", refused(400, 1), "RequestRejected", "LookupRefused"],
  ["400 page", page(400), "UnreadableRefusal", "LookupRefused"],
  ["400 cut off", answer(400, { _tag: "CutOff", reason: "Deadline" }), "UnreadableRefusal", "LookupRefused"],
  ["404/40", refused(404, 40), "PaymentMethodNotFound", "LookupRefused"],
  ["404/137", refused(404, 137), "UnexpectedResponse", "NotFound"],
  ["404/137 of the handle", notFound("/v1/payout/p-1"), "UnexpectedResponse", "NotFound"],
  ["404/137 of another handle", notFound("/v1/payout/p-2"), "UnexpectedResponse", "UnexpectedResponse"],
  ["404/137 of a longer handle", notFound("/v1/payout/up-1"), "UnexpectedResponse", "UnexpectedResponse"],
  ["404/8", refused(404, 8), "RequestRejected", "NotFound"],
  ["404/9", refused(404, 9), "RequestRejected", "LookupRefused"],
  ["400/137 is no 404", refused(400, 137), "RequestRejected", "LookupRefused"],
  ["200/137 is no 404", refused(200, 137), "UnexpectedResponse", "UnexpectedResponse"],
  ["500/137 is a 500", refused(500, 137), "ServerError", "ServerError"],
  ["400/11", refused(400, 11), "AlreadyExists", "LookupRefused"],
  ["404 page", page(404), "RequestRejected", "LookupRefused"],
  ["401", refused(401, 6), "RequestRejected", "RequestRejected"],
  ["408", page(408), "CommunicationError", "CommunicationError"],
  ["409", page(409), "ConcurrentUpdate", "LookupRefused"],
  ["422/133 is no 133", refused(422, 133), "RequestRejected", "LookupRefused"],
  ["404/134 is no 134", refused(404, 134), "RequestRejected", "LookupRefused"],
  ["425", page(425), "ConcurrentUpdate", "LookupRefused"],
  ["400/77, the acquirer was not understood", doubtful(400), "RejectedInDoubt", "LookupRefused"],
  ["402, the acquirer was not understood", doubtful(402), "RejectedInDoubt", "LookupRefused"],
  ["400/77, an error that we do not know", doubtful(400, "on_holiday"), "RejectedInDoubt", "LookupRefused"],
  ["400/77, a decline", doubtful(400, "insufficient_funds"), "RequestRejected", "LookupRefused"],
  ["a cached 200", cached(shows()), "UnexpectedResponse", "UnexpectedResponse"],
  ["a cached 401", cached(refused(401, 6)), "UnexpectedResponse", "UnexpectedResponse"],
  ["a cached 404/137", cached(notFound("/v1/payout/p-1")), "UnexpectedResponse", "UnexpectedResponse"],
  ["a cached 403", cached(refused(403, 1)), "UnexpectedResponse", "UnexpectedResponse"],
  ["paid to another card", shows({ transactions: [to("another")] }), "UnexpectedResponse", "HandleConflict"],
  ["paid to the card", shows({ transactions: [to("card")] }), "Paid", "Paid"],
  ["paid to a card that is not shown", shows({ transactions: [to(undefined)] }), "Paid", "Paid"],
  ["paid to one of two cards", shows({ transactions: [to("another"), to("card")] }), "Paid", "Paid"],
  [
    "paid, after another card was declined",
    shows({ transactions: [{ ...to("another"), state: "failed" }, to("card")] }),
    "Paid",
    "Paid"
  ],
  [
    "being paid to another card",
    shows({ state: "processing", transactions: [{ ...to("another"), state: "processing" }] }),
    "UnexpectedResponse",
    "HandleConflict"
  ],
  [
    "another card that was declined",
    failed(transaction({ errorState: "hard_declined", method: "another" })),
    "HardDeclined",
    "HardDeclined"
  ],
  ["429/122", refused(429, 122), "RateLimited", "RateLimited"],
  ["429 page", page(429), "RateLimited", "RateLimited"],
  ["499", page(499), "RequestRejected", "LookupRefused"],
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
    "a certificate that is refused",
    { _tag: "NoResponse", reason: "Certificate", sent: "NotSent" },
    "CertificateRefused",
    "CertificateRefused"
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
    assert.deepStrictEqual(verdict, { _tag: "CertificateRefused" })
    assert.deepStrictEqual(
      [Verdict.row(verdict).category, Verdict.row(verdict).error, Verdict.why(verdict)],
      [undefined, "CommunicationError", "the server's certificate was not accepted"]
    )
  })

  it("names the fields that differ, and never their values", () => {
    const differing = { amount: 999_777, currency: "EUR", customer: "c-2", transactions: [to("another")] }
    const verdict = Verdict.ofLookup(expected, shows(differing))
    const differs = ["amount", "currency", "customer", "destination"]
    assert.deepStrictEqual(verdict, { _tag: "HandleConflict", differs, payout: payout(differing) })
    assert.strictEqual(Verdict.why(verdict), "the handle's payout has another amount, currency, customer, destination")
  })
})

describe("an answer that settles nothing", () => {
  const table: ReadonlyArray<readonly [reply: Reply.Reply, verdict: Verdict.Verdict]> = [
    [
      { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" },
      { _tag: "CommunicationError", why: "no answer before the deadline" }
    ],
    [
      { _tag: "NoResponse", reason: "Transport", sent: "NotSent" },
      { _tag: "CommunicationError", why: "the connection failed" }
    ],
    [
      answer(200, { _tag: "CutOff", reason: "Deadline" }),
      { _tag: "CommunicationError", why: "the answer was cut off (no answer before the deadline)" }
    ],
    [
      answer(200, { _tag: "CutOff", reason: "Transport" }),
      { _tag: "CommunicationError", why: "the answer was cut off (the connection failed)" }
    ],
    [page(408), { _tag: "CommunicationError", why: "HTTP 408, the server did not get the whole request" }],
    [refused(503, 2), { _tag: "ServerError", why: "HTTP 503" }],
    [page(302), { _tag: "UnexpectedResponse", why: "HTTP 302" }],
    [refused(404, 137), { _tag: "UnexpectedResponse", why: "HTTP 404, an answer to a lookup" }],
    [page(200), { _tag: "UnexpectedResponse", why: "HTTP 200, a body that is not JSON" }],
    [refused(200, 2), { _tag: "UnexpectedResponse", why: "HTTP 200 with error code 2" }],
    [shows({ handle: "p-2" }), { _tag: "UnexpectedResponse", why: "the answer is about another handle" }],
    [
      shows({ amount: 101, currency: "EUR" }),
      { _tag: "UnexpectedResponse", why: "the answer is about another amount, currency" }
    ],
    [cached(shows()), { _tag: "UnexpectedResponse", why: "an answer from a cache" }]
  ]
  for (const [reply, verdict] of table) {
    const why = "why" in verdict ? verdict.why : ""
    it(`says why: ${why}`, () => assert.deepStrictEqual(Verdict.ofCreate(expected, reply), verdict))
  }

  const whyOf = (over: Partial<Payout.Payout>) => {
    const verdict = Verdict.ofPayout(expected, payout(over))
    assert(verdict._tag === "Unsettled")
    assert.deepStrictEqual(verdict.payout, payout(over))
    return verdict.why
  }

  it("repeats the provider's own word for it, but only if it is one", () => {
    const reason = (errorState?: string) => whyOf({ state: "failed", transactions: [transaction({ errorState })] })
    assert.strictEqual(whyOf({ state: "created" }), "its state is created")
    assert.strictEqual(reason("on_holiday"), "it failed with error_state on_holiday")
    assert.strictEqual(reason(), "it failed with error_state missing")
    assert.strictEqual(whyOf({ state: "failed" }), "it failed with error_state missing")
    assert.strictEqual(whyOf({ state: "a".repeat(40) }), `its state is ${"a".repeat(40)}`)
    for (const state of ["", "a".repeat(41), "on holiday", "on\nholiday", "<b>", "holiday!", "!holiday"]) {
      assert.strictEqual(whyOf({ state }), "its state is unreadable")
    }
  })
})

describe("what an answer must be about", () => {
  it("is what was asked for", () => {
    assert.deepStrictEqual<unknown>(Verdict.expected(requestOf({ customer: "c-1" })), {
      handle: "prize-2026-0042",
      amount: 12_500,
      currency: "DKK",
      customer: "c-1",
      method: fingerprint(destination)
    })
  })

  it("is the handle alone, where no more is known", () => {
    const reply = shows({ amount: 999, currency: "EUR", customer: "c-2" })
    assert.strictEqual(Verdict.ofLookup({ handle: "p-1" }, reply)._tag, "Paid")
    assert.strictEqual(Verdict.ofLookup({ handle: "p-2" }, reply)._tag, "UnexpectedResponse")
  })
})

describe("the payout that a verdict shows", () => {
  it("is a success, a failure or neither", () => {
    const kinds = table.map(([, reply]) => {
      const verdict = Verdict.ofLookup(expected, reply)
      const state = Verdict.isShown(verdict) ? verdict.payout.state : undefined
      return [verdict._tag, Verdict.isAccepted(verdict), Verdict.isFailed(verdict), state]
    })
    const shown: ReadonlyArray<ReadonlyArray<unknown>> = [
      ["Paid", true, false, "paid"],
      ["Processing", true, false, "processing"],
      ["HardDeclined", false, true, "failed"],
      ["SoftDeclined", false, true, "failed"],
      ["ProcessingError", false, true, "failed"]
    ]
    for (const [tag, isAccepted, isFailed, state] of kinds) {
      if (tag === "Unsettled") assert.deepStrictEqual([isAccepted, isFailed], [false, false])
      else {
        const row = shown.find(([one]) => one === tag) ?? [tag, false, false, undefined]
        assert.deepStrictEqual([tag, isAccepted, isFailed, state], [...row])
      }
    }
  })
})

describe("what a verdict on a create says about the money", () => {
  const bearing = (reply: Reply.Reply) =>
    Verdict.bearing(Verdict.ofCreate(expected, reply), reply._tag === "Response" ? "Sent" : reply.sent)

  it("a payout is on record", () => {
    const reasons = ["hard_declined", "soft_declined", "processing_error"]
    const failures = reasons.map((errorState) => failed(transaction({ errorState })))
    for (const reply of [shows(), shows({ state: "processing" }), failed(), shows({ state: "created" }), ...failures]) {
      assert.strictEqual(bearing(reply), "Recorded")
    }
  })
  it("133 and 134, and a 400 that may be one, are claims", () => {
    for (const reply of [refused(400, 11), refused(400, 133), refused(400, 134), page(400)]) {
      assert.strictEqual(bearing(reply), "Claimed")
    }
  })
  it("no answer, 5xx and whatever cannot be read are unclear", () => {
    for (const reply of [
      doubtful(400),
      cached(shows()),
      page(200),
      page(302),
      page(500),
      page(408),
      shows({ amount: 1 })
    ]) {
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

describe("The absence of a payout", () => {
  const absence = (handle: string, path?: string) =>
    Verdict.ofLookup({ handle }, answer(404, { _tag: "ApiError", code: 137, path }))

  it("is proven by a path that ends with the handle, as it is or as a URL has it", () => {
    for (const path of ["/v1/payout/a@b", "/v1/payout/a%40b"]) {
      assert.deepStrictEqual(absence("a@b", path), { _tag: "NotFound", proven: true })
    }
  })

  it("is not proven without a path", () => {
    assert.deepStrictEqual(absence("p-1"), { _tag: "NotFound", proven: false })
    assert.deepStrictEqual(Verdict.ofLookup({ handle: "p-1" }, answer(404, { _tag: "ApiError", code: 8 })), {
      _tag: "NotFound",
      proven: false
    })
  })

  it("is another handle's where the path ends with that", () => {
    assert.deepStrictEqual(absence("p-1", "/v1/payout/p-2"), {
      _tag: "UnexpectedResponse",
      why: "HTTP 404 about another handle"
    })
  })
})

describe("The table of verdicts", () => {
  const of = (name: "create" | "lookup" | "afterCreate" | "afterLookup" | "category" | "error") =>
    Object.entries(Verdict.rows).reduce<Record<string, ReadonlyArray<string>>>(
      (found, [tag, row]) => ({ ...found, [String(row[name])]: [...(found[String(row[name])] ?? []), tag] }),
      {}
    )

  const shown = ["Paid", "Processing", "HardDeclined", "SoftDeclined", "ProcessingError", "Unsettled"]
  const claims = ["AlreadyPaid", "AlreadyProcessing", "AlreadyExists"]
  const unclear = ["CommunicationError", "CertificateRefused", "ServerError", "UnexpectedResponse"]
  const refusals = ["PaymentMethodNotFound", "PaymentMethodNotAllowed", "CustomerMismatch", "RequestRejected"]
  const waits = ["RateLimited", "ConcurrentUpdate"]

  it("says what each means for the money, as the answer to a create", () => {
    assert.deepStrictEqual(of("create"), {
      Recorded: shown,
      None: ["HandleConflict", "NotFound", ...waits, ...refusals, "LookupRefused"],
      Claimed: [...claims, "UnreadableRefusal"],
      Unclear: [...unclear, "RejectedInDoubt"]
    })
  })

  it("says what each means for the money, as the answer to a lookup", () => {
    assert.deepStrictEqual(of("lookup"), {
      Recorded: shown,
      Foreign: ["HandleConflict"],
      None: [
        ...[...claims, "UnreadableRefusal", "NotFound", ...unclear, ...waits, ...refusals],
        ...["RejectedInDoubt", "LookupRefused"]
      ]
    })
  })

  it("says what follows a create", () => {
    assert.deepStrictEqual(of("afterCreate"), {
      Succeed: ["Paid", "Processing"],
      GiveUp: [
        ...["HardDeclined", "HandleConflict", "NotFound", "CertificateRefused", ...refusals],
        ...["RejectedInDoubt", "LookupRefused"]
      ],
      SendAgain: [
        ...["SoftDeclined", "ProcessingError", "UnreadableRefusal"],
        ...["CommunicationError", "ServerError", "UnexpectedResponse", ...waits]
      ],
      Confirm: ["Unsettled", ...claims]
    })
  })

  it("says what follows a lookup", () => {
    assert.deepStrictEqual(of("afterLookup"), {
      Succeed: ["Paid", "Processing"],
      Failure: ["HardDeclined", "SoftDeclined", "ProcessingError"],
      Unsettled: ["Unsettled"],
      GiveUp: ["HandleConflict"],
      AskAgain: [
        ...[...claims, "UnreadableRefusal", ...unclear, ...waits, ...refusals],
        ...["RejectedInDoubt", "LookupRefused"]
      ],
      Absent: ["NotFound"]
    })
  })

  it("says which budget it spends to send or ask again", () => {
    assert.deepStrictEqual(of("category"), {
      undefined: [
        ...["Paid", "Processing", "HardDeclined", "HandleConflict", "NotFound", "CertificateRefused"],
        ...[...refusals, "RejectedInDoubt"]
      ],
      softDeclined: ["SoftDeclined"],
      processingError: ["ProcessingError"],
      communication: [
        ...["Unsettled", ...claims, "UnreadableRefusal"],
        ...["CommunicationError", "ServerError", "UnexpectedResponse", "LookupRefused"]
      ],
      rateLimited: ["RateLimited"],
      concurrentUpdate: ["ConcurrentUpdate"]
    })
  })

  it("says which error a call ends with", () => {
    assert.deepStrictEqual(of("error"), {
      undefined: ["Paid", "Processing"],
      HardDeclined: ["HardDeclined"],
      SoftDeclined: ["SoftDeclined"],
      ProcessingError: ["ProcessingError"],
      UnexpectedResponse: ["Unsettled", ...claims, "UnreadableRefusal", "NotFound", "UnexpectedResponse"],
      HandleConflict: ["HandleConflict"],
      CommunicationError: ["CommunicationError", "CertificateRefused"],
      ServerError: ["ServerError"],
      RateLimited: ["RateLimited"],
      RequestRejected: ["ConcurrentUpdate", "RequestRejected", "RejectedInDoubt", "LookupRefused"],
      PaymentMethodNotFound: ["PaymentMethodNotFound"],
      PaymentMethodNotAllowed: ["PaymentMethodNotAllowed"],
      CustomerMismatch: ["CustomerMismatch"]
    })
  })

  it("has the words of a verdict that brings none", () => {
    assert.strictEqual(Verdict.why({ _tag: "AlreadyPaid" }), Verdict.rows.AlreadyPaid.words)
    assert.strictEqual(Verdict.why({ _tag: "ServerError" }), "the provider failed")
    assert.strictEqual(Verdict.why({ _tag: "ServerError", why: "HTTP 502" }), "HTTP 502")
  })
})

describe("A refusal that names a transaction error", () => {
  const declines = [
    ...["insufficient_funds", "settle_blocked", "credit_card_expired", "declined_by_acquirer"],
    ...["credit_card_lost_or_stolen", "credit_card_suspected_fraud", "refund_amount_too_high"],
    ...["authorization_expired", "authorization_amount_exceeded", "authorization_voided", "sca_required"],
    ...["risk_filter_block", "fraud_block"]
  ]
  const errors = [
    ...["acquirer_communication_error", "acquirer_configuration_error", "acquirer_integration_error"],
    ...["acquirer_authentication_error", "acquirer_rejected_error", "acquirer_error", ""]
  ]
  const tags = (words: ReadonlyArray<string>) =>
    new Set(words.map((word) => Verdict.ofCreate(expected, doubtful(400, word))._tag))

  it("is what its code says, if that is no refusal", () => {
    const told = (status: number, code: number) =>
      Verdict.ofCreate(
        expected,
        answer(status, { _tag: "ApiError", code, transactionError: "acquirer_communication_error" })
      )._tag
    assert.deepStrictEqual(
      [told(400, 134), told(400, 133), told(400, 11), told(408, 1), told(400, 74), told(429, 122), told(404, 40)],
      [
        ...["AlreadyPaid", "AlreadyProcessing", "AlreadyExists", "CommunicationError"],
        ...["RejectedInDoubt", "RejectedInDoubt", "RejectedInDoubt"]
      ]
    )
  })

  it("is a refusal if it is a documented decline, and a doubt otherwise", () => {
    assert.deepStrictEqual([tags(declines), tags(errors)], [new Set(["RequestRejected"]), new Set(["RejectedInDoubt"])])
  })
})
