/** A request from plain JSON: every wrong field is named at once, and no message shows a value. */
import { HttpApi, HttpApiEndpoint, HttpApiError, HttpApiGroup, OpenApi } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc, ParseResult, Redacted, Schema } from "effect"
import { Destination, PayoutRequest } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { accepted, base, canary, given, handle, handleReason, saved, token } from "./fixture.js"

const decode = Schema.decodeUnknownEither(PayoutRequest.FromInput)
const encode = Schema.encodeEither(PayoutRequest.FromInput)

const decoded = (json: unknown) => Either.getOrThrow(decode(json))

const errorOf = (json: unknown) =>
  Either.getOrThrowWith(Either.flip(decode(json)), () => new Error("it was accepted, and should not be"))

/** What a caller is told, as `path: reason`. */
const told = (json: unknown) =>
  ParseResult.ArrayFormatter.formatErrorSync(errorOf(json)).map(({ message, path }) => `${path.join(".")}: ${message}`)

const full = {
  ...base,
  customer: { handle: "c-1", email: "winner@example.com", metadata: { b: 1, a: "x" } },
  text: "Prize",
  textOnStatement: "PRIZE",
  acquirerReference: "P-1"
}

describe("PayoutRequest.FromInput", () => {
  it("takes what PayoutRequest.make takes", () => {
    for (const json of [base, full, { ...base, customer: "c-1" }]) {
      assert.deepStrictEqual(given(decoded(JSON.parse(JSON.stringify(json)))), given(accepted(json)))
    }
  })

  it("redacts a card token, which JSON has in the clear", () => {
    const request = decoded({ ...base, destination: token, customer: "c-1" })
    assert.strictEqual(request.destination._tag, "CardToken")
    assert.strictEqual(Destination.unwrap(request.destination), token)
    for (const shown of [String(request), JSON.stringify(request), inspect(request)]) assert.notInclude(shown, token)
  })

  it("names every wrong field at once, with the reason", () => {
    assert.deepStrictEqual(
      told({
        handle: "not a handle",
        destination: 7,
        amount: 12.5,
        currency: "dkk",
        customer: { handle: "c-1", generateHandle: "yes", country: "Denmark", shoeSize: 43 },
        text: "",
        textOnStatement: "Præmie",
        acquirerReference: "",
        colour: "red"
      }),
      [
        "colour: is not a field of a payout request",
        `handle: ${handleReason}`,
        "destination: must be 1 to 255 visible ASCII characters without spaces",
        "amount: must be an integer from 1 to 2147483647, in the currency's smallest unit",
        "currency: must be an ISO 4217 code of three capital letters, such as DKK",
        "customer.shoeSize: is not a field of a customer",
        "customer.country: must be an ISO 3166-1 code of two capital letters, such as DK",
        "customer.generateHandle: must be true",
        "text: must be 1 to 1024 characters without control characters or lone surrogates",
        "textOnStatement: must be 1 to 255 printable ASCII characters",
        "acquirerReference: must be 1 to 128 printable ASCII characters"
      ]
    )
  })

  it("names the missing fields, the missing customer of a card token, and what is no object", () => {
    assert.deepStrictEqual(
      told({}).map((line) => line.split(":")[0]),
      ["handle", "destination", "amount", "currency"]
    )
    assert.deepStrictEqual(told({ ...base, amount: 0, destination: token }), [
      "amount: must be an integer from 1 to 2147483647, in the currency's smallest unit",
      "customer: must be given with a card token, which identifies no customer"
    ])
    assert.deepStrictEqual(told({ ...base, customer: { email: "winner@example.com" } }), [
      "customer: must have either a handle or generateHandle: true, and not both"
    ])
    for (const json of [undefined, null, [], "ca_1", 7]) assert.deepStrictEqual(told(json), [": must be an object"])
  })

  it("has a refusal whenever make has one, the same one among them, and none otherwise", () => {
    const values = fc.constantFrom(
      ...["p-1", saved, "DKK", "c-1", "", "æ", "4111111111111111", 1, 0, 12.5, null, true, undefined],
      { handle: "c-1" },
      { handle: "c-1", email: "" },
      Redacted.make(token),
      Redacted.make("")
    )
    const names = [...Object.keys(full), "colour"]
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), values), (changes) => {
        const input = { ...base, ...changes }
        const answer = PayoutRequest.fromUnknown(input)
        const all = PayoutRequest.refusals(input)
        assert.strictEqual(Either.isLeft(answer), all.length > 0)
        if (Either.isRight(answer)) return
        const { field, reason } = answer.left
        assert.isTrue(all.some((one) => one.field === field && one.reason === reason))
        const fields = all.map((one) => one.field)
        assert.deepStrictEqual(fields, [...new Set(fields)], "each field once")
        for (const one of all) assert.strictEqual(one.handle, answer.left.handle)
      }),
      { numRuns: 3000 }
    )
  })

  it("shows no value in any form of its error", () => {
    const secrets = { token: `ct_${canary}`, method: `ca ${canary}`, text: `${canary}\n`, key: `priv_${canary}` }
    const inputs = [
      { ...base, destination: secrets.token },
      { ...base, destination: secrets.token, amount: 0, customer: "c-1" },
      { ...base, destination: secrets.method, handle: secrets.token },
      { ...base, destination: [secrets.token], [secrets.key]: 1, text: secrets.text },
      { ...base, customer: { handle: secrets.key, email: secrets.text, [secrets.token]: 1 } },
      secrets.token
    ]
    for (const json of inputs) {
      const error = errorOf(json)
      const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
      for (const shown of [String(error), error.message, JSON.stringify(error), JSON.stringify(issues)]) {
        assert.notInclude(shown, canary)
      }
    }
  })

  it("encodes a saved method to the same JSON, and a card token not at all", () => {
    const request = accepted(full)
    const json: unknown = JSON.parse(JSON.stringify(Either.getOrThrow(encode(request))))
    assert.deepStrictEqual(decoded(json), request)
    const refusal = Either.flip(encode(accepted({ ...base, destination: Redacted.make(token), customer: "c-1" })))
    const { message } = Either.getOrThrow(refusal)
    assert.include(message, "a card token has no encoded form")
    assert.notInclude(message, token)
  })

  it("describes itself to OpenAPI, and its errors as those of a decoded payload", () => {
    const endpoint = HttpApiEndpoint.post("pay", "/payouts").setPayload(PayoutRequest.FromInput)
    const spec = OpenApi.fromApi(HttpApi.make("api").add(HttpApiGroup.make("payouts").add(endpoint)))
    const body = spec.paths["/payouts"]?.post?.requestBody?.content["application/json"]?.schema
    assert.deepInclude(body, { type: "object", required: ["handle", "destination", "amount", "currency"] })
    assert.isDefined(spec.components.schemas[HttpApiError.HttpApiDecodeError.name])
    assert.strictEqual(decoded(base).handle, handle)
  })
})
