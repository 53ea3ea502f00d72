/** What `create` does with several answers in a row, where an earlier one may have moved money. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { type Row, check, create, story, truth } from "./fixture.js"

const rows: ReadonlyArray<Row> = [
  {
    says: "waits and looks the payout up before it sends again after a processing_error, and counts it in the exposure (70)",
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
    says: "covers both payments in the exposure when a processing_error hid a success (71)",
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
    says: "sends again after processing errors a few times only (70)",
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
    says: "stops at a hard_declined after a processing_error, and keeps the exposure (73)",
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
    says: "reports the timeout and not the 401 after it, because the 401 says nothing about the first create (48, 55)",
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
    says: "succeeds after a 503 and a 400 with code 135 when the last lookup shows the payout as paid",
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
    says: "reports the 401 after a refused connection, because nothing was sent before",
    steps: [Script.connectionRefused, Script.apiError({ status: 401, code: 6 })],
    tag: "RequestRejected",
    certainty: "NotMoved",
    exposure: [0, 0],
    story: ["Create NotSent CommunicationError -> SendAgain", "Create 401 6 RequestRejected -> Fail"]
  },
  {
    says: "reports the processing_error and not the 401 after it",
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
    says: "stays in doubt after a lost answer, however many 429 follow",
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
    says: "looks the payout up when a stale lookup led to a second create and the answer is 134 (43, 50)",
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
    says: "looks the payout up when a stale lookup led to a second create and the answer is 133 (44)",
    steps: [Script.processing().pipe(Script.and(Script.dropAfterCommit)), Script.laggingRead],
    tag: "Processing",
    certainty: "MayHaveMoved",
    // Both were sent in the second of the one transaction, and another process may have caused the 133.
    exposure: [0, 25_000],
    story: [
      "Create Unknown CommunicationError -> LookUp",
      "Lookup 404 137 NotFound -> SendAgain",
      "Create 400 133 AlreadyProcessing -> LookUp",
      "Lookup 200 Processing -> Succeed"
    ]
  },
  {
    says: "succeeds when the provider answers a second create with the payout that is paid (79)",
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
    says: "never sends again, and says MayHaveMoved, when no lookup confirms a 134 (43)",
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
    says: "stays in doubt after a decline when a lost create may still be carried out (27, 50)",
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

describe("Payouts.create, for several answers in a row", () => {
  for (const row of rows) {
    it.effect(row.says, () => check(row))
  }
})

describe("Payouts.create, for a handle that another process has paid", () => {
  it.effect("succeeds without a second payment for the same request (85)", () =>
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
    it.effect(`refuses a request with another ${field}`, () =>
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
