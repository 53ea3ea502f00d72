/** A host with an outbox that is killed by SIGKILL between any two steps, and starts again: prizes and payouts agree. */
import { assert, describe, it } from "@effect/vitest"
import { createClient } from "@libsql/client"
import { Config, Context, Effect, Layer, Option } from "effect"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import Pg from "pg"
import { bundle } from "../proof/bundle.js"
import type { Setup, Step } from "./outboxMachine.js"

const postgresUrl = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))
const prizes = 4

const steps: ReadonlyArray<readonly [Step, number]> = [
  ["before the intent", 2],
  ["before the commit", 3],
  ["after the commit", 1],
  ["before the submission", 2],
  ["after the submission", 3],
  ["after the deletion", 4]
]

const machineProgram = bundle("test/durable/outboxMachine.ts", "node_modules/.cache/outbox/machine.cjs")

/** Runs a process to its end: how it ended. */
const run = (program: string, setup: Setup) =>
  Effect.async<string>((resume) => {
    const child = spawn(process.execPath, ["--no-deprecation", program, JSON.stringify(setup)], {
      stdio: ["ignore", "ignore", "inherit"]
    })
    child.on("close", (code, signal) => resume(Effect.succeed(String(signal ?? code))))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "outbox-killed-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

interface Host {
  readonly url: string
  readonly handles: (table: string) => Effect.Effect<number>
}

const sqlite = (made: string): Host => {
  const url = `file:${path.join(made, "host.sqlite")}`
  return {
    url,
    handles: (table) =>
      Effect.promise(async () => {
        const client = createClient({ url })
        const { rows } = await client.execute(`SELECT COUNT(*) AS n FROM ${table}`)
        client.close()
        return Number(rows[0]?.["n"])
      })
  }
}

let schemas = 0
const postgres = Effect.gen(function* () {
  const url = new URL(Option.getOrThrow(postgresUrl))
  const schema = `outbox_killed_${process.pid}_${++schemas}`
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pg.Pool({ connectionString: url.href, max: 1 })),
    (made) => Effect.promise(() => made.end())
  )
  const query = (text: string) => Effect.promise(() => pool.query(text))
  yield* Effect.acquireRelease(query(`CREATE SCHEMA ${schema}`), () => query(`DROP SCHEMA ${schema} CASCADE`))
  url.searchParams.set("options", `-c search_path=${schema}`)
  const handles = (table: string) =>
    Effect.map(query(`SELECT COUNT(*) AS n FROM ${schema}.${table}`), ({ rows }) => Number(rows[0]?.n))
  return { url: url.href, handles } satisfies Host
})

const through = Effect.fn(function* (host: Host, made: string, step: Step, prize: number) {
  const context = yield* Layer.build(Layer.provideMerge(Layer.orDie(SandboxServer.layer), Sandbox.layerSandbox))
  const { ledger } = Context.get(context, Sandbox.Sandbox)
  const { url: provider } = Context.get(context, SandboxServer.SandboxServer)
  const moved = (handle: string) => Effect.map(ledger, (is) => Ledger.movements(is, handle).map(({ amount }) => amount))
  const program = yield* machineProgram
  const setup = { host: host.url, engine: path.join(made, "engine.sqlite"), provider, prizes }

  assert.strictEqual(yield* run(program, { ...setup, death: { step, prize } }), "SIGKILL")
  const isWritten = !step.startsWith("before the intent") && !step.startsWith("before the commit")
  assert.strictEqual(yield* host.handles("prizes"), isWritten ? prize : prize - 1)
  if (!isWritten) assert.deepStrictEqual(yield* moved(`prize-${prize}`), [])

  assert.strictEqual(yield* run(program, setup), "0")
  assert.deepStrictEqual([yield* host.handles("prizes"), yield* host.handles("payout_outbox")], [prizes, 0])
  for (let one = 1; one <= prizes; one++) assert.deepStrictEqual(yield* moved(`prize-${one}`), [one])
})

describe("A host with an outbox that is killed", () => {
  for (const [step, prize] of steps) {
    it.scopedLive(
      `${step} has as many payouts as prizes when it has run again (SQLite)`,
      () => Effect.flatMap(folder, (made) => through(sqlite(made), made, step, prize)),
      120_000
    )
    it.scopedLive.skipIf(Option.isNone(postgresUrl))(
      `${step} has as many payouts as prizes when it has run again (PostgreSQL)`,
      () => Effect.flatMap(Effect.all([folder, postgres]), ([made, host]) => through(host, made, step, prize)),
      120_000
    )
  }
})
