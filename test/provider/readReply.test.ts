import { assert, describe, it } from "@effect/vitest"
import { repeats } from "../../src/provider/readReply.js"

describe("The ids of answers", () => {
  it("are remembered, the latest 10,000 at least and 20,000 at most", () => {
    const isRepeated = repeats()
    const first = Array.from({ length: 20_000 }, (_, index) => isRepeated(`r-${index}`))
    assert.deepStrictEqual(new Set(first), new Set([false]))
    assert.deepStrictEqual(["r-0", "r-9999", "r-10000", "r-19999"].map(isRepeated), [true, true, true, true])
    assert.isFalse(isRepeated("r-20000"))
    assert.deepStrictEqual(["r-10000", "r-20000", "r-9999"].map(isRepeated), [true, true, false])
  })

  it("are known to the one client that read them", () => {
    const [one, other] = [repeats(), repeats()]
    assert.deepStrictEqual([one("r-1"), other("r-1"), one("r-1")], [false, false, true])
  })
})
