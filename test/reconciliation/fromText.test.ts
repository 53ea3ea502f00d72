/** Our books from files: CSV as spreadsheets write it, and NDJSON with stored ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Schema, Stream } from "effect"
import { Outcome, PayoutError, Payouts, Reconciliation, RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { layer, requestOf } from "../support.js"
import { script } from "../payouts/fixture.js"
import { row } from "./fixture.js"

const read = (text: string, size = text.length) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(text.length / Math.max(size, 1)) }, (_, part) =>
      text.slice(part * size, (part + 1) * size)
    )
  ).pipe(
    Reconciliation.fromText,
    Stream.runCollect,
    Effect.map((rows) => [...rows]),
    Effect.either
  )

const refusal = (text: string) =>
  Effect.map(read(text), (rows) => (Either.isLeft(rows) ? [rows.left.line, rows.left.reason] : rows.right))

const two = Either.right([row(), row({ handle: "prize-2", amount: 5, currency: "EUR" })])

/** How rows of a batch's results end, and where they stand. Without a certainty, a row is expected. */
const ends = [
  ["Paid", "Moved", "Paid"],
  ["", "Moved", "Paid"],
  ["Processing", "MayHaveMoved", "Processing"],
  ["HardDeclined", "NotMoved", "NotMoved"],
  ["OutcomeUnknown", "MayHaveMoved", "InDoubt"],
  ["", "MayHaveMoved", "InDoubt"],
  ["another word", "", "Expected"],
  ["", "", "Expected"]
] as const

const ofCsv = ends.reduce(
  (text, [outcome, certainty], index) => `${text}p-${index},5,DKK,${outcome},${certainty}\n`,
  "handle,amount,currency,outcome,certainty\n"
)

const ofNdjson = ends
  .map(([outcome, certainty], index) => ({
    handle: `p-${index}`,
    amount: 5,
    currency: "DKK",
    ...(outcome === "" ? {} : { outcome }),
    ...(certainty === "" ? {} : { certainty })
  }))
  .map((row) => JSON.stringify(row))
  .join("\n")

const standings = (text: string) =>
  Effect.map(
    read(text),
    Either.map((rows) => rows.map(({ standing }) => standing))
  )

describe("Reconciliation.fromText, of CSV", () => {
  const forms: ReadonlyArray<readonly [what: string, text: string]> = [
    ["lines", "handle,amount,currency\nprize-1,12500,DKK\nprize-2,5,EUR\n"],
    [
      "lines that end as Windows has them, without a last end",
      "handle,amount,currency\r\nprize-1,12500,DKK\r\nprize-2,5,EUR"
    ],
    ["a byte order mark and semicolons", "\ufeffhandle;amount;currency\nprize-1;12500;DKK\nprize-2;5;EUR\n"],
    [
      "tabs, other columns and another order",
      "note\tcurrency\tHandle\tamount\nx\tDKK\tprize-1\t12500\n\tEUR\tprize-2\t5"
    ],
    ["empty lines", "\n\nhandle,amount,currency\n\nprize-1,12500,DKK\n   \nprize-2,5,EUR\n\n"],
    [
      "quotes, with quotes, commas and line breaks inside",
      'text,handle,amount,currency\r\n"a ""word"", and\r\nanother line","prize-1",12500,DKK\r\n"",prize-2,"5","EUR"\r\n'
    ],
    ["an empty customer", "handle,amount,currency,customer\nprize-1,12500,DKK,\nprize-2,5,EUR,\n"]
  ]
  for (const [what, text] of forms) {
    it.effect(`reads ${what}, in parts of any size`, () =>
      Effect.gen(function* () {
        for (const size of [text.length, 1, 2, 7, 31]) assert.deepStrictEqual(yield* read(text, size), two)
      })
    )
  }

  it.effect("reads a first cell that looks like JSON, in any row", () =>
    Effect.gen(function* () {
      const text = 'note,handle,amount,currency\n{,prize-1,12500,DKK\n"{ ""a\nb""",prize-2,5,EUR\n'
      for (const size of [text.length, 1, 5, 29]) assert.deepStrictEqual(yield* read(text, size), two)
    })
  )

  it.effect("keeps a customer as a fingerprint", () =>
    Effect.gen(function* () {
      for (const name of ["customer", "customer_handle", "Customer handle", "customerHandle"]) {
        const rows = yield* read(`handle,amount,currency,${name}\nprize-1,12500,DKK,customer-1\n`)
        assert.deepStrictEqual(rows, Either.right([row({ customer: "customer-1" })]))
      }
    })
  )

  it.effect("reads how each row ended from the results of a batch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* standings(ofCsv), Either.right(ends.map(([, , standing]) => standing)))
    })
  )

  const bad: ReadonlyArray<readonly [what: string, text: string, line: number, reason: string]> = [
    ["an amount with a fraction", "handle,amount,currency\nprize-1,125.00,DKK", 2, "amount"],
    ["no handle", 'handle,amount,currency\n"a\nb",1,DKK', 2, "handle"],
    [
      "a currency in lower case, behind a row of two lines",
      'x,handle,amount,currency\n"\n",p,1,DKK\n,p,1,dkk',
      4,
      "currency"
    ],
    ["a quote that is never closed", 'handle,amount,currency\n"prize-1,1,DKK\nprize-2,1,DKK\n', 2, "never closed"],
    ["a quote inside a cell", 'handle,amount,currency\npri"ze"-1,1,DKK', 2, "inside a cell"],
    ["a line that ends with a lone CR", "handle,amount,currency\nprize-1,1,DKK\rprize-2,1,DKK", 2, "is not one line"],
    ["a cell of many quotes", `handle,amount,currency\n"${'""'.repeat(100_000)}",1,DKK`, 2, "has a wrong handle"],
    ["text behind a quoted cell", 'handle,amount,currency\n"prize-1"x,1,DKK', 2, "behind a closing quote"],
    ["no column of amounts", "\nhandle,currency\n", 2, "names no column amount"],
    ["a column twice", "handle,amount,currency,amount\n", 1, "names the column amount twice"],
    ["more cells than columns", "handle,amount,currency\nprize-1,1,DKK,", 2, "has 4 cells, and 3 are named"],
    ["bytes that are no UTF-8", "handle,amount,currency,note\nprize-1,1,DKK,\ufffd", 2, "is not UTF-8"],
    ["a NUL", "handle,amount,currency,note\nprize-1,1,DKK,\0", 2, "is not UTF-8"],
    ["a customer by both names", "handle,amount,currency,customer,customer_handle\n", 1, "column customer twice"],
    ["too few cells", "handle,amount,currency\nprize-1,1", 2, "currency"],
    ["a certainty that is none", "handle,amount,currency,certainty\np,1,DKK,Pri", 2, "has a wrong certainty"],
    ["a certainty twice", "certainty,handle,amount,currency,certainty\n", 1, "names the column certainty twice"]
  ]
  for (const [what, text, line, reason] of bad) {
    it.effect(`refuses ${what}, by its line and without its value`, () =>
      Effect.gen(function* () {
        const [found, why] = yield* refusal(text)
        assert.deepStrictEqual(found, line)
        assert.include(String(why), reason)
        for (const value of ["125.00", "dkk", "pri"]) assert.notInclude(String(why), `${value}`)
      })
    )
  }

  it.effect("refuses a record that is too long to be one, and does not hold all of it", () =>
    Effect.gen(function* () {
      const endless = Stream.concat(
        Stream.make('handle,amount,currency\n"'),
        Stream.repeatValue(`${"x".repeat(99_999)}\n`)
      )
      const error = yield* endless.pipe(Reconciliation.fromText, Stream.runDrain, Effect.flip)
      assert.deepStrictEqual([error.line, error.reason], [2, "has a quote that is never closed"])
    })
  )

  it.effect("reads nothing of an empty file", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(" \n"), Either.right([]))
    })
  )
})

describe("Reconciliation.fromText, of NDJSON", () => {
  it.effect("reads rows, and ignores other fields", () =>
    Effect.gen(function* () {
      const lines = [
        { handle: "prize-1", amount: 12_500, currency: "DKK", destination: "ca_1", customer: { handle: "c" } },
        { currency: "EUR", amount: 5, handle: "prize-2" }
      ].map((line) => JSON.stringify(line))
      for (const size of [1, 5, 1_000]) assert.deepStrictEqual(yield* read(lines.join("\r\n"), size), two)
    })
  )

  it.effect("reads a customer by the provider's name", () =>
    Effect.gen(function* () {
      const line = { handle: "prize-1", amount: 12_500, currency: "DKK", customer_handle: "customer-1" }
      assert.deepStrictEqual(yield* read(JSON.stringify(line)), Either.right([row({ customer: "customer-1" })]))
    })
  )

  it.effect("reads stored ends, alone and as results, with their evidence", () =>
    Effect.gen(function* () {
      yield* script(Script.normal, Script.hardDeclined())
      const payouts = yield* Payouts.Payouts
      const paid = yield* payouts.create(requestOf({ handle: "prize-1" }))
      const declined = yield* Effect.flip(
        payouts.create(requestOf({ handle: "prize-2" }), { policy: RetryPolicy.none })
      )
      const right = yield* Schema.encode(Outcome.Outcome)(paid)
      const left = yield* Schema.encode(PayoutError.PayoutError)(declined)
      const refused = { _tag: "InvalidRequest", field: "destination", reason: "must be valid" }
      const request = { handle: "prize-3", amount: 12_500, currency: "DKK", destination: "<redacted>" }
      const lines = [right, { request: {}, result: { _tag: "Left", left } }, { request, result: refused }]
      const rows = yield* read(lines.map((line) => JSON.stringify(line)).join("\n"))
      assert(Either.isRight(rows))
      assert.deepStrictEqual(
        rows.right.map(({ evidence, handle, standing }) => [
          handle.toString(),
          standing,
          evidence?.transactions.length
        ]),
        [
          ["prize-1", "Paid", 1],
          ["prize-2", "NotMoved", 1],
          ["prize-3", "NotMoved", undefined]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("reads how each row ended from the results of a batch", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* standings(ofNdjson), Either.right(ends.map(([, , standing]) => standing)))
    })
  )

  const bad: ReadonlyArray<readonly [what: string, text: string, line: number, reason: string]> = [
    ["a line that is not JSON", '{"handle":"p","amount":1,"currency":"DKK"}\n{secret', 2, "is not a JSON object"],
    [
      "a certainty that is none",
      '{"handle":"p","amount":1,"currency":"DKK","certainty":"Secret"}',
      1,
      "has a wrong certainty"
    ],
    ["an amount as text", '{"handle":"p","amount":"1","currency":"DKK"}', 1, "has a wrong amount"],
    ["bytes that are no UTF-8", '{"handle":"p","amount":1,"currency":"DKK","text":"\ufffd"}', 1, "is not UTF-8"],
    ["an end that nobody knows", '{"_tag":"Secret","handle":"p"}', 1, "is neither an outcome nor an error"],
    ["a result that is none", '{"result":{"_tag":"Right","right":"secret"}}', 1, "has a result that is none"],
    [
      "a refused request that is not there",
      '{"_tag":"InvalidRequest","field":"x","reason":"y"}',
      1,
      "without the request"
    ]
  ]
  for (const [what, text, line, reason] of bad) {
    it.effect(`refuses ${what}, by its line and without its value`, () =>
      Effect.gen(function* () {
        const [found, why] = yield* refusal(text)
        assert.deepStrictEqual(found, line)
        assert.include(String(why), reason)
        assert.notInclude(String(why).toLowerCase(), "secret")
      })
    )
  }

  it.effect("says the line and what to do in its message", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(Reconciliation.fromText(Stream.make("handle\n"))))
      assert.strictEqual(
        error.message,
        "Line 1 names no column amount, currency. Nothing was compared: correct the file."
      )
    })
  )
})
