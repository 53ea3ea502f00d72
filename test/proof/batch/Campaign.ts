/**
 * A campaign against a batch: its program is started, killed with -9 at a random moment, and started again, as often as
 * it takes. In the end each row has ended once, with what is so.
 */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Clock, Context, Deferred, Effect, Exit, Layer, Runtime, type Scope } from "effect"
import { BatchStore } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { build } from "esbuild"
import { fork } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { about } from "../simulation/Chance.js"
import { Books, type Judgement } from "./Books.js"
import { reconciled } from "./Reconciled.js"
import { inputsOf, type Keeper, type Setup, type Told } from "./Told.js"
import * as Provider from "./Provider.js"

export interface Plan {
  readonly seed: number
  readonly rows: number
  readonly kills: number
  readonly keeper: Keeper
  readonly concurrency?: number
  /** What goes wrong at the provider. Anything, unless said. */
  readonly mix?: Provider.Mix
  readonly onProgress?: (progress: string) => Effect.Effect<void>
}

export interface Summary extends Judgement {
  readonly rows: number
  readonly kills: number
  /** How many of the kills came while rows were under way: some were on record as begun. */
  readonly inFlight: number
  /** The runs that were left alone. */
  readonly calm: number
  readonly ends: Readonly<Record<string, number>>
  /** The creates that the provider received, and what its ledger has of them. */
  readonly creates: number
  /** The rows that the reconciliation with the provider's list finds otherwise than told, save those told to be in doubt. */
  readonly wrong: ReadonlyArray<string>
  readonly inDoubt: number
  /** The end of the reconciliation's report. */
  readonly lines: ReadonlyArray<string>
  readonly took: number
}

/** The most runs that are left alone, before what has not ended is lost. */
const calmMax = 6
const progressEvery = 20
/**
 * Longer than a busy machine takes to renew a lock, in milliseconds. A program that was killed is known to be dead, so its
 * lock is removed and not waited for: what becomes of a lock that nobody removes, the tests of the store say.
 */
const lease = 30_000

/** When a program is killed that has not begun its rows: in its first milliseconds. */
const earlyMax = 600

/** The program in one file: it is started again and again. */
const bundle = Effect.promise(async () => {
  const outfile = "node_modules/.cache/batch-kills/program.cjs"
  await build({
    entryPoints: ["test/proof/batch/program.ts"],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "error"
  })
  return outfile
})

interface Field {
  readonly plan: Plan
  readonly program: string
  readonly setup: Setup
  readonly sandbox: Sandbox.Service
  readonly books: Books
}

export const run = (plan: Plan): Effect.Effect<Summary, never, Scope.Scope> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const weather: Provider.Weather = { isBad: true, isOver: yield* Deferred.make<void>() }
    const context = yield* Layer.build(Provider.layer(plan.seed, weather, plan.mix ?? "anything"))
    const sandbox = Context.get(context, Sandbox.Sandbox)
    const { url: provider } = Context.get(context, SandboxServer.SandboxServer)
    const folder = yield* Effect.orDie(Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()))
    const { concurrency = 16, keeper, rows } = plan
    const journal = `${folder}/journal.ndjson`
    // What is held must still be under way when its program is killed.
    const deadline = plan.mix === "late creates" ? 10_000 : 1_000
    const setup: Setup = { provider, journal, rows, keeper, concurrency, deadline, lease }
    const field: Field = { plan, program: yield* bundle, setup, sandbox, books: new Books(rows) }

    const inFlight = yield* attack(field)
    weather.isBad = false
    yield* Deferred.succeed(weather.isOver, undefined)
    const calm = yield* goOn(field)
    const { books } = field
    const creates = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length
    const judgement = books.judge(yield* sandbox.ledger)
    const took = (yield* Clock.currentTimeMillis) - began
    const { inDoubt, lines, wrong } = yield* reconciled(sandbox, rows, books.last)
    return {
      ...judgement,
      wrong,
      lines,
      inDoubt,
      rows,
      kills: plan.kills,
      inFlight,
      calm,
      ends: books.ends,
      creates,
      took
    }
  }).pipe(Effect.provide(NodeContext.layer))

/** Starts the program and kills it, again and again. How often rows were under way just then. */
const attack = Effect.fn(function* (field: Field) {
  const { plan } = field
  let inFlight = 0
  for (let kill = 1; kill <= plan.kills; kill++) {
    const chance = about(plan.seed, `kill ${kill}`)
    // Now after some rows, and now before the first one, at any moment of what a row goes through.
    const isEarly = chance.happens(0.15)
    const most = plan.mix === "late creates" ? 4 : Math.ceil((2 * plan.rows) / plan.kills)
    const rows = isEarly ? 0 : chance.between(1, most)
    yield* once(field, { rows, after: chance.between(0, isEarly ? earlyMax : 30) })
    yield* unlock(field)
    if ((yield* begunIn(field)) > 0) inFlight += 1
    if (kill % progressEvery === 0) yield* plan.onProgress?.(`${kill} of ${plan.kills} kills`) ?? Effect.void
  }
  return inFlight
})

const unlock = ({ setup }: Field) =>
  Effect.orDie(Effect.flatMap(FileSystem.FileSystem, (files) => files.remove(`${setup.journal}.lock`, { force: true })))

/** How many rows are on record as begun, and not as ended. */
const begunIn = ({ setup }: Field) =>
  Effect.flatMap(BatchStore.BatchStore, ({ peek }) => peek(handlesOf(setup))).pipe(
    Effect.map((entries) => [...entries.values()].filter(({ _tag }) => _tag === "Begun").length),
    Effect.provide(BatchStore.layerFile(setup.journal)),
    Effect.orDie
  )

const handlesOf = ({ rows }: Setup) => inputsOf(rows).map(({ handle }) => handle)

/** Runs the program until a run of it has nothing left to do. How many runs that took. */
const goOn = Effect.fn(function* (field: Field) {
  for (let calm = 1; calm <= calmMax; calm++) {
    const summary = yield* once(field)
    yield* field.plan.onProgress?.(`left alone: ${JSON.stringify(summary ?? "no summary")}`) ?? Effect.void
    // What the provider was to do later is done by the next run.
    yield* Effect.sleep(Provider.latest)
    if (calm > 1 && summary?.notBegun === 0) return calm
  }
  return calmMax
})

/** When to kill a program: so long after it has told of so many rows. */
interface Doom {
  readonly rows: number
  readonly after: number
}

/** One run of the program, to its end or to its death. What it said in the end, if it lived. */
const once = (field: Field, doom?: Doom) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { books, program, sandbox, setup } = field
      const gone = yield* Deferred.make<void>()
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          fork(program, [JSON.stringify(setup)], { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      let summary: Extract<Told, { readonly _tag: "Summary" }> | undefined
      let left = doom?.rows ?? Infinity
      const die = () => void sleep(doom?.after).then(() => child.kill("SIGKILL"))
      const runtime = yield* Effect.runtime()
      child.on("message", (told: Told) => {
        if (told._tag === "Summary") summary = told
        if (told._tag === "Ended") books.told(told, Runtime.runSync(runtime)(sandbox.ledger))
        const counts = told._tag === "Ready" || (told._tag === "Ended" && !told.isEarlier)
        if (counts && left-- === 0) die()
      })
      child.on("error", () => undefined)
      // What it said before it died has been heard when its channel is closed.
      child.on("close", () => Deferred.unsafeDone(gone, Exit.void))
      yield* Deferred.await(gone)
      return summary
    })
  )
