/**
 * `docs/install.md`: what it says is what the entry points import and what package.json allows. With `npm run
 * package:install`, each of its commands is run in a fresh project with the packed tarball, at both ends of the peers' ranges,
 * and what it installed is imported, and type-checked by the oldest TypeScript. That needs the registry, and takes minutes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Option } from "effect"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import ts from "typescript"
import { afterAll, beforeAll } from "vitest"
import { programs } from "./programs.js"

const root = path.resolve(import.meta.dirname, "../..")
const read = (name: string): string => readFileSync(path.join(root, name), "utf8")

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** The oldest that compiles with this package's types. */
const typescript = "5.7"

const manifest: Manifest = JSON.parse(read("package.json"))
const page = read("docs/install.md")

interface Line {
  /** What the line is about: names of entry points, or words. */
  readonly about: string
  /** The arguments of `npm i`. */
  readonly install: ReadonlyArray<string>
}

/** The rows of a table of the page. */
// What follows the command in its cell is for people.
const rowsOf = (heading: string): ReadonlyArray<Line> => {
  const section = page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? ""
  return [...section.matchAll(/^\| (.+) \| `npm i (.+)` \|$/gm)].map(([, about = "", args = ""]) => ({
    about,
    install: args.split(" ")
  }))
}

const rows = rowsOf("What each entry point needs")
const beside = rowsOf("What goes with it")

const entriesOf = ({ about }: Line): ReadonlyArray<string> =>
  [...about.matchAll(/`(?:effect-billwerk-payouts)?((?:\/\w+)*)`/g)].map(([, subpath = ""]) => manifest.name + subpath)

/** `@effect/sql@0.52` in two. */
const split = (spec: string): readonly [name: string, version: string] => {
  const at = spec.lastIndexOf("@")
  return at > 0 ? [spec.slice(0, at), spec.slice(at + 1)] : [spec, ""]
}

const peersOf = ({ install }: Line) => install.filter((spec) => spec !== manifest.name && spec !== "-D")

/** The first version of each part of a range, such as 7.30.0 and 8.0.0. */
const firsts = (name: string): ReadonlyArray<string> =>
  (manifest.peerDependencies[name] ?? assert.fail(`${name} is no peer`)).split(" || ").map((part) => part.slice(1))

const firstOf = (name: string): string => firsts(name)[0] ?? assert.fail(name)

/** The packages that a module of `src` reaches, by code or by types. */
const reached = (module: string, seen = new Set<string>()): ReadonlySet<string> => {
  const packages = new Set<string>()
  if (seen.has(module)) return packages
  seen.add(module)
  for (const { fileName } of ts.preProcessFile(read(module)).importedFiles) {
    const name = fileName.split("/", fileName.startsWith("@") ? 2 : 1).join("/")
    if (fileName.startsWith(".")) {
      const target = path.join(path.dirname(module), fileName.replace(/\.js$/, ".ts"))
      for (const name of reached(target, seen)) packages.add(name)
    } else if (!fileName.startsWith("node:")) packages.add(name)
  }
  return packages
}

const sourceOf = (entry: string): string => {
  const target = manifest.exports[`.${entry.slice(manifest.name.length)}`]
  assert(typeof target === "object", entry)
  return target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts")
}

describe("docs/install.md", () => {
  it("has every entry point, once", () => {
    const exported = Object.keys(manifest.exports).filter((subpath) => subpath !== "./package.json")
    assert.deepStrictEqual(
      rows.flatMap(entriesOf).sort(),
      exported.map((subpath) => manifest.name + subpath.slice(1)).sort()
    )
  })

  it.each(rows.map((row) => [entriesOf(row).at(-1) ?? "", row] as const))("names what %s imports", (_, row) => {
    const imported = new Set(["effect", "@effect/platform"])
    for (const entry of entriesOf(row)) for (const name of reached(sourceOf(entry))) imported.add(name)
    assert.deepStrictEqual(
      peersOf(row)
        .map((spec) => split(spec)[0])
        .sort(),
      [...imported].sort()
    )
  })

  it("names versions that package.json allows", () => {
    for (const [name, version] of rows.flatMap(peersOf).map(split)) {
      assert.isTrue(
        firsts(name).some((first) => `${first}.`.startsWith(`${version}.`)),
        `${name}@${version}: ${manifest.peerDependencies[name]}`
      )
    }
  })

  it("names versions of what goes with it that this package is tested with", () => {
    for (const [name, version] of beside.flatMap(peersOf).map(split)) {
      if (!existsSync(path.join(root, "node_modules", name))) continue
      const tested: { readonly version: string } = JSON.parse(read(`node_modules/${name}/package.json`))
      assert.isTrue(`${tested.version}.`.startsWith(`${version}.`), `${name}@${version}: ${tested.version}`)
    }
  })

  it("says which Node and which TypeScript the package needs at least", () => {
    const manifest: { readonly engines: { readonly node: string } } = JSON.parse(read("package.json"))
    assert.include(page, `Node ${manifest.engines.node.slice(2)} or later, TypeScript ${typescript} or later`)
  })
})

// --- with the registry ------------------------------------------------------------------------------------------------

const run = promisify(execFile)

/** A command of the page, with the packed tarball for the name, in a project of its own. */
const install = async (args: ReadonlyArray<string>, tarball: string): Promise<string> => {
  const project = mkdtempSync(path.join(path.dirname(tarball), "project-"))
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ type: "module", private: true }))
  await npm(
    project,
    args.map((arg) => (arg === manifest.name ? tarball : arg))
  )
  return project
}

const npm = (cwd: string, args: ReadonlyArray<string>) =>
  run("npm", ["i", "--no-audit", "--no-fund", "--ignore-scripts", ...args], { cwd })

/** The files of a project: one that imports all entry points of a row, and the programs that there are for them. */
const filesOf = (row: Line): ReadonlyMap<string, { readonly code: string; readonly prints: string }> => {
  const entries = entriesOf(row)
  const imports = entries.map((entry, index) => `import * as entry${index} from "${entry}"`)
  const all = `const all: ReadonlyArray<object> = [${entries.map((_, index) => `entry${index}`).join(", ")}]`
  const log = "console.log(all.filter((entry) => Object.keys(entry).length > 0).length)"
  const own = entries.flatMap((entry, index) => {
    const program = programs[entry]
    return program === undefined ? [] : [[`program${index}`, program] as const]
  })
  return new Map([["entries", { code: [...imports, all, log].join("\n"), prints: `${entries.length}\n` }], ...own])
}

/** What all projects share: the oldest TypeScript, types of Node, and a newer Node. */
const tools = ["typescript@" + typescript, "@types/node@20", "node@24"]

/** What the compiler says of a project's programs. It has its own types of Node, as many projects do. */
const complaints = async (project: string, tools: string, skipLibCheck: boolean): Promise<ReadonlyArray<string>> => {
  const compilerOptions = {
    target: "ES2022",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck,
    typeRoots: [path.join(tools, "node_modules/@types")],
    types: ["node"]
  }
  const files = readdirSync(project).filter((name) => name.endsWith(".ts"))
  writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }))
  const compiler = path.join(tools, "node_modules/typescript/bin/tsc")
  const ended = await run(process.execPath, [compiler, "-p", ".", "--pretty", "false"], { cwd: project }).catch(
    (failed) => failed
  )
  return String(ended.stdout)
    .split("\n")
    .filter((line) => /^(entries|program|node_modules\/effect-billwerk-payouts\/|error)/.test(line))
}

const fromRegistry = () => {
  const folder = mkdtempSync(path.join(tmpdir(), "payouts-install-"))
  const empty = path.join(folder, "empty")
  const shared = path.join(folder, "shared")
  const newerNode = path.join(shared, "node_modules/node/bin/node")
  let tarball = ""

  beforeAll(async () => {
    for (const name of [empty, shared]) mkdirSync(name)
    await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root })
    tarball = path.join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? assert.fail("no tarball"))
    writeFileSync(path.join(shared, "package.json"), "{}")
    // The package `node` brings the program by a script.
    await run("npm", ["i", "--no-audit", "--no-fund", ...tools], { cwd: shared })
  }, 900_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The row works: its programs compile with the oldest TypeScript, run, and print what they should. */
  const works = async (
    row: Line,
    args: ReadonlyArray<string>,
    { node = process.execPath, skipLibCheck = true } = {}
  ) => {
    const project = await install(args, tarball)
    const files = filesOf(row)
    for (const [name, { code }] of files) writeFileSync(path.join(project, `${name}.ts`), code)
    assert.deepStrictEqual(await complaints(project, shared, skipLibCheck), [])
    for (const [name, { prints }] of files) {
      const { stdout } = await run(node, [`${name}.js`], { cwd: project })
      assert.strictEqual(stdout, prints, name)
    }
    rmSync(project, { recursive: true, force: true })
  }

  /** A row with other versions. */
  const at = (row: Line, versionOf: (name: string) => string) => [
    manifest.name,
    ...peersOf(row).map((spec) => `${split(spec)[0]}@${versionOf(split(spec)[0])}`)
  ]

  const everything: Line = {
    about: rows.map(({ about }) => about).join(" "),
    install: Array.from(new Set(rows.flatMap(({ install }) => install)))
  }

  for (const row of rows) {
    const name = entriesOf(row).at(-1)

    it(`with ${name}, works as the page says, which is with the latest of each peer`, () => works(row, row.install))

    if (peersOf(row).some((spec) => firsts(split(spec)[0]).length > 1)) {
      const lastPart = (name: string) => manifest.peerDependencies[name]?.split(" || ").at(-1) ?? ""

      it(`with ${name}, works on Node 24 with the latest major's latest version`, () =>
        works(row, at(row, lastPart), { node: newerNode }))

      it(`with ${name}, works on Node 24 with the latest major's first version`, () =>
        works(
          row,
          at(row, (name) => lastPart(name).slice(1)),
          { node: newerNode }
        ))
    }
  }

  it("works with all entry points, and has types that are whole", () =>
    works(everything, [...everything.install, "@types/pg@8"], { skipLibCheck: false }))

  // All in one project: npm would complete a part of them with the latest of the others, which ask for later ones.
  it("works with all entry points and the first version of each peer", () => works(everything, at(everything, firstOf)))

  it.each(beside.map((line) => [line.about, line] as const))("beside a package %s", async (_, { install: args }) => {
    const core = rows[0] ?? assert.fail("no row")
    const project = await install(core.install, tarball)
    await npm(project, args)
    rmSync(project, { recursive: true, force: true })
  })

  const npx = (
    packages: ReadonlyArray<string>,
    command: ReadonlyArray<string>,
    env: Readonly<Record<string, string>>
  ) =>
    run("npx", ["--yes", ...packages.flatMap((name) => ["-p", name]), manifest.name, ...command], {
      cwd: empty,
      env: { ...process.env, ...env }
    }).catch((failed) => failed)

  it("runs with npx in an empty folder", async () => {
    const request = ["--handle", "p-1", "--destination", "ca_1", "--amount", "12500", "--currency", "DKK"]
    const { code, stdout } = await npx([tarball], ["create", ...request], {})
    assert.deepStrictEqual([code, stdout.split("\n")[0]], [10, "Paid p-1, 12500 minor units of DKK"])
  })

  it("asks the database of durable payouts with npx, with the driver beside it", async () => {
    const env = { PAYOUTS_POSTGRES_URL: "postgres://nobody@127.0.0.1:1/none" }
    const durable = ["durable", "list", "--postgres"]
    const [without, beside] = [await npx([tarball], durable, env), await npx([tarball, "pg@8"], durable, env)]
    assert.strictEqual(without.code, 2)
    assert.deepStrictEqual([beside.code, beside.stderr], [7, "payout: the database did not answer (ECONNREFUSED)\n"])
  })
}

// It needs the registry, and takes minutes.
if (Option.isSome(Effect.runSync(Effect.option(Config.string("PACKAGE_INSTALL"))))) {
  describe("The packed package, from the registry's peers,", { timeout: 900_000 }, fromRegistry)
}
