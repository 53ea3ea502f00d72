import { assert, describe, it } from "@effect/vitest"
import { setImmediate } from "node:timers/promises"
import { careful, flaws } from "./Careful.js"
import { library } from "./Client.js"
import { stories } from "./Stories.js"
import { exploring, type Found, type Summary, tell } from "./Worlds.js"

/** `npm run model -- --size 4` runs ten times as many. */
const size = 3

const timeout = 300_000

/** Runs worlds, and lets the test runner's own messages through between them. */
const explore = async (...options: Parameters<typeof exploring>): Promise<Summary> => {
  const worlds = exploring(...options)
  for (;;) {
    const { done, value } = worlds.next()
    if (done === true) return value
    await setImmediate()
  }
}

/** What breaks a law, in words from which it can be told again. */
const report = (found: ReadonlyArray<Found>): ReadonlyArray<string> =>
  found
    .slice(0, 3)
    .map(({ oddities, violation, world }) =>
      [`${violation.law}: ${violation.what}`, `in the world of: ${oddities.join(" | ")}`, ...world.story].join("\n")
    )

describe("The library in every small world", () => {
  it(
    "keeps the laws, and has no doubt left that can be ended",
    async () => {
      const { found, worlds } = await explore(library, size)
      assert.isAbove(worlds, 2_000)
      assert.deepStrictEqual(report(found), [], `${found.length} of ${worlds} worlds break a law`)
    },
    timeout
  )

  for (const { name, oddities } of stories) {
    it(`keeps the laws in ${name}`, () => {
      const { story, violation } = tell(library, oddities)
      assert.isUndefined(violation, story.join("\n"))
    })
  }
})

describe("The judge", () => {
  it(
    "asks for nothing that a careful client cannot do",
    async () => {
      const { found, worlds } = await explore(careful(), size)
      assert.deepStrictEqual(report(found), [])
      assert.isAbove(worlds, 2_500)
    },
    timeout
  )

  for (const { name, oddities } of stories) {
    it(`asks for nothing impossible in ${name}`, () => {
      const { story, violation } = tell(careful(), oddities)
      assert.isUndefined(violation, story.join("\n"))
    })
  }

  const laws = new Map([
    ["takes an old failure for the answer", "knowable"],
    ["forgets when it starts again", "knowable"],
    ["takes a guess for certain", "knowable"],
    ["takes evidence for all there is", "knowable"],
    ["takes 134 for a payment", "knowable"],
    ["sends what was hard declined", "sends once"],
    ["waits for ever", "ends"]
  ])

  for (const flaw of flaws) {
    const law = laws.get(flaw)
    if (law === undefined) continue
    it(
      `catches a client that ${flaw}`,
      async () => {
        const [first] = (await explore(careful(flaw), size, 1)).found
        assert.strictEqual(first?.violation.law, law)
      },
      timeout
    )
  }

  it("catches a client that takes its own clock for the provider's", () => {
    const slow = stories.find(({ name }) => name.startsWith("E4"))
    assert(slow !== undefined)
    assert.strictEqual(tell(careful("takes its own clock for the provider's"), slow.oddities).violation?.law, "sound")
  })
})
