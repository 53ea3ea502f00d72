import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream, TestClock } from "effect"
import { inspect } from "node:util"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Ledger from "../../src/sandbox/Ledger.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as Script from "../../src/sandbox/Script.js"
import { create, createBody, createRequest, execute, gist, handle, lookup } from "./fixture.js"
import { everything } from "../everything.js"

const withSandbox = (options: Sandbox.Options = {}) => Effect.provide(Sandbox.layerHttpClientWith(options))

describe("Exchanges", () => {
  it.effect("are on record in the order in which they began, with how they ended", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.dropAfterCommit)
      yield* Effect.flip(create())
      yield* TestClock.adjust("1 second")
      yield* lookup()
      yield* create()
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ ending, handle, kind, ordinal, started, status }) => [
          ordinal,
          kind,
          handle,
          started.epochMillis,
          ending,
          status
        ]),
        [
          [1, "Create", handle, 0, "Dropped", undefined],
          [2, "Lookup", handle, 1000, "Answered", 200],
          [3, "Create", handle, 1000, "Answered", 400]
        ]
      )
    }).pipe(withSandbox())
  )

  it.effect("are pending while nobody knows how they end", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal.pipe(Script.delayAnswer("1 second")))
      yield* Effect.fork(create())
      yield* Effect.yieldNow()
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map((exchange) => exchange.ending),
        ["Pending"]
      )
    }).pipe(withSandbox())
  )

  it.effect("are forgotten beyond a number, the oldest first", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* Effect.forEach([1, 2, 3, 4, 5], () => lookup())
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map((exchange) => exchange.ordinal),
        [4, 5]
      )
    }).pipe(withSandbox({ exchangesMax: 2 }))
  )

  it.effect("tell whether a repeat was the same in every byte", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual(yield* sandbox.bodies(handle), 0)
      yield* create()
      yield* create()
      yield* lookup()
      assert.strictEqual(yield* sandbox.bodies(handle), 1)
      yield* create({ amount: 12_501 })
      assert.strictEqual(yield* sandbox.bodies(handle), 2)
      const spaced = HttpClientRequest.bodyText(
        createRequest({}),
        JSON.stringify(createBody, null, 1),
        "application/json"
      )
      yield* execute(spaced)
      assert.strictEqual(yield* sandbox.bodies(handle), 3)
    }).pipe(withSandbox())
  )
})

describe("The sandbox", () => {
  it.effect(
    "keeps no secret: the key and payment methods are in nothing that it tells, but for a card in an answer",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const canaries = ["ct_canary", "ca_canary", Redacted.value(Sandbox.apiKey)]
        const tokens = yield* create({ destination: "ct_canary", customer_handle: "c" })
        const implied = yield* create({ handle: "p-2", destination: "ca_canary" })
        yield* create({ handle: "p-3", destination: "ca_canary", amount: 0 })
        const told = [
          sandbox,
          yield* sandbox.exchanges,
          yield* sandbox.ledger,
          Sandbox.apiKey,
          tokens.text,
          tokens.headers,
          // Without its card, which is the saved method's own reference.
          implied.text.replace('"id":"ca_canary"', ""),
          implied.headers
        ]
        for (const printed of told.flatMap((it) => [inspect(it, everything), JSON.stringify(it)])) {
          for (const canary of canaries) assert.notInclude(printed, canary)
        }
      }).pipe(withSandbox())
  )

  it.effect("gives ledgers that stay as they were", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const before = yield* sandbox.ledger
      yield* create()
      assert.strictEqual(before.totalMoved, 0)
      assert.deepStrictEqual(Ledger.payouts(before), [])
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("lists payouts in the order of their creation, even within one moment", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const handles = Array.from({ length: 50 }, (_, index) => `p-${(index * 7) % 50}`)
      yield* Effect.forEach(handles, (handle) => create({ handle }))
      assert.deepStrictEqual(
        Ledger.payouts(yield* sandbox.ledger).map((payout) => payout.handle),
        handles
      )
    }).pipe(withSandbox())
  )

  it.effect("begins anew after a reset, with the options as they were given", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const first = yield* create()
      yield* sandbox.always(Script.dropAfterCommit)
      yield* sandbox.paymentMethod("ca_1", "NotFound")
      yield* sandbox.reset
      assert.deepStrictEqual([yield* sandbox.exchanges, (yield* sandbox.ledger).totalMoved], [[], 0])
      assert.deepStrictEqual((yield* create()).text, first.text)
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox({ repeatOfPaid: "Replay" }))
  )

  it.effect("says the same on every run: ids come from counters and times from the clock", () =>
    Effect.gen(function* () {
      const run = Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const answers = yield* Effect.forEach([1000, 1001, 3001], (amount) => create({ handle: `p-${amount}`, amount }))
        return [answers, yield* sandbox.exchanges, Ledger.payouts(yield* sandbox.ledger)]
      })
      const again = withSandbox({ testAmounts: true })
      assert.deepStrictEqual(yield* run.pipe(again), yield* run.pipe(again))
    })
  )

  it.effect("can be shared by clients that are made of it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ outcome: Acquirer.softDeclined() })
      const client = Layer.succeed(HttpClient.HttpClient, Sandbox.httpClient(sandbox))
      yield* create().pipe(Effect.provide(client))
      assert.deepStrictEqual(gist(yield* lookup().pipe(Effect.provide(client))), [200, "failed"])
    })
  )

  it.effect("takes bodies of every kind that a client can send", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const text = JSON.stringify(createBody)
      const stream = Stream.make(text.slice(0, 10), text.slice(10)).pipe(Stream.encodeText)
      const streamed = HttpClientRequest.bodyStream(createRequest({}), stream, { contentType: "application/json" })
      assert.deepStrictEqual(gist(yield* execute(streamed)), [200, "paid"])
      assert.deepStrictEqual(gist(yield* create()), [400, 134])
      assert.strictEqual(yield* sandbox.bodies(handle), 1)
    }).pipe(withSandbox())
  )
})

describe("The ledger", () => {
  it.effect("keeps what really moved apart from what the provider knows", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.processingError({ moved: true }), Script.paid)
      yield* create()
      const hidden = yield* sandbox.ledger
      assert.deepStrictEqual(
        Ledger.payouts(hidden).map((payout) => payout.state),
        ["failed"]
      )
      assert.deepStrictEqual(
        Ledger.movements(hidden, handle).map((movement) => movement.hidden),
        [true]
      )
      yield* create()
      const both = yield* sandbox.ledger
      assert.deepStrictEqual(
        Ledger.movements(both, handle).map((movement) => movement.hidden),
        [true, false]
      )
      assert.deepStrictEqual([Ledger.movedTwice(both), Ledger.paidTwice(both)], [[handle], []])
      assert.deepStrictEqual(
        [both.totalMoved, Ledger.moved(both, handle), Ledger.moved(both, "other")],
        [25_000, 25_000, 0]
      )
    }).pipe(withSandbox())
  )
})
