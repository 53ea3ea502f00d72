import { assert, describe, it } from "@effect/vitest"
import { Either, Redacted, Schema } from "effect"
import { Destination, PayoutRequest } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { saved, token, base, refused, accepted, given } from "./fixture.js"

describe("A request as a Schema", () => {
  const Json = Schema.parseJson(PayoutRequest.PayoutRequest)

  it("survives a queue, if it pays to a saved method", () => {
    const request = accepted({
      ...base,
      customer: { generateHandle: true, email: "a@example.com", metadata: { a: 1, b: true, c: "d" } },
      text: "Prize",
      textOnStatement: "Prize",
      acquirerReference: "ref"
    })
    const back = Schema.decodeSync(Json)(Schema.encodeSync(Json)(request))
    assert.instanceOf(back, PayoutRequest.PayoutRequest)
    assert.deepStrictEqual(PayoutRequest.differences(back, request), [])
    assert.deepStrictEqual(given(back), given(request))
  })

  it("is not encoded with a card token in it, and what is encoded instead cannot be sent (110)", () => {
    const request = accepted({ ...base, destination: Redacted.make(token), customer: "c-1" })
    const text = Either.getOrElse(Schema.encodeEither(Json)(request), () => "")
    assert.notInclude(text, token)
    assert.isTrue(Either.isLeft(Schema.decodeEither(Json)(text)))
  })

  it("takes no card token for a saved method, however it is written (110)", () => {
    const stored = JSON.stringify({ ...base, destination: { _tag: "SavedMethod", reference: token } })
    assert.isTrue(Either.isLeft(Schema.decodeEither(Json)(stored)))
    const reference = Redacted.make(token)
    assert.throws(() => Destination.SavedMethod.make({ reference }))
    assert.throws(
      () => new PayoutRequest.PayoutRequest({ ...accepted(base), destination: { _tag: "SavedMethod", reference } })
    )
  })

  it("does not show a destination that it refuses (110)", () => {
    for (const destination of [
      token,
      { _tag: "CardToken", reference: token },
      { _tag: "SavedMethod", reference: token },
      { _tag: "SavedMethod", reference: `${saved}\n` },
      { _tag: "Card", number: "4111111111111111" },
      { reference: saved }
    ]) {
      const answer = Schema.decodeUnknownEither(PayoutRequest.PayoutRequest)({ ...base, destination })
      assert(Either.isLeft(answer))
      for (const shown of [
        answer.left.message,
        String(answer.left),
        JSON.stringify(answer.left),
        inspect(answer.left)
      ]) {
        assert.include(shown, "Expected a saved payment method, or a redacted card token")
        for (const secret of [token, saved, "4111111111111111"]) assert.notInclude(shown, secret)
      }
    }
  })

  it("refuses what make refuses", () => {
    for (const wrong of [{ amount: 0 }, { handle: ".." }, { currency: "dkk" }, { text: "a\n" }, { customer: {} }]) {
      const stored = { ...base, destination: { _tag: "SavedMethod", reference: saved }, ...wrong }
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(PayoutRequest.PayoutRequest)(stored)))
    }
  })
})

describe("PayoutRequest, however it is made", () => {
  const cardToken = Destination.CardToken.make({ reference: Redacted.make(token) })
  const made = Either.getOrThrow(PayoutRequest.make(base))

  it("has a customer with a card token", () => {
    const { amount, currency, handle } = made
    assert.throws(
      () => new PayoutRequest.PayoutRequest({ handle, amount, currency, destination: cardToken }),
      /customer/
    )
  })

  it("keeps no reference to what the caller may still change", () => {
    const metadata = { tier: 1 }
    const customer = { handle: "c-1", metadata }
    const request = Either.getOrThrow(PayoutRequest.make({ ...base, customer }))
    metadata.tier = 2
    assert.strictEqual(JSON.stringify(request.customer), `{"metadata":{"tier":1},"handle":"c-1"}`)
  })

  for (const metadata of [new Map([["a", 1]]), new Set(["a"]), JSON.parse('{"__proto__":"x"}')]) {
    it(`refuses metadata that would be lost: ${String(metadata)}`, () => {
      const customer = { handle: "c-1", metadata }
      assert.strictEqual(refused({ ...base, customer }).field, "customer.metadata")
    })
  }
})
