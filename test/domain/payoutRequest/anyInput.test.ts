import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc, Schema } from "effect"
import { Destination, Handle, Money, PayoutRequest } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { base, refused, canary, given } from "./fixture.js"
import { everything } from "../../everything.js"

describe("Whatever is given to PayoutRequest", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true
  })
  const handles = fc.stringMatching(/^[A-Za-z0-9_@-]{1,255}$/)
  const words = fc.stringMatching(/^[ -~æøå]{1,40}$/)
  const often = <A>(valid: fc.Arbitrary<A>) =>
    fc.oneof({ weight: 12, arbitrary: valid }, { weight: 1, arbitrary: anything })
  const optional = <A>(valid: fc.Arbitrary<A>) => fc.option(often(valid), { nil: undefined, freq: 2 })
  const details = {
    email: words,
    country: fc.constant("DK"),
    debtorId: fc.integer({ min: 1 }),
    metadata: fc.dictionary(words, fc.oneof(words, fc.integer({ min: 1 }), fc.boolean()), { maxKeys: 5 })
  }
  const customers = fc.oneof(
    handles,
    fc.record({ handle: often(handles), ...details }, { requiredKeys: ["handle"] }),
    fc.record({ generateHandle: fc.constant(true), ...details }, { requiredKeys: ["generateHandle"] })
  )
  const inputs = fc.record({
    handle: often(handles),
    destination: often(fc.stringMatching(/^ca_[0-9a-f]{8,32}$/)),
    amount: often(fc.oneof(fc.integer({ min: 1, max: 2_147_483_647 }), fc.double())),
    currency: often(fc.stringMatching(/^[A-Z]{3}$/)),
    customer: optional(customers),
    text: optional(words),
    textOnStatement: optional(fc.stringMatching(/^[ -~]{1,255}$/)),
    acquirerReference: optional(fc.stringMatching(/^[ -~]{1,128}$/))
  })

  it("is either refused, or taken exactly as it was given", () => {
    let taken = 0
    fc.assert(
      fc.property(inputs, (input) => {
        const answer = PayoutRequest.fromUnknown(input)
        if (Either.isLeft(answer)) {
          assert.strictEqual(answer.left._tag, "InvalidRequest")
          assert.strictEqual(answer.left.certainty, "NotMoved")
          return
        }
        taken += 1
        const defined = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
        assert.deepStrictEqual(given(answer.right), defined)
      }),
      { numRuns: 1000 }
    )
    assert.isAbove(taken, 100, "the property was not about refusals only")
  })

  it("never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(anything, fc.dictionary(fc.constantFrom(...Object.keys(base), "customer"), anything)),
        (input) => {
          assert.isTrue(Either.isEither(PayoutRequest.fromUnknown(input)))
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("is not in the message that refuses it", () => {
    const marked = fc.string({ maxLength: 20 }).map((text) => `${text}${canary}`)
    const fields = fc.constantFrom("handle", "amount", "currency", "customer", "email", "metadata", "text")
    fc.assert(
      fc.property(fields, marked, (field, value) => {
        const poison = `\n${value}`
        const input =
          field === "email"
            ? { ...base, customer: { handle: "c", email: poison } }
            : field === "metadata"
              ? { ...base, customer: { handle: "c", metadata: { [poison]: poison } } }
              : { ...base, [field]: poison }
        assert.notInclude(inspect(refused(input), everything), canary)
      })
    )
  })
})

describe("What is checked by hand", () => {
  const odd = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.constantFrom(".", "..", "a\n", "DKK", "DKKK", "dkk", "", " ", "a".repeat(255), "a".repeat(256), "a b", "é"),
    fc.constantFrom("ct_0123456789abcdef", "priv_0123456789abcdef", "ct_short"),
    fc.stringMatching(/^[A-Za-z0-9_.@-]{1,260}$/),
    fc.integer(),
    fc.double(),
    fc.constantFrom<unknown>(
      0,
      -0,
      1,
      2_147_483_647,
      2_147_483_648,
      NaN,
      Infinity,
      1.5,
      1n,
      null,
      undefined,
      true,
      [1],
      {}
    )
  )
  for (const [name, byHand, bySchema] of [
    ["a handle", Handle.isHandle, Schema.is(Handle.Handle)],
    ["an amount", Money.isAmount, Schema.is(Money.Amount)],
    ["a currency", Money.isCurrency, Schema.is(Money.Currency)],
    ["a payment method", Destination.isReference, Schema.is(Destination.Reference)]
  ] as const) {
    it(`is ${name} exactly where its schema says so`, () => {
      fc.assert(fc.property(odd, (value) => assert.strictEqual(byHand(value), bySchema(value))))
    })
  }
})
