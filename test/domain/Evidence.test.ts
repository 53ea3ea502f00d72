/** Evidence as a value: what is removed from it, and what happens to very many creates. */
import { assert, describe, it } from "@effect/vitest"
import { Exposure } from "effect-billwerk-payouts"
import { moment, nothing, post, tx } from "./pieces.js"

const { adopted, createsMax, withCreate, withoutGuesses } = Exposure

const processing = tx("t", 4, { state: "processing", errorState: undefined })
const times = (count: number) => Array.from({ length: count }, (_, index) => index)
const withAll = (creates: ReadonlyArray<Exposure.Create>): Exposure.Evidence => creates.reduce(withCreate, nothing)
const countOf = ({ creates }: Exposure.Evidence) => creates.reduce((sum, { count }) => sum + count, 0)

describe("Evidence of more creates than are kept apart", () => {
  it("is as it is up to the limit", () => {
    const creates = times(createsMax).map((index) => post(`c${index}`, index))
    assert.deepStrictEqual(withAll(creates).creates, creates)
  })

  it("combines the two oldest of one clock into one that stands for both", () => {
    const creates = times(createsMax).map((index) => post(`c${index}`, index, { before: ["1", `${index}`] }))
    const [first, , third] = creates
    const evidence = withAll([...creates, post("last", createsMax, { amount: 300 })])
    const { from: _, method: __, ...kept } = first ?? post("", 0)
    assert.deepStrictEqual(evidence.creates[0], {
      ...kept,
      id: "several/c0",
      count: 2,
      to: moment(1).at,
      before: ["1"],
      guess: true
    })
    assert.deepStrictEqual(evidence.creates[1], third)
    const more = withAll([...evidence.creates, post("more", createsMax + 1)])
    assert.deepStrictEqual([more.creates[0]?.id, more.creates[0]?.count, countOf(more)], ["several/c0", 3, 102])
  })

  it("leaves those of other clocks alone, and all if no two have the same clock", () => {
    const apart = times(createsMax + 1).map((index) => post(`c${index}`, index, { clock: `clock ${index}` }))
    assert.deepStrictEqual(withAll(apart).creates, apart)
    const evidence = withAll([...apart, post("one more", 1, { clock: "clock 7" })])
    assert.deepStrictEqual(
      evidence.creates.map(({ id }) => id),
      apart.map(({ id }) => (id === "c7" ? "several/c7" : id))
    )
  })

  it("has the arguments only if both have the same, and the greater amount", () => {
    const creates = times(createsMax + 1).map((index) =>
      index === 1 ? post("c1", 1, { request: "other arguments", amount: 900 }) : post(`c${index}`, index)
    )
    const [combined] = withAll(creates).creates
    assert.deepStrictEqual([combined?.amount, combined !== undefined && "request" in combined], [900, false])
  })
})

describe("Evidence without its guesses", () => {
  it("keeps what was sent, and what stands for several that were", () => {
    const [sent, guess] = [post("sent", 1), post("guess", 2, { guess: true })]
    const several = post("several/a", 3, { guess: true, count: 2 })
    const odd = post("a guess/several/", 4, { guess: true })
    assert.deepStrictEqual(withoutGuesses(withAll([sent, guess, several, odd])).creates, [sent, several])
  })
})

describe("Evidence that a process takes over", () => {
  it("forgets when a transaction was under way if that is by a clock that was never measured", () => {
    const going = (clock: string) => Exposure.ofPayout("h", payout, { clock, at: moment(5).at })
    const payout = { handle: "h", state: "processing", amount: 100, transactions: [processing] }
    const underWay = (clock: string) =>
      adopted({ ...going(clock), clocks: nothing.clocks }, moment(9, "mine")).transactions[0]?.underWay
    assert.deepStrictEqual([underWay("here"), underWay("there")], [moment(5), undefined])
  })

  it("keeps a create of a measured clock as it is, with or without its beginning", () => {
    const { from: _, ...open } = post("open", 1)
    const taken = adopted(withAll([open, post("sent", 2)]), moment(9, "there"))
    assert.deepStrictEqual(taken.creates, [open, post("sent", 2)])
  })
})
