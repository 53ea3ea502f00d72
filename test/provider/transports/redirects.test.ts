/** Every transport, against real sockets whose every byte is decided here: that it follows no redirect. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { type ConfigError, Effect, Layer } from "effect"
import { answer, serve } from "../../servers.js"
import { transports, request, body, clientTo, unreadable, leavesNothing, lowered } from "./fixture.js"

for (const transport of transports) {
  const { layer, name } = transport

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
}
