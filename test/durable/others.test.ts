/** Payouts of one handle with other arguments, by this process and by another: nobody is told another one's end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { layer } from "./support.js"

const request = requestOf()
const pass = (duration: Parameters<typeof Effect.sleep>[0]) => inVirtualTime(Effect.sleep(duration))

const told = Effect.fn(function* (one = request) {
  const result = yield* PayoutWorkflow.poll(yield* PayoutWorkflow.executionId(one))
  if (result?._tag !== "Complete") return [result?._tag ?? "None"]
  const { _tag, certainty, exposure } = yield* Effect.merge(result.exit)
  return [_tag, certainty, exposure.min, exposure.max]
})

const options = { pauseSchedule: Schedule.stop, policy: RetryPolicy.none, pollSchedule: Schedule.spaced("1 hour") }

/** Ours is processing, is declined softly, and then the handle is paid with other arguments. Nobody asked meanwhile. */
const paidBy = (other: typeof request, by: "this process" | "another process") =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* PayoutWorkflow.submit(request)
    yield* pass("1 minute")
    yield* sandbox.settle(request.handle, Acquirer.softDeclined())
    if (by === "this process") yield* PayoutWorkflow.submit(other)
    else yield* Effect.flatMap(anotherProcess(), (process) => process.create(other))
    yield* pass("1 minute")
    yield* sandbox.settle(request.handle, Acquirer.paid)
    if (by === "this process") yield* PayoutWorkflow.hint(yield* PayoutWorkflow.executionId(other))
    yield* pass("3 hours")
  })

describe("A payout that waits for its end", () => {
  it.effect.each(["this process", "another process"] as const)(
    "is not told as paid when another card was paid under its handle, by %s",
    (by) =>
      Effect.gen(function* () {
        const other = requestOf({ destination: "ca_another" })
        yield* paidBy(other, by)
        assert.deepStrictEqual(yield* told(), ["HandleConflict", "NotMoved", 0, 0])
        if (by === "this process") assert.deepStrictEqual(yield* told(other), ["Paid", "Moved", 12_500, 12_500])
      }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() }, options)))
  )

  it.effect("is not told as paid when another amount was paid under its handle, by another process", () =>
    Effect.gen(function* () {
      yield* paidBy(requestOf({ amount: 99_900 }), "another process")
      assert.deepStrictEqual(yield* told(), ["HandleConflict", "NotMoved", 0, 0])
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() }, options)))
  )

  it.effect("is told as declined although another amount was submitted: that one is not sent under its handle", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const other = requestOf({ amount: 99_900 })
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 minute")
      yield* sandbox.settle(request.handle, Acquirer.softDeclined())
      yield* PayoutWorkflow.submit(other)
      yield* pass("3 hours")
      assert.deepStrictEqual(yield* told(), ["SoftDeclined", "NotMoved", 0, 0])
      assert.deepStrictEqual(yield* told(other), ["HandleConflict", "NotMoved", 0, 0])
      assert.deepStrictEqual(Ledger.movements(yield* sandbox.ledger, request.handle), [])
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() }, options)))
  )

  it.effect("is not told as declined for good when another card was: it can be taken up", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.processing().pipe(Script.onCreate), Script.hardDeclined().pipe(Script.onCreate))
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 minute")
      yield* sandbox.settle(request.handle, Acquirer.softDeclined())
      const process = yield* anotherProcess()
      const other = requestOf({ destination: "ca_another" })
      yield* inVirtualTime(Effect.merge(process.create(other, { policy: RetryPolicy.none })))
      yield* pass("3 hours")
      const [tag, certainty] = yield* told()
      assert.notStrictEqual(tag, "HardDeclined")
      assert.strictEqual(certainty, "NotMoved")
      assert.strictEqual((yield* PayoutWorkflow.retry(request)).status, "Reopened")
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* told(), ["Paid", "Moved", 12_500, 12_500])
    }).pipe(Effect.provide(layer({}, options)))
  )
})
