/** What this transport has of its own. What it has in common with the others is in transports.test.ts and sockets/. */
import { HttpBody, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Redacted,
  Scope,
  Stream,
  TestClock,
  TestServices
} from "effect"
import { BillwerkClient, BillwerkConfig } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import * as Net from "node:net"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { isNotSent, systemCode } from "../src/internal/transport.js"
import { answer, chunk, eventually, head, serve, serveTls } from "./servers.js"
import * as Leaks from "./sockets/Leaks.js"
import { requestOf } from "./support.js"
import { selfSigned } from "./testCertificates.js"

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

/** A port on which every connection is met in one way, before anything has come. */
const meet = (connected: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          socket.on("error", () => socket.destroy())
          connected(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => {
      const address = server.address()
      return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
    }
  )

/** A name server that does not know a name the first time that it is asked. */
const lost = (): Net.LookupFunction => {
  let asked = 0
  return (hostname, { all }, callback) => {
    if (asked++ === 0) {
      return callback(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND", syscall: "getaddrinfo", hostname }), "")
    }
    return all === true ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4)
  }
}

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
      const server = yield* serve((socket) => sockets.add(socket))
      const six = (http: HttpClient.HttpClient) =>
        Effect.fork(
          Effect.forEach(Array.from({ length: 6 }), () => text(http, post(server.url)), { concurrency: "unbounded" })
        )
      const unbounded = yield* six(yield* UndiciTransport.make())
      assert.isTrue(yield* eventually(() => sockets.size === 6))
      yield* Fiber.interrupt(unbounded)
      assert.isTrue(yield* eventually(() => server.busy() === 0))

      sockets.clear()
      const before = server.connections()
      const bounded = yield* six(yield* UndiciTransport.make({ connections: 2 }))
      for (let answered = 0; answered < 6; answered += 2) {
        assert.isTrue(yield* eventually(() => server.received.length === 6 + answered + 2))
        yield* pause
        assert.deepStrictEqual([server.received.length, server.connections() - before], [6 + answered + 2, 2])
        for (const socket of sockets) socket.write(answer(200, "{}"))
      }
      assert.lengthOf(yield* Fiber.join(bounded), 6)
    })
  )

  it.scopedLive("has no more than it was told after one could not be made", () =>
    Effect.gen(function* () {
      const sockets = new Set<Net.Socket>()
      const server = yield* serve((socket) => sockets.add(socket))
      const http = yield* UndiciTransport.make({ connections: 1, connect: { lookup: lost() } })
      const url = `http://provider.test:${server.port}`
      const refused = yield* Effect.fork(failure(http, post(url)))
      const others = yield* Effect.fork(Effect.all([text(http, post(url)), text(http, post(url))], { concurrency: 2 }))
      assert.isTrue((yield* Fiber.join(refused)).notSent)
      assert.isTrue(yield* eventually(() => server.received.length === 1))
      yield* Effect.fork(text(http, post(url)))
      yield* pause
      assert.deepStrictEqual([server.received.length, server.connections()], [1, 1])
      for (const socket of sockets) socket.write(answer(200, "{}"))
      assert.isTrue(yield* eventually(() => server.received.length === 2))
      for (const socket of sockets) socket.write(answer(200, "{}"))
      yield* Fiber.join(others)
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
      yield* pause
      yield* Fiber.interrupt(waiting)
      sockets[0]?.write(answer(200, "1"))
      assert.strictEqual(yield* Fiber.join(first), "1")
      const third = yield* Effect.fork(text(http, post(server.url)))
      assert.isTrue(yield* eventually(() => server.received.length === 2))
      sockets[0]?.write(answer(200, "3"))
      assert.strictEqual(yield* Fiber.join(third), "3")
      assert.deepStrictEqual([server.received.length, server.connections()], [2, 1])
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
          const server = yield* serve((socket, { body }) =>
            body === "" ? undefined : socket.write(answer(200, "{}"))
          )
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
        const http = yield* Scope.extend(
          UndiciTransport.make({ connections: 1, connect: { lookup: lost() } }),
          scope
        )
        const url = `http://provider.test:${server.port}`
        const refused = yield* Effect.fork(failure(http, post(url)))
        const waiting = yield* Effect.fork(failure(http, post(url)))
        assert.isTrue((yield* Fiber.join(refused)).notSent)
        assert.isTrue(yield* eventually(() => server.received.length === 1))
        yield* Scope.close(scope, Exit.void)
        assert.isFalse((yield* Fiber.join(waiting)).notSent)
        assert.isTrue(yield* eventually(() => server.open() === 0))
      })
    )
  )
})
