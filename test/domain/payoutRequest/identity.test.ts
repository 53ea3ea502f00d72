import { assert, describe, it } from "@effect/vitest"
import { Either, Equal, Hash, Redacted, Schema } from "effect"
import { Destination, Handle, Money, PayoutRequest } from "effect-billwerk-payouts"
import * as wire from "../../../src/provider/wire.js"
import { handle, saved, token, base, accepted, canary } from "./fixture.js"

describe("Two requests", () => {
  it("have no differences, if they are sent with the same bytes", () => {
    assert.deepStrictEqual(PayoutRequest.differences(accepted(base), accepted({ ...base })), [])
    assert.deepStrictEqual(
      PayoutRequest.differences(
        accepted({ ...base, customer: { email: "a@example.com", handle: "c-1" } }),
        accepted({ ...base, customer: { handle: "c-1", email: "a@example.com" } })
      ),
      []
    )
  })

  it("differ in the fields that are named, and whose values are not (86)", () => {
    const other = {
      handle: "prize-2026-0043",
      destination: "ca_2",
      amount: 1,
      currency: "SEK",
      customer: "c-2",
      text: "Another",
      textOnStatement: "Another",
      acquirerReference: "Another"
    }
    assert.sameMembers([...PayoutRequest.differences(accepted(base), accepted(other))], Object.keys(other))
    for (const [field, value] of Object.entries(other)) {
      assert.deepStrictEqual(PayoutRequest.differences(accepted(base), accepted({ ...base, [field]: value })), [field])
    }
  })
})

describe("A request that was made", () => {
  const { isPayoutRequest } = PayoutRequest
  const customer = { handle: "c-1", email: "a@example.com", metadata: { a: 1 } }
  const cardToken = () => accepted({ ...base, destination: Redacted.make(token), customer })
  const stored = { ...base, destination: { _tag: "SavedMethod", reference: saved }, customer, text: "Prize" }
  const made = (): ReadonlyArray<PayoutRequest.PayoutRequest> => [
    accepted({ ...base, customer }),
    cardToken(),
    Schema.decodeUnknownSync(PayoutRequest.PayoutRequest)(stored),
    new PayoutRequest.PayoutRequest(accepted({ ...base, customer }))
  ]

  it("is frozen, with all that is in it (D3)", () => {
    for (const request of made()) {
      const { amount, customer, destination } = request
      assert(typeof customer === "object" && customer.metadata !== undefined)
      for (const part of [request, destination, customer, customer.metadata]) assert.isTrue(Object.isFrozen(part))
      for (const [field, value] of Object.entries({ amount: -7, handle: "p-2", customer: undefined, extra: 1 })) {
        assert.isFalse(Reflect.set(request, field, value))
        assert.isFalse(Reflect.deleteProperty(request, "amount"))
      }
      assert.isFalse(Reflect.set(destination, "reference", Redacted.make("ca_2")))
      assert.isFalse(Reflect.set(customer, "handle", "c-2"))
      assert.isFalse(Reflect.set(customer.metadata, "a", 2))
      assert.isFalse(Reflect.setPrototypeOf(request, null))
      assert.strictEqual(request.amount, amount)
    }
  })

  it("is known for one, and only it (D3)", () => {
    for (const request of made()) {
      assert.isTrue(isPayoutRequest(request))
      assert.instanceOf(request, PayoutRequest.PayoutRequest)
    }
    class Sub extends PayoutRequest.PayoutRequest {}
    const request = accepted(base)
    const { prototype } = PayoutRequest.PayoutRequest
    const forged: ReadonlyArray<unknown> = [
      new PayoutRequest.PayoutRequest({ ...request }, true),
      new PayoutRequest.PayoutRequest({ ...request }, { disableValidation: true }),
      new PayoutRequest.PayoutRequest({ ...request, amount: Money.Amount.make(-7, true) }, true),
      PayoutRequest.PayoutRequest.make({ ...request }, true),
      // @ts-expect-error: no request at all.
      new PayoutRequest.PayoutRequest({}, true),
      // @ts-expect-error: no request at all.
      new PayoutRequest.PayoutRequest(null, true),
      new Sub({ ...request }),
      new Sub({ ...request }, true),
      Reflect.construct(PayoutRequest.PayoutRequest, [{ ...request }], Sub),
      Object.create(prototype, Object.getOwnPropertyDescriptors(request)),
      Object.setPrototypeOf({ ...request, amount: -7 }, prototype),
      Object.create(request, { amount: { value: -7 } }),
      new Proxy(request, { get: (target, key) => (key === "amount" ? -7 : Reflect.get(target, key)) }),
      structuredClone({ ...base }),
      undefined,
      null,
      "p-1"
    ]
    for (const [index, value] of forged.entries()) assert.isFalse(isPayoutRequest(value), `#${index}`)
  })

  it("has nothing that it was not given itself, whatever a prototype says (D4)", () => {
    const inherited = Object.fromEntries(
      Object.entries({
        customer: { generateHandle: true, email: canary },
        ...{ text: canary, textOnStatement: canary, acquirerReference: canary },
        ...{ email: canary, phone: canary, metadata: { canary: 1 } }
      }).map(([name, value]) => [name, { value, configurable: true, enumerable: true, writable: true }])
    )
    Object.defineProperties(Object.prototype, inherited)
    try {
      const requests = [
        accepted(base),
        accepted({ ...base, customer: { handle: "c-1" } }),
        Schema.decodeUnknownSync(PayoutRequest.PayoutRequest)({
          ...base,
          destination: { _tag: "SavedMethod", reference: saved }
        }),
        new PayoutRequest.PayoutRequest({
          handle: Either.getOrThrow(Handle.make(handle)),
          destination: accepted(base).destination,
          amount: Money.Amount.make(1),
          currency: Money.Currency.make("DKK")
        })
      ]
      for (const request of requests) {
        assert.notInclude(wire.encodeCreate(request), canary)
        assert.strictEqual(request.text, undefined)
      }
      const inheriting: object = Object.create({ ...base, customer: "c-1" })
      assert.isTrue(Either.isLeft(PayoutRequest.fromUnknown(inheriting)))
    } finally {
      for (const name of Object.keys(inherited)) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it("is what was checked, where the caller's object says something else each time", () => {
    const changing = <A>(...values: ReadonlyArray<A>) => {
      let reads = 0
      return { enumerable: true, get: () => values[Math.min(reads++, values.length - 1)] }
    }
    const metadata = Object.defineProperty({}, "a", changing<unknown>(1, NaN))
    const customer = Object.defineProperties({ metadata }, { handle: changing("c-1", "../") })
    const input = Object.defineProperties({ ...base, customer }, { amount: changing(12_500, -7) })
    const request = accepted(input)
    assert.deepStrictEqual<unknown>([request.amount, request.customer], [12_500, { metadata: { a: 1 }, handle: "c-1" }])
  })

  it("keeps its secret when the caller wipes the one that it was made of, or the one in it (F10)", () => {
    const secret = Redacted.make(token)
    const request = accepted({ ...base, destination: secret, customer: "c-1" })
    Redacted.unsafeWipe(secret)
    assert.strictEqual(Destination.unwrap(request.destination), token)
    Redacted.unsafeWipe(request.destination.reference)
    assert.strictEqual(JSON.parse(wire.encodeCreate(request)).destination, token)
    const other = accepted({ ...base, destination: Redacted.make(token), customer: "c-1" })
    assert.deepStrictEqual(PayoutRequest.differences(request, other), [])
  })

  it("equals another one with the same arguments, and has the same hash", () => {
    const [one, two] = [cardToken(), cardToken()]
    assert.isTrue(Equal.equals(one, two))
    assert.strictEqual(Hash.hash(one), Hash.hash(two))
    assert.isFalse(Equal.equals(one, accepted({ ...base, destination: Redacted.make(token), customer: "c-1" })))
    assert.isFalse(Equal.equals(one, accepted(base)))
  })

  it("is the same, and the same bytes, whatever the order of what is in it (F9)", () => {
    const [one, two] = [
      { generateHandle: true, email: "a@example.com", phone: "1", metadata: { b: 1, a: true, "10": "x", "9": "y" } },
      { metadata: { "9": "y", a: true, "10": "x", b: 1 }, phone: "1", email: "a@example.com", generateHandle: true }
    ]
    const requests = [one, two].flatMap((customer) => [
      accepted({ ...base, customer }),
      accepted({ customer, currency: "DKK", amount: 12_500, destination: saved, handle }),
      Schema.decodeUnknownSync(PayoutRequest.PayoutRequest)({ ...stored, customer, text: undefined }),
      new PayoutRequest.PayoutRequest({ ...accepted({ ...base, customer }) })
    ])
    for (const request of requests) {
      assert.deepStrictEqual(PayoutRequest.differences(accepted({ ...base, customer: one }), request), [])
      assert.strictEqual(wire.encodeCreate(request), wire.encodeCreate(accepted({ ...base, customer: two })))
    }
    const other = accepted({ ...base, customer: { ...two, metadata: { ...two?.metadata, a: false } } })
    assert.deepStrictEqual(PayoutRequest.differences(accepted({ ...base, customer: one }), other), ["customer"])
  })
})
