/** What a durable payout does when the provider is away or refuses the key: it pauses, and goes on by itself or when it is woken. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { inVirtualTime, requestOf } from "../support.js"
import { layer } from "./support.js"

const request = requestOf()
const sandboxed = Effect.flatMap(Sandbox.Sandbox, Effect.succeed)
const exchanges = Effect.flatMap(sandboxed, ({ exchanges }) => exchanges)
const moved = Effect.flatMap(sandboxed, ({ ledger }) =>
  Effect.map(ledger, (ledger) => Ledger.moved(ledger, request.handle))
)
const pass = (duration: Parameters<typeof Effect.sleep>[0]) => inVirtualTime(Effect.sleep(duration))

const stateOf = (id: string) =>
  Effect.map(PayoutWorkflow.poll(id), (result) =>
    result?._tag !== "Complete"
      ? (result?._tag ?? "None")
      : Exit.match(result.exit, {
          onSuccess: ({ _tag }) => _tag,
          onFailure: (cause) => (cause._tag === "Fail" ? cause.error._tag : cause._tag)
        })
  )

/** The provider is well until the first create. */
const firstLookup = Script.normal.pipe(Script.onLookup)

const impatient: PayoutWorkflow.Options = { policy: RetryPolicy.none }

describe("A durable payout", () => {
  const troubles = [
    ["a key that is refused with 401", Script.apiError({ status: 401, code: 1 })],
    ["a key without rights, 403", Script.apiError({ status: 403, code: 1 })],
    ["a provider that is away, 503", Script.apiError({ status: 503, code: 1 })],
    ["answers that are lost", Script.dropBeforeCommit],
    ["another server's answers, 302", Script.status(302)],
    ["a limit that does not end, 429", Script.apiError({ status: 429, code: 122 })]
  ] as const

  it.effect.each(
    troubles.flatMap(([what, step]) => (["create", "lookup"] as const).map((since) => [what, since, step] as const))
  )(
    "pauses for %s since its first %s, with growing gaps, and is paid once when that is over (D20)",
    ([, since, step]) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        if (since === "create") yield* sandbox.script(firstLookup)
        yield* sandbox.always(step)
        const id = yield* PayoutWorkflow.submit(request)
        yield* pass("10 hours")
        assert.strictEqual(yield* stateOf(id), "Suspended")
        const asked = (yield* exchanges).map(({ started }) => started.epochMillis / 60_000)
        const gaps = asked.slice(1).map((at, index) => Math.round(at - (asked[index] ?? 0)))
        assert.deepStrictEqual(gaps.filter((gap) => gap > 0).slice(0, 6), [5, 10, 20, 40, 60, 60])
        yield* sandbox.clear
        yield* pass("61 minutes")
        assert.strictEqual(yield* stateOf(id), "Paid")
        assert.strictEqual(yield* moved, 12_500)
      }).pipe(Effect.provide(layer({}, impatient)))
  )

  it.effect("goes on at once when it is woken in a pause, and looks the payout up before it sends", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(firstLookup)
      yield* sandbox.always(Script.dropAfterCommit)
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("3 hours")
      yield* sandbox.clear
      const before = (yield* exchanges).length
      yield* PayoutWorkflow.wake(id)
      yield* pass("1 second")
      assert.strictEqual(yield* stateOf(id), "Paid")
      assert.deepStrictEqual(
        (yield* exchanges).slice(before).map(({ kind }) => kind),
        ["Lookup"]
      )
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(layer({}, impatient)))
  )

  it.effect("is not woken from a pause by a hint, which only asks: a webhook cannot make it send", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(firstLookup)
      yield* sandbox.always(Script.apiError({ status: 503, code: 1 }))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("90 minutes")
      const before = (yield* exchanges).length
      yield* PayoutWorkflow.hint(id)
      yield* pass("5 minutes")
      assert.strictEqual((yield* exchanges).length, before)
    }).pipe(Effect.provide(layer({}, impatient)))
  )

  it.effect("is woken from a wait of hours between its tries", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(firstLookup)
      yield* sandbox.always(Script.apiError({ status: 503, code: 1 }))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("4 hours")
      yield* sandbox.clear
      yield* PayoutWorkflow.wake(id)
      yield* pass("1 second")
      assert.strictEqual(yield* stateOf(id), "Paid")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not woken from the wait after a processing error: that is the provider's rule", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.processingError().pipe(Script.onCreate))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("10 seconds")
      yield* PayoutWorkflow.wake(id)
      yield* pass("30 seconds")
      assert.strictEqual(yield* stateOf(id), "Suspended")
      yield* pass("30 seconds")
      assert.strictEqual(yield* stateOf(id), "Paid")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("that is processing is looked up when it is woken", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("2 hours")
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.wake(id)
      yield* pass("1 second")
      assert.strictEqual(yield* stateOf(id), "Paid")
      // It has ended: there is nothing to wake.
      yield* PayoutWorkflow.wake(id)
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() })))
  )

  it.effect("ends as what it is when its pauses end", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(firstLookup)
      yield* sandbox.always(Script.apiError({ status: 401, code: 1 }))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("3 hours")
      assert.strictEqual(yield* stateOf(id), "RequestRejected")
      assert.strictEqual((yield* exchanges).length, 4)
    }).pipe(Effect.provide(layer({}, { ...impatient, pauseSchedule: Schedule.fromDelays("1 hour", "1 hour") })))
  )

  it.effect.each([
    ["a refused request", Script.apiError({ status: 400, code: 135 }), "PaymentMethodNotAllowed"],
    ["a soft decline", Script.softDeclined(), "SoftDeclined"],
    ["a hard decline", Script.hardDeclined(), "HardDeclined"]
  ] as const)("does not pause after %s", ([, step, tag]) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(step.pipe(Script.onCreate))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.strictEqual(yield* stateOf(id), tag)
    }).pipe(Effect.provide(layer()))
  )
})
