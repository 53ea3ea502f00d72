import { assert as check, describe, it } from "@effect/vitest"
import { strictEqual } from "node:assert"
import { readFileSync } from "node:fs"
import { DateTime, Schema } from "effect"
import { Exposure, type Payout } from "effect-billwerk-payouts"
import {
  minute,
  start,
  clocks,
  mine,
  stateOf,
  horizon,
  moment,
  post,
  tx,
  paidTx,
  errorTx,
  record,
  nothing,
  readNothing,
  known,
  range,
  says,
  type Pieces
} from "./pieces.js"

const at = (text: string) => start + Number(text) * minute

const transaction = (word: string, created: string, index: number, isOther: boolean): Payout.Transaction => ({
  id: `t${index}`,
  state: word === "paid" ? "paid" : word === "processing" ? "processing" : "failed",
  amount: 100,
  created: DateTime.unsafeMake(at(created)),
  ...(word === "declined" ? { errorState: "hard_declined" } : {}),
  ...(word === "error" ? { errorState: "processing_error" } : {}),
  ...(isOther ? { method: "another card" } : {})
})

/** A history of the header's table, as evidence. */
const evidenceOf = (history: string): Exposure.Evidence => {
  let evidence: Exposure.Evidence = { ...Exposure.empty("h"), clocks }
  let transactions: ReadonlyArray<Payout.Transaction> = []
  const create = (time: string, guess: boolean): Exposure.Create => ({
    id: `c${evidence.creates.length} ${time}`,
    count: 1,
    clock: "here",
    ...(guess ? {} : { from: at(time) }),
    to: at(time),
    amount: 100,
    ...mine,
    before: [],
    guess
  })
  const read = (time: string) => {
    const payout: Payout.Payout = { handle: "h", state: stateOf(transactions), amount: 100, transactions }
    const moment = { clock: "here", at: at(time) }
    evidence = Exposure.merge(
      evidence,
      transactions.length === 0 ? { ...Exposure.empty("h"), read: moment } : Exposure.ofPayout("h", payout, moment)
    )
  }
  for (const event of history.split("; ")) {
    const [word = "", time = "", more] = event.split(" ")
    if (word === "post" || word === "guess") evidence = Exposure.withCreate(evidence, create(time, word === "guess"))
    else if (word === "read") read(time)
    else if (word === "own") {
      const own = create(time, false)
      transactions = [...transactions, transaction(more ?? "", time, transactions.length, false)]
      read(time)
      evidence = Exposure.answered(Exposure.withCreate(evidence, own), own)
    } else transactions = [...transactions, transaction(word, time, transactions.length, more === "card")]
  }
  return evidence
}

const header = readFileSync(new URL("../../src/domain/Exposure.ts", import.meta.url), "utf8")
const rows = [...header.matchAll(/^ \* \| ([a-z].*?) +\| +(\d+) \| +(\d+) \| (.*?) +\|$/gm)]

describe("Exposure: the worked histories of the header", () => {
  it("has a table", () => {
    strictEqual(rows.length >= 18, true)
  })
  for (const [, history = "", min, max, why] of rows) {
    it(`says ${min} to ${max} of "${history}": ${why}`, () => {
      const { max: most, min: least } = Exposure.exposure(evidenceOf(history), 360 * minute)
      strictEqual(`${least} to ${most}`, `${min} to ${max}`)
    })
  }
})

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

describe("Exposure: which transaction accounts for a create", () => {
  const table: ReadonlyArray<readonly [what: string, pieces: () => Pieces, says: string]> = [
    ["one of the same second", () => [post("c", 0), record(1, [tx("t", 0)])], "0..0"],
    ["one that was on record before it", () => [post("c", 0, { before: ["t"] }), record(1, [tx("t", 0)])], "0..1"],
    ["one of another amount", () => [post("c", 0), record(1, [tx("t", 0, { amount: 99 })])], "0..1"],
    ["one whose amount could not be read", () => [post("c", 0), record(1, [tx("t", 0, { amount: 0 })])], "0..1"],
    ["one to another saved method", () => [post("c", 0), record(1, [tx("t", 0, { method: "other" })])], "0..1"],
    ["one to the same saved method", () => [post("c", 0), record(1, [tx("t", 0, { method: mine.method })])], "0..0"],
    ["one without a date", () => [post("c", 0), record(1, [tx("t", 0, { created: undefined })])], "0..1"],
    ["one that is a little older than it can be", () => [post("c", 0), record(1, [tx("t", -0.05)])], "0..1"],
    ["one of a clock that was not measured", () => [post("c", 0, { clock: "there" }), record(1, [tx("t", 1)])], "0..1"],
    ["one that is later than the horizon after it", () => [post("c", 0), record(362, [tx("t", 361)])], "0..1"],
    ["one of two creates of the same time", () => [post("c", 0), post("d", 0), record(1, [tx("t", 0)])], "0..1"],
    ["two of two", () => [post("c", 0), post("d", 0), record(1, [tx("t", 0), tx("u", 0)])], "0..0"],
    ["two of one", () => [post("c", 0), record(1, [tx("t", 0), tx("u", 0)])], "0..0"],
    [
      "two of an entry that stands for three",
      () => [post("c", 0, { count: 3 }), record(1, [tx("t", 0), tx("u", 1)])],
      "0..1"
    ],
    [
      "each of its own, where one of them can be the doing of both",
      () => [post("c", 0), post("d", 2), record(3, [tx("t", 2), tx("u", 0)])],
      "0..0"
    ],
    ["both of the later create", () => [post("c", 5), post("d", 0), record(9, [tx("t", 0), tx("u", 1)])], "0..1"],
    ["another amount's", () => [post("c", 0), post("d", 0, { amount: 200 }), record(1, [tx("t", 0)])], "0..2"],
    ["none of a guess", () => [post("g", 0, { guess: true }), record(1, [tx("t", 0)])], "0..1"],
    ["what may be a guess's", () => [post("c", 0), post("g", 0, { guess: true }), record(1, [tx("t", 0)])], "0..1"]
  ]
  for (const [what, pieces, range] of table) {
    it(`says ${range} after ${what}`, () => strictEqual(says(...pieces()), range))
  }

  it("takes a time that is only known from above for the latest", () => {
    const { from: _, ...unknown } = post("c", 5)
    strictEqual(says(unknown, record(6, [tx("t", 4)])), "0..1")
    strictEqual(says(unknown, record(6, [tx("t", 5)])), "0..0")
  })

  it("allows for a clock that is measured to two seconds, and for no other one", () => {
    const at = (offset: Exposure.Offset, seconds: number) =>
      range(
        Exposure.exposure(
          { ...known(post("c", 0), record(1, [tx("t", seconds / 60)])), clocks: { here: offset } },
          horizon
        )
      )
    check.deepStrictEqual([at({ min: -1000, max: 1000 }, -1), at({ min: -1000, max: 1000 }, -1.001)], ["0..0", "0..1"])
    check.deepStrictEqual(
      [at({ min: -60_000, max: 1000 }, -1), at({ min: -60_000, max: 1000 }, -1.001)],
      ["0..0", "0..1"]
    )
    check.deepStrictEqual([at({ min: 0, max: 0 }, 0), at({ min: 0, max: 0 }, -0.001)], ["0..0", "0..1"])
    // 20 minutes fast: what seems 20 minutes old is of now.
    const fast = { min: -1_200_500, max: -1_199_500 }
    check.deepStrictEqual([at(fast, -1200), at(fast, -1203)], ["0..0", "0..1"])
  })

  it("keeps what a create was answered with from any other", () => {
    const own = Exposure.answered(known(post("c", 0), record(1, [tx("t", 0)])), post("c", 0))
    check.deepStrictEqual(own.transactions[0]?.doing, { create: "c", request: mine.request })
    check.deepStrictEqual(own.creates, [])
    strictEqual(range(Exposure.exposure(Exposure.withCreate(own, post("d", 0)), horizon)), "0..1")
  })

  it("answers a create with the latest transaction that can be its doing, or with none", () => {
    const list = [tx("t", 0), tx("u", 2), tx("v", 1), tx("w", 3, { method: "other" })]
    const doing = (create: Exposure.Create) =>
      Exposure.answered(known(create, record(4, list)), create).transactions.find((one) => one.doing)?.id
    check.deepStrictEqual([doing(post("c", 0)), doing(post("c", 0, { before: ["u"] }))], ["u", "v"])
    strictEqual(doing(post("c", 0, { before: ["t", "u", "v"] })), undefined)
    const late = post("late", 3)
    check.deepStrictEqual(Exposure.answered(known(late, record(4, list)), late), known(late, record(4, list)))
  })
})

describe("Exposure: the arrival horizon", () => {
  const lag = Exposure.readLagMax / minute
  it("ends the doubt of a create by what is read later, by as much as reads lag behind", () => {
    check.deepStrictEqual(
      [says(post("c", 0), readNothing(360 + lag - 1)), says(post("c", 0), readNothing(360 + lag))],
      ["0..1", "0..0"]
    )
    check.deepStrictEqual(
      [says(post("g", 0, { guess: true }), readNothing(369)), says(post("g", 0, { guess: true }), readNothing(370))],
      ["0..1", "0..0"]
    )
  })

  it("ends no doubt by time alone, or by a read of a clock that was not measured", () => {
    strictEqual(says(post("c", 0)), "0..1")
    const elsewhere = { ...readNothing(0), read: moment(1000, "there") }
    strictEqual(says(post("c", 0), elsewhere), "0..1")
    const measured = { ...elsewhere, clocks: { there: { min: -500, max: 500 } } }
    strictEqual(says(post("c", 0), measured), "0..0")
  })

  it("is as long as it is said to be", () => {
    const evidence = known(post("c", 0), readNothing(20))
    check.deepStrictEqual(
      [minute * 10, minute * 10 + 1, undefined].map((long) => range(Exposure.exposure(evidence, long))),
      ["0..0", "0..1", "0..1"]
    )
    strictEqual(Exposure.arrivalHorizonDefault, 6 * 60 * minute)
  })

  it("does not end what a transaction that is open may have paid", () => {
    strictEqual(says(post("c", 0), record(1000, [errorTx("t", 0)])), "0..1")
  })

  it("leaves a transaction to those that are in doubt still", () => {
    strictEqual(says(post("c", 0), post("d", 200), record(400, [tx("t", 200)])), "0..1")
    strictEqual(says(post("c", 0), post("d", 200), record(400, [tx("t", 200), tx("u", 201)])), "0..0")
  })
})

describe("Exposure: what a create was told without being shown it", () => {
  const claim = (said: "Paid" | "Processing" | "Exists", minutes: number, at = minutes): Exposure.Create =>
    post("c", minutes, { claim: { said, at: start + at * minute } })
  const table: ReadonlyArray<readonly [what: string, pieces: () => Pieces, says: string]> = [
    ["134, and nothing else", () => [claim("Paid", 0)], "0..1"],
    ["134, and a decline of its time, read at once", () => [claim("Paid", 0), record(1, [tx("t", 0)])], "0..1"],
    [
      "134, and a decline of its time, read when no read lags as far",
      () => [claim("Paid", 0), record(10, [tx("t", 0)])],
      "0..0"
    ],
    ["134, and a decline from before, read then", () => [claim("Paid", 5), record(20, [tx("t", 0)])], "0..1"],
    ["134, and a payment", () => [claim("Paid", 5), record(6, [paidTx("t", 0)])], "1..1"],
    // It may have been over before, and the answer another payout's.
    ["133, and a decline from before", () => [claim("Processing", 5), record(6, [tx("t", 0)])], "0..1"],
    [
      "133, and a decline that was over before",
      () => [{ ...claim("Processing", 5), before: ["t"] }, record(6, [tx("t", 0)])],
      "0..1"
    ],
    ["133, and a decline of its time", () => [claim("Processing", 5), record(6, [tx("t", 5)])], "0..0"],
    ["133, and two", () => [claim("Processing", 5), record(6, [tx("t", 0), tx("u", 5)])], "0..0"],
    [
      "133, and what is processing",
      () => [claim("Processing", 5), record(6, [tx("t", 0, { state: "processing" })])],
      "0..1"
    ],
    [
      "11, and a decline that was over before",
      () => [{ ...claim("Exists", 5), before: ["t"] }, record(6, [tx("t", 0)])],
      "0..0"
    ],
    ["11, and nothing", () => [claim("Exists", 5), readNothing(6)], "0..1"],
    // A read that lags may show the first one's decline only, and the 133 may be another payout's.
    [
      "a create before, and 133, read at once",
      () => [post("b", 0), claim("Processing", 5), record(6, [tx("t", 0)])],
      "0..1"
    ],
    [
      "a create before, and 133, read when no read lags as far",
      () => [post("b", 0), claim("Processing", 5), record(15, [tx("t", 0)])],
      "0..0"
    ],
    [
      "a create at the same time, and 133",
      () => [post("b", 5), claim("Processing", 5), record(6, [tx("t", 5)])],
      "0..1"
    ]
  ]
  for (const [what, pieces, range] of table) {
    it(`says ${range} after ${what}`, () => strictEqual(says(...pieces()), range))
  }

  it("is contradicted by a failure on record, for as long as reads may lag", () => {
    const at = (evidence: Exposure.Evidence) =>
      [5, 14.99, 15].map((minutes) => Exposure.isContradicted(evidence, moment(minutes)))
    check.deepStrictEqual(at(known(claim("Paid", 5), record(6, [tx("t", 0)]))), [true, true, false])
    check.deepStrictEqual(at(known(claim("Paid", 5), record(6, [paidTx("t", 0)]))), [false, false, false])
    check.deepStrictEqual(at(known(claim("Processing", 5), record(6, [tx("t", 0)]))), [false, false, false])
    const overBefore = { ...claim("Processing", 5), before: ["t"] }
    check.deepStrictEqual(at(known(overBefore, record(6, [tx("t", 0)]))), [true, true, false])
    check.deepStrictEqual(at(known(claim("Exists", 5), record(6, [tx("t", 6)]))), [false, false, false])
    check.deepStrictEqual(at(known(post("c", 5), record(6, [tx("t", 0)]))), [false, false, false])
    check.deepStrictEqual(at(known(claim("Paid", 5))), [false, false, false])
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

describe("Exposure: evidence of more than one process", () => {
  const a = () => known(post("a/1", 0), record(1, [tx("t", 0), errorTx("u", 1)]))
  const b = (): Exposure.Evidence => ({
    ...known(
      post("b/1", 2, { clock: "there", claim: { said: "Paid", at: start + 3 * minute } }),
      record(4, [tx("u", 1)])
    ),
    clocks: { there: { min: 100, max: 900 } }
  })
  const c = () => known(post("a/1", 0), post("g", 8, { guess: true }), readNothing(9))

  const everyOrder = () =>
    [
      [a(), b(), c()],
      [a(), c(), b()],
      [b(), a(), c()],
      [b(), c(), a()],
      [c(), a(), b()],
      [c(), b(), a()]
    ] as const

  it("says the same in whatever order it is put together", () => {
    const sorted = (evidence: Exposure.Evidence) => ({
      ...evidence,
      creates: [...evidence.creates].sort((x, y) => (x.id < y.id ? -1 : 1)),
      transactions: [...evidence.transactions].sort((x, y) => (x.id < y.id ? -1 : 1))
    })
    const [first, ...others] = everyOrder().map(([x, y, z]) => sorted(Exposure.merge(Exposure.merge(x, y), z)))
    for (const other of others) check.deepStrictEqual(other, first)
    check.deepStrictEqual(sorted(Exposure.merge(a(), Exposure.merge(b(), c()))), first)
  })

  it("is not more for being put together twice", () => {
    for (const one of [a(), b(), c(), known(a(), b(), c())]) {
      check.deepStrictEqual(Exposure.merge(one, one), one)
      check.deepStrictEqual(Exposure.merge(Exposure.merge(one, a()), a()), Exposure.merge(one, a()))
    }
    check.deepStrictEqual([Exposure.merge(a(), nothing), Exposure.merge(nothing, a())], [a(), a()])
  })

  it("drops a create whose transaction the other one knows", () => {
    const answered = Exposure.answered(a(), post("a/1", 0))
    check.deepStrictEqual(Exposure.merge(answered, a()).creates, [])
    check.deepStrictEqual(Exposure.merge(a(), answered).creates, [])
    check.deepStrictEqual(Exposure.merge(a(), answered).transactions, answered.transactions)
  })

  it("has of one create the claim, the latest time and the larger number", () => {
    const claim = { said: "Paid", at: start } as const
    const told = post("x", 0, { claim, to: start + minute, count: 2 })
    const { from: _, ...both } = post("x", 0, { claim, to: start + 2 * minute, count: 2 })
    for (const [one, other] of [
      [told, post("x", 0, { to: start + 2 * minute })],
      [post("x", 0, { to: start + 2 * minute }), told]
    ] as const) {
      check.deepStrictEqual(Exposure.merge(known(one), known(other)).creates, [both])
    }
    const later = { said: "Exists", at: start + minute } as const
    check.deepStrictEqual(Exposure.merge(known(told), known({ ...told, claim: later })).creates, [told])
  })

  it("has of a create that was taken over by another clock what its own process knows of it", () => {
    const { from: _, ...adopted } = post("x", 0, { clock: "mine", to: start + 9 * minute })
    const own = post("x", 0, { clock: "there" })
    check.deepStrictEqual(Exposure.merge(known(own), known(adopted)).creates, [own])
    check.deepStrictEqual(Exposure.merge(known(adopted), known(own)).creates, [own])
    const again = { ...adopted, clock: "yours", to: start + 7 * minute }
    const both = { ...adopted, to: start + 9 * minute }
    check.deepStrictEqual(Exposure.merge(known(adopted), known(again)).creates, [both])
    check.deepStrictEqual(Exposure.merge(known(again), known(adopted)).creates, [both])
  })

  it("has the latest read that can be told to be later", () => {
    check.deepStrictEqual(Exposure.merge(readNothing(1), readNothing(2)).read, moment(2))
    check.deepStrictEqual(Exposure.merge(readNothing(2), readNothing(1)).read, moment(2))
    check.deepStrictEqual(Exposure.merge(readNothing(2), nothing).read, moment(2))
    const there = { ...readNothing(0), read: moment(9, "there") }
    check.deepStrictEqual(Exposure.merge(readNothing(2), there).read, moment(2))
  })

  it("has what both say of a clock, or, if they contradict each other, all that either says", () => {
    const clock = (min: number, max: number): Exposure.Evidence => ({
      ...Exposure.empty("h"),
      clocks: { here: { min, max } }
    })
    const both = (x: Exposure.Evidence, y: Exposure.Evidence) => Exposure.merge(x, y).clocks["here"]
    check.deepStrictEqual(both(clock(0, 5), clock(3, 9)), { min: 3, max: 5 })
    check.deepStrictEqual(both(clock(0, 5), clock(5, 9)), { min: 5, max: 5 })
    check.deepStrictEqual(both(clock(0, 2), clock(3, 9)), { min: 0, max: 9 })
    check.deepStrictEqual(both(Exposure.empty("h"), clock(3, 9)), { min: 3, max: 9 })
    check.deepStrictEqual(Exposure.withOffset(clock(0, 5), "here", { min: 3, max: 9 }).clocks, {
      here: { min: 3, max: 5 }
    })
    check.deepStrictEqual(Exposure.withOffset(clock(0, 5), "there", { min: 3, max: 9 }).clocks, {
      here: { min: 0, max: 5 },
      there: { min: 3, max: 9 }
    })
  })

  it("survives JSON as it is", () => {
    const Json = Schema.parseJson(Exposure.Evidence)
    const whole = known(
      a(),
      b(),
      c(),
      Exposure.answered(known(post("own", 0), record(1, [tx("own", 0)])), post("own", 0))
    )
    check.deepStrictEqual(Schema.decodeSync(Json)(Schema.encodeSync(Json)(whole)), whole)
  })
})

describe("Exposure: evidence that is taken over", () => {
  const now = moment(7, "mine")
  const foreign = () =>
    known(post("a/1", 0, { claim: { said: "Paid", at: start + minute } }), record(1, [tx("t", 0)]), readNothing(2))

  it("is as it is, of a clock that was measured", () =>
    check.deepStrictEqual(Exposure.adopted(foreign(), now), foreign()))

  it("is, of a clock that was not, of a time before now, and settles nothing", () => {
    const { from: _, ...create } = post("a/1", 0, { clock: "mine", to: now.at, claim: { said: "Paid", at: now.at } })
    const { read: _read, ...unread } = foreign()
    check.deepStrictEqual(Exposure.adopted({ ...foreign(), clocks: {} }, now), {
      ...unread,
      clocks: {},
      creates: [create],
      record: { state: "failed", amount: 100, transactions: 1, read: { clock: "mine", at: 0 } }
    })
  })

  it("is of one's own clock if it was one's own", () => {
    const own = { ...foreign(), clocks: {} }
    check.deepStrictEqual(Exposure.adopted(own, moment(7)), own)
  })

  it("keeps a create without a beginning, and one without a claim", () => {
    const { from: _, ...open } = post("a/1", 0)
    check.deepStrictEqual(Exposure.adopted(known(open), now).creates, [open])
    const unmeasured = { ...known(open), clocks: {} }
    check.deepStrictEqual(Exposure.adopted(unmeasured, now).creates, [{ ...open, clock: "mine", to: now.at }])
    check.deepStrictEqual(Exposure.adopted(nothing, now), nothing)
  })
})

describe("Exposure: a clock", () => {
  it("is measured by a Date of whole seconds that was made while the exchange was under way", () => {
    check.deepStrictEqual(Exposure.offsetBy(10_000, 10_200, 10_000), { min: -200, max: 1000 })
    check.deepStrictEqual(Exposure.offsetBy(10_000.5, 10_200.5, 10_000), { min: -201, max: 1000 })
  })
})

describe("Exposure: more creates than are kept", () => {
  const many = Array.from({ length: Exposure.createsMax + 5 }, (_, index) => post(`c${index}`, index))

  it("are kept as one entry, of the oldest, that stands for all of them", () => {
    const { creates } = known(...many)
    strictEqual(creates.length, Exposure.createsMax)
    const { from: _, method: _method, ...oldest } = post("several/c0", 5, { count: 6, guess: true })
    check.deepStrictEqual(creates[0], oldest)
    strictEqual(creates[1]?.id, "c6")
    strictEqual(says(...many), `0..${many.length}`)
  })

  it("keep what is the same of both, and nothing else", () => {
    const filled = (first: Partial<Exposure.Create>, second: Partial<Exposure.Create>) =>
      known(post("x", 0, first), post("y", 1, second), ...many.slice(0, Exposure.createsMax - 1)).creates[0]
    const { method: _, ...plain } = post("several/x", 1, { count: 2, guess: true })
    const { from: _from, ...both } = plain
    check.deepStrictEqual(filled({}, {}), both)
    const { request: _request, ...unknown } = both
    check.deepStrictEqual(filled({}, { request: "other" }), unknown)
    check.deepStrictEqual(filled({ amount: 300 }, { amount: 200 }), { ...both, amount: 300 })
    check.deepStrictEqual(filled({ before: ["t", "u"] }, { before: ["u", "v"] }), { ...both, before: ["u"] })
  })

  it("are not put together with those of another clock", () => {
    const elsewhere = post("x", 9, { clock: "there" })
    const { creates } = known(elsewhere, ...many.slice(0, Exposure.createsMax))
    check.deepStrictEqual([creates[0], creates[1]?.id], [elsewhere, "several/c0"])
  })

  it("are kept apart up to the limit", () => {
    const { creates } = known(...many.slice(0, Exposure.createsMax))
    check.deepStrictEqual(creates, many.slice(0, Exposure.createsMax))
  })
})

describe("Exposure: a create that is put on record again", () => {
  it("takes the place of the one with its id", () => {
    const again = post("c", 1)
    check.deepStrictEqual(known(post("c", 0), post("d", 0), again).creates, [post("d", 0), again])
    check.deepStrictEqual(Exposure.withoutCreate(known(post("c", 0), post("d", 0)), "c").creates, [post("d", 0)])
  })
})

describe("Exposure: the money of some arguments", () => {
  const other = { request: "other arguments", method: "other card" }
  const money = (...pieces: Pieces) => {
    const evidence = known(...pieces)
    return (["Own", "Others"] as const).map((which) =>
      range(Exposure.exposureOfRequest(evidence, { ...mine, method: undefined }, which, horizon))
    )
  }

  it("is that of their creates", () => {
    check.deepStrictEqual(money(post("c", 0)), ["0..1", "0..0"])
    check.deepStrictEqual(money(post("d", 0, { ...other, amount: 300 })), ["0..0", "0..3"])
    check.deepStrictEqual(money(post("c", 0), post("d", 0, { ...other, amount: 300 })), ["0..1", "0..3"])
    const { request: _, ...unknown } = post("u", 0)
    check.deepStrictEqual(money(unknown), ["0..0", "0..1"])
  })

  it("is, of what is on record, that of the create that was answered with it; else of all others", () => {
    check.deepStrictEqual(money(record(1, [errorTx("t", 0)])), ["0..0", "0..1"])
    check.deepStrictEqual(money(record(1, [], { state: "processing" })), ["0..0", "0..1"])
    check.deepStrictEqual(money(record(1, [paidTx("t", 0)])), ["0..0", "1..1"])
    const own = (one: Payout.Transaction) => {
      const evidence = Exposure.answered(known(post("c", 0), record(1, [one])), post("c", 0))
      return money(evidence)
    }
    check.deepStrictEqual(own(paidTx("t", 0)), ["1..1", "0..0"])
    check.deepStrictEqual(own(errorTx("t", 0)), ["0..1", "0..0"])
    check.deepStrictEqual(own(tx("t", 0)), ["0..0", "0..0"])
  })

  it("is that of a transaction which can be their doing, if nobody knows whose it is", () => {
    const open = tx("t", 0, { state: "processing", errorState: undefined })
    check.deepStrictEqual(money(post("c", 0), record(1, [paidTx("t", 0)])), ["0..1", "0..1"])
    check.deepStrictEqual(money(post("c", 0), record(1, [errorTx("t", 0)])), ["0..1", "0..1"])
    check.deepStrictEqual(money(post("c", 0), record(1, [open])), ["0..1", "0..1"])
    check.deepStrictEqual(money(post("c", 5), record(6, [paidTx("t", 0)])), ["0..0", "1..1"])
    const elsewhere = { ...paidTx("t", 0), method: "other card" }
    check.deepStrictEqual(money(post("c", 0), record(1, [elsewhere])), ["0..0", "1..1"])
    check.deepStrictEqual(money(post("c", 0), record(1, [], { state: "paid" })), ["0..1", "1..1"])
  })

  it("does not grow by a payment of others, but keeps what may have paid beside it", () => {
    const evidence = Exposure.answered(known(post("c", 0), record(1, [errorTx("t", 0)])), post("c", 0))
    check.deepStrictEqual(money(evidence, post("d", 2, other), record(3, [errorTx("t", 0), paidTx("u", 2)])), [
      "0..1",
      "1..1"
    ])
  })
})

describe("Exposure: whose doing a transaction is", () => {
  const other = { request: "other arguments", method: "other card" }
  const doing = (id: string, ...pieces: Pieces) => Exposure.doingOf(known(...pieces), id, mine, horizon)

  it("is a request's own if a create of it was answered with it", () => {
    const own = Exposure.answered(known(post("c", 0), record(1, [tx("t", 0)])), post("c", 0))
    strictEqual(doing("t", own), "Own")
    const foreign = Exposure.answered(known(post("d", 0, other), record(1, [tx("t", 0)])), post("d", 0, other))
    strictEqual(doing("t", foreign), "Other")
  })

  it("is by the saved method, where it is shown", () => {
    strictEqual(doing("t", record(1, [tx("t", 0, { method: mine.method })])), "Own")
    strictEqual(doing("t", record(1, [tx("t", 0, { method: other.method })])), "Other")
    const unnamed = { request: mine.request, method: undefined }
    strictEqual(Exposure.doingOf(known(record(1, [tx("t", 0, { method: "x" })])), "t", unnamed, horizon), "Unknown")
  })

  it("is a request's own if it accounts for a create of it, and can be the doing of no other arguments", () => {
    strictEqual(doing("t", post("c", 0), record(1, [tx("t", 0)])), "Own")
    strictEqual(doing("t", post("c", 0), post("d", 0, other), record(1, [tx("t", 0)])), "Unknown")
    strictEqual(doing("t", post("c", 0), post("d", 5, other), record(6, [tx("t", 0)])), "Own")
    strictEqual(doing("t", post("c", 5), record(6, [tx("t", 0)])), "Unknown")
    strictEqual(doing("t", post("g", 0, { guess: true }), record(6, [tx("t", 0)])), "Unknown")
  })

  it("is unknown of what was never shown, or has no create", () => {
    strictEqual(doing("u", record(1, [tx("t", 0)])), "Unknown")
    strictEqual(doing("t", record(1, [tx("t", 0)])), "Unknown")
  })

  it("is asked of the latest transaction of a payout", () => {
    const transactions = [tx("t", 0), tx("u", 1, { method: other.method })]
    const payout: Payout.Payout = { handle: "h", state: "failed", amount: 100, transactions }
    const isDoing = (shown: Payout.Payout) =>
      Exposure.isDoing(known(post("c", 0), record(2, transactions)), shown, mine, horizon)
    check.deepStrictEqual(
      [isDoing(payout), isDoing({ ...payout, transactions: [tx("t", 0)] }), isDoing({ ...payout, transactions: [] })],
      [false, true, false]
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

describe("Exposure: the edges of its rules", () => {
  const seconds = (from: number) => from / 60
  const without = <K extends keyof Exposure.Create>(create: Exposure.Create, key: K): Omit<Exposure.Create, K> => {
    const { [key]: _, ...rest } = create
    return rest
  }

  it("answers no create with what another was answered with, and of two of one time, with the later in the record", () => {
    const own = Exposure.answered(known(post("c", 0), record(1, [tx("t", 0)])), post("c", 0))
    const other = Exposure.withCreate(own, post("d", 0))
    check.deepStrictEqual(Exposure.answered(other, post("d", 0)), other)
    const two = Exposure.answered(known(post("c", 0), record(1, [tx("t", 0), tx("u", 0)])), post("c", 0))
    check.deepStrictEqual(
      two.transactions.map(({ doing }) => doing?.create),
      [undefined, "c"]
    )
  })

  it("answers a create with a transaction of its amount and method, as far as they are shown, and of its time", () => {
    const isAnswered = (one: Payout.Transaction, create = post("c", 0)) =>
      Exposure.answered(known(create, record(1, [one])), create).creates.length === 0
    const { method: _, ...unnamed } = post("c", 0)
    check.deepStrictEqual(
      {
        same: isAnswered(tx("t", 0, { method: mine.method })),
        otherAmount: isAnswered(tx("t", 0, { amount: 99 })),
        noAmount: isAnswered(tx("t", 0, { amount: 0 })),
        otherMethod: isAnswered(tx("t", 0, { method: "other" })),
        unnamed: isAnswered(tx("t", 0, { method: "other" }), unnamed),
        undated: isAnswered(tx("t", 0, { created: undefined })),
        older: isAnswered(tx("t", seconds(-0.501))),
        asOld: isAnswered(tx("t", seconds(-0.5))),
        longAfter: isAnswered(tx("t", 5000)),
        unmeasured: isAnswered(tx("t", -5000), post("c", 0, { clock: "there" }))
      },
      {
        ...{ same: true, otherAmount: false, noAmount: true, otherMethod: false, unnamed: true, undated: true },
        ...{ older: false, asOld: true, longAfter: true, unmeasured: true }
      }
    )
  })

  it("compares moments of two clocks by the worst of what is measured of both", () => {
    const at = (read: number) => ({
      ...known(post("c", 0)),
      read: moment(read, "there"),
      clocks: { here: { min: minute, max: 2 * minute }, there: { min: 10 * minute, max: 11 * minute } }
    })
    check.deepStrictEqual(
      [361.99, 362].map((read) => range(Exposure.exposure(at(read), horizon))),
      ["0..1", "0..0"]
    )
  })

  it("takes a transaction for a create's doing up to the horizon after it, and no longer", () => {
    // The provider's clock is at most half a second ahead.
    check.deepStrictEqual(
      [0.5, 0.501].map((later) => says(post("c", 0), record(369, [tx("t", 360 + seconds(later))]))),
      ["0..0", "0..1"]
    )
  })

  it("allows for less where the beginning of a create is known than where only its end is", () => {
    const second = seconds(-1)
    const ended = without(post("c", 0), "from")
    check.deepStrictEqual(
      [says(post("c", 0), record(1, [tx("t", second)])), says(ended, record(1, [tx("t", second)]))],
      ["0..1", "0..0"]
    )
    check.deepStrictEqual(says(ended, record(1, [tx("t", seconds(-1.501))])), "0..1")
  })

  it("knows transactions without the record that showed them", () => {
    const bare = (...pieces: Pieces) => {
      const { record: _, ...evidence } = known(...pieces)
      return range(Exposure.exposure(evidence, horizon))
    }
    strictEqual(bare(record(1, [errorTx("t", 0)])), "0..1")
    strictEqual(bare(record(1, [tx("t", 0)])), "0..0")
    const claimed = post("c", 0, { claim: { said: "Paid", at: start } })
    strictEqual(bare(claimed, record(20, [tx("t", 0)])), "0..1")
    strictEqual(bare(post("c", 0), record(20, [tx("t", 0)])), "0..0")
  })

  it("is contradicted by one claim of several creates", () => {
    const claimed = post("c", 5, { claim: { said: "Paid", at: start + 5 * minute } })
    const evidence = known(post("b", 0), claimed, record(6, [tx("t", 0)]))
    strictEqual(Exposure.isContradicted(evidence, moment(6)), true)
  })

  it("keeps together the creates of unknown arguments as such", () => {
    const unknown = (id: string, minutes: number): Exposure.Create => without(post(id, minutes), "request")
    const many = Array.from({ length: Exposure.createsMax + 1 }, (_, index) => unknown(`c${index}`, index))
    check.notProperty(known(...many).creates[0], "request")
  })
})
