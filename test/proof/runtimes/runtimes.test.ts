/**
 * Each HTTP layer on Node, Deno, Bun and Workers, where answers are lost: how many POSTs come, beside how many creates the
 * evidence has. And what else each of them does. `npm run runtimes` installs the latter three; where they are not, their
 * tests are skipped.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Clock, Config, Effect, Layer, Option, type Scope } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { mkdtempSync } from "node:fs"
import * as path from "node:path"
import Pg from "pg"
import { ask, build, folder, isInstalled, remove } from "./asked.js"
import { posts, provider } from "./Provider.js"
import { type Runtime, runtimes, type Sends } from "./Runtimes.js"
import { faults, lost, type PartEnd, type PartName, type Printed } from "./Story.js"

let built = ""

beforeAll(async () => {
  built = folder()
  await build(built)
}, 120_000)

afterAll(() => remove(built))

/** What the program printed, and how many POSTs came of each payout. */
const run = (runtime: Runtime, layer: string) =>
  Effect.gen(function* () {
    const server = yield* provider()
    const printed: Printed = JSON.parse(yield* ask(runtime, built, layer, server.url))
    return { printed, posts: posts(server.received) }
  })

const each = (before: number, lost: number) =>
  Object.fromEntries(
    faults.flatMap((fault) => [
      [`before-${fault}`, before],
      [fault, lost]
    ])
  )

const expected: Record<Sends, readonly [tag: string, posts: Readonly<Record<string, number>>]> = {
  Once: ["Paid", each(1, 1)],
  Twice: ["Paid", each(1, 2)],
  Refused: ["Refused", {}],
  Broken: ["Died", {}],
  Never: ["Paid", {}]
}

const titles = {
  Once: "sends a create once, as its evidence says",
  Twice: "sends a create twice whose evidence has one, and is not recognised",
  Refused: "is refused when it is built, and sends nothing",
  Broken: "does not work, and sends nothing",
  Never: "sends nothing, and its evidence says that it may have"
}

const check =
  <E>(run: Effect.Effect<void, E, Scope.Scope>) =>
  () =>
    Effect.runPromise(Effect.scoped(run))

for (const runtime of runtimes) {
  describe.concurrent(`On ${runtime.name}, where answers are lost,`, () => {
    for (const [layer, seen] of Object.entries(runtime.layers)) {
      const checked = Effect.gen(function* () {
        const { posts, printed } = yield* run(runtime, layer)
        if (printed._tag === "Paid") assert.deepStrictEqual(printed.creates, each(1, 1))
        assert.deepStrictEqual([printed._tag, posts], expected[seen])
      })
      it.skipIf(!isInstalled(runtime))(`${layer} ${titles[seen]}`, check(checked), 120_000)
    }
  })
}

describe("Deno's own fetch", () => {
  const deno = runtimes.find(({ name }) => name === "Deno")
  it.skipIf(deno === undefined || !isInstalled(deno))(
    "still sends a POST twice whose connection closed: no longer to refuse it is due when this fails",
    check(
      Effect.gen(function* () {
        assert(deno !== undefined)
        const { posts } = yield* run(deno, "bare")
        const { "before-unanswered": _, unanswered, ...lost } = each(1, 2)
        assert.deepStrictEqual(posts, lost)
      })
    ),
    120_000
  )
})

const postgresUrl = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

/** A schema of its own, and the URL of a pool that works in it. */
const schema = Effect.gen(function* () {
  const url = new URL(Option.getOrThrow(postgresUrl))
  const name = `runtime_${process.pid}_${yield* Clock.currentTimeMillis}`
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pg.Pool({ connectionString: url.href })),
    (pool) => Effect.promise(() => pool.end())
  )
  yield* Effect.acquireRelease(
    Effect.promise(() => pool.query(`CREATE SCHEMA ${name}`)),
    () => Effect.promise(() => pool.query(`DROP SCHEMA ${name} CASCADE`))
  )
  url.searchParams.set("options", `-c search_path=${name}`)
  return url.href
})

const file = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(built, "sqlite-"))),
  (made) => Effect.sync(() => remove(made))
).pipe(Effect.map((made) => path.join(made, "payouts.sqlite")))

const all = <A>(value: (name: (typeof lost)[number]) => A) =>
  Object.fromEntries(lost.map((name) => [name, value(name)]))

/** A create that was not carried out is sent again after the lookup; one that was, is not. */
const ends = all((name) => ({
  end: "Paid Moved",
  attempts: name === "dropBeforeCommit" ? ["Create", "Lookup", "Create"] : ["Create", "Lookup"]
}))

const durable = { ends: ["Paid", "Paid"], exchanges: ["Lookup", "Create", "Lookup"], moved: 12_500 }

const does: Record<PartName, { readonly title: string; readonly value: unknown }> = {
  quickstart: {
    title: "runs the README's first program",
    value: [["Paid", "Moved", { min: 12_500, max: 12_500 }]]
  },
  inMemory: {
    title: "looks up the payouts whose answers the Sandbox loses, and pays each once",
    value: { ends, moved: all(() => 12_500) }
  },
  fetched: {
    title: "looks up the payouts whose answers are lost on a socket, and pays each once",
    value: { ends }
  },
  webhook: {
    title: "verifies a webhook, and rejects one of another secret and one that was changed",
    value: { references: ["prize-2026-0042"], refused: ["WrongSignature", "WrongSignature"] }
  },
  sqlite: { title: "pays on SqliteEngine, and finds the end in the file again", value: durable },
  postgres: { title: "pays on PostgresEngine, and finds the end in the database again", value: durable }
}

const part = (runtime: Runtime, name: PartName, argument: string) =>
  Effect.gen(function* () {
    const end: PartEnd = JSON.parse(yield* ask(runtime, built, name, argument))
    return end
  })

/** Over a socket, where the Sandbox's own books say what was paid. */
const fromSocket = (runtime: Runtime) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const { url } = yield* SandboxServer.SandboxServer
    for (const name of lost) yield* sandbox.script(Script[name].pipe(Script.onCreate, Script.forHandle(name)))
    const end = yield* part(runtime, "fetched", url)
    const ledger = yield* sandbox.ledger
    assert.deepStrictEqual(
      all((name) => Ledger.moved(ledger, name)),
      all(() => 12_500)
    )
    return end
  }).pipe(Effect.provide(Layer.provideMerge(SandboxServer.layer, Sandbox.layerSandbox)))

const ended = (runtime: Runtime, name: PartName) => {
  switch (name) {
    case "fetched":
      return fromSocket(runtime)
    case "sqlite":
      return Effect.flatMap(file, (argument) => part(runtime, name, argument))
    case "postgres":
      return Effect.flatMap(schema, (argument) => part(runtime, name, argument))
    default:
      return part(runtime, name, "")
  }
}

for (const runtime of runtimes) {
  describe(runtime.name, () => {
    for (const name of runtime.parts) {
      const { title, value } = does[name]
      const isSkipped = !isInstalled(runtime) || (name === "postgres" && Option.isNone(postgresUrl))
      const checked = Effect.map(ended(runtime, name), (end) => assert.deepStrictEqual(end, { _tag: "Done", value }))
      it.skipIf(isSkipped)(title, check(checked), 120_000)
    }
  })
}
