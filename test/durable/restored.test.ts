/** An engine whose storage was put back to an earlier state: the payout that it had is gone, and its create is on its way. */
import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Effect, Layer, Schedule } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import { copyFileSync, existsSync } from "node:fs"
import { inVirtualTime, requestOf } from "../support.js"
import { filename as file } from "./golden.js"
import { process } from "./support.js"

const request = requestOf()

/** A process with a store of its own, which is lost with it. */
const lastingFor = <A, E>(
  use: Effect.Effect<A, E, WorkflowEngine.WorkflowEngine | Sandbox.Sandbox>,
  isRestored: boolean
) =>
  use.pipe(
    Effect.provide(
      process({ policy: RetryPolicy.none, pauseSchedule: Schedule.stop, isRestored }).pipe(
        Layer.provideMerge(WorkflowEngine.layerMemory),
        Layer.fresh
      )
    )
  )

/** The first process dies while its create is held up; the next one has an old store, and its create is declined. */
const told = (isRestored: boolean) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(
      Script.paid.pipe(Script.delayRequest("10 minutes"), Script.onCreate),
      Script.hardDeclined().pipe(Script.onCreate)
    )
    const begun = Effect.zipRight(PayoutWorkflow.submit(request), Effect.sleep("1 second"))
    yield* inVirtualTime(lastingFor(begun, false))
    const error = yield* inVirtualTime(lastingFor(Effect.flip(PayoutWorkflow.execute(request)), isRestored))
    yield* inVirtualTime(Effect.sleep("15 minutes"))
    const moved = Ledger.moved(yield* sandbox.ledger, request.handle)
    return { error, moved, exchanges: (yield* sandbox.exchanges).map(({ kind }) => kind) }
  }).pipe(Effect.provide(Sandbox.layer))

describe("An engine that was put back to an earlier state (D21)", () => {
  it.scopedLive("takes no failure of a payout that was processing in the copy for the whole truth", () =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      const soon = {
        policy: RetryPolicy.none,
        pauseSchedule: Schedule.stop,
        pollSchedule: Schedule.spaced("2 seconds")
      }
      const on = (filename: string, isRestored = false) =>
        PayoutWorkflow.layerWith({ ...soon, isRestored }).pipe(
          Layer.provide(Payouts.layer),
          Layer.provideMerge(SqliteEngine.layer({ filename, sharding: { entityMessagePollInterval: "50 millis" } })),
          Layer.fresh
        )
      yield* Effect.provide(Effect.zipRight(PayoutWorkflow.submit(request), Effect.sleep("1 second")), on(filename))
      for (const end of ["", "-wal"])
        if (existsSync(filename + end)) copyFileSync(filename + end, `${filename}.copy${end}`)
      // What the copy does not have: the decline, and a retry whose create is still on its way.
      yield* sandbox.settle(request.handle, Acquirer.softDeclined())
      yield* Effect.gen(function* () {
        yield* Effect.sleep("3 seconds")
        yield* sandbox.script(
          Script.normal.pipe(Script.onLookup),
          Script.executeLater("10 seconds").pipe(Script.and(Script.paid), Script.onCreate)
        )
        yield* sandbox.always(Script.apiError({ status: 503, code: 1 }).pipe(Script.onLookup))
        yield* PayoutWorkflow.retry(request)
        yield* Effect.sleep("1 second")
      }).pipe(Effect.provide(on(filename)), Effect.timeoutOption("20 seconds"))
      yield* sandbox.clear
      const said = yield* Effect.provide(Effect.flip(PayoutWorkflow.execute(request)), on(`${filename}.copy`, true))
      assert.strictEqual(said.certainty, "MayHaveMoved")
    }).pipe(Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing() })))
  )

  it.scopedLive("tells no end of the copy once all are assessed: the payout was taken up and paid since", () =>
    Effect.gen(function* () {
      const filename = yield* file
      const sandbox = yield* Sandbox.Sandbox
      const on = (filename: string, isRestored = false) =>
        PayoutWorkflow.layerWith({ policy: RetryPolicy.none, pauseSchedule: Schedule.stop, isRestored }).pipe(
          Layer.provide(Payouts.layer),
          Layer.provideMerge(SqliteEngine.layer({ filename, sharding: { entityMessagePollInterval: "50 millis" } })),
          Layer.fresh
        )
      const told = Effect.map(Effect.merge(PayoutWorkflow.execute(request)), ({ _tag, certainty }) => [_tag, certainty])
      yield* sandbox.script(Script.softDeclined())
      assert.deepStrictEqual(yield* Effect.provide(told, on(filename)), ["SoftDeclined", "NotMoved"])
      for (const end of ["", "-wal"])
        if (existsSync(filename + end)) copyFileSync(filename + end, `${filename}.copy${end}`)
      yield* Effect.gen(function* () {
        yield* PayoutWorkflow.retry(request)
        yield* Effect.repeat(sandbox.ledger, {
          until: ({ totalMoved }) => totalMoved > 0,
          schedule: Schedule.spaced("50 millis")
        })
      }).pipe(Effect.provide(on(filename)))
      yield* Effect.gen(function* () {
        const poll = Effect.map(
          Effect.flatMap(PayoutWorkflow.executionId(request), PayoutWorkflow.poll),
          (result) => result?._tag === "Complete" && result.exit._tag === "Failure"
        )
        assert.isTrue(yield* poll)
        assert.strictEqual(yield* Unfinished.assessAll(), 1)
        assert.isFalse(yield* poll)
        assert.deepStrictEqual(yield* told, ["Paid", "Moved"])
        assert.strictEqual(yield* Unfinished.assessAll(), 0)
      }).pipe(Effect.provide(on(`${filename}.copy`, true)))
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 12_500)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.effect("says with isRestored that money may have moved", () =>
    Effect.gen(function* () {
      const { error, exchanges, moved } = yield* told(true)
      assert.deepStrictEqual(exchanges, ["Lookup", "Create", "Lookup", "Create"])
      assert.deepStrictEqual([error._tag, error.certainty, moved], ["HardDeclined", "MayHaveMoved", 12_500])
    })
  )

  it.effect("cannot know it without: what it says is false, which the documents warn of", () =>
    Effect.gen(function* () {
      const { error, moved } = yield* told(false)
      assert.deepStrictEqual([error._tag, error.certainty, moved], ["HardDeclined", "NotMoved", 12_500])
    })
  )
})
