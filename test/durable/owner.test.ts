/** Who may run the payouts of a SQLite file: one process, and another one as soon as that is gone. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Context, Effect, Either, Exit, Layer, Queue, Schedule, Scope, Stream } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { bundle, type Reported, start } from "../proof/chaos/Machines.js"
import { destination, requestOf } from "../support.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-owner-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const quick = { entityMessagePollInterval: "50 millis", entityTerminationTimeout: "1 second" } as const

const engine = (filename: string, more: Partial<SqliteEngine.Options> = {}) =>
  SqliteEngine.layer({ filename, sharding: quick, ...more })

const input = (index: number) => ({ handle: `prize-${index}`, destination, amount: 12_500, currency: "DKK" })

const owned = (filename: string) =>
  Effect.map(
    Effect.either(Effect.scoped(Layer.build(engine(filename)))),
    Either.match({ onLeft: (error) => error._tag, onRight: () => "Built" })
  )

/** A provider on a socket, and a way to start processes that pay over it from one file. */
const machines = Effect.gen(function* () {
  const context = yield* Layer.build(Layer.provideMerge(Layer.orDie(SandboxServer.layer), Sandbox.layerSandbox))
  const { url } = Context.get(context, SandboxServer.SandboxServer)
  const filename = path.join(yield* folder, "payouts.sqlite")
  const reports = yield* Queue.unbounded<Reported>()
  const program = yield* bundle(".")
  const begin = (name: string, submitOnly = false) =>
    start(
      program,
      name,
      {
        store: { _tag: "Sqlite", filename, submitOnly },
        provider: url,
        client: "library",
        isRestored: false,
        mustAssess: false
      },
      reports
    )
  return { begin, filename, sandbox: Context.get(context, Sandbox.Sandbox) }
})

const until = <A, R>(effect: Effect.Effect<A, never, R>, is: (value: A) => boolean) =>
  Effect.repeat(effect, { until: is, schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo("20 seconds")) }).pipe(
    Effect.zipRight(effect),
    Effect.tap((value) => assert.isTrue(is(value), `not reached: ${String(value)}`))
  )

describe("A SQLite file whose payouts another process runs", () => {
  it.scopedLive(
    "is refused to a second one that would run them, also while the first one stands still, and free after kill -9",
    () =>
      Effect.gen(function* () {
        const { begin, filename } = yield* machines
        const first = yield* begin("first")
        assert.isTrue(yield* first.ready)
        assert.isFalse(yield* Effect.flatMap(begin("second"), ({ ready }) => ready))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(engine(filename))))
        assert(error._tag === "FileOwned")
        assert.strictEqual(error.filename, filename)
        assert.include(error.message, `${filename}-owner`)
        yield* first.signal("SIGSTOP")
        yield* Effect.sleep("300 millis")
        assert.strictEqual(yield* owned(filename), "FileOwned")
        yield* first.signal("SIGKILL")
        yield* first.gone
        assert.strictEqual(yield* owned(filename), "Built")
        assert.isTrue(yield* Effect.flatMap(begin("third"), ({ ready }) => ready))
        assert.strictEqual(yield* owned(filename), "FileOwned")
      }),
    60_000
  )

  it.scopedLive(
    "takes payouts from a process that only submits, lists and wakes, and which outlives the one that runs them",
    () =>
      Effect.gen(function* () {
        const { begin, filename, sandbox } = yield* machines
        const owner = yield* begin("owner")
        assert.isTrue(yield* owner.ready)
        yield* sandbox.script(Script.processing().pipe(Script.onCreate, Script.forHandle("prize-1")))
        const submitter = yield* begin("submitter", true)
        assert.isTrue(yield* submitter.ready)
        yield* submitter.order({ _tag: "Pay", requests: [input(0), input(1)] })
        const tool = yield* Layer.build(engine(filename, { submitOnly: true }))
        yield* Effect.gen(function* () {
          const waiting = Effect.map(Effect.orDie(Stream.runCollect(Unfinished.list())), (all) =>
            Chunk.toReadonlyArray(all).map(({ handle, state }) => `${handle} ${state}`)
          )
          yield* until(waiting, (all) => all.join() === "prize-1 Waiting")
          // The one that runs it dies. What was submitted and woken meanwhile is found by the next one.
          yield* owner.signal("SIGKILL")
          yield* owner.gone
          assert.strictEqual((yield* Effect.orDie(Unfinished.wake("prize-1")))[0]?.state, "Waiting")
          yield* sandbox.settle("prize-1", { _tag: "Paid" }).pipe(Effect.orDie)
          yield* PayoutWorkflow.submit(requestOf(input(2))).pipe(Effect.orDie)
          const next = yield* begin("next")
          assert.isTrue(yield* next.ready)
          yield* until(waiting, (all) => all.length === 0)
          const outcome = yield* Effect.orDie(PayoutWorkflow.execute(requestOf(input(2))))
          assert.strictEqual(outcome._tag, "Paid")
        }).pipe(Effect.provide(tool))
        const ledger = yield* sandbox.ledger
        assert.deepStrictEqual([Ledger.movedTwice(ledger), ledger.totalMoved], [[], 3 * 12_500])
      }),
    60_000
  )

  it.scopedLive(
    "is taken over at once each time its owner is killed while it pays, and pays each payout once",
    () =>
      Effect.gen(function* () {
        const { begin, filename, sandbox } = yield* machines
        const rounds = 4
        for (let round = 0; round < rounds; round++) {
          const owner = yield* begin(`owner ${round}`)
          assert.isTrue(yield* owner.ready, `owner ${round}`)
          yield* owner.order({ _tag: "Die", step: "in flight", nth: 3, after: 20 })
          yield* owner.order({ _tag: "Pay", requests: Array.from({ length: 5 }, (_, n) => input(5 * round + n)) })
          yield* owner.gone
        }
        const last = yield* begin("last")
        assert.isTrue(yield* last.ready)
        yield* last.order({ _tag: "Sweep", requests: Array.from({ length: 5 * rounds }, (_, n) => input(n)) })
        const tool = yield* Layer.build(engine(filename, { submitOnly: true }))
        const left = Effect.provide(Effect.orDie(Stream.runCount(Unfinished.list())), tool)
        yield* until(left, (count) => count === 0)
        const ledger = yield* sandbox.ledger
        assert.deepStrictEqual([Ledger.movedTwice(ledger), ledger.totalMoved], [[], 5 * rounds * 12_500])
      }),
    120_000
  )
})

describe("A SQLite file in one process", () => {
  it.scopedLive("has one engine that runs payouts, whatever the file is called; another prefix has its own", () =>
    Effect.gen(function* () {
      const made = yield* folder
      const filename = path.join(made, "payouts.sqlite")
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(engine(filename), scope)
      const alias = path.join(made, "alias.sqlite")
      symlinkSync(filename, alias)
      assert.deepStrictEqual([yield* owned(filename), yield* owned(alias)], ["FileOwned", "FileOwned"])
      const sandbox = yield* Sandbox.Sandbox
      const other = PayoutWorkflow.layer.pipe(
        Layer.provide(Payouts.layer),
        Layer.provideMerge(engine(filename, { prefix: "other" }))
      )
      const outcome = yield* Effect.provide(PayoutWorkflow.execute(requestOf()), other)
      assert.deepStrictEqual([outcome._tag, (yield* sandbox.ledger).totalMoved], ["Paid", 12_500])
      for (const name of [`${filename}-owner`, `${filename}-other-owner`]) {
        assert.strictEqual(statSync(name).mode & 0o777, process.platform === "win32" ? 0o666 : 0o600)
      }
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* owned(filename), "Built")
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("may have two engines in one program: each pays its own payouts, and is built once", () =>
    Effect.gen(function* () {
      const filename = path.join(yield* folder, "payouts.sqlite")
      const host = (prefix: string) => engine(filename, { prefix })
      const paid = (own: ReturnType<typeof host>, handle: string) =>
        Layer.effectDiscard(PayoutWorkflow.execute(requestOf({ handle }))).pipe(
          // The constant would be built for one of the two engines only.
          Layer.provide(PayoutWorkflow.layerWith({})),
          Layer.provide(Payouts.layer),
          // Twice the same layer is the same engine.
          Layer.provide(own),
          Layer.provideMerge(own)
        )
      const [one, other] = [host("one"), host("other")]
      const runtime = yield* Layer.build(Layer.mergeAll(paid(one, "first"), paid(other, "second")))
      assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 2 * 12_500)
      const found = yield* Effect.provide(
        Effect.forEach(["one", "other"], (prefix) =>
          Effect.forEach(["first", "second"], (handle) => Unfinished.ofHandle(handle, { prefix }))
        ),
        runtime
      )
      assert.deepStrictEqual(
        found.map((each) => each.map((all) => all.map(({ latest }) => latest))),
        [
          [["Paid"], []],
          [[], ["Paid"]]
        ]
      )
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.scopedLive("refuses a prefix that a database would read as another one", () =>
    Effect.gen(function* () {
      const filename = path.join(yield* folder, "payouts.sqlite")
      for (const prefix of ["", "Host", "host-one", "1st", "a".repeat(33), 'x"; DROP TABLE y']) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(engine(filename, { prefix }))))
        assert.strictEqual(error._tag, "ConfigError", prefix)
      }
    })
  )
})
