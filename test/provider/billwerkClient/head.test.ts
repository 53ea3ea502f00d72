import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, TestClock } from "effect"
import { BillwerkClient } from "effect-billwerk-payouts"
import { request, body, responded, answering } from "./fixture.js"

describe("Retry-After", () => {
  const now = Date.UTC(2025, 9, 1, 9, 30)
  const rows: ReadonlyArray<readonly [title: string, header: string | undefined, millis: number | undefined]> = [
    ["nothing (30)", undefined, undefined],
    ["no seconds (30)", "0", 0],
    ["2 seconds (30)", "2", 2_000],
    ["120 seconds, with blanks (30)", " 120 ", 120_000],
    ["a date in 90 seconds (31)", "Wed, 01 Oct 2025 09:31:30 GMT", 90_000],
    ["this moment (31)", "Wed, 01 Oct 2025 09:30:00 GMT", 0],
    ["a date that has passed (31)", "Wed, 01 Oct 2025 09:00:00 GMT", 0],
    ["a date of long ago (31)", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["a date with the wrong day of the week (31)", "Mon, 01 Oct 2025 09:31:30 GMT", 90_000],
    ["a date in the older form (31)", "Wednesday, 01-Oct-25 09:31:30 GMT", 90_000],
    ["a date in the older form, of the century that is near (S3)", "Sunday, 06-Nov-94 08:49:37 GMT", 0],
    ["a date as C prints it (S3)", "Wed Oct  1 09:30:30 2025", 30_000],
    ["a date as C prints it, of two digits (S3)", "Sun Oct 12 09:30:00 2025", 11 * 86_400_000],
    ["a date as C prints it that has passed (S3)", "Sun Nov  6 08:49:37 1994", 0],
    ["a leap second (S3)", "Wed, 01 Oct 2025 09:30:60 GMT", 60_000],
    ["a date in years (31, 32)", "Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59) - now],
    ["a day (32)", "86400", 86_400_000],
    ["ages (32)", "999999999999999", 8_640_000_000],
    ["less than nothing (32)", "-1", undefined],
    ["soon (32)", "soon", undefined],
    ["1e999 (32)", "1e999", undefined],
    ["half a second (32)", "0.5", undefined],
    ["two values (32)", "1, 2", undefined],
    ["empty (32)", "", undefined],
    ["Infinity (32)", "Infinity", undefined],
    ["a hexadecimal number (32)", "0x10", undefined],
    ["more digits than there is time (32)", "9".repeat(400), 8_640_000_000],
    ["a date of another zone (32)", "Wed, 01 Oct 2025 09:31:30 CEST", undefined],
    ["a date as the provider writes it (32)", "2025-10-01T09:31:30.000Z", undefined],
    ["no date (32)", "Wed, 99 Foo 2025 09:31:30 GMT", undefined],
    ["no date as C prints it (32)", "Wed Foo 99 09:31:30 2025", undefined],
    ["a date as C prints it, with a zone (32)", "Wed Oct  1 09:31:30 2025 CEST", undefined],
    ["a number in words (32)", "Twelve, or so, minutes GMT", undefined]
  ]
  for (const [title, header, millis] of rows) {
    it.effect(`that says ${title} is ${millis === undefined ? "left to the policy" : `${millis} ms`}`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const status of [429, 503]) {
          const client = yield* answering("", {
            status,
            ...(header === undefined ? {} : { headers: { "retry-after": header } })
          })
          assert.deepStrictEqual(
            yield* client.create(request),
            responded(
              status,
              { _tag: "Unreadable", why: "an empty body" },
              { retryAfter: millis === undefined ? undefined : Duration.millis(millis) }
            )
          )
        }
      })
    )
  }
})

describe("The request's id", () => {
  const inHead = "a0000000000000000000000000000001"
  const inBody = "b0000000000000000000000000000001"
  const another = "c0000000000000000000000000000001"
  const rows = [
    ["is the header's", inHead, { request_id: inBody, "request-id": another }, inHead],
    ["is the body's where the header has none", undefined, { request_id: inBody, "request-id": another }, inBody],
    ["is the body's other spelling's where that is all there is", undefined, { "request-id": another }, another],
    ["is the body's where the header's is none", "a b; <script>", { request_id: inBody }, inBody],
    ["is not more than 128 characters", "x".repeat(129), { request_id: "y".repeat(129) }, undefined],
    ["is 128 characters", "x1".repeat(64), {}, "x1".repeat(64)],
    ["is the body's where the header's may be anything", "r-1", { request_id: inBody }, inBody],
    ["is none where it may be anything: a name, a number", "r-1", { request_id: "4512345678" }, undefined],
    ["is none where it is the request's own", "of-ca_fcfac2016614418f969fa5697383e47c", {}, undefined],
    ["is none where there is none", undefined, {}, undefined],
    ["is none where it is not a text", undefined, { request_id: 7 }, undefined]
  ] as const
  for (const [title, header, ids, expected] of rows) {
    it.effect(title, () =>
      Effect.gen(function* () {
        const client = yield* answering(JSON.stringify({ code: 134, error: "Payout already paid", ...ids }), {
          status: 400,
          ...(header === undefined ? {} : { headers: { "request-id": header } })
        })
        assert.deepStrictEqual(
          yield* client.create(request),
          responded(
            400,
            {
              _tag: "ApiError",
              code: 134,
              error: "Payout already paid",
              message: undefined,
              transactionError: undefined,
              path: undefined
            },
            { requestId: expected }
          )
        )
      })
    )
  }
})

describe("An answer from a cache", () => {
  const told = (client: BillwerkClient.BillwerkClient["Type"], kind: "create" | "lookup") =>
    Effect.map(kind === "create" ? client.create(request) : client.lookup(request.handle), (reply) =>
      reply._tag === "Response" ? reply.isCached : reply._tag
    )

  it.effect("is one that has an Age", () =>
    Effect.gen(function* () {
      const client = yield* answering(body, { headers: { age: "0" } })
      assert.deepStrictEqual([yield* told(client, "create"), yield* told(client, "lookup")], [true, true])
    })
  )

  it.effect("is the answer to a lookup whose Request-Id came before, with whatever it came", () =>
    Effect.gen(function* () {
      const client = yield* answering(body, { headers: { "request-id": "r-1" } })
      // A create is doubted all the same, whoever answers it.
      assert.deepStrictEqual(
        [yield* told(client, "create"), yield* told(client, "create"), yield* told(client, "lookup")],
        [false, false, true]
      )
      const unnamed = yield* answering(body)
      assert.deepStrictEqual([yield* told(unnamed, "lookup"), yield* told(unnamed, "lookup")], [false, false])
      const inBody = yield* answering('{"code":137,"request_id":"r-2"}', { status: 404 })
      assert.deepStrictEqual([yield* told(inBody, "lookup"), yield* told(inBody, "lookup")], [false, true])
    })
  )
})

describe("The date of an answer", () => {
  it.effect("is in epoch milliseconds, and none where it is none", () =>
    Effect.gen(function* () {
      const dates: Array<unknown> = []
      for (const date of ["Fri, 02 Jan 2026 12:00:07 GMT", "soon", undefined]) {
        const client = yield* answering(body, date === undefined ? {} : { headers: { date } })
        const reply = yield* client.lookup(request.handle)
        dates.push(reply._tag === "Response" ? reply.date : reply._tag)
      }
      assert.deepStrictEqual(dates, [Date.UTC(2026, 0, 2, 12, 0, 7), undefined, undefined])
    })
  )
})
