/**
 * The package as users get it: packed, and unpacked into an empty project that has the core's two peers and nothing else. It
 * compiles by both ways of resolving modules, runs, and shows no internal name.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import ts from "typescript"
import { afterAll } from "vitest"
import { core } from "./programs.js"

const root = path.resolve(import.meta.dirname, "../..")
const run = promisify(execFile)
const folder = mkdtempSync(path.join(tmpdir(), "payouts-packed-"))
const staged = path.join(folder, "staged")
const project = path.join(folder, "project")
const unpacked = path.join(project, "node_modules/effect-billwerk-payouts")

/** Packed from a copy: the folder `dist` of this one may be built again at the same time. */
const pack = async () => {
  mkdirSync(staged, { recursive: true })
  for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "AGENTS.md", "docs", "src"]) {
    cpSync(path.join(root, name), path.join(staged, name), { recursive: true })
  }
  symlinkSync(path.join(root, "node_modules"), path.join(staged, "node_modules"))
  cpSync(path.join(root, "tsconfig.json"), path.join(staged, "tsconfig.json"))
  await run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", "src"], { cwd: staged })
  await run(process.execPath, ["dist/cli/build.js"], { cwd: staged })
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: staged })
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? assert.fail("nothing was packed")
  mkdirSync(unpacked, { recursive: true })
  await run("tar", ["-xzf", path.join(folder, tarball), "--strip-components=1", "-C", unpacked])
  mkdirSync(path.join(project, "node_modules/@effect"))
  for (const peer of ["effect", "@effect/platform"]) {
    symlinkSync(path.join(root, "node_modules", peer), path.join(project, "node_modules", peer))
  }
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(path.join(project, "program.ts"), core.code)
}

const compile = (files: ReadonlyArray<string>, options: ts.CompilerOptions) => {
  const made = ts.createProgram({
    rootNames: files,
    options: { target: ts.ScriptTarget.ES2022, strict: true, exactOptionalPropertyTypes: true, types: [], ...options },
    host: ts.createCompilerHost({}, true)
  })
  made.emit()
  return ts
    .getPreEmitDiagnostics(made)
    .filter(({ file }) => file === undefined || file.fileName.startsWith(project))
    .map(({ file, messageText }) => `${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`)
}

const nodenext = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }
const bundler = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }

describe("The packed package, in a project with effect and @effect/platform only,", { timeout: 180_000 }, () => {
  beforeAll(pack, 180_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const program = path.join(project, "program.ts")
  const types = () =>
    readdirSync(path.join(unpacked, "dist"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".d.ts")
    )

  it("compiles and runs as Node resolves modules", async () => {
    assert.deepStrictEqual(compile([program], { ...nodenext, skipLibCheck: true }), [])
    const { stdout } = await run(process.execPath, [path.join(project, "program.js")])
    assert.strictEqual(stdout, core.prints)
  })

  it("compiles as a bundler resolves modules", () =>
    assert.deepStrictEqual(compile([program], { ...bundler, skipLibCheck: true, noEmit: true }), []))

  it("has types of the core that are whole", () => {
    const entries = ["index", "sandbox/index"].map((name) => path.join(unpacked, "dist", `${name}.d.ts`))
    assert.deepStrictEqual(compile(entries, { ...nodenext, skipLibCheck: false, noEmit: true }), [])
  })

  it("shows nothing internal in its types: not the secret in the clear", () => {
    assert.isAtLeast(types().length, 50)
    for (const name of types()) {
      const text = readFileSync(path.join(unpacked, "dist", name), "utf8")
      assert.notMatch(text, /@internal|\b(const|function) unwrap\b/, name)
    }
  })

  it("has a bin that pays by itself in the simulated provider", async () => {
    const { bin }: { bin: Record<string, string> } = JSON.parse(
      readFileSync(path.join(unpacked, "package.json"), "utf8")
    )
    assert.deepStrictEqual(Object.keys(bin), ["effect-billwerk-payouts"])
    const request = ["--handle", "p-1", "--destination", "ca_1", "--amount", "12500", "--currency", "DKK"]
    const program = path.join(unpacked, bin["effect-billwerk-payouts"] ?? "")
    const ran = await run(program, ["create", ...request], { cwd: folder }).catch((ended) => ended)
    assert.deepStrictEqual([ran.code, ran.stdout.split("\n")[0]], [10, "Paid p-1, 12500 minor units of DKK"])
  })

  it("has a command line of one file, which nothing else of the package loads", () => {
    const code = readdirSync(path.join(unpacked, "dist"), { recursive: true, encoding: "utf8" })
    assert.deepStrictEqual(
      code.filter((name) => /\.(c|m)js$/.test(name)),
      ["payout.cjs"]
    )
    for (const name of code.filter((name) => name.endsWith(".js"))) {
      assert.notInclude(readFileSync(path.join(unpacked, "dist", name), "utf8"), "payout.cjs", name)
    }
  })

  it("has neither tests, nor benches, nor the modules of the command line, nor what the compiler keeps for itself", () => {
    const names = readdirSync(unpacked, { recursive: true, encoding: "utf8" })
    assert.deepStrictEqual(
      names.filter((name) => /^(dist|src)\/(test|bench|cli)\b|tsconfig|tsbuildinfo|^node_modules/.test(name)),
      []
    )
    for (const name of [
      "README.md",
      "LICENSE",
      "AGENTS.md",
      "docs/README.md",
      "docs/security.md",
      "docs/payout-run.md",
      "src/index.ts",
      "dist/index.js.map"
    ]) {
      assert.include(names, name)
    }
  })
})
