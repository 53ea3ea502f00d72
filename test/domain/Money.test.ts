import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Schema } from "effect"
import { Money } from "effect-billwerk-payouts"

const isAmount = Schema.is(Money.Amount)
const isCurrency = Schema.is(Money.Currency)

describe("Money", () => {
  it("takes exactly the whole numbers from 1 to what int32 can hold", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, -0, 1)), (value) => {
        assert.strictEqual(isAmount(value), Number.isInteger(value) && value > 0 && value <= 2 ** 31 - 1)
      })
    )
    assert.strictEqual(Money.amountMax, 2_147_483_647)
    for (const edge of [1, 2, Money.amountMax - 1, Money.amountMax]) assert.isTrue(isAmount(edge))
    for (const edge of [0, -0, 2_147_483_648, 1 - Number.EPSILON]) assert.isFalse(isAmount(edge))
  })

  it("does not repair what is nearly an amount (101 to 104)", () => {
    for (const value of ["1", 1n, [1], { valueOf: () => 1 }, 1.000_000_1, true, null, undefined]) {
      assert.isFalse(isAmount(value))
      assert.throws(() => Schema.decodeUnknownSync(Money.Amount)(value))
    }
  })

  it("takes exactly three capital letters for a currency, and repairs nothing (105)", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z]{2,4}$/)), (text) => {
        const isThreeCapitals = text.length === 3 && [...text].every((char) => char >= "A" && char <= "Z")
        assert.strictEqual(isCurrency(text), isThreeCapitals)
      })
    )
    for (const text of ["DKK", "EUR", "XXX"]) assert.strictEqual(Schema.decodeSync(Money.Currency)(text), text)
    for (const text of ["dkk", "DKK\n", " DKK", "DKK ", "DКК"]) assert.isFalse(isCurrency(text))
  })
})
