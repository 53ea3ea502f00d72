import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Encoding, Exit, Fiber, Option, Redacted, Stream, TestClock } from "effect"
import { BillwerkClient, type Reply, RetryPolicy } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { anotherProcess, inVirtualTime } from "../../support.js"
import { tracing } from "../../tracing.js"
import {
  request,
  handle,
  body,
  requestId,
  responded,
  type Respond,
  httpClient,
  clientOf,
  answering
} from "./fixture.js"
import { everything } from "../../everything.js"

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
        for (const shown of [inspect(exit, everything), JSON.stringify(exit), String(error)]) {
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
