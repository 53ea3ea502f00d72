import { assert as check, describe, it } from "@effect/vitest"
import { strictEqual } from "node:assert"
import { Exposure, type Payout } from "effect-billwerk-payouts"
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
  known,
  range,
  says,
  type Pieces
} from "../pieces.js"

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
    // It may be of these arguments, or of any others, so nobody is refused for it.
    check.deepStrictEqual(money(unknown), ["0..1", "0..1"])
    check.isFalse(Exposure.isTaken(known(unknown), mine, horizon))
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

describe("Exposure: whether other arguments have taken the handle", () => {
  const other = { request: "other arguments", method: "other card" }
  const isTaken = (...pieces: Pieces) => Exposure.isTaken(known(...pieces), mine, horizon)

  it("is so by an open transaction that accounts for their create, if none of these arguments can have made it", () => {
    const shown = record(6, [errorTx("t", 0)])
    strictEqual(isTaken(post("d", 0, other), shown), true)
    strictEqual(isTaken(post("d", 0, other), post("g", 6, { guess: true }), shown), true)
    strictEqual(isTaken(post("d", 0, other), post("c", 5), shown), true)
    strictEqual(isTaken(shown), false)
    strictEqual(isTaken(post("c", 0), shown), false)
    strictEqual(isTaken(post("d", 0, other), record(6, [tx("t", 0)])), false)
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
