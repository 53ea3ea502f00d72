import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Fiber, Layer, Stream } from "effect"
import { BillwerkConfig } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import * as Net from "node:net"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { Pool } from "undici"
import { answer, chunk, eventually, head, serve } from "../servers.js"
import { pause, post, text } from "./fixture.js"
import { everything } from "../everything.js"

const chunked = { "transfer-encoding": "chunked" }

const lastChunk = Buffer.from("0\r\n\r\n")

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
          inspect(error, everything),
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
