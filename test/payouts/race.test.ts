/** Apart from its neighbours, because it is by far the longest of them: mutation testing leaves it out. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { layer, requestOf } from "../support.js"

it.effect(
  "two calls never both find the handle free, wherever the scheduler yields (84)",
  () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const burn = (ops: number) =>
        Effect.loop(0, { while: (n) => n < ops, step: (n) => n + 1, body: () => Effect.void, discard: true })
      for (let ops = 0; ops < 2100; ops += 1) {
        const request = requestOf({ handle: `race-${ops}` })
        const first = yield* Effect.fork(Effect.zipRight(burn(ops % 700), payouts.create(request)))
        const second = yield* Effect.fork(payouts.create(request))
        yield* Fiber.join(first)
        yield* Fiber.join(second)
      }
      const sandbox = yield* Sandbox.Sandbox
      const creates = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create")
      assert.strictEqual(creates.length, 2100)
    }).pipe(Effect.provide(layer())),
  60_000
)
