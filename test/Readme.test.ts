/** Runs the README's programs and compares what they print with what the README says that they print. */
import { assert, describe, it } from "vitest"
import { vi } from "vitest"
import { readFileSync } from "node:fs"
import { formatWithOptions } from "node:util"

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

const programs = [
  ...readme.matchAll(/<!-- test\/docs\/(\S+)\.ts -->\n+```ts\n(?:(?!```)[^])*```\n+It prints:\n+```text\n([^]*?)```/g)
].map(([, name = "", output = ""]) => ({ name, output }))

describe("the README", () => {
  it("has programs with their output", () => assert.isAtLeast(programs.length, 3))

  for (const { name, output } of programs) {
    it(`says truly what ${name}.ts prints`, async () => {
      const printed: Array<string> = []
      const log = vi.spyOn(console, "log").mockImplementation((...values: ReadonlyArray<unknown>) => {
        printed.push(formatWithOptions({ colors: false }, ...values))
      })
      try {
        await import(`./docs/${name}.ts`)
      } finally {
        log.mockRestore()
      }
      assert.strictEqual(printed.join("\n"), output.trimEnd())
    })
  }
})
