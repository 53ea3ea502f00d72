/** The lock file: whole on every usual platform, so that `npm ci` installs and the tests start there, and of no one's own registry. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly os?: ReadonlyArray<string>
  readonly cpu?: ReadonlyArray<string>
  readonly libc?: ReadonlyArray<string>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"))

/** Where Node looks for what a package asks for: below it, and below everything that it is below. */
const above = (path: string): ReadonlyArray<string> =>
  path === "" ? [""] : [`${path}/`, ...above(path.slice(0, Math.max(0, path.lastIndexOf("/node_modules/"))))]

const has = (packages: ReadonlyMap<string, Locked>, from: string, name: string) =>
  above(from).some((base) => packages.has(`${base}node_modules/${name}`))

const neededBy = ({
  dependencies,
  devDependencies,
  optionalDependencies,
  peerDependencies,
  peerDependenciesMeta
}: Locked) => [
  ...Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }),
  ...Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true)
]

const platforms = [
  { os: "linux", cpu: "x64", libc: "glibc" },
  { os: "linux", cpu: "x64", libc: "musl" },
  { os: "linux", cpu: "arm64", libc: "glibc" },
  { os: "linux", cpu: "arm64", libc: "musl" },
  { os: "darwin", cpu: "x64" },
  { os: "darwin", cpu: "arm64" },
  { os: "win32", cpu: "x64" }
]

for (const directory of ["", "bench/", "test/proof/runtimes/", "test/proof/runtimes/nodes/"]) {
  describe(`${directory}package-lock.json`, () => {
    const lock = read(`${directory}package-lock.json`)
    const packages = new Map<string, Locked>(Object.entries(lock.packages))
    const installed = Array.from(packages).filter(([path]) => path !== "")

    it("has an entry for everything that a package in it asks for, also where that is for other platforms", () => {
      const missing = Array.from(packages).flatMap(([path, locked]) =>
        neededBy(locked).flatMap((name) => (has(packages, path, name) ? [] : [`${path}: ${name}`]))
      )
      assert.deepStrictEqual(missing, [])
    })

    it("says what package.json says, or `npm ci` refuses it", () => {
      const manifest: Locked = read(`${directory}package.json`)
      const root = packages.get("")
      for (const field of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const) {
        assert.deepStrictEqual(root?.[field], manifest[field], field)
      }
    })

    it("names no registry, and knows every package by its digest", () => {
      assert.deepStrictEqual(
        installed.flatMap(([path, { integrity, resolved }]) =>
          resolved === undefined && integrity?.startsWith("sha512-") === true ? [] : [path]
        ),
        []
      )
    })
  })
}

describe("What the tests run on", () => {
  const packages = new Map<string, Locked>(Object.entries(read("package-lock.json").packages))

  for (const { cpu, libc, os } of platforms) {
    it(`is locked for ${[os, cpu, libc].filter((part) => part !== undefined).join(" ")}`, () => {
      const fits = ({ cpu: cpus, libc: libcs, os: oses }: Locked) =>
        oses?.includes(os) === true &&
        cpus?.includes(cpu) === true &&
        (libc === undefined || libcs === undefined || libcs.includes(libc))
      for (const native of ["@rollup/rollup", "@esbuild/", "@libsql/"]) {
        const found = Array.from(packages).filter(
          ([path, locked]) => path.startsWith(`node_modules/${native}`) && fits(locked)
        )
        assert.isAbove(found.length, 0, native)
      }
    })
  }
})
