import { assert as check, describe, it } from "@effect/vitest"
import { strictEqual } from "node:assert"
import { Exposure } from "effect-billwerk-payouts"
import {
  minute,
  start,
  mine,
  horizon,
  moment,
  post,
  tx,
  paidTx,
  errorTx,
  record,
  readNothing,
  known,
  range,
  says,
  type Pieces
} from "../pieces.js"

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
