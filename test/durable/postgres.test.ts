/** Two processes on PostgreSQL, where there is one: `PAYOUTS_POSTGRES_URL`. Each run has tables of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Config, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import Pg from "pg"
import { requestOf } from "../support.js"

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

const schema = `run_${process.pid}_${Effect.runSync(Clock.currentTimeMillis)}`
const pool = Effect.acquireRelease(
  Effect.promise(async () => {
    const made = new Pg.Pool({ connectionString: Option.getOrThrow(url), max: 8, options: `-c search_path=${schema}` })
    await made.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    return made
  }),
  (made) => Effect.promise(() => made.end())
)

const runtime = (submitOnly: boolean) =>
  PayoutWorkflow.layer.pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(
      PostgresEngine.layer({
        pool,
        submitOnly,
        sharding: { entityMessagePollInterval: "200 millis", entityTerminationTimeout: "1 second" }
      })
    )
  )

describe.skipIf(Option.isNone(url))("Two processes on PostgreSQL", () => {
  it.live(
    "share the payouts, and when one of them ends and statements are interrupted, the other one pays the rest",
    () =>
      Effect.gen(function* () {
        const requests = Array.from({ length: 20 }, (_, index) => requestOf({ handle: `prize-${index}` }))
        const first = yield* Scope.make()
        const one = yield* Layer.buildWithScope(runtime(false), first)
        const other = yield* Layer.build(runtime(false))
        yield* Effect.forEach(
          requests,
          (request) =>
            // What is interrupted here is a statement under way, on a connection that others go on using.
            Effect.gen(function* () {
              const fiber = yield* Effect.fork(PayoutWorkflow.submit(request))
              yield* Effect.sleep("3 millis")
              yield* Fiber.interrupt(fiber)
              yield* PayoutWorkflow.submit(request)
            }).pipe(Effect.provide(one)),
          { concurrency: 5, discard: true }
        )
        yield* Effect.sleep("300 millis")
        yield* Scope.close(first, Exit.void)
        const outcomes = yield* Effect.forEach(requests, PayoutWorkflow.execute, { concurrency: 20 }).pipe(
          Effect.provide(other)
        )
        assert.deepStrictEqual([...new Set(outcomes.map(({ _tag }) => _tag))], ["Paid"])
        const sandbox = yield* Sandbox.Sandbox
        const ledger = yield* sandbox.ledger
        assert.deepStrictEqual([Ledger.movedTwice(ledger), ledger.totalMoved], [[], 20 * 12_500])
      }).pipe(Effect.scoped, Effect.provide(Sandbox.layerWith({ latency: "200 millis" }))),
    60_000
  )

  it.scopedLive("have payouts of a third one run that only submits, and it is told of the end", () =>
    Effect.gen(function* () {
      const submitter = yield* Layer.build(runtime(true))
      const request = requestOf({ handle: "submitted" })
      yield* Effect.provide(PayoutWorkflow.submit(request), submitter)
      yield* Effect.sleep("500 millis")
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 0)
      yield* Layer.build(runtime(false))
      yield* Layer.build(runtime(false))
      const outcomes = yield* Effect.forEach(
        [request, ...Array.from({ length: 10 }, (_, index) => requestOf({ handle: `submitted-${index}` }))],
        PayoutWorkflow.execute,
        { concurrency: 11 }
      ).pipe(Effect.provide(submitter))
      assert.deepStrictEqual([...new Set(outcomes.map(({ _tag }) => _tag))], ["Paid"])
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 11 * 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  )
})
