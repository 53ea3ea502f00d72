import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Random, Schedule, ScheduleDecision, ScheduleInterval } from "effect"
import type { Attempt } from "effect-billwerk-payouts"
import { RetryPolicy } from "effect-billwerk-payouts"

const attempt: Attempt.Attempt = {
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake(0),
  took: Duration.zero,
  sent: "Unknown",
  outcome: "CommunicationError",
  bearing: "Unclear",
  decision: "Fail",
  why: ""
}

/** Feeds a policy with failures, one after the other, and gives the delays in milliseconds; `undefined` is the end. */
const delays = (
  policy: RetryPolicy.RetryPolicy,
  failures: ReadonlyArray<Omit<RetryPolicy.Failure, "attempt">>
): Effect.Effect<ReadonlyArray<number | undefined>> =>
  Effect.gen(function* () {
    const driver = RetryPolicy.driver(policy)
    let now = 0
    const all: Array<number | undefined> = []
    for (const failure of failures) {
      const delay = yield* driver.next(now, { attempt, ...failure })
      const millis = delay._tag === "Some" ? Duration.toMillis(delay.value) : undefined
      all.push(millis)
      now += millis ?? 0
    }
    return all
  })

const times = (count: number, category: RetryPolicy.Category) => Array.from({ length: count }, () => ({ category }))

const middle = Effect.withRandom(Random.fixed([0.5]))

describe("the standard policy", () => {
  it.effect("sends again at once, then with backoff, after communication errors", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(RetryPolicy.standard, times(7, "communication")).pipe(middle), [
        0,
        1000,
        2000,
        4000,
        8000,
        16_000,
        undefined
      ])
    })
  )

  it.effect("waits 1, 2, 4, 8 and 16 seconds, and never less, when limited", () =>
    Effect.gen(function* () {
      const least = yield* delays(RetryPolicy.standard, times(6, "rateLimited")).pipe(
        Effect.withRandom(Random.fixed([0]))
      )
      assert.deepStrictEqual(least, [1000, 2000, 4000, 8000, 16_000, undefined])
    })
  )

  it.effect("waits 1 and 5 minutes after processing errors, and no more", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(RetryPolicy.standard, times(3, "processingError")), [
        60_000,
        300_000,
        undefined
      ])
    })
  )

  it.effect("waits half a second, 1 and 2 seconds while something else changes the payout", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(RetryPolicy.standard, times(4, "concurrentUpdate")).pipe(middle), [
        500,
        1000,
        2000,
        undefined
      ])
    })
  )

  it.effect("does not send again after a soft decline", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(RetryPolicy.standard, times(1, "softDeclined")), [undefined])
    })
  )
})

describe("the policy of none", () => {
  it.effect("grants nothing for anything, within the same time", () =>
    Effect.gen(function* () {
      const { elapsedMax, exchangeMax, ...rules } = RetryPolicy.none
      assert.isUndefined(exchangeMax)
      assert.deepStrictEqual(elapsedMax, RetryPolicy.standard.elapsedMax)
      for (const rule of Object.values(rules)) {
        const policy = RetryPolicy.make({ communication: rule })
        assert.deepStrictEqual(yield* delays(policy, times(1, "communication")), [undefined])
      }
    })
  )
})

describe("budgets", () => {
  it.effect("of one category are neither spent nor reset by the others (72)", () =>
    Effect.gen(function* () {
      const mixed = [
        ...times(2, "processingError"),
        ...times(7, "communication"),
        ...times(1, "processingError"),
        ...times(6, "rateLimited"),
        ...times(1, "communication")
      ]
      assert.deepStrictEqual(yield* delays(RetryPolicy.standard, mixed).pipe(middle), [
        ...[60_000, 300_000],
        ...[0, 1000, 2000, 4000, 8000, 16_000, undefined],
        undefined,
        ...[1100, 2200, 4400, 8800, 17_600, undefined],
        undefined
      ])
    })
  )

  it.effect("count what is known from elsewhere", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* delays(RetryPolicy.standard, [{ category: "processingError", known: 2 }]),
        [300_000]
      )
      for (const known of [3, 4, 100]) {
        assert.deepStrictEqual(yield* delays(RetryPolicy.standard, [{ category: "processingError", known }]), [
          undefined
        ])
      }
      assert.deepStrictEqual(
        yield* delays(RetryPolicy.standard, [
          { category: "processingError", known: 1 },
          { category: "processingError", known: 1 }
        ]),
        [60_000, 300_000],
        "a record that lags behind does not give a step for nothing"
      )
    })
  )
})

describe("Retry-After", () => {
  it.effect("makes a wait longer, never shorter", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ rateLimited: Schedule.spaced("2 seconds") })
      const told = (seconds: number) => ({ category: "rateLimited" as const, retryAfter: Duration.seconds(seconds) })
      assert.deepStrictEqual(yield* delays(policy, [told(7), told(1), told(0)]), [7000, 2000, 2000])
    })
  )

  it.effect("grants nothing when the budget is spent", () =>
    Effect.gen(function* () {
      const failure = { category: "rateLimited" as const, retryAfter: Duration.seconds(1) }
      assert.deepStrictEqual(yield* delays(RetryPolicy.none, [failure]), [undefined])
    })
  )
})

describe("a policy of one's own", () => {
  it.effect("is fed with the attempt that failed", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({
        communication: Schedule.forever.pipe(
          Schedule.passthrough<number, Attempt.Attempt, never>,
          Schedule.whileOutput((failed) => failed.status !== 501)
        )
      })
      const driver = RetryPolicy.driver(policy)
      assert.strictEqual((yield* driver.next(0, { category: "communication", attempt }))._tag, "Some")
      const persistent = { ...attempt, status: 501 }
      assert.strictEqual((yield* driver.next(0, { category: "communication", attempt: persistent }))._tag, "None")
    })
  )

  it.effect("waits whole milliseconds, and never less than its schedule says", () =>
    Effect.gen(function* () {
      const policy = RetryPolicy.make({ communication: Schedule.spaced(Duration.micros(1_500n)) })
      assert.deepStrictEqual(yield* delays(policy, times(2, "communication")), [2, 2])
    })
  )

  it.effect("ends where its rule ends, even if the rule would begin anew", () =>
    Effect.gen(function* () {
      const revived = Schedule.makeWithState(1, (now, _: Attempt.Attempt, step) =>
        Effect.succeed([
          step + 1,
          step,
          step === 2 ? ScheduleDecision.done : ScheduleDecision.continueWith(ScheduleInterval.after(now + 1000))
        ])
      )
      const policy = RetryPolicy.make({ communication: revived })
      assert.deepStrictEqual(yield* delays(policy, [{ category: "communication", known: 1 }]), [1000])
      assert.deepStrictEqual(yield* delays(policy, [{ category: "communication", known: 5 }]), [undefined])
    })
  )

  it("has no longer an elapsedMax than a timer can wait for", () => {
    assert.deepStrictEqual(RetryPolicy.make({ elapsedMax: "25 days" }).elapsedMax, Duration.days(24))
    assert.deepStrictEqual(RetryPolicy.make({ elapsedMax: Duration.infinity }).elapsedMax, RetryPolicy.elapsedLimit)
  })

  it("is standard in whatever it does not say", () => {
    const policy = RetryPolicy.make({ elapsedMax: "1 minute" })
    assert.deepStrictEqual(policy, { ...RetryPolicy.standard, elapsedMax: Duration.minutes(1) })
  })
})

describe("explain", () => {
  it.effect("gives the timeline of the standard policy", () =>
    Effect.gen(function* () {
      const explanation = yield* RetryPolicy.explain(RetryPolicy.standard)
      assert.strictEqual(
        explanation.text,
        [
          "communication: sent again 6 times: at once, after 800ms to 1s 200ms, after 1s 600ms to 2s 400ms, after 3s 200ms to 4s 800ms, after 6s 400ms to 9s 600ms, after 12s 800ms to 19s 200ms.",
          "rateLimited: sent again 5 times: after 1s to 1s 200ms, after 2s to 2s 400ms, after 4s to 4s 800ms, after 8s to 9s 600ms, after 16s to 19s 200ms.",
          "concurrentUpdate: sent again 3 times: after 400ms to 600ms, after 800ms to 1s 200ms, after 1s 600ms to 2s 400ms.",
          "processingError: sent again 2 times: after 1m, after 5m.",
          "softDeclined: never sent again.",
          "hardDeclined: never sent again.",
          "No exchange is begun that could end later than 15m after the call began."
        ].join("\n")
      )
      const [communication] = explanation.categories
      assert.deepStrictEqual(communication?.waits[1], { min: Duration.millis(800), max: Duration.millis(1200) })
    })
  )

  it.effect("says of a rule without an end that it goes on", () =>
    Effect.gen(function* () {
      const { categories, text } = yield* RetryPolicy.explain(
        RetryPolicy.make({ rateLimited: Schedule.spaced("1 second") })
      )
      assert.include(text, "rateLimited: sent again after 1s, after 1s, after 1s, and so on until the deadline.")
      const limited = categories.find(({ category }) => category === "rateLimited")
      assert.deepStrictEqual([limited?.goesOn, limited?.waits.length], [true, RetryPolicy.explainedMax])
    })
  )

  it.effect("tells a rule that ends from one that goes on, and once from twice", () =>
    Effect.gen(function* () {
      const explained = (rule: RetryPolicy.Rule) =>
        Effect.map(RetryPolicy.explain(RetryPolicy.make({ softDeclined: rule })), ({ categories, text }) => {
          const { goesOn, waits } = categories.find(({ category }) => category === "softDeclined") ?? {}
          return [goesOn, waits?.length, text.split("\n")[4]]
        })
      assert.deepStrictEqual(yield* explained(Schedule.stop), [false, 0, "softDeclined: never sent again."])
      assert.deepStrictEqual(yield* explained(Schedule.recurs(1)), [
        false,
        1,
        "softDeclined: sent again once: at once."
      ])
      assert.deepStrictEqual(yield* explained(Schedule.fromDelays("1 minute", "1 hour")), [
        false,
        2,
        "softDeclined: sent again 2 times: after 1m, after 1h."
      ])
      const most = yield* explained(Schedule.recurs(RetryPolicy.explainedMax))
      assert.deepStrictEqual(most.slice(0, 2), [false, RetryPolicy.explainedMax])
      const more = yield* explained(Schedule.recurs(RetryPolicy.explainedMax + 1))
      assert.deepStrictEqual(more.slice(0, 2), [true, RetryPolicy.explainedMax])
    })
  )

  it.effect("lets a rule see attempts as they would be, one after the other, and time pass as it would", () =>
    Effect.gen(function* () {
      const seen: Array<Attempt.Attempt> = []
      const rule = Schedule.spaced("1 minute").pipe(
        Schedule.tapInput((failed: Attempt.Attempt) => Effect.sync(() => seen.push(failed))),
        Schedule.upTo("150 seconds")
      )
      const { categories } = yield* RetryPolicy.explain(RetryPolicy.make({ communication: rule }))
      assert.strictEqual(categories[0]?.waits.length, 3)
      // Once for the least jitter, and once for the most.
      const ordinals = [1, 2, 3, 4]
      assert.deepStrictEqual(
        seen,
        [...ordinals, ...ordinals].map((ordinal) => ({
          ...attempt,
          ordinal,
          outcome: "Explained",
          bearing: "None",
          decision: "SendAgain",
          why: "a policy is being explained"
        }))
      )
    })
  )
})
