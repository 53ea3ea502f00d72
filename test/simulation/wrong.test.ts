/** Deliberately wrong clients, each of which the simulation must catch: a proof that catches nothing proves nothing. */
import { assert, describe, it } from "@effect/vitest"
import { library } from "./Client.js"
import { hunt, table, wrongClients } from "./wrong/Hunt.js"
import { run } from "./World.js"

/** Most are caught in the first few worlds; the slowest takes about a third of this. */
const seedsMax = 300

describe("the simulation catches a client that", () => {
  for (const client of wrongClients) {
    it(`${client.name}: ${client.wrong}`, async ({ annotate }) => {
      const caught = hunt(client, seedsMax)
      if (caught === undefined) return assert.fail(`not caught in ${seedsMax} worlds`)
      const { seed, violation } = caught
      await annotate(`caught by ${violation.invariant} in world ${seed}: ${violation.what}`)
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
