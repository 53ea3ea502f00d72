/**
 * Servers on the loopback interface whose every byte a test decides, and which remember every byte that came. They are
 * made of sockets alone, so that nothing in them knows, or mends, what an HTTP answer should be.
 */
import { Effect } from "effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { key } from "./testCertificates.js"

/** A request as it came. */
export interface Received {
  /** `POST /v1/payout HTTP/1.1` */
  readonly line: string
  /** As they were spelt and in their order, without `host` and `connection`, which are the transport's own. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

/** What a server does when a request has come, whole. `ordinal` is 1 for the first. */
export type Act = (socket: Net.Socket, received: Received, ordinal: number) => void

export interface Server {
  readonly port: number
  /** `http://127.0.0.1:port`, or `https:`. */
  readonly url: string
  readonly received: ReadonlyArray<Received>
  /** How many connections were made. */
  readonly connections: () => number
  /** How many of them are open. */
  readonly open: () => number
  /** How many of them have brought a request and are open. undici opens one in reserve, which brings none. */
  readonly busy: () => number
  /** How many bytes came; over TLS, how many that were deciphered. */
  readonly bytes: () => number
}

/** A server until the scope ends. */
export const serve = (act: Act): Effect.Effect<Server, never, Scope.Scope> =>
  listen("http", (connect) => Net.createServer(connect), act)

/** The same behind TLS. */
export const serveTls = (
  options: { readonly cert: string; readonly maxVersion?: "TLSv1.2" },
  act: Act
): Effect.Effect<Server, never, Scope.Scope> =>
  listen("https", (connect) => Tls.createServer({ key, ...options }, connect), act)

const listen = (
  protocol: "http" | "https",
  make: (connect: (socket: Net.Socket) => void) => Net.Server,
  act: Act
): Effect.Effect<Server, never, Scope.Scope> => {
  const sockets = new Set<Net.Socket>()
  const busy = new Set<Net.Socket>()
  const received: Array<Received> = []
  let connections = 0
  let bytes = 0
  const connect = (socket: Net.Socket): void => {
    let unread = Buffer.alloc(0)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => busy.delete(socket))
    socket.on("data", (data) => {
      bytes += data.length
      unread = Buffer.concat([unread, data])
      for (let next = read(unread); next !== undefined; next = read(unread)) {
        unread = unread.subarray(next.length)
        received.push(next.received)
        busy.add(socket)
        act(socket, next.received, received.length)
      }
    })
  }
  const server = make(connect)
  server.on("connection", (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
  })
  const start = Effect.async<Server>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(
        Effect.succeed({
          port,
          url: `${protocol}://127.0.0.1:${port}`,
          received,
          connections: () => connections,
          open: () => sockets.size,
          busy: () => busy.size,
          bytes: () => bytes
        })
      )
    })
  })
  const stop = Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const socket of sockets) socket.destroy()
  })
  return Effect.acquireRelease(start, () => stop)
}

const read = (unread: Buffer): { readonly received: Received; readonly length: number } | undefined => {
  const head = unread.indexOf("\r\n\r\n")
  if (head === -1) return undefined
  const [line = "", ...lines] = unread.subarray(0, head).toString("latin1").split("\r\n")
  const headers = lines.map((line) => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const declared = headers.find(([name]) => name.toLowerCase() === "content-length")
  const length = head + 4 + Number(declared?.[1] ?? 0)
  if (unread.length < length) return undefined
  const own = headers.filter(([name]) => !/^(host|connection)$/i.test(name))
  return { received: { line, headers: own, body: unread.subarray(head + 4, length).toString() }, length }
}

/** An answer's bytes, as long as it says that it is. */
export const answer = (
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {}
): Buffer => {
  const bytes = Buffer.from(body)
  return Buffer.concat([head(status, { "content-length": String(bytes.length), ...headers }), bytes])
}

/** An answer's head. */
export const head = (status: number, headers: Readonly<Record<string, string>> = {}): Buffer =>
  Buffer.from(
    [
      `HTTP/1.1 ${status} Status`,
      ...Object.entries({ "content-type": "application/json", ...headers }).map(([name, value]) => `${name}: ${value}`),
      "\r\n"
    ].join("\r\n")
  )

/** A chunk of a chunked body. */
export const chunk = (data: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(data)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
}

/** Waits until something is so, for three seconds at most (longer on a busy machine), and says whether it is. */
export const eventually = (isSo: () => boolean): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < 600 && !isSo(); turn++) yield* Effect.sleep("5 millis")
    return isSo()
  })

/** A port on which every connection is met in one way, before anything has come: `127.0.0.1:port`. It remembers nothing. */
export const meet = (connected: (socket: Net.Socket) => void) =>
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
