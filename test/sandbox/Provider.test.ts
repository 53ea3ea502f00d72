import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { RequestLimits } from "effect-billwerk-payouts"
import { Duration, Effect, Option, Redacted, TestClock } from "effect"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Ledger from "../../src/sandbox/Ledger.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as Script from "../../src/sandbox/Script.js"
import { testAmounts } from "../../src/sandbox/TestAmounts.js"
import {
  type Answer,
  create,
  createBody,
  createRequest,
  execute,
  gist,
  handle,
  isJson,
  type Json,
  lookup,
  transactions
} from "./fixture.js"

/** Here amounts decide, unless said otherwise: a second create of a handle must fail to be an attempt. */
const withSandbox = (options: Sandbox.Options = {}) =>
  Effect.provide(Sandbox.layerHttpClientWith({ testAmounts: true, ...options }))

const ledger = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.ledger)

describe("A new payout", () => {
  it.effect("is paid, on record, and really moved", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2025, 9, 1, 9, 30))
      const answer = yield* create({ text: "Prize", customer_handle: "customer-006" })
      const when = "2025-10-01T09:30:00.000+00:00"
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(answer.json, {
        handle,
        state: "paid",
        amount: 12_500,
        currency: "DKK",
        text: "Prize",
        customer: "customer-006",
        created: when,
        paid: when,
        transactions: [
          {
            id: "a0000000000000000000000000000001",
            state: "paid",
            payout: handle,
            amount: 12_500,
            created: when,
            paid: when,
            card_type: "visa",
            card: {
              id: "ca_1",
              state: "active",
              customer: "customer-006",
              card_type: "visa",
              exp_date: "12-49",
              masked_card: "411111XXXXXX1111"
            },
            provider: "test"
          }
        ]
      })
      const moved = Ledger.movements(yield* ledger, handle)
      assert.deepStrictEqual(
        moved.map(({ amount, currency, hidden, transaction, when }) => [
          amount,
          currency,
          hidden,
          transaction,
          when.epochMillis
        ]),
        [[12_500, "DKK", false, "a0000000000000000000000000000001", Date.UTC(2025, 9, 1, 9, 30)]]
      )
      assert.strictEqual((yield* ledger).totalMoved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("has the account's currency when the request has none", () =>
    Effect.gen(function* () {
      const answer = yield* create({ currency: undefined })
      assert.strictEqual(answer.json["currency"], "SEK")
    }).pipe(withSandbox({ currency: "SEK" }))
  )

  it.effect("is found by its handle, whatever has to be escaped in it", () =>
    Effect.gen(function* () {
      const paid = yield* create({ handle: "a@b_c.d-e" })
      const found = yield* lookup("a@b_c.d-e")
      assert.deepStrictEqual(found.json, paid.json)
    }).pipe(withSandbox())
  )
})

describe("Who may ask", () => {
  const wrong = [
    ["no key", undefined],
    ["another key", "priv_another"]
  ] as const
  for (const [title, key] of wrong) {
    it.effect(`a request with ${title} gets 401 and code 6`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(gist(yield* create({}, { key })), [401, 6])
        assert.deepStrictEqual(gist(yield* lookup(handle, { key })), [401, 6])
        assert.strictEqual((yield* ledger).totalMoved, 0)
      }).pipe(withSandbox())
    )
  }

  it.effect("a key of the test's own is taken", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create({}, { key: "priv_own" })), [200, "paid"])
    }).pipe(withSandbox({ apiKey: Redacted.make("priv_own") }))
  )
})

describe("An error", () => {
  const error = (json: Json) => ({
    code: 137,
    error: "Payout not found",
    path: "/v1/payout/p-1",
    timestamp: "1970-01-01T00:00:00.000+00:00",
    http_status: 404,
    http_reason: "Not Found",
    ...json
  })
  const requestId = "e0000000000000000000000000000001"

  it.effect("has the documented body, and its request's id in a header too", () =>
    Effect.gen(function* () {
      const answer = yield* lookup()
      assert.deepStrictEqual(answer.json, error({ request_id: requestId }))
      assert.strictEqual(answer.headers["request-id"], requestId)
      assert.strictEqual(answer.headers["content-type"], "application/json")
      assert.strictEqual(answer.headers["content-length"], String(answer.text.length))
    }).pipe(withSandbox())
  )

  it.effect("has the path as it was received: of a create, and of a lookup with whatever is escaped in it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* create({ amount: 0 })).json["path"], "/v1/payout")
      assert.strictEqual((yield* lookup("a@b c")).json["path"], "/v1/payout/a%40b%20c")
    }).pipe(withSandbox())
  )

  it.effect("and every other answer of the provider has a Request-Id of its own", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal, Script.htmlPage, Script.apiError({ status: 503, code: 2 }), Script.halfJson)
      const answers = [yield* create(), ...(yield* Effect.replicateEffect(lookup(), 5)), yield* create()]
      assert.deepStrictEqual(
        answers.map(({ headers }) => headers["request-id"]),
        answers.map((_, index) => `e${String(index + 1).padStart(31, "0")}`)
      )
    }).pipe(withSandbox())
  )

  it.effect("can spell the request's id as the documentation's sample does", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* lookup()).json, error({ "request-id": requestId }))
    }).pipe(withSandbox({ requestIdField: "Hyphenated" }))
  )
})

describe("The Date header", () => {
  it.effect("says in whole seconds when the answer was made, whatever the answer is", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* TestClock.setTime(Date.UTC(2025, 9, 1, 9, 30, 5, 999))
      yield* sandbox.script(Script.normal, Script.htmlPage, Script.reply({ status: 502 }))
      const date = "Wed, 01 Oct 2025 09:30:05 GMT"
      assert.strictEqual((yield* create()).headers["date"], date)
      assert.strictEqual((yield* lookup()).headers["date"], date)
      assert.strictEqual((yield* lookup()).headers["date"], date)
      assert.strictEqual((yield* lookup("p-2")).headers["date"], date)
    }).pipe(withSandbox())
  )

  it.effect("is of the moment at which the provider acts, not of that at which the answer arrives", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const delayed = Script.normal.pipe(Script.delayRequest("10 seconds"), Script.delayAnswer("5 seconds"))
      yield* sandbox.script(delayed, delayed)
      const paid = yield* Effect.fork(create())
      const refused = yield* Effect.fork(lookup("p-2"))
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual((yield* paid).headers["date"], "Thu, 01 Jan 1970 00:00:10 GMT")
      const { headers, json } = yield* refused
      assert.strictEqual(headers["date"], "Thu, 01 Jan 1970 00:00:10 GMT")
      assert.strictEqual(json["timestamp"], "1970-01-01T00:00:10.000+00:00")
    }).pipe(withSandbox({ latency: "1 second" }))
  )

  it.effect("keeps the date that a scripted answer brings along", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const date = "Sat, 04 Apr 2015 12:40:56 GMT"
      yield* sandbox.script(Script.reply({ status: 502, headers: { Date: date } }))
      assert.strictEqual((yield* lookup()).headers["date"], date)
    }).pipe(withSandbox())
  )

  it.effect("is absent with the switch", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal, Script.reply({ status: 502 }))
      for (const answer of [yield* create(), yield* lookup(), yield* lookup("p-2")]) {
        assert.isUndefined(answer.headers["date"])
      }
    }).pipe(withSandbox({ date: "Absent" }))
  )
})

describe("The provider's clock", () => {
  const dates = Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2025, 9, 1, 9, 30))
    yield* create({ amount: 3001 })
    const paid = yield* create()
    const refused = yield* create()
    const [failed, last] = transactions(paid)
    return [
      [paid.json["created"], paid.json["failed"], paid.json["paid"]],
      [failed?.["created"], failed?.["failed"], last?.["created"], last?.["paid"]],
      [paid.headers["date"], refused.headers["date"], refused.json["timestamp"]],
      Array.from(Ledger.movements(yield* ledger, handle), ({ when }) => when.epochMillis)
    ]
  })
  const dated = (second: string, header: string) => {
    const at = (millis: number) => `${second}.00${millis}+00:00`
    const truth = Date.UTC(2025, 9, 1, 9, 30)
    return [[at(0), undefined, at(0)], [at(0), at(0), at(1), at(0)], [header, header, at(0)], [truth]]
  }

  it.effect("is Effect's by default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* dates, dated("2025-10-01T09:30:00", "Wed, 01 Oct 2025 09:30:00 GMT"))
    }).pipe(withSandbox())
  )

  it.effect("is ahead with the switch, in every date that the provider writes, and not in the ledger's", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* dates, dated("2025-10-01T11:30:00", "Wed, 01 Oct 2025 11:30:00 GMT"))
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.now).epochMillis, Date.UTC(2025, 9, 1, 11, 30))
    }).pipe(withSandbox({ clockAhead: "2 hours" }))
  )

  it.effect("is behind with the other switch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* dates, dated("2025-09-30T09:30:00", "Tue, 30 Sep 2025 09:30:00 GMT"))
    }).pipe(withSandbox({ clockBehind: "1 day" }))
  )
})

describe("A request that is not valid", () => {
  const invalid: ReadonlyArray<readonly [title: string, changes: Json, gist: ReadonlyArray<number>]> = [
    ["without an amount", { amount: undefined }, [400, 24]],
    ["without a destination", { destination: undefined }, [400, 76]],
    ["with an empty destination", { destination: "" }, [400, 1]],
    ["without a handle", { handle: undefined }, [400, 1]],
    ["with a handle outside the alphabet", { handle: "a/b" }, [400, 1]],
    ["with a handle of 256 characters", { handle: "x".repeat(256) }, [400, 1]],
    ["with an amount of 0", { amount: 0 }, [422, 146]],
    ["with a negative amount", { amount: -1 }, [422, 146]],
    ["with a fraction", { amount: 1.5 }, [400, 1]],
    ["with an amount beyond int32", { amount: 2_147_483_648 }, [400, 1]],
    ["with an amount in words", { amount: "100" }, [400, 1]],
    ["with a currency that is none", { currency: "kroner" }, [400, 1]],
    ["with a statement text outside ASCII", { text_on_statement: "Præmie" }, [400, 1]],
    ["with an acquirer reference of 129 characters", { acquirer_reference: "x".repeat(129) }, [400, 1]],
    ["with a customer that has no handle", { customer: { email: "a@example.com" } }, [400, 1]],
    ["with a customer that has two", { customer: { handle: "c", generate_handle: true } }, [400, 1]]
  ]
  for (const [title, changes, expected] of invalid) {
    it.effect(`${title}, gets ${expected.join("/")}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(gist(yield* create(changes)), expected)
        assert.deepStrictEqual(Ledger.payouts(yield* ledger), [])
      }).pipe(withSandbox())
    )
  }

  it.effect("that is not JSON, or not an object, or does not say that it is JSON, gets 400/1", () =>
    Effect.gen(function* () {
      const send = (text: string, type: string) =>
        Effect.map(execute(HttpClientRequest.bodyText(createRequest({}), text, type)), gist)
      assert.deepStrictEqual(yield* send("{", "application/json"), [400, 1])
      assert.deepStrictEqual(yield* send("[]", "application/json"), [400, 1])
      assert.deepStrictEqual(yield* send(JSON.stringify(createBody), "text/plain"), [400, 1])
      assert.deepStrictEqual(yield* send(JSON.stringify(createBody), "application/json; charset=utf-8"), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("for something that this provider does not have, gets 404/8", () =>
    Effect.gen(function* () {
      const url = "https://api.frisbii.com"
      const [, authorization = ""] =
        Object.entries(createRequest({}).headers).find(([name]) => name === "authorization") ?? []
      const ask = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.map(execute(HttpClientRequest.setHeader(request, "authorization", authorization)), gist)
      assert.deepStrictEqual(yield* ask(HttpClientRequest.get(`${url}/v1/charge/x`)), [404, 8])
      assert.deepStrictEqual(yield* ask(HttpClientRequest.del(`${url}/v1/payout/x`)), [404, 8])
      assert.deepStrictEqual(yield* ask(HttpClientRequest.get(`${url}/v1/payout/%E0%A4%A`)), [404, 137])
    }).pipe(withSandbox())
  )
})

describe("A handle that is taken", () => {
  it.effect("by a paid payout: 400/134, and nothing moves again", () =>
    Effect.gen(function* () {
      yield* create()
      assert.deepStrictEqual(gist(yield* create()), [400, 134])
      assert.strictEqual(Ledger.moved(yield* ledger, handle), 12_500)
      assert.deepStrictEqual(Ledger.paidTwice(yield* ledger), [])
    }).pipe(withSandbox())
  )

  it.effect("by a paid payout, with the switch: the payout again", () =>
    Effect.gen(function* () {
      const first = yield* create()
      const second = yield* create()
      assert.deepStrictEqual([second.status, second.json], [200, first.json])
      assert.strictEqual(Ledger.moved(yield* ledger, handle), 12_500)
    }).pipe(withSandbox({ repeatOfPaid: "Replay" }))
  )

  it.effect("by a processing payout: 400/133", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create()), [200, "processing"])
      assert.deepStrictEqual(gist(yield* create()), [400, 133])
      assert.strictEqual(Ledger.moved(yield* ledger, handle), 0)
    }).pipe(withSandbox({ outcome: Acquirer.processing() }))
  )

  it.effect("by a processing payout, with the switch: the payout again", () =>
    Effect.gen(function* () {
      yield* create()
      assert.deepStrictEqual(gist(yield* create()), [200, "processing"])
    }).pipe(withSandbox({ outcome: Acquirer.processing(), repeatOfProcessing: "Replay" }))
  )
})

describe("A failed payout", () => {
  it.effect("takes another attempt, as another transaction", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* create({ amount: 1001 })
      yield* create({ amount: 1001 })
      yield* TestClock.adjust("1 minute")
      const paid = yield* create({ amount: 1000 })
      assert.deepStrictEqual(
        transactions(paid).map(({ created, error, error_state, state }) => [state, error_state, error, created]),
        [
          ["failed", "processing_error", "acquirer_communication_error", "1970-01-01T00:00:00.000+00:00"],
          ["failed", "processing_error", "acquirer_communication_error", "1970-01-01T00:00:00.001+00:00"],
          ["paid", undefined, undefined, "1970-01-01T00:01:00.000+00:00"]
        ]
      )
      const { created, paid: paidAt } = (yield* lookup()).json
      assert.deepStrictEqual([created, paidAt], ["1970-01-01T00:00:00.000+00:00", "1970-01-01T00:01:00.000+00:00"])
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, handle), 1000)
    }).pipe(withSandbox())
  )

  it.effect("may have another amount and another method, unless the switch says no", () =>
    Effect.gen(function* () {
      yield* create({ amount: 3001 })
      assert.deepStrictEqual(gist(yield* create({ amount: 50, currency: "SEK", destination: "ca_2" })), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("with the switch, refuses another amount with 100 and another currency with 72", () =>
    Effect.gen(function* () {
      yield* create({ amount: 3001 })
      assert.deepStrictEqual(gist(yield* create({ amount: 50 })), [400, 100])
      assert.deepStrictEqual(gist(yield* create({ amount: 3001, currency: "SEK" })), [400, 72])
      assert.deepStrictEqual(gist(yield* create({ amount: 3001 })), [200, "failed"])
    }).pipe(withSandbox({ changedAmount: "Refuse" }))
  )

  it.effect("keeps its customer: another one gets 400/136", () =>
    Effect.gen(function* () {
      yield* create({ amount: 3001, customer_handle: "customer-1" })
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "customer-2" })), [400, 136])
      assert.deepStrictEqual(gist(yield* create({ customer: { handle: "customer-3" } })), [400, 136])
      const again = yield* create({})
      assert.deepStrictEqual([gist(again), again.json["customer"]], [[200, "paid"], "customer-1"])
    }).pipe(withSandbox())
  )
})

describe("The customer of a new payout", () => {
  it.effect("is the one given, the one created, or the saved method's own", () =>
    Effect.gen(function* () {
      const customer = (changes: Json) => Effect.map(create(changes), (answer) => answer.json["customer"])
      assert.strictEqual(yield* customer({ handle: "a", customer_handle: "given" }), "given")
      assert.strictEqual(yield* customer({ handle: "b", customer: { handle: "created" } }), "created")
      assert.strictEqual(yield* customer({ handle: "c", customer: { generate_handle: true } }), "cust-1")
      assert.strictEqual(yield* customer({ handle: "d", customer: { generate_handle: true } }), "cust-2")
      assert.strictEqual(yield* customer({ handle: "e", destination: "ca_owned" }), "owner")
      const implied = yield* customer({ handle: "f", destination: "ca_anybodys" })
      assert.strictEqual(yield* customer({ handle: "g", destination: "ca_anybodys" }), implied)
      assert.notInclude(String(implied), "ca_anybodys")
    }).pipe(withSandbox({ methods: { ca_owned: { customer: "owner" } } }))
  )

  it.effect("is missing when a card token comes alone: 400/18", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create({ destination: "ct_1" })), [400, 18])
      assert.deepStrictEqual(gist(yield* create({ destination: "ct_1", customer_handle: "c" })), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("may be unknown (404/9) or deleted (404/71)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.customer("late", "Deleted")
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "nobody" })), [404, 9])
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "gone" })), [404, 71])
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "late" })), [404, 71])
    }).pipe(withSandbox({ customers: { nobody: "NotFound", gone: "Deleted" } }))
  )
})

describe("A payment method", () => {
  const methods: ReadonlyArray<readonly [method: Sandbox.PaymentMethod & string, gist: ReadonlyArray<number>]> = [
    ["NotFound", [404, 40]],
    ["NotAllowed", [400, 135]],
    ["NotActive", [400, 42]],
    ["Pending", [400, 128]],
    ["Failed", [400, 147]],
    ["Invalid", [400, 34]],
    ["Expired", [400, 104]],
    ["Used", [400, 103]]
  ]
  for (const [method, expected] of methods) {
    it.effect(`that is ${method} gets ${expected.join("/")}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.paymentMethod("ca_late", method)
        assert.deepStrictEqual(gist(yield* create({ destination: "ca_given" })), expected)
        assert.deepStrictEqual(gist(yield* create({ destination: "ca_late" })), expected)
        assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
      }).pipe(withSandbox({ methods: { ca_given: method } }))
    )
  }

  it.effect("that looks like none is not found: 404/40", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create({ destination: "xx_1" })), [404, 40])
    }).pipe(withSandbox())
  )

  it.effect("of another customer is not found: 404/40", () =>
    Effect.gen(function* () {
      const owned = { destination: "ca_owned" }
      assert.deepStrictEqual(gist(yield* create({ ...owned, customer_handle: "somebody" })), [404, 40])
      assert.deepStrictEqual(gist(yield* create({ ...owned, customer: { generate_handle: true } })), [404, 40])
      assert.deepStrictEqual(gist(yield* create({ ...owned, customer_handle: "owner" })), [200, "paid"])
    }).pipe(withSandbox({ methods: { ca_owned: { customer: "owner" } } }))
  )
})

describe("A card token", () => {
  const withToken: Json = { destination: "ct_1", customer_handle: "c" }

  it.effect("is good for one payout: then 400/103", () =>
    Effect.gen(function* () {
      yield* create(withToken)
      assert.deepStrictEqual(gist(yield* create({ ...withToken, handle: "p-2" })), [400, 103])
    }).pipe(withSandbox())
  )

  it.effect("is not used up by a request that is refused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create({ ...withToken, amount: 0 })), [422, 146])
      assert.deepStrictEqual(gist(yield* create(withToken)), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("is used up by an attempt that fails", () =>
    Effect.gen(function* () {
      yield* create({ ...withToken, amount: 1001 })
      assert.deepStrictEqual(gist(yield* create({ ...withToken, amount: 1001 })), [400, 103])
    }).pipe(withSandbox())
  )

  it.effect("with the switch, is not used up by an attempt that fails", () =>
    Effect.gen(function* () {
      yield* create({ ...withToken, amount: 1001 })
      assert.deepStrictEqual(gist(yield* create({ ...withToken, amount: 1001 })), [200, "failed"])
    }).pipe(withSandbox({ failureUsesToken: false }))
  )

  it.effect("in a repeat of a paid payout: 134", () =>
    Effect.gen(function* () {
      yield* create(withToken)
      assert.deepStrictEqual(gist(yield* create(withToken)), [400, 134])
    }).pipe(withSandbox())
  )

  it.effect("in a repeat of a paid payout, with the switch: 103", () =>
    Effect.gen(function* () {
      yield* create(withToken)
      assert.deepStrictEqual(gist(yield* create(withToken)), [400, 103])
    }).pipe(withSandbox({ repeatWithToken: "Token" }))
  )
})

describe("Test amounts", () => {
  for (const [amount, { error, errorState }] of testAmounts) {
    it.effect(`${amount}: ${errorState}, ${error}, and nothing moves`, () =>
      Effect.gen(function* () {
        const answer = yield* create({ amount })
        const [transaction] = transactions(answer)
        assert.deepStrictEqual(
          [gist(answer), transaction?.["state"], transaction?.["error_state"], transaction?.["error"]],
          [[200, "failed"], "failed", errorState, error]
        )
        assert.strictEqual((yield* ledger).totalMoved, 0)
      }).pipe(withSandbox())
    )
  }

  it.effect("are paid like any other unless they are asked for", () =>
    Effect.forEach(Array.from(testAmounts.keys()), (amount) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(gist(yield* create({ handle: `p-${amount}`, amount })), [200, "paid"])
      })
    ).pipe(Effect.provide(Sandbox.layerHttpClient))
  )

  it.effect("hide a success when told so, which only the ledger shows", () =>
    Effect.gen(function* () {
      const answer = yield* create({ amount: 1002 })
      assert.deepStrictEqual([gist(answer), transactions(answer)[0]?.["error"]], [[200, "failed"], "acquirer_error"])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "failed"])
      assert.deepStrictEqual(
        Ledger.movements(yield* ledger, handle).map(({ amount, hidden }) => [amount, hidden]),
        [[1002, true]]
      )
    }).pipe(withSandbox({ hiddenSuccess: true }))
  )

  it.effect("never hide a success in a decline", () =>
    Effect.gen(function* () {
      yield* create({ amount: 2001 })
      yield* create({ amount: 3001 })
      assert.strictEqual((yield* ledger).totalMoved, 0)
    }).pipe(withSandbox({ hiddenSuccess: true }))
  )

  it.effect(
    "after a hidden success, an attempt moves the money twice: the ledger says so, and calls no handle paid twice",
    () =>
      Effect.gen(function* () {
        yield* create({ amount: 1001 })
        yield* create({ amount: 1001 })
        yield* create({ amount: 1000 })
        const now = yield* ledger
        assert.strictEqual(Ledger.moved(now, handle), 2001)
        assert.deepStrictEqual(Ledger.movedTwice(now), [handle])
        assert.deepStrictEqual(Ledger.paidTwice(now), [])
      }).pipe(withSandbox({ hiddenSuccess: (attempt) => attempt.ordinal === 1 }))
  )
})

describe("Outcomes", () => {
  it.effect("can be decided for each attempt", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create()), [200, "failed"])
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox({ outcome: ({ ordinal }) => (ordinal === 1 ? Acquirer.softDeclined() : Acquirer.paid) }))
  )
})

describe("An asynchronous payout", () => {
  it.effect("is paid when its time has come, at that time, whenever somebody looks", () =>
    Effect.gen(function* () {
      yield* create()
      yield* TestClock.adjust(Duration.millis(3_599_999))
      assert.deepStrictEqual(gist(yield* lookup()), [200, "processing"])
      assert.strictEqual((yield* ledger).totalMoved, 0)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual((yield* ledger).totalMoved, 12_500)
      const answer = yield* lookup()
      assert.deepStrictEqual([gist(answer), answer.json["paid"]], [[200, "paid"], "1970-01-01T01:00:00.000+00:00"])
    }).pipe(withSandbox({ outcome: Acquirer.processing({ after: "1 hour" }) }))
  )

  it.effect("fails when its time has come, if so arranged", () =>
    Effect.gen(function* () {
      yield* create()
      yield* TestClock.adjust("1 hour")
      const answer = yield* lookup()
      assert.deepStrictEqual(
        [gist(answer), transactions(answer)[0]?.["error_state"]],
        [[200, "failed"], "hard_declined"]
      )
      assert.strictEqual((yield* ledger).totalMoved, 0)
    }).pipe(withSandbox({ outcome: Acquirer.processing({ after: "1 hour", as: Acquirer.hardDeclined() }) }))
  )

  it.effect("is settled by hand, and its time no longer matters", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* create()
      yield* sandbox.settle(handle, Acquirer.softDeclined())
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(gist(yield* lookup()), [200, "failed"])
    }).pipe(withSandbox({ outcome: Acquirer.processing({ after: "1 hour" }) }))
  )

  it.effect("that is not there cannot be settled", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* Effect.flip(sandbox.settle(handle, Acquirer.paid))).handle, handle)
      yield* create()
      assert.strictEqual((yield* Effect.flip(sandbox.settle(handle, Acquirer.paid)))._tag, "NotProcessing")
    }).pipe(withSandbox())
  )
})

describe("Transactions", () => {
  const thrice = Effect.gen(function* () {
    yield* create({ amount: 1001 })
    yield* create({ amount: 1002 })
    yield* create({ amount: 1000 })
    return transactions(yield* lookup()).map(({ amount, created }) => [amount, created])
  })
  const at = (millis: number) => `1970-01-01T00:00:00.00${millis}+00:00`

  it.effect("stand oldest first, each at a moment of its own", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* thrice, [
        [1001, at(0)],
        [1002, at(1)],
        [1000, at(2)]
      ])
    }).pipe(withSandbox())
  )

  it.effect("stand newest first with the switch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* thrice, [
        [1000, at(2)],
        [1002, at(1)],
        [1001, at(0)]
      ])
    }).pipe(withSandbox({ transactionsOrder: "NewestFirst" }))
  )

  it.effect("are all of one moment with the switch, or do not say of which", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* thrice.pipe(withSandbox({ transactionDates: "Equal" }))).map(([, created]) => created),
        [at(0), at(0), at(0)]
      )
      assert.deepStrictEqual(
        (yield* thrice.pipe(withSandbox({ transactionDates: "Missing" }))).map(([, created]) => created),
        [undefined, undefined, undefined]
      )
    })
  )
})

describe("The card of a transaction", () => {
  const cards = (answer: Answer) => transactions(answer).map(({ card }) => (isJson(card) ? card["id"] : card))
  const token = "ct_0123456789abcdef0123456789abcdef"
  const withToken = { destination: token, customer_handle: "c" }

  it.effect("is the saved method of each attempt, and its customer is the payout's", () =>
    Effect.gen(function* () {
      yield* create({ destination: "ca_first", amount: 1001, customer_handle: "c" })
      yield* create({ destination: "ca_second" })
      const answer = yield* lookup()
      assert.deepStrictEqual(cards(answer), ["ca_first", "ca_second"])
      assert.deepStrictEqual(
        transactions(answer).map(({ card }) => isJson(card) && card["customer"]),
        ["c", "c"]
      )
    }).pipe(withSandbox())
  )

  it.effect("is a token's under a reference of its own: the same for the same token, and not the token", () =>
    Effect.gen(function* () {
      const [one] = cards(yield* create({ ...withToken, amount: 1001 }))
      assert.match(String(one), /^ca_[0-9a-f]{32}$/)
      const again = yield* create({ ...withToken, amount: 1000 })
      assert.deepStrictEqual(cards(again), [one, one])
      const [another] = cards(yield* create({ ...withToken, destination: `${token}0`, handle: "p-2" }))
      assert.notStrictEqual(one, another)
      assert.notInclude(again.text, token.slice(3))
    }).pipe(withSandbox({ failureUsesToken: false }))
  )

  it.effect("is hidden with the switch", () =>
    Effect.gen(function* () {
      const answer = yield* create({ customer_handle: "c" })
      assert.deepStrictEqual([cards(answer), answer.text.includes("ca_1")], [[undefined], false])
    }).pipe(withSandbox({ card: "Hidden" }))
  )

  it.effect("is in the ledger too, which does not print it", () =>
    Effect.gen(function* () {
      const [shown] = cards(yield* create(withToken))
      const [transaction] = Option.getOrThrow(Ledger.payout(yield* ledger, handle)).transactions
      assert.strictEqual(Redacted.value(transaction?.card ?? Redacted.make("none")), shown)
      assert.notInclude(JSON.stringify(yield* ledger), "ca_")
    }).pipe(withSandbox())
  )
})

describe("Request limits", () => {
  const limits = RequestLimits.documented
  const creates = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      (index) => Effect.map(create({ handle: `${index}` }), gist)
    )
  const limited = (gists: ReadonlyArray<ReadonlyArray<unknown>>) => gists.filter(([status]) => status === 429).length

  it.effect("are none unless asked for", () =>
    Effect.gen(function* () {
      assert.strictEqual(limited(yield* creates(100)), 0)
    }).pipe(withSandbox())
  )

  it.effect("let 25 writes through at once and 10 a second after that", () =>
    Effect.gen(function* () {
      const first = yield* creates(30)
      assert.deepStrictEqual([limited(first), first[25]], [5, [429, 122]])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(limited(yield* creates(15)), 5)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(limited(yield* creates(30)), 5)
    }).pipe(withSandbox({ limits }))
  )

  it.effect("let 50 reads through at once and 25 a second after that, whatever is written", () =>
    Effect.gen(function* () {
      yield* creates(30)
      const reads = (count: number) =>
        Effect.forEach(Array.from({ length: count }), () => Effect.map(lookup(), gist)).pipe(Effect.map(limited))
      assert.strictEqual(yield* reads(60), 10)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* reads(30), 5)
    }).pipe(withSandbox({ limits }))
  )

  it.effect("let 10 through at a time: then 429/123, before anything else is looked at", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(concurrently)
      yield* TestClock.adjust("1 second")
      const gists = yield* fiber
      assert.strictEqual(gists.filter(([status, code]) => status === 429 && code === 123).length, 5)
      assert.strictEqual(Ledger.payouts(yield* ledger).length, 10)
      // Those that have left make room for others.
      const next = yield* Effect.fork(Effect.map(create({ handle: "next" }), gist))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* next, [200, "paid"])
    }).pipe(withSandbox({ limits, latency: "1 second" }))
  )

  const concurrently = Effect.forEach(
    Array.from({ length: 15 }, (_, index) => index),
    (index) => Effect.map(create({ handle: `${index}` }), gist),
    { concurrency: "unbounded" }
  )

  it.effect("give a Retry-After only with the switch", () =>
    Effect.gen(function* () {
      const last = (options: Sandbox.Options) =>
        Effect.zipRight(creates(25), create({ handle: "last" })).pipe(
          Effect.map((answer) => [answer.status, answer.headers["retry-after"]]),
          withSandbox(options)
        )
      assert.deepStrictEqual(yield* last({ limits }), [429, undefined])
      assert.deepStrictEqual(yield* last({ limits, retryAfter: "3" }), [429, "3"])
    })
  )

  it.effect("come before the key is looked at", () =>
    Effect.gen(function* () {
      yield* creates(25)
      assert.deepStrictEqual(gist(yield* create({}, { key: undefined })), [429, 122])
    }).pipe(withSandbox({ limits }))
  )
})

describe("An in-memory client", () => {
  it.effect("reaches the sandbox whatever the host, and what is composed onto the client applies", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const elsewhere = client.pipe(HttpClient.mapRequest(HttpClientRequest.prependUrl("https://elsewhere.test")))
      const response = yield* elsewhere.get("/v1/payout/x")
      assert.deepStrictEqual([response.status, response.request.url], [401, "https://elsewhere.test/v1/payout/x"])
    }).pipe(withSandbox())
  )
})
