/** How long and how often one call sends again: the budgets of the retry policy and the deadlines. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule, TestClock } from "effect"
import { Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { always, assertTruthful, create, exact, recover, script, story, truth } from "./fixture.js"

const softly = RetryPolicy.make({ softDeclined: Schedule.fromDelays("1 minute", "2 minutes") })

describe("The budgets of a call", () => {
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

  it.effect("count the processing errors that the provider has on record, across restarts", () =>
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
      // The caller names three creates without a time, so the three on record may be others.
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

  it.effect("count a processing error that awaitFinal has seen in an earlier call", () =>
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

  it.effect("grant sends after soft declines where the policy has a schedule for them", () =>
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

  it.effect("begin no exchange that could end after the deadline", () =>
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

  it.effect("end the call at its deadlines even in an uninterruptible region", () =>
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

  it.effect("begin anew with each call: the create of an earlier call is not the first of this one", () =>
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

  it.effect("of RetryPolicy.none allow one create, and one lookup if that leaves doubt", () =>
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
