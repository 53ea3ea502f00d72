/** What one process remembers of a payout between calls: doubts, declines, claims and payments. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Schedule, TestClock } from "effect"
import { Payout, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { always, assertTruthful, create, exact, other, recover, script, story, truth } from "./fixture.js"

describe("The memory of a process, for a payout in doubt", () => {
  it.effect("keeps the doubt of an error through a second call", () =>
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

  it.effect("keeps a processing payout in doubt when the next call cannot look it up", () =>
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

  it.effect("keeps a bare handle in doubt although it knows an older decline, while another process may send", () =>
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

  it.effect("keeps its evidence over many calls", () =>
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
})

describe("The memory of a process, for a decline", () => {
  it.effect("does not attribute an old soft decline to a lost create", () =>
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

  it.effect("does not attribute another card's old decline to a lost create", () =>
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

  it.effect("does not attribute a decline of an earlier process, which is too old, to a lost create", () =>
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

  it.effect("keeps a hard decline when a lost create of the same arguments is carried out later (27, 74)", () =>
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

  it.effect("keeps a hard decline after a create with another card (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined(), Script.apiError({ status: 422, code: 1 }))
      yield* create(requestOf())
      yield* create(requestOf({ destination: other }))
      assert.strictEqual((yield* create(requestOf()))._tag, "HardDeclined")
      assert.strictEqual((yield* truth).creates, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("looks up a decline that leaves doubt, and never sends it again", () =>
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
})

describe("The memory of a process, for a payment and a claim of one", () => {
  it.effect("keeps a paid payout paid when every later answer is a 401 (I10)", () =>
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

  it.effect("does not attribute a payment to another card to its own request after a wait for the bare handle", () =>
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
      // For the arguments that were paid, the record decides.
      assert.strictEqual((yield* recover(second, { outstandingCreates: 1 }))._tag, "Paid")
      assert.strictEqual((yield* truth).moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps a claim beyond its call: a lookup confirms the 134, and nothing is sent again (43)", () =>
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

  it.effect("keeps a claim of payment although a lookup shows an old decline", () =>
    Effect.gen(function* () {
      const another = yield* anotherProcess()
      yield* another.create(requestOf())
      yield* always(Script.altered({ state: "failed", errorState: "hard_declined" }).pipe(Script.onLookup))
      const end = yield* create(requestOf(), { policy: exact })
      assert.deepStrictEqual([end._tag, end.certainty], ["UnexpectedResponse", "MayHaveMoved"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("drops a claim that was about another payout, and counts it until then (24, 43)", () =>
    Effect.gen(function* () {
      const crossed = Script.apiErrorAfterCommit({ status: 400, code: 134 })
      yield* always(Script.processingError({ moved: true }).pipe(Script.and(crossed)))
      const policy = RetryPolicy.make({ communication: Schedule.recurs(1) })
      const first = yield* create(requestOf(), { policy })
      // The processing error on record may have paid, and so may the payout of the claim.
      assert.deepStrictEqual([first._tag, first.exposure], ["UnexpectedResponse", { min: 0, max: 25_000 }])
      yield* TestClock.adjust("10 minutes")
      const second = yield* create(requestOf(), { policy: RetryPolicy.none })
      assert.deepStrictEqual([second._tag, second.exposure], ["ProcessingError", { min: 0, max: 12_500 }])
      assert.strictEqual(story(second).at(-1), "Lookup 200 ProcessingError -> Fail")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )
})
