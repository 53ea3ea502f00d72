import { assert, describe, it } from "@effect/vitest"
import { DateTime, FastCheck as fc, Option, Redacted, Schema } from "effect"
import { Destination, Payout, PayoutRequest, Verdict } from "effect-billwerk-payouts"
import * as wire from "../../src/provider/wire.js"
import * as server from "../../src/sandbox/wire.js"
import type { Words } from "../../src/provider/words.js"
import { requestOf } from "../support.js"

/** Keeps each word, but for what is done to it. */
const wordsThat = (change: (text: string) => string): Words => ({
  handle: change,
  customer: change,
  currency: change,
  code: change,
  errorText: (_, text) => change(text),
  acquirerCode: change,
  name: change,
  id: change,
  requestId: change,
  path: change,
  text: change,
  failure: change
})

const keep = wordsThat((text) => text)

const encoded = (input: Partial<PayoutRequest.Input>) => wire.encodeCreate(requestOf(input))

/** As the library shows a payout that came as this text; dates as ISO strings. Whatever was not said is left out. */
const shown = (text: string): unknown => {
  const payout = wire.readPayout(JSON.parse(text), keep)
  return payout === undefined ? "unreadable" : JSON.parse(JSON.stringify(Schema.encodeSync(Payout.Payout)(payout)))
}

const errorOf = (text: string) => wire.readError(JSON.parse(text), keep)

describe("A create request", () => {
  it("is written as the provider documents it (provider.md 10.1)", () => {
    assert.strictEqual(
      encoded({
        handle: "payout-1001",
        destination: "ca_fcfac2016614418f969fa5697383e47c",
        text: "Prize",
        customer: "customer-006"
      }),
      '{"handle":"payout-1001","destination":"ca_fcfac2016614418f969fa5697383e47c","amount":12500,"currency":"DKK",' +
        '"text":"Prize","customer_handle":"customer-006"}'
    )
  })

  it("has only what was asked for", () => {
    assert.strictEqual(
      encoded({ handle: "p", destination: "ca_1", amount: 1 }),
      '{"handle":"p","destination":"ca_1","amount":1,"currency":"DKK"}'
    )
  })

  it("has every field of a payout under the provider's name (provider.md 1.1)", () => {
    assert.strictEqual(
      encoded({
        handle: "A-z_0.9@x",
        destination: "ca_1",
        amount: 2_147_483_647,
        currency: "SEK",
        text: "Præmie 🥧",
        textOnStatement: 'Prize "42"',
        acquirerReference: "ref\\1",
        customer: "c-1"
      }),
      '{"handle":"A-z_0.9@x","destination":"ca_1","amount":2147483647,"currency":"SEK","text":"Præmie 🥧",' +
        '"customer_handle":"c-1","text_on_statement":"Prize \\"42\\"","acquirer_reference":"ref\\\\1"}'
    )
  })

  it("has every field of a customer under the provider's name (provider.md 1.2)", () => {
    const details = {
      email: "winner@example.com",
      firstName: "Ada",
      lastName: "Lovelace",
      address: "Street 1",
      address2: "Left",
      city: "Aarhus",
      postalCode: "8000",
      country: "DK",
      phone: "+45 12345678",
      company: "Engines",
      vat: "DK1",
      language: "da_DK",
      debtorId: 7,
      metadata: { source: "prize", times: 2, first: true },
      test: true
    }
    const written =
      '"email":"winner@example.com","address":"Street 1","address2":"Left","city":"Aarhus","country":"DK",' +
      '"phone":"+45 12345678","company":"Engines","vat":"DK1","language":"da_DK",' +
      '"metadata":{"source":"prize","times":2,"first":true},"test":true,"first_name":"Ada","last_name":"Lovelace",' +
      '"postal_code":"8000","debtor_id":7'
    const sent = (customer: PayoutRequest.NewCustomerInput): unknown =>
      JSON.parse(encoded({ handle: "p", destination: Redacted.make("ct_1"), amount: 1, customer }))
    const around = { handle: "p", destination: "ct_1", amount: 1, currency: "DKK" }
    assert.deepStrictEqual(sent({ ...details, handle: "c-1" }), {
      ...around,
      customer: { handle: "c-1", ...JSON.parse(`{${written}}`) }
    })
    assert.deepStrictEqual(sent({ ...details, generateHandle: true }), {
      ...around,
      customer: { generate_handle: true, ...JSON.parse(`{${written}}`) }
    })
  })

  it("is the same bytes for the same arguments, in whatever order they were given", () => {
    const forwards = encoded({ text: "Prize", customer: { handle: "c-1", email: "a@b.c", firstName: "A" } })
    const backwards = encoded({ customer: { firstName: "A", email: "a@b.c", handle: "c-1" }, text: "Prize" })
    assert.strictEqual(forwards, backwards)
  })

  it("leaves out what is undefined", () => {
    assert.strictEqual(encoded({ text: undefined, customer: undefined }), encoded({}))
    assert.strictEqual(
      encoded({ customer: { handle: "c-1", email: undefined } }),
      encoded({ customer: { handle: "c-1" } })
    )
  })

  it("is read back by the provider's side as it was", () => {
    const request = requestOf({ text: "Prize", customer: { handle: "c-1", postalCode: "8000" } })
    const { amount, currency, customer, handle, text } = request
    assert.deepStrictEqual<unknown>(
      server.decodeCreate(JSON.parse(wire.encodeCreate(request))),
      Option.some({ handle, destination: Destination.unwrap(request.destination), amount, currency, text, customer })
    )
  })
})

const paid = `{ "handle": "payout-1001", "state": "paid", "amount": 12500, "currency": "DKK", "text": "Prize",
  "customer": "customer-006", "created": "2025-10-01T09:29:58.120+00:00", "paid": "2025-10-01T09:29:59.902+00:00",
  "transactions": [ { "id": "dafba2016614418f969fa5697383e47c", "state": "paid", "payout": "payout-1001",
    "amount": 12500, "created": "2025-10-01T09:29:58.140+00:00", "paid": "2025-10-01T09:29:59.902+00:00",
    "card_type": "visa_dk", "provider": "test", "masked_card": "457199XXXXXX2336", "exp_date": "09-28",
    "fingerprint": "cst_64e8a26cc0e85bc3f5ce7c5b366b4096" } ] }`

const documentedProcessing = `{ "handle": "credit-0002", "state": "processing", "amount": 20000, "currency": "USD",
  "text": "Lottery payout", "customer": "customer006", "paid": "2015-04-04T12:40:56.656+00:00",
  "failed": "2015-04-04T12:40:56.656+00:00", "created": "2015-04-04T12:40:56.656+00:00",
  "transactions": [ { "id": "dafba2016614418f969fa5697383e47c", "state": "paid", "payout": "payout-1234", "amount": 10000,
    "created": "2015-04-04T12:40:56.656+00:00",
    "card": { "id": "ca_fcfac2016614418f969fa5697383e47c", "state": "active", "customer": "customer00069",
              "card_type": "visa_dk", "exp_date": "09-18", "masked_card": "457111XXXXXX3777" } } ] }`

const processing = `{ "handle": "payout-1002", "state": "processing", "amount": 12500, "currency": "DKK",
  "customer": "customer-006", "created": "2025-10-01T09:30:00.000+00:00",
  "transactions": [ { "id": "0c1b…", "state": "processing", "payout": "payout-1002", "amount": 12500,
    "created": "2025-10-01T09:30:00.010+00:00", "card_type": "unknown" } ] }`

const hardDeclined = `{ "handle": "payout-1003", "state": "failed", "amount": 3002, "currency": "DKK",
  "customer": "customer-006", "created": "2025-10-01T09:31:00.000+00:00", "failed": "2025-10-01T09:31:01.000+00:00",
  "transactions": [ { "id": "1d2c…", "state": "failed", "payout": "payout-1003", "amount": 3002,
    "created": "2025-10-01T09:31:00.020+00:00", "failed": "2025-10-01T09:31:01.000+00:00", "card_type": "visa",
    "error_state": "hard_declined", "error": "declined_by_acquirer",
    "acquirer_code": "05", "acquirer_message": "Do not honour" } ] }`

const processingError = `{ "handle": "payout-1004", "state": "failed", "amount": 1001, "currency": "DKK",
  "customer": "customer-006", "created": "2025-10-01T09:32:00.000+00:00", "failed": "2025-10-01T10:02:31.000+00:00",
  "transactions": [
    { "id": "2e3d…", "state": "failed", "payout": "payout-1004", "amount": 1001, "card_type": "visa",
      "created": "2025-10-01T09:32:00.020+00:00", "failed": "2025-10-01T09:33:00.000+00:00",
      "error_state": "processing_error", "error": "acquirer_communication_error" },
    { "id": "3f4e…", "state": "failed", "payout": "payout-1004", "amount": 1001, "card_type": "visa",
      "created": "2025-10-01T10:02:30.000+00:00", "failed": "2025-10-01T10:02:31.000+00:00",
      "error_state": "processing_error", "error": "acquirer_error" } ] }`

describe("A payout of the provider's documentation (provider.md 10)", () => {
  it("that is paid, is read without its card", () => {
    assert.deepStrictEqual(shown(paid), {
      handle: "payout-1001",
      state: "paid",
      amount: 12_500,
      currency: "DKK",
      customer: "customer-006",
      created: "2025-10-01T09:29:58.120Z",
      paid: "2025-10-01T09:29:59.902Z",
      transactions: [
        {
          id: "dafba2016614418f969fa5697383e47c",
          state: "paid",
          amount: 12_500,
          created: "2025-10-01T09:29:58.140Z",
          cardType: "visa_dk",
          provider: "test"
        }
      ]
    })
  })

  it("that is processing, is read although the documented sample contradicts itself (69)", () => {
    assert.deepStrictEqual(shown(documentedProcessing), {
      handle: "credit-0002",
      state: "processing",
      amount: 20_000,
      currency: "USD",
      customer: "customer006",
      created: "2015-04-04T12:40:56.656Z",
      paid: "2015-04-04T12:40:56.656Z",
      failed: "2015-04-04T12:40:56.656Z",
      transactions: [
        {
          id: "dafba2016614418f969fa5697383e47c",
          state: "paid",
          amount: 10_000,
          created: "2015-04-04T12:40:56.656Z",
          method: "5d84005008a83014"
        }
      ]
    })
    assert.deepStrictEqual(shown(processing), {
      handle: "payout-1002",
      state: "processing",
      amount: 12_500,
      currency: "DKK",
      customer: "customer-006",
      created: "2025-10-01T09:30:00.000Z",
      transactions: [
        { id: "0c1b…", state: "processing", amount: 12_500, created: "2025-10-01T09:30:00.010Z", cardType: "unknown" }
      ]
    })
  })

  it("that was declined for good, is read with the acquirer's words", () => {
    assert.deepStrictEqual(shown(hardDeclined), {
      handle: "payout-1003",
      state: "failed",
      amount: 3002,
      currency: "DKK",
      customer: "customer-006",
      created: "2025-10-01T09:31:00.000Z",
      failed: "2025-10-01T09:31:01.000Z",
      transactions: [
        {
          id: "1d2c…",
          state: "failed",
          amount: 3002,
          created: "2025-10-01T09:31:00.020Z",
          errorState: "hard_declined",
          error: "declined_by_acquirer",
          acquirerCode: "05",
          acquirerMessage: "Do not honour",
          cardType: "visa"
        }
      ]
    })
  })

  it("that is the second processing error, is read with both attempts in their order", () => {
    const attempt = { state: "failed", amount: 1001, errorState: "processing_error", cardType: "visa" }
    assert.deepStrictEqual(shown(processingError), {
      handle: "payout-1004",
      state: "failed",
      amount: 1001,
      currency: "DKK",
      customer: "customer-006",
      created: "2025-10-01T09:32:00.000Z",
      failed: "2025-10-01T10:02:31.000Z",
      transactions: [
        { ...attempt, id: "2e3d…", created: "2025-10-01T09:32:00.020Z", error: "acquirer_communication_error" },
        { ...attempt, id: "3f4e…", created: "2025-10-01T10:02:30.000Z", error: "acquirer_error" }
      ]
    })
  })

  it("is written by the sandbox as it was read", () => {
    const written = (payout: Payout.Payout | undefined): unknown => {
      assert.isDefined(payout)
      const transactions = payout.transactions.map((one) => ({ ...one, payout: payout.handle }))
      return JSON.parse(JSON.stringify(server.writePayout({ ...payout, transactions })))
    }
    for (const sample of [paid, processing, hardDeclined, processingError]) {
      const read = wire.readPayout(JSON.parse(sample), keep)
      assert.deepStrictEqual(wire.readPayout(written(read), keep), read)
    }
    assert.deepStrictEqual(written(wire.readPayout(JSON.parse(processing), keep)), JSON.parse(processing))
  })
})

describe("A payout", () => {
  const least = { handle: "p-1", state: "paid", amount: 1 }
  const leastShown = { ...least, transactions: [] }
  const from = (changes: Readonly<Record<string, unknown>>) => shown(JSON.stringify({ ...least, ...changes }))
  const transactionFrom = (transaction: unknown) => from({ transactions: [transaction] })
  const withTransaction = (transaction: Readonly<Record<string, unknown>>) => ({
    ...least,
    transactions: [{ id: "", state: "", amount: 0, ...transaction }]
  })

  it("needs a handle, a state and an amount, and nothing else", () => {
    assert.deepStrictEqual(from({}), leastShown)
  })

  for (const [title, changes] of [
    ["no handle", { handle: undefined }],
    ["a null handle", { handle: null }],
    ["a number for a handle", { handle: 1 }],
    ["no state", { state: undefined }],
    ["a null state", { state: null }],
    ["a number for a state", { state: 1 }],
    ["no amount", { amount: undefined }],
    ["a null amount", { amount: null }],
    ["an amount in a string (104)", { amount: "12500" }],
    ["a fraction (103)", { amount: 12.5 }],
    ["an amount in a list", { amount: [1] }],
    ["an amount that says true", { amount: true }]
  ] as const) {
    it(`cannot be read with ${title}`, () => {
      assert.strictEqual(from(changes), "unreadable")
    })
  }

  it("cannot be read with an amount that JSON.parse would change (67)", () => {
    assert.strictEqual(shown('{"handle":"p-1","state":"paid","amount":9007199254740993}'), "unreadable")
    assert.strictEqual(shown('{"handle":"p-1","state":"paid","amount":1e400}'), "unreadable")
    assert.strictEqual(shown('{"handle":"p-1","state":"paid","amount":-9007199254740993}'), "unreadable")
  })

  it("can be read with an amount that is written another way", () => {
    assert.deepStrictEqual(shown('{"handle":"p-1","state":"paid","amount":1.25e4}'), { ...leastShown, amount: 12_500 })
  })

  for (const [title, text] of [
    ["null", "null"],
    ["a list", "[]"],
    ["a list of payouts", `[${JSON.stringify(least)}]`],
    ["a string", '"paid"'],
    ["a number", "1"],
    ["an error", '{"code":134,"error":"Payout already paid"}']
  ] as const) {
    it(`is not ${title}`, () => {
      assert.strictEqual(shown(text), "unreadable")
    })
  }

  it("may say nothing, null or nonsense about what no money depends on (68)", () => {
    for (const field of ["currency", "customer", "created", "paid", "failed", "text"]) {
      for (const odd of [undefined, null, 7, {}, [], true, ...(/currency|customer|text/.test(field) ? [] : ["soon"])]) {
        assert.deepStrictEqual(from({ [field]: odd }), leastShown, `${field}: ${JSON.stringify(odd)}`)
      }
    }
  })

  it("may say nothing, null or nonsense about any field of a transaction (65, 68)", () => {
    const whole = {
      id: "t-1",
      state: "failed",
      amount: 5,
      created: "2025-10-01T09:30:00.000+00:00",
      error_state: "hard_declined",
      error: "declined_by_acquirer",
      acquirer_code: "05",
      acquirer_message: "Do not honour",
      card_type: "visa",
      provider: "test"
    }
    const wholeShown = {
      id: "t-1",
      state: "failed",
      amount: 5,
      created: "2025-10-01T09:30:00.000Z",
      errorState: "hard_declined",
      error: "declined_by_acquirer",
      acquirerCode: "05",
      acquirerMessage: "Do not honour",
      cardType: "visa",
      provider: "test"
    }
    assert.deepStrictEqual(transactionFrom(whole), withTransaction(wholeShown))
    const names = new Map(Object.keys(whole).map((name, index) => [name, Object.keys(wholeShown)[index] ?? name]))
    for (const [name, shownName] of names) {
      const rest = Object.fromEntries(Object.entries(wholeShown).filter(([key]) => key !== shownName))
      for (const odd of [undefined, null, {}, [], true, 1.5]) {
        assert.deepStrictEqual(
          transactionFrom({ ...whole, [name]: odd }),
          withTransaction(rest),
          `${name}: ${JSON.stringify(odd)}`
        )
      }
    }
    assert.deepStrictEqual(
      transactionFrom({ ...whole, amount: 9007199254740992 }),
      withTransaction({ ...wholeShown, amount: 0 })
    )
  })

  it("refuses a payout with more transactions than any has, and keeps nothing of them (D14)", () => {
    const withMany = (count: number) =>
      wire.readPayout({ handle: "p-1", state: "paid", amount: 1, transactions: Array(count).fill(0) }, keep)
    assert.strictEqual(withMany(1000)?.transactions.length, 1000)
    assert.strictEqual(withMany(1001), undefined)
    assert.strictEqual(withMany(524_001), undefined)
  })

  it("keeps a transaction that cannot be read: it is an attempt that may have paid", () => {
    for (const odd of [null, "paid", 7, [], true]) {
      assert.deepStrictEqual(transactionFrom(odd), withTransaction({}), JSON.stringify(odd))
    }
    assert.deepStrictEqual(from({ transactions: [null, { id: "t-2", state: "paid", amount: 1 }, null] }), {
      ...least,
      transactions: [
        { id: "", state: "", amount: 0 },
        { id: "t-2", state: "paid", amount: 1 },
        { id: "", state: "", amount: 0 }
      ]
    })
  })

  it("without a list of transactions has none (64)", () => {
    for (const transactions of [undefined, null, {}, "none", 0]) {
      assert.deepStrictEqual(from({ transactions }), leastShown)
    }
  })

  it("keeps words that nobody knows (60, 62)", () => {
    assert.deepStrictEqual(from({ state: "on_hold", transactions: [{ state: "retired", error_state: "shy" }] }), {
      ...least,
      state: "on_hold",
      transactions: [{ id: "", state: "retired", amount: 0, errorState: "shy" }]
    })
  })

  it("has its dates in any of the three shapes, with any decimals", () => {
    const dates = [
      ["2015-06-12T06:38:33.876+0000", "2015-06-12T06:38:33.876Z"],
      ["2025-08-04T12:46:01.853+00:00", "2025-08-04T12:46:01.853Z"],
      ["2015-06-25T12:10:00.64Z", "2015-06-25T12:10:00.640Z"],
      ["2015-06-25T12:10:00.64+0000", "2015-06-25T12:10:00.640Z"],
      ["2015-06-25T12:10:00Z", "2015-06-25T12:10:00.000Z"],
      ["2025-10-01T11:30:00.000+0200", "2025-10-01T09:30:00.000Z"],
      ["2025-10-01T11:30:00.000+02:00", "2025-10-01T09:30:00.000Z"],
      ["2025-10-01T04:00:00.000-0530", "2025-10-01T09:30:00.000Z"],
      // No zone at all: as good as UTC, and better than no date.
      ["2025-10-01T09:30:00.000", "2025-10-01T09:30:00.000Z"]
    ] as const
    for (const [written, date] of dates) {
      assert.deepStrictEqual(from({ created: written }), { ...least, created: date, transactions: [] }, written)
      assert.deepStrictEqual(transactionFrom({ created: written }), withTransaction({ created: date }), written)
    }
  })

  it("has its last word where a field is said twice (67)", () => {
    assert.deepStrictEqual(shown('{"handle":"p-1","amount":7,"state":"failed","state":"paid","amount":1}'), leastShown)
  })

  it("cannot reach the prototype of anything (67)", () => {
    const text =
      '{"__proto__":{"amount":7,"polluted":true},"constructor":{"prototype":{"polluted":true}},' +
      '"handle":"p-1","state":"paid","amount":1,"transactions":[{"__proto__":{"state":"paid","error_state":"x"}}]}'
    assert.deepStrictEqual(shown(text), withTransaction({}))
    assert.isFalse("polluted" in {})
    assert.strictEqual(shown('{"__proto__":{"amount":7},"handle":"p-1","state":"paid"}'), "unreadable")
  })

  it("gives every text of the provider to be looked at", () => {
    const text = (name: string) => `${name} secret`
    const cleaned = wire.readPayout(
      {
        handle: text("handle"),
        state: text("state"),
        amount: 1,
        currency: text("currency"),
        customer: text("customer"),
        transactions: [
          {
            id: text("id"),
            state: text("state"),
            error_state: text("error_state"),
            error: text("error"),
            acquirer_code: text("acquirer_code"),
            acquirer_message: text("acquirer_message"),
            card_type: text("card_type"),
            provider: text("provider")
          }
        ]
      },
      wordsThat((text) => text.replace("secret", "***"))
    )
    assert.notInclude(JSON.stringify(cleaned), "secret")
    assert.strictEqual(JSON.stringify(cleaned).match(/\*\*\*/g)?.length, 12)
  })
})

describe("An error of the provider", () => {
  const samples = [
    [
      "with request_id",
      `{ "code": 209, "error": "Accessed feature is not available on the current plan for your account",
        "path": "/some/api/path", "timestamp": "2025-08-04T12:46:01.853+00:00", "http_status": 403,
        "http_reason": "Forbidden", "request_id": "some_request_id" }`,
      {
        error: {
          _tag: "ApiError",
          code: 209,
          error: "Accessed feature is not available on the current plan for your account",
          path: "/some/api/path"
        },
        requestId: "some_request_id"
      }
    ],
    [
      "with request-id and a date without a colon",
      `{ "code": 13, "error": "Subscription expired", "http_reason": "Bad Request", "http_status": 400,
        "path": "/v1/subscription/WHBBv/expire", "timestamp": "2015-06-12T06:38:33.876+0000",
        "request-id": "de03e86d0a6d44359b249340f967ddc9", "transaction_error": "credit_card_expired" }`,
      {
        error: {
          _tag: "ApiError",
          code: 13,
          error: "Subscription expired",
          transactionError: "credit_card_expired",
          path: "/v1/subscription/WHBBv/expire"
        },
        requestId: "de03e86d0a6d44359b249340f967ddc9"
      }
    ],
    [
      "of a handle that is paid",
      `{ "code": 134, "error": "Payout already paid", "path": "/v1/payout", "timestamp": "2025-10-01T09:35:00.000+00:00",
        "http_status": 400, "http_reason": "Bad Request", "request_id": "f1988fc2374b4a26a51ebd876b478428" }`,
      {
        error: { _tag: "ApiError", code: 134, error: "Payout already paid", path: "/v1/payout" },
        requestId: "f1988fc2374b4a26a51ebd876b478428"
      }
    ]
  ] as const
  for (const [title, text, expected] of samples) {
    it(`${title} is read as it is documented (provider.md 10.6)`, () => {
      assert.deepStrictEqual(JSON.stringify(errorOf(text)), JSON.stringify(expected))
    })
  }

  it("needs a code, and nothing else", () => {
    const least = errorOf('{"code":134,"error":null,"message":7,"timestamp":"soon","http_status":"?"}')
    assert.strictEqual(JSON.stringify(least), '{"error":{"_tag":"ApiError","code":134}}')
    for (const text of ['{"error":"x"}', '{"code":"134"}', '{"code":null}', '{"code":1.5}', "[]", "null", '"134"']) {
      assert.isUndefined(errorOf(text), text)
    }
  })

  it("shows its code and its words, cleaned, and no more", () => {
    const read = wire.readError(
      {
        code: 135,
        error: "no secret",
        message: "a secret",
        path: "/secret",
        transaction_error: "secret",
        http_reason: "secret",
        request_id: "secret"
      },
      wordsThat((text) => text.replace("secret", "***"))
    )
    assert.deepStrictEqual(read, {
      error: { _tag: "ApiError", code: 135, error: "no ***", message: "a ***", transactionError: "***", path: "/***" },
      // To be looked at, and cleaned, like the one in the head.
      requestId: "secret"
    })
  })
})

describe("What the provider may do without being asked", () => {
  const known = {
    payout: ["handle", "state", "amount", "currency", "text", "customer", "created", "paid", "failed", "transactions"],
    transaction: ["id", "state", "payout", "amount", "created", "paid", "failed", "error_state", "error"].concat([
      "acquirer_code",
      "acquirer_message",
      "card_type",
      "provider"
    ])
  }
  const unknownFields = (taken: ReadonlyArray<string>) =>
    fc.dictionary(
      fc
        .oneof(fc.string(), fc.constantFrom("errorState", "cardType", "constructor", "toString"))
        .filter((key) => !taken.includes(key)),
      fc.jsonValue({ maxDepth: 2 }),
      { maxKeys: 4 }
    )
  const date = fc
    .integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) })
    .map((millis) => DateTime.formatIso(DateTime.unsafeMake(millis)))
  const transaction = fc.record({
    id: fc.string(),
    state: fc.constantFrom("paid", "processing", "failed", "retired"),
    amount: fc.constantFrom(1, 12_500, 20_000),
    created: date,
    error_state: fc.constantFrom("hard_declined", "soft_declined", "processing_error", "pending", "shy", null)
  })
  const payout = fc.record({
    handle: fc.constantFrom("prize-2026-0042", "another"),
    state: fc.constantFrom("created", "processing", "paid", "failed", "on_hold"),
    amount: fc.constantFrom(12_500, 20_000),
    currency: fc.constantFrom("DKK", "SEK", null),
    transactions: fc.uniqueArray(transaction, { maxLength: 5, selector: ({ created }) => created })
  })
  // A key of __proto__ stays a key in JSON's text.
  const text = (value: unknown): string => JSON.stringify(value)
  const merged = (value: object, extra: object): object =>
    Object.fromEntries([...Object.entries(extra), ...Object.entries(value)])
  const read = (text: string) => Option.getOrThrow(Option.fromNullable(wire.readPayout(JSON.parse(text), keep)))
  const verdict = (payout: Payout.Payout) => Verdict.ofPayout(Verdict.expected(requestOf()), payout)
  const finding = (verdict: Verdict.Verdict) => ({ ...verdict, payout: undefined })

  it("add fields that nobody knows: neither the payout nor the verdict changes (68)", () => {
    const extended = payout.chain((value) =>
      fc.record({
        value: fc.constant(value),
        extra: unknownFields(known.payout),
        extras: fc.array(unknownFields(known.transaction), {
          minLength: value.transactions.length,
          maxLength: value.transactions.length
        })
      })
    )
    fc.assert(
      fc.property(extended, ({ extra, extras, value }) => {
        const transactions = value.transactions.map((one, index) => merged(one, extras[index] ?? {}))
        const plain = read(text(value))
        const more = read(text(merged({ ...value, transactions }, extra)))
        assert.deepStrictEqual(more, plain)
        assert.deepStrictEqual(verdict(more), verdict(plain))
      })
    )
  })

  it("show its transactions in any order: the latest and the verdict stay the same (65)", () => {
    const shuffled = payout.chain((value) =>
      fc.record({
        value: fc.constant(value),
        transactions: fc.shuffledSubarray(value.transactions, {
          minLength: value.transactions.length,
          maxLength: value.transactions.length
        })
      })
    )
    fc.assert(
      fc.property(shuffled, ({ transactions, value }) => {
        const plain = read(text(value))
        const other = read(text({ ...value, transactions }))
        assert.deepStrictEqual(Payout.latest(other), Payout.latest(plain))
        assert.deepStrictEqual(Payout.recorded(other), Payout.recorded(plain))
        assert.deepStrictEqual(finding(verdict(other)), finding(verdict(plain)))
      })
    )
  })

  it("answer anything at all: it is read or it is not, and nothing is thrown", () => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          handle: fc.jsonValue(),
          state: fc.jsonValue(),
          amount: fc.jsonValue(),
          transactions: fc.jsonValue(),
          created: fc.jsonValue(),
          code: fc.jsonValue()
        },
        { requiredKeys: [] }
      )
    )
    fc.assert(
      fc.property(anything, (value) => {
        const payout = wire.readPayout(value, keep)
        if (payout !== undefined) verdict(payout)
        const error = wire.readError(value, keep)
        assert.isTrue(error === undefined || Number.isSafeInteger(error.error.code))
      })
    )
  })
})
