import { describe, it } from "@effect/vitest"
import { strictEqual } from "node:assert"
import { readFileSync } from "node:fs"
import { DateTime } from "effect"
import { Exposure, type Payout } from "effect-billwerk-payouts"
import { minute, start, clocks, mine, stateOf } from "../pieces.js"

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

const header = readFileSync(new URL("../../../src/domain/Exposure.ts", import.meta.url), "utf8")

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
