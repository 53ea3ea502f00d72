/** The programs of the documents that book by handle, story by story: what they do with the funds. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Redacted, type Scope } from "effect"
import { type Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { pay, PayoutsLive, Tables } from "./docs/agentsRight.js"
import { PayoutsObject } from "./docs/durableObject.js"
import { nextStep } from "./docs/match.js"
import worker from "./docs/worker.js"
import { Funds, payPrize } from "./docs/workflow.js"
import { requestOf } from "./support.js"

const prize = { id: 42, card: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500 }
const otherCard = { ...prize, card: "ca_0123456789abcdef0123456789abcdef" }
const otherAmount = { ...prize, amount: 20_000 }

/** Tables that outlive the processes, and what they were asked. */
const tables = () => {
  const evidence = new Map<string, Exposure.Evidence>()
  const calls: Array<string> = []
  const note = (call: string) => Effect.sync(() => void calls.push(call))
  const layer = Layer.succeed(Tables, {
    evidenceOf: (handle) => Effect.sync(() => Option.fromNullable(evidence.get(handle))),
    keep: (one) => Effect.sync(() => void evidence.set(one.handle, one)),
    book: (_, amount) => note(`book ${amount}`),
    release: () => note("release"),
    askAPerson: (_, atMost) => note(`ask, at most ${atMost}`)
  })
  /** Each run is a process of its own, which is killed after so many seconds. */
  const run = (one: typeof prize, killedAfter = 900) =>
    pay(one).pipe(
      Effect.provide(Layer.provideMerge(PayoutsLive, layer)),
      Effect.timeoutOption(`${killedAfter} seconds`),
      Sandbox.inVirtualTime
    )
  return { calls, run }
}

const moved = Effect.flatMap(Sandbox.Sandbox, ({ ledger }) =>
  Effect.map(ledger, (ledger) => Ledger.moved(ledger, "prize.42"))
)
const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

describe("agentsRight.ts", () => {
  for (const [what, other] of [
    ["card", otherCard],
    ["amount", otherAmount]
  ] as const) {
    it.effect(`releases nothing of a paid prize that comes again with another ${what}`, () => {
      const { calls, run } = tables()
      return Effect.gen(function* () {
        yield* run(prize)
        yield* run(other)
        assert.deepStrictEqual(calls, ["book 12500", "ask, at most 12500"])
        assert.strictEqual(yield* moved, 12_500)
      }).pipe(Effect.provide(Sandbox.layer))
    })
  }

  it.effect("releases nothing when the process was killed under way, and the next one has another card", () => {
    const { calls, run } = tables()
    return Effect.gen(function* () {
      yield* script(Script.hangAfterCommit.pipe(Script.onCreate))
      yield* run(prize, 1)
      yield* run(otherCard)
      assert.deepStrictEqual(calls, ["ask, at most 12500"])
      yield* run(prize)
      assert.deepStrictEqual(calls, ["ask, at most 12500", "book 12500"])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  })

  it.effect(
    "keeps the funds of a payout that is processing, although another card was refused under its handle",
    () => {
      const { calls, run } = tables()
      return Effect.gen(function* () {
        yield* run(prize, 1)
        yield* run(otherCard, 1)
        assert.deepStrictEqual(calls, ["ask, at most 12500"])
        yield* Sandbox.inVirtualTime(Effect.sleep("2 hours"))
        yield* run(prize)
        assert.deepStrictEqual(calls, ["ask, at most 12500", "book 12500"])
      }).pipe(Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing({ after: "1 hour" }) })))
    }
  )

  it.effect("books what has certainly moved, and asks a person about an earlier processing error", () => {
    const { calls, run } = tables()
    return Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }).pipe(Script.onCreate))
      yield* run(prize)
      assert.deepStrictEqual(calls, ["book 12500", "ask, at most 12500"])
      assert.strictEqual(yield* moved, 25_000)
    }).pipe(Effect.provide(Sandbox.layer))
  })

  for (const [what, step] of [
    ["without a connection", Script.connectionRefused],
    ["over the limit", Script.apiError({ status: 429, code: 122 })],
    ["with a refused key", Script.apiError({ status: 401, code: 6 })]
  ] as const) {
    it.effect(`releases nothing in runs ${what}, and books the one that pays`, () => {
      const { calls, run } = tables()
      return Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.always(step)
        for (let runs = 0; runs < 4; runs++) yield* run(prize)
        assert.deepStrictEqual(calls, [])
        yield* sandbox.clear
        yield* run(prize)
        assert.deepStrictEqual(calls, ["book 12500"])
      }).pipe(Effect.provide(Sandbox.layer))
    })
  }

  it.effect("releases the funds of a certain decline", () => {
    const { calls, run } = tables()
    return Effect.gen(function* () {
      yield* script(Script.hardDeclined())
      yield* run(prize)
      assert.deepStrictEqual(calls, ["release"])
    }).pipe(Effect.provide(Sandbox.layer))
  })
})

describe("workflow.ts", () => {
  const played = (story: Effect.Effect<unknown, object, Payouts.Payouts | Funds | Sandbox.Sandbox>) =>
    Effect.gen(function* () {
      const calls: Array<string> = []
      const note = (call: string) => Effect.sync(() => void calls.push(call))
      const FundsTest = Layer.succeed(Funds, {
        reserve: () => Effect.void,
        book: (_, amount) => note(`book ${amount}`),
        release: () => note("release"),
        askAPerson: (_, atMost) => note(`ask, at most ${atMost}`)
      })
      yield* Sandbox.inVirtualTime(Effect.ignore(story)).pipe(
        Effect.provide(Layer.mergeAll(Payouts.layer, FundsTest).pipe(Layer.provideMerge(Sandbox.layer)))
      )
      return calls
    })

  it.effect("releases nothing of a paid prize that comes again with another card", () =>
    Effect.gen(function* () {
      const calls = yield* played(
        Effect.zipRight(payPrize(requestOf()), payPrize(requestOf({ destination: otherCard.card })))
      )
      assert.deepStrictEqual(calls, ["book 12500", "ask, at most 12500"])
    })
  )

  it.effect("books what has certainly moved, and asks a person about an earlier processing error", () =>
    Effect.gen(function* () {
      const hidden = script(Script.processingError({ moved: true }).pipe(Script.onCreate))
      const calls = yield* played(Effect.zipRight(hidden, payPrize(requestOf())))
      assert.deepStrictEqual(calls, ["book 12500", "ask, at most 12500"])
    })
  )
})

describe("match.ts", () => {
  const said = (...steps: ReadonlyArray<Script.Step>) =>
    Effect.gen(function* () {
      yield* script(...steps)
      const payouts = yield* Payouts.Payouts
      yield* Effect.ignore(payouts.create(requestOf()))
      return nextStep(yield* Effect.flip(payouts.create(requestOf())))
    }).pipe(Effect.provide(Layer.provideMerge(Payouts.layerWith({ policy: RetryPolicy.none }), Sandbox.layer)))

  it.effect("asks for no other card while an earlier create may have paid", () =>
    Effect.gen(function* () {
      const next = yield* said(Script.onCreate(Script.dropBeforeCommit), Script.onCreate(Script.hardDeclined()))
      assert.strictEqual(next, "recover prize-2026-0042: up to 12500 may have moved")
    })
  )
})

/** The programs for Workers, on Node: their `fetch` reaches a Sandbox on a socket, whatever it asks for. */
const onWorkers = <E extends object>(
  story: (sandbox: Sandbox.Sandbox["Type"]) => Effect.Effect<void, E, Scope.Scope>
): Effect.Effect<void, object> =>
  Effect.gen(function* () {
    const { url } = yield* SandboxServer.SandboxServer
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const before = globalThis.fetch
        globalThis.fetch = (input, init) => {
          const { pathname, search } = new URL(input instanceof Request ? input.url : input)
          return before(`${url}${pathname}${search}`, init)
        }
        return before
      }),
      (before) => Effect.sync(() => void (globalThis.fetch = before))
    )
    yield* story(yield* Sandbox.Sandbox)
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(SandboxServer.layer, Sandbox.layerSandbox)))

const env = { BILLWERK_API_KEY: Redacted.value(Sandbox.apiKey) }
const posted = (card = prize.card) =>
  new Request("https://worker.example/", {
    method: "POST",
    body: JSON.stringify({ handle: "prize.42", destination: card, amount: 12_500, currency: "DKK" })
  })
const answered = (answer: Promise<Response>): Effect.Effect<unknown> =>
  Effect.promise(async () => {
    const response = await answer
    return [response.status, await response.json()]
  })

describe("worker.ts", () => {
  it.live("gives the payout to the runtime, so it goes on when its caller leaves", () =>
    onWorkers((sandbox) =>
      Effect.gen(function* () {
        const kept: Array<Promise<unknown>> = []
        // The caller leaves at once: nothing waits for the answer but the runtime.
        void worker.fetch(posted(), env, { waitUntil: (promise) => void kept.push(promise) })
        yield* Effect.promise(() => Promise.resolve()).pipe(Effect.repeat({ until: () => kept.length > 0 }))
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize.42"), 0)
        yield* Effect.promise(() => Promise.all(kept))
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize.42"), 12_500)
      })
    )
  )

  it.live("pays nothing again when a request comes again after a 202", () =>
    onWorkers((sandbox) =>
      Effect.gen(function* () {
        const ask = Effect.suspend(() => answered(worker.fetch(posted(), env, { waitUntil: () => undefined })))
        yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate))
        assert.deepStrictEqual(yield* ask, [202, { reason: "ProcessingError" }])
        assert.deepStrictEqual(yield* ask, [202, { reason: "ProcessingError" }])
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize.42"), 12_500)
      })
    )
  )
})

describe("durableObject.ts", () => {
  it.live("says of a handle that another card was paid under it that money has moved", () =>
    onWorkers(() =>
      Effect.gen(function* () {
        const rows = new Map<string, unknown>()
        const storage = {
          get: async (key: string) => rows.get(key),
          put: async (key: string, value: unknown) => void rows.set(key, value)
        }
        const object: PayoutsObject = new PayoutsObject({ storage }, { ...env, PAYOUTS: { getByName: () => object } })
        // Its runtime lives as long as the object, which Workers end. Here it would be a second service beside other tests' own.
        yield* Effect.addFinalizer(() => Effect.promise(() => object["runtime"].dispose()))
        yield* answered(object.fetch(posted()))
        const refused = yield* answered(object.fetch(posted(otherCard.card)))
        assert.deepStrictEqual(refused, [409, { handle: "prize.42", state: "HandleConflict", certainty: "Moved" }])
      })
    )
  )
})

describe("docs/recovering.md, after a restore from a backup", () => {
  const request = requestOf()
  /** A process of its own, whose table came back without what was sent. */
  const inProcess = Effect.provide(Payouts.layerWith({ policy: RetryPolicy.none }))
  const movedAfter = (call: Effect.Effect<unknown, object, Payouts.Payouts>) =>
    Effect.gen(function* () {
      yield* script(Script.processingError({ moved: true }).pipe(Script.onCreate))
      const lost = Effect.flatMap(Payouts.Payouts, ({ create }) => create(request))
      yield* Effect.ignore(inProcess(lost))
      yield* Effect.ignore(inProcess(call))
      const { ledger } = yield* Sandbox.Sandbox
      return Ledger.moved(yield* ledger, request.handle)
    }).pipe(Effect.provide(Sandbox.layer))

  it.effect("pays once with recover, where a processing error hid a payment", () =>
    Effect.gen(function* () {
      const lastSentAt = yield* DateTime.now
      const call = Effect.flatMap(Payouts.Payouts, ({ recover }) => recover(request, { lastSentAt }))
      assert.strictEqual(yield* movedAfter(call), 12_500)
    })
  )

  it.effect("pays twice with create, as the page says", () =>
    Effect.gen(function* () {
      const call = Effect.flatMap(Payouts.Payouts, ({ create }) => create(request))
      assert.strictEqual(yield* movedAfter(call), 25_000)
    })
  )
})
