import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import * as Webhook from "../../../src/webhook/Webhook.js"
import {
  secret,
  others,
  url,
  type Body,
  request,
  handle,
  post,
  webhook,
  make,
  listening,
  withHints,
  silently
} from "./fixture.js"

describe("A webhook that is rightly signed", () => {
  it.scoped("is answered with 200, and wakes whoever waits for what it names", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const heard = yield* listening
      const answer = yield* handle(app, request(yield* webhook()))
      assert.deepStrictEqual([answer.status, answer.body._tag], [200, "Empty"])
      assert.deepStrictEqual(yield* heard, ["w-1"])
      assert.strictEqual(yield* post(app, yield* webhook({ id: "w-2", payout: "p-2" })), 200)
      assert.deepStrictEqual(yield* heard, ["w-1"])
    }).pipe(withHints)
  )

  it.scoped(
    "wakes nobody again when it is repeated, or replayed under the same id with something else in it (92)",
    () =>
      Effect.gen(function* () {
        const app = yield* make()
        const heard = yield* listening
        const body = yield* webhook({ payout: "p-2" })
        for (const repeated of [body, body, body.replace("p-2", "p-1")]) {
          assert.strictEqual(yield* post(app, repeated), 200)
          yield* TestClock.adjust("1 minute")
        }
        assert.deepStrictEqual(yield* heard, [])
        assert.strictEqual(yield* post(app, yield* webhook({ id: "w-2" })), 200)
        assert.deepStrictEqual(yield* heard, ["w-2"])
      }).pipe(withHints)
  )

  it.scoped("is answered with 200 when it is late, and wakes nobody: a refusal would hold back others (96)", () =>
    Effect.gen(function* () {
      const hooked: Array<string> = []
      const app = yield* make({ onHint: ({ id }) => Effect.sync(() => hooked.push(id)) })
      const heard = yield* listening
      const body = yield* webhook()
      const future = yield* webhook({ id: "w-2", timestamp: DateTime.unsafeMake(3_600_000 + 300_001) })
      yield* TestClock.setTime(3_600_000)
      assert.strictEqual(yield* post(app, body), 200)
      assert.strictEqual(yield* post(app, future), 200)
      assert.deepStrictEqual([yield* heard, hooked], [[], []])
      // And it is not remembered as one that was accepted.
      yield* TestClock.setTime(3_600_001)
      assert.strictEqual(yield* post(app, future), 200)
      assert.deepStrictEqual([yield* heard, hooked], [["w-2"], ["w-2"]])
    }).pipe(withHints, silently)
  )

  it.scoped("is taken late, if that is tolerated (96)", () =>
    Effect.gen(function* () {
      const app = yield* make({ tolerance: "3 days" })
      const heard = yield* listening
      const body = yield* webhook()
      yield* TestClock.setTime(Duration.toMillis("3 days"))
      assert.strictEqual(yield* post(app, body), 200)
      assert.deepStrictEqual(yield* heard, ["w-1"])
    }).pipe(withHints)
  )

  it.scoped("is answered with 200 whatever event it is of, or none (98)", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const heard = yield* listening
      for (const [index, eventType] of ["customer_created", "payout_settled", "unheard_of", undefined].entries()) {
        const body = yield* webhook({ id: `w-${index}`, eventType })
        assert.strictEqual(yield* post(app, body), 200)
        assert.deepStrictEqual((yield* heard).splice(0), [`w-${index}`])
      }
    }).pipe(withHints)
  )

  it.scoped("is taken with the old and the new secret while it is being changed (100)", () =>
    Effect.gen(function* () {
      const app = yield* make({ secrets: [secret, others] })
      assert.strictEqual(yield* post(app, yield* webhook()), 200)
      assert.strictEqual(yield* post(app, yield* webhook({ id: "w-2" }, others)), 200)
      assert.strictEqual(yield* post(app, yield* webhook({ id: "w-3" }, Redacted.make("third"))), 401)
    }).pipe(withHints, silently)
  )

  it.scoped("is remembered among the latest ones, so that the memory for them is bounded (99)", () =>
    Effect.gen(function* () {
      const app = yield* make({ idsMax: 3 })
      const heard = yield* listening
      const wakes = (id: string) =>
        Effect.gen(function* () {
          yield* post(app, yield* webhook({ id }))
          return (yield* heard).splice(0).length === 1
        })
      assert.deepStrictEqual(yield* Effect.forEach(["1", "2", "3"], wakes), [true, true, true])
      assert.deepStrictEqual(yield* Effect.forEach(["1", "2", "3"], wakes), [false, false, false])
      assert.deepStrictEqual(yield* Effect.forEach(["4", "3", "2", "1"], wakes), [true, false, false, true])
    }).pipe(withHints)
  )
})

describe("The secrets of a handler", () => {
  it.scoped("are kept when the caller wipes them (F10)", () =>
    Effect.gen(function* () {
      const [one, two] = [Redacted.make("webhook-secret"), Redacted.make("others-secret")]
      const app = yield* make({ secrets: [one, two] })
      const bodies = [yield* webhook({ id: "w-1" }), yield* webhook({ id: "w-2" }, others)]
      Redacted.unsafeWipe(one)
      Redacted.unsafeWipe(two)
      assert.deepStrictEqual(yield* Effect.forEach(bodies, (body) => post(app, body)), [200, 200])
      // A verification of one's own has no copy: a secret that is gone fits nothing.
      const refused = yield* Effect.flip(Webhook.verify(bodies[0] ?? "", { secrets: [one, two] }))
      assert.strictEqual(refused.reason, "WrongSignature")
    }).pipe(withHints)
  )
})

describe("A request that is refused", () => {
  it.scoped("is answered with what it deserves, wakes nobody, and runs no hook (94, 99)", () =>
    Effect.gen(function* () {
      const hooked: Array<string> = []
      const app = yield* make({ onHint: ({ id }) => Effect.sync(() => hooked.push(id)) })
      const heard = yield* listening
      const body = yield* webhook()
      const altered = { ...JSON.parse(body), id: "w-2" }
      const { signature: _, ...unsigned } = JSON.parse(body)
      const cases: ReadonlyArray<readonly [number, Body]> = [
        [401, yield* webhook({}, others)],
        [401, JSON.stringify(altered)],
        [401, JSON.stringify(unsigned)],
        [401, body.replace(/"signature":"\w+"/, (text) => text.toUpperCase().replace("SIGNATURE", "signature"))],
        [400, "{}"],
        [400, ""],
        [400, null],
        [400, "<xml/>"],
        [400, body.slice(0, -1)],
        [413, body.padEnd(65_537)],
        [413, new Uint8Array(10_000_000)]
      ]
      for (const [status, body] of cases) assert.strictEqual(yield* post(app, body), status, inspect(body).slice(0, 99))
      assert.deepStrictEqual([yield* heard, hooked], [[], []])
      assert.strictEqual(yield* post(app, body.padEnd(65_536)), 200)
      assert.deepStrictEqual([yield* heard, hooked], [["w-1"], ["w-1"]])
    }).pipe(withHints, silently)
  )

  it.scoped("is answered with 405 if it is no POST, whatever it says", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const heard = yield* listening
      for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const body = ["GET", "HEAD"].includes(method) ? null : yield* webhook()
        const answer = yield* handle(app, new Request(url, { method, body }))
        assert.deepStrictEqual([answer.status, answer.headers["allow"]], [405, "POST"])
      }
      assert.deepStrictEqual(yield* heard, [])
    }).pipe(withHints, silently)
  )

  it.scoped("is not read further than the most that a webhook may have (99)", () =>
    Effect.gen(function* () {
      const app = yield* make()
      let pulled = 0
      const endless = () =>
        new ReadableStream({
          pull: (controller) => {
            pulled += 1
            controller.enqueue(new Uint8Array(1024).fill(32))
          }
        })
      const streamed = { method: "POST", duplex: "half" } as const
      const answer = yield* handle(app, new Request(url, { ...streamed, body: endless() }))
      assert.strictEqual(answer.status, 413)
      assert.isAtMost(pulled, 70)
      // Of what says that it is too large, nothing is read.
      pulled = 0
      const headers = { "content-length": "65537" }
      assert.strictEqual((yield* handle(app, new Request(url, { ...streamed, headers, body: endless() }))).status, 413)
      assert.isAtMost(pulled, 2)
      // Nor is more read of what says that it is small.
      pulled = 0
      const small = { "content-length": "10" }
      assert.strictEqual(
        (yield* handle(app, new Request(url, { ...streamed, headers: small, body: endless() }))).status,
        413
      )
      assert.isAtMost(pulled, 70)
    }).pipe(withHints, silently)
  )

  it.scoped("is answered with 408 if its body does not come, and with 400 if it breaks off (99)", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const streamed = { method: "POST", duplex: "half" } as const
      const slow = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([123])) })
      const fiber = yield* Effect.fork(handle(app, new Request(url, { ...streamed, body: slow })))
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 408)
      const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) })
      assert.strictEqual((yield* handle(app, new Request(url, { ...streamed, body: broken }))).status, 400)
    }).pipe(withHints, silently)
  )
})
