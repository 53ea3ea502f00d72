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

describe("A transaction is open, which is to say that it may have moved money,", () => {
  const table: ReadonlyArray<readonly [state: string, errorState: string | undefined, open: boolean]> = [
    ["failed", "hard_declined", false],
    ["failed", "soft_declined", false],
    ["failed", "processing_error", true],
    ["failed", "pending", true],
    ["failed", "on_holiday", true],
    ["failed", "HARD_DECLINED", true],
    ["failed", "", true],
    ["failed", undefined, true],
    ["processing", undefined, true],
    ["processing", "hard_declined", true],
    ["paid", undefined, true],
    ["paid", "hard_declined", true],
    ["", "soft_declined", true],
    ["on_holiday", undefined, true]
  ]
  for (const [state, errorState, open] of table) {
    it(`${open ? "if" : "unless"} it is "${state}" for ${errorState === undefined ? "no reason" : `"${errorState}"`}`, () => {
      assert.strictEqual(Payout.isOpen(transaction({ state, errorState })), open)
    })
  }
})

describe("What a record says about the money", () => {
  const pe = failed("processing_error", { created: at(1) })
  const hard = failed("hard_declined", { created: at(2) })
  const paid = transaction({ state: "paid", created: at(3) })
  const processing = transaction({ state: "processing", created: at(3) })
  const paidEarlier = transaction({ state: "paid", created: at(1) })

  const table: ReadonlyArray<
    readonly [says: string, payout: Payout.Payout, paid: number, open: number, processingErrors: number]
  > = [
    ["paid by its one transaction", payout("paid", [paid]), 100, 0, 0],
    ["paid without a transaction (64)", payout("paid", []), 100, 0, 0],
    ["paid after a hard decline", payout("paid", [hard, paid]), 100, 0, 0],
    ["paid after a processing error, which may have paid too (71)", payout("paid", [pe, paid]), 100, 100, 1],
    ["paid twice: both count", payout("paid", [paid, paid]), 200, 0, 0],
    ["paid while a transaction is under way", payout("paid", [processing]), 100, 100, 0],
    ["processing", payout("processing", [processing]), 0, 100, 0],
    ["processing without a transaction", payout("processing", []), 0, 100, 0],
    ["processing, after a hard decline", payout("processing", [hard]), 0, 100, 0],
    ["processing after a processing error", payout("processing", [pe, processing]), 0, 200, 1],
    ["created", payout("created", []), 0, 100, 0],
    ["a state that we do not know (60)", payout("on_holiday", [hard]), 0, 100, 0],
    ["hard declined", payout("failed", [hard]), 0, 0, 0],
    ["soft declined", payout("failed", [failed("soft_declined")]), 0, 0, 0],
    ["a processing error (71)", payout("failed", [pe]), 0, 100, 1],
    ["two processing errors (71)", payout("failed", [pe, pe]), 0, 200, 2],
    ["a hard decline after a processing error: its exposure stays (73)", payout("failed", [pe, hard]), 0, 100, 1],
    ["failed for no reason (63)", payout("failed", [failed()]), 0, 100, 0],
    ["failed for a reason that we do not know (62)", payout("failed", [failed("on_holiday")]), 0, 100, 0],
    ["failed without a transaction (64)", payout("failed", []), 0, 100, 0],
    ["failed although a transaction is paid (69)", payout("failed", [paid]), 0, 100, 0],
    ["failed although a transaction before the last is paid (69)", payout("failed", [paidEarlier, hard]), 0, 100, 0],
    [
      "a transaction without an amount counts the payout's",
      payout("failed", [failed("pending", { amount: 0 })]),
      0,
      100,
      0
    ],
    [
      "a processing error without an amount, then a hard decline",
      payout("failed", [{ ...pe, amount: 0 }, hard]),
      0,
      100,
      1
    ],
    ["a transaction of a larger amount counts its own", payout("failed", [{ ...pe, amount: 150 }]), 0, 150, 1],
    ["paid with a larger amount than the payout's", payout("paid", [{ ...paid, amount: 150 }]), 150, 0, 0]
  ]
  for (const [says, record, paidAmount, open, processingErrors] of table) {
    it(says, () => {
      const errorState = record.state === "failed" ? Payout.latest(record)?.errorState : undefined
      assert.deepStrictEqual(Payout.recorded(record), {
        ...(errorState === undefined ? {} : { errorState }),
        state: record.state,
        transactions: record.transactions.length,
        processingErrors,
        paid: paidAmount,
        open
      })
    })
  }

  const states = fc.constantFrom("paid", "processing", "failed", "created", "", "on_holiday")
  const transactions = fc.array(
    fc
      .record({
        state: states,
        errorState: fc.constantFrom(undefined, "hard_declined", "soft_declined", "processing_error", "pending", "x"),
        amount: fc.constantFrom(0, 1, 100, 150),
        minute: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined })
      })
      .map(({ amount, errorState, minute, state }) =>
        transaction({ amount, errorState, state, created: minute === undefined ? undefined : at(minute) })
      ),
    { maxLength: 5 }
  )

  it("is never less than nothing, and never nothing unless the last transaction is a documented decline", () => {
    fc.assert(
      fc.property(states, transactions, (state, list) => {
        const { open, paid: paidAmount, transactions: count } = Payout.recorded(payout(state, list))
        assert.isAtLeast(paidAmount, state === "paid" ? 100 : 0)
        assert.isAtLeast(open, 0)
        assert.strictEqual(count, list.length)
        if (paidAmount + open === 0) {
          assert.strictEqual(state, "failed")
          assert.isTrue(list.length > 0 && !list.some(Payout.isOpen))
        }
      })
    )
  })

  it("does not become less by one more transaction", () => {
    fc.assert(
      fc.property(states, transactions, (state, list) => {
        const most = (which: ReadonlyArray<Payout.Transaction>) => {
          const { open, paid: paidAmount } = Payout.recorded(payout(state, which))
          return paidAmount + open
        }
        // A decline at the end may explain a payout that was not explained before, so only open ones are added.
        assert.isAtLeast(most([...list, pe]), most(list))
      })
    )
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
