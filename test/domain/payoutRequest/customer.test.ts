import { assert, describe, it } from "@effect/vitest"
import { DateTime, Redacted } from "effect"
import { token, base, refused, accepted, million, canary, handleReason, refuses } from "./fixture.js"

const lineReason = "must be 1 to 255 characters without control characters"

const metadataReason =
  "must be a record of at most 100 finite numbers, booleans and strings of up to 1024 characters without control " +
  "characters, under names of 1 to 255"

describe("The customer of a request", () => {
  const card = { ...base, destination: Redacted.make(token) }

  it("may be left out with a saved method, which implies it", () => {
    assert.strictEqual(accepted(base).customer, undefined)
    assert.strictEqual(accepted({ ...base, customer: undefined }).customer, undefined)
  })

  it("must be given with a card token", () => {
    for (const input of [card, { ...card, customer: undefined }]) {
      const error = refused(input)
      assert.deepStrictEqual(
        [error.field, error.reason],
        ["customer", "must be given with a card token, which identifies no customer"]
      )
    }
  })

  it("is a handle, or one to create under a handle of the caller's or of the provider's", () => {
    for (const customer of ["c-1", { handle: "c-1" }, { generateHandle: true, email: "a@example.com" }]) {
      assert.deepStrictEqual<unknown>(accepted({ ...card, customer }).customer, customer)
      assert.deepStrictEqual<unknown>(accepted({ ...base, customer }).customer, customer)
    }
  })

  it("has exactly one of a handle and a generated handle", () => {
    for (const customer of [
      {},
      { email: "a@example.com" },
      { handle: "c-1", generateHandle: true },
      DateTime.toDate(DateTime.unsafeMake(0))
    ]) {
      const error = refused({ ...base, customer })
      assert.deepStrictEqual(
        [error.field, error.reason],
        ["customer", "must have either a handle or generateHandle: true, and not both"]
      )
    }
    assert.strictEqual(refused({ ...base, customer: { generateHandle: false } }).field, "customer.generateHandle")
  })

  refuses("customer", handleReason, [
    [". (106)", "."],
    ["an empty one (106)", ""],
    ["256 characters (106)", "x".repeat(256)],
    ["a slash (106)", "cust/1"],
    ["CR LF (107)", "cust-1\r\n"],
    ["nothing", null],
    ["a list", ["c-1"]],
    ["a number", 42]
  ])
  refuses("customer.handle", handleReason, [
    [".. (106)", ".."],
    ["a line break (107)", "cust-1\n"],
    ["a number", 42]
  ])
  for (const field of ["email", "firstName", "address2", "postalCode", "phone", "vat", "language"]) {
    refuses(`customer.${field}`, lineReason, [
      ["an empty one", ""],
      ["CR LF (107)", `${canary}\r\nBcc: x`],
      ["a lone surrogate (108)", `${canary}\ud800`],
      ["256 characters (108)", "x".repeat(256)],
      ["a number", 42]
    ])
  }
  refuses("customer.country", "must be an ISO 3166-1 code of two capital letters, such as DK", [
    ["lower case", "dk"],
    ["three letters", "DNK"]
  ])
  refuses("customer.debtorId", "must be an integer", [
    ["a fraction (103)", 1.5],
    ["NaN (102)", Number.NaN],
    ["more than can be counted safely (104)", 2 ** 53],
    ["a numeric string (104)", "42"]
  ])
  refuses("customer.test", "must be true or false", [["a word", "true"]])
  refuses("customer.metadata", metadataReason, [
    ["NaN (102)", { a: Number.NaN }],
    ["Infinity (102)", { a: Infinity }],
    ["a bigint (104)", { a: 1n }],
    ["nothing", { a: null }],
    ["nothing at all", { a: undefined }],
    ["an object", { a: {} }],
    ["a list", { a: [1] }],
    ["a function", { a: () => 1 }],
    ["a list instead of a record", ["a"]],
    ["a word instead of a record", canary],
    ["CR LF (107)", { a: "b\r\n" }],
    ["a lone surrogate (108)", { a: "\ud800" }],
    ["1 MB in a value (108)", { a: million }],
    ["1 MB in a name (108)", { [million]: 1 }],
    ["a name with NUL (108)", { "a\u0000": 1 }],
    ["a name without a character", { "": 1 }],
    ["1 MB in many values (108)", Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`key-${i}`, million]))],
    ["101 values (108)", Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`key-${i}`, i]))]
  ])

  it("has a field's name in the refusal, but not one that may be a value", () => {
    assert.strictEqual(refused({ ...base, customer: { handle: "c-1", first_name: "A" } }).field, "customer.first_name")
    assert.strictEqual(
      refused({ ...base, customer: { handle: "c-1", "winner@example.com": 1 } }).field,
      "customer.an unnamed field"
    )
  })

  it("may have every field that the provider documents", () => {
    const customer = {
      handle: "c-1",
      email: "winner@example.com",
      firstName: "Åse",
      lastName: "Ø",
      address: "Vej 1",
      address2: "2. tv",
      city: "Århus",
      postalCode: "8000",
      country: "DK",
      phone: "+45 12345678",
      company: "A/S",
      vat: "DK1",
      language: "da_DK",
      debtorId: 42,
      metadata: { note: "", level: 1.5, vip: true },
      test: true
    }
    assert.deepStrictEqual<unknown>(accepted({ ...base, customer }).customer, customer)
  })

  it("does not change when the caller's object does: every attempt sends the same (105)", () => {
    const customer = { handle: "c-1", email: "a@example.com", metadata: { a: 1 } }
    const input = { ...base, customer }
    const request = accepted(input)
    input.amount = 1
    customer.email = "b@example.com"
    customer.metadata.a = 2
    assert.strictEqual(request.amount, 12_500)
    assert.deepStrictEqual<unknown>(request.customer, { handle: "c-1", email: "a@example.com", metadata: { a: 1 } })
  })
})
