/** An intent: evidence of a create that a process is going to send, for whoever keeps a journal. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, destination, layer, requestOf } from "../support.js"

const request = requestOf()
const options = { policy: RetryPolicy.none }
const amount = { min: 0, max: 12_500 }

describe("An intent", () => {
  it.effect("is refused for a number that is none, and for another payout's evidence", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const refused = (options: Payouts.IntendOptions) =>
        Effect.map(Effect.flip(payouts.intend(request, options)), ({ field, reason }) => [field, reason])
      assert.deepStrictEqual(yield* refused({ creates: 0.5 }), ["creates", "must be an integer of 0 or more"])
      assert.deepStrictEqual(yield* refused({ evidence: Exposure.empty("another") }), [
        ...["evidence", "must be about the request's handle"]
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is a create of the next minute that may have been sent, and sends nothing", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      yield* TestClock.adjust("1 hour")
      const { creates, ...rest } = yield* payouts.intend(request)
      const [create, ...others] = creates
      assert(create !== undefined)
      assert.deepStrictEqual(
        [create.from, create.to, create.amount, create.count, create.guess, create.before, others],
        [3_600_000, 3_660_000, 12_500, 1, false, [], []]
      )
      assert.deepStrictEqual(Exposure.exposure({ creates, ...rest }), amount)
      assert.notInclude(JSON.stringify(creates), destination)
      assert.deepStrictEqual(yield* Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges), [])
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "has the process's clock, once an answer has measured it, and all that the process knows of the handle",
    () =>
      Effect.gen(function* () {
        const payouts = yield* Payouts.Payouts
        const { clocks } = yield* payouts.intend(request)
        yield* Effect.flatMap(Sandbox.Sandbox, ({ script }) => script(Script.hardDeclined()))
        yield* Effect.flip(payouts.create(request))
        const again = yield* payouts.intend(requestOf({ destination: "ca_another" }))
        assert.deepStrictEqual([clocks, Object.keys(again.clocks)], [{}, [again.creates[0]?.clock]])
        assert.deepStrictEqual(
          again.creates[0]?.before,
          again.transactions.map(({ id }) => id)
        )
        assert.strictEqual(again.transactions.length, 1)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("is the create that is sent next, and counts once with it", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      yield* Effect.flatMap(Sandbox.Sandbox, ({ script }) => script(Script.dropBeforeCommit, Script.laggingRead))
      const intent = yield* payouts.intend(request)
      const error = yield* Effect.flip(payouts.create(request, options))
      assert(error._tag === "CommunicationError")
      assert.deepStrictEqual(Exposure.exposure(Exposure.merge(intent, error.evidence)), amount)
      assert.deepStrictEqual(
        error.evidence.creates.map(({ id }) => id),
        intent.creates.map(({ id }) => id)
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of a process that died is a doubt in the next one, until the arrival horizon", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.hardDeclined().pipe(Script.onCreate))
      const first = yield* anotherProcess()
      const evidence = yield* first.intend(request)
      const second = yield* anotherProcess()
      const error = yield* Effect.flip(second.recover(request, { evidence, outstandingCreates: 0 }))
      assert.deepStrictEqual([error._tag, error.exposure], ["HardDeclined", amount])
      yield* TestClock.adjust("371 minutes")
      const again = yield* Effect.flip(second.recover(request, { evidence, outstandingCreates: 0 }))
      assert.deepStrictEqual([again._tag, again.certainty], ["HardDeclined", "NotMoved"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of several creates counts all of them, beside those that are known to have been sent", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const intent = yield* payouts.intend(request, { creates: 3, within: "15 minutes" })
      assert.deepStrictEqual([intent.creates[0]?.to, Exposure.exposure(intent).max], [900_000, 37_500])
      const call = yield* Effect.fork(payouts.create(request))
      yield* Effect.yieldNow()
      const again = yield* payouts.intend(request, { evidence: intent })
      yield* Fiber.interrupt(call)
      assert.isAtLeast(Exposure.exposure(again).max, 50_000)
    }).pipe(Effect.provide(layer({ latency: "1 second" })))
  )

  it.effect("is not taken with the evidence of another handle", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const error = yield* Effect.flip(payouts.intend(request, { evidence: Exposure.empty("another") }))
      assert.deepStrictEqual([error._tag, error.field], ["InvalidRequest", "evidence"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("and its create were sent at the later time, after all that was over by then", () =>
    Effect.sync(() => {
      const create = { id: "a/1", count: 1, clock: "a", amount: 12_500, guess: false }
      const piece = (from: number, to: number, before: ReadonlyArray<string>) =>
        Exposure.withCreate(Exposure.empty("p"), { ...create, from, to, before })
      const [intent, sent] = [piece(0, 60_000, ["t1"]), piece(30_000, 30_000, ["t1", "t2"])]
      for (const merged of [Exposure.merge(intent, sent), Exposure.merge(sent, intent)]) {
        assert.deepStrictEqual(merged.creates, [{ ...create, from: 30_000, to: 60_000, before: ["t1", "t2"] }])
      }
    })
  )
})
