/** A batch whose program is killed: the small size of `npm run batch:kills`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Campaign from "./Campaign.js"

describe("a batch whose program is killed with -9 at any moment", () => {
  const assertFlawless = ({ books, doubled, falsely, inDoubt, inFlight, lines, lost, wrong }: Campaign.Summary) => {
    assert.deepStrictEqual({ lost, doubled, falsely, wrong }, { lost: [], doubled: [], falsely: [], wrong: [] })
    // Two books that agree end in one line a class, and nothing else.
    if (inDoubt === 0) assert.notInclude(lines.join("\n"), "do not agree")
    assert.isAtMost(books.min, books.moved)
    assert.isAtLeast(books.max, books.moved)
    assert.isAtLeast(inFlight, 1)
  }
  const late = { seed: 3, rows: 24, kills: 3, mix: "late creates" } as const

  it.scopedLive(
    "loses no row, pays none twice, tells nothing false, and its books agree",
    () => Effect.map(Campaign.run({ seed: 1, rows: 40, kills: 4, keeper: "library" }), assertFlawless),
    300_000
  )

  it.scopedLive(
    "knows what it began where creates arrive after the death of their program",
    () => Effect.map(Campaign.run({ ...late, keeper: "library" }), assertFlawless),
    300_000
  )

  for (const keeper of ["after sending", "not at all"] as const) {
    it.scopedLive(
      `is caught if what was begun is on record ${keeper}`,
      () =>
        Effect.map(Campaign.run({ ...late, keeper }), ({ falsely }) => {
          assert.isAbove(falsely.length, 0)
        }),
      300_000
    )
  }
})
