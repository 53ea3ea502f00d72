/**
 * What the scripts of one call do not reach: the same process that calls again, minutes and hours later, while the provider
 * goes on as it did. Ten minutes are what it takes for a record to be believed against a claim.
 */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Ledger } from "effect-billwerk-payouts/testing"
import { names, type Name } from "./Behaviours.js"
import { handle, stage, World } from "./World.js"

const minute = 60_000

// Shown another amount, the library takes what was claimed to be about that one: see `Check.ts`.
const befalls = names.filter((name) => name !== "wrongAmount")
const claims: ReadonlyArray<Name> = ["hiddenAndCrossed", "sentTwice", "code134", "laggingRead", "hiddenAndLost"]
const scripts = fc.array(fc.oneof(fc.constantFrom(...befalls), fc.constantFrom(...claims)), {
  minLength: 2,
  maxLength: 10
})
const gaps = fc.array(fc.constantFrom(0, minute, 11 * minute, 180 * minute), { minLength: 2, maxLength: 5 })

describe("A process that calls again and again, while the provider goes on as it did,", () => {
  it("says no more and no less than is true each time, and sends nothing after a decline (I3, I4, 43)", () => {
    const shared = stage()
    let believed = 0
    fc.assert(
      fc.property(scripts, gaps, (script, gaps) => {
        const world = new World(shared, script)
        const process = world.start()
        let isDeclined = false
        for (const gap of gaps) {
          const seen = world.exchanges.length
          const said = world.create(process)
          const sent = world.exchanges.slice(seen).some(({ kind }) => kind === "Create")
          assert.isFalse(isDeclined && sent, "sent again after a hard decline")
          isDeclined ||= said._tag === "HardDeclined"
          const { max, min } = said.exposure
          assert.isAtLeast(Ledger.moved(world.ledger, handle), min)
          world.pass(gap)
          const moved = Ledger.moved(world.ledger, handle)
          assert.isAtMost(moved, max)
          assert.isFalse(said.certainty === "NotMoved" && moved > 0)
          const isClaimed = "attempts" in said && said.attempts.some(({ code }) => code === 134)
          if (isClaimed && said._tag === "ProcessingError") believed += 1
        }
      }),
      { numRuns: 500 }
    )
    assert.isAbove(believed, 10, "no record was ever believed against a claim")
  }, 60_000)
})
