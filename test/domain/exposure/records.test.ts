import { assert as check, describe, it } from "@effect/vitest"
import { strictEqual } from "node:assert"
import { Exposure, type Payout } from "effect-billwerk-payouts"
import { minute, start, moment, post, tx, paidTx, errorTx, record, known, says, type Pieces } from "../pieces.js"

describe("Exposure: a record, and nothing else", () => {
  const hard = tx("hard", 2)
  const pe = errorTx("pe", 1)
  const paid = paidTx("paid", 3)
  const processing = tx("processing", 3, { state: "processing", errorState: undefined })
  const failed = (errorState?: string) => tx("failed", 1, { errorState })

  const table: ReadonlyArray<readonly [what: string, payout: Partial<Payout.Payout>, says: string]> = [
    ["paid by its one transaction", { state: "paid", transactions: [paid] }, "1..1"],
    ["paid without a transaction (64)", { state: "paid", transactions: [] }, "1..1"],
    ["paid after a hard decline", { state: "paid", transactions: [hard, paid] }, "1..1"],
    [
      "paid after a processing error, which may have paid too (71)",
      { state: "paid", transactions: [pe, paid] },
      "1..2"
    ],
    ["paid twice", { state: "paid", transactions: [paid, paidTx("again", 4)] }, "1..2"],
    ["paid while a transaction is under way", { state: "paid", transactions: [processing] }, "1..2"],
    ["processing", { state: "processing", transactions: [processing] }, "0..1"],
    ["processing without a transaction", { state: "processing", transactions: [] }, "0..1"],
    ["processing, after a hard decline", { state: "processing", transactions: [hard] }, "0..1"],
    ["processing after a processing error", { state: "processing", transactions: [pe, processing] }, "0..2"],
    ["created", { state: "created", transactions: [] }, "0..1"],
    ["a state that we do not know (60)", { state: "on_holiday", transactions: [hard] }, "0..1"],
    ["hard declined", { state: "failed", transactions: [hard] }, "0..0"],
    ["soft declined", { state: "failed", transactions: [failed("soft_declined")] }, "0..0"],
    ["a processing error (71)", { state: "failed", transactions: [pe] }, "0..1"],
    ["two processing errors (71)", { state: "failed", transactions: [pe, errorTx("again", 2)] }, "0..2"],
    ["a hard decline after a processing error (73)", { state: "failed", transactions: [pe, hard] }, "0..1"],
    ["failed for no reason (63)", { state: "failed", transactions: [failed()] }, "0..1"],
    ["failed for a reason that we do not know (62)", { state: "failed", transactions: [failed("on_holiday")] }, "0..1"],
    ["failed without a transaction (64)", { state: "failed", transactions: [] }, "0..1"],
    ["failed although a transaction is paid (69)", { state: "failed", transactions: [paid, hard] }, "0..1"],
    ["a transaction without an amount", { state: "failed", transactions: [{ ...pe, amount: 0 }] }, "0..1"],
    ["a transaction of a larger amount", { state: "failed", transactions: [{ ...pe, amount: 150 }] }, "0..1.5"],
    ["a transaction of a smaller amount", { state: "failed", transactions: [{ ...pe, amount: 50 }] }, "0..1"],
    ["paid with a larger amount", { state: "paid", transactions: [{ ...paid, amount: 150 }] }, "1..1.5"],
    ["two transactions without an id", { state: "failed", transactions: [errorTx("", 1), errorTx("", 2)] }, "0..2"],
    ["two transactions of one id", { state: "failed", transactions: [errorTx("a", 1), errorTx("a", 2)] }, "0..2"]
  ]
  for (const [what, payout, range] of table) {
    it(`says ${range} of ${what}`, () => strictEqual(says(record(5, payout.transactions ?? [], payout)), range))
  }

  it("is open unless it failed for a decline that is documented", () => {
    const states = ["failed", "processing", "paid", "", "on_holiday"]
    const reasons = ["hard_declined", "soft_declined", "processing_error", "pending", "HARD_DECLINED", "", undefined]
    const closed = states.flatMap((state) =>
      reasons
        .filter((errorState) => !Exposure.isOpen({ state, ...(errorState === undefined ? {} : { errorState }) }))
        .map((errorState) => `${state} ${errorState}`)
    )
    check.deepStrictEqual(closed, ["failed hard_declined", "failed soft_declined"])
  })

  it("gives each transaction an id, by its place if it has none of its own", () => {
    const list = [tx("", 1), tx("a", 2), tx("a", 3), tx("b", 4)]
    const payout: Payout.Payout = { handle: "h", state: "failed", amount: 100, transactions: list }
    check.deepStrictEqual(Exposure.idsOf(payout), ["unnamed-0", "a", "unnamed-2", "b"])
    strictEqual(Exposure.latestId(payout), "b")
    strictEqual(Exposure.latestId({ ...payout, transactions: [] }), undefined)
  })

  it("is kept whole as evidence, without what is not shown", () => {
    const bare: Payout.Transaction = { id: "bare", state: "processing", amount: 1 }
    check.deepStrictEqual(record(5, [tx("t", 1, { method: "card" }), bare]), {
      handle: "h",
      creates: [],
      transactions: [
        { id: "t", created: start + minute, amount: 100, state: "failed", errorState: "hard_declined", method: "card" },
        { id: "bare", amount: 1, state: "processing", underWay: moment(5) }
      ],
      record: { state: "processing", amount: 100, transactions: 2, read: moment(5) },
      read: moment(5),
      clocks: {}
    })
  })
})

describe("Exposure: what is paid", () => {
  it("counts every create beside the payment, where the record shows no transaction", () => {
    const paid = (transactions: ReadonlyArray<Payout.Transaction>) => record(9, transactions, { state: "paid" })
    strictEqual(says(post("c", 0), post("d", 1), post("e", 2), paid([])), "1..3")
    strictEqual(says(post("c", 0), paid([])), "1..1")
    strictEqual(says(paid([])), "1..1")
    strictEqual(says(post("c", 0), post("d", 1), post("e", 2), paid([paidTx("t", 1)])), "1..1")
    strictEqual(says(post("c", 0, { count: 4 }), paid([])), "1..4")
  })

  it("is newer than any record that does not say so", () => {
    strictEqual(says(record(9, [tx("t", 0), tx("u", 1)]), record(5, [paidTx("u", 1)])), "1..1")
    strictEqual(says(record(5, [paidTx("u", 1)]), record(9, [tx("t", 0), tx("u", 1)])), "1..1")
  })
})

describe("Exposure: the newest record", () => {
  const state = (...pieces: Pieces) => known(...pieces).record
  it("is what says paid; else what shows more transactions; else what was read later", () => {
    const one = record(5, [tx("t", 0)])
    const two = record(4, [tx("t", 0), tx("u", 1)])
    const later = record(6, [tx("t", 0)], { state: "processing" })
    check.deepStrictEqual([state(one, two)?.transactions, state(two, one)?.transactions], [2, 2])
    check.deepStrictEqual([state(one, later)?.state, state(later, one)?.state], ["processing", "processing"])
    const paid = record(1, [], { state: "paid" })
    check.deepStrictEqual([state(paid, two)?.state, state(two, paid)?.state], ["paid", "paid"])
  })

  it("is stale if it lacks a transaction that was shown before, by their ids", () => {
    const before = record(1, [tx("t", 0), tx("u", 0)])
    const shows = (...transactions: ReadonlyArray<Payout.Transaction>) =>
      Exposure.isStale(before, { handle: "h", state: "failed", amount: 100, transactions })
    check.deepStrictEqual(
      [
        shows(tx("t", 0)),
        shows(),
        shows(tx("v", 0), tx("w", 0)),
        shows(tx("u", 0), tx("t", 0)),
        shows(tx("t", 0), tx("u", 0), tx("v", 1))
      ],
      [true, true, true, false, false]
    )
  })

  it("leaves behind the transactions that any record showed, as far as they have come", () => {
    const { transactions } = known(
      record(1, [tx("t", 0, { state: "processing", errorState: undefined }), errorTx("u", 0), tx("v", 0)]),
      record(2, [tx("t", 0), tx("u", 0, { errorState: "soft_declined" }), tx("v", 0, { state: "processing" })]),
      record(3, [tx("t", 0, { errorState: undefined }), errorTx("u", 0), tx("v", 0, { errorState: "on_holiday" })])
    )
    check.deepStrictEqual(
      transactions.map(({ errorState, id, state }) => [id, state, errorState]),
      [
        ["t", "failed", "hard_declined"],
        ["u", "failed", "soft_declined"],
        ["v", "failed", "hard_declined"]
      ]
    )
    check.deepStrictEqual(
      Exposure.over(known(record(1, [tx("t", 0), tx("p", 0, { state: "processing" }), paidTx("u", 0)]))),
      ["t", "u"]
    )
    strictEqual(
      Exposure.processingErrors(known(record(1, [errorTx("t", 0), tx("u", 0)]), record(2, [errorTx("v", 0)]))),
      2
    )
  })
})

describe("Exposure: the certainty", () => {
  it("is what the exposure amounts to", () => {
    check.deepStrictEqual(
      [
        { min: 0, max: 0 },
        { min: 0, max: 1 },
        { min: 1, max: 1 },
        { min: 1, max: 2 }
      ].map(Exposure.certainty),
      ["NotMoved", "MayHaveMoved", "Moved", "Moved"]
    )
  })
})
