/** What `recover` looks up, sends and assumes when another process may have sent the payout. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Schedule, TestClock } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { always, assertTruthful, create, exact, recover, script, story, truth } from "./fixture.js"

describe("Payouts.recover", () => {
  it.effect("looks the payout up first, and succeeds with what the lookup shows", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(restarted.recover(requestOf()))
      assert.deepStrictEqual(story(end), ["Lookup 200 Paid -> Succeed"])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("sends a payout that the provider does not know (77)", () =>
    Effect.gen(function* () {
      const end = yield* recover(requestOf())
      assert.deepStrictEqual(story(end), ["Lookup 404 137 NotFound -> SendAgain", "Create 200 Paid -> Succeed"])
      assert.deepStrictEqual([end._tag, end.exposure], ["Paid", { min: 12_500, max: 12_500 }])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("never sends again after a hard decline on record (74)", () =>
    Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* create(requestOf())
      // Without evidence, another create may be under way. With none outstanding, the decline is the end.
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

  it.effect("reads the reason of a failure from a later lookup when the first answer lacks it (63)", () =>
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

  it.effect("reports the create in doubt, and no longer the failure that the record has explained", () =>
    Effect.gen(function* () {
      const unexplained = Script.softDeclined().pipe(Script.and(Script.altered({ errorState: null })))
      yield* script(unexplained, Script.normal, Script.normal)
      const first = yield* recover(requestOf(), { outstandingCreates: 2, policy: RetryPolicy.none })
      assert.strictEqual(first._tag, "UnexpectedResponse")
      const end = yield* recover(requestOf(), { outstandingCreates: 2, policy: RetryPolicy.none })
      assert.deepStrictEqual([end._tag, end.certainty], ["SoftDeclined", "MayHaveMoved"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts a create of another process once, however often the caller names it", () =>
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

  it.effect("does not attribute a create's own transaction, hidden at first, to a lost create (27, 64)", () =>
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

  it.effect("sends nothing after a lookup that misses what an earlier answer showed (50)", () =>
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

  it.effect("counts a processing error that a stale lookup does not show (50)", () =>
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

  it.effect("counts a create after a processing error although its answer shows no transaction (64, 71)", () =>
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

  it.effect("adds a claim of payment to a processing error on record (43, 71)", () =>
    Effect.gen(function* () {
      const claim = Script.apiErrorAfterCommit({ status: 400, code: 134 })
      yield* script(Script.processingError({ moved: true }), Script.normal, claim)
      yield* always(Script.apiError({ status: 500, code: 2 }))
      const end = yield* create(requestOf())
      assert.deepStrictEqual([end._tag, end.exposure], ["UnexpectedResponse", { min: 0, max: 25_000 }])
      yield* assertTruthful(end)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("sends nothing while every lookup fails", () =>
    Effect.gen(function* () {
      yield* script(Script.dropAfterCommit.pipe(Script.onLookup, Script.times(99)))
      const end = yield* recover(requestOf(), { policy: exact })
      assert(end._tag === "CommunicationError")
      assert.deepStrictEqual([end.reason, end.certainty, end.exposure.max], ["Unseen", "MayHaveMoved", 12_500])
      assert.strictEqual((yield* truth).creates, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "counts an outstanding create as sent until the time that it is told, and until now if it is told none",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 0, 2))
        const now = yield* DateTime.now
        yield* always(Script.apiError({ status: 400, code: 135 }).pipe(Script.onCreate))
        const certaintyOf = (lastSentAt?: DateTime.Utc) =>
          Effect.gen(function* () {
            const restarted = yield* anotherProcess()
            const options = { outstandingCreates: 1, ...(lastSentAt === undefined ? {} : { lastSentAt }) }
            return (yield* inVirtualTime(Effect.flip(restarted.recover(requestOf(), options)))).certainty
          })
        const ago = (hours: number) => DateTime.subtract(now, { hours })
        assert.deepStrictEqual(
          [yield* certaintyOf(ago(7)), yield* certaintyOf(ago(5)), yield* certaintyOf()],
          ["NotMoved", "MayHaveMoved", "MayHaveMoved"]
        )
      }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps a refusal in doubt while an outstanding create may arrive, unless outstandingCreates is 0", () =>
    Effect.gen(function* () {
      yield* always(Script.apiError({ status: 400, code: 135 }).pipe(Script.onCreate))
      const unsure = yield* recover(requestOf())
      assert.deepStrictEqual([unsure._tag, unsure.certainty], ["CommunicationError", "MayHaveMoved"])
      const sure = yield* recover(requestOf({ handle: "another" }), { outstandingCreates: 0 })
      assert.deepStrictEqual([sure._tag, sure.certainty], ["PaymentMethodNotAllowed", "NotMoved"])
    }).pipe(Effect.provide(layer()))
  )

  for (const outstandingCreates of [-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
    it.effect(`refuses outstandingCreates: ${outstandingCreates}`, () =>
      Effect.gen(function* () {
        const end = yield* recover(requestOf(), { outstandingCreates })
        assert(end._tag === "InvalidRequest")
        assert.deepStrictEqual([end.field, end.reason], ["outstandingCreates", "must be an integer of 0 or more"])
      }).pipe(Effect.provide(layer()))
    )
  }
})

describe("Payouts.recover with lookUpOnly", () => {
  const lookUpOnly = { lookUpOnly: true, outstandingCreates: 0 }

  it.effect("sends nothing that the provider does not know, and says what is known of the money", () =>
    Effect.gen(function* () {
      const known = yield* recover(requestOf(), lookUpOnly)
      assert.deepStrictEqual(story(known), ["Lookup 404 137 NotFound -> Fail"])
      assert.deepStrictEqual([known._tag === "Paid", known.certainty], [false, "NotMoved"])
      assert(known._tag === "UnexpectedResponse")
      assert.strictEqual(
        known.message,
        "Payout prize-2026-0042: the provider knows no payout under this handle. No money has moved. " +
          "Nothing was sent, because this call only looks."
      )
      const guessed = yield* recover(requestOf(), { lookUpOnly: true })
      assert.strictEqual(guessed.certainty, "MayHaveMoved")
      assert.strictEqual((yield* truth).creates, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("succeeds with what it finds", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const restarted = yield* anotherProcess()
      const end = yield* inVirtualTime(restarted.recover(requestOf(), lookUpOnly))
      assert.deepStrictEqual([end._tag, ...story(end)], ["Paid", "Lookup 200 Paid -> Succeed"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect.each([
    ["a soft decline", Script.softDeclined(), "SoftDeclined"],
    ["a processing error", Script.processingError(), "ProcessingError"]
  ] as const)("sends nothing after %s, whatever the policy grants", ([, step, tag]) =>
    Effect.gen(function* () {
      yield* script(step.pipe(Script.onCreate))
      yield* create(requestOf(), { policy: RetryPolicy.none })
      const policy = RetryPolicy.make({ softDeclined: Schedule.recurs(2), processingError: Schedule.recurs(2) })
      for (const payouts of [yield* Payouts.Payouts, yield* anotherProcess()]) {
        const end = yield* inVirtualTime(Effect.flip(payouts.recover(requestOf(), { ...lookUpOnly, policy })))
        assert.strictEqual(end._tag, tag)
      }
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not answer a call beside it that may send", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const asking = yield* Effect.fork(Effect.flip(payouts.recover(requestOf(), lookUpOnly)))
      yield* Effect.yieldNow()
      const paying = yield* Effect.fork(payouts.create(requestOf()))
      const [asked, paid] = yield* inVirtualTime(Effect.all([Fiber.join(asking), Fiber.join(paying)]))
      assert.deepStrictEqual([asked.certainty, paid._tag], ["NotMoved", "Paid"])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not send what a call that it joined has left", () =>
    Effect.gen(function* () {
      yield* script(Script.delayAnswer("10 seconds")(Script.dropBeforeCommit))
      const payouts = yield* Payouts.Payouts
      const paying = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const asking = yield* Effect.fork(Effect.flip(payouts.recover(requestOf(), lookUpOnly)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(paying)
      const asked = yield* inVirtualTime(Fiber.join(asking))
      assert.strictEqual(asked.certainty, "MayHaveMoved")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )
})
