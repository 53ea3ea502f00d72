/** Programs that wait, run to their end by a test that does not know how long. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
import { setTimeout as really } from "node:timers/promises"
import { layer, requestOf } from "../support.js"

const { inVirtualTime } = Sandbox

describe("Sandbox.inVirtualTime", () => {
  it.effect("moves the clock from one wait to the next, and to no later time", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const note = Effect.map(Clock.currentTimeMillis, (now) => void times.push(now))
      const waits = Effect.all([Effect.delay(note, "3 hours"), Effect.delay(note, "1 second"), note], {
        concurrency: "unbounded"
      })
      assert.strictEqual(yield* inVirtualTime(Effect.as(waits, "done")), "done")
      assert.deepStrictEqual(times, [0, 1000, 10_800_000])
    })
  )

  it.effect("waits in real time for what has no clock, and moves nothing while it is busy", () =>
    Effect.gen(function* () {
      let isBusy = true
      const real = Effect.promise(() => really(30)).pipe(Effect.tap(() => Effect.sync(() => void (isBusy = false))))
      const late = Effect.as(Effect.delay(Clock.currentTimeMillis, "1 hour"), "late")
      const first = Effect.raceFirst(Effect.as(real, "real"), late)
      assert.strictEqual(yield* inVirtualTime(first, { isBusy: () => isBusy }), "real")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      assert.strictEqual(yield* inVirtualTime(Effect.promise(() => really(10).then(() => 1))), 1)
    })
  )

  it.effect("ends a payout of half a day in one step", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const accepted = yield* payouts.create(requestOf())
      const end = yield* inVirtualTime(payouts.awaitFinal(accepted, { deadline: "1 day" }))
      assert.strictEqual(end._tag, "Paid")
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing({ after: "12 hours" }) })))
  )

  it.effect("passes failures on", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Effect.flip(inVirtualTime(Effect.delay(Effect.fail("no"), "1 minute"))), "no")
    })
  )
})
