import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, TestClock } from "effect"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { careless, type Options } from "./cache.js"
import { create, execute, gist, handle, lookup, lookupRequest } from "./sandbox/fixture.js"

const behind = (options: Partial<Options> = {}) => {
  const cached = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, careless({ maxAge: "1 minute", noStore: "Ignored", age: "Sent", ...options }))
  )
  return Effect.provide(Layer.provideMerge(cached, Sandbox.layerHttpClient))
}

const received = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
  Effect.map(sandbox.exchanges, (exchanges) => exchanges.length)
)

describe("A careless cache", () => {
  it.effect("answers a GET with what it answered to that URL before, until it is too old", () =>
    Effect.gen(function* () {
      const first = yield* lookup()
      yield* create()
      yield* TestClock.adjust("59999 millis")
      const kept = yield* lookup()
      assert.deepStrictEqual([gist(kept), kept.text], [[404, 137], first.text])
      assert.deepStrictEqual(
        [first.headers["age"], kept.headers["age"], kept.headers["date"], kept.headers["request-id"]],
        [undefined, "59", first.headers["date"], first.headers["request-id"]]
      )
      yield* TestClock.adjust("1 millis")
      const fresh = yield* lookup()
      assert.deepStrictEqual([gist(fresh), fresh.headers["age"]], [[200, "paid"], undefined])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
      assert.strictEqual(yield* received, 3)
    }).pipe(behind())
  )

  it.effect("keeps answers of other URLs apart, and passes on what is not a GET", () =>
    Effect.gen(function* () {
      yield* lookup()
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
      assert.deepStrictEqual(gist(yield* create()), [400, 134])
      assert.deepStrictEqual(gist(yield* lookup("p-2")), [404, 137])
      const asked = HttpClientRequest.setUrlParam(lookupRequest(handle), "again", "1")
      assert.deepStrictEqual(gist(yield* execute(asked)), [200, "paid"])
      assert.strictEqual(yield* received, 5)
    }).pipe(behind())
  )

  it.effect("does not look at who asks", () =>
    Effect.gen(function* () {
      yield* create()
      yield* lookup()
      assert.deepStrictEqual(gist(yield* lookup(handle, { key: undefined })), [200, "paid"])
    }).pipe(behind())
  )

  it.effect("says no Age with the option", () =>
    Effect.gen(function* () {
      const first = yield* lookup()
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* lookup(), first)
    }).pipe(behind({ age: "Absent" }))
  )

  const noStore = HttpClientRequest.setHeader(lookupRequest(handle), "cache-control", "no-cache, no-store")

  it.effect("ignores no-store", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.header("cache-control", "no-store"))
      yield* execute(noStore)
      yield* create()
      assert.deepStrictEqual(gist(yield* execute(noStore)), [404, 137])
    }).pipe(behind())
  )

  it.effect("honours no-store with the option: neither gives such a request what it has, nor keeps the answer", () =>
    Effect.gen(function* () {
      yield* lookup()
      yield* create()
      assert.deepStrictEqual(gist(yield* execute(noStore)), [200, "paid"])
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
    }).pipe(behind({ noStore: "Honoured" }))
  )

  it.effect("honours no-store in an answer, too", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.header("cache-control", "private, No-Store"))
      yield* lookup()
      yield* create()
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
    }).pipe(behind({ noStore: "Honoured" }))
  )

  it.effect("keeps no answer that breaks off", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.truncated, Script.dropAfterCommit)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(lookup())))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(lookup())))
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
    }).pipe(behind())
  )
})
