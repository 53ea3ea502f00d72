/** One suite over fetch, node:http, undici and our own transport, against real sockets whose every byte is decided here. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import * as Undici from "@effect/platform-node/Undici"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ConfigError, Duration, Effect, Exit, Fiber, identity, Layer, Redacted, Runtime, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, type Reply, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import type * as Net from "node:net"
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { answer, chunk, eventually, head, type Received, serve, type Server, serveTls } from "../servers.js"
import { anotherProcess, requestOf } from "../support.js"
import { expired, selfSigned, wrongName } from "../testCertificates.js"

type Name = "fetch" | "node:http" | "undici" | "UndiciTransport" | "a client made of UndiciTransport"

interface Transport {
  readonly name: Name
  readonly layer: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
  /** With connections that are kept, which is not node:http's default. */
  readonly kept: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
}

const undiciWith = (options: Undici.Agent.Options) =>
  NodeHttpClient.layerUndiciWithoutDispatcher.pipe(
    Layer.provide(
      Layer.scoped(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.sync(() => new Undici.Agent(options)),
          (agent) => Effect.promise(() => agent.destroy())
        )
      )
    )
  )

const nodeWith = (options: Parameters<typeof NodeHttpClient.makeAgentLayer>[0]) =>
  NodeHttpClient.layerWithoutAgent.pipe(Layer.provide(NodeHttpClient.makeAgentLayer(options)))

const madeOf = (options: UndiciTransport.Options = {}) =>
  Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(identity))).pipe(
    Layer.provide(UndiciTransport.layerWith(options))
  )

const transports: ReadonlyArray<Transport> = [
  { name: "fetch", layer: FetchHttpClient.layer, kept: FetchHttpClient.layer },
  { name: "node:http", layer: NodeHttpClient.layer, kept: nodeWith({ keepAlive: true }) },
  { name: "undici", layer: NodeHttpClient.layerUndici, kept: NodeHttpClient.layerUndici },
  { name: "UndiciTransport", layer: UndiciTransport.layer, kept: UndiciTransport.layer },
  // As fetch and the others are: without what it offers to `BillwerkClient` alone.
  { name: "a client made of UndiciTransport", layer: madeOf(), kept: madeOf() }
]

const key = "priv_12051dfac75143fc827cf63a87f46df3"
const apiKey = Redacted.make(key)
const request = requestOf()
const otherRequest = requestOf({ handle: "prize-2026-0043" })

const bodyOf = ({ amount, currency, handle }: PayoutRequest.PayoutRequest) =>
  JSON.stringify({ handle, state: "paid", amount, currency })
const body = bodyOf(request)
const half = body.slice(0, body.length / 2)

const clientTo = ({ url }: Pick<Server, "url">, createDeadline: Duration.DurationInput = "10 seconds") =>
  BillwerkClient.make({ apiKey, baseUrl: url, createDeadline })

// --- answers ---

const responded = (status: number, body: Reply.Body): Reply.Reply => ({
  _tag: "Response",
  status,
  requestId: undefined,
  retryAfter: undefined,
  date: undefined,
  isCached: false,
  body
})

const paidReply = ({ amount, currency, handle } = request): Reply.Reply => {
  const none = undefined
  return responded(200, {
    _tag: "PayoutBody",
    payout: {
      handle,
      state: "paid",
      amount,
      currency,
      customer: none,
      created: none,
      paid: none,
      failed: none,
      transactions: []
    }
  })
}

const unreadable = (status: number, why: string): Reply.Reply => responded(status, { _tag: "Unreadable", why })
const cutOff = (status: number, reason: "Deadline" | "Transport"): Reply.Reply =>
  responded(status, { _tag: "CutOff", reason })
const lost = (systemCode: string | undefined): Reply.Reply => ({
  _tag: "NoResponse",
  reason: "Transport",
  sent: "Unknown",
  systemCode
})
const notSent = (systemCode: string): Reply.Reply => ({
  ...lost(systemCode),
  _tag: "NoResponse",
  reason: "Transport",
  sent: "NotSent"
})
const deadline: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
const undiciOr = (other: string | undefined, undici: string | undefined) => (name: Name) =>
  lost(name === "node:http" ? other : undici)

interface Case {
  readonly title: string
  readonly act: (socket: Net.Socket) => void
  readonly reply: Reply.Reply | ((name: Name) => Reply.Reply)
}

const declared = (length: number) => ({ "content-length": String(length) })
const chunked = { "transfer-encoding": "chunked" }

/** What a server can do to one exchange, and what is left of it. */
const cases: ReadonlyArray<Case> = [
  {
    title: "reads an answer of a declared length",
    act: (socket) => socket.write(answer(200, body)),
    reply: paidReply()
  },
  {
    title: "reads an answer that comes in chunks and in pieces",
    act: (socket) => {
      const bytes = Buffer.concat([
        head(200, chunked),
        chunk(half),
        chunk(body.slice(half.length)),
        Buffer.from("0\r\n\r\n")
      ])
      for (const byte of bytes) socket.write(Buffer.of(byte))
    },
    reply: paidReply()
  },
  {
    title: "reads an answer that ends with its connection",
    act: (socket) => socket.end(Buffer.concat([head(200), Buffer.from(body)])),
    reply: paidReply()
  },
  {
    title: "reads JSON whatever it is called (58)",
    act: (socket) => socket.write(answer(200, body, { "content-type": "text/html; charset=iso-8859-1" })),
    reply: paidReply()
  },
  {
    title: "stays unclear when the connection is reset while it waits (12)",
    act: (socket) => socket.resetAndDestroy(),
    reply: lost("ECONNRESET")
  },
  {
    title: "stays unclear when the connection ends without an answer (12)",
    act: (socket) => socket.end(),
    reply: undiciOr("ECONNRESET", "UND_ERR_SOCKET")
  },
  {
    title: "stays unclear when the connection ends within the head (12)",
    act: (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-le"),
    reply: undiciOr("ECONNRESET", "UND_ERR_SOCKET")
  },
  {
    title: "stays unclear when the body is cut off (18)",
    act: (socket) => socket.end(Buffer.concat([head(200, declared(body.length)), Buffer.from(half)])),
    reply: cutOff(200, "Transport")
  },
  {
    title: "stays unclear when the body is reset (18)",
    act: (socket) => {
      socket.write(Buffer.concat([head(200, declared(body.length)), Buffer.from(half)]))
      // A reset overtakes what was written just before it. @effect-diagnostics-next-line globalTimers:off
      setTimeout(() => socket.resetAndDestroy(), 30)
    },
    reply: cutOff(200, "Transport")
  },
  {
    title: "stays unclear when a whole payout is cut off before its last chunk (19)",
    act: (socket) => socket.end(Buffer.concat([head(200, chunked), chunk(body)])),
    reply: cutOff(200, "Transport")
  },
  {
    title: "stays unclear when half of the JSON looks whole (20)",
    act: (socket) => socket.end(Buffer.concat([head(200), Buffer.from(half)])),
    reply: unreadable(200, "a body that is not JSON")
  },
  {
    title: "stays unclear when the body is empty (21)",
    act: (socket) => socket.write(answer(200, "")),
    reply: unreadable(200, "an empty body")
  },
  {
    title: "stays unclear when the body is blank (21)",
    act: (socket) => socket.write(answer(200, " \r\n\t")),
    reply: unreadable(200, "an empty body")
  },
  {
    title: "stays unclear when the body is not there at all (21)",
    act: (socket) => socket.end(head(200)),
    reply: unreadable(200, "an empty body")
  },
  {
    title: "stays unclear at 204 (33)",
    act: (socket) => socket.write("HTTP/1.1 204 No Content\r\n\r\n"),
    reply: unreadable(204, "an empty body")
  },
  {
    title: "stays unclear at 304 (37)",
    act: (socket) => socket.write("HTTP/1.1 304 Not Modified\r\n\r\n"),
    reply: unreadable(304, "an empty body")
  },
  {
    title: "knows a 502 although its page is cut off (28)",
    act: (socket) => socket.end(Buffer.concat([head(502, declared(100)), Buffer.from("<html>")])),
    reply: cutOff(502, "Transport")
  },
  {
    title: "is right or unclear after a 100 that nobody asked for (22)",
    act: (socket) => socket.write(Buffer.concat([Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"), answer(200, body)])),
    reply: (name) => (name === "node:http" ? paidReply() : lost("UND_ERR_SOCKET"))
  },
  {
    title: "is right after a 103 (22)",
    act: (socket) =>
      socket.write(Buffer.concat([Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), answer(200, body)])),
    reply: paidReply()
  },
  {
    title: "stays unclear after a 101 that nobody asked for (22)",
    act: (socket) => {
      const upgrade = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
      socket.end(Buffer.concat([Buffer.from(upgrade), answer(200, body)]))
    },
    reply: (name) => (name === "node:http" ? unreadable(101, "an empty body") : lost("UND_ERR_SOCKET"))
  },
  {
    title: "stays unclear when the answer is not HTTP",
    act: (socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"),
    reply: undiciOr("HPE_INVALID_CONSTANT", undefined)
  },
  {
    title: "does not take a body that is declared in two ways",
    act: (socket) =>
      socket.end(Buffer.concat([head(200, { ...chunked, ...declared(10) }), chunk(body), Buffer.from("0\r\n\r\n")])),
    reply: undiciOr("HPE_INVALID_CONTENT_LENGTH", undefined)
  },
  {
    title: "does not take a body of a negative length",
    act: (socket) => socket.end(Buffer.concat([head(200, declared(-1)), Buffer.from(body)])),
    reply: undiciOr("HPE_INVALID_CONTENT_LENGTH", undefined)
  },
  {
    title: "does not take a head of a megabyte (59)",
    act: (socket) => socket.end(head(200, { "x-long": "x".repeat(1_000_000) })),
    reply: undiciOr("HPE_HEADER_OVERFLOW", "UND_ERR_HEADERS_OVERFLOW")
  },
  {
    title: "does not take an error page for a payout (56)",
    act: (socket) => socket.write(answer(200, "<html>Welcome</html>", { "content-type": "text/html" })),
    reply: unreadable(200, "a body that is not JSON")
  }
]

/** What leaves an exchange waiting until its deadline. */
const stalls: ReadonlyArray<Case> = [
  { title: "nothing comes (15)", act: () => {}, reply: deadline },
  { title: "half a head comes (15)", act: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-le"), reply: deadline },
  {
    title: "half a body comes (16)",
    act: (socket) => socket.write(Buffer.concat([head(200, declared(body.length)), Buffer.from(half)])),
    reply: cutOff(200, "Deadline")
  },
  {
    title: "half a body comes, in chunks (16)",
    act: (socket) => socket.write(Buffer.concat([head(200, chunked), chunk(half)])),
    reply: cutOff(200, "Deadline")
  },
  {
    title: "the head of a 502 comes (16)",
    act: (socket) => socket.write(head(502, declared(100))),
    reply: cutOff(502, "Deadline")
  },
  {
    title: "the body comes one byte at a time (17)",
    act: (socket) => drip(socket, Buffer.from(body), head(200, declared(body.length))),
    reply: cutOff(200, "Deadline")
  },
  { title: "the head comes one byte at a time (17)", act: (socket) => drip(socket, answer(200, body)), reply: deadline }
]

/** A byte every 20 ms, after what comes at once. */
const drip = (socket: Net.Socket, bytes: Buffer, atOnce: Uint8Array = Buffer.alloc(0)): void => {
  let sent = 0
  socket.write(atOnce)
  // @effect-diagnostics-next-line globalTimers:off
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 20)
  socket.on("close", () => clearInterval(timer))
}

const resources = () => {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** No timer and no socket is left that was not there before. */
const leavesNothing = () => {
  let before = resources()
  beforeAll(() => {
    before = resources()
  })
  afterAll(() =>
    Effect.runPromise(
      Effect.gen(function* () {
        const more = () =>
          ["Timeout", "TCPSocketWrap", "TLSWrap", "TCPServerWrap", "TCPConnectWrap"].filter(
            (name) => (resources().get(name) ?? 0) > (before.get(name) ?? 0)
          )
        yield* eventually(() => more().length === 0)
        assert.deepStrictEqual(more(), [])
      })
    )
  )
}

for (const transport of transports) {
  const { kept, layer, name } = transport

  describe(`${name}, when it is answered,`, () => {
    leavesNothing()

    for (const { act, reply, title } of cases) {
      it.scopedLive(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server)
          assert.deepStrictEqual(yield* client.create(request), typeof reply === "function" ? reply(name) : reply)
          assert.strictEqual(server.received.length, 1)
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("sends the request that the provider documents, and nothing else", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(404, '{"code":137}')))
        const client = yield* clientTo(server)
        yield* client.create(request)
        yield* client.lookup(requestOf({ handle: "a@b_c.d-e" }).handle)
        const [create, lookup] = server.received
        const common = {
          authorization: "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo=",
          accept: "application/json",
          "accept-encoding": "identity",
          "user-agent": "effect-billwerk-payouts/0.1.0"
        }
        const sent = `{"handle":"prize-2026-0042","destination":"ca_fcfac2016614418f969fa5697383e47c","amount":12500,"currency":"DKK"}`
        const fromFetch = { "accept-language": "*", "sec-fetch-mode": "cors", pragma: "no-cache" }
        assert.deepStrictEqual(create && { ...create, headers: lowered(create) }, {
          line: "POST /v1/payout HTTP/1.1",
          headers: {
            ...common,
            "content-type": "application/json",
            "content-length": String(sent.length),
            ...(name === "fetch" ? { ...fromFetch, "cache-control": "no-cache" } : {})
          },
          body: sent
        })
        assert.deepStrictEqual(lookup && { ...lookup, headers: lowered(lookup) }, {
          line: "GET /v1/payout/a%40b_c.d-e HTTP/1.1",
          headers: {
            ...common,
            "cache-control": "no-store",
            ...(name === "fetch" ? fromFetch : {})
          },
          body: ""
        })
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("sends the very same bytes when a create is run again", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(500, "")))
        const client = yield* clientTo(server)
        const create = client.create(requestOf({ text: "Præmie 🥧" }))
        yield* create
        yield* create
        assert.strictEqual(server.received.length, 2)
        assert.deepStrictEqual(server.received[0], server.received[1])
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive(
      "stays unclear when a connection that was kept is reset, and sends nothing again by itself (13)",
      () =>
        Effect.gen(function* () {
          const sockets = new Set<Net.Socket>()
          const server = yield* serve((socket, _, ordinal) => {
            sockets.add(socket)
            if (ordinal === 1) socket.write(answer(200, body))
            else socket.resetAndDestroy()
          })
          const client = yield* clientTo(server)
          assert.deepStrictEqual(yield* client.create(request), paidReply())
          // undici's pool takes another connection if this one is not yet free.
          yield* Effect.sleep("20 millis")
          assert.deepStrictEqual(yield* client.create(otherRequest), lost("ECONNRESET"))
          assert.deepStrictEqual([server.received.length, sockets.size], [2, 1])
        }).pipe(Effect.provide(kept))
    )

    it.scopedLive("does not take an answer that came twice for the next one (23)", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket, received) => {
          const paid = answer(200, bodyOf(received.body.includes(otherRequest.handle) ? otherRequest : request))
          socket.write(Buffer.concat([paid, paid]))
        })
        const client = yield* clientTo(server)
        assert.deepStrictEqual(yield* client.create(request), paidReply())
        assert.deepStrictEqual(yield* client.create(otherRequest), paidReply(otherRequest))
        assert.deepStrictEqual(yield* client.create(request), paidReply())
        assert.strictEqual(server.received.length, 3)
      }).pipe(Effect.provide(kept))
    )
  })

  describe(`${name}, when it has to wait,`, () => {
    leavesNothing()

    for (const { act, reply, title } of stalls) {
      it.scopedLive(`ends at the deadline and closes the connection when ${title}`, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server, "500 millis")
          const [took, replied] = yield* Effect.timed(client.create(request))
          assert.deepStrictEqual(replied, reply)
          assert.isAtLeast(Duration.toMillis(took), 495)
          assert.isAtMost(Duration.toMillis(took), 5_000)
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
          assert.strictEqual(server.received.length, 1)
        }).pipe(Effect.provide(layer))
      )
    }

    for (const [where, act] of [
      ["for the head", () => {}],
      ["for the body", (socket: Net.Socket) => socket.write(Buffer.concat([head(200, chunked), chunk(half)]))]
    ] as const) {
      it.scopedLive(`closes the connection at once when it is interrupted while it waits ${where} (82)`, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server, "1 hour")
          const fiber = yield* Effect.fork(client.create(request))
          assert.isTrue(yield* eventually(() => server.received.length === 1))
          yield* Effect.sleep("30 millis")
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
        }).pipe(Effect.provide(layer))
      )
    }
  })

  describe(`${name}, when it is sent elsewhere,`, () => {
    leavesNothing()

    const redirects = (use: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>, expectHeader?: string) =>
      Effect.gen(function* () {
        const elsewhere = yield* serve((socket) => socket.write(answer(200, body)))
        let status = 0
        const server = yield* serve((socket) =>
          socket.write(answer(status, "", { location: `${elsewhere.url}/v1/payout` }))
        )
        const client = yield* clientTo(server)
        for (status of [300, 301, 302, 303, 305, 307, 308]) {
          assert.deepStrictEqual(yield* client.create(request), unreadable(status, "an empty body"))
          assert.deepStrictEqual(yield* client.lookup(request.handle), unreadable(status, "an empty body"))
        }
        assert.strictEqual(server.received.length, 14)
        for (const received of server.received) assert.strictEqual(lowered(received)["x-a"], expectHeader)
        assert.strictEqual(elsewhere.connections(), 0)
      }).pipe(Effect.provide(use))

    it.scopedLive("does not go there (35, 36, 37)", () => redirects(layer))

    it.scopedLive("does not go back to where it was either (36)", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(307, "", { location: "/v1/payout" })))
        const client = yield* clientTo(server)
        assert.deepStrictEqual(yield* client.create(request), unreadable(307, "an empty body"))
        assert.strictEqual(server.received.length, 1)
      }).pipe(Effect.provide(layer))
    )

    if (name === "fetch") {
      const init = { redirect: "follow", headers: { "x-a": "1", authorization: "Basic b3RoZXI6" } } as const
      const theirs = Layer.succeed(FetchHttpClient.RequestInit, init)

      it.scopedLive(
        "does not go there although the layer's RequestInit says so, and keeps what else it says (35, 36)",
        () => redirects(layer.pipe(Layer.provide(theirs)), "1")
      )

      it.scopedLive(
        "does not go there although the call's RequestInit says so, and keeps what else it says (35, 36)",
        () =>
          Effect.gen(function* () {
            const elsewhere = yield* serve((socket) => socket.write(answer(200, body)))
            const server = yield* serve((socket) => socket.write(answer(307, "", { location: elsewhere.url })))
            const client = yield* clientTo(server)
            const reply = yield* client.create(request).pipe(Effect.provideService(FetchHttpClient.RequestInit, init))
            assert.deepStrictEqual(reply, unreadable(307, "an empty body"))
            const [received] = server.received
            assert.deepStrictEqual(received && [lowered(received)["x-a"], lowered(received)["authorization"]], [
              "1",
              "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo="
            ])
            assert.strictEqual(elsewhere.connections(), 0)
          }).pipe(Effect.provide(layer))
      )

      it.scopedLive("leaves the caller's own RequestInit alone", () =>
        Effect.gen(function* () {
          const server = yield* serve((socket) => socket.write(answer(200, body)))
          const client = yield* clientTo(server)
          const after = yield* client
            .create(request)
            .pipe(
              Effect.zipRight(FetchHttpClient.RequestInit),
              Effect.provideService(FetchHttpClient.RequestInit, init)
            )
          assert.deepStrictEqual(after, init)
        }).pipe(Effect.provide(layer))
      )
    }
  })

  describe(`${name}, when there is no connection,`, () => {
    leavesNothing()

    it.scopedLive("knows that nothing was sent to a port where nobody listens (2)", () =>
      Effect.gen(function* () {
        const port = yield* Effect.scoped(
          Effect.map(
            serve(() => {}),
            ({ port }) => port
          )
        )
        const client = yield* clientTo({ url: `http://127.0.0.1:${port}` })
        assert.deepStrictEqual(yield* client.create(request), notSent("ECONNREFUSED"))
        // A name of two addresses, if this machine has IPv6: each was tried.
        const named = yield* clientTo({ url: `http://localhost:${port}` })
        assert.deepStrictEqual(yield* named.create(request), notSent("ECONNREFUSED"))
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("knows that nothing was sent to a name that nobody has (1)", () =>
      Effect.gen(function* () {
        // Longer than a label may be, so that no name server needs to be asked.
        const client = yield* clientTo({ url: `https://${"x".repeat(64)}.invalid` })
        assert.deepStrictEqual(yield* client.create(request), notSent("ENOTFOUND"))
      }).pipe(Effect.provide(layer))
    )

    const certificate = (systemCode: string): Reply.Reply => ({
      _tag: "NoResponse",
      reason: "Certificate",
      sent: "NotSent",
      systemCode
    })

    for (const maxVersion of [undefined, "TLSv1.2"] as const) {
      it.scopedLive(`sends nothing to a server that vouches for itself, over ${maxVersion ?? "TLSv1.3"} (5)`, () =>
        Effect.gen(function* () {
          const server = yield* serveTls(
            { cert: selfSigned, ...(maxVersion === undefined ? {} : { maxVersion }) },
            (socket) => socket.write(answer(200, body))
          )
          const client = yield* clientTo(server)
          for (let turn = 0; turn < 5; turn++) {
            assert.deepStrictEqual(yield* client.create(request), certificate("DEPTH_ZERO_SELF_SIGNED_CERT"))
          }
          assert.isTrue(yield* eventually(() => server.open() === 0))
          assert.deepStrictEqual([server.connections(), server.bytes(), server.received.length], [5, 0, 0])
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("makes one attempt at a certificate and no more, and says what to do (5)", () =>
      Effect.gen(function* () {
        const server = yield* serveTls({ cert: selfSigned }, (socket) => socket.write(answer(200, body)))
        const client = yield* clientTo(server)
        const payouts = yield* anotherProcess().pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
        const error = yield* Effect.flip(payouts.create(request))
        assert.strictEqual(error._tag === "CommunicationError" && error.reason, "Certificate")
        assert.deepStrictEqual(
          error.attempts.map(({ bearing, decision, kind, sent }) => ({ bearing, decision, kind, sent })),
          [{ bearing: "None", decision: "Fail", kind: "Create", sent: "NotSent" }]
        )
        assert.deepStrictEqual([error.certainty, error.exposure], ["NotMoved", { min: 0, max: 0 }])
        assert.match(error.message, /certificate was not accepted.*never switch verification off/)
        assert.strictEqual(server.connections(), 1)
      }).pipe(Effect.provide(layer))
    )

    const trusting = (ca: string) => {
      switch (name) {
        case "fetch":
          return undefined
        case "node:http":
          return nodeWith({ ca })
        case "undici":
          return undiciWith({ connect: { ca } })
        case "UndiciTransport":
          return UndiciTransport.layerWith({ connect: { ca } })
        case "a client made of UndiciTransport":
          return madeOf({ connect: { ca } })
      }
    }
    const judged = [
      ["is right over TLS where the certificate is trusted", selfSigned, paidReply(), 1],
      ["sends nothing to a server of another name (5)", wrongName, certificate("ERR_TLS_CERT_ALTNAME_INVALID"), 0],
      ["sends nothing to a server whose certificate has run out (5)", expired, certificate("CERT_HAS_EXPIRED"), 0]
    ] as const
    for (const [title, cert, reply, received] of judged) {
      const layer = trusting(cert)
      if (layer !== undefined) {
        it.scopedLive(title, () =>
          Effect.gen(function* () {
            const server = yield* serveTls({ cert }, (socket) => socket.write(answer(200, body)))
            const client = yield* clientTo(server)
            assert.deepStrictEqual(yield* client.create(request), reply)
            assert.deepStrictEqual([server.received.length, server.bytes() > 0], [received, received > 0])
          }).pipe(Effect.provide(layer))
        )
      }
    }

    it.scopedLive("stays unclear when the port does not speak TLS", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.end(answer(200, body)))
        const plain = yield* serve(() => {})
        const client = yield* clientTo({ url: plain.url.replace("http:", "https:") }, "100 millis")
        // Our own transport knows that the request was still waiting for its connection, also under a derived client.
        const waiting = name.endsWith("UndiciTransport") ? { ...deadline, sent: "NotSent" as const } : deadline
        assert.deepStrictEqual<Reply.Reply>(yield* client.create(request), waiting)
        const speaking = yield* clientTo({ url: server.url.replace("http:", "https:") }, "200 millis")
        const reply = yield* speaking.create(request)
        assert.strictEqual(reply._tag, "NoResponse")
        assert.strictEqual(server.received.length + plain.received.length, 0)
      }).pipe(Effect.provide(layer))
    )
  })

  describe(`${name}, when it is answered too much,`, () => {
    leavesNothing()
    const limit = 1024 * 1024
    const padded = (bytes: number) => body.padEnd(bytes, " ")

    it.scopedLive("reads 1 MiB to its last byte, and not a byte more (59)", () =>
      Effect.gen(function* () {
        let text = ""
        let isChunked = false
        const server = yield* serve((socket) =>
          socket.write(
            isChunked ? Buffer.concat([head(200, chunked), chunk(text), Buffer.from("0\r\n\r\n")]) : answer(200, text)
          )
        )
        const client = yield* clientTo(server)
        for (isChunked of [false, true]) {
          text = padded(limit)
          assert.deepStrictEqual(yield* client.create(request), paidReply())
          text = padded(limit + 1)
          assert.deepStrictEqual(yield* client.create(request), unreadable(200, "a body of more than 1048576 bytes"))
        }
      }).pipe(Effect.provide(layer))
    )

    for (const [title, length] of [
      ["that never ends", chunked],
      ["of 32 MiB", declared(32 * 1024 * 1024)]
    ] as const) {
      it.scopedLive(`hangs up on a body ${title}, and stays small (59)`, () =>
        Effect.gen(function* () {
          const block = "x".repeat(64 * 1024)
          const piece = "transfer-encoding" in length ? chunk(block) : Buffer.from(block)
          let written = 0
          const server = yield* serve((socket) => {
            socket.write(head(200, length))
            const more = () => {
              while (!socket.destroyed && written < 32 * 1024 * 1024) {
                written += block.length
                if (!socket.write(piece)) break
              }
            }
            socket.on("drain", more)
            more()
          })
          const client = yield* clientTo(server)
          const { grown, value } = yield* memory(client.create(request))
          assert.deepStrictEqual(value, unreadable(200, "a body of more than 1048576 bytes"))
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
          assert.isBelow(written, 16 * 1024 * 1024)
          assert.isBelow(grown, 24 * 1024 * 1024)
        }).pipe(Effect.provide(layer))
      )
    }

    for (const [packing, packed] of Object.entries({ gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync })) {
      it.scopedLive(`stays small when little grows into much, by ${packing} (59, F7)`, () =>
        Effect.gen(function* () {
          const bomb = packed(Buffer.alloc(64 * 1024 * 1024, " "))
          assert.isBelow(bomb.length, 128 * 1024)
          const server = yield* serve((socket) => socket.write(answer(200, bomb, { "content-encoding": packing })))
          const client = yield* clientTo(server)
          const { grown, value } = yield* memory(client.create(request))
          assert.deepStrictEqual(value, unreadable(200, "a body of more than 1048576 bytes"))
          assert.isBelow(grown, 24 * 1024 * 1024)
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("understands what is packed all the same, and a mark of the byte order (F7)", () =>
      Effect.gen(function* () {
        const marked = `\ufeff${body}`
        const packings: ReadonlyArray<readonly [packing: string | undefined, bytes: string | Uint8Array]> = [
          [undefined, marked],
          ["identity", marked],
          ["gzip", gzipSync(body)],
          ["gzip", gzipSync(marked)],
          ["GZIP", gzipSync(body)],
          ["x-gzip", gzipSync(body)],
          ["deflate", deflateSync(body)],
          ["deflate", deflateRawSync(body)],
          ["br", brotliCompressSync(body)],
          ["gzip, br", brotliCompressSync(gzipSync(body))],
          ["gzip", gzipSync(body.padEnd(1024 * 1024))]
        ]
        let next = (_: Net.Socket): void => {}
        const server = yield* serve((socket) => next(socket))
        const client = yield* clientTo(server)
        for (const [packing, bytes] of packings) {
          const headers = packing === undefined ? {} : { "content-encoding": packing }
          next = (socket) => socket.write(answer(200, bytes, headers))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, of a length`)
          next = (socket) =>
            socket.write(Buffer.concat([head(200, { ...chunked, ...headers }), chunk(bytes), Buffer.from("0\r\n\r\n")]))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, in chunks`)
          next = (socket) => socket.end(Buffer.concat([head(200, headers), Buffer.from(bytes)]))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, to the end`)
        }
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("says the same of what is packed and is no answer (25, F7)", () =>
      Effect.gen(function* () {
        const page = "<html>502</html>"
        const notJson = unreadable(200, "a body that is not JSON")
        const broken = Buffer.from(gzipSync(body))
        broken.fill(0xff, 12, 20)
        const cases: ReadonlyArray<readonly [packing: string, bytes: Uint8Array, reply: Reply.Reply]> = [
          ["gzip", gzipSync(page), notJson],
          ["br", brotliCompressSync(page), notJson],
          ["deflate", deflateSync(page), notJson],
          ["gzip", gzipSync(body).subarray(0, -12), notJson],
          ["gzip", broken, cutOff(200, "Transport")],
          ["rot13", gzipSync(body), notJson],
          ["gzip", gzipSync(""), unreadable(200, "an empty body")]
        ]
        let next = (_: Net.Socket): void => {}
        const server = yield* serve((socket) => next(socket))
        const client = yield* clientTo(server)
        for (const [index, [packing, bytes, reply]] of cases.entries()) {
          next = (socket) => socket.write(answer(200, bytes, { "content-encoding": packing }))
          assert.deepStrictEqual(yield* client.create(request), reply, `#${index}`)
        }
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("stays unclear when what says it is packed is not (25)", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(200, body, { "content-encoding": "gzip" })))
        const client = yield* clientTo(server)
        assert.deepStrictEqual(yield* client.create(request), name === "fetch" ? cutOff(200, "Transport") : paidReply())
      }).pipe(Effect.provide(layer))
    )
  })
}

const lowered = ({ headers }: Received): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))

/** The most by which an effect made the buffers of this process grow, in bytes. */
const memory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = process.memoryUsage().arrayBuffers
    let most = before
    const look = Effect.sync(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    })
    const looking = yield* Effect.fork(Effect.repeat(look, Schedule.spaced("1 millis")))
    const value = yield* effect
    yield* look
    yield* Fiber.interrupt(looking)
    return { value, grown: most - before }
  })

describe("One program", () => {
  /** Knows nothing of HTTP, of sockets, or of which layers it gets. */
  const program = Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const pay = (handle: string, amount: number) =>
      Effect.gen(function* () {
        const request = yield* PayoutRequest.make({ handle, destination: "ca_1", amount, currency: "DKK" })
        const end = yield* Effect.merge(payouts.create(request))
        return {
          end: end._tag,
          certainty: end.certainty,
          exposure: end.exposure,
          attempts: end.attempts.map(({ code, decision, kind, outcome, status }) => [
            kind,
            status,
            code,
            outcome,
            decision
          ])
        }
      })
    return [
      yield* pay("p-paid", 12_500),
      yield* pay("p-declined", 3002),
      yield* pay("p-lost", 7),
      yield* pay("p-gone", 9)
    ]
  })

  const prepare = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
    sandbox.script(
      Script.dropAfterCommit.pipe(Script.forHandle("p-lost")),
      Script.apiError({ status: 404, code: 40 }).pipe(Script.forHandle("p-gone"))
    )
  )

  const expected = [
    {
      end: "Paid",
      certainty: "Moved",
      exposure: { min: 12_500, max: 12_500 },
      attempts: [["Create", 200, undefined, "Paid", "Succeed"]]
    },
    {
      end: "HardDeclined",
      certainty: "NotMoved",
      exposure: { min: 0, max: 0 },
      attempts: [["Create", 200, undefined, "HardDeclined", "Fail"]]
    },
    {
      end: "Paid",
      certainty: "Moved",
      exposure: { min: 7, max: 7 },
      attempts: [
        ["Create", undefined, undefined, "CommunicationError", "LookUp"],
        ["Lookup", 200, undefined, "Paid", "Succeed"]
      ]
    },
    {
      end: "PaymentMethodNotFound",
      certainty: "NotMoved",
      exposure: { min: 0, max: 0 },
      attempts: [["Create", 404, 40, "PaymentMethodNotFound", "Fail"]]
    }
  ]

  const payouts = (baseUrl: string) =>
    Payouts.layerWith({ policy: RetryPolicy.make({ communication: Schedule.recurs(1) }) }).pipe(
      Layer.provide(BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl }))
    )

  /** The sandbox behind a socket. */
  const sandboxServer = Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const run = Runtime.runPromise(yield* Effect.runtime())
    return yield* serve((socket, received) => {
      const [method = "", path = ""] = received.line.split(" ")
      const incoming = { method, path, headers: lowered(received), body: Buffer.from(received.body) }
      void run(sandbox.receive(incoming)).then((delivery) => {
        if (delivery._tag !== "Answered") return socket.destroy()
        const { body, headers, status } = delivery.message
        return socket.write(answer(status, body, headers))
      })
    })
  })

  it.live("pays in memory", () =>
    Effect.gen(function* () {
      yield* prepare
      assert.deepStrictEqual(yield* program, expected)
      assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_507)
    }).pipe(Effect.provide(payouts("https://api.frisbii.com").pipe(Layer.provideMerge(Sandbox.layerHttpClient))))
  )

  for (const { layer, name } of transports) {
    it.scopedLive(`pays over ${name}`, () =>
      Effect.gen(function* () {
        const { url } = yield* sandboxServer
        yield* prepare
        assert.deepStrictEqual(yield* program.pipe(Effect.provide(payouts(url).pipe(Layer.provide(layer)))), expected)
        assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_507)
      }).pipe(Effect.provide(Sandbox.layerSandbox))
    )
  }
})
