/** Which create made which transaction, at the edges of the rule. */
import { assert, describe, it } from "@effect/vitest"
import { Exposure, type Payout } from "effect-billwerk-payouts"
import {
  errorTx,
  horizon,
  known,
  mine,
  minute,
  moment,
  paidTx,
  type Pieces,
  post,
  range,
  record,
  says,
  start,
  tx
} from "./pieces.js"

const other = { request: "other arguments", method: "other card" }
const claim = (said: "Paid" | "Processing" | "Exists", minutes: number, at = minutes): Exposure.Create =>
  post("c", minutes, { claim: { said, at: start + at * minute } })

const money = (method: string | undefined, ...pieces: Pieces) =>
  (["Own", "Others"] as const).map((which) =>
    range(Exposure.exposureOfRequest(known(...pieces), { request: mine.request, method }, which, horizon))
  )

describe("attribution: the money of arguments whose saved method is known", () => {
  const toOurs = { ...errorTx("t", 0), method: mine.method }
  const toTheirs = { ...errorTx("t", 0), method: other.method }

  it("counts a transaction to the request's own method as its own", () => {
    assert.deepStrictEqual(money(mine.method, record(1, [toOurs])), ["0..1", "0..0"])
    assert.deepStrictEqual(money(mine.method, post("c", 0), record(1, [toOurs])), ["0..1", "0..0"])
    assert.deepStrictEqual(money(mine.method, post("d", 0, other), record(1, [toOurs])), ["0..1", "0..1"])
  })

  it("counts it for both, if a create of other arguments can have made it", () => {
    const sameCard = { ...other, method: mine.method }
    assert.deepStrictEqual(money(mine.method, post("d", 0, sameCard), record(1, [toOurs])), ["0..0", "0..1"])
    assert.deepStrictEqual(money(mine.method, post("c", 0), post("d", 0, sameCard), record(1, [toOurs])), [
      "0..2",
      "0..2"
    ])
    // Of two of other arguments, one is enough.
    assert.deepStrictEqual(money(mine.method, post("d", 0, sameCard), post("e", 0, other), record(1, [toOurs])), [
      "0..0",
      "0..2"
    ])
  })

  it("counts a transaction to another method as that of others", () => {
    assert.deepStrictEqual(money(mine.method, record(1, [toTheirs])), ["0..0", "0..1"])
    assert.deepStrictEqual(money(mine.method, post("c", 5), record(6, [toTheirs])), ["0..1", "0..1"])
  })

  it("compares no methods where the request names none, or the record shows none", () => {
    assert.deepStrictEqual(money(undefined, post("c", 0, { method: undefined }), record(1, [toOurs])), ["0..1", "0..1"])
    assert.deepStrictEqual(money(mine.method, record(1, [errorTx("t", 0)])), ["0..0", "0..1"])
  })
})

describe("attribution: the money of a request beside what is paid", () => {
  const paid = (transactions: ReadonlyArray<Payout.Transaction>) => record(9, transactions, { state: "paid" })

  it("is none, if no create of it is outstanding and the record shows no transaction", () => {
    assert.deepStrictEqual(money(undefined, paid([])), ["0..0", "1..1"])
    assert.deepStrictEqual(money(undefined, post("d", 0, other), paid([])), ["0..0", "1..1"])
    assert.deepStrictEqual(money(undefined, post("c", 0), paid([])), ["0..1", "1..1"])
  })

  it("is that of a failed transaction which a create can have made that was told 134", () => {
    assert.deepStrictEqual(money(undefined, claim("Paid", 0), record(1, [errorTx("t", 0)])), ["0..2", "0..1"])
    assert.deepStrictEqual(money(undefined, claim("Paid", 0), record(1, [paidTx("t", 0)])), ["0..0", "1..1"])
  })

  it("is the record's amount for others who are known to have paid, although an own create could have", () => {
    const theirs = Exposure.answered(
      known(post("d", 0, other), record(1, [{ ...paidTx("t", 0), amount: 0 }])),
      post("d", 0, other)
    )
    assert.deepStrictEqual(money(undefined, theirs, post("c", 0)), ["0..0", "1..1"])
  })
})

describe("attribution: a create that was answered", () => {
  it("is named by an empty fingerprint, if its arguments are not known", () => {
    const { request: _, ...unknown } = post("c", 0)
    const evidence = Exposure.answered(known(unknown, record(1, [tx("t", 0)])), unknown)
    assert.deepStrictEqual(evidence.transactions[0]?.doing, { create: "c", request: "" })
  })
})

describe("attribution: a decline for good", () => {
  it("is that of a transaction which has failed, and of no other one", () => {
    const declined = (one: Payout.Transaction) =>
      Exposure.isDeclined(known(post("c", 0), record(1, [one])), mine, horizon)
    assert.isTrue(declined(tx("t", 0)))
    assert.isFalse(declined(tx("t", 0, { state: "processing" })))
    assert.isFalse(declined(tx("t", 0, { errorState: "soft_declined" })))
  })
})

describe("attribution: who was paid", () => {
  const payer = (...pieces: Pieces) => Exposure.payerOf(known(...pieces), mine, horizon)
  const toOurs = { ...paidTx("t", 0), method: mine.method }
  const toTheirs = { ...paidTx("u", 0), method: other.method }

  it("is the request whose method, or whose create, the payment shows", () => {
    assert.strictEqual(payer(record(1, [toOurs])), "Own")
    assert.strictEqual(payer(record(1, [toTheirs])), "Other")
    assert.strictEqual(payer(post("c", 0), record(1, [paidTx("t", 0)])), "Own")
  })

  it("is another one, as soon as one payment is another's", () => {
    assert.strictEqual(payer(record(1, [toOurs, toTheirs])), "Other")
    assert.strictEqual(payer(record(1, [toTheirs, toOurs])), "Other")
  })

  it("is unknown without a payment, or of one that nothing is known of", () => {
    assert.strictEqual(payer(record(1, [tx("t", 0, { method: mine.method })])), "Unknown")
    assert.strictEqual(payer(record(1, [paidTx("t", 0)])), "Unknown")
    assert.strictEqual(payer(record(1, [])), "Unknown")
  })
})

describe("attribution: a claim", () => {
  it("stands for as long as reads may lag", () => {
    const claimed = (minutes: number, ...pieces: Pieces) => Exposure.isClaimed(known(...pieces), moment(minutes))
    assert.deepStrictEqual(
      [5, 14.99, 15].map((minutes) => claimed(minutes, claim("Processing", 0, 5))),
      [true, true, false]
    )
    assert.isFalse(claimed(5, post("c", 5)))
    assert.isTrue(claimed(5, post("b", 0), claim("Exists", 5)))
  })

  it("of 11 is contradicted by no failure, not even by one that was over before", () => {
    const contradicted = (...pieces: Pieces) => Exposure.isContradicted(known(...pieces), moment(6))
    assert.isFalse(contradicted({ ...claim("Exists", 5), before: ["t"] }, record(6, [tx("t", 0)])))
    assert.isTrue(contradicted({ ...claim("Processing", 5), before: ["t"] }, record(6, [tx("t", 0)])))
  })

  it("of 133 is not contradicted as soon as one transaction was not over before", () => {
    const contradicted = (...ids: ReadonlyArray<string>) =>
      Exposure.isContradicted(
        known({ ...claim("Processing", 5), before: ids }, record(6, [tx("t", 0), tx("u", 1)])),
        moment(6)
      )
    assert.deepStrictEqual([contradicted("t", "u"), contradicted("t"), contradicted("u")], [true, false, false])
  })
})

describe("attribution: a 133 that a decline bears out", () => {
  /** A clock that is measured to a minute only: what seems older may be its own. */
  const vague = { clocks: { here: { min: -minute, max: minute } } }
  const vaguely = (...pieces: Pieces) => range(Exposure.exposure({ ...known(...pieces), ...vague }, horizon))

  it("needs another known create that can have made the decline: not itself, and no guess", () => {
    assert.strictEqual(vaguely(claim("Processing", 5), record(20, [tx("t", 4.5)])), "0..1")
    assert.strictEqual(
      says(post("g", 0, { guess: true, from: undefined }), claim("Processing", 5), record(20, [tx("t", 0)])),
      "0..2"
    )
  })

  it("takes one of several others", () => {
    assert.strictEqual(
      says(post("a", 0), post("b", 3, other), claim("Processing", 5), record(20, [tx("t", 0)])),
      "0..1"
    )
  })

  it("takes a decline that was seen under way after the answer, when reads cannot lag any more", () => {
    const going = (minutes: number) => record(minutes, [tx("t", 0, { state: "processing", errorState: undefined })])
    const told = claim("Processing", 5)
    assert.strictEqual(says(told, going(5), record(20, [tx("t", 0)])), "0..0")
    assert.strictEqual(says(told, going(6), going(4), record(20, [tx("t", 0)])), "0..0", "in any order")
    assert.strictEqual(says(told, going(6), record(14, [tx("t", 0)])), "0..1", "it is too early")
    assert.strictEqual(says(told, going(4.9), record(20, [tx("t", 0)])), "0..1", "it was seen before")
    assert.strictEqual(says({ ...told, before: ["t"] }, going(6), record(20, [tx("t", 0)])), "0..1", "it was over")
  })

  it("takes the create that was answered with the decline, too, but no decline that nothing is known of", () => {
    const answered = Exposure.answered(known(post("a", 0), record(1, [tx("t", 0)])), post("a", 0))
    assert.strictEqual(says(answered, claim("Processing", 5), record(20, [tx("t", 0)])), "0..0")
    assert.strictEqual(says(claim("Processing", 5), record(20, [tx("t", 0)])), "0..1")
  })
})
