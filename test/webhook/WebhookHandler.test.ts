import { HttpApp, HttpRouter, HttpServer, HttpServerRequest } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigError,
  ConfigProvider,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Either,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Metric,
  Queue,
  Redacted,
  Schedule,
  TestClock
} from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { inspect } from "node:util"
import type { Hint } from "../../src/domain/Hint.js"
import * as Hints from "../../src/webhook/Hints.js"
import * as Webhook from "../../src/webhook/Webhook.js"
import * as WebhookHandler from "../../src/webhook/WebhookHandler.js"
import * as Payouts from "../../src/Payouts.js"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as SandboxWebhooks from "../../src/sandbox/SandboxWebhooks.js"
import * as Telemetry from "../../src/Telemetry.js"
import { PayoutsWithHintsLive } from "../docs/webhook.js"
import { requestOf } from "../support.js"
import { tracing } from "../tracing.js"

const secret = Redacted.make("webhook-secret")
const others = Redacted.make("others-secret")

const url = "http://localhost/webhooks"

type Body = string | Uint8Array<ArrayBuffer> | null

const request = (body: Body, init: RequestInit = {}) => new Request(url, { method: "POST", body, ...init })

/** What the handler answers to a request, on this fiber and its clock. */
const handle = <E, R>(app: HttpApp.Default<E, R>, request: Request) =>
  Effect.scoped(Effect.provideService(app, HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)))

/** The status of the answer to a body. */
const post = <E, R>(app: HttpApp.Default<E, R>, body: Body) =>
  Effect.map(handle(app, request(body)), ({ status }) => status)

const webhook = (content: Partial<Webhook.Content> = {}, by = secret) =>
  Webhook.body({ id: "w-1", payout: "p-1", ...content }, by)

const make = <E = never, R = never>(options: Partial<WebhookHandler.Options<E, R>> = {}) =>
  WebhookHandler.make<E, R>({ secrets: [secret], ...options })

/** What those hear who listen for `p-1`. */
const listening = Effect.flatMap(Hints.Hints, (hints) => hints.subscribe(["p-1"])).pipe(
  Effect.map((queue) => {
    const all: Array<string> = []
    return Effect.map(Queue.takeAll(queue), (latest) => {
      all.push(...[...latest].map(({ id }) => id))
      return all
    })
  })
)

const logging = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((entry) => {
    lines.push([entry.message].flat().map(String).join(" "))
  })
  const layer = Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
  return { layer, lines }
}

const withHints = Effect.provide(Hints.layer)

const silently = Effect.provide(Logger.remove(Logger.defaultLogger))

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

describe("What is said of a webhook", () => {
  const canaries = ["webhook-secret", "others-secret", "C4n4ry"]

  const everything = { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity }

  it.scoped("shows nothing of it, nor a secret: not in logs, spans, metrics or answers (94, 110)", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const logger = Logger.make<unknown, void>((entry) => {
        const shown = [Logger.jsonLogger, Logger.logfmtLogger, Logger.stringLogger].map((one) => one.log(entry))
        written.push(inspect(entry, everything), ...shown.map(String))
      })
      const loggers = Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
      const { spans, tracer } = tracing()
      const app = yield* make({
        secrets: [secret, others],
        onHint: (hint) => Effect.fail(inspect(hint))
      })
      assert.isTrue([app, make()].every((one) => !inspect(one, everything).includes("webhook-secret")))
      const content = { customer: "C4n4ry", eventType: "C4n4ry", payout: "C4n4ry" }
      const genuine = yield* webhook(content)
      const late = yield* webhook({ ...content, timestamp: DateTime.unsafeMake(-1e9) })
      const forged = yield* webhook(content, Redacted.make("C4n4ry"))
      const bodies = [
        genuine,
        late,
        forged,
        "C4n4ry",
        `{"C4n4ry":"C4n4ry"}`,
        "C4n4ry".repeat(100_000),
        `${genuine}C4n4ry`
      ]
      const statuses: Array<number> = []
      const web = HttpApp.toWebHandlerRuntime(yield* Effect.provide(Effect.runtime<never>(), loggers))
      for (const body of bodies) {
        const answer = yield* handle(app, request(body, { headers: { "content-type": "application/json" } })).pipe(
          Effect.withSpan("request"),
          Effect.withTracer(tracer),
          Effect.provide(loggers)
        )
        statuses.push(answer.status)
        const response = yield* Effect.promise(() => web(Effect.withTracer(app, tracer))(request(body)))
        const answered = [inspect(answer, everything), JSON.stringify(answer), inspect([...response.headers])]
        const text = yield* Effect.promise(() => response.text())
        for (const canary of canaries) assert.notInclude([...answered, text].join("\n"), canary)
      }
      assert.deepStrictEqual(statuses, [500, 200, 401, 400, 400, 413, 400])
      const taking = yield* make()
      for (let turn = 0; turn < 2; turn++) {
        const taken = post(taking, genuine).pipe(Effect.withTracer(tracer), Effect.provide(loggers))
        assert.strictEqual(yield* taken, 200)
      }
      const metrics = inspect(yield* Metric.snapshot, everything)
      const traced = spans.map(({ attributes, events, links, name, status }) =>
        inspect({ attributes, events, links, name, status }, everything)
      )
      assert.isAtLeast(written.length, 20)
      assert.isAtLeast(traced.length, bodies.length)
      assert.include(metrics, "payout.webhooks")
      for (const text of [...written, ...traced, metrics]) {
        for (const canary of canaries) assert.notInclude(text, canary)
      }
      assert.isTrue(written.some((text) => text.includes("HookFailed")))
    }).pipe(withHints)
  )

  it.scoped("is counted by its ending (98)", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const counts = Effect.forEach(["Accepted", "Duplicate", "WrongSignature", "Malformed", "NotPost"], (ending) =>
        Effect.map(
          Metric.value(Metric.tagged(Telemetry.metric.webhooks, Telemetry.label.ending, ending)),
          ({ count }) => count
        )
      )
      const before = yield* counts
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook({}, others))
      yield* post(app, "")
      yield* Effect.asVoid(handle(app, new Request(url)))
      assert.deepStrictEqual(
        (yield* counts).map((count, index) => count - (before[index] ?? 0)),
        [1, 2, 1, 1, 1]
      )
    }).pipe(withHints, silently)
  )
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

describe("Over a real socket", () => {
  interface Answer {
    readonly status: number | undefined
    readonly headers: Http.IncomingHttpHeaders
    readonly body: string
  }

  const send = (port: number, body: string, options: Http.RequestOptions = {}) =>
    Effect.async<Answer, Error>((resume) => {
      const request = Http.request(
        { host: "127.0.0.1", port, path: "/webhooks", method: "POST", agent: false, ...options },
        (response) => {
          let text = ""
          response.on("data", (chunk) => (text += chunk))
          response.on("end", () =>
            resume(Effect.succeed({ status: response.statusCode, headers: response.headers, body: text }))
          )
        }
      )
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end(body)
      return Effect.sync(() => request.destroy())
    })

  const server = <R>(app: HttpApp.Default<never, R>) =>
    Effect.gen(function* () {
      const node = Http.createServer()
      const server = yield* NodeHttpServer.make(() => node, { host: "127.0.0.1", port: 0 })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          node.closeAllConnections()
        })
      )
      const router = HttpRouter.empty.pipe(HttpRouter.post("/webhooks", app), HttpRouter.all("/all", app))
      yield* server.serve(Effect.orDie(router))
      assert(server.address._tag === "TcpAddress")
      return { port: server.address.port }
    })

  /** Everything that a raw connection is told until it is closed, and whether it was. */
  const raw = (port: number, write: (socket: Net.Socket) => void) =>
    Effect.async<string>((resume) => {
      const socket = Net.connect(port, "127.0.0.1", () => write(socket))
      let text = ""
      socket.on("data", (chunk) => (text += chunk))
      socket.on("error", () => resume(Effect.succeed(text)))
      socket.on("close", () => resume(Effect.succeed(text)))
      return Effect.sync(() => socket.destroy())
    })

  it.scopedLive("webhooks are taken, and everything else is refused", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const heard = yield* listening
      const { port } = yield* server(app)
      const body = yield* webhook()
      const taken = yield* send(port, body)
      assert.deepStrictEqual([taken.status, taken.body], [200, ""])
      assert.deepStrictEqual(yield* heard, ["w-1"])
      assert.strictEqual((yield* send(port, body)).status, 200)
      assert.strictEqual((yield* send(port, yield* webhook({}, others))).status, 401)
      assert.strictEqual((yield* send(port, "C4n4ry")).status, 400)
      assert.strictEqual((yield* send(port, "", { path: "/all", method: "GET" })).status, 405)
      assert.deepStrictEqual(yield* heard, ["w-1"])
    }).pipe(withHints, silently)
  )

  it.scopedLive("what is too large is told so, and its connection is closed (99)", () =>
    Effect.gen(function* () {
      const { port } = yield* server(yield* make())
      const head = "POST /webhooks HTTP/1.1\r\nhost: localhost\r\n"
      const declared = yield* raw(port, (socket) => socket.write(`${head}content-length: 1000000\r\n\r\n{`))
      assert.match(declared, /^HTTP\/1\.1 413 [^]*connection: close/i)
      const chunk = `1000\r\n${" ".repeat(4096)}\r\n`
      const chunked = yield* raw(port, (socket) => {
        socket.write(`${head}transfer-encoding: chunked\r\n\r\n`)
        // Just too much, and then no end.
        for (let index = 0; index <= 16; index++) socket.write(chunk)
      })
      assert.match(chunked, /^HTTP\/1\.1 413 [^]*connection: close/i)
    }).pipe(withHints, silently)
  )

  it.scopedLive("what does not come is told so, and its connection is closed (99)", () =>
    Effect.gen(function* () {
      const { port } = yield* server(yield* make())
      const slow = yield* raw(port, (socket) =>
        socket.write("POST /webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
      )
      assert.match(slow, /^HTTP\/1\.1 408 [^]*connection: close/i)
    }).pipe(withHints, silently)
  )

  it.scopedLive(
    "bodies that do not come keep no genuine webhook out, and are ended when there are too many (D12)",
    () =>
      Effect.gen(function* () {
        const { port } = yield* server(yield* make({ concurrency: 2 }))
        const half = "POST /webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
        const slow = Array.from({ length: 300 }, () => raw(port, (socket) => socket.write(half)))
        const flood = yield* Effect.fork(Effect.all(slow, { concurrency: "unbounded" }))
        yield* Effect.sleep("300 millis")
        for (let turn = 0; turn < 20; turn++) {
          assert.strictEqual((yield* send(port, yield* webhook({ id: `w-${turn}` }))).status, 200)
        }
        const told = yield* Fiber.join(flood)
        for (const text of told) assert.match(text, /^HTTP\/1\.1 408 [^]*connection: close/i)
      }).pipe(withHints, silently)
  )

  it.scopedLive("forgeries take no place of a genuine webhook, however long its hook takes (D12)", () =>
    Effect.gen(function* () {
      let begun = 0
      const hook = Effect.suspend(() => (begun++ === 0 ? Effect.never : Effect.void))
      const { port } = yield* server(yield* make({ concurrency: 1, onHint: () => hook }))
      const first = yield* Effect.fork(send(port, yield* webhook({ id: "w-1" })))
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => begun === 1 })
      // Refused for what they are, and not for want of a place.
      assert.strictEqual((yield* send(port, yield* webhook({}, others))).status, 401)
      assert.strictEqual((yield* send(port, "no webhook")).status, 400)
      assert.strictEqual((yield* send(port, yield* webhook({ id: "w-2" }))).status, 503)
      yield* Fiber.interrupt(first)
    }).pipe(withHints, silently)
  )

  it.scopedLive("whoever goes away leaves room for others (99)", () =>
    Effect.gen(function* () {
      let begun = 0
      const { port } = yield* server(
        yield* make({ concurrency: 1, onHint: () => (begun++ === 0 ? Effect.never : Effect.void) })
      )
      const body = yield* webhook()
      const fiber = yield* Effect.fork(send(port, body))
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => begun === 1 })
      assert.strictEqual((yield* send(port, body)).status, 503)
      yield* Fiber.interrupt(fiber)
      const again = yield* send(port, body).pipe(
        Effect.repeat({ until: ({ status }) => status === 200, schedule: Schedule.spaced("10 millis") }),
        Effect.timeout("2 seconds"),
        Effect.either
      )
      assert.isTrue(Either.isRight(again))
    }).pipe(withHints, silently)
  )
})

describe("The wiring that the README shows", () => {
  it.scopedLive("settles a payout as soon as its webhook comes", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const sandbox = yield* Sandbox.Sandbox
      const address = yield* HttpServer.addressFormattedWith(Effect.succeed)
      const webhooks = yield* SandboxWebhooks.make({
        secret,
        receiver: SandboxWebhooks.toUrl(`${address}/webhooks/billwerk`)
      })
      const outcome = yield* payouts.create(requestOf())
      assert.strictEqual(outcome._tag, "Processing")
      // Without the webhook it would be asked for the first time in an hour.
      const waiting = yield* Effect.fork(payouts.awaitFinal(outcome, { schedule: Schedule.spaced("1 hour") }))
      yield* Effect.sleep("50 millis")
      yield* sandbox.settle("prize-2026-0042", Acquirer.paid)
      const final = yield* Effect.timeout(Fiber.join(waiting), "5 seconds")
      assert.deepStrictEqual([final._tag, final.certainty], ["Paid", "Moved"])
      assert.deepStrictEqual(
        (yield* webhooks.awaitSent(1)).map(({ eventType, status }) => [eventType, status]),
        [["payout_settled", 200]]
      )
    }).pipe(
      Effect.provide(
        PayoutsWithHintsLive.pipe(
          Layer.provideMerge(Sandbox.layerWith({ outcome: Acquirer.processing() })),
          Layer.provideMerge(NodeHttpServer.layer(Http.createServer, { host: "127.0.0.1", port: 0 })),
          Layer.provide(
            Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["BILLWERK_WEBHOOK_SECRET", "webhook-secret"]])))
          )
        )
      ),
      silently
    )
  )
})
