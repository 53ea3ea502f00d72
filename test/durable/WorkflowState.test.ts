/** The state that rounds leave which cannot be read. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as stored from "../../src/durable/stored.js"
import * as WorkflowState from "../../src/durable/WorkflowState.js"
import { inVirtualTime, requestOf } from "../support.js"

const request = requestOf()

describe("A round that cannot be read", () => {
  it.effect("of an execution that goes on is another create than one of the execution before", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const unread = { intent: Option.none(), round: undefined }
      const options = { policy: RetryPolicy.none, outstandingCreates: 0, lookUpOnly: true }
      const first = WorkflowState.after(WorkflowState.begun(request, "one"), request, "one/1", unread)
      const one = yield* inVirtualTime(Effect.flip(payouts.recover(request, { ...options, evidence: first.evidence })))
      yield* inVirtualTime(Effect.sleep("7 hours"))
      const begun = WorkflowState.begun(request, "two", stored.readable(one))
      const second = WorkflowState.after(begun, request, "two/1", unread)
      const two = yield* inVirtualTime(Effect.flip(payouts.recover(request, { ...options, evidence: second.evidence })))
      assert.deepStrictEqual([one.certainty, two.certainty], ["MayHaveMoved", "MayHaveMoved"])
    }).pipe(Effect.provide(Layer.provideMerge(Layer.fresh(Payouts.layer), Sandbox.layer)))
  )
})
