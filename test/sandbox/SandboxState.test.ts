import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Queue, Redacted, Schema, TestClock } from "effect"
import { Acquirer, Ledger, Sandbox, SandboxState, Script } from "effect-billwerk-payouts/testing"
import { create, gist, handle, lookup } from "./fixture.js"

const Json = Schema.parseJson(SandboxState.SandboxState)

/** Another sandbox, which goes on with what one has stored as a text. */
const again = (sandbox: Sandbox.Service, options: Sandbox.Options = {}) =>
  Effect.gen(function* () {
    const text = yield* Effect.flatMap(sandbox.state, Schema.encode(Json))
    const next = yield* Sandbox.make(options)
    yield* next.restore(yield* Schema.decode(Json)(text))
    return { next, text }
  })

const over =
  (sandbox: Sandbox.Service) =>
  <A, E>(effect: Effect.Effect<A, E, HttpClient.HttpClient>) =>
    Effect.provideService(effect, HttpClient.HttpClient, Sandbox.httpClient(sandbox))

const token = "ct_0123456789abcdef0123456789abcdef"

describe("The state of a sandbox, stored and restored", () => {
  it.effect("has both books, the exchanges and the numbers to go on with", () =>
    Effect.gen(function* () {
      const first = yield* Sandbox.make()
      yield* first.script(Script.processingError({ moved: true }), Script.dropAfterCommit.pipe(Script.named("lost")))
      yield* over(first)(create())
      yield* over(first)(Effect.ignore(create()))
      const { next } = yield* again(first)
      const encoded = Effect.flatMap(Schema.encode(Json))
      assert.strictEqual(yield* encoded(next.state), yield* encoded(first.state))
      assert.deepStrictEqual(
        Ledger.movements(yield* next.ledger, handle),
        Ledger.movements(yield* first.ledger, handle)
      )
      assert.strictEqual((yield* next.ledger).totalMoved, 25_000)
      assert.strictEqual((yield* over(next)(lookup())).text, (yield* over(first)(lookup())).text)
      const other = yield* over(next)(create({ handle: "p-2" }))
      assert.strictEqual(other.headers["request-id"], "e0000000000000000000000000000004")
      const [one] = Ledger.payouts(yield* next.ledger).slice(-1)
      assert.strictEqual(one?.transactions[0]?.id, "a0000000000000000000000000000003")
    })
  )

  it.effect("settles what was processing at its time, and once", () =>
    Effect.gen(function* () {
      const first = yield* Sandbox.make()
      yield* first.script(
        Script.processing({ after: "1 hour", as: Acquirer.hardDeclined() }),
        Script.processing({ after: "1 hour" })
      )
      yield* over(first)(create())
      yield* over(first)(create({ handle: "p-2" }))
      yield* first.settle("p-2", Acquirer.paid)
      const { next } = yield* again(first)
      const told = yield* Queue.unbounded<Sandbox.Change>()
      yield* next.tell(told)
      assert.deepStrictEqual(gist(yield* over(next)(lookup())), [200, "processing"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(gist(yield* over(next)(lookup())), [200, "failed"])
      assert.deepStrictEqual(
        [...(yield* Queue.takeAll(told))].map(({ _tag }) => _tag),
        ["Planned", "Ended"]
      )
      assert.strictEqual((yield* next.ledger).totalMoved, 12_500)
    }).pipe(Effect.scoped)
  )

  it.effect("knows a used card token again, and holds neither it nor the key", () =>
    Effect.gen(function* () {
      const first = yield* Sandbox.make()
      yield* over(first)(create({ destination: token, customer_handle: "c-1" }))
      const { next, text } = yield* again(first)
      const refused = yield* over(next)(create({ handle: "p-2", destination: token, customer_handle: "c-1" }))
      assert.deepStrictEqual(gist(refused), [400, 103])
      for (const secret of [token, token.slice(3), Redacted.value(Sandbox.apiKey)]) assert.notInclude(text, secret)
    })
  )

  it.effect("lost what was on its way, and says so", () =>
    Effect.gen(function* () {
      const first = yield* Sandbox.make()
      yield* first.script(Script.executeLater("1 minute"))
      yield* over(first)(Effect.ignore(create()))
      const { next } = yield* again(first)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual([(yield* first.ledger).totalMoved, (yield* next.ledger).totalMoved], [12_500, 0])
      const [exchange] = yield* next.exchanges
      assert.deepStrictEqual([exchange?.deed._tag, exchange?.ending], ["Nothing", "Dropped"])
    })
  )

  it.effect("remembers no more exchanges than it may, and counts them all", () =>
    Effect.gen(function* () {
      const first = yield* Sandbox.make()
      for (const ordinal of [1, 2, 3]) yield* over(first)(lookup(`p-${ordinal}`))
      const { next } = yield* again(first, { exchangesMax: 2 })
      yield* over(next)(lookup("p-4"))
      assert.deepStrictEqual(
        (yield* next.exchanges).map(({ ordinal }) => ordinal),
        [3, 4]
      )
      assert.strictEqual((yield* next.state).exchangesBegan, 4)
    })
  )
})

describe("What the sandbox says of an exchange", () => {
  it.effect("is when it ended, what was asked for, what was done, and by which step", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ latency: "2 seconds" })
      yield* sandbox.script(Script.softDeclined().pipe(Script.named("a name")))
      const fiber = yield* Effect.fork(over(sandbox)(create()))
      yield* TestClock.adjust("1 second")
      const [pending] = yield* sandbox.exchanges
      assert.deepStrictEqual([pending?.ending, pending?.ended], ["Pending", undefined])
      yield* TestClock.adjust("1 second")
      yield* fiber.await
      const [exchange] = yield* sandbox.exchanges
      assert.deepInclude(exchange, { amount: 12_500, currency: "DKK", step: "a name", altered: false, status: 200 })
      assert.strictEqual(
        (exchange?.ended?.epochMillis ?? 0) - (exchange?.started.epochMillis ?? 0),
        Duration.toMillis("2 seconds")
      )
      assert.deepStrictEqual(exchange?.deed, {
        _tag: "Attempted",
        transaction: "a0000000000000000000000000000001",
        state: "failed",
        errorState: "soft_declined",
        error: "insufficient_funds",
        moved: false
      })
    })
  )

  for (const [what, step, deed, altered] of [
    ["nothing, by the script", Script.apiError({ status: 500, code: 2 }), { _tag: "Nothing" }, true],
    ["nothing, by a refused connection", Script.connectionRefused, { _tag: "Nothing" }, false],
    ["a record as it is not", Script.wrongAmount(1), { _tag: "Showed", state: "paid" }, true],
    ["a record", Script.normal, { _tag: "Showed", state: "paid" }, false]
  ] as const) {
    it.effect(`is ${what}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        yield* over(sandbox)(create())
        yield* sandbox.script(step)
        yield* over(sandbox)(Effect.ignore(lookup()))
        const exchange = (yield* sandbox.exchanges)[1]
        assert.deepInclude(exchange, { altered })
        assert.deepStrictEqual({ ...exchange?.deed }, deed)
      })
    )
  }

  it.effect("is a refusal with its code, also by a limit", () =>
    Effect.gen(function* () {
      const one = { rate: 0, burst: 1, concurrent: 1 }
      const sandbox = yield* Sandbox.make({ limits: { reads: one, writes: one } })
      yield* over(sandbox)(lookup())
      yield* over(sandbox)(lookup())
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ deed }) => (deed._tag === "Refused" ? deed.code : deed._tag)),
        [137, 122]
      )
    })
  )
})
