import { assert, describe, it } from "@effect/vitest"
import { DateTime, Redacted } from "effect"
import { inspect } from "node:util"
import {
  saved,
  token,
  base,
  refused,
  accepted,
  million,
  handleReason,
  type Refusals,
  refuses,
  given
} from "./fixture.js"
import { everything } from "../../everything.js"

const amountReason = "must be an integer from 1 to 2147483647, in the currency's smallest unit"

const currencyReason = "must be an ISO 4217 code of three capital letters, such as DKK"

const textReason = "must be 1 to 1024 characters without control characters or lone surrogates"

const referenceReason = "must be 1 to 255 visible ASCII characters without spaces"

const notStrings: Refusals = [
  ["nothing", null],
  ["a number", 42],
  ["a bigint", 42n],
  ["a boxed string", Object("p-1")],
  ["an array of one", ["p-1"]],
  ["a function", () => "p-1"],
  ["a symbol", Symbol("p-1")]
]

describe("PayoutRequest", () => {
  refuses("amount", amountReason, [
    ["0 (101)", 0],
    ["-0 (101)", -0],
    ["-1 (101)", -1],
    ["the smallest int32 (101)", -2_147_483_648],
    ["NaN (102)", Number.NaN],
    ["Infinity (102)", Infinity],
    ["-Infinity (102)", -Infinity],
    ["a fraction (103)", 12.5],
    ["what is nearly a whole number (103)", 100.000_000_000_001],
    ["the smallest number above 0 (103)", Number.MIN_VALUE],
    ["one more than int32 (104)", 2_147_483_648],
    ["more than can be counted safely (104)", Number.MAX_SAFE_INTEGER + 1],
    ["1e21 (104)", 1e21],
    ["a numeric string (104)", "12500"],
    ["a bigint (104)", 12_500n],
    ["a boxed number (104)", Object(12_500)],
    ["an object that turns into a number (104)", { valueOf: () => 12_500 }],
    ["an array of one (104)", [12_500]],
    ["a date (104)", DateTime.toDate(DateTime.unsafeMake(12_500))],
    ["true (104)", true],
    ["nothing (104)", null],
    ["nothing at all (104)", undefined]
  ])

  refuses("currency", currencyReason, [
    ["lower case (105)", "dkk"],
    ["mixed case (105)", "Dkk"],
    ["four letters (105)", "DKKK"],
    ["two letters (105)", "DK"],
    ["nothing in it (105)", ""],
    ["digits (105)", "208"],
    ["a space at its end (105)", "DKK "],
    ["a line break at its end (107)", "DKK\n"],
    ["Cyrillic letters that look alike (106)", "DКК"],
    ["full-width letters (106)", "ＤＫＫ"],
    ["nothing at all (105)", undefined],
    ...notStrings
  ])

  refuses("handle", handleReason, [
    ["an empty one (106)", ""],
    [". (106)", "."],
    [".. (106)", ".."],
    ["256 characters (106)", "x".repeat(256)],
    ["1 MB (108)", million],
    ["a slash (106)", "a/b"],
    ["a backslash (106)", "a\\b"],
    ["a percent sign (106)", "a%2Fb"],
    ["a space (106)", "a b"],
    ["a plus (106)", "a+b"],
    ["a question mark (106)", "prize?x=1"],
    ["a hash (106)", "prize#1"],
    ["a Cyrillic letter that looks alike (106)", "prize-2026-004а"],
    ["a full-width digit (106)", "prize-2026-004２"],
    ["a hyphen that looks alike (106)", "prize\u20112026"],
    ["an invisible character (106)", "prize\u200b2026"],
    ["NUL (106)", "prize\u0000"],
    ["a line feed at its end (107)", "prize-2026\n"],
    ["CR LF and a header (107)", "prize\r\nX-Admin: 1"],
    ["a lone surrogate (108)", "prize-\ud800"],
    ["nothing at all (106)", undefined],
    ...notStrings
  ])

  refuses("destination", referenceReason, [
    ["an empty one", ""],
    ["256 characters", `ca_${"0".repeat(253)}`],
    ["1 MB (108)", million],
    ["a space", "ca_00 00"],
    ["a line break at its end (107)", "ca_0000\n"],
    ["NUL", "ca_00\u0000"],
    ["letters outside ASCII", "ca_åå"],
    ["a lone surrogate (108)", "ca_\udfff"],
    ["an object that looks like a destination", { _tag: "SavedMethod", reference: saved }],
    ["nothing at all", undefined],
    ...notStrings
  ])

  const redactedReason = `must be a Redacted card token of 1 to 255 visible ASCII characters without spaces`
  refuses("destination", redactedReason, [
    ["an empty token", Redacted.make("")],
    ["a token with a line break (107)", Redacted.make(`${token}\n`)],
    ["a token of 1 MB (108)", Redacted.make(million)],
    ["a redacted number", Redacted.make(4_111_111)],
    ["a redacted nothing", Redacted.make(undefined)]
  ])

  it("refuses a card token that is not redacted, and does not show it (109, 110)", () => {
    const error = refused({ ...base, destination: token, customer: "c-1" })
    assert.deepStrictEqual(
      [error.field, error.reason],
      ["destination", "must be wrapped in Redacted.make(...), because it is a card token"]
    )
    for (const shown of [error.message, String(error), JSON.stringify(error), inspect(error, everything)]) {
      assert.notInclude(shown, "ct_")
    }
  })

  it("refuses a card token that was wiped, instead of throwing", () => {
    const wiped = Redacted.make(token)
    Redacted.unsafeWipe(wiped)
    const error = refused({ ...base, destination: wiped, customer: "c-1" })
    assert.deepStrictEqual([error.field, error.reason], ["destination", "must not be wiped: its value is gone"])
  })

  refuses("text", textReason, [
    ["an empty one", ""],
    ["1025 characters (108)", "x".repeat(1025)],
    ["1 MB (108)", million],
    ["CR (107)", "Prize\r"],
    ["LF (107)", "Prize\n"],
    ["NUL (107)", "Pri\u0000ze"],
    ["a lone surrogate (108)", "Prize \ud83e"],
    ...notStrings
  ])
  refuses("textOnStatement", "must be 1 to 255 printable ASCII characters", [
    ["an empty one", ""],
    ["256 characters", "x".repeat(256)],
    ["letters outside ASCII", "Præmie"],
    ["CR LF (107)", "Prize\r\n"],
    ...notStrings
  ])
  refuses("acquirerReference", "must be 1 to 128 printable ASCII characters", [
    ["an empty one", ""],
    ["129 characters", "x".repeat(129)],
    ["a tab (107)", "a\tb"],
    ...notStrings
  ])

  it("takes the largest of everything", () => {
    const largest = {
      handle: "x".repeat(255),
      destination: "~".repeat(255),
      amount: 2_147_483_647,
      currency: "XXX",
      text: "🥧".repeat(1024),
      textOnStatement: " ".repeat(255),
      acquirerReference: "~".repeat(128)
    }
    assert.deepStrictEqual(given(accepted(largest)), largest)
  })

  it("takes the smallest of everything", () => {
    const smallest = { handle: "-", destination: "!", amount: 1, currency: "AAA" }
    assert.deepStrictEqual(given(accepted(smallest)), smallest)
  })

  it("refuses whatever is not an object", () => {
    for (const input of [undefined, null, 42, "p-1", [base], () => base, Symbol("p")]) {
      const error = refused(input)
      assert.deepStrictEqual([error.field, error.reason], ["request", "must be an object"])
    }
  })

  it("refuses a field that a payout does not have, by its name", () => {
    for (const field of ["customer_handle", "idempotencyKey", "toString", "constructor"]) {
      const error = refused({ ...base, [field]: undefined })
      assert.deepStrictEqual([error.field, error.reason], [field, "is not a field of a payout request"])
    }
  })

  it("does not show a field's name that may be a value in the wrong place", () => {
    for (const field of [
      saved,
      token,
      "ct_1",
      "priv_1",
      "4111111111111111",
      "a b",
      "",
      "__proto__",
      "x".repeat(33),
      "a\r\nb"
    ]) {
      const error = refused(JSON.parse(JSON.stringify({ ...base, field: 0 }).replace(`"field"`, JSON.stringify(field))))
      assert.deepStrictEqual([error.field, error.reason], ["an unnamed field", "is not a field of a payout request"])
    }
  })

  it("says that no money has moved, and what to do", () => {
    assert.strictEqual(
      refused({ ...base, amount: 12.5 }).message,
      "The payout request was refused before anything was sent: amount must be an integer from 1 to 2147483647, in the " +
        "currency's smallest unit. No money has moved. Correct the request and make it again."
    )
  })

  it("names the first field that is wrong", () => {
    assert.strictEqual(refused({ ...base, handle: "..", amount: 0, extra: 1 }).field, "handle")
    assert.strictEqual(refused({ ...base, amount: 0, extra: 1 }).field, "extra")
    assert.strictEqual(refused({ ...base, amount: 0, currency: "dkk" }).field, "amount")
  })
})
