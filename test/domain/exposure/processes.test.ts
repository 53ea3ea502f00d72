import { assert as check, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Exposure } from "effect-billwerk-payouts"
import { minute, start, moment, post, tx, errorTx, record, nothing, readNothing, known } from "../pieces.js"

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
