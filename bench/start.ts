/**
 * How long is it from the start of a process to its first paid payout, and how much does Node read for it?
 *
 * Run: `npm run bench:start`, or `npm run bench:start -- ROUNDS NODE...` (default: 15 rounds, on the Node that runs it; other
 * ones by the paths of their programs). The rows take turns, in an order that is shuffled each round, and each starts a
 * process. The provider is the sandbox behind a socket on loopback, in this process.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, type Scope } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { build } from "esbuild"
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { loaded, minified } from "./loaded.js"
import { median, randomFrom, shuffle } from "./statistics.js"

const [, , givenRounds = "15", ...given] = process.argv
const rounds = Number(givenRounds)
const nodes = given.length > 0 ? given : [process.execPath]

interface Row {
  readonly name: string
  /** What Node reads before the program runs, where that can be counted. */
  readonly reads: string
  readonly node: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

const program = (name: string) => fileURLToPath(new URL(`start/${name}.js`, import.meta.url))

const programs = [
  ["imports from whole packages", "packages"],
  ["the README's imports", "readme"],
  ["imports from modules", "modules"]
] as const

const versionOf = (node: string) => spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim()

/** From Node 22 on, code that was compiled once can be kept on the disk. */
const hasCompileCache = (node: string) => Number(/^v(\d+)/.exec(versionOf(node))?.[1]) >= 22

const rowsOf = (folder: string, node: string) =>
  Effect.gen(function* () {
    const version = versionOf(node)
    const row = (name: string, reads: string, args: ReadonlyArray<string>, env: Row["env"] = {}): Row => ({
      name: `${name}, ${version}`,
      reads,
      node,
      args,
      env
    })
    const apart = yield* Effect.forEach(programs, ([name, file]) =>
      Effect.map(
        Effect.promise(() => loaded(program(file))),
        ({ bytes, files }) => row(name, `${files} files, ${(bytes / 1e6).toFixed(1)} MB`, [program(file)])
      )
    )
    const bundle = join(folder, "bundle.cjs")
    const options = { bundle: true, minify: true, platform: "node", target: "node20", format: "cjs" } as const
    yield* Effect.promise(() => build({ ...options, entryPoints: [program("modules")], outfile: bundle }))
    const size = Math.round((yield* Effect.promise(() => minified(program("modules")))) / 1e3)
    const one = row("in one file, minified", `${size} KB`, [bundle])
    const cache = { NODE_COMPILE_CACHE: join(folder, `cache-${version}`) }
    const blob = join(folder, `${version}.blob`)
    const { status } = spawnSync(node, ["--snapshot-blob", blob, "--build-snapshot", bundle])
    return [
      ...apart,
      one,
      ...(hasCompileCache(node) ? [row("the same, with a compile cache", one.reads, [bundle], cache)] : []),
      ...(status === 0 ? [row("the same, as a start-up snapshot", one.reads, ["--snapshot-blob", blob])] : [])
    ]
  })

let starts = 0

/** Milliseconds from the start of the process to what it prints of its paid payout. */
const measured = (row: Row, url: string) =>
  Effect.async<number>((resume) => {
    const env = {
      ...row.env,
      BILLWERK_API_KEY: Redacted.value(Sandbox.apiKey),
      BILLWERK_URL: url,
      PAYOUT_HANDLE: `start-${++starts}`
    }
    const started = performance.now()
    const child = spawn(row.node, [...row.args], { env, stdio: ["ignore", "pipe", "inherit"] })
    let millis = Number.NaN
    child.stdout.on("data", (printed: Buffer) => {
      if (printed.toString().startsWith("Paid")) millis = performance.now() - started
    })
    child.on("close", () => {
      resume(Number.isNaN(millis) ? Effect.dieMessage(`${row.name} paid nothing`) : Effect.succeed(millis))
    })
  })

const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "payouts-start-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const main = Effect.gen(function* () {
  const { url } = yield* SandboxServer.SandboxServer
  const folder = yield* temporary
  const rows = (yield* Effect.forEach(nodes, (node) => rowsOf(folder, node))).flat()
  const times = new Map(rows.map((row) => [row, new Array<number>()]))
  // The first start of each fills the caches: the disk's, and Node's.
  yield* Effect.forEach(rows, (row) => measured(row, url))
  const random = randomFrom(1)
  for (let round = 0; round < rounds; round++) {
    for (const row of shuffle(rows, random)) times.get(row)?.push(yield* measured(row, url))
  }
  yield* Console.log("| program | reads | to the first paid payout, ms: median | least |\n|---|--:|--:|--:|")
  for (const [{ name, reads }, all] of times) {
    yield* Console.log(`| ${name} | ${reads} | ${median(all).toFixed(0)} | ${Math.min(...all).toFixed(0)} |`)
  }
})

const live = SandboxServer.layer.pipe(Layer.provide(Sandbox.layerSandbox))

main.pipe(Effect.scoped, Effect.provide(live), NodeRuntime.runMain)
