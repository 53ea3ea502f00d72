/** Runtimes whose own HTTP sends a POST again, by their globals. What the real ones do is in `test/proof/runtimes`. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { type ConfigError, Context, Effect, Either, identity, Layer, Redacted, type Scope } from "effect"
import { BillwerkClient } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { answer, serve } from "../servers.js"
import { requestOf } from "../support.js"

const global = (name: string, value: unknown): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => void Object.defineProperty(globalThis, name, { configurable: true, value })),
    () => Effect.sync(() => Reflect.deleteProperty(globalThis, name))
  )

const deno = (version = "2.9.6") => global("Deno", { version: { deno: version, v8: "15", typescript: "6" } })
const bun = (version: string) => global("Bun", { version })

const request = requestOf()
const { amount, currency, handle } = request
const paid = () => Response.json({ handle, state: "paid", amount, currency })

const apiKey = Redacted.make("priv_12051dfac75143fc827cf63a87f46df3")
const clientOver = <E>(http: Layer.Layer<HttpClient.HttpClient, E>, baseUrl = "http://127.0.0.1:1") =>
  Effect.map(Layer.build(Layer.provide(BillwerkClient.layer({ apiKey, baseUrl }), http)), (context) =>
    Context.get(context, BillwerkClient.BillwerkClient)
  )

const fetchWith = (init: object) =>
  Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.RequestInit, init))
/** As `Deno.createHttpClient` makes one, for all that can be seen of it. */
const ownClient: object = { client: { close: () => {} } }
const madeOf = <E>(http: Layer.Layer<HttpClient.HttpClient, E>) =>
  Layer.provide(
    Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(identity))),
    http
  )

/** A fetch of the test's, in place of the runtime's, and what it was asked for. */
const fetched = Effect.gen(function* () {
  const asked: Array<string> = []
  const real = globalThis.fetch
  const fake = (input: string | URL | Request) => {
    asked.push(String(input))
    return Promise.resolve(paid())
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => void (globalThis.fetch = fake)),
    () => Effect.sync(() => void (globalThis.fetch = real))
  )
  return asked
})

const refusal = <A, R>(build: Effect.Effect<A, ConfigError.ConfigError, R>) =>
  Effect.map(Effect.either(build), (built) =>
    Either.isLeft(built) && built.left._op === "Unsupported" ? built.left.message : "built"
  )

/** With a step of the host's own around each exchange. */
const retried = <E>(http: Layer.Layer<HttpClient.HttpClient, E>) =>
  Layer.provide(
    Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, HttpClient.retryTransient({ times: 3 }))),
    http
  )

describe("On Deno", () => {
  const refused: ReadonlyArray<readonly [string, Layer.Layer<HttpClient.HttpClient>]> = [
    ["fetch", FetchHttpClient.layer],
    ["fetch with a RequestInit that has no client", fetchWith({ keepalive: false })],
    ["a client made of fetch", madeOf(FetchHttpClient.layer)],
    ["a client that retries fetch", retried(FetchHttpClient.layer)],
    [
      "a fetch of the host's own, which may be Deno's below",
      Layer.provide(
        FetchHttpClient.layer,
        Layer.succeed(FetchHttpClient.Fetch, () => Promise.resolve(paid()))
      )
    ],
    [
      "fetch beside a RequestInit that is not given to it",
      Layer.merge(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.RequestInit, ownClient))
    ]
  ]
  for (const [name, layer] of refused) {
    it.scoped(`refuses ${name} when the client is built, and sends nothing`, () =>
      Effect.gen(function* () {
        yield* deno()
        const asked = yield* fetched
        assert.match(yield* refusal(clientOver(layer)), /sends a POST again by itself/)
        assert.deepStrictEqual(asked, [])
      })
    )
  }

  it.scoped("names every way out", () =>
    Effect.gen(function* () {
      yield* deno()
      const message = yield* refusal(clientOver(FetchHttpClient.layer))
      for (const way of ["UndiciTransport.layer", "NodeHttpClient.layer", "RequestInit", "poolMaxIdlePerHost: 0"]) {
        assert.include(message, way)
      }
    })
  )

  for (const [name, layer] of [
    ["fetch", fetchWith(ownClient)],
    ["a client made of fetch", madeOf(fetchWith(ownClient))]
  ] as const) {
    it.scoped(`takes ${name} with a client of the host's own in its RequestInit, and sends over it`, () =>
      Effect.gen(function* () {
        yield* deno()
        const asked = yield* fetched
        const client = yield* clientOver(layer)
        assert.deepStrictEqual(asked, [])
        assert.strictEqual((yield* client.create(request))._tag, "Response")
        assert.deepStrictEqual(asked, ["http://127.0.0.1:1/v1/payout"])
      })
    )
  }

  it.scoped("refuses fetch before 2.9.6 whatever its RequestInit has: it sends again over new connections, too", () =>
    Effect.gen(function* () {
      yield* deno("2.9.5")
      assert.include(yield* refusal(clientOver(fetchWith(ownClient))), "use Deno 2.9.6 or later")
    })
  )

  it.scoped("sends nothing over fetch when a caller's RequestInit takes the place of the layer's", () =>
    Effect.gen(function* () {
      yield* deno()
      const asked = yield* fetched
      const client = yield* clientOver(fetchWith(ownClient))
      const reply = yield* Effect.provideService(client.create(request), FetchHttpClient.RequestInit, {})
      const systemCode = "ERR_FETCH_REPEATS"
      assert.deepStrictEqual(reply, { _tag: "NoResponse", reason: "Transport", sent: "NotSent", systemCode })
      assert.deepStrictEqual(asked, [])
    })
  )

  const taken: ReadonlyArray<readonly [string, Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>]> = [
    ["UndiciTransport", UndiciTransport.layer],
    ["a client made of UndiciTransport", madeOf(UndiciTransport.layer)],
    ["node:http", NodeHttpClient.layer],
    ["undici", NodeHttpClient.layerUndici],
    ["a client that retries undici", retried(NodeHttpClient.layerUndici)]
  ]
  for (const [name, layer] of taken) {
    it.scoped(`takes ${name}, and asks nothing of the provider while the client is built`, () =>
      Effect.gen(function* () {
        yield* deno()
        const server = yield* serve((socket) => socket.write(answer(200, "{}")))
        const client = yield* clientOver(layer, server.url)
        assert.deepStrictEqual(server.received, [])
        yield* client.create(request)
        assert.deepStrictEqual(
          server.received.map(({ line }) => line),
          ["POST /v1/payout HTTP/1.1"]
        )
      })
    )
  }

  const strange: ReadonlyArray<readonly [string, Effect.Effect<never>]> = [
    ["never answers", Effect.never],
    ["dies", Effect.die(new Error("not HTTP"))]
  ]
  for (const [name, execute] of strange) {
    it.scoped(`takes a client of the host's own that ${name} when it is asked whether it is fetch`, () =>
      Effect.gen(function* () {
        yield* deno()
        const http = Layer.succeed(
          HttpClient.HttpClient,
          HttpClient.make(() => execute)
        )
        assert.strictEqual(yield* refusal(clientOver(http)), "built")
      })
    )
  }

  it.scoped("takes the sandbox, which has no exchange on record then", () =>
    Effect.gen(function* () {
      yield* deno()
      const sandbox = Context.get(yield* Layer.build(Sandbox.layer), Sandbox.Sandbox)
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )
})

describe("On Bun", () => {
  const layers = [FetchHttpClient.layer, NodeHttpClient.layer]

  for (const version of ["1.0.0", "1.3.13", "1.3.14-canary.20260401", "unknown"]) {
    it.scoped(`${version}, refuses every client, because those with kept connections send again`, () =>
      Effect.gen(function* () {
        yield* bun(version)
        for (const layer of layers) {
          assert.include(yield* refusal(clientOver(layer)), `This is Bun ${version}: use 1.3.14 or later`)
        }
      })
    )
  }

  for (const version of ["1.3.14", "1.4.0-canary.20260901", "1.4.5", "2.0.0"]) {
    it.scoped(`${version}, takes them, because it sends a POST once`, () =>
      Effect.gen(function* () {
        yield* bun(version)
        for (const layer of layers) assert.strictEqual(yield* refusal(clientOver(layer)), "built")
      })
    )
  }
})

describe("Elsewhere", () => {
  it.scoped("a global that only has the name of a runtime is none", () =>
    Effect.gen(function* () {
      yield* global("Deno", {})
      yield* global("Bun", { version: 1 })
      assert.strictEqual(yield* refusal(clientOver(FetchHttpClient.layer)), "built")
    })
  )
})
