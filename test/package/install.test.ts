/**
 * `docs/install.md`: what it says is what the entry points import and what package.json allows. With `npm run
 * package:install`, each of its commands is run in a fresh project with the packed tarball, at both ends of the peers' ranges,
 * and what it installed is imported, and type-checked by the oldest TypeScript. That needs the registry, and takes minutes.
 */
import { assert, describe, it } from "@effect/vitest"
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
  [...about.matchAll(/`(effect-billwerk-payouts[\w/]*)`/g)].map(([, name = ""]) => name)

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

/** All entry points of a row, imported; and its program, if it has one. */
const programOf = (row: Line): string => {
  const entries = entriesOf(row)
  return [
    ...entries.map((entry, index) => `import * as entry${index} from "${entry}"`),
    `const all: ReadonlyArray<object> = [${entries.map((_, index) => `entry${index}`).join(", ")}]`,
    'console.log("entries", all.filter((entry) => Object.keys(entry).length > 0).length)',
    programs[entries[0] ?? ""]?.code ?? ""
  ].join("\n")
}

const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    noEmitOnError: false
  },
  files: ["program.ts"]
}

/** What the compiler says of the program and of this package's types: those of other packages are their own. */
const complaints = async (project: string, version: string): Promise<ReadonlyArray<string>> => {
  await npm(project, ["-D", `typescript@${version}`, "@types/node@20", "@types/pg@8"])
  writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(tsconfig))
  const compiler = path.join(project, "node_modules/typescript/bin/tsc")
  const { stdout } = await run(process.execPath, [compiler, "-p", ".", "--pretty", "false"], { cwd: project }).catch(
    (failed) => failed
  )
  return String(stdout)
    .split("\n")
    .filter((line) => /^(program|node_modules\/effect-billwerk-payouts\/)/.test(line))
}

/** The row works: its types are whole, its code loads, and its program says what it should. */
const works = async (row: Line, args: ReadonlyArray<string>, tarball: string, node = process.execPath) => {
  const project = await install(args, tarball)
  writeFileSync(path.join(project, "program.ts"), programOf(row))
  assert.deepStrictEqual(await complaints(project, typescript), [])
  const { stdout } = await run(node, ["program.js"], { cwd: project })
  const entries = entriesOf(row)
  assert.strictEqual(stdout, `entries ${entries.length}\n${programs[entries[0] ?? ""]?.prints ?? ""}`)
  rmSync(project, { recursive: true, force: true })
}

const fromRegistry = () => {
  const folder = mkdtempSync(path.join(tmpdir(), "payouts-install-"))
  const empty = path.join(folder, "empty")
  let tarball = ""
  let newerNode = ""

  beforeAll(async () => {
    await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root })
    tarball = path.join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? assert.fail("no tarball"))
    mkdirSync(empty)
    const runtimes = mkdtempSync(path.join(folder, "runtimes-"))
    await run("npm", ["i", "--no-audit", "--no-fund", "--prefix", runtimes, "node@24"])
    newerNode = path.join(runtimes, "node_modules/node/bin/node")
  }, 900_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  for (const row of rows) {
    const name = entriesOf(row).at(-1)
    const at = (versionOf: (name: string) => string) => [
      manifest.name,
      ...peersOf(row).map((spec) => `${split(spec)[0]}@${versionOf(split(spec)[0])}`)
    ]

    it(`with ${name}, installs as the page says, compiles and runs`, () => works(row, row.install, tarball))

    it(`with ${name}, works with the first version of each peer`, () => works(row, at(firstOf), tarball))

    it(`with ${name}, works with the latest of each peer, on a newer Node`, () =>
      works(
        row,
        at((name) => manifest.peerDependencies[name]?.split(" || ").at(-1) ?? ""),
        tarball,
        newerNode
      ))
  }

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
if (process.env["PACKAGE_INSTALL"] !== undefined) {
  describe("The packed package, from the registry's peers,", { timeout: 900_000 }, fromRegistry)
}
