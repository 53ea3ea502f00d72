import { HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, TestClock, TestServices } from "effect"
import { BillwerkClient } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { answer, eventually, head, meet, serve, serveTls } from "../servers.js"
import { requestOf } from "../support.js"
import { selfSigned } from "../testCertificates.js"
import { pause, post, text, failure } from "./fixture.js"

const freePort = Effect.scoped(
  Effect.map(
    serve(() => {}),
    ({ port }) => port
  )
)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "5 seconds")

describe("UndiciTransport knows whether a request was handed to a connection:", () => {
  const of = (url: string, options?: UndiciTransport.Options) =>
    Effect.flatMap(UndiciTransport.make(options), (http) => timed(failure(http, post(url))))
  const notSent = (code: string | undefined) => ({ reason: "Transport", notSent: true, code })
  const unknown = (code: string | undefined) => ({ reason: "Transport", notSent: false, code })

  it.scopedLive("not when it is refused (2)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* of(`http://127.0.0.1:${yield* freePort}`), notSent("ECONNREFUSED"))
    })
  )

  it.scopedLive("not when nobody has the name (1)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* of(`https://${"x".repeat(64)}.invalid`), notSent("ENOTFOUND"))
    })
  )

  it.scopedLive("not when the certificate is not trusted (5)", () =>
    Effect.gen(function* () {
      const server = yield* serveTls({ cert: selfSigned }, () => {})
      assert.deepStrictEqual(yield* of(server.url), notSent("DEPTH_ZERO_SELF_SIGNED_CERT"))
      assert.strictEqual(server.bytes(), 0)
    })
  )

  it.scopedLive("not when the connection is reset, ends or speaks something else before TLS is agreed on", () =>
    Effect.gen(function* () {
      const reset = yield* meet((socket) => socket.once("data", () => socket.resetAndDestroy()))
      assert.deepStrictEqual(yield* of(`https://${reset}`), notSent("ECONNRESET"))
      const ended = yield* meet((socket) => socket.end())
      assert.deepStrictEqual(yield* of(`https://${ended}`), notSent("ECONNRESET"))
      const plain = yield* meet((socket) => socket.end(answer(200, "{}")))
      const { notSent: isNotSent, reason } = yield* of(`https://${plain}`)
      assert.deepStrictEqual([reason, isNotSent], ["Transport", true])
    })
  )

  it.scopedLive("not when no connection is made in time (4)", () =>
    Effect.gen(function* () {
      const silent = yield* meet(() => {})
      const [took, failed] = yield* Effect.timed(of(`https://${silent}`, { connectTimeout: "200 millis" }))
      assert.deepStrictEqual(failed, notSent("UND_ERR_CONNECT_TIMEOUT"))
      assert.isAtMost(Duration.toMillis(took), 3_000)
    })
  )

  it.scopedLive("not when undici will not have it", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => {})
      const http = yield* UndiciTransport.make()
      const odd = HttpClientRequest.setHeader(post(server.url), "x-odd", "a\r\nb")
      assert.deepStrictEqual(yield* failure(http, odd), notSent("UND_ERR_INVALID_ARG"))
      assert.strictEqual(server.connections(), 0)
    })
  )

  it.scopedLive("not when there is no such URL, or no way to send the body", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => {})
      const http = yield* UndiciTransport.make()
      const reasonOf = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.map(Effect.flip(http.execute(request)), (error) => error.reason)
      assert.strictEqual(yield* reasonOf(HttpClientRequest.get("no url")), "InvalidUrl")
      assert.strictEqual(yield* reasonOf(HttpClientRequest.get("ftp://127.0.0.1/")), "InvalidUrl")
      const form = HttpClientRequest.bodyFormDataRecord(post(server.url), { a: "b" })
      assert.strictEqual(yield* reasonOf(form), "Encode")
      assert.strictEqual(server.connections(), 0)
    })
  )

  it.scopedLive("to another one, when the one that was kept was closed while it was idle (13)", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => {
        socket.write(answer(200, "{}"))
        // @effect-diagnostics-next-line globalTimers:off
        setTimeout(() => (server.received.length === 1 ? socket.end() : socket.resetAndDestroy()), 10)
      })
      const http = yield* UndiciTransport.make()
      for (let turn = 1; turn <= 3; turn++) {
        assert.strictEqual(yield* text(http, post(server.url)), "{}")
        assert.isTrue(yield* eventually(() => server.busy() === 0))
      }
      assert.deepStrictEqual([server.received.length, server.connections()], [3, 3])
    })
  )

  it.scopedLive("perhaps, when the one that was kept is closed as it is handed over (13)", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, _, ordinal) =>
        ordinal === 1 ? socket.write(answer(200, "{}")) : socket.end()
      )
      const http = yield* UndiciTransport.make()
      yield* text(http, post(server.url))
      yield* pause
      assert.deepStrictEqual(yield* failure(http, post(server.url)), unknown("UND_ERR_SOCKET"))
      assert.deepStrictEqual([server.received.length, server.connections()], [2, 1])
    })
  )

  it.scopedLive("perhaps, when it is reset after it has come (12)", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.resetAndDestroy())
      assert.deepStrictEqual(yield* of(server.url), unknown("ECONNRESET"))
    })
  )

  it.scopedLive("of many that are reset somewhere, never says that one was not of which a byte came (11, 12)", () =>
    Effect.gen(function* () {
      let bytes = 0
      const resets = yield* meet((socket) => {
        socket.on("data", (data) => (bytes += data.length))
        setImmediate(() => socket.resetAndDestroy())
      })
      for (let turn = 0; turn < 40; turn++) {
        bytes = 0
        const { notSent } = yield* of(`http://${resets}`)
        yield* Effect.sleep("2 millis")
        assert.isFalse(notSent && bytes > 0)
      }
    })
  )
})

describe("UndiciTransport, through BillwerkClient,", () => {
  it.scoped("ends at a deadline of the test's clock, and closes the connection", () =>
    Effect.gen(function* () {
      const live = <A, E, R>(effect: Effect.Effect<A, E, R>) => TestServices.provideLive(effect)
      let isCutOff = false
      const server = yield* serve((socket) => (isCutOff ? socket.write(head(502, { "content-length": "9" })) : false))
      const client = yield* BillwerkClient.make({ apiKey: Redacted.make("priv_1"), baseUrl: server.url })
      for (isCutOff of [false, true]) {
        const received = server.received.length
        const fiber = yield* Effect.fork(client.create(requestOf()))
        assert.isTrue(yield* live(eventually(() => server.received.length === received + 1)))
        yield* live(pause)
        yield* TestClock.adjust("89999 millis")
        yield* live(pause)
        assert.deepStrictEqual([server.busy(), (yield* Fiber.poll(fiber))._tag], [1, "None"])
        yield* TestClock.adjust("1 millis")
        const reply = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          reply._tag === "Response" ? [reply.status, reply.body] : reply,
          isCutOff
            ? [502, { _tag: "CutOff", reason: "Deadline" }]
            : { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
        )
        assert.isTrue(yield* live(eventually(() => server.busy() === 0)))
      }
    }).pipe(Effect.provide(UndiciTransport.layer))
  )

  it.scopedLive("is sure that nothing was sent where a handshake breaks off", () =>
    Effect.gen(function* () {
      const reset = yield* meet((socket) => socket.once("data", () => socket.resetAndDestroy()))
      const client = yield* BillwerkClient.make({ apiKey: Redacted.make("priv_1"), baseUrl: `https://${reset}` })
      assert.deepStrictEqual(yield* client.create(requestOf()), {
        _tag: "NoResponse",
        reason: "Transport",
        sent: "NotSent",
        systemCode: "ECONNRESET"
      })
    }).pipe(Effect.provide(UndiciTransport.layer))
  )
})
