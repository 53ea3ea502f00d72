/** What `create` does with each single answer of the provider, and with what is no request. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { type Row, check, create, script, story, truth } from "./fixture.js"

const rows: ReadonlyArray<Row> = [
  {
    says: "succeeds on a 200 in the state paid",
    steps: [],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Paid -> Succeed"]
  },
  {
    says: "succeeds on a 200 in the state processing, with the money still pending",
    steps: [Script.processing()],
    tag: "Processing",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: ["Create 200 Processing -> Succeed"]
  },
  {
    says: "pays once when the reply is lost (12)",
    steps: [Script.dropAfterCommit],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create Unknown CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "looks the payout up, and sends the same request again, when the connection drops before the commit (11)",
    steps: [Script.dropBeforeCommit],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  {
    says: "looks the payout up instead of sending again when the answer misses the deadline (26)",
    steps: [Script.hangAfterCommit],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create Unknown CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "sends again without a lookup when the connection is refused, because nothing was sent (2)",
    steps: [Script.connectionRefused, Script.connectionRefused],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create NotSent CommunicationError -> SendAgain",
      "Create NotSent CommunicationError -> SendAgain 1s",
      "Create 200 Paid -> Succeed"
    ]
  },
  ...[500, 501, 502, 503, 504, 520].map((status): Row => ({
    says: `looks the payout up before it sends again after a ${status} (28, 29)`,
    steps: [Script.status(status)],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} ServerError -> LookUp`, "Lookup 200 Paid -> Succeed"]
  })),
  ...[201, 202, 206, 300, 304].map((status): Row => ({
    says: `looks the payout up after a ${status}, because it believes only a 200 (33, 34, 37)`,
    steps: [Script.status(status)],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} UnexpectedResponse -> LookUp`, "Lookup 200 Paid -> Succeed"]
  })),
  ...([301, 302, 303, 307, 308] as const).map((status): Row => ({
    says: `does not follow a ${status}: it looks the payout up, and sends again to the same address (35, 36)`,
    steps: [Script.redirect(status, "https://elsewhere.example/v1/payout")],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      `Create ${status} UnexpectedResponse -> LookUp`,
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  })),
  ...[
    { why: "an HTML page (56)", step: Script.htmlPage },
    { why: "half a JSON (20)", step: Script.halfJson },
    { why: "an empty body (21)", step: Script.emptyBody },
    { why: "a body of 2 MiB (59)", step: Script.oversized(2 * 1024 * 1024) },
    { why: "another handle (24)", step: Script.wrongHandle },
    { why: "another amount (66)", step: Script.wrongAmount(1) },
    { why: "another currency (66)", step: Script.altered({ currency: "EUR" }) }
  ].map(({ step, why }): Row => ({
    says: `looks the payout up, because it does not believe a 200 with ${why}`,
    steps: [step],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 UnexpectedResponse -> LookUp", "Lookup 200 Paid -> Succeed"]
  })),
  {
    says: "looks the payout up after a 200 with an API error, which contradicts itself (57)",
    steps: [Script.body(`{"code":2,"error":"Internal error"}`)],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 2 UnexpectedResponse -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  ...[
    { why: "cut off (18)", step: Script.truncated },
    { why: "cut off in a chunk (19)", step: Script.truncatedChunked },
    { why: "stalled (16)", step: Script.stalled }
  ].map(({ step, why }): Row => ({
    says: `looks the payout up, as after no answer, when the body of a 200 is ${why}`,
    steps: [step],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  })),
  {
    says: "looks the payout up, and never sends again, after a 200 in an unknown state (60)",
    steps: [Script.unknownState()],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Unsettled -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "looks the payout up, and never sends again, after a 200 in the state created (61)",
    steps: [Script.unknownState("created"), Script.unknownState("created")],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Unsettled -> LookUp", "Lookup 200 Unsettled -> LookUp 1s", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "looks the payout up until the budget is spent, and never sends again, after an unknown error_state (62)",
    steps: [Script.unknownErrorState("on_holiday")],
    tag: "UnexpectedResponse",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create 200 Unsettled -> LookUp",
      "Lookup 200 Unsettled -> LookUp 1s",
      "Lookup 200 Unsettled -> LookUp 2s",
      "Lookup 200 Unsettled -> LookUp 4s",
      "Lookup 200 Unsettled -> Fail"
    ]
  },
  {
    says: "says MayHaveMoved of a failure without an error_state (63)",
    steps: [Script.altered({ state: "failed", errorState: null }).pipe(Script.times(5))],
    tag: "UnexpectedResponse",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create 200 Unsettled -> LookUp",
      "Lookup 200 Unsettled -> LookUp 1s",
      "Lookup 200 Unsettled -> LookUp 2s",
      "Lookup 200 Unsettled -> LookUp 4s",
      "Lookup 200 Unsettled -> Fail"
    ]
  },
  {
    says: "succeeds on a paid payout without transactions, because the state decides (64)",
    steps: [Script.altered({ transactions: "None" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Paid -> Succeed"]
  },
  {
    says: "stops at a 404 with code 40 (41)",
    steps: [Script.apiError({ status: 404, code: 40 })],
    tag: "PaymentMethodNotFound",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 404 40 PaymentMethodNotFound -> Fail"]
  },
  {
    says: "stops at a 400 with code 135 (39)",
    steps: [Script.apiError({ status: 400, code: 135 })],
    tag: "PaymentMethodNotAllowed",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 400 135 PaymentMethodNotAllowed -> Fail"]
  },
  {
    says: "stops at a 400 with code 136 (40)",
    steps: [Script.apiError({ status: 400, code: 136 })],
    tag: "CustomerMismatch",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 400 136 CustomerMismatch -> Fail"]
  },
  ...[
    [400, 1],
    [400, 77],
    [400, 103],
    [400, 999],
    [401, 6],
    [403, 7],
    [404, 8],
    [405, 8],
    [413, 1],
    [415, 1],
    [422, 146]
  ].map(([status = 0, code = 0]): Row => ({
    says: `stops at a ${status} with code ${code} (38, 47, 48, 49, 51)`,
    steps: [Script.apiError({ status, code })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: [`Create ${status} ${code} RequestRejected -> Fail`]
  })),
  ...[404, 403, 407].map((status): Row => ({
    says: `stops at a ${status} with an HTML page (42, 49)`,
    steps: [Script.reply({ status, body: "<html>" })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: [`Create ${status} RequestRejected -> Fail`]
  })),
  {
    says: "looks the payout up after a 400 that it cannot read, because that may be a 134",
    steps: [Script.reply({ status: 400, body: "<html>" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create 400 UnreadableRefusal -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  {
    says: "looks the payout up after a 408, because the server may have received enough of the request (52)",
    steps: [Script.reply({ status: 408, body: "" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create 408 CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  ...[
    { status: 400, code: 74 },
    { status: 409, code: 1 },
    { status: 425, code: 1 }
  ].map(({ code, status }): Row => ({
    says: `waits, and sends again, after a ${status} with code ${code} (45, 53, 54)`,
    steps: [Script.apiError({ status, code })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} ${code} ConcurrentUpdate -> SendAgain 1s`, "Create 200 Paid -> Succeed"]
  })),
  {
    says: "stops at a 400 with code 74 when the budget for concurrent updates is spent",
    steps: [Script.apiError({ status: 400, code: 74 }).pipe(Script.times(9))],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 400 74 ConcurrentUpdate -> SendAgain 1s", "Create 400 74 ConcurrentUpdate -> Fail"]
  },
  {
    says: "sends again after a 429 by the waits for rate limits, and stops when they are spent (54)",
    steps: [Script.apiError({ status: 429, code: 122 }).pipe(Script.times(9))],
    tag: "RateLimited",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: [
      "Create 429 122 RateLimited -> SendAgain 1s",
      "Create 429 122 RateLimited -> SendAgain 2s",
      "Create 429 122 RateLimited -> Fail"
    ]
  },
  {
    says: "waits as long as the Retry-After of a 429 says (30)",
    steps: [Script.apiError({ status: 429, code: 123, retryAfter: "7" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 429 123 RateLimited -> SendAgain 7s", "Create 200 Paid -> Succeed"]
  },
  {
    says: "does not wait past the deadline for a Retry-After of a day (32)",
    steps: [Script.apiError({ status: 429, code: 122, retryAfter: "86400" })],
    tag: "RateLimited",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 429 122 RateLimited -> Fail"]
  },
  {
    says: "waits as long as the Retry-After of a 503 says (30)",
    steps: [Script.apiError({ status: 503, code: 2, retryAfter: "7" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create 503 2 ServerError -> LookUp 7s",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  {
    says: "never sends again after hard_declined",
    steps: [Script.hardDeclined("credit_card_expired")],
    tag: "HardDeclined",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 200 HardDeclined -> Fail"]
  },
  {
    says: "does not send again after soft_declined by default (63)",
    steps: [Script.softDeclined("insufficient_funds")],
    tag: "SoftDeclined",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 200 SoftDeclined -> Fail"]
  }
]

describe("Payouts.create, for one answer of the provider", () => {
  for (const row of rows) {
    it.effect(row.says, () => check(row))
  }
})

describe("Payouts.create and Payouts.recover, for a forged request", () => {
  it.effect("refuse a value that PayoutRequest.make did not make (102)", () =>
    Effect.gen(function* () {
      const forged = Object.assign({}, requestOf(), { amount: Number.NaN })
      const payouts = yield* Payouts.Payouts
      for (const call of [payouts.create, payouts.recover]) {
        const end = yield* Effect.flip(call(forged))
        assert(end._tag === "InvalidRequest")
        assert.deepStrictEqual([end.field, end.reason], ["request", "must be made by PayoutRequest.make"])
        assert.deepStrictEqual([end.certainty, end.exposure], ["NotMoved", { min: 0, max: 0 }])
      }
      assert.strictEqual((yield* truth).creates, 0)
    }).pipe(Effect.provide(layer()))
  )
})

describe("Payouts.create with the evidence of another process", () => {
  it.effect("does not take a transaction that the evidence knows for its own doing", () =>
    Effect.gen(function* () {
      yield* script(
        Script.onCreate(Script.softDeclined()),
        Script.onCreate(Script.delayRequest("10 minutes")(Script.paid))
      )
      const policy = RetryPolicy.none
      const first = yield* create(requestOf(), { policy })
      assert(first._tag === "SoftDeclined" && first.certainty === "NotMoved")
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(Effect.flip(restarted.create(requestOf(), { evidence: first.evidence, policy })))
      assert.deepStrictEqual([end.certainty, end.exposure], ["MayHaveMoved", { min: 0, max: 12_500 }])
      assert.deepStrictEqual(story(end), [
        "Create Unknown CommunicationError -> LookUp",
        "Lookup 200 SoftDeclined -> Fail"
      ])
      yield* inVirtualTime(Effect.sleep("10 minutes"))
      assert.strictEqual((yield* truth).moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("looks up first if the evidence leaves money in doubt", () =>
    Effect.gen(function* () {
      yield* script(Script.onCreate(Script.dropAfterCommit), Script.onLookup(Script.connectionRefused))
      const policy = RetryPolicy.none
      const first = yield* create(requestOf(), { policy })
      assert("evidence" in first && first.certainty === "MayHaveMoved")
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(restarted.create(requestOf(), { evidence: first.evidence, policy }))
      assert.deepStrictEqual(story(end), ["Lookup 200 Paid -> Succeed"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("refuses evidence about another handle, and sends nothing", () =>
    Effect.gen(function* () {
      const end = yield* create(requestOf(), { evidence: Exposure.empty("prize-of-another") })
      assert(end._tag === "InvalidRequest")
      assert.deepStrictEqual([end.field, end.reason], ["evidence", "must be about the request's handle"])
      assert.strictEqual((yield* truth).creates, 0)
    }).pipe(Effect.provide(layer()))
  )
})
