/** What connections leave behind that the provider has closed. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, identity, Layer, Logger, LogLevel } from "effect"
import { BillwerkClient } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { answer, meet } from "../../servers.js"
import { requestOf } from "../../support.js"
import * as Leaks from "./Leaks.js"
import { transports } from "./Transports.js"

const request = requestOf()
const paid = JSON.stringify({ handle: request.handle, state: "paid", amount: request.amount, currency: "DKK" })
const bytes = answer(200, paid, { connection: "close" })

/** What is left behind of each exchange, when each has a connection of its own. */
const left = (change: (client: HttpClient.HttpClient) => HttpClient.HttpClient = identity) =>
  Effect.gen(function* () {
    const listeners = yield* Leaks.listeners
    let connections = 0
    const address = yield* meet((socket) => {
      connections += 1
      socket.once("data", () => socket.end(bytes))
    })
    const client = yield* BillwerkClient.make({
      requestLimits: "None",
      apiKey: Sandbox.apiKey,
      baseUrl: `http://${address}`
    }).pipe(Effect.provide(Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, change))))
    const both = Effect.zip(client.create(request), client.lookup(request.handle))
    const pay = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => both, { concurrency: 4, discard: true })
    yield* pay(250)
    const before = yield* Leaks.memory
    yield* pay(500)
    const memory = ((yield* Leaks.memory) - before) / 1000
    assert.isAtLeast(connections, 1500)
    return { listeners: listeners(), memory }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))

describe("Of a create and a lookup, each over a connection of its own,", () => {
  for (const { layer, name } of transports) {
    it.scopedLive(
      `no listener and no memory is left behind over ${name} (F5)`,
      () =>
        Effect.gen(function* () {
          const { listeners, memory } = yield* left()
          assert.isAtMost(listeners, 8)
          assert.isBelow(memory, 2500, "bytes for each exchange")
        }).pipe(Effect.provide(layer)),
      120_000
    )
  }

  it.scopedLive(
    "what a layer does leave behind is counted",
    () =>
      Effect.gen(function* () {
        const forever = new AbortController()
        const { listeners, memory } = yield* left(
          HttpClient.tapRequest(() =>
            Effect.sync(() => {
              const kept = Buffer.alloc(20_000)
              forever.signal.addEventListener("abort", () => kept.fill(1))
            })
          )
        )
        assert.isAtLeast(listeners, 1500)
        assert.isAtLeast(memory, 2500)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
    120_000
  )
})
