import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Schedule, TestClock } from "effect"
import type { BillwerkClient, Outcome, PayoutError, Reply } from "effect-billwerk-payouts"
import { RetryPolicy } from "effect-billwerk-payouts"
import { exchangesMax } from "../../src/execution/AttemptLog.js"
import { EvidenceRecorder } from "../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../src/execution/Subject.js"
import * as loop from "../../src/execution/loop.js"
import * as NextStep from "../../src/execution/nextStep.js"
import * as Process from "../../src/execution/Process.js"
import { inVirtualTime, noReads, requestOf } from "../support.js"

const lost: Reply.Reply = { _tag: "NoResponse", reason: "Transport", sent: "Unknown" }
const notFound: Reply.Reply = { _tag: "Response", status: 404, body: { _tag: "ApiError", code: 137 } }

interface Setting {
  readonly first?: NextStep.Step
  /** How long a create takes. */
  readonly took?: Duration.DurationInput
  readonly lookup?: Reply.Reply
}

/** A provider that loses every create after some time, and knows nothing. */
const client = ({ lookup = notFound, took }: Setting = {}): BillwerkClient.BillwerkClient["Type"] => ({
  ...noReads,
  createDeadline: Duration.seconds(90),
  lookupDeadline: Duration.seconds(30),
  create: () => (took === undefined ? Effect.succeed(lost) : Effect.delay(Effect.succeed(lost), took)),
  lookup: () => Effect.succeed(lookup)
})

const request = requestOf()

const evidenceOf = Effect.map(
  Process.make(Duration.hours(6)),
  (process) => new EvidenceRecorder(process, subjectOf(request))
)

const call = (
  options: RetryPolicy.Options,
  setting: Setting = {}
): Effect.Effect<Outcome.Outcome | PayoutError.PayoutError> =>
  Effect.gen(function* () {
    const evidence = yield* evidenceOf
    const policy = RetryPolicy.make(options)
    const first = setting.first ?? NextStep.create
    return yield* Effect.merge(loop.run({ client: client(setting), request, policy, evidence, first }))
  })

/** A call that begins at some time of the clock, and what is on record of it: each exchange, and why it was the last. */
const record = (...args: Parameters<typeof call>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 2, 12))
    return story(yield* inVirtualTime(call(...args)))
  })

const story = (end: Outcome.Outcome | PayoutError.PayoutError) =>
  "attempts" in end ? end.attempts.map(({ decision, kind, why }) => `${kind}: ${why} -> ${decision}`) : []

/** A clock on which each sleep, however short, takes as long. */
const clockOf = (sleep: number): Clock.Clock => {
  let now = 0
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: () =>
      Effect.sync(() => {
        now += sleep
      })
  }
}

const nothing = "the provider knows no payout under this handle"
const broken = "the connection failed"

describe("loop: the record of a call says why it ended:", () => {
  it.effect("the policy's budget is spent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* record({ communication: Schedule.recurs(1) }), [
        `Create: ${broken} -> LookUp`,
        `Lookup: ${nothing} -> SendAgain`,
        `Create: ${broken}; the policy grants no further step for communication -> LookUp`,
        `Lookup: ${nothing} -> Fail`
      ])
    })
  )

  it.effect("the call has had as many exchanges as a call can have, with a lookup", () =>
    Effect.gen(function* () {
      const exchanges = yield* record({ communication: Schedule.forever })
      assert.strictEqual(exchanges.length, exchangesMax)
      assert.strictEqual(exchanges.at(-1), `Lookup: ${nothing}; 100 exchanges are the most of one call -> Fail`)
    })
  )

  it.effect("the call has had as many exchanges as a call can have, with a create, and nothing is asked after it", () =>
    Effect.gen(function* () {
      const exchanges = yield* record({ communication: Schedule.forever }, { first: NextStep.firstAsk })
      assert.strictEqual(exchanges.length, exchangesMax)
      assert.strictEqual(exchanges.at(-1), `Create: ${broken}; 100 exchanges are the most of one call -> Fail`)
    })
  )

  it.effect("the machine slept for longer than the wait was to be (88)", () =>
    Effect.gen(function* () {
      const slow = call({ communication: Schedule.spaced("10 seconds"), elapsedMax: "5 minutes" })
      const end = yield* Effect.withClock(slow, clockOf(Duration.toMillis("1 hour")))
      assert.deepStrictEqual(story(end), [`Create: ${broken}; the wait ended too late -> Fail`])
    })
  )
})

describe("loop: an exchange is begun only if the longest that it may take still fits:", () => {
  const communication = Schedule.spaced("10 seconds")
  const tooLate = "the next exchange could end too late"

  it.effect("a lookup after a wait", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* record({ communication, elapsedMax: "40 seconds" }), [
        `Create: ${broken} -> LookUp`,
        `Lookup: ${nothing}; ${tooLate} -> Fail`
      ])
      assert.deepStrictEqual(yield* record({ communication, elapsedMax: "39999 millis" }), [
        `Create: ${broken}; ${tooLate} -> LookUp`,
        `Lookup: ${nothing} -> Fail`
      ])
    })
  )

  it.effect("a lookup after a lookup that failed, although nothing was sent yet", () =>
    Effect.gen(function* () {
      const setting = { first: NextStep.firstAsk, lookup: lost }
      assert.deepStrictEqual(yield* record({ communication, elapsedMax: "40 seconds" }, setting), [
        `Lookup: ${broken} -> LookUp`,
        `Lookup: ${broken}; ${tooLate} -> Fail`
      ])
    })
  )

  it.effect("one that follows at once, for which nothing is slept, not even a moment", () =>
    Effect.gen(function* () {
      const end = yield* Effect.withClock(
        call({ communication: Schedule.recurs(1) }),
        clockOf(Duration.toMillis("1 hour"))
      )
      assert.strictEqual(story(end).length, 4)
    })
  )

  it.effect("a create that is sent again", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* record({ communication, elapsedMax: "100 seconds" }), [
        `Create: ${broken} -> LookUp`,
        `Lookup: ${nothing} -> SendAgain`,
        `Create: ${broken} -> LookUp`,
        `Lookup: ${nothing}; ${tooLate} -> Fail`
      ])
      assert.deepStrictEqual(yield* record({ communication, elapsedMax: "99999 millis" }), [
        `Create: ${broken} -> LookUp`,
        `Lookup: ${nothing}; ${tooLate} -> Fail`
      ])
    })
  )

  it.effect("the last ask, after a create that took its time", () =>
    Effect.gen(function* () {
      const spent = `${broken}; the policy grants no further step for communication`
      const none = { communication: Schedule.stop }
      assert.deepStrictEqual(yield* record({ ...none, elapsedMax: "40 seconds" }, { took: "10 seconds" }), [
        `Create: ${spent} -> LookUp`,
        `Lookup: ${nothing} -> Fail`
      ])
      assert.deepStrictEqual(yield* record({ ...none, elapsedMax: "39999 millis" }, { took: "10 seconds" }), [
        `Create: ${spent} -> Fail`
      ])
    })
  )

  it.effect("but for the first create of each call, whatever an earlier one has sent", () =>
    Effect.gen(function* () {
      const evidence = yield* evidenceOf
      const policy = RetryPolicy.make({ elapsedMax: 0 })
      const ends: Array<Outcome.Outcome | PayoutError.PayoutError> = []
      for (const first of [NextStep.create, NextStep.firstAsk]) {
        const run = loop.run({ client: client(), request, policy, evidence, first })
        ends.push(yield* inVirtualTime(Effect.merge(run)))
      }
      assert.deepStrictEqual(ends.flatMap(story).slice(1), [
        `Create: ${broken}; ${tooLate} -> Fail`,
        `Lookup: ${nothing} -> SendAgain`,
        `Create: ${broken}; ${tooLate} -> Fail`
      ])
    })
  )

  it.effect("but for the first create, which is what the call is for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* record({ elapsedMax: 0 }), [`Create: ${broken}; ${tooLate} -> Fail`])
      assert.deepStrictEqual(yield* record({ elapsedMax: 0 }, { first: NextStep.firstAsk }), [
        `Lookup: ${nothing} -> SendAgain`,
        `Create: ${broken}; ${tooLate} -> Fail`
      ])
    })
  )
})
