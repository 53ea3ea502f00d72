/** `docs/runtimes.md` says what the tests see. `RUNTIMES_WRITE=true` puts the table there. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { versionOf } from "./programs.js"
import { seen } from "./Runtimes.js"
import { table } from "./table.js"

const page = path.resolve(import.meta.dirname, "../../../docs/runtimes.md")
const marks = /(<!-- runtimes:begin -->\n\n)([^]*?)(\n\n<!-- runtimes:end -->)/
const isWritten = Effect.runSync(Config.boolean("RUNTIMES_WRITE").pipe(Config.withDefault(false)))

describe("docs/runtimes.md", () => {
  it("has the table of what the tests see", () => {
    const text = readFileSync(page, "utf8")
    const written = text.replace(marks, (_, begin: string, __, end: string) => `${begin}${table}${end}`)
    if (isWritten) writeFileSync(page, written)
    else assert.strictEqual(text, written)
    assert.match(text, marks)
  })

  it("names the day on which these versions were seen: it changes with them", () => {
    const { day, ...versions } = seen
    assert.deepStrictEqual(Object.fromEntries(Object.keys(versions).map((name) => [name, versionOf(name)])), versions)
    assert.include(readFileSync(page, "utf8"), `Seen on ${day}.`)
  })

  it("has the whole suite's results on no other version of Node than the package of them names", () => {
    const [, rows = ""] = /<!-- nodes:begin -->\n\n([^]*?)\n\n<!-- nodes:end -->/.exec(readFileSync(page, "utf8")) ?? []
    const versions = [...rows.matchAll(/^\| (\d+\.\d+\.\d+) \|/gm)].map(([, version]) => version)
    const manifest: { readonly optionalDependencies: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(path.join(import.meta.dirname, "nodes/package.json"), "utf8")
    )
    const named = new Set(Object.values(manifest.optionalDependencies).map((target) => target.replace(/^.*@/, "")))
    assert.isAbove(versions.length, 0)
    assert.deepStrictEqual(
      versions.filter((version) => version === undefined || !named.has(version)),
      []
    )
  })
})
