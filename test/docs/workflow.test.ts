import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"
import { Funds, payPrize } from "./workflow.js"

const calls: Array<string> = []
const FundsTest = Layer.succeed(Funds, {
  reserve: (handle) => Effect.sync(() => calls.push(`reserve ${handle}`)),
  book: (handle) => Effect.sync(() => calls.push(`book ${handle}`)),
  release: (handle) => Effect.sync(() => calls.push(`release ${handle}`)),
  askAPerson: (handle, atMost) => Effect.sync(() => calls.push(`ask about ${handle}, at most ${atMost}`))
})

const TestLayer = Layer.mergeAll(Payouts.layer, FundsTest).pipe(Layer.provideMerge(Sandbox.layer))

it.effect("books the funds once, although the first answer was lost", () =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate))
    yield* payPrize(yield* prize("0001"))
    assert.deepStrictEqual(calls.splice(0), ["reserve prize-2026-0001", "book prize-2026-0001"])
    assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-2026-0001"), 12_500)
  }).pipe(Effect.provide(TestLayer))
)

it.effect("does not give the funds back while the money may have moved", () =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.always(Script.processingError({ moved: true }).pipe(Script.onCreate))
    const fiber = yield* Effect.fork(Effect.flip(payPrize(yield* prize("0002"))))
    yield* TestClock.adjust("6 minutes") // the policy's two waits, at once
    const error = yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      [error._tag, error.certainty, error.exposure.max],
      ["ProcessingError", "MayHaveMoved", 37_500]
    )
    assert.deepStrictEqual(calls.splice(0), ["reserve prize-2026-0002", "ask about prize-2026-0002, at most 37500"])
  }).pipe(Effect.provide(TestLayer))
)
