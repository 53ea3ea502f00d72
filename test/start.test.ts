/** What a program reads before its first payout, and a function that pays: budgets that no machine changes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { build, type Plugin } from "esbuild"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { type Loaded, loaded, minified } from "../bench/loaded.js"
import manifest from "../package.json" with { type: "json" }
import { destination } from "./support.js"
import { handler, pay } from "./docs/function.js"

const root = path.resolve(import.meta.dirname, "..")
const exported: Readonly<Record<string, string | { readonly default: string }>> = manifest.exports

/** The package's own sources, under its name. */
const own: Plugin = {
  name: "own",
  setup: ({ onResolve }) => {
    onResolve({ filter: new RegExp(`^${manifest.name}(/|$)`) }, ({ path: name }) => {
      const entry = exported[`.${name.slice(manifest.name.length)}`]
      if (entry === undefined || typeof entry === "string") return undefined
      return { path: path.join(root, entry.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts")) }
    })
  }
}

const programs = {
  packages: { file: "bench/start/packages.ts", name: "each from the whole package", files: 850, megabytes: 11 },
  readme: { file: "bench/start/readme.ts", name: "`@effect/platform` from its modules", files: 780, megabytes: 5.5 },
  modules: { file: "bench/start/modules.ts", name: "each from a module", files: 620, megabytes: 4.5 }
} as const

const reads = new Map<string, Promise<Loaded>>()

const measured = (name: keyof typeof programs): Promise<Loaded> => {
  const read = reads.get(name) ?? loaded(path.join(root, programs[name].file), [own])
  reads.set(name, read)
  return read
}

describe("A program that pays over fetch", () => {
  for (const name of ["packages", "readme", "modules"] as const) {
    const { files, megabytes, name: imports } = programs[name]

    it(`reads no more than its budget, with imports ${imports}`, async () => {
      const read = await measured(name)
      assert.isAbove(read.files, 300, "what it imports is not found")
      assert.isAtMost(read.files, files)
      assert.isAtMost(read.bytes, megabytes * 1e6)
    })

    it(`is what the table of docs/functions.md says, within 5 %, with imports ${imports}`, async () => {
      const read = await measured(name)
      const page = readFileSync(path.join(root, "docs/functions.md"), "utf8")
      const row = page.split("\n").find((line) => line.startsWith(`| ${imports} |`)) ?? assert.fail("it has no row")
      const [, , said = "", size = ""] = row.split("|")
      assert.approximately(Number(said), read.files, read.files / 20)
      assert.approximately(Number.parseFloat(size) * 1e6, read.bytes, read.bytes / 20)
    })
  }

  it("loads nothing of the sandbox, the engines, the command line or a test tool of ours", async () => {
    const { filesOf } = await measured("readme")
    assert.deepStrictEqual(
      [...filesOf.keys()].filter(
        (name) => !/^$|^(effect|fast-check|pure-rand|multipasta|@effect\/platform)$/.test(name)
      ),
      []
    )
  })

  it("is at most 440 KB in one file, minified", async () => {
    assert.isAtMost(await minified(path.join(root, programs.modules.file), [own]), 440_000)
  })
})

describe("A function that pays", () => {
  const event = { handle: "prize-1", destination, amount: 12_500, currency: "DKK" }
  const live = (options?: Sandbox.Options) => Layer.provideMerge(Payouts.layer, Sandbox.layerWith(options ?? {}))

  it.effect("pays once, however often the event comes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pay(event), { status: 200, state: "Paid" })
      assert.deepStrictEqual(yield* pay(event), { status: 200, state: "Paid" })
      assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_500)
    }).pipe(Effect.provide(live()))
  )

  it.effect("never answers that a payout failed which may have moved", () =>
    Effect.gen(function* () {
      yield* (yield* Sandbox.Sandbox).script(Script.processingError({ moved: true }))
      assert.deepStrictEqual(yield* pay(event), { status: 202, state: "ProcessingError" })
    }).pipe(Effect.provide(live()))
  )

  it.effect("says what is wrong with the event", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pay({ ...event, amount: -1 }), { status: 400, state: "InvalidRequest" })
    }).pipe(Effect.provide(live()))
  )

  it("is one file when it is bundled as the page says", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "payouts-function-"))
    try {
      const outfile = path.join(folder, "function.mjs")
      await build({
        entryPoints: [path.join(root, "test/docs/function.ts")],
        bundle: true,
        minify: true,
        platform: "node",
        target: "node20",
        format: "esm",
        outfile,
        plugins: [own]
      })
      const bundled: { readonly handler: typeof handler } = await import(outfile)
      const refused = await bundled.handler({ ...event, amount: 0 }).catch((error: unknown) => String(error))
      // Its layer is built first, and there is no key here.
      assert.include(JSON.stringify(refused), "BILLWERK_API_KEY")
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
