/** The mains, as processes: what only a process shows. */
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts"
import * as SandboxServer from "effect-billwerk-payouts/SandboxServer"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { tableScenarios } from "../../src/cli/TableScenarios.js"
import { flags, live } from "./support.js"

const root = path.resolve(import.meta.dirname, "../..")
let built = ""

// Inside the repository, so that the packages are found, and not where a build belongs, so that none is disturbed.
beforeAll(() => {
  mkdirSync(path.join(root, "node_modules/.cache"), { recursive: true })
  built = mkdtempSync(path.join(root, "node_modules/.cache/cli-test-"))
  writeFileSync(path.join(built, "package.json"), '{ "type": "module" }')
  for (const name of readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue
    const { outputText } = ts.transpileModule(readFileSync(path.join(root, "src", name), "utf8"), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true
      }
    })
    const output = path.join(built, name.replace(/\.ts$/, ".js"))
    mkdirSync(path.dirname(output), { recursive: true })
    writeFileSync(output, outputText)
  }
})

afterAll(() => rmSync(built, { recursive: true }))

interface Settings {
  /** Without it, standard input stays open. */
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** Sends SIGINT when this is done. */
  readonly interruptAfter?: Effect.Effect<void>
}

const text = (stream: Stream.Stream<Uint8Array, PlatformError>) =>
  Effect.orDie(stream.pipe(Stream.decodeText(), Stream.mkString))

const run = (main: string, args: ReadonlyArray<string>, { env = {}, interruptAfter, stdin }: Settings = {}) =>
  Effect.gen(function* () {
    const child = yield* Command.make(process.execPath, path.join(built, "cli", main), ...args).pipe(
      Command.env({ BILLWERK_API_KEY: undefined, BILLWERK_BASE_URL: undefined, NO_COLOR: undefined, ...env }),
      stdin === undefined ? Command.stdin(Stream.never) : Command.feed(stdin),
      Command.start
    )
    const out = yield* Effect.fork(text(child.stdout))
    const err = yield* Effect.fork(text(child.stderr))
    if (interruptAfter !== undefined) {
      yield* interruptAfter
      yield* Effect.fork(child.kill("SIGINT"))
    }
    const code = yield* child.exitCode
    return { code: Number(code), out: yield* Fiber.join(out), err: yield* Fiber.join(err) }
  }).pipe(Effect.scoped, Effect.orDie, Effect.provide(NodeContext.layer))

const server = SandboxServer.layer().pipe(Layer.provideMerge(Sandbox.layerSandbox()))

const toServer = Effect.map(SandboxServer.SandboxServer, ({ url }) => ({ ...live, BILLWERK_BASE_URL: url }))

describe.concurrent("the payout process", () => {
  it.live("pays in its sandbox, and ends with 0 by itself", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run("payout.js", ["create", ...flags()])
      assert.deepStrictEqual(
        [code, err],
        [0, "SANDBOX: no money moves (it starts empty, and is forgotten when this command ends)\n"]
      )
      assert.match(out, /^Paid prize-1, 12500 minor units of DKK\n/)
    })
  )

  it.live("takes a request from standard input, and writes one JSON object and nothing else", () =>
    Effect.gen(function* () {
      const stdin = JSON.stringify({
        handle: "prize-1",
        destination: "ct_0123456789abcdef",
        customer: "anna",
        amount: 3001,
        currency: "DKK"
      })
      const { code, err, out } = yield* run("payout.js", ["create", "--file", "-", "--json"], { stdin })
      const report = JSON.parse(out)
      assert.deepStrictEqual([code, report.exitCode, report.error._tag], [4, 4, "HardDeclined"])
      assert.strictEqual(out.indexOf("\n"), out.length - 1)
      assert.notInclude(out + err, "ct_0123456789abcdef")
    })
  )

  it.live("answers bad input with one line, no stack trace, and 2", () =>
    Effect.gen(function* () {
      const misspelt = yield* run("payout.js", ["create", ...flags(), "--lvie"])
      assert.deepStrictEqual(misspelt, {
        code: 2,
        out: "",
        err: "payout: Received unknown argument: '--lvie' (see --help)\n"
      })
    })
  )

  it.live("says on Ctrl-C that it is unclear, and a resume finds out without paying again", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hangAfterCommit)
      const env = yield* toServer
      const arrived = Effect.gen(function* () {
        while ((yield* sandbox.exchanges).length === 0) yield* Effect.sleep("10 millis")
      })
      const first = yield* run("payout.js", ["create", ...flags(), "--live"], { env, interruptAfter: arrived })
      assert.deepStrictEqual(first, {
        code: 5,
        out: "",
        err:
          `LIVE: real money, ${env.BILLWERK_BASE_URL}\n` +
          "payout: interrupted: it is unclear whether payout prize-1 was made. Run resume with the same request, which " +
          "asks the provider first; never pay again under another handle.\n"
      })
      const second = yield* run("payout.js", ["resume", ...flags(), "--live", "--json"], { env })
      assert.deepStrictEqual([second.code, JSON.parse(second.out).outcome._tag], [0, "Paid"])
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-1"), 12_500)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ kind }) => kind),
        ["Create", "Lookup"]
      )
    }).pipe(Effect.provide(server))
  )
})

describe.concurrent("the demo process", () => {
  it.live("plays every row of the table in its order, every check holds, and it ends with 0", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run("demo.js", [])
      const lines = out.trimEnd().split("\n")
      assert.deepStrictEqual(
        [code, err, lines.at(-1)],
        [0, "", `All checks hold for all ${tableScenarios.length} payouts.`]
      )
      const titles = lines.filter((line) => /^[ \d]\d  \S/.test(line)).map((line) => line.slice(4))
      assert.deepStrictEqual(
        titles,
        tableScenarios.map(({ title }) => title)
      )
      const verdicts = lines.filter((line) => line.startsWith("    demo-")).map((line) => line.split(/ +/).at(-1))
      assert.deepStrictEqual(
        verdicts,
        tableScenarios.map(() => "covered")
      )
      assert.include(lines, "No handle has two recorded successes.")
      assert.strictEqual(
        lines.find((line) => line.length > 120 || line.includes("\u001b")),
        undefined
      )
    })
  )
})
