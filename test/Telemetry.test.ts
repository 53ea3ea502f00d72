import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Either, Exit, Fiber, FiberId, Metric, Option, Redacted, Stream, TestClock } from "effect"
import {
  Destination,
  Handle,
  Payouts,
  type PayoutRequest,
  Telemetry,
  type Outcome,
  type PayoutError
} from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { destination, inVirtualTime, layer, requestOf } from "./support.js"
import { type KeptSpan, tracing } from "./tracing.js"
import { everything } from "./everything.js"

const handle = "prize-2026-0042"

/** Runs a program over the in-memory provider, and gives back its spans in the order in which they began. */
const spansOf = <A, E>(
  program: Effect.Effect<A, E, Payouts.Payouts | Sandbox.Sandbox>,
  options?: Sandbox.Options
): Effect.Effect<ReadonlyArray<KeptSpan>> =>
  Effect.suspend(() => {
    const { spans, tracer } = tracing()
    return Effect.exit(program).pipe(
      Effect.withTracer(tracer),
      Effect.provide(layer(options)),
      Effect.orDie,
      Effect.map(() => spans)
    )
  })

const create = (request = requestOf()) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    inVirtualTime(Effect.map(Effect.either(payouts.create(request)), Either.merge))
  )

const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

/** A span as a person reads it: name, kind, the name of its parent, and its attributes but for a stack. */
const shown = ({ attributes, kind, name, parent }: KeptSpan) => ({
  name,
  kind,
  parent: Option.match(parent, {
    onNone: () => undefined,
    onSome: (one) => (one._tag === "Span" ? one.name : "an external span")
  }),
  attributes: Object.fromEntries([...attributes].filter(([key]) => key !== "code.stacktrace"))
})

const payout = (over: Record<string, unknown>) => ({
  name: "Payouts.create",
  kind: "internal",
  parent: undefined,
  attributes: { "payout.handle": handle, ...over }
})

const attempt = (kind: "create" | "lookup", over: Record<string, unknown>) => ({
  name: `BillwerkClient.${kind}`,
  kind: "client",
  parent: "Payouts.create",
  attributes: { "payout.handle": handle, "http.request.method": kind === "create" ? "POST" : "GET", ...over }
})

describe("The spans of a payout", () => {
  it.effect("are one for the payout and one for its attempt", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(create())
      const requestId = spans[1]?.attributes.get(Telemetry.attribute.requestId)
      assert.match(String(requestId), /^[0-9a-f-]{8,}$/)
      assert.deepStrictEqual<unknown>(spans.map(shown), [
        payout({ "payout.outcome": "Paid", "payout.certainty": "Moved", "payout.attempts": 1 }),
        attempt("create", {
          "billwerk.reply": "PayoutBody",
          "http.response.status_code": 200,
          "billwerk.request_id": requestId
        })
      ])
    })
  )

  it.effect("are one for each exchange, with what is on record of it, when answers are lost, limited and refused", () =>
    Effect.gen(function* () {
      let end: Outcome.Outcome | PayoutError.PayoutError | undefined
      const spans = yield* spansOf(
        Effect.gen(function* () {
          yield* script(
            Script.dropBeforeCommit,
            Script.apiError({ status: 404, code: 137 }),
            Script.apiError({ status: 429, code: 122 }),
            Script.htmlPage,
            Script.stalled
          )
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.always(Script.apiError({ status: 401, code: 6 }))
          end = yield* create()
        })
      )
      assert(end !== undefined)
      const [call, ...exchanges] = spans.map(shown)
      assert.deepStrictEqual<unknown>(
        call,
        payout({
          "payout.outcome": end._tag,
          "payout.certainty": "MayHaveMoved",
          "payout.attempts": end.attempts.length
        })
      )
      const replies = ["Transport", "ApiError", "ApiError", "Unreadable", "CutOff", "ApiError"]
      assert.isAbove(exchanges.length, replies.length)
      assert.deepStrictEqual(
        exchanges.slice(0, replies.length).map(({ attributes }) => attributes["billwerk.reply"]),
        replies
      )
      assert.deepStrictEqual<unknown>(
        exchanges,
        end.attempts.map(({ code, kind, requestId, status }, index) =>
          attempt(kind === "Create" ? "create" : "lookup", {
            "billwerk.reply": exchanges[index]?.attributes["billwerk.reply"],
            ...(status === undefined ? {} : { "http.response.status_code": status }),
            ...(code === undefined ? {} : { "billwerk.error_code": code }),
            ...(requestId === undefined ? {} : { "billwerk.request_id": requestId })
          })
        )
      )
    })
  )

  it.effect("all end, as what they are about ended", () =>
    Effect.gen(function* () {
      const [call, exchange] = yield* spansOf(Effect.zipRight(script(Script.hardDeclined()), create()))
      assert(call?.status._tag === "Ended" && exchange?.status._tag === "Ended")
      assert.isTrue(Exit.isFailure(call.status.exit))
      // The provider's answer is an answer, whatever it says.
      assert.isTrue(Exit.isSuccess(exchange.status.exit))
      assert.strictEqual(call.attributes.get("payout.outcome"), "HardDeclined")
      assert.strictEqual(call.attributes.get("payout.certainty"), "NotMoved")
    })
  )

  it.effect("last as long as the exchange does, by the monotonic clock", () =>
    Effect.gen(function* () {
      const [, exchange] = yield* spansOf(
        Effect.zipRight(script(Script.delayAnswer("42 seconds")(Script.normal)), create())
      )
      assert(exchange?.status._tag === "Ended")
      assert.strictEqual(exchange.status.endTime - exchange.status.startTime, 42_000_000_000n)
    })
  )

  it.effect("are children of the caller's own", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(Effect.withSpan(create(), "checkout"))
      assert.deepStrictEqual(
        spans.map(shown).map(({ name, parent }) => [name, parent]),
        [
          ["checkout", undefined],
          ["Payouts.create", "checkout"],
          ["BillwerkClient.create", "Payouts.create"]
        ]
      )
    })
  )

  it.effect("have one set of attempts for calls that share a conversation (84)", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          yield* script(Script.delayAnswer("1 second")(Script.normal))
          const payouts = yield* Payouts.Payouts
          yield* inVirtualTime(
            Effect.all(
              Array.from({ length: 5 }, () => payouts.create(requestOf())),
              { concurrency: "unbounded" }
            )
          )
        })
      )
      assert.deepStrictEqual(spans.map(({ name }) => name).sort(), [
        "BillwerkClient.create",
        ...Array.from({ length: 5 }, () => "Payouts.create")
      ])
      const calls = spans.filter(({ name }) => name === "Payouts.create").map(shown)
      for (const call of calls) {
        assert.deepStrictEqual<unknown>(
          call,
          payout({ "payout.outcome": "Paid", "payout.certainty": "Moved", "payout.attempts": 1 })
        )
      }
    })
  )

  it.effect("end when the call is interrupted (82)", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          yield* script(Script.hangAfterCommit)
          const payouts = yield* Payouts.Payouts
          const fiber = yield* Effect.fork(payouts.create(requestOf()))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interruptAs(fiber, FiberId.none)
        })
      )
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag === "Ended" && Exit.isInterrupted(status.exit)]),
        [
          ["Payouts.create", true],
          ["BillwerkClient.create", true]
        ]
      )
    })
  )

  it.effect("are one for each page of a list, without its filter, and one for a transaction's details", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 2))
      const history = Array.from({ length: 12 }, (_, index): Sandbox.PastPayout => ({
        handle: `p-${index}`,
        amount: 1,
        transactions: [{ created: { age: "1 hour" }, destination, outcome: Acquirer.paid }]
      }))
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const payouts = yield* Payouts.Payouts
          const [from, to] = [DateTime.unsafeMake("2026-11-01"), DateTime.unsafeMake("2026-11-03")]
          yield* Stream.runDrain(payouts.list({ from, to, card: destination, pageSize: 10 }))
          yield* payouts.transactionDetails(Handle.Handle.make("p-0"), "a0000000000000000000000000000001")
        }),
        { history }
      )
      const page = { "http.request.method": "GET", "billwerk.reply": "PageBody", "http.response.status_code": 200 }
      assert.deepStrictEqual(
        spans
          .map(shown)
          .map(({ attributes: { "billwerk.request_id": _, ...attributes }, name, parent }) => [
            name,
            parent,
            attributes
          ]),
        [
          ["BillwerkClient.lookUpAccount", undefined, { ...page, "billwerk.reply": "AccountBody" }],
          ["BillwerkClient.list", undefined, page],
          ["BillwerkClient.list", undefined, page],
          ["Payouts.transactionDetails", undefined, { "payout.handle": "p-0" }],
          [
            "BillwerkClient.transactionDetails",
            "Payouts.transactionDetails",
            { ...page, "payout.handle": "p-0", "billwerk.reply": "DetailsBody" }
          ]
        ]
      )
      assert.notInclude(inspect(spans, everything), destination)
    })
  )

  it.effect("are named for recover and get as well", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const payouts = yield* Payouts.Payouts
          yield* inVirtualTime(payouts.recover(requestOf()))
          yield* payouts.get(requestOf().handle)
        })
      )
      assert.deepStrictEqual(
        spans.map(shown).map(({ name, parent }) => [name, parent]),
        [
          ["Payouts.recover", undefined],
          ["BillwerkClient.lookup", "Payouts.recover"],
          ["BillwerkClient.create", "Payouts.recover"],
          ["Payouts.get", undefined],
          ["BillwerkClient.lookup", "Payouts.get"]
        ]
      )
    })
  )
})

describe("No span", () => {
  it.effect("is made of what only looks like a request: its handle may be anything, a token too (102)", () =>
    Effect.gen(function* () {
      const forged = Object.assign({}, requestOf(), { handle: "ct_0123456789abcdef0123456789abcdef" })
      for (const given of [forged, JSON.parse("null")]) {
        const spans = yield* spansOf(
          Effect.flatMap(Payouts.Payouts, ({ create, recover }) =>
            Effect.all([Effect.flip(create(given)), Effect.flip(recover(given))])
          )
        )
        assert.deepStrictEqual(spans.map(shown), [])
      }
    })
  )

  const customer = { handle: "canary-customer", email: "canary@example.com" }
  const token = "ct_canary5f1c4d2e9b7a"
  const requests = [
    requestOf({ customer, text: "canary-text" }),
    requestOf({ destination: Redacted.make(token), customer, acquirerReference: "canary-reference" })
  ]
  const endings: ReadonlyArray<readonly [says: string, step: (request: PayoutRequest.PayoutRequest) => Script.Step]> = [
    ["paid", () => Script.normal],
    ["declined", () => Script.hardDeclined()],
    ["lost", () => Script.dropAfterCommit],
    [
      "refused in words that repeat it",
      (request) =>
        Script.apiError({ status: 400, code: 1, error: `No such method: ${Destination.unwrap(request.destination)}` })
    ],
    ["unreadable", () => Script.htmlPage]
  ]

  for (const [says, step] of endings) {
    it.effect(`of a payout that is ${says} has a destination, a customer, a text or a key (109, 110)`, () =>
      Effect.gen(function* () {
        for (const request of requests) {
          const spans = yield* spansOf(Effect.zipRight(script(step(request)), create(request)))
          assert.isAtLeast(spans.length, 2)
          for (const span of spans) {
            const reported = inspect(
              [span.name, span.attributes, span.events, span.links.map(({ attributes }) => attributes)],
              everything
            )
            // What a span ended with is exported, if it is a failure.
            const ended = inspect(span.status, everything)
            for (const secret of [destination, token, Redacted.value(Sandbox.apiKey), "canary"]) {
              assert.notInclude(reported, secret)
              if (secret !== "canary") assert.notInclude(ended, secret)
            }
          }
        }
      })
    )
  }
})

describe("The metrics of a payout", () => {
  /** The registry is the process's own, so a test looks at what is added to it, by name and labels. */
  const counted = Effect.map(Metric.snapshot, (pairs) => {
    const values = new Map<string, number>()
    for (const { metricKey, metricState } of pairs) {
      if (!metricKey.name.startsWith("payout.")) continue
      const labels = metricKey.tags.map(({ key, value }) => `${key}=${value}`).sort()
      const state: object = metricState
      const value = "count" in state ? state.count : "value" in state ? state.value : undefined
      values.set([metricKey.name, ...labels].join(" "), Number(value))
    }
    return values
  })
  const added = <A, E, R>(program: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const before = yield* counted
      yield* program
      return Object.fromEntries(
        [...(yield* counted)].flatMap(([key, value]) => {
          const more = value - (before.get(key) ?? 0)
          return more === 0 ? [] : [[key, more]]
        })
      )
    })

  it.effect("count what became of it, each exchange, and each wait by its category", () =>
    Effect.gen(function* () {
      yield* script(Script.apiError({ status: 429, code: 122 }), Script.dropAfterCommit)
      assert.deepStrictEqual<unknown>(yield* added(create()), {
        "payout.outcomes payout.certainty=Moved payout.outcome=Paid": 1,
        "payout.attempts payout.attempt_kind=Create payout.outcome=RateLimited": 1,
        "payout.attempts payout.attempt_kind=Create payout.outcome=CommunicationError": 1,
        "payout.attempts payout.attempt_kind=Lookup payout.outcome=Paid": 1,
        "payout.waits payout.category=rateLimited": 1
      })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("say how much may have moved, for as long as it may", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const sandbox = yield* Sandbox.Sandbox
      yield* script(Script.processing())
      assert.deepStrictEqual<unknown>(yield* added(create(requestOf({ currency: "SEK" }))), {
        "payout.outcomes payout.certainty=MayHaveMoved payout.outcome=Processing": 1,
        "payout.attempts payout.attempt_kind=Create payout.outcome=Processing": 1,
        "payout.in_doubt": 1,
        "payout.in_doubt.exposure payout.currency=SEK": 12_500
      })
      const known = yield* create(requestOf({ currency: "SEK" }))
      assert(known._tag === "Processing")
      yield* TestClock.adjust("100 seconds")
      yield* sandbox.settle(handle, Acquirer.paid)
      assert.deepStrictEqual<unknown>(yield* added(inVirtualTime(payouts.awaitFinal(known))), {
        "payout.outcomes payout.certainty=Moved payout.outcome=Paid": 1,
        "payout.attempts payout.attempt_kind=Lookup payout.outcome=Paid": 1,
        "payout.final_age payout.outcome=Paid": 1,
        "payout.in_doubt": -1,
        "payout.in_doubt.exposure payout.currency=SEK": -12_500
      })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("count an exchange that was interrupted, and none where nothing was under way", () =>
    Effect.gen(function* () {
      yield* script(Script.hangBeforeCommit)
      const interrupted = Effect.gen(function* () {
        const fiber = yield* Effect.fork(create(requestOf({ currency: "NOK" })))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
      })
      assert.deepStrictEqual<unknown>(yield* added(interrupted), {
        "payout.attempts payout.attempt_kind=Create payout.outcome=Interrupted": 1,
        "payout.in_doubt": 1,
        "payout.in_doubt.exposure payout.currency=NOK": 12_500
      })
      const waiting = Effect.gen(function* () {
        const payouts = yield* Payouts.Payouts
        yield* script(Script.connectionRefused.pipe(Script.times(100)))
        const fiber = yield* Effect.fork(payouts.create(requestOf({ handle: "waits", currency: "NOK" })))
        yield* TestClock.adjust("1 millis")
        yield* Fiber.interrupt(fiber)
      })
      const counted = yield* added(waiting)
      assert.notInclude(Object.keys(counted).join(), "Interrupted")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("say nothing more of what may have moved when the service that remembers it is gone (S1)", () =>
    Effect.gen(function* () {
      const paying = Effect.flatMap(script(Script.processing()), () => create(requestOf({ currency: "SEK" })))
      assert.deepStrictEqual<unknown>(yield* added(Effect.provide(paying, layer())), {
        "payout.outcomes payout.certainty=MayHaveMoved payout.outcome=Processing": 1,
        "payout.attempts payout.attempt_kind=Create payout.outcome=Processing": 1
      })
    })
  )

  it.effect("have no label that names a payout, a person or a secret (I8)", () =>
    Effect.gen(function* () {
      yield* create(requestOf({ customer: "c-1" }))
      const names = [...(yield* counted).keys()].join("\n")
      for (const secret of [handle, destination, "c-1", Redacted.value(Sandbox.apiKey)])
        assert.notInclude(names, secret)
      assert.match(names, /payout\.outcomes/)
    }).pipe(Effect.provide(layer()))
  )
})
