/**
 * Another card or amount under the handle of a payout that waits for its next try after a processing error: it is
 * refused, on whichever machine it is submitted. After a decline another card is tried.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { requestOf } from "../support.js"
import { start, store } from "./Machines.js"

const first = requestOf({ destination: "ca_first" })
const options: PayoutWorkflow.Options = {
  pauseSchedule: Schedule.stop,
  policy: RetryPolicy.make({ processingError: Schedule.spaced("10 minutes") }),
  inMemoryThreshold: Duration.zero
}

describe("Other arguments under the handle of a durable payout that may have paid", () => {
  for (const machine of ["the same machine", "the next machine, after a deploy"] as const) {
    for (const [what, second] of [
      ["another card", requestOf({ destination: "ca_second" })],
      ["another amount", requestOf({ destination: "ca_first", amount: 10_000 })]
    ] as const) {
      it.live(`are not sent by ${machine}: ${what}`, () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.Sandbox
          const shared = yield* store
          yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate))
          const one = yield* start(shared, undefined, options)
          yield* Effect.provide(PayoutWorkflow.submit(first), one.context)
          yield* Effect.sleep("600 millis")
          if (machine !== "the same machine") yield* one.stop
          const next = machine === "the same machine" ? one : yield* start(shared, undefined, options)
          const end = yield* Effect.provide(Effect.merge(PayoutWorkflow.execute(second)), next.context)
          const moved = Ledger.movements(yield* sandbox.ledger, first.handle).map(({ amount }) => amount)
          assert.deepStrictEqual([end._tag, moved], ["HandleConflict", [12_500]])
        }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
      )
    }
  }
})

describe("Other arguments under the handle of a durable payout that has ended, on the next machine", () => {
  for (const [what, second] of [
    ["another card", requestOf({ destination: "ca_second" })],
    ["another amount", requestOf({ destination: "ca_first", amount: 10_000 })]
  ] as const) {
    const afterDecline = what === "another card" ? (["Paid", [12_500]] as const) : (["HandleConflict", []] as const)
    for (const [how, script, [end, moved]] of [
      ["paid", Script.normal, ["HandleConflict", [12_500]]],
      ["declined", Script.hardDeclined(), afterDecline]
    ] as const) {
      it.live(`end as ${end} when it was ${how}: ${what}`, () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.Sandbox
          const shared = yield* store
          yield* sandbox.script(Script.normal, script.pipe(Script.onCreate))
          const one = yield* start(shared, undefined, options)
          yield* Effect.provide(Effect.merge(PayoutWorkflow.execute(first)), one.context)
          yield* one.stop
          const next = yield* start(shared, undefined, options)
          const ended = yield* Effect.provide(Effect.merge(PayoutWorkflow.execute(second)), next.context)
          const amounts = Ledger.movements(yield* sandbox.ledger, first.handle).map(({ amount }) => amount)
          assert.deepStrictEqual([ended._tag, amounts], [end, moved])
        }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
      )
    }
  }
})
