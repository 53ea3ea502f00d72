/** fetch, node:http, undici and our own transport, for one suite over all of them, and what a reply to each looks like. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { afterAll, assert, beforeAll } from "@effect/vitest"
import { type ConfigError, Duration, Effect, identity, Layer, Redacted } from "effect"
import { BillwerkClient, PayoutRequest, type Reply } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import type * as Net from "node:net"
import { answer, chunk, eventually, head, type Received, type Server } from "../../servers.js"
import { requestOf } from "../../support.js"

type Name = "fetch" | "node:http" | "undici" | "UndiciTransport" | "a client made of UndiciTransport"

interface Transport {
  readonly name: Name
  readonly layer: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
  /** With connections that are kept, which is not node:http's default. */
  readonly kept: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
}

export const nodeWith = (options: Parameters<typeof NodeHttpClient.makeAgentLayer>[0]) =>
  NodeHttpClient.layerWithoutAgent.pipe(Layer.provide(NodeHttpClient.makeAgentLayer(options)))

export const madeOf = (options: UndiciTransport.Options = {}) =>
  Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(identity))).pipe(
    Layer.provide(UndiciTransport.layerWith(options))
  )

export const transports: ReadonlyArray<Transport> = [
  { name: "fetch", layer: FetchHttpClient.layer, kept: FetchHttpClient.layer },
  { name: "node:http", layer: NodeHttpClient.layer, kept: nodeWith({ keepAlive: true }) },
  { name: "undici", layer: NodeHttpClient.layerUndici, kept: NodeHttpClient.layerUndici },
  { name: "UndiciTransport", layer: UndiciTransport.layer, kept: UndiciTransport.layer },
  // As fetch and the others are: without what it offers to `BillwerkClient` alone.
  { name: "a client made of UndiciTransport", layer: madeOf(), kept: madeOf() }
]

const key = "priv_12051dfac75143fc827cf63a87f46df3"

const apiKey = Redacted.make(key)

export const request = requestOf()

export const bodyOf = ({ amount, currency, handle }: PayoutRequest.PayoutRequest) =>
  JSON.stringify({ handle, state: "paid", amount, currency })

export const body = bodyOf(request)

export const half = body.slice(0, body.length / 2)

export const clientTo = ({ url }: Pick<Server, "url">, createDeadline: Duration.DurationInput = "10 seconds") =>
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

export const paidReply = ({ amount, currency, handle } = request): Reply.Reply => {
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

export const unreadable = (status: number, why: string): Reply.Reply => responded(status, { _tag: "Unreadable", why })

export const cutOff = (status: number, reason: "Deadline" | "Transport"): Reply.Reply =>
  responded(status, { _tag: "CutOff", reason })

export const lost = (systemCode: string | undefined): Reply.Reply => ({
  _tag: "NoResponse",
  reason: "Transport",
  sent: "Unknown",
  systemCode
})

export const deadline: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }

const undiciOr = (other: string | undefined, undici: string | undefined) => (name: Name) =>
  lost(name === "node:http" ? other : undici)

export interface Case {
  readonly title: string
  readonly act: (socket: Net.Socket) => void
  readonly reply: Reply.Reply | ((name: Name) => Reply.Reply)
}

export const declared = (length: number) => ({ "content-length": String(length) })

export const chunked = { "transfer-encoding": "chunked" }

/** What a server can do to one exchange, and what is left of it. */
export const cases: ReadonlyArray<Case> = [
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

const resources = () => {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** No timer and no socket is left that was not there before. */
export const leavesNothing = () => {
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

export const lowered = ({ headers }: Received): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))
