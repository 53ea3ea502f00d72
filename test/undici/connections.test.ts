import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, identity, Redacted, Scope } from "effect"
import { BillwerkClient, type Reply } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import * as Net from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Agent, type Dispatcher } from "undici"
import { Acting, controller } from "./dispatchers.js"
import { answer, eventually, head, serve, type Server } from "../servers.js"
import * as Leaks from "../proof/sockets/Leaks.js"
import { anotherProcess, requestOf } from "../support.js"
import { pause, post, text, failure } from "./fixture.js"

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
        assert.isAtMost(timers(), before) // one of an earlier test may end just now
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
