/** Runs the programs of the documents and compares what they print with what the documents say that they print. */
import { assert, describe, it } from "vitest"
import { vi } from "vitest"
import { readdirSync, readFileSync } from "node:fs"
import { formatWithOptions } from "node:util"

const root = new URL("..", import.meta.url)
const pages = readdirSync(new URL("docs", root)).filter((name) => name.endsWith(".md"))
const readme = ["README.md", ...pages.map((name) => `docs/${name}`)]
  .map((name) => readFileSync(new URL(name, root), "utf8"))
  .join("\n")

const programs = [
  ...readme.matchAll(/<!-- test\/docs\/(\S+)\.ts -->\n+```ts\n(?:(?!```)[^])*```\n+It prints:\n+```text\n([^]*?)```/g)
].map(([, name = "", output = ""]) => ({ name, output }))

describe("the documents", () => {
  it("have programs with their output", () => assert.isAtLeast(programs.length, 3))

  for (const { name, output } of programs) {
    it(`say truly what ${name}.ts prints`, async () => {
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
