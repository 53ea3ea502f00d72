import { HttpApp } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigError,
  Deferred,
  Duration,
  Effect,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Queue,
  Redacted,
  TestClock
} from "effect"
import { inspect } from "node:util"
import type { Hint } from "../../../src/domain/Hint.js"
import * as Hints from "../../../src/webhook/Hints.js"
import * as WebhookHandler from "../../../src/webhook/WebhookHandler.js"
import { secret, others, post, webhook, make, listening, withHints, silently } from "./fixture.js"

const logging = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((entry) => {
    lines.push([entry.message].flat().map(String).join(" "))
  })
  const layer = Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
  return { layer, lines }
}

describe("The hook", () => {
  it.scoped("has succeeded before a webhook is answered and anybody is woken (91)", () =>
    Effect.gen(function* () {
      const stored = yield* Deferred.make<void>()
      const hooked: Array<Hint> = []
      const app = yield* make({
        onHint: (hint) =>
          Effect.zipRight(
            Effect.sync(() => hooked.push(hint)),
            Deferred.await(stored)
          )
      })
      const heard = yield* listening
      const fiber = yield* Effect.fork(post(app, yield* webhook({ eventType: "x" })))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => hooked.length > 0 })
      assert.deepStrictEqual(
        hooked.map(({ eventType, id, references }) => [id, eventType, references]),
        [["w-1", "x", ["p-1"]]]
      )
      assert.deepStrictEqual([(yield* Fiber.poll(fiber))._tag, yield* heard], ["None", []])
      yield* Deferred.succeed(stored, undefined)
      assert.strictEqual(yield* Fiber.join(fiber), 200)
      assert.deepStrictEqual(yield* heard, ["w-1"])
    }).pipe(withHints)
  )

  const failures: ReadonlyArray<readonly [string, () => Effect.Effect<void, string>]> = [
    ["fails", () => Effect.fail("no")],
    ["dies", () => Effect.die(new Error("no"))],
    ["is interrupted", () => Effect.interrupt],
    [
      "throws",
      () => {
        throw new Error("no")
      }
    ]
  ]
  for (const [what, onFailure] of failures) {
    it.scoped(`that ${what} is answered with 500, and the webhook is taken when it comes again`, () =>
      Effect.gen(function* () {
        let turn = 0
        const app = yield* make({ onHint: () => (turn++ === 0 ? onFailure() : Effect.void) })
        const heard = yield* listening
        assert.strictEqual(yield* post(app, yield* webhook()), 500)
        assert.deepStrictEqual(yield* heard, [])
        assert.strictEqual(yield* post(app, yield* webhook()), 200)
        assert.strictEqual(yield* post(app, yield* webhook()), 200)
        assert.deepStrictEqual([yield* heard, turn], [["w-1"], 2])
      }).pipe(withHints, silently)
    )
  }

  for (const [what, hang] of [
    ["hangs", Effect.never],
    ["hangs and cannot be interrupted", Effect.uninterruptible(Effect.sleep("1 hour"))]
  ] as const) {
    it.scoped(`that ${what} is answered with 500 in time`, () =>
      Effect.gen(function* () {
        let begun = 0
        const hook = (hang: Effect.Effect<void>) =>
          Effect.zipRight(
            Effect.sync(() => (begun += 1)),
            hang
          )
        const statusAfter = (app: HttpApp.Default, id: string, millis: number) =>
          Effect.gen(function* () {
            const before = begun
            const fiber = yield* Effect.fork(Effect.uninterruptible(post(app, yield* webhook({ id }))))
            yield* Effect.repeat(Effect.yieldNow(), { until: () => begun > before })
            yield* TestClock.adjust(millis - 1)
            assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
            yield* TestClock.adjust(1)
            return yield* Fiber.join(fiber)
          })
        assert.strictEqual(yield* statusAfter(yield* make({ onHint: () => hook(hang) }), "w-1", 3_000), 500)
        const patient = yield* make({ onHint: () => hook(hang), hookDeadline: "6 seconds" })
        assert.strictEqual(yield* statusAfter(patient, "w-2", 6_000), 500)
      }).pipe(withHints, silently)
    )
  }

  it.effect("always leaves time for the answer: the provider waits for 10 seconds", () =>
    Effect.sync(() => {
      const longest = Duration.sum(WebhookHandler.bodyDeadline, WebhookHandler.hookDeadlineMax)
      assert.isAtMost(Duration.toMillis(longest), 9_000)
    })
  )

  it.scoped("may run for each of two that come at once, and whoever waits is woken once", () =>
    Effect.gen(function* () {
      const stored = yield* Deferred.make<void>()
      const published: Array<string> = []
      let begun = 0
      const counting = Hints.Hints.of({
        publish: ({ id }) => Effect.sync(() => void published.push(id)),
        subscribe: () => Queue.unbounded<Hint>()
      })
      const app = yield* make({
        onHint: () =>
          Effect.zipRight(
            Effect.sync(() => (begun += 1)),
            Deferred.await(stored)
          )
      }).pipe(Effect.provideService(Hints.Hints, counting))
      const body = yield* webhook()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(post(app, body)))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => begun === 3 })
      yield* Deferred.succeed(stored, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [200, 200, 200])
      assert.deepStrictEqual(published, ["w-1"])
    })
  )
})

describe("A flood", () => {
  it.scoped("is handled up to a number at a time, and the others are told to come again (99)", () =>
    Effect.gen(function* () {
      const stored = yield* Deferred.make<void>()
      let begun = 0
      const app = yield* make({
        concurrency: 3,
        onHint: () =>
          Effect.zipRight(
            Effect.sync(() => (begun += 1)),
            Deferred.await(stored)
          )
      })
      const bodies = yield* Effect.forEach([1, 2, 3, 4, 5], (index) => webhook({ id: `w-${index}` }))
      const fibers = yield* Effect.forEach(bodies.slice(0, 3), (body) => Effect.fork(post(app, body)))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => begun === 3 })
      assert.deepStrictEqual(yield* Effect.forEach(bodies, (body) => post(app, body)), [503, 503, 503, 503, 503])
      assert.strictEqual(begun, 3)
      yield* Deferred.succeed(stored, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [200, 200, 200])
      assert.deepStrictEqual(yield* Effect.forEach(bodies, (body) => post(app, body)), [200, 200, 200, 200, 200])
      assert.strictEqual(begun, 5)
    }).pipe(withHints, silently)
  )

  it.scoped("has room again when those have gone whose requests were being handled (99)", () =>
    Effect.gen(function* () {
      let begun = 0
      const app = yield* make({
        concurrency: 1,
        onHint: () => (begun++ === 0 ? Effect.never : Effect.void)
      })
      // As the platform runs it: the fiber of a request is uninterruptible, but for what says otherwise.
      const fiber = yield* Effect.fork(Effect.uninterruptible(post(app, yield* webhook())))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => begun === 1 })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* post(app, yield* webhook()), 200)
      assert.strictEqual(begun, 2)
    }).pipe(withHints, silently)
  )

  it.scoped("of forgeries is one line a minute in the log, with their number (94, 99)", () => {
    const { layer, lines } = logging()
    return Effect.gen(function* () {
      const app = yield* make()
      const forged = yield* webhook({}, others)
      for (let turn = 0; turn < 50; turn++) yield* post(app, forged)
      const first = "A webhook request was answered with 401: WrongSignature"
      assert.deepStrictEqual(lines, [first])
      yield* post(app, "no webhook")
      assert.deepStrictEqual(lines.splice(0), [first, "A webhook request was answered with 400: Malformed"])
      yield* TestClock.adjust("1 minute")
      yield* post(app, forged)
      yield* post(app, forged)
      assert.deepStrictEqual(lines, [`${first}, as were 49 others since the last such line`])
    }).pipe(withHints, Effect.provide(layer))
  })
})

describe("Options that are not in order", () => {
  const wiped = Redacted.make("C4n4ry")
  Redacted.unsafeWipe(wiped)
  const refused: ReadonlyArray<readonly [string, Partial<WebhookHandler.Options>]> = [
    // @ts-expect-error: what an environment without the variable comes to (D16)
    ["secrets", { secrets: [] }],
    // @ts-expect-error: no list (D16)
    ["secrets", { secrets: undefined }],
    // @ts-expect-error: not redacted (D16)
    ["secrets", { secrets: ["C4n4ry"] }],
    // @ts-expect-error: nothing redacted (D16)
    ["secrets", { secrets: [Redacted.make(undefined)] }],
    ["secrets", { secrets: [wiped] }],
    ["secrets", { secrets: [secret, wiped] }],
    ["secrets", { secrets: [Redacted.make("")] }],
    ["secrets", { secrets: [secret, Redacted.make("")] }],
    ["secrets", { secrets: [Redacted.make("C4n4ry\n")] }],
    ["secrets", { secrets: [Redacted.make("C4n4ry ")] }],
    ["secrets", { secrets: [Redacted.make("C4n4ry".repeat(50))] }],
    ["concurrency", { concurrency: 0 }],
    ["concurrency", { concurrency: 1.5 }],
    ["concurrency", { concurrency: NaN }],
    ["idsMax", { idsMax: 0 }],
    ["hookDeadline", { hookDeadline: 0 }],
    ["hookDeadline", { hookDeadline: "6001 millis" }],
    ["hookDeadline", { hookDeadline: Duration.infinity }]
  ]
  for (const [index, [name, options]] of refused.entries()) {
    it.effect(`are refused when the handler is made: ${name} #${index + 1}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(make(options))
        assert.isTrue(ConfigError.isConfigError(error))
        assert(error._op === "InvalidData")
        assert.deepStrictEqual(error.path, [name])
        assert.notInclude(`${inspect(error)} ${String(error)} ${JSON.stringify(error)}`, "C4n4ry")
      }).pipe(withHints)
    )
  }
})
