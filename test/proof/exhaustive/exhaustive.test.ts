/**
 * A smaller size of `npm run exhaust`, and what it rests on: that the model is on its own, and that a mistake is found.
 */
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { core, names } from "./Behaviours.js"
import { checker } from "./Check.js"
import { Exploration, total } from "./Explore.js"
import { mutants } from "./Mutants.js"
import { stage } from "./World.js"

// Nothing here ever waits, and the runner wants to hear from its tests.
beforeEach(() => setImmediate())

// Thousands of errors are made here that nobody looks at, and traces are the dearest part of an error.
const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 0
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
})

const timeout = 120_000
const bounds = { length: 3, variants: 2 }

describe(`every script of up to ${bounds.length} behaviours holds the invariants, and ends as the model says`, () => {
  const play = checker(stage(), 2)
  const exploration = new Exploration(play, bounds)

  for (const name of names) {
    it(
      name,
      () => {
        const before = exploration.found.length
        exploration.explore(name)
        assert.deepStrictEqual(exploration.found.slice(before), [])
      },
      timeout
    )
  }

  it("and they are all there", () => {
    assert.isAtLeast(core.length, 24)
    assert.strictEqual(exploration.scripts, total(bounds))
    assert.isAbove(exploration.probed, 100)
    // Every line of the table that a provider can bring about is how some script ends.
    const { said } = play(["status500AfterCommit", "laggingRead", "code135", "laggingRead"])
    const ends = new Set([...exploration.outcomes.keys(), said].map((end) => end.split(" ")[0]))
    assert.deepStrictEqual([...ends].sort(), [...tags].sort())
  })
})

const tags = [
  "Paid Processing CommunicationError ServerError UnexpectedResponse ProcessingError HardDeclined SoftDeclined",
  "PaymentMethodNotFound PaymentMethodNotAllowed CustomerMismatch RequestRejected RateLimited HandleConflict"
].flatMap((line) => line.split(" "))

describe("the model", () => {
  it("shares nothing with the library: it has no imports", () => {
    const source = readFileSync(new URL("Model.ts", import.meta.url), "utf8")
    assert.notMatch(source, /^import\b|\bimport\s*\(|\brequire\b|\bglobalThis\b/m)
  })
})

describe("a client is found out that", () => {
  for (const { found, name, script, wrap } of mutants) {
    it(name, () => {
      assert.deepStrictEqual(checker(stage())(script).violations, [])
      const { violations } = checker(stage(wrap))(script)
      assert.isTrue(
        violations.some((violation) => found.test(violation)),
        violations.join("\n")
      )
    })
  }
})
