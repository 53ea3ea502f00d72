/** The bundled command line, as processes: what only a process shows. */
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schema, Stream } from "effect"
import { Exposure } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { spawn } from "node:child_process"
import { isBuiltin } from "node:module"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Bundle from "../../src/cli/Bundle.js"
import { tableScenarios } from "../../src/cli/TableScenarios.js"
import { Delivery } from "../../src/sandbox/Delivery.js"
import { flags, live } from "./support.js"

const root = path.resolve(import.meta.dirname, "../..")
let built = ""

// Outside of the repository, so that the bundle has no packages beside it.
beforeAll(async () => {
  built = mkdtempSync(path.join(tmpdir(), "payout-bundle-"))
  await Bundle.write(root, path.join(built, "payout.cjs")).pipe(Effect.provide(NodeContext.layer), Effect.runPromise)
}, 60_000)

afterAll(() => rmSync(built, { recursive: true }))

interface Settings {
  /** Without it, standard input stays open. */
  readonly stdin?: string
  /** Is written to standard input, which then stays open, as a terminal does. */
  readonly answer?: string
  readonly env?: Readonly<Record<string, string>>
  /** Sends SIGINT when this is done. */
  readonly interruptAfter?: Effect.Effect<void>
  /** Sends SIGKILL, kill -9, when this is done. */
  readonly killAfter?: Effect.Effect<void>
  /** The current folder, with the evidence. */
  readonly folder?: string
}

const packageOf = (specifier: string) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")

const folderScoped = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payout-process-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const text = (stream: Stream.Stream<Uint8Array, PlatformError>) =>
  Effect.orDie(stream.pipe(Stream.decodeText(), Stream.mkString))

const encoded = (answer: string | undefined) => (answer === undefined ? [] : [new TextEncoder().encode(answer)])

const run = (
  args: ReadonlyArray<string>,
  { answer, env = {}, folder = built, interruptAfter, killAfter, stdin }: Settings = {}
) =>
  Effect.gen(function* () {
    const child = yield* Command.make(process.execPath, path.join(built, "payout.cjs"), ...args).pipe(
      Command.env({ BILLWERK_API_KEY: undefined, BILLWERK_BASE_URL: undefined, NO_COLOR: undefined, ...env }),
      Command.workingDirectory(folder),
      stdin === undefined
        ? Command.stdin(Stream.concat(Stream.fromIterable(encoded(answer)), Stream.never))
        : Command.feed(stdin),
      Command.start
    )
    const out = yield* Effect.fork(text(child.stdout))
    const err = yield* Effect.fork(text(child.stderr))
    if (interruptAfter !== undefined) {
      yield* interruptAfter
      yield* Effect.fork(child.kill("SIGINT"))
    }
    if (killAfter !== undefined) {
      yield* killAfter
      yield* Effect.fork(child.kill("SIGKILL"))
    }
    // Who is killed has no code.
    const code = yield* Effect.option(child.exitCode)
    return {
      code: Option.getOrUndefined(Option.map(code, Number)),
      out: yield* Fiber.join(out),
      err: yield* Fiber.join(err)
    }
  }).pipe(Effect.scoped, Effect.orDie, Effect.provide(NodeContext.layer))

const serverOf = (options: Sandbox.Options = {}) =>
  SandboxServer.layer.pipe(Layer.provideMerge(Sandbox.layerSandboxWith(options)))

const server = serverOf()

const toServer = Effect.map(SandboxServer.SandboxServer, ({ url }) => ({ ...live, BILLWERK_BASE_URL: url }))

describe("the bundle of the command line", () => {
  const text = () => readFileSync(path.join(built, "payout.cjs"), "utf8")

  it("asks for nothing but Node's own modules, the databases' drivers, and what `ws` can do without", () => {
    const asked = [...text().matchAll(/\b(?:require|import)\("([^"]+)"\)/g)].map(([, name = ""]) => name)
    const drivers = new Set<string>(Bundle.external)
    assert.isAbove(asked.length, 50)
    assert.deepStrictEqual(
      Array.from(new Set(asked))
        .filter((name) => !name.startsWith("node:") && !isBuiltin(name) && !drivers.has(packageOf(name)))
        .sort(),
      ["bufferutil", "utf-8-validate"]
    )
  })

  it("is a program for Node, and begins with where the licences are", () =>
    assert.match(
      text(),
      /^#!\/usr\/bin\/env node\n\/\/ The licences of what is bundled here are at the end of this file\.\n/
    ))

  it("ends with the licences of the packages that it has code of", () => {
    const licences = text().slice(text().lastIndexOf("\n/*\n"))
    for (const name of ["effect", "undici", "@effect/cli", "@effect/cluster", "@effect/sql-pg", "pg-cursor", "ws"]) {
      const { version } = JSON.parse(readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8"))
      assert.match(licences, new RegExp(`^(.*, )?${name} ${version}(, .*)?:$`, "m"))
    }
    assert.notInclude(licences, "typescript ")
    assert.isAbove(licences.split("THE SOFTWARE IS PROVIDED").length, 5)
  })
})

describe("the payout process, listing", () => {
  // More than a pipe holds, so that the process is still at work when its reader goes.
  const thousands = Array.from({ length: 3_000 }, (_, index): Sandbox.PastPayout => ({
    handle: `prize-${index}`,
    amount: 1,
    transactions: [{ created: { age: "1 hour" }, destination: "ca_1", outcome: Acquirer.paid }]
  }))

  it.live("stops listing when its reader has gone, without a word, and ends with 141", () =>
    Effect.gen(function* () {
      const env = yield* toServer
      const args = ["list", "--live", "--json", "--from", "2020-01-01", "--to", "2100-01-01"]
      const ended = yield* Effect.async<{ readonly code: number | null; readonly err: string }>((resume) => {
        const child = spawn(process.execPath, [path.join(built, "payout.cjs"), ...args], {
          env: { ...process.env, ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let err = ""
        child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()))
        child.stdout.once("data", () => child.stdout.destroy())
        child.once("close", (code) => resume(Effect.succeed({ code, err })))
      })
      assert.deepStrictEqual([ended.code, ended.err.split("\n").length], [141, 2])
      assert.match(ended.err, /^LIVE: the key goes to http:/)
      const sandbox = yield* Sandbox.Sandbox
      assert.isBelow((yield* sandbox.exchanges).length, 30)
    }).pipe(Effect.provide(serverOf({ history: thousands })))
  )
})

describe.concurrent("the payout process", () => {
  it.live("pays in its sandbox, and ends with 10 by itself", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run(["create", ...flags()])
      assert.deepStrictEqual(
        [code, err],
        [10, "SANDBOX: no money moves (it starts empty and ends with this command)\n"]
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
      const { code, err, out } = yield* run(["create", "--test-amounts", "--file", "-", "--json"], {
        stdin
      })
      const report = JSON.parse(out)
      assert.deepStrictEqual([code, report.exitCode, report.error._tag], [14, 14, "HardDeclined"])
      assert.strictEqual(out.indexOf("\n"), out.length - 1)
      assert.notInclude(out + err, "ct_0123456789abcdef")
    })
  )

  it.live(
    "pays a batch after a yes, and ends with 0 by itself, although standard input stays open",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderScoped
        writeFileSync(path.join(folder, "prizes.csv"), "handle,destination,amount,currency\nprize-1,ca_1,12500,DKK\n")
        const asTerminal = "data:text/javascript,process.stdout.isTTY=true"
        const { code, out } = yield* run(["batch", "--live", "--file", "prizes.csv"], {
          answer: "yes\n",
          env: { ...(yield* toServer), NODE_OPTIONS: `--import=${asTerminal}`, NO_COLOR: "1" },
          folder
        })
        assert.strictEqual(code, 0)
        // The line of progress is cleared before it.
        assert.include(out, "1 row: 1 paid, 0 processing, 0 not paid, 0 in doubt, 0 not begun\n")
        const sandbox = yield* Sandbox.Sandbox
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-1"), 12_500)
      }).pipe(Effect.scoped, Effect.provide(server)),
    60_000
  )

  it.live("answers bad input with one line, no stack trace, and 2", () =>
    Effect.gen(function* () {
      const misspelt = yield* run(["create", ...flags(), "--lvie"])
      assert.deepStrictEqual(misspelt, {
        code: 2,
        out: "",
        err: "payout: Received unknown argument: '--lvie' (see --help)\n"
      })
    })
  )

  it.live("names the driver to install in one sentence, and ends with 2, for the durable commands without it", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      writeFileSync(path.join(folder, "payouts.sqlite"), "")
      const env = { PAYOUTS_POSTGRES_URL: "postgres://nobody@127.0.0.1:1/none" }
      const message = (driver: string) =>
        `payout: this command needs the database's driver: npm install effect-billwerk-payouts ${driver}, ` +
        `or without a project npx -p effect-billwerk-payouts -p ${driver} effect-billwerk-payouts durable ...\n`
      const sqlite = yield* run(["durable", "list", "--sqlite", "payouts.sqlite"], { folder })
      const postgres = yield* run(["durable", "list", "--postgres"], { env, folder })
      assert.deepStrictEqual(sqlite, { code: 2, out: "", err: message("@libsql/client@0.12") })
      assert.deepStrictEqual(postgres, { code: 2, out: "", err: message("pg@8") })
    }).pipe(Effect.scoped)
  )

  it.live("says on Ctrl-C that it is unclear, and recover finds out without paying again", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hangAfterCommit)
      const env = yield* toServer
      const folder = yield* folderScoped
      const arrived = Effect.gen(function* () {
        while ((yield* sandbox.exchanges).length === 0) yield* Effect.sleep("10 millis")
      })
      const first = yield* run(["create", ...flags(), "--live"], {
        env,
        folder,
        interruptAfter: arrived
      })
      assert.deepStrictEqual(first, {
        code: 5,
        out: "",
        err:
          `LIVE: the key goes to ${env.BILLWERK_BASE_URL} on this machine: real money, unless a simulated provider runs there\n` +
          "payout: interrupted: it is unclear whether payout prize-1 was made. Run recover with the same request and " +
          "--evidence payout-prize-1.evidence.json, which asks the provider first; never pay again under another handle.\n"
      })
      const second = yield* run(["recover", ...flags(), "--live", "--json"], { env, folder })
      assert.deepStrictEqual([second.code, JSON.parse(second.out).outcome._tag], [0, "Paid"])
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-1"), 12_500)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ kind }) => kind),
        ["Create", "Lookup"]
      )
    }).pipe(Effect.scoped, Effect.provide(server))
  )

  const name = "payout-prize-1.evidence.json"
  const evidenceIn = (folder: string) =>
    Schema.decodeSync(Schema.parseJson(Exposure.Evidence))(readFileSync(path.join(folder, name), "utf8"))

  /** A gateway that holds the first create until it is opened, and then has it carried out. */
  const gateway = (isAnswered: boolean) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const held = yield* Deferred.make<void>()
      const opened = yield* Deferred.make<void>()
      let isFirst = true
      const before: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          if (incoming.method !== "POST" || !isFirst) return sandbox.receive(incoming)
          isFirst = false
          return Effect.zipRight(Deferred.await(opened), sandbox.receive(incoming)).pipe(
            Effect.forkDaemon,
            Effect.zipRight(Deferred.succeed(held, undefined)),
            Effect.zipRight(isAnswered ? Effect.succeed(Delivery.Dropped({ reset: false })) : Effect.never)
          )
        }
      }
      const { url } = yield* Effect.provideService(SandboxServer.make(), Sandbox.Sandbox, before)
      const paid = Effect.gen(function* () {
        yield* Deferred.succeed(opened, undefined)
        while (Ledger.moved(yield* sandbox.ledger, "prize-1") === 0) yield* Effect.sleep("10 millis")
      })
      return { sandbox, held: Deferred.await(held), paid, env: { ...live, BILLWERK_BASE_URL: url } }
    })

  it.live(
    "does not say that no money has moved after a decline, while its first create is under way (E7)",
    () =>
      Effect.gen(function* () {
        const { env, paid, sandbox } = yield* gateway(true)
        const folder = yield* folderScoped
        yield* sandbox.script(Script.hardDeclined())
        const payout = (...args: ReadonlyArray<string>) => run([...args, "--live"], { env, folder })
        const first = yield* payout("create", ...flags())
        const second = yield* payout("recover", ...flags(), "--evidence", name)
        const look = yield* payout("get", "--handle", "prize-1")
        assert.deepStrictEqual([first.code, second.code, look.code], [5, 5, 8])
        assert.include(first.out, `evidence  in ${name}, for recover --evidence ${name}\n`)
        assert.include(second.err, `payout: the evidence is in ${name}, and no other create is outstanding\n`)
        assert.strictEqual(statSync(path.join(folder, name)).mode & 0o777, 0o600)
        yield* paid
        assert.strictEqual((yield* payout("recover", ...flags())).code, 0)
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-1"), 12_500)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "loses nothing to kill -9 while its create is under way",
    () =>
      Effect.gen(function* () {
        const { env, held, paid, sandbox } = yield* gateway(false)
        const folder = yield* folderScoped
        yield* sandbox.script(Script.hardDeclined())
        const killed = yield* run(["create", ...flags(), "--live"], { env, folder, killAfter: held })
        assert.strictEqual(killed.code, undefined)
        assert.deepStrictEqual(readdirSync(folder), [name])
        assert.deepStrictEqual(Exposure.exposure(evidenceIn(folder)), { min: 0, max: 12_500 })
        const payout = (...args: ReadonlyArray<string>) => run([...args, "--live"], { env, folder })
        assert.strictEqual((yield* payout("create", ...flags())).code, 2)
        // Another account knows nothing of it and would pay again.
        const other = yield* Sandbox.make()
        const { url } = yield* Effect.provideService(SandboxServer.make(), Sandbox.Sandbox, other)
        const there = { ...live, BILLWERK_BASE_URL: url }
        const elsewhere = yield* run(["recover", ...flags(), "--live"], { env: there, folder })
        assert.deepStrictEqual([elsewhere.code, elsewhere.out, yield* other.exchanges], [2, "", []])
        // The provider knows nothing of the first create yet, so it is sent again; and declined.
        assert.strictEqual((yield* payout("recover", ...flags(), "--evidence", name)).code, 5)
        assert.deepStrictEqual(
          (yield* sandbox.exchanges).map(({ kind }) => kind),
          ["Lookup", "Create"]
        )
        assert.strictEqual((yield* payout("recover", ...flags(), "--evidence", name)).code, 5)
        yield* paid
        assert.strictEqual((yield* payout("recover", ...flags(), "--evidence", name)).code, 0)
        assert.isTrue(existsSync(path.join(folder, name)))
      }).pipe(Effect.scoped),
    60_000
  )
})

describe.concurrent("the payout process, playing the demo", () => {
  it.live("plays every row of the table in its order, every check holds, and it ends with 0", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* run(["demo"])
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
