import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { Exposure } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { pay, PayoutsLive, Tables } from "./agentsRight.js"

const prize = { id: 42, card: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500 }

const tables = () => {
  const evidence = new Map<string, Exposure.Evidence>()
  const calls: Array<string> = []
  const note = (call: string) => Effect.sync(() => void calls.push(call))
  return {
    calls,
    layer: Layer.succeed(Tables, {
      evidenceOf: (handle) => Effect.sync(() => Option.fromNullable(evidence.get(handle))),
      keep: (one) => Effect.sync(() => void evidence.set(one.handle, one)),
      book: () => note("book"),
      release: () => note("release"),
      askAPerson: (_, atMost) => note(`ask, at most ${atMost}`)
    })
  }
}

/** Each run is a process of its own, which is killed after so many seconds. The tables and the provider outlive it. */
const run = (layer: Layer.Layer<Tables>, killedAfter: number) =>
  pay(prize).pipe(
    Effect.provide(Layer.provideMerge(PayoutsLive, layer)),
    Effect.timeoutOption(`${killedAfter} seconds`),
    Sandbox.inVirtualTime
  )

it.effect("pays once and books once, although the process is killed while its create is under way", () => {
  const { calls, layer } = tables()
  return Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.hangAfterCommit.pipe(Script.onCreate))
    yield* run(layer, 1)
    yield* run(layer, 600)
    assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize.42"), 12_500)
    assert.deepStrictEqual(calls, ["book"])
  }).pipe(Effect.provide(Sandbox.layer))
})

it.effect("releases nothing while the money may have moved", () => {
  const { calls, layer } = tables()
  return Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.always(Script.processingError({ moved: true }).pipe(Script.onCreate))
    yield* run(layer, 600)
    assert.deepStrictEqual(calls, ["ask, at most 37500"])
  }).pipe(Effect.provide(Sandbox.layer))
})
