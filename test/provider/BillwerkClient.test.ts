/** One exchange, in memory and in virtual time. What sockets do to it is in `transports.test.ts`. */
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Encoding, Exit, Fiber, Option, Redacted, Schedule, Stream, TestClock } from "effect"
import { BillwerkClient, type BillwerkConfig, type Reply, RetryPolicy } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { tracing } from "../tracing.js"

const request = requestOf()
const { handle } = request
const body = JSON.stringify({ handle, state: "paid", amount: 12_500, currency: "DKK" })

const payout: Reply.Body = {
  _tag: "PayoutBody",
  payout: {
    handle,
    state: "paid",
    amount: 12_500,
    currency: "DKK",
    customer: undefined,
    created: undefined,
    paid: undefined,
    failed: undefined,
    transactions: []
  }
}

const requestId = "f1988fc2374b4a26a51ebd876b478428"

const responded = (status: number, body: Reply.Body, more: Partial<Reply.Response> = {}): Reply.Reply => ({
  _tag: "Response",
  status,
  requestId: undefined,
  retryAfter: undefined,
  date: undefined,
  isCached: false,
  body,
  ...more
})

type Respond = (
  request: HttpClientRequest.HttpClientRequest,
  signal: AbortSignal
) => Effect.Effect<Response, HttpClientError.HttpClientError>

/** An `HttpClient` that is a function. */
const httpClient = (respond: Respond) =>
  HttpClient.make((request, _, signal) =>
    Effect.map(respond(request, signal), (web) => HttpClientResponse.fromWeb(request, web))
  )

const clientOf = (respond: Respond, options: Partial<BillwerkConfig.Options> = {}) =>
  BillwerkClient.make({ apiKey: Redacted.make("priv_12051dfac75143fc827cf63a87f46df3"), ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, httpClient(respond))
  )

const answering = (text: string | null, init: ResponseInit = {}) =>
  clientOf(() => Effect.sync(() => new Response(text, init)))

/** A body that comes piece by piece, by the clock of whoever reads it; without an end, unless it is said to have one. */
const pieces = (pieces: ReadonlyArray<Uint8Array>, every: Duration.DurationInput, ends: boolean) =>
  Effect.map(Effect.runtime(), (runtime) =>
    Stream.fromIterable(pieces).pipe(
      Stream.tap(() => Effect.sleep(every)),
      Stream.rechunk(1),
      Stream.concat(ends ? Stream.empty : Stream.never),
      Stream.toReadableStreamRuntime(runtime)
    )
  )

const bytesOf = (text: string) => Array.from(new TextEncoder().encode(text), (byte) => Uint8Array.of(byte))

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

describe("A client of the host's", () => {
  const saved = "ca_fcfac2016614418f969fa5697383e47c"
  const key = "priv_12051dfac75143fc827cf63a87f46df3"
  const died = (systemCode: string | undefined): Reply.Reply => ({
    _tag: "NoResponse",
    reason: "Transport",
    sent: "Unknown",
    systemCode
  })
  const refused = (request: HttpClientRequest.HttpClientRequest) =>
    new HttpClientError.RequestError({
      request,
      reason: "Transport",
      cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" })
    })
  const over = (http: HttpClient.HttpClient) =>
    BillwerkClient.make({ apiKey: Redacted.make(key) }).pipe(Effect.provideService(HttpClient.HttpClient, http))
  const dying = (die: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<never>) =>
    HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(Effect.flatMap(die), Effect.succeed)

  const ways: ReadonlyArray<readonly [title: string, http: HttpClient.HttpClient, systemCode: string | undefined]> = [
    [
      "that dies of its own error",
      HttpClient.transform(
        httpClient((request) => Effect.fail(refused(request))),
        Effect.orDie
      ),
      "ECONNREFUSED"
    ],
    ["that dies of an error", dying((request) => Effect.die(new TypeError(inspect(request)))), "TypeError"],
    ["that dies of what is no error", dying((request) => Effect.die(inspect(request))), undefined],
    [
      "that dies of what is called like a secret",
      dying(() => Effect.die(Object.assign(new Error(), { name: key }))),
      undefined
    ],
    ["that interrupts itself", dying(() => Effect.interrupt), "InterruptedException"],
    [
      "that throws",
      dying((request) => {
        throw new RangeError(inspect(request))
      }),
      "RangeError"
    ],
    [
      "that throws when it is asked",
      HttpClient.mapRequest(
        httpClient(() => Effect.never),
        () => {
          throw new RangeError(key)
        }
      ),
      "RangeError"
    ]
  ]
  for (const [title, http, systemCode] of ways) {
    it.effect(`${title} makes an exchange unclear, and nothing of what it died of is shown (D8)`, () =>
      Effect.gen(function* () {
        const client = yield* over(http)
        assert.deepStrictEqual(yield* client.create(request), died(systemCode))
        assert.deepStrictEqual(yield* client.lookup(handle, request), died(systemCode))
        const payouts = yield* anotherProcess().pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
        const exit = yield* inVirtualTime(Effect.exit(payouts.create(request)))
        assert(Exit.isFailure(exit) && exit.cause._tag === "Fail")
        const { error } = exit.cause
        assert.deepStrictEqual([error._tag, error.certainty], ["CommunicationError", "MayHaveMoved"])
        for (const shown of [
          inspect(exit, { depth: Infinity, showHidden: true }),
          JSON.stringify(exit),
          String(error)
        ]) {
          for (const secret of [key, Encoding.encodeBase64(`${key}:`), saved]) assert.notInclude(shown, secret)
        }
        const asked = yield* inVirtualTime(Effect.flip(payouts.get(handle)))
        assert.strictEqual(asked._tag, "LookupFailed")
      })
    )
  }

  it.effect("that dies while the body comes leaves the head (D8)", () =>
    Effect.gen(function* () {
      const response = HttpClientResponse.fromWeb(HttpClientRequest.get("/"), new Response("", { status: 502 }))
      const stream = { get: () => Stream.die(new Error(key)) }
      const broken: HttpClientResponse.HttpClientResponse = Object.create(response, { stream })
      const client = yield* over(HttpClient.make(() => Effect.succeed(broken)))
      assert.deepStrictEqual(yield* client.create(request), responded(502, { _tag: "CutOff", reason: "Transport" }))
    })
  )

  it.live("that cannot be interrupted holds nothing up beyond the deadline (D9)", () =>
    Effect.gen(function* () {
      const stuck = HttpClient.make(() => Effect.uninterruptible(Effect.never))
      const client = yield* BillwerkClient.make({
        apiKey: Redacted.make(key),
        createDeadline: "200 millis",
        lookupDeadline: "100 millis"
      }).pipe(Effect.provideService(HttpClient.HttpClient, stuck))
      const late: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
      const [took, reply] = yield* Effect.timed(client.create(request))
      assert.deepStrictEqual(reply, late)
      assert.isTrue(Duration.between(took, { minimum: Duration.millis(190), maximum: Duration.seconds(2) }))
      const policy = RetryPolicy.none
      const payouts = yield* anotherProcess().pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
      const error = yield* Effect.flip(payouts.create(request, { policy })).pipe(Effect.timeout("5 seconds"))
      assert(error._tag === "CommunicationError")
      assert.deepStrictEqual([error.certainty, error.exposure], ["MayHaveMoved", { min: 0, max: 12_500 }])
      const asked = yield* Effect.flip(payouts.get(handle, { policy })).pipe(Effect.timeout("5 seconds"))
      assert.strictEqual(asked._tag, "LookupFailed")
      // And not a caller who goes away.
      const fiber = yield* Effect.fork(client.create(request))
      yield* Effect.sleep("20 millis")
      const [gone] = yield* Effect.timed(Fiber.interrupt(fiber))
      assert.isBelow(Duration.toMillis(gone), 150)
    })
  )
})

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

describe("The account of a client", () => {
  it.effect("is the same for the same key and address, and does not show the key", () =>
    Effect.gen(function* () {
      const account = (options: Partial<BillwerkConfig.Options> = {}) =>
        Effect.map(
          clientOf(() => Effect.never, options),
          (client) => client.account
        )
      const [one, same] = [yield* account(), yield* account()]
      const others = [
        yield* account({ apiKey: Redacted.make("priv_another_00000000000000000000") }),
        yield* account({ baseUrl: "https://example.com" })
      ]
      assert.match(one ?? "", /^[0-9a-f]{16}$/)
      assert.strictEqual(same, one)
      assert.strictEqual(new Set([one, ...others]).size, 3)
    })
  )
})

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

describe("A create", () => {
  it.effect("is written once, and sends the same bytes however often it is run", () =>
    Effect.gen(function* () {
      const sent: Array<unknown> = []
      const client = yield* clientOf((request) => {
        sent.push([request.method, request.url, { ...request.headers }, request.body.toJSON(), request.body])
        return Effect.sync(() => new Response("", { status: 500 }))
      })
      const create = client.create(request)
      yield* Effect.repeat(create, Schedule.recurs(2))
      assert.strictEqual(sent.length, 3)
      assert.deepStrictEqual(sent[1], sent[0])
      assert.deepStrictEqual(sent[2], sent[0])
      const [method, url, headers] = Array.isArray(sent[0]) ? sent[0] : []
      assert.deepStrictEqual(
        [method, url, headers],
        [
          "POST",
          "https://api.frisbii.com/v1/payout",
          {
            authorization: "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo=",
            accept: "application/json",
            "accept-encoding": "identity",
            "user-agent": "effect-billwerk-payouts/0.1.0",
            "content-type": "application/json",
            "content-length": "112"
          }
        ]
      )
    })
  )

  it.effect("sends nothing until it is run", () =>
    Effect.gen(function* () {
      let sent = 0
      const client = yield* clientOf(() => {
        sent += 1
        return Effect.sync(() => new Response(body))
      })
      const create = client.create(request)
      assert.strictEqual(sent, 0)
      yield* create
      assert.strictEqual(sent, 1)
    })
  )
})

describe("A lookup", () => {
  it.effect("escapes the handle, whatever a handle may have in it", () =>
    Effect.gen(function* () {
      const urls: Array<string> = []
      const client = yield* clientOf((request) => {
        urls.push(`${request.method} ${request.url}`)
        return Effect.sync(() => new Response(body))
      })
      for (const handle of ["a@b_c.d-e", "...", "-"]) yield* client.lookup(requestOf({ handle }).handle)
      assert.deepStrictEqual(urls, [
        "GET https://api.frisbii.com/v1/payout/a%40b_c.d-e",
        "GET https://api.frisbii.com/v1/payout/...",
        "GET https://api.frisbii.com/v1/payout/-"
      ])
    })
  )
})

describe("Tracing", () => {
  const traceHeaders = (headers: Readonly<Record<string, string>>) =>
    Object.keys(headers).filter((name) => /^(traceparent|tracestate|b3|x-b3-.*|baggage)$/.test(name))

  const cases: ReadonlyArray<readonly [string, Respond, Readonly<Record<string, unknown>>]> = [
    [
      "an answer",
      () => Effect.sync(() => new Response(body, { headers: { "request-id": requestId } })),
      { "billwerk.reply": "PayoutBody", "http.response.status_code": 200, "billwerk.request_id": requestId }
    ],
    [
      "a refusal",
      () => Effect.sync(() => new Response('{"code":135}', { status: 400 })),
      { "billwerk.reply": "ApiError", "http.response.status_code": 400, "billwerk.error_code": 135 }
    ],
    [
      "no answer",
      (request: HttpClientRequest.HttpClientRequest) =>
        new HttpClientError.RequestError({ request, reason: "Transport" }),
      { "billwerk.reply": "Transport" }
    ]
  ]

  for (const [title, respond, attributes] of cases) {
    it.effect(`has one span an attempt at ${title}, and sends none of it away (112)`, () =>
      Effect.gen(function* () {
        const { spans, tracer } = tracing()
        const sent: Array<ReadonlyArray<string>> = []
        const client = yield* clientOf((request, signal) => {
          sent.push(traceHeaders(request.headers))
          return respond(request, signal)
        })
        yield* Effect.zipRight(client.create(request), client.lookup(handle)).pipe(
          Effect.withSpan("workflow"),
          Effect.withTracer(tracer)
        )
        assert.deepStrictEqual(sent, [[], []])
        const [workflow, ...attempts] = spans
        assert.deepStrictEqual(
          attempts.map(({ attributes, events, kind, links, name, parent, status }) => ({
            name,
            kind,
            isChild: Option.getOrUndefined(parent) === workflow,
            attributes: Object.fromEntries(attributes),
            events,
            links,
            ended: status._tag
          })),
          (
            [
              ["BillwerkClient.create", "POST"],
              ["BillwerkClient.lookup", "GET"]
            ] as const
          ).map(([name, method]) => ({
            name,
            kind: "client" as const,
            isChild: true,
            attributes: { "payout.handle": handle, "http.request.method": method, ...attributes },
            events: [],
            links: [],
            ended: "Ended" as const
          }))
        )
      })
    )
  }

  it.effect("would have been sent away by the same client otherwise (112)", () =>
    Effect.gen(function* () {
      const { spans, tracer } = tracing()
      let sent: ReadonlyArray<string> = []
      const http = httpClient((request) => {
        sent = traceHeaders(request.headers)
        return Effect.sync(() => new Response(""))
      })
      yield* http.get("https://api.frisbii.com").pipe(Effect.withSpan("workflow"), Effect.withTracer(tracer))
      assert.deepStrictEqual(sent, ["b3", "traceparent"])
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["workflow", "http.client GET"]
      )
    })
  )

  it.effect("ends the span of an attempt that is interrupted", () =>
    Effect.gen(function* () {
      const { spans, tracer } = tracing()
      const client = yield* clientOf(() => Effect.never)
      const fiber = yield* Effect.fork(client.create(request).pipe(Effect.withTracer(tracer)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag === "Ended" && Exit.isInterrupted(status.exit)]),
        [["BillwerkClient.create", true]]
      )
    })
  )
})

describe("The caller's context", () => {
  it.effect("is what it was after an exchange, and its HttpClient is left as it was", () =>
    Effect.gen(function* () {
      const before = yield* Effect.context<never>()
      const client = yield* answering(body)
      yield* client.create(request)
      const after = yield* Effect.context<never>()
      assert.isTrue(Option.isNone(Context.getOption(after, FetchHttpClient.RequestInit)))
      assert.deepStrictEqual([...after.unsafeMap.keys()], [...before.unsafeMap.keys()])
    })
  )
})
