/**
 * Another card or amount under the handle of a payout that waits for its next try after a processing error: it is
 * refused, on whichever machine it is submitted. After a decline another card is tried, and the same one is not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { start, store } from "./Machines.js"
import { layer } from "./support.js"

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

describe("A durable payout that was declined before, by a call of another process", () => {
  for (const [how, decline, status] of [
    ["softly", Script.softDeclined(), "Reopened"],
    ["for good", Script.hardDeclined(), "Final"]
  ] as const) {
    it.effect(`${how}, is not sent with the same card and amount, and ends as that decline`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(decline)
        const process = yield* anotherProcess()
        const { _tag } = yield* Effect.flip(process.create(first))
        const end = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(first)))
        assert.deepStrictEqual([end._tag, end.certainty], [_tag, "NotMoved"])
        assert.deepStrictEqual(
          (yield* sandbox.exchanges).map(({ kind }) => kind),
          ["Create", "Lookup"]
        )
        assert.strictEqual((yield* PayoutWorkflow.retry(first)).status, status)
        if (status === "Final") return
        assert.strictEqual((yield* inVirtualTime(PayoutWorkflow.execute(first)))._tag, "Paid")
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, first.handle), 12_500)
      }).pipe(Effect.provide(layer()))
    )
  }
})
