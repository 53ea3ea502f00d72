import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option, TestClock } from "effect"
import { BillwerkClient, type Reply } from "effect-billwerk-payouts"
import { inVirtualTime } from "../../support.js"
import {
  request,
  handle,
  body,
  payout,
  requestId,
  responded,
  type Respond,
  clientOf,
  pieces,
  bytesOf
} from "./fixture.js"

const createTimed = (client: BillwerkClient.BillwerkClient["Type"]) =>
  inVirtualTime(Effect.map(Effect.timed(client.create(request)), ([took, reply]) => [Duration.toMillis(took), reply]))

describe("The deadline", () => {
  const deadline: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }

  it.effect("ends an attempt whose answer never begins, to the millisecond (15)", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(() => Effect.never)
      assert.deepStrictEqual(yield* createTimed(client), [90_000, deadline])
      const asked = yield* inVirtualTime(Effect.timed(client.lookup(handle)))
      assert.deepStrictEqual([Duration.toMillis(asked[0]), asked[1]], [30_000, deadline])
    })
  )

  it.effect("is not a millisecond early (15)", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(() => Effect.never)
      const fiber = yield* Effect.fork(client.create(request))
      yield* TestClock.adjust(89_999)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(fiber), deadline)
    })
  )

  it.effect("is what the options say (15)", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(() => Effect.never, { createDeadline: "2 minutes", lookupDeadline: "7 seconds" })
      assert.deepStrictEqual(yield* createTimed(client), [120_000, deadline])
      const [took] = yield* inVirtualTime(Effect.timed(client.lookup(handle)))
      assert.strictEqual(Duration.toMillis(took), 7_000)
      assert.deepStrictEqual(
        [Duration.toMillis(client.createDeadline), Duration.toMillis(client.lookupDeadline)],
        [120_000, 7_000]
      )
    })
  )

  it.effect("leaves an answer that is in time alone (26)", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(() => Effect.as(Effect.sleep(89_999), new Response(body)))
      assert.deepStrictEqual(yield* createTimed(client), [89_999, responded(200, payout)])
    })
  )

  const lengths = [
    ["of a length that is known", { "content-length": String(body.length) }],
    ["of a length that is not", undefined]
  ] as const
  for (const [title, length] of lengths) {
    const headers = length === undefined ? {} : { headers: length }

    it.effect(`covers the body as well, one ${title} (16)`, () =>
      Effect.gen(function* () {
        const client = yield* clientOf(() =>
          Effect.map(
            Effect.zipRight(Effect.sleep("40 seconds"), pieces(bytesOf(body).slice(0, 9), 0, false)),
            (stream) => new Response(stream, headers)
          )
        )
        assert.deepStrictEqual(yield* createTimed(client), [
          90_000,
          responded(200, { _tag: "CutOff", reason: "Deadline" })
        ])
      })
    )

    it.effect(
      `is for the whole attempt, so that a byte now and then does not prolong it, in a body ${title} (17)`,
      () =>
        Effect.gen(function* () {
          const client = yield* clientOf(() =>
            Effect.map(pieces(bytesOf(body), "5 seconds", true), (stream) => new Response(stream, headers))
          )
          assert.deepStrictEqual(yield* createTimed(client), [
            90_000,
            responded(200, { _tag: "CutOff", reason: "Deadline" })
          ])
        })
    )

    it.effect(`leaves a slow body alone that is in time, one ${title} (17)`, () =>
      Effect.gen(function* () {
        const client = yield* clientOf(() =>
          Effect.map(pieces(bytesOf(body), "1 seconds", true), (stream) => new Response(stream, headers))
        )
        assert.deepStrictEqual(yield* createTimed(client), [body.length * 1_000, responded(200, payout)])
      })
    )

    it.effect(`does not make a 502 unknown whose body stalls, one ${title} (28)`, () =>
      Effect.gen(function* () {
        const client = yield* clientOf(() =>
          Effect.map(pieces([], 0, false), (stream) => new Response(stream, { ...headers, status: 502 }))
        )
        assert.deepStrictEqual(yield* createTimed(client), [
          90_000,
          responded(502, { _tag: "CutOff", reason: "Deadline" })
        ])
      })
    )
  }

  it.effect("keeps what the head said of an answer whose body stalls (16, 30)", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(() =>
        Effect.map(
          pieces([], 0, false),
          (stream) => new Response(stream, { status: 503, headers: { "request-id": requestId, "retry-after": "7" } })
        )
      )
      assert.deepStrictEqual(yield* createTimed(client), [
        90_000,
        responded(503, { _tag: "CutOff", reason: "Deadline" }, { requestId, retryAfter: Duration.seconds(7) })
      ])
    })
  )
})

describe("Interruption", () => {
  const waits: ReadonlyArray<readonly [string, Respond]> = [
    ["while it waits for the head", () => Effect.never],
    ["while it waits for the body", () => Effect.map(pieces([], 0, false), (stream) => new Response(stream))]
  ]
  for (const [title, respond] of waits) {
    it.effect(`aborts the exchange ${title} (82)`, () =>
      Effect.gen(function* () {
        const signals: Array<AbortSignal> = []
        const client = yield* clientOf((request, signal) => {
          signals.push(signal)
          return respond(request, signal)
        })
        const fiber = yield* Effect.fork(client.create(request))
        yield* TestClock.adjust("1 second")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        assert.deepStrictEqual(
          signals.map(({ aborted }) => aborted),
          [false]
        )
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
        assert.deepStrictEqual(
          signals.map(({ aborted }) => aborted),
          [true]
        )
      })
    )
  }

  it.effect("by the deadline aborts the exchange too, and the next one is its own (15)", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const client = yield* clientOf((_, signal) => {
        signals.push(signal)
        return signals.length === 1 ? Effect.never : Effect.sync(() => new Response(body))
      })
      yield* createTimed(client)
      assert.deepStrictEqual(
        signals.map(({ aborted }) => aborted),
        [true]
      )
      assert.deepStrictEqual(yield* client.create(request), responded(200, payout))
    })
  )
})
