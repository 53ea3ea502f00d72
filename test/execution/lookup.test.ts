import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Fiber, Metric, Schedule, TestClock } from "effect"
import { type BillwerkClient, type Reply, type RequestLimits, RetryPolicy, Telemetry } from "effect-billwerk-payouts"
import { exchangesMax } from "../../src/execution/AttemptLog.js"
import { lookup, lookupsOf, lookupWithin } from "../../src/execution/lookup.js"
import * as Process from "../../src/execution/Process.js"
import { inVirtualTime, noReads, requestOf } from "../support.js"

const { handle } = requestOf()
const payout = { handle, state: "processing", amount: 1, transactions: [] }
const response = (status: number, body: Reply.Body, more: Partial<Reply.Response> = {}): Reply.Reply => ({
  _tag: "Response",
  status,
  requestId: "r-1",
  body,
  ...more
})
const shown = response(200, { _tag: "PayoutBody", payout })
const absent = response(404, { _tag: "ApiError", code: 137 })
const limited = response(429, { _tag: "ApiError", code: 123 }, { retryAfter: Duration.seconds(7) })
const forbidden = response(403, { _tag: "ApiError", code: 9, error: "Forbidden" })
const unauthorized = response(401, { _tag: "ApiError", code: 6, error: "Invalid key" })
const lost: Reply.Reply = { _tag: "NoResponse", reason: "Transport", sent: "Unknown" }
const broken = response(500, { _tag: "Unreadable", why: "an empty body" })

/** Looks up from a provider that gives these answers, the last one again and again, and says how that ended, and when. */
const lookingUp = (answers: ReadonlyArray<Reply.Reply>, options: RetryPolicy.Options = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 2))
    let next = 0
    const client: BillwerkClient.BillwerkClient["Type"] = {
      ...noReads,
      createDeadline: Duration.seconds(90),
      lookupDeadline: Duration.seconds(30),
      create: () => Effect.dieMessage("it was sent"),
      lookup: () => Effect.sync(() => answers[Math.min(next++, answers.length - 1)] ?? lost)
    }
    const process = yield* Process.make(Duration.hours(6))
    const policy = RetryPolicy.make({ communication: Schedule.spaced("10 seconds"), ...options })
    const found = Effect.map(lookup(client, process, policy, handle), ({ evidence, verdict }) => ({
      _tag: verdict._tag,
      attempts: evidence.attempts
    }))
    const [took, end] = yield* inVirtualTime(Effect.timed(Effect.map(Effect.either(found), Either.merge)))
    return { end, seconds: Duration.toSeconds(took) }
  })

describe("lookup", () => {
  it.effect("finds what the provider shows, in whatever state", () =>
    Effect.gen(function* () {
      const { end, seconds } = yield* lookingUp([shown])
      assert.deepStrictEqual([end._tag, end.attempts.length, seconds], ["Processing", 1, 0])
    })
  )

  it.effect("ends with what is not there", () =>
    Effect.gen(function* () {
      const { end } = yield* lookingUp([absent])
      assert.deepStrictEqual([end._tag, end.attempts.map(({ outcome }) => outcome)], ["PayoutNotFound", ["NotFound"]])
    })
  )

  it.effect("asks again within each budget, and waits as long as it is told to", () =>
    Effect.gen(function* () {
      const { end, seconds } = yield* lookingUp([lost, broken, forbidden, limited, shown], {
        rateLimited: Schedule.spaced("1 second")
      })
      assert.deepStrictEqual(
        end.attempts.map(({ decision, outcome }) => [outcome, decision]),
        [
          ["CommunicationError", "LookUp"],
          ["ServerError", "LookUp"],
          ["LookupRefused", "LookUp"],
          ["RateLimited", "LookUp"],
          ["Processing", "Succeed"]
        ]
      )
      assert.strictEqual(seconds, 37)
    })
  )

  const failures: ReadonlyArray<readonly [reply: Reply.Reply, category: string, why: string]> = [
    [lost, "CommunicationError", "the connection failed"],
    [broken, "ServerError", "HTTP 500"],
    [limited, "RateLimited", "limited before anything was done"],
    [forbidden, "RequestRejected", "HTTP 403, Forbidden"],
    [unauthorized, "RequestRejected", "HTTP 401, Invalid key"],
    [response(200, { _tag: "Unreadable", why: "an empty body" }), "UnexpectedResponse", "HTTP 200, an empty body"]
  ]
  for (const [reply, category, why] of failures) {
    it.effect(`fails as ${category} when the budget is spent: ${why}`, () =>
      Effect.gen(function* () {
        const { end } = yield* lookingUp([reply], { communication: Schedule.stop, rateLimited: Schedule.stop })
        assert(end._tag === "LookupFailed")
        const { attempts, code, requestId, status } = end
        const isAnswer = reply._tag === "Response"
        assert.deepStrictEqual([end.category, end.why, attempts.length], [category, why, 1])
        assert.deepStrictEqual(
          [status, requestId, code],
          [
            isAnswer ? reply.status : undefined,
            isAnswer ? reply.requestId : undefined,
            isAnswer && reply.body._tag === "ApiError" ? reply.body.code : undefined
          ]
        )
      })
    )
  }

  it.effect("is not made again after a refused key, whatever the budget", () =>
    Effect.gen(function* () {
      const { end } = yield* lookingUp([unauthorized], { communication: Schedule.forever })
      assert.deepStrictEqual([end._tag, end.attempts.length], ["LookupFailed", 1])
    })
  )

  it.effect("begins only what could end in time", () =>
    Effect.gen(function* () {
      const counted = (elapsedMax: Duration.DurationInput) =>
        Effect.map(lookingUp([lost], { elapsedMax }), ({ end }) => end.attempts.length)
      assert.deepStrictEqual([yield* counted("40 seconds"), yield* counted("39999 millis")], [2, 1])
    })
  )

  it.effect("is made as often as a call has exchanges, and no more", () =>
    Effect.gen(function* () {
      const { end } = yield* lookingUp([lost], { communication: Schedule.forever })
      assert.strictEqual(end.attempts.length, exchangesMax)
    })
  )

  it.effect("measures its waits by the category that granted them", () =>
    Effect.gen(function* () {
      const waits = Metric.value(Metric.tagged(Telemetry.metric.waits, Telemetry.label.category, "rateLimited"))
      const before = yield* waits
      yield* lookingUp([limited, shown], { rateLimited: Schedule.spaced("1 second") })
      const after = yield* waits
      assert.deepStrictEqual([after.count - before.count, after.sum - before.sum], [1, 7])
    })
  )

  it.effect("never sends", () =>
    Effect.gen(function* () {
      const client: BillwerkClient.BillwerkClient["Type"] = {
        ...noReads,
        createDeadline: Duration.seconds(90),
        lookupDeadline: Duration.seconds(30),
        create: () => Effect.succeed(shown),
        lookup: () => Effect.succeed(shown)
      }
      const exit = yield* Effect.exit(lookupsOf(client, handle, { handle }).create)
      assert.strictEqual(exit._tag, "Failure")
    })
  )
})

describe("lookupWithin", () => {
  const inTime: RequestLimits.Turn = { waited: Duration.zero, answered: () => {} }

  /** Looks up until the deadline after ten seconds, each time in its turn. */
  const endOf = (turn: Effect.Effect<void>, answer: Effect.Effect<Reply.Reply>) =>
    Effect.gen(function* () {
      const client: BillwerkClient.BillwerkClient["Type"] = {
        ...noReads,
        createDeadline: Duration.seconds(90),
        lookupDeadline: Duration.seconds(30),
        create: () => Effect.dieMessage("it was sent"),
        lookup: () => answer,
        limits: { withTurn: (_, __, exchange) => Effect.zipRight(turn, exchange(inTime)) }
      }
      const process = yield* Process.make(Duration.hours(6))
      const policy = RetryPolicy.make({ communication: Schedule.spaced("4 seconds") })
      const deadline = Duration.seconds(10)
      const asked = lookupWithin(client, process, policy, handle, deadline)
      const looking = yield* Effect.fork(Effect.flip(asked))
      yield* TestClock.adjust("10 seconds")
      const end = yield* Fiber.join(looking)
      assert(end._tag === "LookupFailed")
      const { attempts, category, why } = end
      return { category, why, outcomes: attempts.map(({ outcome }) => outcome) }
    })

  it.effect("says that the provider was not asked if its turn did not come in time", () =>
    Effect.gen(function* () {
      const { category, outcomes, why } = yield* endOf(Effect.never, Effect.never)
      assert.deepStrictEqual(
        [category, outcomes, why],
        ["CommunicationError", [], "the deadline of the wait came before the provider was asked"]
      )
    })
  )

  it.effect("ends a lookup that is under way, and has it on record", () =>
    Effect.gen(function* () {
      const { category, outcomes, why } = yield* endOf(Effect.void, Effect.never)
      assert.deepStrictEqual(
        [category, outcomes, why],
        ["CommunicationError", ["Interrupted"], "the deadline of the wait came"]
      )
    })
  )

  it.effect("ends in a wait between two lookups, too", () =>
    Effect.gen(function* () {
      const { outcomes, why } = yield* endOf(Effect.void, Effect.succeed(lost))
      assert.deepStrictEqual(
        [outcomes, why],
        [["CommunicationError", "CommunicationError", "CommunicationError"], "the deadline of the wait came"]
      )
    })
  )
})
