import { HttpClientError, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { request, handle, body, payout, responded, clientOf, answering, pieces, bytesOf } from "./fixture.js"

describe("The body", () => {
  const limit = 1024 * 1024
  const unreadable = (status: number, why: string) => responded(status, { _tag: "Unreadable", why })
  const tooLarge = unreadable(200, "a body of more than 1048576 bytes")

  const answers = [
    ["a payout", 200, body, responded(200, payout)],
    ["a payout under another status (34)", 201, body, unreadable(201, "a body that is no Create answer")],
    ["a payout under an error's status", 500, body, unreadable(500, "a body that is no Create answer")],
    [
      "an error",
      400,
      '{"code":74}',
      responded(400, {
        _tag: "ApiError",
        code: 74,
        error: undefined,
        message: undefined,
        transactionError: undefined,
        path: undefined
      })
    ],
    [
      "an error with status 200 (57)",
      200,
      '{"code":2,"error":"Internal error"}',
      responded(200, {
        _tag: "ApiError",
        code: 2,
        error: "Internal error",
        message: undefined,
        transactionError: undefined,
        path: undefined
      })
    ],
    ["a page (42, 49, 56)", 404, "<html>", unreadable(404, "a body that is not JSON")],
    ["JSON of something else", 200, "{}", unreadable(200, "a body that is no Create answer")],
    ["null", 200, "null", unreadable(200, "a body that is no Create answer")],
    ["JSON and more", 200, `${body}${body}`, unreadable(200, "a body that is not JSON")],
    ["nothing (21)", 200, "", unreadable(200, "an empty body")],
    ["no body at all (33)", 204, null, unreadable(204, "an empty body")],
    ["brackets, deep (59)", 200, "[".repeat(100_000), unreadable(200, "a body that is not JSON")],
    [
      "brackets, deep and closed (59)",
      200,
      `{"handle":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
      unreadable(200, "a body that is no Create answer")
    ]
  ] as const
  for (const [title, status, text, expected] of answers) {
    it.effect(`of ${title} is what it is, whether its length is known or not`, () =>
      Effect.gen(function* () {
        const client = yield* answering(text, { status })
        assert.deepStrictEqual(yield* client.create(request), expected)
        const length = { headers: { "content-length": String(text?.length ?? 0) } }
        const declared = yield* answering(text, { status, ...length })
        assert.deepStrictEqual(yield* declared.create(request), expected)
      })
    )
  }

  it.effect("is read to 1 MiB, and no further (59)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* answering(body.padEnd(limit))).create(request), responded(200, payout))
      assert.deepStrictEqual(yield* (yield* answering(body.padEnd(limit + 1))).create(request), tooLarge)
    })
  )

  it.effect("is counted in bytes, not in characters (59)", () =>
    Effect.gen(function* () {
      const text = (times: number) =>
        JSON.stringify({ handle, state: "paid", amount: 12_500, currency: "DKK", text: "ø".repeat(times) })
      const most = (limit - text(0).length) / 2
      assert.deepStrictEqual(yield* (yield* answering(text(Math.floor(most)))).create(request), responded(200, payout))
      assert.deepStrictEqual(yield* (yield* answering(text(Math.floor(most) + 1))).create(request), tooLarge)
    })
  )

  it.effect("is not read further than it has to be (59)", () =>
    Effect.gen(function* () {
      let given = 0
      let cancelled = false
      const client = yield* clientOf(() =>
        Effect.sync(
          () =>
            new Response(
              new ReadableStream({
                pull: (controller) => {
                  given += 1
                  controller.enqueue(new Uint8Array(64 * 1024))
                },
                cancel: () => {
                  cancelled = true
                }
              })
            )
        )
      )
      assert.deepStrictEqual(yield* client.create(request), tooLarge)
      assert.isTrue(cancelled)
      assert.isAtMost(given, 20)
    })
  )

  it.effect("is read right where a character comes in two pieces", () =>
    Effect.gen(function* () {
      const text = JSON.stringify({ code: 1, error: "Præmie 🥧" })
      const client = yield* clientOf(
        () => Effect.map(pieces(bytesOf(text), 0, true), (stream) => new Response(stream, { status: 400 })),
        { keepProviderTexts: true }
      )
      assert.deepStrictEqual(
        yield* client.create(request),
        responded(400, {
          _tag: "ApiError",
          code: 1,
          error: "Præmie 🥧",
          message: undefined,
          transactionError: undefined,
          path: undefined
        })
      )
    })
  )
})

describe("A failure before there is an answer", () => {
  const system = (code: string, syscall: string) => Object.assign(new Error(code), { code, syscall })
  const rows = [
    [
      "before anything is sent: a URL that is none",
      { reason: "InvalidUrl", cause: new Error("no") },
      "NotSent",
      undefined
    ],
    [
      "before anything is sent: a body that cannot be written",
      { reason: "Encode", cause: system("ECONNRESET", "read") },
      "NotSent",
      "ECONNRESET"
    ],
    ["refused (2)", { reason: "Transport", cause: system("ECONNREFUSED", "connect") }, "NotSent", "ECONNREFUSED"],
    ["reset (12)", { reason: "Transport", cause: system("ECONNRESET", "read") }, "Unknown", "ECONNRESET"],
    ["for no reason given", { reason: "Transport" }, "Unknown", undefined]
  ] as const
  for (const [title, failure, sent, systemCode] of rows) {
    it.effect(`is ${sent === "NotSent" ? "not sent" : "unclear"} when it fails ${title}`, () =>
      Effect.gen(function* () {
        const client = yield* clientOf((request) => new HttpClientError.RequestError({ request, ...failure }))
        assert.deepStrictEqual(yield* client.create(request), {
          _tag: "NoResponse",
          reason: "Transport",
          sent,
          systemCode
        })
      })
    )
  }

  it.effect("is an answer when the host's own client makes an error of its status", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(
        (request) =>
          new HttpClientError.ResponseError({
            request,
            response: HttpClientResponse.fromWeb(request, new Response('{"code":134}', { status: 400 })),
            reason: "StatusCode"
          })
      )
      const reply = yield* client.create(request)
      assert.deepStrictEqual(reply._tag === "Response" && [reply.status, reply.body], [
        400,
        {
          _tag: "ApiError",
          code: 134,
          error: undefined,
          message: undefined,
          transactionError: undefined,
          path: undefined
        }
      ])
    })
  )
})
