import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { RequestLimits } from "effect-billwerk-payouts"
import { DateTime, Deferred, Duration, Effect, Fiber, Layer, Logger, LogLevel, Option, Schedule, Tracer } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Ledger from "../../src/sandbox/Ledger.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as SandboxServer from "../../src/sandbox/SandboxServer.js"
import * as Script from "../../src/sandbox/Script.js"
import * as UndiciTransport from "../../src/undici/UndiciTransport.js"
import { create, createBody, createRequest, gist, handle, lookup, lookupRequest } from "./fixture.js"

const server = (options: Sandbox.Options = {}) =>
  SandboxServer.layer.pipe(Layer.provideMerge(Sandbox.layerSandboxWith(options)))

const overFetch = Effect.provide(Layer.merge(server(), FetchHttpClient.layer))

const url = Effect.map(SandboxServer.SandboxServer, (server) => server.url)

const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

const moved = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
  Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, handle))
)

/** What a client on node:http makes of a create: the status, the bytes of the body, and how it broke off. */
interface Seen {
  readonly status: number | undefined
  readonly length: string | undefined
  readonly received: number
  readonly error: string | undefined
}

const errorCode = (error: Error): string => ("code" in error ? String(error.code) : error.message)

const overNode = (url: string, authorization: string): Effect.Effect<Seen> =>
  Effect.async((resume) => {
    let seen: Seen = { status: undefined, length: undefined, received: 0, error: undefined }
    const end = (error: string | undefined) => resume(Effect.succeed({ ...seen, error }))
    const request = Http.request(`${url}/v1/payout`, {
      method: "POST",
      agent: false,
      headers: { authorization, "content-type": "application/json" }
    })
    request.on("error", (error) => end(errorCode(error)))
    request.on("response", (response) => {
      seen = { ...seen, status: response.statusCode, length: response.headers["content-length"] }
      response.on("data", (chunk: Buffer) => {
        seen = { ...seen, received: seen.received + chunk.length }
      })
      response.on("error", (error) => end(errorCode(error)))
      response.on("end", () => end(undefined))
    })
    request.end(JSON.stringify(createBody))
    return Effect.sync(() => request.destroy())
  })

const seenByNode = Effect.gen(function* () {
  return yield* overNode(yield* url, createRequest({}).headers["authorization"] ?? "")
})

describe("The sandbox's server", () => {
  for (const [name, client] of [
    ["fetch", FetchHttpClient.layer],
    ["node:http", NodeHttpClient.layer],
    ["undici", NodeHttpClient.layerUndici],
    ["UndiciTransport", UndiciTransport.layer]
  ] as const) {
    it.live(`answers ${name} as the sandbox does in memory`, () =>
      Effect.gen(function* () {
        const call = { url: yield* url }
        const paid = yield* create({}, call)
        assert.deepStrictEqual(
          [gist(paid), paid.headers["request-id"]],
          [[200, "paid"], "e0000000000000000000000000000001"]
        )
        assert.strictEqual(paid.headers["content-length"], String(paid.text.length))
        assert.deepStrictEqual(gist(yield* create({}, call)), [400, 134])
        assert.deepStrictEqual((yield* lookup(handle, call)).json, paid.json)
        assert.deepStrictEqual(gist(yield* lookup("p@2", call)), [404, 137])
        assert.deepStrictEqual(gist(yield* create({}, { ...call, key: undefined })), [401, 6])
        assert.strictEqual(yield* moved, 12_500)
      }).pipe(Effect.provide(Layer.merge(server(), client)))
    )
  }

  it.live("says the sandbox's Date, and not the machine's, in answers that are whole or not", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const call = { url: yield* url }
      const year = DateTime.getPartUtc(yield* sandbox.now, "year")
      assert.isAbove(year, DateTime.getPartUtc(yield* DateTime.now, "year"))
      yield* script(Script.normal, Script.dripping("1 millis"), Script.truncated)
      for (const answer of [yield* create({}, call), yield* lookup(handle, call)]) {
        assert.include(answer.headers["date"] ?? "", ` ${year} `)
      }
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(lookupRequest(handle, call))
      assert.include(response.headers["date"] ?? "", ` ${year} `)
      assert.strictEqual((yield* sandbox.exchanges).length, 3)
    }).pipe(Effect.provide(Layer.merge(server({ clockAhead: "731 days" }), FetchHttpClient.layer)))
  )

  it.live("says no Date with the switch", () =>
    Effect.gen(function* () {
      const call = { url: yield* url }
      yield* script(Script.normal, Script.dripping("1 millis"), Script.truncated)
      assert.isUndefined((yield* create({}, call)).headers["date"])
      assert.isUndefined((yield* lookup(handle, call)).headers["date"])
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(lookupRequest(handle, call))
      assert.deepStrictEqual([response.status, response.headers["date"]], [200, undefined])
    }).pipe(Effect.provide(Layer.merge(server({ date: "Absent" }), FetchHttpClient.layer)))
  )

  it.live("shares its sandbox with an in-memory client", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* create({}, { url: yield* url })
      const inMemory = Layer.succeed(HttpClient.HttpClient, Sandbox.httpClient(sandbox))
      assert.deepStrictEqual(gist(yield* lookup().pipe(Effect.provide(inMemory))), [200, "paid"])
    }).pipe(overFetch)
  )

  it.live("listens on loopback, at the port that it is given, and fails where that is taken", () =>
    Effect.gen(function* () {
      const { port, url } = yield* SandboxServer.SandboxServer
      assert.strictEqual(url, `http://127.0.0.1:${port}`)
      const error = yield* Effect.flip(Effect.scoped(SandboxServer.make({ port })))
      assert.strictEqual(error._tag, "ServeError")
    }).pipe(overFetch)
  )

  for (const status of [301, 302, 303, 307, 308] as const) {
    it.live(`redirects with ${status}`, () =>
      Effect.gen(function* () {
        yield* script(Script.redirect(status, "http://127.0.0.1:9/"))
        const seen = yield* seenByNode
        assert.deepStrictEqual([seen.status, seen.error], [status, undefined])
      }).pipe(overFetch)
    )
  }

  it.live("answers statuses that forbid a body", () =>
    Effect.gen(function* () {
      yield* script(Script.status(204), Script.status(304))
      assert.deepStrictEqual(yield* Effect.map(seenByNode, (seen) => [seen.status, seen.received]), [204, 0])
      assert.deepStrictEqual(yield* Effect.map(seenByNode, (seen) => [seen.status, seen.received]), [304, 0])
    }).pipe(overFetch)
  )

  it.live("answers bodies of any length", () =>
    Effect.gen(function* () {
      yield* script(Script.oversized(5_000_000))
      assert.strictEqual((yield* create({}, { url: yield* url })).text.length, 5_000_000)
    }).pipe(overFetch)
  )

  const losses = [
    ["connectionRefused", Script.connectionRefused, 0],
    ["dropBeforeCommit", Script.dropBeforeCommit, 0],
    ["dropAfterCommit", Script.dropAfterCommit, 12_500],
    ["resetAfterCommit", Script.resetAfterCommit, 12_500]
  ] as const
  for (const [title, step, money] of losses) {
    it.live(`${title} ends the connection without an answer`, () =>
      Effect.gen(function* () {
        yield* script(step)
        const seen = yield* seenByNode
        assert.deepStrictEqual([seen.status, seen.error], [undefined, "ECONNRESET"])
        assert.strictEqual(yield* moved, money)
      }).pipe(overFetch)
    )
  }

  it.live("a reset is an RST and a drop is not", () =>
    Effect.gen(function* () {
      const socketError = (step: Script.Step) =>
        Effect.gen(function* () {
          yield* script(step)
          const { port } = yield* SandboxServer.SandboxServer
          return yield* Effect.async<string | undefined>((resume) => {
            const socket = Net.connect(port, "127.0.0.1")
            let error: string | undefined
            socket.on("error", (cause) => {
              error = errorCode(cause)
            })
            socket.on("close", () => resume(Effect.succeed(error)))
            socket.write("GET /v1/payout/x HTTP/1.1\r\nhost: x\r\n\r\n")
          })
        })
      assert.strictEqual(yield* socketError(Script.dropAfterCommit), undefined)
      assert.strictEqual(yield* socketError(Script.resetAfterCommit), "ECONNRESET")
    }).pipe(overFetch)
  )

  it.live("truncated sends half of what its content-length says", () =>
    Effect.gen(function* () {
      yield* script(Script.truncated)
      const seen = yield* seenByNode
      assert.deepStrictEqual([seen.status, seen.error], [200, "ECONNRESET"])
      assert.strictEqual(seen.received, Math.floor(Number(seen.length) / 2))
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(overFetch)
  )

  it.live("truncatedChunked sends half, and never the last chunk", () =>
    Effect.gen(function* () {
      yield* script(Script.truncatedChunked)
      const seen = yield* seenByNode
      assert.deepStrictEqual([seen.status, seen.length, seen.error], [200, undefined, "ECONNRESET"])
      assert.isAbove(seen.received, 100)
    }).pipe(overFetch)
  )

  it.live("stalled sends half and keeps the connection open", () =>
    Effect.gen(function* () {
      yield* script(Script.stalled)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(seenByNode, "200 millis")))
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(overFetch)
  )

  it.live("dripping sends a byte at a time, and all of them in the end", () =>
    Effect.gen(function* () {
      yield* script(Script.dripping("1 millis"), Script.dripping("1 second"))
      const [elapsed, seen] = yield* Effect.timed(seenByNode)
      assert.deepStrictEqual([seen.status, seen.error, String(seen.received)], [200, undefined, seen.length])
      assert.isAbove(Duration.toMillis(elapsed), seen.received)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(seenByNode, "200 millis")))
    }).pipe(overFetch)
  )

  it.live("hanging ends when the client goes away, and makes room within the limits", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const call = { url: yield* url }
      yield* script(Script.hangAfterCommit.pipe(Script.times(10)))
      const hanging = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => `h-${index}`),
        (handle) => Effect.fork(create({ handle }, call))
      )
      yield* sandbox.exchanges.pipe(
        Effect.repeat({ until: (exchanges) => exchanges.length === 10, schedule: Schedule.spaced("5 millis") })
      )
      assert.deepStrictEqual(gist(yield* create({}, call)), [429, 123])
      yield* Fiber.interruptAll(hanging)
      const answered = Effect.map(create({}, call), gist).pipe(
        Effect.filterOrFail(([status]) => status !== 429),
        Effect.retry(Schedule.spaced("5 millis")),
        Effect.timeout("4 seconds")
      )
      assert.deepStrictEqual(yield* answered, [200, "paid"])
    }).pipe(
      Effect.provide(
        Layer.merge(server({ limits: { ...RequestLimits.documented, writes: roomy } }), FetchHttpClient.layer)
      )
    )
  )

  const roomy = { rate: 1000, burst: 1000, concurrent: 10 }

  it.live("a request that the client calls off is executed all the same", () =>
    Effect.gen(function* () {
      yield* script(Script.normal.pipe(Script.delayRequest("100 millis")))
      const call = { url: yield* url }
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(create({}, call), "50 millis")))
      assert.strictEqual(yield* moved, 0)
      yield* Effect.sleep("100 millis")
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(overFetch)
  )

  it.live("stops at once, with requests that hang, bodies that stall and connections kept alive", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const elapsed = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* keepBusy
          yield* Effect.addFinalizer(() => Deferred.succeed(stopped, undefined))
        })
      ).pipe(Effect.timed, Effect.timeout("2 seconds"))
      yield* Deferred.await(stopped)
      assert.isBelow(Duration.toMillis(elapsed[0]), 1500)
    })
  )

  // A scope of its own for the server; the clients outlive it.
  const keepBusy = Effect.gen(function* () {
    const context = yield* Layer.build(Layer.merge(server(), FetchHttpClient.layer))
    yield* Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const call = { url: yield* url }
      yield* create({}, call)
      yield* script(Script.hangAfterCommit, Script.stalled)
      yield* Effect.forkDaemon(Effect.exit(lookup(handle, call)))
      yield* Effect.forkDaemon(Effect.exit(lookup(handle, call)))
      yield* sandbox.exchanges.pipe(
        Effect.repeat({ until: (exchanges) => exchanges.length === 3, schedule: Schedule.spaced("5 millis") })
      )
    }).pipe(Effect.provide(context))
  })

  const everyLog = (logged: Array<unknown>) =>
    Layer.merge(
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => logged.push(message))
      ),
      Logger.minimumLogLevel(LogLevel.All)
    )

  it.live("says nothing: no log of any level and no span", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const spans: Array<string> = []
      const quiet = yield* Effect.tracer
      const tracer = Tracer.make({
        context: quiet.context,
        span: (name, ...rest) => {
          spans.push(name)
          return quiet.span(name, ...rest)
        }
      })
      yield* Effect.gen(function* () {
        const call = { url: yield* url }
        yield* script(Script.normal, Script.dropAfterCommit, Script.truncated, Script.hangAfterCommit)
        yield* create({}, call)
        yield* Effect.exit(create({}, call))
        yield* Effect.exit(create({}, call))
        yield* Effect.timeoutOption(create({}, call), "50 millis")
        yield* Effect.sleep("50 millis")
      }).pipe(
        Effect.provide(Layer.merge(server(), FetchHttpClient.layer).pipe(Layer.provideMerge(everyLog(logged)))),
        Effect.withTracer(tracer)
      )
      assert.deepStrictEqual(logged, [])
      assert.deepStrictEqual(
        spans.filter((name) => name.startsWith("http.server")),
        []
      )
    })
  )
})
