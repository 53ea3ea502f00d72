/**
 * Each HTTP layer on Node, Deno and Bun, where answers are lost: how many POSTs come, beside how many creates the evidence has.
 * `npm run runtimes` installs the latter two; where they are not, their tests are skipped.
 */
import { Command } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import type * as Net from "node:net"
import * as path from "node:path"
import ts from "typescript"
import { answer, serve } from "../../servers.js"
import { type Fault, faults, type LayerName, type Printed } from "./Story.js"

const root = path.resolve(import.meta.dirname, "../../..")

interface Runtime {
  readonly name: "Node" | "Deno" | "Bun"
  readonly command: ReadonlyArray<string> | undefined
  readonly layers: Partial<Record<LayerName, "Once" | "Twice" | "Refused" | "Broken">>
}

/** The program of a runtime, out of its package for this platform: that is there without a script that installs it. */
const programOf = (scope: string, file: string): string | undefined => {
  const folder = path.join(import.meta.dirname, "node_modules", scope)
  return (existsSync(folder) ? readdirSync(folder) : [])
    .flatMap((name) => [path.join(folder, name, file), path.join(folder, name, `${file}.exe`)])
    .find((name) => existsSync(name))
}

const deno = programOf("@deno", "deno")
const bun = programOf("@oven", "bin/bun")

/** What was seen, and the README says. */
const runtimes: ReadonlyArray<Runtime> = [
  {
    name: "Node",
    command: [process.execPath],
    layers: { fetch: "Once", "node:http": "Once", "node:http, kept": "Once", undici: "Once", UndiciTransport: "Once" }
  },
  {
    name: "Deno",
    command:
      deno === undefined
        ? undefined
        : [deno, "run", "--allow-all", "--no-lock", "--cached-only", "--node-modules-dir=manual"],
    layers: {
      fetch: "Refused",
      "fetch, unpooled": "Once",
      "node:http": "Once",
      // Cannot be told from the one before.
      "node:http, kept": "Twice",
      undici: "Once",
      UndiciTransport: "Once"
    }
  },
  {
    name: "Bun",
    command: bun === undefined ? undefined : [bun, "run", "--no-install"],
    layers: {
      fetch: "Once",
      "node:http": "Once",
      "node:http, kept": "Once",
      undici: "Broken",
      UndiciTransport: "Refused"
    }
  }
]

// Deno takes what is inside node_modules for a package, so this is where a build belongs, beside it.
let built = ""

beforeAll(() => {
  mkdirSync(path.join(root, "dist"), { recursive: true })
  built = mkdtempSync(path.join(root, "dist/runtimes-test-"))
  const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join("src", name))
  for (const name of [...sources, "test/proof/runtimes/program.ts", "test/proof/runtimes/Story.ts"]) {
    const { outputText } = ts.transpileModule(readFileSync(path.join(root, name), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
    })
    const output = path.join(built, name.replace(/\.ts$/, ".js"))
    mkdirSync(path.dirname(output), { recursive: true })
    writeFileSync(output, outputText)
  }
}, 120_000)

afterAll(() => rmSync(built, { recursive: true }))

const lose: Record<Fault, (socket: Net.Socket) => void> = {
  closed: (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
  "cut-off": (socket) => socket.end("HTTP/1.1 200 O"),
  unanswered: () => {}
}

const isFault = (handle: string): handle is Fault => Object.hasOwn(lose, handle)

/** A provider that pays, but loses the answers to the payouts that are called like a fault. */
const provider = () =>
  serve((socket, { body, line }) => {
    if (!line.startsWith("POST")) return socket.write(answer(404, "{}"))
    const { handle }: { handle: string } = JSON.parse(body)
    if (isFault(handle)) return lose[handle](socket)
    const created = "2025-10-01T09:29:58.120+00:00"
    const transactions = [{ id: `t-${handle}`, state: "paid", payout: handle, amount: 12_500, created }]
    socket.write(answer(200, JSON.stringify({ handle, state: "paid", amount: 12_500, currency: "DKK", transactions })))
  })

/** What the program printed, and how many POSTs came of each payout. */
const run = (command: ReadonlyArray<string>, layer: string) =>
  Effect.gen(function* () {
    const server = yield* provider()
    const [program = "", ...options] = command
    const output = yield* Command.make(
      program,
      ...options,
      path.join(built, "test/proof/runtimes/program.js"),
      layer,
      server.url
    ).pipe(
      Command.env({ DENO_DIR: path.join(built, "deno"), DENO_NO_UPDATE_CHECK: "1" }),
      Command.stderr("inherit"),
      Command.string
    )
    const printed: Printed = JSON.parse(output)
    const posts: Record<string, number> = {}
    for (const { body, line } of server.received) {
      if (!line.startsWith("POST")) continue
      const { handle }: { handle: string } = JSON.parse(body)
      posts[handle] = (posts[handle] ?? 0) + 1
    }
    return { printed, posts }
  }).pipe(Effect.provide(NodeContext.layer))

const each = (before: number, lost: number) =>
  Object.fromEntries(
    faults.flatMap((fault) => [
      [`before-${fault}`, before],
      [fault, lost]
    ])
  )

const expected = {
  Once: ["Paid", each(1, 1)],
  Twice: ["Paid", each(1, 2)],
  Refused: ["Refused", {}],
  Broken: ["Died", {}]
}

const titles = {
  Once: "sends a create once, as its evidence says",
  Twice: "sends a create twice whose evidence has one, and is not recognised",
  Refused: "is refused when it is built, and sends nothing",
  Broken: "does not work, and sends nothing"
}

const check =
  <E>(run: Effect.Effect<void, E, Scope.Scope>) =>
  () =>
    Effect.runPromise(Effect.scoped(run))

for (const { command, layers, name } of runtimes) {
  const on = command ?? []
  describe.concurrent(`On ${name}, where answers are lost,`, () => {
    for (const [layer, seen] of Object.entries(layers)) {
      const title = `${layer} ${titles[seen]}`
      const checked = Effect.gen(function* () {
        const { posts, printed } = yield* run(on, layer)
        if (printed._tag === "Paid") assert.deepStrictEqual(printed.creates, each(1, 1))
        assert.deepStrictEqual([printed._tag, posts], expected[seen])
      })
      it.skipIf(command === undefined)(title, check(checked), 120_000)
    }
  })
}

describe("Deno's own fetch", () => {
  it.skipIf(deno === undefined)(
    "still sends a POST twice whose connection closed: no longer to refuse it is due when this fails",
    check(
      Effect.gen(function* () {
        const { posts } = yield* run(runtimes.find(({ name }) => name === "Deno")?.command ?? [], "bare")
        const { "before-unanswered": _, unanswered, ...lost } = each(1, 2)
        assert.deepStrictEqual(posts, lost)
      })
    ),
    120_000
  )
})
