/** What this transport has of its own. What it has in common with the others is in transports.test.ts and sockets/. */
import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Duration,
  Effect,
  Exit,
  Fiber,
  identity,
  Layer,
  Redacted,
  Scope,
  Stream,
  TestClock,
  TestServices
} from "effect"
import { BillwerkClient, BillwerkConfig, type Reply } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import * as Net from "node:net"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Agent, type Dispatcher, Pool } from "undici"
import { isNotSent, systemCode } from "../../src/provider/connectionError.js"
import { Acting, controller } from "./dispatchers.js"
import { answer, chunk, eventually, head, meet, serve, type Server, serveTls } from "../servers.js"
import * as Leaks from "../proof/sockets/Leaks.js"
import { anotherProcess, requestOf } from "../support.js"
import { selfSigned } from "../testCertificates.js"

const chunked = { "transfer-encoding": "chunked" }
const lastChunk = Buffer.from("0\r\n\r\n")

/** Until a connection that has answered may be used again. */
const pause = Effect.sleep("20 millis")

const post = (url: string) =>
  HttpClientRequest.post(`${url}/v1/payout`, {
    headers: { authorization: "Basic c2VjcmV0LWtleQ==" },
    body: HttpBody.text("secret-body")
  })

const text = (http: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(http.execute(request), (response) => response.text)

/** What there is to know of a request that was not answered. */
const failure = (http: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.map(Effect.flip(http.execute(request)), (error) => {
    assert(error._tag === "RequestError")
    return { reason: error.reason, notSent: isNotSent(error.cause), code: systemCode(error.cause) }
  })

/** A name server that does not know a name the first time that it is asked. */
const lost = (): Net.LookupFunction => {
  let asked = 0
  return (hostname, { all }, callback) => {
    if (asked++ === 0) {
      return callback(
        Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND", syscall: "getaddrinfo", hostname }),
        ""
      )
    }
    return all === true ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4)
  }
}

const clientOver = (
  http: HttpClient.HttpClient,
  { url }: Pick<Server, "url">,
  createDeadline: Duration.DurationInput = "1 minute"
) =>
  BillwerkClient.make({
    apiKey: Redacted.make("priv_12051dfac75143fc827cf63a87f46df3"),
    baseUrl: url,
    createDeadline
  }).pipe(Effect.provideService(HttpClient.HttpClient, http))

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length

const freePort = Effect.scoped(
  Effect.map(
    serve(() => {}),
    ({ port }) => port
  )
)

describe("UndiciTransport, on its connections,", () => {
  it.scopedLive("uses one again and again", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.write(answer(200, "{}")))
      const http = yield* UndiciTransport.make()
      for (let turn = 0; turn < 5; turn++) {
        assert.strictEqual(yield* text(http, post(server.url)), "{}")
        yield* pause
      }
      assert.deepStrictEqual([server.received.length, server.connections()], [5, 1])
    })
  )

  it.scopedLive("lets go of one that was idle for long enough", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.write(answer(200, "{}")))
      const http = yield* UndiciTransport.make({ keepAliveTimeout: "50 millis" })
      yield* text(http, post(server.url))
      assert.isTrue(yield* eventually(() => server.open() === 0))
    })
  )

  it.scopedLive("has as many as there are requests, unless it is told how many", () =>
    Effect.gen(function* () {
      const sockets = new Set<Net.Socket>()
      const six = (http: HttpClient.HttpClient, { url }: Server) =>
        Effect.fork(
          Effect.all(
            Array.from({ length: 6 }, () => text(http, post(url))),
            { concurrency: "unbounded" }
          )
        )
      const server = yield* serve(() => {})
      yield* six(yield* UndiciTransport.make(), server)
      assert.isTrue(yield* eventually(() => server.received.length === 6))
      assert.strictEqual(server.connections(), 6)

      const limited = yield* serve((socket) => sockets.add(socket))
      const fiber = yield* six(yield* UndiciTransport.make({ connections: 2 }), limited)
      for (const received of [2, 4, 6]) {
        assert.isTrue(yield* eventually(() => limited.received.length === received))
        yield* pause
        assert.deepStrictEqual([limited.received.length, limited.connections()], [received, 2])
        for (const socket of sockets) socket.write(answer(200, "{}"))
      }
      assert.lengthOf(yield* Fiber.join(fiber), 6)
    })
  )

  it.scopedLive("has one, if it was told so, even after that one could not be made", () =>
    Effect.gen(function* () {
      const sockets = new Set<Net.Socket>()
      const server = yield* serve((socket) => sockets.add(socket))
      const http = yield* UndiciTransport.make({ connections: 1, connect: { lookup: lost() } })
      const request = post(`http://provider.test:${server.port}`)
      const refused = yield* Effect.all([failure(http, request), failure(http, request)], { concurrency: "unbounded" })
      for (const one of refused) assert.deepStrictEqual(one, { reason: "Transport", notSent: true, code: "ENOTFOUND" })
      const fiber = yield* Effect.fork(Effect.all([text(http, request), text(http, request)], { concurrency: 2 }))
      for (const received of [1, 2]) {
        assert.isTrue(yield* eventually(() => server.received.length === received))
        yield* pause
        assert.deepStrictEqual([server.received.length, server.connections()], [received, 1])
        for (const socket of sockets) socket.write(answer(200, "{}"))
      }
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["{}", "{}"])
    })
  )

  it.scopedLive("sends nothing behind a request that is not answered, but lookups if it is told so", () =>
    Effect.gen(function* () {
      const sockets: Array<Net.Socket> = []
      const server = yield* serve((socket, _, ordinal) => {
        sockets.push(socket)
        // The first has its head, and its body is on its way. What is behind it may be sent, if anything may.
        if (ordinal % 2 === 1) socket.write(head(200, { "content-length": "4" }))
      })
      const counts = [] as Array<number>
      for (const [pipelining, second] of [
        [1, HttpClientRequest.get(server.url)],
        [2, post(server.url)],
        [2, HttpClientRequest.get(server.url)]
      ] as const) {
        const before = server.received.length
        const http = yield* UndiciTransport.make({ connections: 1, pipelining })
        const first = yield* Effect.fork(text(http, post(server.url)))
        assert.isTrue(yield* eventually(() => server.received.length === before + 1))
        const behind = yield* Effect.fork(text(http, second))
        yield* pause
        yield* pause
        counts.push(server.received.length - before)
        sockets.at(-1)?.write("done")
        assert.strictEqual(yield* Fiber.join(first), "done")
        assert.isTrue(yield* eventually(() => server.received.length === before + 2))
        sockets.at(-1)?.write(answer(200, "behind"))
        assert.strictEqual(yield* Fiber.join(behind), "behind")
      }
      assert.deepStrictEqual(counts, [1, 1, 2])
    })
  )

  it.scopedLive("does not send again by itself what was behind a request whose connection broke", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, _, ordinal) => {
        if (ordinal === 1) socket.write(head(200, { "content-length": "4" }))
        else socket.resetAndDestroy()
      })
      const http = yield* UndiciTransport.make({ connections: 1, pipelining: 2 })
      const first = yield* Effect.fork(Effect.exit(text(http, post(server.url))))
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      const behind = yield* failure(http, HttpClientRequest.get(server.url))
      assert.deepStrictEqual([behind.reason, behind.notSent], ["Transport", false])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(first)))
      yield* pause
      assert.strictEqual(server.received.length, 2)
    })
  )

  it.scopedLive("never sends what was interrupted while it waited for one", () =>
    Effect.gen(function* () {
      const sockets: Array<Net.Socket> = []
      const server = yield* serve((socket) => sockets.push(socket))
      const http = yield* UndiciTransport.make({ connections: 1 })
      const first = yield* Effect.fork(text(http, post(server.url)))
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      const waiting = yield* Effect.fork(text(http, post(server.url)))
      const last = yield* Effect.fork(text(http, HttpClientRequest.get(server.url)))
      yield* pause
      yield* Fiber.interrupt(waiting)
      sockets[0]?.write(answer(200, "first"))
      assert.strictEqual(yield* Fiber.join(first), "first")
      assert.isTrue(yield* eventually(() => server.received.length === 2))
      sockets[1]?.write(answer(200, "last"))
      assert.strictEqual(yield* Fiber.join(last), "last")
      assert.deepStrictEqual(
        server.received.map(({ line }) => line.split(" ")[0]),
        ["POST", "GET"]
      )
    })
  )

  it.scopedLive("knows that what waited for one until its deadline was not sent, and never will be", () =>
    Effect.gen(function* () {
      const sockets: Array<Net.Socket> = []
      const server = yield* serve((socket) => sockets.push(socket))
      const http = yield* UndiciTransport.make({ connections: 1 })
      const client = yield* clientOver(http, server, "300 millis")
      const late = (sent: "NotSent" | "Unknown") => ({ _tag: "NoResponse", reason: "Deadline", sent }) as const
      const first = yield* Effect.fork(text(http, post(server.url)))
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      assert.deepStrictEqual<Reply.Reply>(yield* client.create(requestOf()), late("NotSent"))
      sockets[0]?.write(answer(200, "{}"))
      yield* Fiber.join(first)
      yield* pause
      assert.strictEqual(server.received.length, 1)
      // Nobody was in the way of this one.
      assert.deepStrictEqual<Reply.Reply>(yield* client.create(requestOf()), late("Unknown"))
      assert.strictEqual(server.received.length, 2)
    })
  )

  const silent = HttpClient.make(() => Effect.never)
  const derived: ReadonlyArray<{
    readonly name: string
    readonly derive: (http: HttpClient.HttpClient) => HttpClient.HttpClient
    readonly sent: "NotSent" | "Unknown"
  }> = [
    { name: "changes requests", derive: HttpClient.mapRequest(identity), sent: "NotSent" },
    { name: "cannot be interrupted", derive: HttpClient.transform(Effect.uninterruptible), sent: "NotSent" },
    {
      name: "sends from another fiber",
      derive: HttpClient.transform((executed) => Effect.flatMap(Effect.forkDaemon(executed), Fiber.join)),
      sent: "NotSent"
    },
    { name: "changes the body", derive: HttpClient.mapRequest(HttpClientRequest.bodyText("another")), sent: "Unknown" },
    {
      name: "sends elsewhere, beside a request of its own",
      derive: (http) => HttpClient.tapRequest(silent, ({ url }) => Effect.forkDaemon(http.execute(post(url)))),
      sent: "Unknown"
    },
    {
      name: "gives up waiting, and may send elsewhere",
      derive: HttpClient.transform((executed) =>
        Effect.orElse(Effect.timeout(executed, "20 millis"), () => Effect.never)
      ),
      sent: "Unknown"
    }
  ]
  for (const { derive, name, sent } of derived) {
    it.scopedLive(`says ${sent} at the deadline of a client that ${name}, and sends nothing afterwards`, () =>
      Effect.gen(function* () {
        const sockets: Array<Net.Socket> = []
        const server = yield* serve((socket) => sockets.push(socket))
        const http = yield* UndiciTransport.make({ connections: 1 })
        const client = yield* clientOver(derive(http), server, "200 millis")
        const first = yield* Effect.fork(text(http, HttpClientRequest.get(server.url)))
        assert.isTrue(yield* eventually(() => server.received.length === 1))
        const reply = yield* client.create(requestOf())
        assert.deepStrictEqual<Reply.Reply>(reply, { _tag: "NoResponse", reason: "Deadline", sent })
        sockets[0]?.write(answer(200, "{}"))
        yield* Fiber.join(first)
        yield* pause
        assert.isTrue(server.received.every(({ body }) => !body.includes(requestOf().handle)))
      })
    )
  }

  it.scopedLive("does not believe a refused connection if a connection got the request before", () =>
    Effect.gen(function* () {
      let dispatched = 0
      const http = yield* UndiciTransport.make({
        dispatcher: new Acting((handler) => {
          const isFirst = dispatched++ === 0
          if (isFirst) handler.onRequestStart?.(controller, {})
          const why = isFirst ? { code: "ECONNRESET", syscall: "read" } : { code: "ECONNREFUSED", syscall: "connect" }
          handler.onResponseError?.(controller, Object.assign(new Error("no"), why))
        })
      })
      const client = yield* clientOver(HttpClient.retry(http, { times: 1 }), { url: "http://127.0.0.1:1" })
      assert.deepStrictEqual<Reply.Reply>(yield* client.create(requestOf()), {
        _tag: "NoResponse",
        reason: "Transport",
        sent: "Unknown",
        systemCode: "ECONNREFUSED"
      })
      assert.strictEqual(dispatched, 2)
    })
  )

  const failing =
    (why: { readonly code: string; readonly syscall: string }) =>
    (handler: Dispatcher.DispatchHandler): void =>
      handler.onResponseError?.(controller, Object.assign(new Error("no"), why))

  for (const { act, name, reply } of [
    {
      name: "which says nothing of a request that it sent",
      act: () => {},
      reply: { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
    },
    {
      name: "which fails after it has sent, and says nothing else",
      act: failing({ code: "ECONNRESET", syscall: "read" }),
      reply: { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode: "ECONNRESET" }
    },
    {
      name: "which is refused",
      act: failing({ code: "ECONNREFUSED", syscall: "connect" }),
      reply: { _tag: "NoResponse", reason: "Transport", sent: "NotSent", systemCode: "ECONNREFUSED" }
    },
    {
      name: "which throws",
      act: () => {
        throw Object.assign(new Error("secret-body"), { code: "UND_ERR_INVALID_ARG" })
      },
      reply: { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode: "UND_ERR_INVALID_ARG" }
    },
    {
      name: "which writes names in capitals",
      act: (handler) => {
        handler.onResponseStart?.(controller, 429, {
          "Retry-After": "7",
          "Request-Id": "f1988fc2374b4a26a51ebd876b478428"
        })
        handler.onResponseData?.(controller, Buffer.from('{"code":122}'))
        handler.onResponseEnd?.(controller, {})
      },
      reply: {
        _tag: "Response",
        status: 429,
        requestId: "f1988fc2374b4a26a51ebd876b478428",
        retryAfter: Duration.seconds(7),
        date: undefined,
        isCached: false,
        body: {
          _tag: "ApiError",
          code: 122,
          error: undefined,
          message: undefined,
          transactionError: undefined,
          path: undefined
        }
      }
    }
  ] satisfies ReadonlyArray<{ name: string; act: (handler: Dispatcher.DispatchHandler) => void; reply: Reply.Reply }>) {
    it.live(`says of a dispatcher of somebody else's, ${name}, no more than is known`, () =>
      Effect.gen(function* () {
        const http = yield* UndiciTransport.make({ dispatcher: new Acting(act) })
        const before = timers()
        const client = yield* clientOver(http, { url: "http://127.0.0.1:1" }, "50 millis")
        assert.deepStrictEqual<Reply.Reply>(yield* client.create(requestOf()), reply)
        assert.strictEqual(timers(), before)
        const wrapped = yield* clientOver(
          HttpClient.mapRequest(http, identity),
          { url: "http://127.0.0.1:1" },
          "50 millis"
        )
        assert.deepStrictEqual<Reply.Reply>(yield* wrapped.create(requestOf()), reply)
      }).pipe(Effect.scoped)
    )
  }

  it.scopedLive("keeps the answer, and the deadline, of what cannot be interrupted", () =>
    Effect.gen(function* () {
      const sockets: Array<Net.Socket> = []
      const server = yield* serve((socket) => sockets.push(socket))
      const client = yield* clientOver(yield* UndiciTransport.make(), server, "200 millis")
      const told: Array<Reply.Reply> = []
      const sending = Effect.uninterruptible(
        Effect.tap(client.create(requestOf()), (reply) => Effect.sync(() => told.push(reply)))
      )
      for (const [index, isAnswered] of [true, false].entries()) {
        const fiber = yield* Effect.fork(sending)
        assert.isTrue(yield* eventually(() => server.received.length === index + 1))
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* pause
        if (isAnswered) sockets[index]?.write(answer(200, '{"handle":"prize-2026-0042","state":"paid","amount":12500}'))
        yield* Fiber.join(interrupting)
      }
      assert.deepStrictEqual(
        told.map((reply) => (reply._tag === "Response" ? reply.body._tag : [reply.reason, reply.sent])),
        ["PayoutBody", ["Deadline", "Unknown"]]
      )
      assert.isTrue(yield* eventually(() => sockets[1]?.destroyed === true))
    })
  )

  it.scopedLive("is asked first, when a create that it sent was interrupted", () =>
    Effect.gen(function* () {
      const body = '{"handle":"prize-2026-0042","state":"paid","amount":12500,"currency":"DKK"}'
      const server = yield* serve((socket, { line }) =>
        line.startsWith("GET") ? socket.write(answer(200, body)) : undefined
      )
      const client = yield* clientOver(yield* UndiciTransport.make(), server)
      const payouts = yield* Effect.provideService(anotherProcess(), BillwerkClient.BillwerkClient, client)
      const fiber = yield* Effect.fork(payouts.create(requestOf()))
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      yield* Fiber.interrupt(fiber)
      const outcome = yield* payouts.create(requestOf())
      assert.deepStrictEqual(
        [outcome._tag, outcome.certainty, outcome.exposure],
        ["Paid", "Moved", { min: 12_500, max: 12_500 }]
      )
      assert.deepStrictEqual(
        server.received.map(({ line }) => line.split(" ")[0]),
        ["POST", "GET"]
      )
    })
  )

  it.scopedLive("leaves no timer for what was interrupted while it waited for one", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => {})
      const http = yield* UndiciTransport.make({ connections: 1 })
      const client = yield* clientOver(http, server)
      yield* Effect.fork(text(http, post(server.url)))
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      const before = timers()
      const waiting = yield* Effect.fork(client.create(requestOf()))
      yield* Effect.yieldNow()
      assert.strictEqual(timers(), before + 1)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(timers(), before)
    })
  )

  it.scopedLive("has none of its own where it is given a dispatcher, which it does not close", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.write(answer(200, "{}")))
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Agent()),
        (agent) => Effect.promise(() => agent.destroy())
      )
      for (let turn = 0; turn < 2; turn++) {
        const got = yield* Effect.scoped(
          Effect.flatMap(UndiciTransport.make({ dispatcher: agent }), (http) => text(http, post(server.url)))
        )
        assert.strictEqual(got, "{}")
        yield* pause
      }
      assert.strictEqual(server.connections(), 1)
    })
  )

  it.scopedLive("closes the one of a response that was dropped before its body had come", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      const gc: () => void = runInNewContext("gc")
      const server = yield* serve((socket) => socket.write(head(200, { "content-length": "100" })))
      const http = yield* UndiciTransport.make()
      assert.strictEqual(yield* Effect.map(http.execute(post(server.url)), ({ status }) => status), 200)
      const collected = () => {
        gc()
        return server.busy() === 0
      }
      assert.isTrue(yield* eventually(collected))
    })
  )

  it.live("leaves nothing when its scope closes: no idle one, no busy one, none that is being made", () =>
    Effect.gen(function* () {
      const before = yield* Leaks.resources
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* serve((socket, { body }) => (body === "" ? undefined : socket.write(answer(200, "{}"))))
          const silent = yield* serve(() => {})
          const scope = yield* Scope.make()
          const http = yield* Scope.extend(UndiciTransport.make(), scope)
          // Idle.
          yield* text(http, post(server.url))
          // Waiting for an answer.
          const busy = yield* Effect.fork(failure(http, HttpClientRequest.get(server.url)))
          // In the middle of a handshake that never ends.
          const connecting = yield* Effect.fork(failure(http, post(silent.url.replace("http:", "https:"))))
          assert.isTrue(yield* eventually(() => server.received.length === 2 && silent.open() === 1))
          yield* Scope.close(scope, Exit.void)
          assert.isFalse((yield* Fiber.join(busy)).notSent)
          assert.isTrue((yield* Fiber.join(connecting)).notSent)
          assert.isTrue(yield* eventually(() => server.open() + silent.open() === 0), "connections are open")
          const late = yield* failure(http, post(server.url))
          assert.deepStrictEqual(late, { reason: "Transport", notSent: true, code: "UND_ERR_DESTROYED" })
        })
      )
      assert.deepStrictEqual(yield* Leaks.more(before), [])
    })
  )

  it.live("leaves nothing either when one was made after another could not be", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* serve(() => {})
        const scope = yield* Scope.make()
        const http = yield* Scope.extend(UndiciTransport.make({ connections: 2, connect: { lookup: lost() } }), scope)
        const fails = failure(http, post(`http://provider.test:${server.port}`))
        const fiber = yield* Effect.fork(Effect.all([fails, fails, fails], { concurrency: "unbounded" }))
        assert.isTrue(yield* eventually(() => server.received.length === 2))
        yield* Scope.close(scope, Exit.void)
        assert.sameMembers(
          (yield* Fiber.join(fiber)).map(({ notSent }) => notSent),
          [true, false, false]
        )
        assert.isTrue(yield* eventually(() => server.open() === 0))
      })
    )
  )
})

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

describe("UndiciTransport's response", () => {
  const get = (http: HttpClient.HttpClient, url: string) => http.execute(HttpClientRequest.get(url))

  it.scopedLive("is all that a response is", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, { line }) =>
        socket.write(
          line.includes("/form")
            ? answer(200, "a=1&a=2&b=%20", { "content-type": "application/x-www-form-urlencoded" })
            : Buffer.concat([
                Buffer.from(
                  "HTTP/1.1 201 Created\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nX-A: 1\r\nx-a: 2\r\n"
                ),
                Buffer.from('content-length: 13\r\n\r\n\ufeff{"a":"æ"}')
              ])
        )
      )
      const http = yield* UndiciTransport.make()
      const response = yield* get(http, server.url)
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers["x-a"], "1, 2")
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a", "b"])
      assert.strictEqual(response.remoteAddress._tag, "None")
      assert.strictEqual(yield* response.text, `{"a":"æ"}`)
      assert.strictEqual(yield* response.text, `{"a":"æ"}`)
      assert.deepStrictEqual(yield* response.json, { a: "æ" })
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 13)
      assert.strictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(response.stream))[0]?.byteLength, 13)
      const form = yield* get(http, `${server.url}/form`)
      assert.deepStrictEqual([...(yield* form.formData).getAll("a")], ["1", "2"])
      assert.deepStrictEqual(yield* form.urlParamsBody, [
        ["a", "1"],
        ["a", "2"],
        ["b", " "]
      ])
    })
  )

  it.scopedLive("streams what has come, waits for more, and hangs up when nobody wants it", () =>
    Effect.gen(function* () {
      const sockets: Array<Net.Socket> = []
      const server = yield* serve((socket) => {
        sockets.push(socket)
        socket.write(Buffer.concat([head(200, chunked), chunk("one")]))
      })
      const http = yield* UndiciTransport.make()
      const seen: Array<string> = []
      const reading = yield* get(http, server.url).pipe(
        HttpClientResponse.stream,
        Stream.decodeText(),
        Stream.runForEach((piece) => Effect.sync(() => seen.push(piece))),
        Effect.fork
      )
      assert.isTrue(yield* eventually(() => seen.length === 1))
      sockets[0]?.write(Buffer.concat([chunk("two"), lastChunk]))
      yield* Fiber.join(reading)
      assert.deepStrictEqual(seen, ["one", "two"])
      yield* pause
      const first = yield* get(http, server.url).pipe(HttpClientResponse.stream, Stream.take(1), Stream.runCollect)
      assert.strictEqual(Chunk.size(first), 1)
      assert.isTrue(yield* eventually(() => server.busy() === 0))
    })
  )

  it.scopedLive("has a body of 1 MiB, and hangs up on one that is longer, whether it is read or not (59)", () =>
    Effect.gen(function* () {
      const block = Buffer.alloc(64 * 1024, "x")
      let written = 0
      const server = yield* serve((socket, { line }) => {
        if (line.includes("/whole")) return socket.write(answer(200, Buffer.alloc(BillwerkConfig.bodyBytesMax, "x")))
        socket.write(head(200, chunked))
        const more = () => {
          while (!socket.destroyed && socket.write(chunk(block))) written += block.length
        }
        socket.on("drain", more)
        return more()
      })
      const http = yield* UndiciTransport.make()
      const whole = yield* get(http, `${server.url}/whole`)
      assert.strictEqual((yield* whole.arrayBuffer).byteLength, BillwerkConfig.bodyBytesMax)
      yield* pause
      const response = yield* get(http, server.url)
      assert.isTrue(yield* eventually(() => server.busy() === 0))
      const error = yield* Effect.flip(response.text)
      assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
      assert.match(error.message, /a body of more than 1048576 bytes/)
      let streamed = 0
      const cut = yield* response.stream.pipe(
        Stream.runForEach((piece) => Effect.sync(() => (streamed += piece.byteLength))),
        Effect.flip
      )
      assert.strictEqual(cut.reason, "Decode")
      assert.isAbove(streamed, BillwerkConfig.bodyBytesMax)
      assert.isAtMost(streamed, BillwerkConfig.bodyBytesMax + 64 * 1024)
      assert.isBelow(written, 16 * BillwerkConfig.bodyBytesMax)
    })
  )

  it.scopedLive("can be mapped, filtered and followed as any other", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, { line }) =>
        socket.write(line.includes("/there") ? answer(200, "there") : answer(307, "", { location: "/there?a=1" }))
      )
      const http = (yield* UndiciTransport.make()).pipe(
        HttpClient.mapRequest(HttpClientRequest.prependUrl(server.url)),
        HttpClient.withTracerPropagation(false)
      )
      assert.strictEqual((yield* http.get("/here", { urlParams: { b: "æ" }, hash: "c" })).status, 307)
      yield* pause
      assert.strictEqual((yield* Effect.flip(HttpClient.filterStatusOk(http).get("/here"))).reason, "StatusCode")
      yield* pause
      const followed = yield* HttpClient.followRedirects(http).get("/here")
      assert.deepStrictEqual([followed.status, yield* followed.text], [200, "there"])
      assert.deepStrictEqual(
        server.received.map(({ line }) => line.split(" ")[1]),
        ["/here?b=%C3%A6", "/here", "/here", "/there?a=1"]
      )
    })
  )

  it.scopedLive("comes to any body that can be sent", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.write(answer(200, "{}")))
      const http = yield* UndiciTransport.make()
      const length = (value: number) => ({ "content-length": String(value) })
      for (const body of [
        HttpBody.text("æ"),
        HttpBody.raw("æ"),
        HttpBody.raw(Buffer.from("æ")),
        HttpBody.raw(Readable.from([Buffer.from("æ")]), { contentLength: 2 }),
        HttpBody.stream(Stream.make(Buffer.from("æ")), "text/plain", 2)
      ]) {
        const headers = body.contentLength === undefined ? {} : length(body.contentLength)
        yield* text(http, HttpClientRequest.post(server.url, { body, headers }))
        yield* pause
      }
      assert.deepStrictEqual(
        server.received.map(({ body }) => body),
        ["æ", "æ", "æ", "æ", "æ"]
      )
    })
  )
})

describe("UndiciTransport's errors", () => {
  it.scopedLive("show neither the key, nor what was sent, nor what came", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, _, ordinal) => {
        if (ordinal === 1) return socket.end("secret-answer, which is not HTTP")
        if (ordinal === 2)
          return socket.end(Buffer.concat([head(200, { "content-length": "99" }), Buffer.from("secret-answer")]))
        return socket.write(answer(200, "secret-answer"))
      })
      const http = yield* UndiciTransport.make()
      const errors: Array<HttpClientError.HttpClientError> = [
        yield* Effect.flip(http.execute(post(server.url))),
        yield* Effect.flip(text(http, post(server.url))),
        yield* Effect.flip(Effect.flatMap(http.execute(post(server.url)), ({ json }) => Effect.asVoid(json))),
        yield* Effect.flip(Effect.flatMap(http.execute(post(server.url)), ({ formData }) => formData)),
        yield* Effect.flip(http.execute(HttpClientRequest.setUrl(post(server.url), "no url")))
      ]
      for (const error of errors) {
        const shown = [
          inspect(error, { depth: 20 }),
          JSON.stringify(error),
          String(error),
          error.message,
          error.stack,
          Cause.pretty(Cause.fail(error), { renderErrorCause: true })
        ].join("\n")
        assert.notMatch(shown, /secret|c2VjcmV0/, error._tag)
      }
    })
  )
})

describe("UndiciTransport, where undici is a stub as Bun's is,", () => {
  /** Bun's classes have no methods. */
  const stub = Effect.acquireRelease(
    Effect.sync(() => Object.defineProperty(Pool.prototype, "dispatch", { configurable: true, value: undefined })),
    (prototype) => Effect.sync(() => Reflect.deleteProperty(prototype, "dispatch"))
  )
  const refused = (options: UndiciTransport.Options = {}) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(UndiciTransport.layerWith(options)))
      assert(error._op === "Unsupported")
      assert.deepStrictEqual(error.path, ["UndiciTransport"])
      assert.include(error.message, "use FetchHttpClient.layer or NodeHttpClient.layer")
    })

  it.scoped("fails with a ConfigError when it is built, and not at each attempt", () =>
    Effect.zipRight(stub, refused())
  )

  it.scoped("fails so for a dispatcher of the stub's, too", () => {
    class ProxyAgent {}
    return refused({ dispatcher: Object.assign(Object.create(ProxyAgent.prototype)) })
  })
})
