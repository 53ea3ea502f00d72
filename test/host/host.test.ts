/**
 * The host's own code that runs inside ours: it never ends, cannot be interrupted, dies, or throws. A deadline holds, and no
 * result is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { HttpServerRequest } from "@effect/platform"
import { Cause, Clock, Effect, Either, Exit, Layer, Logger, Redacted, Schedule, Tracer } from "effect"
import { BillwerkClient, Handle, Hints, Payouts, RetryPolicy, Webhook, WebhookHandler } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { VirtualTime } from "../proof/simulation/VirtualTime.js"
import { layer, requestOf } from "../support.js"
import { tracing } from "../tracing.js"

const handle = Handle.Handle.make("prize-2026-0042")
const request = requestOf()

/** `Effect.never` has a timer of its own. */
const silent = Effect.async<never>(() => {})

class Broken extends Error {
  override readonly name = "Broken"
}

/** What the host's own code does instead of what it is there for. */
const ways: ReadonlyArray<readonly [name: string, self: () => Effect.Effect<never>]> = [
  ["never ends", () => silent],
  ["never ends, and cannot be interrupted", () => Effect.uninterruptible(silent)],
  ["dies", () => Effect.die(new Broken("ca_secret"))],
  ["interrupts itself", () => Effect.interrupt],
  [
    "throws",
    () => {
      throw new Broken("ca_secret")
    }
  ]
]

type Services = Layer.Layer.Success<ReturnType<typeof layer>>

/** Runs a program to its end in virtual time: what came of it, after how many seconds, and what was logged. */
const run = <A, E>(program: Effect.Effect<A, E, Services>, services: Layer.Layer<Services> = layer()) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(String(message))
  })
  const timed = Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const end = yield* Effect.map(Effect.either(program), Either.merge)
    return { end, seconds: ((yield* Clock.currentTimeMillis) - start) / 1000 }
  })
  const exit = new VirtualTime().runExit(
    Effect.provide(timed, Layer.provideMerge(services, Logger.replace(Logger.defaultLogger, logger)))
  )
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  assert.notInclude(lines.join("\n"), "ca_secret")
  return { ...exit.value, lines: lines.filter((line) => !line.startsWith("Payout ")) }
}

const sandbox = Sandbox.Sandbox
const payouts = Payouts.Payouts
const create = (policy: RetryPolicy.RetryPolicy) => Effect.flatMap(payouts, (one) => one.create(request, { policy }))

describe.each(ways)("A schedule whose step %s", (_, self) => {
  const schedule = Schedule.makeWithState(undefined, self)

  it("holds no create beyond `elapsedMax`, and what is known of the money is said", () => {
    const policy = RetryPolicy.make({ communication: schedule, elapsedMax: "1 second" })
    const { end, lines, seconds } = run(
      Effect.gen(function* () {
        yield* (yield* sandbox).script(Script.dropBeforeCommit)
        return yield* create(policy)
      })
    )
    assert(end._tag === "CommunicationError")
    assert.deepStrictEqual([end.certainty, end.exposure], ["MayHaveMoved", { min: 0, max: 12_500 }])
    assert.isAtMost(seconds, 1)
    assert.strictEqual(lines.length, 1)
    assert.match(lines[0] ?? "", /^A step of a schedule (did not end in 1s|died \(Broken\)|died \(.*Interrupted.*\))$/)
  })

  it("holds no call longer than one step may take, however much time there is", () => {
    const policy = RetryPolicy.make({ communication: schedule })
    const { end, seconds } = run(
      Effect.gen(function* () {
        yield* (yield* sandbox).always(Script.dropBeforeCommit)
        return yield* create(policy)
      })
    )
    assert.strictEqual(end._tag, "CommunicationError")
    assert.isAtMost(seconds, 10)
  })

  it("holds no `get` beyond `elapsedMax`", () => {
    const policy = RetryPolicy.make({ communication: schedule, elapsedMax: "1 second" })
    const { end, seconds } = run(
      Effect.gen(function* () {
        yield* (yield* sandbox).always(Script.status(503))
        return yield* (yield* payouts).get(handle, { policy })
      })
    )
    assert("_tag" in end && end._tag === "LookupFailed")
    assert.deepStrictEqual([end.category, end.attempts.length], ["ServerError", 1])
    assert.isAtMost(seconds, 1)
  })

  it("holds no `awaitFinal` beyond its deadline, which says what was last seen", () => {
    const { end, seconds } = run(
      Effect.gen(function* () {
        const { create, awaitFinal } = yield* payouts
        return yield* awaitFinal(yield* create(request), { schedule, deadline: "5 seconds" })
      }),
      layer({ outcome: Acquirer.processing() })
    )
    assert(end._tag === "Processing")
    assert.deepStrictEqual([end.waited?.lookups, end.attempts.length], [0, 1])
    assert.isAtMost(seconds, 5)
  })

  it("ends its own budget and no other one", () => {
    const policy = RetryPolicy.make({ communication: schedule })
    const { end } = run(
      Effect.gen(function* () {
        yield* (yield* sandbox).script(Script.apiError({ status: 429, code: 122 }))
        return yield* create(policy)
      })
    )
    assert.strictEqual(end._tag, "Paid")
  })

  it("is explained as one that grants nothing", () => {
    const { end } = run(RetryPolicy.explain(RetryPolicy.make({ communication: schedule })))
    assert("text" in end)
    assert.match(end.text, /communication: never sent again/)
  })
})

describe.each(ways)("`onContradiction` that %s", (_, self) => {
  const contradicted = () => layer({}, { onContradiction: self })

  it("takes no result with it, nor holds it up; and that is logged", () => {
    const { end, lines } = run(
      Effect.gen(function* () {
        const { create, get, awaitFinal } = yield* payouts
        const paid = yield* create(request)
        assert.strictEqual(paid._tag, "Paid")
        yield* (yield* sandbox).always(Script.onLookup(Script.altered({ state: "failed" })))
        const start = yield* Clock.currentTimeMillis
        assert.strictEqual((yield* get(handle)).state, "failed")
        const end = yield* awaitFinal(handle)
        assert.strictEqual(yield* Clock.currentTimeMillis, start)
        yield* Effect.sleep("1 minute")
        return end
      }),
      contradicted()
    )
    assert.strictEqual(end._tag, "Paid")
    assert.strictEqual(lines.length, 2)
    for (const line of lines) {
      assert.match(line, /^onContradiction (did not end in 10s|died \(Broken\)|died \(.*Interrupted.*\))$/)
    }
  })
})

describe("`onContradiction`", () => {
  const paid = Effect.gen(function* () {
    yield* (yield* payouts).create(request)
    yield* (yield* sandbox).always(Script.onLookup(Script.altered({ state: "failed" })))
  })
  const get = Effect.flatMap(payouts, ({ get }) => get(handle))

  it("may end when the service is closed while it runs", () => {
    let told = 0
    const slow = () =>
      Effect.delay(
        Effect.sync(() => void (told += 1)),
        "3 seconds"
      )
    run(Effect.zipRight(paid, get), layer({}, { onContradiction: slow }))
    assert.strictEqual(told, 1)
  })

  it("is not started more often at once than it may be, and that is logged", () => {
    let started = 0
    const stuck = () =>
      Effect.zipRight(
        Effect.sync(() => void (started += 1)),
        silent
      )
    const { lines } = run(Effect.zipRight(paid, Effect.replicateEffect(get, 20)), layer({}, { onContradiction: stuck }))
    assert.strictEqual(started, Payouts.contradictionsMax)
    assert.strictEqual(lines.filter((line) => /was not run/.test(line)).length, 4)
  })
})

describe("A logger that throws", () => {
  const throwing = Logger.replace(
    Logger.defaultLogger,
    Logger.make(() => {
      throw new Broken()
    })
  )

  it("takes no result with it", () => {
    const exit = new VirtualTime().runExit(
      Effect.gen(function* () {
        const { create, get, awaitFinal } = yield* payouts
        yield* (yield* sandbox).script(Script.unknownState())
        const paid = yield* create(request)
        yield* (yield* sandbox).always(Script.onLookup(Script.altered({ state: "failed" })))
        return [paid._tag, (yield* get(handle)).state, (yield* awaitFinal(handle))._tag]
      }).pipe(Effect.provide(Layer.provideMerge(layer(), throwing)))
    )
    assert.deepStrictEqual(exit, Exit.succeed(["Paid", "failed", "Paid"]))
  })
})

describe("A tracer that throws", () => {
  const broken = () => {
    throw new Broken()
  }
  const { tracer } = tracing()
  const tracers: ReadonlyArray<readonly [when: string, Tracer.Tracer["span"]]> = [
    ["when a span begins", broken],
    ["when a span is given an attribute", (...args) => Object.assign(tracer.span(...args), { attribute: broken })],
    ["when a span ends", (...args) => Object.assign(tracer.span(...args), { end: broken })]
  ]

  it.each(tracers)("%s takes no result with it", (_, span) => {
    const exit = new VirtualTime().runExit(
      Effect.gen(function* () {
        const { create, get } = yield* payouts
        yield* (yield* sandbox).script(Script.dropAfterCommit)
        const paid = yield* create(request)
        const declined = requestOf({ handle: "prize-2026-0043" })
        yield* (yield* sandbox).script(Script.hardDeclined())
        const error = yield* Effect.flip(create(declined))
        return [paid._tag, paid.attempts.length, error._tag, (yield* get(handle)).state]
      }).pipe(Effect.withTracer(Tracer.make({ span, context: (run) => run() })), Effect.provide(layer()))
    )
    assert.deepStrictEqual(exit, Exit.succeed(["Paid", 2, "HardDeclined", "paid"]))
  })
})

describe.each(ways)("`Hints` of the host's own that %s", (_, self) => {
  const hints = Layer.succeed(Hints.Hints, { publish: self, subscribe: self })

  it("take no poll with them", () => {
    const { end } = run(
      Effect.gen(function* () {
        const { create, awaitFinal } = yield* payouts
        return yield* awaitFinal(yield* create(request), { schedule: Schedule.spaced("10 seconds") })
      }),
      Layer.provideMerge(layer({ outcome: Acquirer.processing({ after: "25 seconds" }) }), hints)
    )
    assert.deepStrictEqual([end._tag, end.attempts.length], ["Paid", 4])
  })

  it.live("hold no webhook's answer up beyond the hook's deadline", () =>
    Effect.gen(function* () {
      const secret = Redacted.make("webhook-secret")
      const handler = yield* WebhookHandler.make({ secrets: [secret], hookDeadline: "50 millis" })
      const body = yield* Webhook.body({ id: "w-1" }, secret)
      const request = HttpServerRequest.fromWeb(new Request("http://localhost/", { method: "POST", body }))
      const answer = handler.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.provide(Logger.remove(Logger.defaultLogger)),
        Effect.disconnect,
        Effect.timeout("20 seconds")
      )
      assert.strictEqual((yield* answer).status, 200)
    }).pipe(Effect.scoped, Effect.provide(hints))
  )
})

describe("A client of the host's own that never answers, and cannot be interrupted", () => {
  it("holds no `awaitFinal` beyond its deadline", () => {
    const stuck = Effect.map(BillwerkClient.BillwerkClient, (client) => ({
      ...client,
      lookup: () => Effect.uninterruptible(silent)
    }))
    const { end, seconds } = run(
      Effect.gen(function* () {
        const accepted = yield* (yield* payouts).create(request)
        const { awaitFinal } = yield* Effect.provideServiceEffect(Payouts.make(), BillwerkClient.BillwerkClient, stuck)
        const options = { deadline: "10 seconds", schedule: Schedule.spaced("1 second") } as const
        const error = yield* Effect.flip(awaitFinal(handle, options))
        const end = yield* awaitFinal(accepted, options)
        return [error, end]
      }).pipe(Effect.scoped),
      layer({ outcome: Acquirer.processing() })
    )
    assert(Array.isArray(end))
    assert.deepStrictEqual(
      end.map(({ _tag, attempts }) => [_tag, attempts.at(-1)?.outcome]),
      [
        ["LookupFailed", "Interrupted"],
        ["Processing", "Interrupted"]
      ]
    )
    assert.strictEqual(seconds, 20)
  })
})
