/** Deliberately wrong clients, each of which the simulation must catch: a proof that catches nothing proves nothing. */
import { assert, beforeEach, describe, it } from "@effect/vitest"
import { library } from "./Client.js"
import { hunt, table, wrongClients } from "./wrong/Hunt.js"
import { run } from "./World.js"

/** In as many worlds each of them must be caught. The slowest takes about half. */
const seedsMax = 1_000

/**
 * The first world in which each was caught when `npm run simulate -- --wrong` last counted. It only saves the way there:
 * once the dice fall otherwise, the way is gone again, from the first world.
 */
const caughtIn: Readonly<Record<string, number>> = {
  "trusts 200": 1,
  "takes processing for paid": 1,
  "no echo check": 2,
  "latest is last": 119,
  "reads 134 as a client error": 13,
  "takes 408 for a refusal": 17,
  "takes 5xx for a failure": 24,
  "believes an error under 200": 99,
  "takes a failed lookup for a 404": 9,
  "takes a processing error for a decline": 2,
  "takes an unknown reason for a decline": 23,
  "believes a cache": 22,
  "does not compare the card": 9,
  "believes the last error": 1,
  "takes 404 for proof": 3,
  "takes a timeout for a failure": 47,
  "takes paid for paid once": 9,
  "takes a decline for the end of doubt": 1,
  "an old failure accounts for a lost request": 68,
  "stores too late": 475,
  "forgets earlier attempts": 1,
  "takes a restart for a beginning": 3,
  "forgets what it paid": 1,
  "forgets interruptions": 138,
  "ignores outstanding creates": 3,
  "forgets by restarting": 24,
  "takes evidence for all there is": 538,
  "a guess is certainty": 3,
  "retries hard declines": 1,
  "sends again without asking": 1,
  "pays twice at once": 1,
  "multiplies budgets": 3,
  "counts in memory only": 40,
  "obeys Retry-After": 13,
  "no deadline": 12,
  "changes the body": 1,
  "new handle on failure": 1,
  "follows redirects": 9,
  "logs requests": 1,
  "logs answers": 13,
  "carries the cause": 28
}

// Worlds run in one go, and the test runner wants to hear of each test meanwhile.
beforeEach(() => new Promise((resolve) => setImmediate(resolve)))

describe("the simulation catches a client that", () => {
  for (const client of wrongClients) {
    const pinned = caughtIn[client.name]
    it(`${client.name}: ${client.wrong}`, { timeout: 600_000 }, () => {
      const caught = (pinned === undefined ? undefined : hunt(client, 1, pinned)) ?? hunt(client, seedsMax)
      if (caught === undefined) return assert.fail(`not caught in ${seedsMax} worlds`)
      const { seed, violation } = caught
      assert.include(client.breaks, violation.invariant, violation.what)
      assert.deepStrictEqual(run(seed, library).violations, [], "and the library is right in the same world")
    })
  }
})

describe("the table of wrong clients", () => {
  it("has a line for each, with its name, what caught it, and the seeds it took", () => {
    assert.strictEqual(new Set(wrongClients.map(({ name }) => name)).size, wrongClients.length)
    const [first, second] = wrongClients
    if (first === undefined || second === undefined) return assert.fail("there are no wrong clients")
    const violation = { invariant: "I2", what: "not paid", payment: undefined }
    const lines = table([
      { client: first, caught: { seed: 7, violation } },
      { client: second, caught: undefined }
    ]).split("\n")
    assert.lengthOf(lines, 4)
    assert.match(lines[2] ?? "", new RegExp(`^\\| ${first.name} \\| .+ \\| I2 \\| 7 \\|$`))
    assert.match(lines[3] ?? "", new RegExp(`^\\| ${second.name} \\| .+ \\| not caught \\|  \\|$`))
  })
})
