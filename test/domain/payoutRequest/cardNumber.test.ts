import { assert, describe, it } from "@effect/vitest"
import { Either, Redacted, Schema } from "effect"
import { PayoutRequest } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { base, refused, accepted } from "./fixture.js"

const timed = <A>(run: () => A): readonly [millis: number, value: A] => {
  const started = performance.now()
  const value = run()
  return [performance.now() - started, value]
}

describe("A card number", () => {
  const numbers = [
    "4111111111111111",
    "4111-1111-1111-1111",
    "5555555555554444",
    "2223003122003222",
    "5019717010103742",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000"
  ]
  const grouped = ["4111 1111 1111 1111", "4111  1111-1111.1111", "3782 822463 10005", "４１１１ 1111 1111 1111"]

  const assertRefused = (field: string, reason: string, value: string, input: object) => {
    const error = refused({ ...base, ...input })
    assert.deepStrictEqual([error.field, error.reason], [field, reason])
    for (const shown of [error.message, JSON.stringify(error), inspect(error)]) assert.notInclude(shown, value)
  }

  it("is no destination, with or without its check digit, and is not shown (D5)", () => {
    const reason = "must not be a card number: give a saved payment method (ca_...), or a card token"
    for (const value of [
      ...numbers,
      ...grouped.slice(0, 3),
      "411111111111",
      "4111111111111112",
      "4111_1111/1111:1111"
    ]) {
      assertRefused("destination", reason, value, { destination: value })
      assertRefused("destination", reason, value, { destination: Redacted.make(value), customer: "c-1" })
      for (const destination of [
        { _tag: "SavedMethod", reference: value },
        { _tag: "CardToken", reference: Redacted.make(value) }
      ]) {
        const decoded = Schema.decodeUnknownEither(PayoutRequest.PayoutRequest)({
          ...base,
          destination,
          customer: "c-1"
        })
        assert(Either.isLeft(decoded))
        assert.notInclude(inspect(decoded.left), value)
      }
    }
    for (const destination of [
      "ca_4111111111111111",
      "1",
      "41111111111",
      "41111111111111111111",
      "x4111111111111111"
    ]) {
      assert.isTrue(Either.isRight(PayoutRequest.fromUnknown({ ...base, destination })), destination)
    }
  })

  it("is in no text that is stored or shown (D5)", () => {
    const reason = "must not hold a card number: texts are stored, and shown"
    for (const value of [...numbers, ...grouped]) {
      for (const text of [value, `Prize to ${value}, thanks`, `12 ${value} 12/27`, `(${value})`]) {
        assertRefused("text", reason, value, { text })
        if (!/^[ -~]*$/.test(value)) continue
        assertRefused("textOnStatement", reason, value, { textOnStatement: text })
        assertRefused("acquirerReference", reason, value, { acquirerReference: text })
      }
    }
    for (const text of [
      "Order 1764328605123456, 2026-07-01 12:00",
      "4111111111111112",
      "DK5000400440116243 FI2212345600000785",
      "0040 0440116243",
      "+45 12 34 56 78",
      "x4111111111111111"
    ]) {
      assert.strictEqual(accepted({ ...base, text }).text, text)
    }
  })

  it("is looked for in no time, whatever the text", () => {
    for (const text of [
      "1 ".repeat(512).trim(),
      `${"1 ".repeat(511)}1x`,
      "1".repeat(1023),
      `${"1 ".repeat(500_000)}x`
    ]) {
      const [took] = timed(() => PayoutRequest.fromUnknown({ ...base, text }))
      assert.isBelow(took, 1_000)
    }
  })

  it("is no handle of a customer (D5)", () => {
    const reason = "must not be a card number: a handle is shown everywhere; if it is none, put a word before it"
    assertRefused("customer", reason, "4111111111111111", { customer: "4111111111111111" })
    assertRefused("customer.handle", reason, "4111111111111111", { customer: { handle: "4111111111111111" } })
  })
})
