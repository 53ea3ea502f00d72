/** One suite over fetch, node:http and undici, against real sockets whose every byte is decided here. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Redacted, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, Reply, RetryPolicy } from "effect-billwerk-payouts"
import { answer, chunk, eventually, head, serve, type Server, serveTls } from "./servers.js"
import { requestOf } from "./support.js"
import { expired, selfSigned, wrongName } from "./testCertificates.js"

interface Transport {
  readonly name: "fetch" | "node:http" | "undici"
  readonly layer: Layer.Layer<HttpClient.HttpClient>
}
const transports: ReadonlyArray<Transport> = [
  { name: "fetch", layer: FetchHttpClient.layer },
  { name: "node:http", layer: NodeHttpClient.layer },
  { name: "undici", layer: NodeHttpClient.layerUndici }
]
const apiKey = Redacted.make("priv_12051dfac75143fc827cf63a87f46df3")
const paid = (request: PayoutRequest.PayoutRequest) => JSON.stringify({ handle: request.handle, state: "paid", amount: request.amount, currency: request.currency, transactions: [] })
const request = requestOf()
const clientTo = (server: Pick<Server, "url">, createDeadline: Duration.DurationInput = "5 seconds") =>
  BillwerkClient.make({ apiKey, baseUrl: server.url, createDeadline })

const body = paid(request)
const half = body.slice(0, body.length / 2)
const acts: Record<string, (s: import("node:net").Socket) => void> = {
  paid: (s) => s.write(answer(200, body)),
  chunked: (s) => { s.write(head(200, { "transfer-encoding": "chunked" })); s.write(chunk(half)); s.write(chunk(body.slice(half.length))); s.write("0\r\n\r\n") },
  close: (s) => { s.end(Buffer.concat([head(200), Buffer.from(body)])) },
  reset: (s) => s.resetAndDestroy(),
  fin: (s) => s.end(),
  truncCL: (s) => s.end(Buffer.concat([head(200, { "content-length": String(body.length) }), Buffer.from(half)])),
  truncChunk: (s) => s.end(Buffer.concat([head(200, { "transfer-encoding": "chunked" }), chunk(half)])),
  trunc502: (s) => s.end(Buffer.concat([head(502, { "content-length": String(body.length) }), Buffer.from(half)])),
  half: (s) => s.end(Buffer.concat([head(200), Buffer.from(half)])),
  empty: (s) => s.write(answer(200, "")),
  emptyClose: (s) => s.end(head(200)),
  s204: (s) => s.write("HTTP/1.1 204 No Content\r\n\r\n"),
  s205: (s) => s.write(answer(205, "")),
  s100: (s) => s.write(Buffer.concat([Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"), answer(200, body)])),
  s101: (s) => s.write(Buffer.concat([Buffer.from("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), answer(200, body)])),
  s103: (s) => s.write(Buffer.concat([Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"), answer(200, body)])),
  hang: () => {},
  stall: (s) => s.write(Buffer.concat([head(200, { "content-length": String(body.length) }), Buffer.from(half)])),
  stallChunked: (s) => s.write(Buffer.concat([head(200, { "transfer-encoding": "chunked" }), chunk(half)])),
  stall502: (s) => s.write(Buffer.concat([head(502, { "content-length": String(body.length) }), Buffer.from(half)])),
  garbage: (s) => s.end("SSH-2.0-OpenSSH_9.6\r\n"),
  teAndCl: (s) => { s.write(head(200, { "transfer-encoding": "chunked", "content-length": "10" })); s.write(chunk(body)); s.write("0\r\n\r\n") },
  negCl: (s) => { s.write(head(200, { "content-length": "-1" })); s.end(body) },
  emptyCl: (s) => { s.write(head(200, { "content-length": "" })); s.end(body) },
  dupCl: (s) => { s.write(Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)) },
  bigHeaders: (s) => { s.write(head(200, { "x": "y".repeat(1_000_000) })); s.end(body) },
  badGzip: (s) => s.write(answer(200, body, { "content-encoding": "gzip" })),
  s999: (s) => s.write(answer(999, body)),
  s000: (s) => s.write(Buffer.from("HTTP/1.1 000 Zero\r\ncontent-length: 0\r\n\r\n")),
  s600: (s) => s.write(answer(600, body)),
  s304: (s) => s.write("HTTP/1.1 304 Not Modified\r\n\r\n"),
  s307: (s) => s.write(answer(307, "", { location: "http://127.0.0.1:1/x" })),
  s307nolocation: (s) => s.write(answer(307, "")),
  s307bad: (s) => s.write(answer(307, "", { location: "http://[" })),
}
for (const transport of transports) {
  describe(transport.name, () => {
    for (const [name, act] of Object.entries(acts)) {
      it.scopedLive(name, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server, "300 millis")
          const [took, reply] = yield* Effect.timed(client.create(request))
          const wasOpen = server.open()
          const closed = yield* eventually(() => server.open() === 0)
          console.log(transport.name.padEnd(9), name.padEnd(12), JSON.stringify(reply), Math.round(Duration.toMillis(took)), "conns", server.connections(), "reqs", server.received.length, "open", wasOpen, closed)
        }).pipe(Effect.provide(transport.layer))
      )
    }
  })
}
void [Reply, Payouts, RetryPolicy, Schedule, Fiber, serveTls, expired, selfSigned, wrongName]
