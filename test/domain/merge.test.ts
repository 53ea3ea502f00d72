/** Two pieces of evidence about one handle become one, in either order. */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Exposure } from "effect-billwerk-payouts"
import { clocks, errorTx, moment, nothing, paidTx, post, record, tx } from "./pieces.js"

const { merge } = Exposure

const with_ = (over: Partial<Exposure.Evidence>): Exposure.Evidence => ({ ...nothing, ...over })
const creates = (...all: ReadonlyArray<Exposure.Create>) => with_({ creates: all })

/** The same in either order. */
const merged = (self: Exposure.Evidence, that: Exposure.Evidence): Exposure.Evidence => {
  const one = merge(self, that)
  assert.deepStrictEqual(sorted(merge(that, self)), sorted(one))
  return one
}

// What was over before a create is a set.
const sorted = (evidence: Exposure.Evidence): Exposure.Evidence => ({
  ...evidence,
  creates: evidence.creates.map((one) => ({ ...one, before: [...one.before].sort() }))
})

describe("merge", () => {
  it("has no record and no read if neither has one", () => {
    assert.deepStrictEqual(merged(nothing, nothing), nothing)
  })

  it("keeps what only one has", () => {
    const shown = record(5, [paidTx("1", 4)])
    assert.deepStrictEqual(merged(nothing, shown), { ...shown, clocks })
    const read = with_({ read: moment(3) })
    assert.deepStrictEqual(merged(creates(post("a", 1)), read), { ...creates(post("a", 1)), read: moment(3) })
  })

  it("drops a create whose transaction the other piece knows", () => {
    const done = { ...record(5, [tx("1", 4)]), clocks }
    const doing = { create: "a", request: "our arguments" }
    const known = { ...done, transactions: done.transactions.map((one) => ({ ...one, doing })) }
    assert.deepStrictEqual(merged(creates(post("a", 1), post("b", 2)), known).creates, [post("b", 2)])
  })
})

describe("merge, of a create that both have,", () => {
  const mergedCreate = (self: Exposure.Create, that: Exposure.Create) => {
    const [one, ...others] = merged(creates(self), creates(that)).creates
    assert.deepStrictEqual(others, [])
    assert.isDefined(one)
    return one
  }

  it("keeps the claim of either", () => {
    const claim = { said: "Paid", at: 7 } as const
    assert.deepStrictEqual(mergedCreate(post("a", 1), post("a", 1, { claim })), post("a", 1, { claim }))
  })

  it("keeps a claim with the clock of its time", () => {
    const sent = post("a", 60)
    const { from: _, ...adopted } = post("a", 90, { clock: "there", claim: { said: "Processing", at: moment(1).at } })
    assert.deepStrictEqual(mergedCreate(sent, adopted), adopted)
    const claimed = { ...sent, claim: { said: "Processing", at: moment(61).at } } as const
    assert.deepStrictEqual(mergedCreate(claimed, adopted), claimed)
  })

  it("knows all transactions that were over before it", () => {
    const [one, other] = [post("a", 1, { before: ["1"] }), post("a", 1, { before: ["2"] })]
    assert.sameMembers([...mergedCreate(one, other).before], ["1", "2"])
  })

  it("lasts from the later beginning to the later end, by one clock", () => {
    const [intent, sent] = [post("a", 1, { to: moment(9).at }), post("a", 3, { to: moment(4).at })]
    assert.deepStrictEqual(mergedCreate(intent, sent), post("a", 3, { to: moment(9).at }))
  })

  it("has no beginning if neither has one", () => {
    const { from: _, ...open } = post("a", 1)
    assert.deepStrictEqual(mergedCreate(open, open), open)
    assert.isFalse("from" in mergedCreate(open, open))
  })

  it("has the times of the process that sent it, and not of the one that took it over", () => {
    const sent = post("a", 1, { clock: "there", before: ["1"] })
    const { from: _, ...adopted } = post("a", 30, { before: ["2"] })
    assert.deepStrictEqual(
      { ...mergedCreate(sent, adopted), before: [] },
      { ...sent, before: [] },
      "not the later end, which is by another clock"
    )
    assert.sameMembers([...mergedCreate(sent, adopted).before], ["1", "2"])
  })

  it("knows only what both know if they stand for different numbers of creates", () => {
    const several = post("a", 1, { count: 3, before: ["1", "2"], to: moment(9).at })
    const { from: _, ...expected } = { ...several, before: ["2"] }
    assert.deepStrictEqual(mergedCreate(several, post("a", 2, { before: ["2", "3"] })), expected)
  })
})

describe("merge, of a transaction that both have,", () => {
  const ends = [
    tx("1", 1, { state: "processing", errorState: undefined }),
    tx("1", 1, { errorState: "unheard_of" }),
    errorTx("1", 1),
    tx("1", 1, { errorState: "soft_declined" }),
    tx("1", 1),
    paidTx("1", 1)
  ]
  it("takes the end that says most", () => {
    for (const [place, less] of ends.entries()) {
      for (const more of ends.slice(place + 1)) {
        const [one] = merged(record(2, [less]), record(2, [more])).transactions
        assert.deepStrictEqual([one?.state, one?.errorState], [more.state, more.errorState])
      }
    }
  })
})

describe("merge, of two failures that say nothing,", () => {
  it("keeps the word of one", () => {
    const [bare, odd] = [tx("1", 1, { errorState: undefined }), tx("1", 1, { errorState: "unheard_of" })]
    assert.strictEqual(merged(record(2, [bare]), record(2, [odd])).transactions[0]?.errorState, "unheard_of")
  })
})

describe("merge, of two records,", () => {
  const by = (clock: string, minutes: number, state: string, transactions = 1): Exposure.Evidence =>
    with_({ record: { state, amount: 100, transactions, read: moment(minutes, clock) } })
  const state = (self: Exposure.Evidence, that: Exposure.Evidence) => merged(self, that).record?.state

  it("takes a paid one, then one with more transactions, then the later one", () => {
    assert.strictEqual(state(by("here", 1, "paid"), by("here", 9, "failed", 2)), "paid")
    assert.strictEqual(state(by("here", 1, "processing", 2), by("here", 9, "failed")), "processing")
    assert.strictEqual(state(by("here", 1, "processing"), by("here", 9, "failed")), "failed")
    assert.strictEqual(state(by("here", 9, "processing"), by("here", 1, "failed")), "processing")
  })

  it("takes the one that leaves more open if it is not known which is later", () => {
    assert.strictEqual(state(by("there", 1, "processing"), by("here", 9, "failed")), "processing")
    assert.strictEqual(state(by("there", 9, "failed"), by("here", 1, "processing")), "processing")
  })

  it("takes the failure of two that were read in the same moment", () => {
    assert.strictEqual(state(by("here", 1, "processing"), by("here", 1, "failed")), "failed")
    assert.strictEqual(state(by("here", 1, "failed"), by("here", 1, "processing")), "failed")
  })

  it("does not depend on the order of the two", () => {
    const one = fc.record({
      clock: fc.constantFrom("here", "there", "elsewhere"),
      at: fc.integer({ min: 0, max: 2 }),
      state: fc.constantFrom("created", "processing", "failed", "paid", "unheard_of"),
      transactions: fc.integer({ min: 0, max: 1 })
    })
    fc.assert(
      fc.property(one, one, (a, b) => {
        merged(by(a.clock, a.at, a.state, a.transactions), by(b.clock, b.at, b.state, b.transactions))
      })
    )
  })

  it("keeps all transactions of three in any grouping, and one of the records", () => {
    const [open, failed] = [tx("1", 1, { state: "processing", errorState: undefined }), tx("2", 3)]
    const shown = (evidence: Exposure.Evidence, state: string, clock: string): Exposure.Evidence => {
      const { record: one } = evidence
      assert.isDefined(one)
      return { ...evidence, record: { ...one, state, read: { ...one.read, clock } } }
    }
    const earlier = shown(record(2, [open]), "processing", "here")
    const later = shown(record(4, [failed]), "failed", "here")
    const unknown = shown(record(3, [tx("3", 2)]), "created", "there")
    const [one, other] = [merge(merge(unknown, earlier), later), merge(unknown, merge(earlier, later))]
    assert.deepStrictEqual([one.record?.state, other.record?.state], ["failed", "created"])
    for (const { transactions } of [one, other]) {
      assert.sameMembers(
        transactions.map(({ id }) => id),
        ["1", "2", "3"]
      )
    }
  })

  it("reads as late as it certainly did", () => {
    assert.deepStrictEqual(merged(with_({ read: moment(1) }), with_({ read: moment(9) })).read, moment(9))
    const there = { min: 0, max: 0 }
    const [one, other] = [with_({ read: moment(9) }), with_({ read: moment(1, "there"), clocks: { ...clocks, there } })]
    assert.deepStrictEqual(merged(one, other).read, moment(9))
  })

  it("keeps the first of two reads by clocks that cannot be compared", () => {
    const [one, other] = [with_({ read: moment(1) }), with_({ read: moment(9, "there") })]
    assert.deepStrictEqual([merge(one, other).read, merge(other, one).read], [one.read, other.read])
  })
})
