/** An engine whose storage was put back to an earlier state: the payout that it had is gone, and its create is on its way. */
import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Effect, Layer, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { inVirtualTime, requestOf } from "../support.js"
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
  it.effect("asks first with isRestored, and says that money may have moved", () =>
    Effect.gen(function* () {
      const { error, exchanges, moved } = yield* told(true)
      assert.deepStrictEqual(exchanges, ["Create", "Lookup", "Create"])
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
