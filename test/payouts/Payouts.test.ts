import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Exit, Fiber, Schedule, TestClock } from "effect"
import { Exposure, Payout, Payouts, PayoutRequest, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"

const handle = "prize-2026-0042"
const other = "ca_00000000000000000000000000000000"

/** Creates in virtual time, and gives back whatever came of it. */
const create = (request: PayoutRequest.PayoutRequest, options?: Payouts.CallOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    inVirtualTime(Effect.map(Effect.either(payouts.create(request, options)), Either.merge))
  )

const recover = (request: PayoutRequest.PayoutRequest, options?: Payouts.RecoverOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    inVirtualTime(Effect.map(Effect.either(payouts.recover(request, options)), Either.merge))
  )

const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

const always = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.always(...steps))

/** What really happened: creates received, money moved, and different bodies. */
const truth = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  const exchanges = yield* sandbox.exchanges
  const ledger = yield* sandbox.ledger
  return {
    creates: exchanges.filter(({ ending, kind }) => kind === "Create" && ending !== "Refused").length,
    lookups: exchanges.filter(({ ending, kind }) => kind === "Lookup" && ending !== "Refused").length,
    moved: Ledger.moved(ledger, handle),
    bodies: yield* sandbox.bodies(handle),
    paidTwice: Ledger.paidTwice(ledger)
  }
})

type End = Outcome.Outcome | PayoutError.PayoutError

/** The whole story in one line an exchange. */
const story = ({ attempts }: End): ReadonlyArray<string> =>
  attempts.map(({ code, decision, delay, kind, outcome, sent, status }) =>
    [
      kind,
      status ?? sent,
      ...(code === undefined ? [] : [code]),
      outcome,
      "->",
      decision,
      ...(delay === undefined || Duration.toMillis(delay) === 0 ? [] : [Duration.format(delay)])
    ].join(" ")
  )

/** What every end must satisfy, whatever happened: the claim covers the truth, and nothing is left out. */
const assertTruthful = (end: End) =>
  Effect.gen(function* () {
    const { bodies, creates, lookups, moved, paidTwice } = yield* truth
    assert.isAtLeast(moved, end.exposure.min, "less moved than was said")
    assert.isAtMost(moved, end.exposure.max, "more moved than was said")
    if (end.certainty === "NotMoved") assert.strictEqual(moved, 0, "moved, and was said not to have")
    if (end.certainty === "Moved") assert.isAbove(moved, 0, "not moved, and was said to have")
    const sent = end.attempts.filter((attempt) => attempt.sent !== "NotSent")
    assert.strictEqual(sent.length, creates + lookups, "each exchange is on record")
    assert.isAtMost(bodies, 1, "every create had the same bytes")
    assert.deepStrictEqual(paidTwice, [])
  })

/** No jitter, so that delays are exact. */
const exact = RetryPolicy.make({
  communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("1 second", "2 seconds", "4 seconds"))),
  rateLimited: Schedule.fromDelays("1 second", "2 seconds"),
  concurrentUpdate: Schedule.fromDelays("1 second")
})

const softly = RetryPolicy.make({ softDeclined: Schedule.fromDelays("1 minute", "2 minutes") })

interface Row {
  readonly says: string
  readonly steps: ReadonlyArray<Script.Step>
  readonly input?: Partial<PayoutRequest.Input>
  readonly options?: Sandbox.Options
  readonly tag: End["_tag"]
  readonly certainty: End["certainty"]
  readonly exposure: readonly [min: number, max: number]
  readonly story: ReadonlyArray<string>
}

const rows: ReadonlyArray<Row> = [
  {
    says: "200, paid: succeeds",
    steps: [],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Paid -> Succeed"]
  },
  {
    says: "200, processing: succeeds, pending",
    steps: [Script.processing()],
    tag: "Processing",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: ["Create 200 Processing -> Succeed"]
  },
  {
    says: "no answer, and paid: pays once when the reply is lost (12)",
    steps: [Script.dropAfterCommit],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create Unknown CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "no answer, and nothing done: sends the same again after asking (11)",
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
    says: "no answer before the deadline, and paid: asks instead of sending again (26)",
    steps: [Script.hangAfterCommit],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create Unknown CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "nobody listens: sends again without asking, because nothing was sent (2)",
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
    says: `${status} although paid: asks before it sends again (28, 29)`,
    steps: [Script.status(status)],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} ServerError -> LookUp`, "Lookup 200 Paid -> Succeed"]
  })),
  ...[201, 202, 206, 300, 304].map((status): Row => ({
    says: `${status} although paid: believes only a 200, and asks (33, 34, 37)`,
    steps: [Script.status(status)],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} UnexpectedResponse -> LookUp`, "Lookup 200 Paid -> Succeed"]
  })),
  ...([301, 302, 303, 307, 308] as const).map((status): Row => ({
    says: `${status}: does not follow, asks, and sends again to the same place (35, 36)`,
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
    says: `200 with ${why} although paid: does not believe it, and asks`,
    steps: [step],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 UnexpectedResponse -> LookUp", "Lookup 200 Paid -> Succeed"]
  })),
  {
    says: "200 with an API error although paid: contradictory, so it asks (57)",
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
    says: `200 whose body is ${why} although paid: counts as no answer, and asks`,
    steps: [step],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  })),
  {
    says: "200 in an unknown state: asks again, and never sends again (60)",
    steps: [Script.unknownState()],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Unsettled -> LookUp", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "200 created: asks again, and never sends again (61)",
    steps: [Script.unknownState("created"), Script.unknownState("created")],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Unsettled -> LookUp", "Lookup 200 Unsettled -> LookUp 1s", "Lookup 200 Paid -> Succeed"]
  },
  {
    says: "failed for an unknown reason: asks until the budget is spent, and never sends again (62)",
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
    says: "failed for no reason: may have moved (63)",
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
    says: "paid without transactions: the state decides (64)",
    steps: [Script.altered({ transactions: "None" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 200 Paid -> Succeed"]
  },
  {
    says: "404 with code 40: stops (41)",
    steps: [Script.apiError({ status: 404, code: 40 })],
    tag: "PaymentMethodNotFound",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 404 40 PaymentMethodNotFound -> Fail"]
  },
  {
    says: "400 with code 135: stops (39)",
    steps: [Script.apiError({ status: 400, code: 135 })],
    tag: "PaymentMethodNotAllowed",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 400 135 PaymentMethodNotAllowed -> Fail"]
  },
  {
    says: "400 with code 136: stops (40)",
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
    says: `${status} with code ${code}: stops (38, 47, 48, 49, 51)`,
    steps: [Script.apiError({ status, code })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: [`Create ${status} ${code} RequestRejected -> Fail`]
  })),
  ...[404, 403, 407].map((status): Row => ({
    says: `${status} with an HTML page: stops (42, 49)`,
    steps: [Script.reply({ status, body: "<html>" })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: [`Create ${status} RequestRejected -> Fail`]
  })),
  {
    says: "400 that cannot be read: may be a 134, so it asks",
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
    says: "408: the server may have had enough of the request, so it asks (52)",
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
    says: `${status} with code ${code}: sends again after a wait (45, 53, 54)`,
    steps: [Script.apiError({ status, code })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [`Create ${status} ${code} ConcurrentUpdate -> SendAgain 1s`, "Create 200 Paid -> Succeed"]
  })),
  {
    says: "400 with code 74 until its own budget is spent: stops",
    steps: [Script.apiError({ status: 400, code: 74 }).pipe(Script.times(9))],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 400 74 ConcurrentUpdate -> SendAgain 1s", "Create 400 74 ConcurrentUpdate -> Fail"]
  },
  {
    says: "429: sends again after its own waits, and stops when they are spent (54)",
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
    says: "429 with Retry-After: waits as long as it is told (30)",
    steps: [Script.apiError({ status: 429, code: 123, retryAfter: "7" })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: ["Create 429 123 RateLimited -> SendAgain 7s", "Create 200 Paid -> Succeed"]
  },
  {
    says: "429 with a Retry-After of a day: does not wait past the deadline (32)",
    steps: [Script.apiError({ status: 429, code: 122, retryAfter: "86400" })],
    tag: "RateLimited",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 429 122 RateLimited -> Fail"]
  },
  {
    says: "503 with Retry-After: waits as long as it is told (30)",
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
    says: "hard_declined: never sent again",
    steps: [Script.hardDeclined("credit_card_expired")],
    tag: "HardDeclined",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 200 HardDeclined -> Fail"]
  },
  {
    says: "soft_declined: not sent again by default (63)",
    steps: [Script.softDeclined("insufficient_funds")],
    tag: "SoftDeclined",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create 200 SoftDeclined -> Fail"]
  },
  {
    says: "processing_error that ends: later, after asking, and the exposure counts it (70)",
    steps: [Script.processingError()],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 25_000],
    story: [
      "Create 200 ProcessingError -> LookUp 1m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  {
    says: "processing_error that hid a success: the exposure covers both payments (71)",
    steps: [Script.processingError({ moved: true })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 25_000],
    story: [
      "Create 200 ProcessingError -> LookUp 1m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 200 Paid -> Succeed"
    ]
  },
  {
    says: "processing_error again and again: a few times only (70)",
    steps: [Script.processingError({ moved: true }).pipe(Script.onCreate, Script.times(9))],
    tag: "ProcessingError",
    certainty: "MayHaveMoved",
    exposure: [0, 37_500],
    story: [
      "Create 200 ProcessingError -> LookUp 1m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 200 ProcessingError -> LookUp 5m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 200 ProcessingError -> Fail"
    ]
  },
  {
    says: "processing_error, then hard_declined: stops, and the exposure stays (73)",
    steps: [Script.processingError({ moved: true }), Script.normal, Script.hardDeclined()],
    tag: "HardDeclined",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create 200 ProcessingError -> LookUp 1m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 200 HardDeclined -> Fail"
    ]
  },
  {
    says: "[timeout, 401]: the 401 says nothing about the first attempt (48, 55)",
    steps: [Script.hangAfterCommit, ...Array.from({ length: 3 }, () => Script.apiError({ status: 401, code: 6 }))],
    tag: "CommunicationError",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 401 6 RequestRejected -> SendAgain",
      "Create 401 6 RequestRejected -> LookUp",
      "Lookup 401 6 RequestRejected -> Fail"
    ]
  },
  {
    says: "[503, 400/135]: what the last ask clears up is clear",
    steps: [Script.status(503), Script.apiError({ status: 503, code: 2 }), Script.apiError({ status: 400, code: 135 })],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create 503 ServerError -> LookUp",
      "Lookup 503 2 ServerError -> SendAgain",
      "Create 400 135 PaymentMethodNotAllowed -> LookUp",
      "Lookup 200 Paid -> Succeed"
    ]
  },
  {
    says: "[connection refused, 401]: nothing was sent, so the 401 counts",
    steps: [Script.connectionRefused, Script.apiError({ status: 401, code: 6 })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create NotSent CommunicationError -> SendAgain", "Create 401 6 RequestRejected -> Fail"]
  },
  {
    says: "[processing_error, 401]: the processing error is what matters",
    steps: [
      Script.processingError({ moved: true }),
      Script.normal,
      ...Array.from({ length: 2 }, () => Script.apiError({ status: 401, code: 6 }))
    ],
    tag: "ProcessingError",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create 200 ProcessingError -> LookUp 1m",
      "Lookup 200 ProcessingError -> SendAgain",
      "Create 401 6 RequestRejected -> LookUp",
      "Lookup 401 6 RequestRejected -> Fail"
    ]
  },
  {
    says: "[lost, 429, 429, ...]: still in doubt, whatever ends it",
    steps: [Script.dropAfterCommit, Script.apiError({ status: 429, code: 122 }).pipe(Script.times(20))],
    tag: "CommunicationError",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 429 122 RateLimited -> SendAgain",
      "Create 429 122 RateLimited -> LookUp 1s",
      "Lookup 429 122 RateLimited -> SendAgain",
      "Create 429 122 RateLimited -> LookUp 2s",
      "Lookup 429 122 RateLimited -> SendAgain",
      "Create 429 122 RateLimited -> LookUp",
      "Lookup 429 122 RateLimited -> Fail"
    ]
  },
  {
    says: "a read that lags behind: the repeat is told 134, and is no client error (43, 50)",
    steps: [Script.dropAfterCommit, Script.laggingRead],
    tag: "Paid",
    certainty: "Moved",
    exposure: [12_500, 12_500],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 400 134 AlreadyPaid -> LookUp",
      "Lookup 200 Paid -> Succeed"
    ]
  },
  {
    says: "a read that lags behind while processing: the repeat is told 133 (44)",
    steps: [Script.processing().pipe(Script.and(Script.dropAfterCommit)), Script.laggingRead],
    tag: "Processing",
    certainty: "MayHaveMoved",
    // Both were sent in the second of the one transaction, and 133 may have been the answer to somebody else.
    exposure: [0, 25_000],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 400 133 AlreadyProcessing -> LookUp",
      "Lookup 200 Processing -> Succeed"
    ]
  },
  {
    says: "a repeat that is answered by a replay: succeeds as well (79)",
    steps: [Script.dropAfterCommit, Script.laggingRead],
    options: { repeatOfPaid: "Replay" },
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
    says: "134 that no lookup confirms: keeps asking, never sends again, and says that it may have moved (43)",
    steps: [Script.apiError({ status: 400, code: 134 }), Script.laggingRead.pipe(Script.times(9))],
    tag: "UnexpectedResponse",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create 400 134 AlreadyPaid -> LookUp",
      "Lookup 404 137 NotFound -> LookUp",
      "Lookup 404 137 NotFound -> LookUp 1s",
      "Lookup 404 137 NotFound -> LookUp 2s",
      "Lookup 404 137 NotFound -> LookUp 4s",
      "Lookup 404 137 NotFound -> Fail"
    ]
  },
  {
    says: "a lost answer, and the provider executes it after a decline: the decline is not the end (27, 50)",
    steps: [Script.executeLater("1 hour"), Script.laggingRead, Script.hardDeclined()],
    tag: "HardDeclined",
    certainty: "MayHaveMoved",
    exposure: [0, 12_500],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 200 HardDeclined -> Fail"
    ]
  }
]

describe("create, for each row of the table", () => {
  for (const row of rows) {
    it.effect(row.says, () =>
      Effect.gen(function* () {
        yield* script(...row.steps)
        const end = yield* create(requestOf(row.input), { policy: exact })
        assert.deepStrictEqual(story(end), row.story)
        assert.strictEqual(end._tag, row.tag)
        assert.strictEqual(end.certainty, row.certainty)
        assert.deepStrictEqual(end.exposure, { min: row.exposure[0], max: row.exposure[1] })
        yield* assertTruthful(end)
      }).pipe(Effect.provide(layer(row.options)))
    )
  }
})

describe("handles that are taken", () => {
  it.effect("pays once when two processes create the same payout (85)", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      // Another process: the same provider, and no memory of the first.
      const payouts = yield* anotherProcess()
      const second = yield* inVirtualTime(payouts.create(requestOf()))
      assert.strictEqual(second._tag, "Paid")
      assert.deepStrictEqual(story(second), ["Create 400 134 AlreadyPaid -> LookUp", "Lookup 200 Paid -> Succeed"])
      assert.strictEqual((yield* truth).moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  for (const [field, input] of [
    ["amount", { amount: 12_501 }],
    ["currency", { currency: "EUR" }],
    ["customer", { customer: "somebody-else" }]
  ] as const) {
    it.effect(`refuses a handle that another process paid with another ${field}`, () =>
      Effect.gen(function* () {
        yield* create(requestOf({ customer: "winner" }))
        const payouts = yield* anotherProcess()
        const end = yield* inVirtualTime(Effect.flip(payouts.create(requestOf({ customer: "winner", ...input }))))
        assert(end._tag === "HandleConflict")
        assert.deepStrictEqual([end.with, end.differs, end.certainty], ["Provider", [field], "NotMoved"])
        assert.strictEqual((yield* truth).moved, 12_500)
      }).pipe(Effect.provide(layer()))
    )
  }
})

describe("budgets", () => {
  it.effect("neither multiply nor reset each other (72)", () =>
    Effect.gen(function* () {
      const lost = Script.dropBeforeCommit.pipe(Script.onCreate)
      const failed = Script.processingError().pipe(Script.onCreate)
      const limited = Script.apiError({ status: 429, code: 122 }).pipe(Script.onCreate)
      yield* script(lost, failed, limited, lost, failed, limited, lost, failed, limited, lost, lost, lost)
      const end = yield* create(requestOf(), { policy: exact })
      assert.deepStrictEqual(
        end.attempts
          .filter(({ kind }) => kind === "Create")
          .map(({ delay, outcome }) => [outcome, delay && Duration.format(delay)]),
        [
          ["CommunicationError", "0"],
          ["ProcessingError", "1m"],
          ["RateLimited", "1s"],
          ["CommunicationError", "1s"],
          ["ProcessingError", "5m"],
          ["RateLimited", "2s"],
          ["CommunicationError", "2s"],
          ["ProcessingError", undefined]
        ]
      )
      assert.strictEqual(end._tag, "ProcessingError")
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("for processing errors count what the provider has on record, across restarts", () =>
    Effect.gen(function* () {
      yield* always(Script.processingError().pipe(Script.onCreate))
      yield* create(requestOf(), { policy: RetryPolicy.none })
      // After a restart one failure is on record, so one wait has been spent.
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(Effect.flip(restarted.recover(requestOf())))
      assert.deepStrictEqual(story(end), [
        "Lookup 200 ProcessingError -> LookUp 1m",
        "Lookup 200 ProcessingError -> SendAgain",
        "Create 200 ProcessingError -> LookUp 5m",
        "Lookup 200 ProcessingError -> SendAgain",
        "Create 200 ProcessingError -> Fail"
      ])
      const again = yield* anotherProcess()
      const spent = yield* inVirtualTime(Effect.flip(again.recover(requestOf())))
      assert.deepStrictEqual(story(spent), ["Lookup 200 ProcessingError -> Fail"])
      // Three on record; and a process that sends such a failure again may have been about to.
      assert.deepStrictEqual([spent._tag, spent.exposure], ["ProcessingError", { min: 0, max: 50_000 }])
      // Who tells of three does not say when, so that the three on record may be others.
      yield* TestClock.adjust("1 minute")
      const told = yield* anotherProcess()
      const counted = yield* inVirtualTime(Effect.flip(told.recover(requestOf(), { outstandingCreates: 3 })))
      assert.deepStrictEqual([counted._tag, counted.exposure], ["ProcessingError", { min: 0, max: 75_000 }])
      const sure = yield* anotherProcess()
      assert(end._tag === "ProcessingError")
      const { evidence } = end
      const handed = yield* inVirtualTime(Effect.flip(sure.recover(requestOf(), { evidence, outstandingCreates: 0 })))
      // Nothing was sent since; but what that process assumed may be the only trace of a create.
      assert.deepStrictEqual([handed._tag, handed.exposure], ["ProcessingError", { min: 0, max: 50_000 }])
      const surer = yield* anotherProcess()
      const known = { evidence: Exposure.withoutGuesses(evidence), outstandingCreates: 0 }
      const all = yield* inVirtualTime(Effect.flip(surer.recover(requestOf(), known)))
      assert.deepStrictEqual([all._tag, all.exposure], ["ProcessingError", { min: 0, max: 37_500 }])
      assert.strictEqual((yield* truth).creates, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("for soft declines can be given, and are spent before the call ends", () =>
    Effect.gen(function* () {
      yield* script(Script.softDeclined(), Script.softDeclined())
      const end = yield* create(requestOf(), { policy: softly })
      assert.deepStrictEqual(story(end), [
        "Create 200 SoftDeclined -> SendAgain 1m",
        "Create 200 SoftDeclined -> SendAgain 2m",
        "Create 200 Paid -> Succeed"
      ])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("end at the deadline, before anything that could end too late is begun", () =>
    Effect.gen(function* () {
      yield* always(Script.hangBeforeCommit)
      const before = yield* TestClock.currentTimeMillis
      const end = yield* create(requestOf(), {
        policy: RetryPolicy.make({ communication: Schedule.forever, elapsedMax: "5 minutes" })
      })
      const elapsed = (yield* TestClock.currentTimeMillis) - before
      // 90 s + 30 s + 90 s + 30 s: a third create could have ended after 330 s.
      assert.strictEqual(elapsed, 240_000)
      assert.deepStrictEqual(story(end), [
        "Create Unknown CommunicationError -> LookUp",
        "Lookup Unknown CommunicationError -> SendAgain",
        "Create Unknown CommunicationError -> LookUp",
        "Lookup Unknown CommunicationError -> Fail"
      ])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("end at their deadlines even where nothing can be interrupted", () =>
    Effect.gen(function* () {
      yield* always(Script.hangBeforeCommit)
      const payouts = yield* Payouts.Payouts
      const before = yield* TestClock.currentTimeMillis
      const end = yield* inVirtualTime(
        Effect.uninterruptible(Effect.flip(payouts.create(requestOf(), { policy: RetryPolicy.none })))
      )
      assert.deepStrictEqual([end._tag, end.certainty], ["CommunicationError", "MayHaveMoved"])
      assert.strictEqual((yield* TestClock.currentTimeMillis) - before, 120_000)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("begin with each call: an earlier call's create is not this one's first", () =>
    Effect.gen(function* () {
      const hasty = RetryPolicy.make({ elapsedMax: "1 minute" })
      yield* script(Script.dropBeforeCommit, Script.normal)
      yield* create(requestOf(), { policy: hasty })
      const end = yield* create(requestOf(), { policy: hasty })
      assert.strictEqual(end._tag, "Paid")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("are bounded even if the policy is not (I6)", () =>
    Effect.gen(function* () {
      yield* always(Script.apiError({ status: 429, code: 122 }))
      const end = yield* create(requestOf(), { policy: RetryPolicy.make({ rateLimited: Schedule.forever }) })
      assert.strictEqual(end._tag, "RateLimited")
      assert.strictEqual(end.attempts.length, 100)
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of none send once, and ask once if that leaves doubt", () =>
    Effect.gen(function* () {
      yield* script(Script.dropBeforeCommit)
      const end = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual(story(end), [
        "Create Unknown CommunicationError -> LookUp",
        "Lookup 404 137 NotFound -> Fail"
      ])
      assert.deepStrictEqual([end._tag, end.certainty], ["CommunicationError", "MayHaveMoved"])
    }).pipe(Effect.provide(layer()))
  )
})

describe("recover", () => {
  it.effect("asks first, and takes the answer", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(restarted.recover(requestOf()))
      assert.deepStrictEqual(story(end), ["Lookup 200 Paid -> Succeed"])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("sends what the provider does not know (77)", () =>
    Effect.gen(function* () {
      const end = yield* recover(requestOf())
      assert.deepStrictEqual(story(end), ["Lookup 404 137 NotFound -> SendAgain", "Create 200 Paid -> Succeed"])
      assert.deepStrictEqual([end._tag, end.exposure], ["Paid", { min: 12_500, max: 12_500 }])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("never sends again what was declined for good (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      // Without evidence, another create may be under way; without any, the decline is the end.
      for (const [options, certainty] of [
        [{}, "MayHaveMoved"],
        [{ outstandingCreates: 0 }, "NotMoved"]
      ] as const) {
        const restarted = yield* anotherProcess()
        const end = yield* inVirtualTime(Effect.flip(restarted.recover(requestOf(), options)))
        assert.deepStrictEqual(
          [end._tag, end.certainty, ...story(end)],
          ["HardDeclined", certainty, "Lookup 200 HardDeclined -> Fail"]
        )
      }
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("takes the reason of a failure that was first shown without it (63)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined().pipe(Script.and(Script.altered({ errorState: null }))))
      const first = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert(first._tag === "UnexpectedResponse" && first.certainty === "MayHaveMoved")
      const { evidence } = first
      for (const restarted of [false, true]) {
        const payouts = restarted ? yield* anotherProcess() : yield* Payouts.Payouts
        const end = yield* inVirtualTime(Effect.flip(payouts.recover(requestOf(), { evidence, outstandingCreates: 0 })))
        assert.deepStrictEqual([end._tag, end.certainty], ["HardDeclined", "NotMoved"])
        assert.deepStrictEqual(story(end).slice(-1), ["Lookup 200 HardDeclined -> Fail"])
        assert.lengthOf(end.attempts, restarted ? 1 : 2)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tells of what is in doubt, and no longer of what the record has answered", () =>
    Effect.gen(function* () {
      const unexplained = Script.softDeclined().pipe(Script.and(Script.altered({ errorState: null })))
      yield* script(unexplained, Script.normal, Script.normal)
      const first = yield* recover(requestOf(), { outstandingCreates: 2, policy: RetryPolicy.none })
      assert.strictEqual(first._tag, "UnexpectedResponse")
      const end = yield* recover(requestOf(), { outstandingCreates: 2, policy: RetryPolicy.none })
      assert.deepStrictEqual([end._tag, end.certainty], ["SoftDeclined", "MayHaveMoved"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts a create of another process once, however often it is told of it", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      const restarted = yield* anotherProcess()
      for (const outstandingCreates of [3, 3, 2]) {
        const end = yield* inVirtualTime(Effect.flip(restarted.recover(requestOf(), { outstandingCreates })))
        // One of them is on record, as declined in the same second.
        const max = (outstandingCreates - 1) * 12_500
        assert.deepStrictEqual([end._tag, end.exposure], ["HardDeclined", { min: 0, max }])
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not take a create's own transaction, not shown at first, for a lost create's (27, 64)", () =>
    Effect.gen(function* () {
      const unshown = Script.unknownErrorState().pipe(Script.and(Script.altered({ transactions: "None" })))
      yield* script(Script.executeLater("4 hours"), Script.normal, unshown)
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["UnexpectedResponse", { min: 0, max: 25_000 }])
      yield* TestClock.adjust("5 hours")
      yield* (yield* Sandbox.Sandbox).ledger
      assert.deepStrictEqual((yield* recover(requestOf(), { outstandingCreates: 0 })).exposure, {
        min: 12_500,
        max: 25_000
      })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a lookup that does not see what was shown before proves nothing, and lets nothing be sent (50)", () =>
    Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }), Script.laggingRead)
      const first = yield* create(requestOf(), { policy: RetryPolicy.none })
      const second = yield* create(requestOf(), { policy: RetryPolicy.none })
      for (const end of [first, second]) {
        assert.deepStrictEqual([end._tag, end.exposure], ["ProcessingError", { min: 0, max: 12_500 }])
      }
      assert.deepStrictEqual(story(second).slice(-1), ["Lookup 404 137 NotFound -> Fail"])
      // Once it is seen again, the policy decides.
      const third = yield* create(requestOf(), { policy: exact })
      assert.deepStrictEqual([third._tag, third.exposure], ["Paid", { min: 12_500, max: 25_000 }])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a lookup that shows less than was shown before grants no processing error that was spent (50)", () =>
    Effect.gen(function* () {
      yield* script(...Array.from({ length: 4 }, () => Script.processingError({ moved: true })))
      const first = yield* create(requestOf())
      assert.deepStrictEqual([first._tag, (yield* truth).creates], ["ProcessingError", 3])
      yield* script(Script.staleRead)
      const second = yield* recover(requestOf(), { outstandingCreates: 0 })
      assert.deepStrictEqual([second._tag, (yield* truth).creates], ["ProcessingError", 3])
      assert.deepStrictEqual(second.exposure, { min: 0, max: 37_500 })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts a create beside a processing error, though its answer shows no transaction (64, 71)", () =>
    Effect.gen(function* () {
      const unshown = Script.processing({ after: "1 hour" }).pipe(Script.and(Script.altered({ transactions: "None" })))
      yield* script(Script.processingError({ moved: true }), Script.normal, unshown)
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["Processing", { min: 0, max: 25_000 }])
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual((yield* recover(requestOf(), { outstandingCreates: 0 })).exposure, {
        min: 12_500,
        max: 25_000
      })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a claim of payment comes on top of a processing error that is on record (43, 71)", () =>
    Effect.gen(function* () {
      const claim = Script.apiErrorAfterCommit({ status: 400, code: 134 })
      yield* script(Script.processingError({ moved: true }), Script.normal, claim)
      yield* always(Script.apiError({ status: 500, code: 2 }))
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["UnexpectedResponse", { min: 0, max: 25_000 }])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("sends nothing while it cannot ask", () =>
    Effect.gen(function* () {
      yield* script(Script.dropAfterCommit.pipe(Script.onLookup, Script.times(99)))
      const end = yield* recover(requestOf(), { policy: exact })
      assert(end._tag === "CommunicationError")
      assert.deepStrictEqual([end.reason, end.certainty, end.exposure.max], ["Unseen", "MayHaveMoved", 12_500])
      assert.strictEqual((yield* truth).creates, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not call a refusal certain while an unseen request may arrive, unless it is told that none can", () =>
    Effect.gen(function* () {
      yield* always(Script.apiError({ status: 400, code: 135 }).pipe(Script.onCreate))
      const unsure = yield* recover(requestOf())
      assert.deepStrictEqual([unsure._tag, unsure.certainty], ["CommunicationError", "MayHaveMoved"])
      const sure = yield* recover(requestOf({ handle: "another" }), { outstandingCreates: 0 })
      assert.deepStrictEqual([sure._tag, sure.certainty], ["PaymentMethodNotAllowed", "NotMoved"])
    }).pipe(Effect.provide(layer()))
  )
})

describe("within one process", () => {
  it.effect("calls for the same payout share one conversation (84)", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const ends = yield* inVirtualTime(
        Effect.all(
          Array.from({ length: 5 }, () => payouts.create(requestOf())),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(new Set(ends).size, 1)
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a call with other arguments for a payout under way is refused, and sends nothing (86)", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const refused = yield* Effect.flip(payouts.create(requestOf({ amount: 1, destination: other })))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.differs, refused.attempts],
        ["Process", ["destination", "amount"], []]
      )
      yield* inVirtualTime(Fiber.join(first))
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an interrupted call is remembered: the next one asks, and carries the evidence on (82)", () =>
    Effect.gen(function* () {
      yield* script(Script.hangAfterCommit)
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(first)
      const end = yield* create(requestOf())
      assert.deepStrictEqual(story(end), ["Create Unknown Interrupted -> Interrupted", "Lookup 200 Paid -> Succeed"])
      assert.deepStrictEqual(
        end.attempts.map(({ ordinal, took }) => [ordinal, Duration.format(took)]),
        [
          [1, "10s"],
          [2, "0"]
        ]
      )
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "when the first of two callers is interrupted the second carries on, and the payout is made once (82, 84)",
    () =>
      Effect.gen(function* () {
        yield* script(Script.delayAnswer("10 seconds")(Script.normal))
        const payouts = yield* Payouts.Payouts
        const first = yield* Effect.fork(payouts.create(requestOf()))
        yield* Effect.yieldNow()
        const second = yield* Effect.fork(payouts.create(requestOf()))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(first)
        const end = yield* inVirtualTime(Fiber.join(second))
        assert.strictEqual(end._tag, "Paid")
        yield* assertTruthful(end)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("who carries on for another tells of what that one sent, also if nothing came of it (I7, 82)", () =>
    Effect.gen(function* () {
      yield* script(Script.apiError({ status: 429, code: 122 }), Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf(), { policy: exact }))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(payouts.create(requestOf(), { policy: exact }))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      const end = yield* inVirtualTime(Fiber.join(second))
      assert.deepStrictEqual(
        end.attempts.map(({ outcome }) => outcome),
        ["RateLimited", "Paid"]
      )
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an interruption while waiting loses no evidence", () =>
    Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.interrupt(first)
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["Paid", { min: 12_500, max: 25_000 }])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an error that leaves doubt is remembered, and the doubt is not lost by asking again", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("1 hour"))
      const first = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual([first._tag, first.certainty], ["CommunicationError", "MayHaveMoved"])
      yield* script(Script.normal, Script.apiError({ status: 401, code: 6 }), Script.apiError({ status: 401, code: 6 }))
      const second = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual(
        [second._tag, second.certainty, second.exposure.max, second.attempts.length],
        ["CommunicationError", "MayHaveMoved", 12_500, 5]
      )
      yield* TestClock.adjust("2 hours")
      const third = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual(
        [third._tag, third.certainty, third.exposure],
        ["Paid", "Moved", { min: 12_500, max: 12_500 }]
      )
      yield* assertTruthful(third)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("other arguments are refused while money of the first may have moved", () =>
    Effect.gen(function* () {
      yield* script(Script.dropBeforeCommit, Script.normal)
      yield* create(requestOf(), { policy: RetryPolicy.none })
      const refused = yield* create(requestOf({ destination: other }))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.differs, refused.certainty, refused.other],
        ["Process", ["destination"], "NotMoved", { certainty: "MayHaveMoved", exposure: { min: 0, max: 12_500 } }]
      )
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("other arguments are let through as soon as the first have certainly not paid (I15)", () =>
    Effect.gen(function* () {
      yield* script(Script.processing())
      yield* create(requestOf())
      const { settle } = yield* Sandbox.Sandbox
      const changed = requestOf({ destination: other })
      assert.strictEqual((yield* create(changed))._tag, "HandleConflict")
      yield* settle("prize-2026-0042", Acquirer.hardDeclined("insufficient_funds"))
      assert.strictEqual((yield* create(changed))._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("other arguments are refused once the first are found to have paid, and the call says so (I10)", () =>
    Effect.gen(function* () {
      yield* script(Script.dropAfterCommit)
      yield* create(requestOf(), { policy: { ...RetryPolicy.none, elapsedMax: Duration.zero } })
      const refused = yield* create(requestOf({ destination: other }))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual(
        [refused.with, refused.certainty, refused.other],
        ["Process", "NotMoved", { certainty: "Moved", exposure: { min: 12_500, max: 12_500 } }]
      )
      const first = yield* create(requestOf())
      assert.strictEqual(first._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a hard decline is refused at once the next time, and other arguments are let through (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      const again = yield* create(requestOf())
      assert.strictEqual(again._tag, "HardDeclined")
      assert.strictEqual((yield* truth).creates, 1)
      const elsewhere = yield* create(requestOf({ destination: other }))
      assert.strictEqual(elsewhere._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("what is paid stays paid, whatever the provider says next (I10)", () =>
    Effect.gen(function* () {
      const first = yield* create(requestOf())
      yield* always(Script.apiError({ status: 401, code: 6 }))
      assert.strictEqual(yield* create(requestOf()), first)
      assert.strictEqual(yield* recover(requestOf()), first)
      const refused = yield* create(requestOf({ amount: 1 }))
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual([refused.certainty, refused.other.certainty], ["NotMoved", "Moved"])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not take what was paid to another card for its own, when it has waited for the handle only", () =>
    Effect.gen(function* () {
      const [first, second] = [requestOf(), requestOf({ destination: other })]
      yield* script(Script.hardDeclined())
      assert.strictEqual((yield* create(first))._tag, "HardDeclined")
      // Another process pays to the other card, and this one asks about the handle.
      const elsewhere = yield* anotherProcess()
      assert.strictEqual((yield* inVirtualTime(elsewhere.create(second)))._tag, "Paid")
      const payouts = yield* Payouts.Payouts
      assert.strictEqual((yield* inVirtualTime(payouts.awaitFinal(first.handle)))._tag, "Paid")
      const refused = yield* recover(first)
      assert(refused._tag === "HandleConflict")
      assert.deepStrictEqual([refused.certainty, refused.other.certainty], ["NotMoved", "Moved"])
      // It is told of these arguments what the record shows of them.
      assert.strictEqual((yield* recover(second, { outstandingCreates: 1 }))._tag, "Paid")
      assert.strictEqual((yield* truth).moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("what was processing is not denied by a call that cannot ask about it", () =>
    Effect.gen(function* () {
      yield* script(Script.processing())
      yield* create(requestOf())
      yield* always(Script.apiError({ status: 401, code: 6 }))
      const end = yield* create(requestOf())
      assert(end._tag === "UnexpectedResponse")
      assert.deepStrictEqual([end.certainty, end.why], ["MayHaveMoved", "it was processing when it was last seen"])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an old soft decline is not taken for the answer to a lost create", () =>
    Effect.gen(function* () {
      yield* script(Script.softDeclined())
      yield* create(requestOf())
      yield* script(Script.executeLater("1 hour"))
      const end = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual([end._tag, end.certainty], ["CommunicationError", "MayHaveMoved"])
      yield* TestClock.adjust("2 hours")
      assert.strictEqual((yield* truth).moved, 12_500)
      assert.strictEqual((yield* create(requestOf()))._tag, "Paid")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("another card's old decline is not taken for the answer to a lost create", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      yield* script(Script.dropBeforeCommit)
      const end = yield* create(requestOf({ destination: other }))
      assert.deepStrictEqual(story(end), [
        "Create 200 HardDeclined -> Fail",
        "Create Unknown CommunicationError -> LookUp",
        "Lookup 200 HardDeclined -> SendAgain",
        "Create 200 Paid -> Succeed"
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a decline of an earlier process is too old to account for a lost create", () =>
    Effect.gen(function* () {
      yield* script(Script.softDeclined())
      yield* create(requestOf())
      yield* TestClock.adjust("1 hour")
      const restarted = yield* anotherProcess()
      yield* script(Script.executeLater("1 hour"))
      const end = yield* inVirtualTime(Effect.flip(restarted.create(requestOf(), { policy: RetryPolicy.none })))
      assert.deepStrictEqual([end._tag, end.certainty, end.exposure.max], ["SoftDeclined", "MayHaveMoved", 12_500])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("what was declined for good stays so, when a lost create of it is carried out later (27, 74)", () =>
    Effect.gen(function* () {
      const later = Script.softDeclined().pipe(Script.and(Script.executeLater("1 hour")))
      yield* script(later, Script.apiError({ status: 404, code: 137 }), Script.hardDeclined())
      const first = yield* inVirtualTime(create(requestOf()))
      assert.deepStrictEqual([first._tag, first.certainty], ["HardDeclined", "MayHaveMoved"])
      yield* TestClock.adjust("2 hours")
      const again = yield* create(requestOf())
      assert(again._tag === "HardDeclined")
      assert.deepStrictEqual(
        [again.certainty, Payout.latest(again.payout)?.errorState, story(again).at(-1)],
        ["NotMoved", "hard_declined", "Lookup 200 SoftDeclined -> Fail"]
      )
      const last = yield* create(requestOf())
      assert.deepStrictEqual([last, (yield* truth).creates], [again, 2])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("what was declined for good stays so, whatever was tried since (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined(), Script.apiError({ status: 422, code: 1 }))
      yield* create(requestOf())
      yield* create(requestOf({ destination: other }))
      assert.strictEqual((yield* create(requestOf()))._tag, "HardDeclined")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a decline that leaves doubt is asked about again, and never sent again", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("1 hour"), Script.laggingRead, Script.hardDeclined())
      const first = yield* create(requestOf())
      assert.deepStrictEqual([first._tag, first.certainty], ["HardDeclined", "MayHaveMoved"])
      yield* TestClock.adjust("2 hours")
      const second = yield* create(requestOf())
      assert.deepStrictEqual([second._tag, story(second).at(-1)], ["Paid", "Lookup 200 Paid -> Succeed"])
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a claim outlives its call: 134 is confirmed, and never sent again (43)", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const payouts = yield* anotherProcess()
      const run = inVirtualTime(Effect.either(payouts.create(requestOf(), { policy: exact })))
      yield* always(Script.laggingRead)
      yield* run
      const end = Either.merge(yield* run)
      assert.deepStrictEqual([end._tag, end.certainty], ["UnexpectedResponse", "MayHaveMoved"])
      assert.strictEqual((yield* truth).creates, 2)
      yield* always()
      const confirmed = Either.merge(yield* run)
      assert.deepStrictEqual([confirmed._tag, story(confirmed).at(-1)], ["Paid", "Lookup 200 Paid -> Succeed"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a claim of payment is not denied by a read that shows an old decline", () =>
    Effect.gen(function* () {
      const another = yield* anotherProcess()
      yield* another.create(requestOf())
      yield* always(Script.altered({ state: "failed", errorState: "hard_declined" }).pipe(Script.onLookup))
      const end = yield* create(requestOf(), { policy: exact })
      assert.deepStrictEqual([end._tag, end.certainty], ["UnexpectedResponse", "MayHaveMoved"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "a claim of payment that was another payout's is not believed for ever, and counts until then (24, 43)",
    () =>
      Effect.gen(function* () {
        const crossed = Script.apiErrorAfterCommit({ status: 400, code: 134 })
        yield* always(Script.processingError({ moved: true }).pipe(Script.and(crossed)))
        const policy = RetryPolicy.make({ communication: Schedule.recurs(1) })
        const first = yield* create(requestOf(), { policy })
        // The processing error that is shown may have paid, and so may whatever was claimed to be paid.
        assert.deepStrictEqual([first._tag, first.exposure], ["UnexpectedResponse", { min: 0, max: 25_000 }])
        yield* TestClock.adjust("10 minutes")
        const second = yield* create(requestOf(), { policy: RetryPolicy.none })
        assert.deepStrictEqual([second._tag, second.exposure], ["ProcessingError", { min: 0, max: 12_500 }])
        assert.strictEqual(story(second).at(-1), "Lookup 200 ProcessingError -> Fail")
        assert.strictEqual((yield* truth).creates, 1)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("evidence is not lost by many calls", () =>
    Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }).pipe(Script.times(2)))
      yield* create(requestOf(), { policy: RetryPolicy.make({ processingError: Schedule.recurs(1) }) })
      yield* always(Script.apiError({ status: 401, code: 6 }))
      let end = yield* create(requestOf(), { policy: RetryPolicy.none })
      for (let calls = 0; calls < 110; calls++) end = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual([end.certainty, end.exposure], ["MayHaveMoved", { min: 0, max: 25_000 }])
      assert.isAtMost(end.attempts.length, 101)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a resume that joins a create brings along what it was told", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.apiError({ status: 400, code: 135 })))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(Effect.flip(payouts.create(requestOf())))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(Effect.flip(payouts.recover(requestOf(), { outstandingCreates: 2 })))
      const end = yield* inVirtualTime(Effect.zipRight(Fiber.join(first), Fiber.join(second)))
      assert.deepStrictEqual([end.certainty, end.exposure.max], ["MayHaveMoved", 25_000])
    }).pipe(Effect.provide(layer()))
  )

  for (const unseen of [-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
    it.effect(`unseen: ${unseen} is refused`, () =>
      Effect.gen(function* () {
        const end = yield* recover(requestOf(), { outstandingCreates: unseen })
        assert(end._tag === "InvalidRequest")
        assert.deepStrictEqual([end.field, end.reason], ["outstandingCreates", "must be an integer of 0 or more"])
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("a value that only looks like a request is refused (102)", () =>
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

describe("interruption at any moment", () => {
  for (const at of [0, 1, 999, 1_000, 5_000, 59_999, 60_000, 60_001, 61_000, 119_999, 120_000, 150_000]) {
    it.effect(`at ${at} ms: the next call ends with the truth`, () =>
      Effect.gen(function* () {
        yield* script(
          Script.delayAnswer("1 minute")(Script.processingError({ moved: true })),
          Script.delayAnswer("1 second")(Script.normal),
          Script.delayAnswer("30 seconds")(Script.dropAfterCommit)
        )
        const payouts = yield* Payouts.Payouts
        const first = yield* Effect.fork(payouts.create(requestOf()))
        yield* TestClock.adjust(at)
        const exit = yield* Fiber.interrupt(first)
        assert.isTrue(Exit.isInterrupted(exit))
        const end = yield* create(requestOf())
        const { creates, moved } = yield* truth
        assert.isAtMost(moved, end.exposure.max)
        assert.isAtLeast(moved, end.exposure.min)
        assert.isAtMost(creates, end.attempts.filter(({ kind }) => kind === "Create").length)
      }).pipe(Effect.provide(layer()))
    )
  }
})

describe("get", () => {
  it.effect("shows the payout as the provider has it", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const payouts = yield* Payouts.Payouts
      const payout = yield* payouts.get(requestOf().handle)
      assert.deepStrictEqual(
        [payout.handle, payout.state, payout.amount, payout.transactions.length],
        [handle, "paid", 12_500, 1]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails with PayoutNotFound, and says that this proves nothing", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const error = yield* Effect.flip(payouts.get(requestOf().handle))
      assert.strictEqual(error._tag, "PayoutNotFound")
      assert.include(error.message, "does not prove")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("asks again by the policy, and says why it could not be asked", () =>
    Effect.gen(function* () {
      yield* script(Script.status(502), Script.apiError({ status: 429, code: 122 }), Script.dropAfterCommit)
      const payouts = yield* Payouts.Payouts
      yield* always(Script.apiError({ status: 503, code: 2 }))
      const error = yield* inVirtualTime(Effect.flip(payouts.get(requestOf().handle, { policy: exact })))
      assert(error._tag === "LookupFailed")
      assert.deepStrictEqual([error.category, error.status, error.code], ["ServerError", 503, 2])
      assert.deepStrictEqual(
        error.attempts.map(({ delay, outcome }) => [outcome, delay && Duration.format(delay)]),
        [
          ["ServerError", "0"],
          ["RateLimited", "1s"],
          ["CommunicationError", "1s"],
          ["ServerError", "2s"],
          ["ServerError", "4s"],
          ["ServerError", undefined]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not show another payout than the one asked for (24)", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      yield* always(Script.crossed("somebody-else"))
      const payouts = yield* Payouts.Payouts
      const error = yield* inVirtualTime(Effect.flip(payouts.get(requestOf().handle)))
      assert.deepStrictEqual(
        [error._tag, error._tag === "LookupFailed" && error.category],
        ["LookupFailed", "UnexpectedResponse"]
      )
    }).pipe(Effect.provide(layer()))
  )
})

describe("payouts that settle later", () => {
  it.effect(
    "says nothing for certain of a bare handle, though it knows an older decline, while another process sends",
    () =>
      Effect.gen(function* () {
        yield* script(Script.softDeclined())
        assert.strictEqual((yield* create(requestOf())).certainty, "NotMoved")
        yield* TestClock.adjust("5 minutes")
        yield* script(Script.executeLater("10 minutes"))
        const elsewhere = yield* anotherProcess({ policy: RetryPolicy.none })
        const lost = yield* inVirtualTime(Effect.flip(elsewhere.create(requestOf())))
        assert.strictEqual(lost.certainty, "MayHaveMoved")
        const payouts = yield* Payouts.Payouts
        const end = yield* inVirtualTime(Effect.flip(payouts.awaitFinal(requestOf().handle)))
        assert(end._tag === "SoftDeclined")
        assert.strictEqual(end.certainty, "MayHaveMoved")
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual((yield* truth).moved, 12_500)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("counts a processing error that somebody has waited for in the budget of the next call", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ processingError: Schedule.stop })
      yield* script(Script.processing({ after: "1 minute", as: Acquirer.processingError() }))
      const processing = yield* create(requestOf(), { policy })
      assert(processing._tag === "Processing")
      const payouts = yield* Payouts.Payouts
      assert.strictEqual((yield* inVirtualTime(Effect.flip(payouts.awaitFinal(processing))))._tag, "ProcessingError")
      const again = yield* recover(requestOf(), { policy })
      assert.strictEqual(again._tag, "ProcessingError")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("are Processing, then paid when they are looked up", () =>
    Effect.gen(function* () {
      const end = yield* create(requestOf())
      assert.strictEqual(end._tag, "Processing")
      yield* TestClock.adjust("1 hour")
      const payouts = yield* Payouts.Payouts
      assert.strictEqual((yield* payouts.get(requestOf().handle)).state, "paid")
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing({ after: "1 hour" }) })))
  )
})
