/** What stored evidence amounts to after a lookup, and that nothing is sent for it. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Option, TestClock } from "effect"
import { Exposure, type PaidContradicted, type Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import { always, create, exact, recover, script, truth } from "./fixture.js"

const { handle } = requestOf()

/** What another process says of the stored evidence. */
const assess = (evidence: Exposure.Evidence, options: Payouts.AssessOptions = {}) =>
  Effect.flatMap(anotherProcess(), (payouts) =>
    inVirtualTime(payouts.assess(handle, { policy: exact, evidence, ...options }))
  )

/** It is paid, and neither the answer nor the lookups after it arrive. */
const unseen = [Script.dropAfterCommit, ...Array.from({ length: 2 }, () => Script.status(502))]

const said = ({ certainty, exposure, payout }: Payouts.Assessment) => [
  Option.getOrUndefined(Option.map(payout, ({ state }) => state)),
  certainty,
  exposure.min,
  exposure.max
]

/** An error in doubt, as another process stored it. */
const inDoubt = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.gen(function* () {
    yield* script(...steps)
    const end = yield* create(requestOf(), { policy: RetryPolicy.none })
    assert.strictEqual(end.certainty, "MayHaveMoved")
    return "evidence" in end ? end.evidence : assert.fail("it has evidence")
  })

const moveOn = (after: `${number} hours`) =>
  Effect.zipRight(
    TestClock.adjust(after),
    Effect.flatMap(Sandbox.Sandbox, ({ ledger }) => ledger)
  )

describe("Payouts.assess", () => {
  it.effect("ends a doubt with a payment that the record shows, and sends nothing", () =>
    Effect.gen(function* () {
      const evidence = yield* inDoubt(...unseen)
      assert.deepStrictEqual(said(yield* assess(evidence)), ["paid", "Moved", 12_500, 12_500])
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps a doubt about a payout that the provider does not know, until the arrival horizon (50)", () =>
    Effect.gen(function* () {
      const evidence = yield* inDoubt(Script.dropBeforeCommit)
      assert.deepStrictEqual(said(yield* assess(evidence)), [undefined, "MayHaveMoved", 0, 12_500])
      yield* moveOn("7 hours")
      assert.deepStrictEqual(said(yield* assess(evidence)), [undefined, "NotMoved", 0, 0])
      assert.deepStrictEqual([(yield* truth).creates, (yield* truth).moved], [1, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps the doubt that a processing error leaves, at any time (71)", () =>
    Effect.gen(function* () {
      const evidence = yield* inDoubt(Script.processingError({ moved: true }))
      yield* moveOn("7 hours")
      assert.deepStrictEqual(said(yield* assess(evidence)), ["failed", "MayHaveMoved", 0, 12_500])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("gives evidence that recover takes", () =>
    Effect.gen(function* () {
      const { evidence } = yield* assess(yield* inDoubt(...unseen))
      assert.strictEqual((yield* recover(requestOf(), { evidence, outstandingCreates: 0 }))._tag, "Paid")
      assert.strictEqual((yield* truth).creates, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("says what the record shows, without evidence", () =>
    Effect.gen(function* () {
      yield* create(requestOf())
      const payouts = yield* anotherProcess()
      assert.deepStrictEqual(said(yield* payouts.assess(handle)), ["paid", "Moved", 12_500, 12_500])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails with LookupFailed if the provider cannot be asked, which ends no doubt", () =>
    Effect.gen(function* () {
      const evidence = yield* inDoubt(Script.dropBeforeCommit)
      yield* moveOn("7 hours")
      yield* always(Script.apiError({ status: 401, code: 6 }))
      const error = yield* Effect.flip(assess(evidence))
      assert.deepStrictEqual(
        [error._tag, error._tag === "LookupFailed" && error.category],
        ["LookupFailed", "RequestRejected"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("refuses the evidence of another handle, and asks nothing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(assess(Exposure.empty("another")))
      assert.deepStrictEqual(
        [error._tag, error._tag === "InvalidRequest" && error.field],
        ["InvalidRequest", "evidence"]
      )
      assert.strictEqual((yield* truth).lookups, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("reports a record that contradicts a payment of this process", () =>
    Effect.gen(function* () {
      const reported = yield* Deferred.make<string>()
      const onContradiction = ({ shown }: PaidContradicted.PaidContradicted) =>
        Effect.asVoid(Deferred.succeed(reported, shown.state))
      const payouts = yield* anotherProcess({ onContradiction })
      yield* payouts.create(requestOf())
      yield* script(Script.altered({ state: "failed" }))
      assert.deepStrictEqual(said(yield* payouts.assess(handle)), ["failed", "Moved", 12_500, 12_500])
      assert.strictEqual(yield* Deferred.await(reported), "failed")
    }).pipe(Effect.provide(layer()))
  )
})
