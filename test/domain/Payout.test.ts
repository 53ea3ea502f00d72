import { assert, describe, it } from "@effect/vitest"
import { DateTime, FastCheck as fc, Schema } from "effect"
import { Payout } from "effect-billwerk-payouts"

const at = (minute: number) => DateTime.unsafeMake(Date.UTC(2026, 0, 1, 0, minute))

const transaction = (over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id: "t",
  state: "failed",
  amount: 100,
  ...over
})

const failed = (errorState?: string, over: Partial<Payout.Transaction> = {}) => transaction({ errorState, ...over })

const payout = (state: string, transactions: ReadonlyArray<Payout.Transaction>, amount = 100): Payout.Payout => ({
  handle: "p-1",
  state,
  amount,
  transactions
})

const latestId = (...transactions: ReadonlyArray<Payout.Transaction>) =>
  Payout.latest(payout("failed", transactions))?.id

describe("The latest transaction", () => {
  it("is none, where there is none (64)", () => assert.strictEqual(latestId(), undefined))

  it("is the one with the latest date, not the last in the list (65)", () => {
    const one = transaction({ id: "1", created: at(1) })
    const two = transaction({ id: "2", created: at(2) })
    const three = transaction({ id: "3", created: at(3) })
    for (const order of [
      [one, two, three],
      [three, two, one],
      [two, three, one]
    ]) {
      assert.strictEqual(latestId(...order), "3")
    }
  })

  it("is the last in the list among those of the same date (65)", () => {
    const [one, two] = [transaction({ id: "1", created: at(1) }), transaction({ id: "2", created: at(1) })]
    assert.strictEqual(latestId(one, two), "2")
    assert.strictEqual(latestId(two, one), "1")
  })

  it("is the last in the list, where none has a date (65)", () => {
    assert.strictEqual(latestId(transaction({ id: "1" }), transaction({ id: "2" })), "2")
  })

  it("has a date, if any has one (65)", () => {
    const dated = transaction({ id: "dated", created: DateTime.unsafeMake(-8.64e15) })
    assert.strictEqual(latestId(dated, transaction({ id: "1" }), transaction({ id: "2" })), "dated")
    assert.strictEqual(latestId(transaction({ id: "1" }), dated), "dated")
  })

  it("is the same in whatever order the provider lists them, where the dates differ (65)", () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 8 })
    const orders = minutes.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }))
    )
    fc.assert(
      fc.property(orders, fc.nat(3), ([list, shuffled], undated) => {
        const transactions = [
          ...shuffled.map((minute) => transaction({ id: `${minute}`, created: at(minute) })),
          ...Array.from({ length: undated }, () => transaction({ id: "undated" }))
        ]
        const order = undated % 2 === 0 ? transactions : [...transactions].reverse()
        assert.strictEqual(latestId(...order), `${Math.max(...list)}`)
      })
    )
  })
})

describe("What a record says, in short,", () => {
  const pe = failed("processing_error", { created: at(1) })
  const hard = failed("hard_declined", { created: at(2) })

  it("is its state, how many transactions it shows, and how many of them are processing errors", () => {
    assert.deepStrictEqual(Payout.recorded(payout("processing", [pe, hard, pe])), {
      state: "processing",
      transactions: 3,
      processingErrors: 2
    })
    assert.deepStrictEqual(Payout.recorded(payout("paid", [])), { state: "paid", transactions: 0, processingErrors: 0 })
  })

  it("is, of one that failed, the reason of its latest transaction, if that has one", () => {
    assert.deepStrictEqual(Payout.recorded(payout("failed", [hard, pe])), {
      state: "failed",
      transactions: 2,
      processingErrors: 1,
      errorState: "hard_declined"
    })
    assert.notProperty(Payout.recorded(payout("failed", [failed()])), "errorState")
    assert.notProperty(Payout.recorded(payout("failed", [])), "errorState")
  })
})

describe("A payout as a Schema", () => {
  it("survives JSON, with words that we do not know", () => {
    const Json = Schema.parseJson(Payout.Payout)
    const whole: Payout.Payout = {
      handle: "p-1",
      state: "on_holiday",
      amount: 100,
      currency: "DKK",
      customer: "c-1",
      created: at(0),
      paid: at(1),
      failed: at(2),
      transactions: [
        {
          id: "t",
          state: "on_holiday",
          amount: 100,
          created: at(1),
          errorState: "on_holiday",
          error: "e",
          acquirerCode: "51",
          acquirerMessage: "m",
          cardType: "visa",
          provider: "clearhaus"
        },
        transaction()
      ]
    }
    assert.deepStrictEqual(Schema.decodeSync(Json)(Schema.encodeSync(Json)(whole)), whole)
  })
})
