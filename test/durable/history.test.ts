/** The fold over stored steps: what it says of rows that are missing, late, or cannot be read. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Layer, Schema } from "effect"
import { Exposure, PayoutRequest, type PayoutError, Payouts } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as history from "../../src/durable/history.js"
import * as WorkflowState from "../../src/durable/WorkflowState.js"
import { inVirtualTime, requestOf } from "../support.js"

const request: PayoutRequest.PayoutRequest = requestOf()
const subject = { handle: request.handle, amount: request.amount }

const complete = (value: unknown) =>
  JSON.stringify({ _tag: "Success", value: { _tag: "Complete", exit: { _tag: "Success", value } } })
const suspended = JSON.stringify({ _tag: "Success", value: { _tag: "Suspended" } })
const encode = Schema.encodeSync(WorkflowState.Round)

/** Stored rows of one round, as the workflow makes them, whose create meets `step`. */
const rowsOf = (...script: ReadonlyArray<Script.Step>) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.always(...script)
    const payouts = yield* Payouts.Payouts
    const intent = yield* Effect.orDie(
      payouts.intend(request, { evidence: Exposure.empty(request.handle), within: "5 minutes" })
    )
    const error: PayoutError.PayoutError = yield* inVirtualTime(Effect.flip(payouts.create(request)))
    const failed = encode({ _tag: "Failed", at: 0, error })
    return {
      intent: { name: "intent/1", reply: complete(yield* Schema.encode(Exposure.Evidence)(intent)) },
      send: { name: "send/1", reply: complete(failed) },
      error
    }
  }).pipe(Effect.provide(Layer.provideMerge(Payouts.layer, Sandbox.layer)))

const lost = { name: "send/1", reply: complete(encode({ _tag: "Lost", at: 1, isOwn: false, crash: false })) }
const lapsed = { name: "send/1", reply: complete(encode({ _tag: "Lapsed", at: 1 })) }
const inDoubt = ["MayHaveMoved", 0, 12_500]

const money = (rows: ReadonlyArray<history.Row>, of: history.Subject = subject) => {
  const { certainty, exposure } = history.fold(of, rows)
  return [certainty, exposure.min, exposure.max]
}

describe("The history of a durable payout", () => {
  it.effect("is in doubt from the intent until the end of its step is known", () =>
    Effect.gen(function* () {
      const { intent, send } = yield* rowsOf(Script.hardDeclined())
      const nothing = ["NotMoved", 0, 0]
      assert.deepStrictEqual(money([]), nothing)
      assert.deepStrictEqual(money([{ ...intent, reply: undefined }]), nothing)
      assert.deepStrictEqual(money([intent]), inDoubt)
      assert.deepStrictEqual(money([intent, { ...send, reply: undefined }]), inDoubt)
      assert.deepStrictEqual(money([intent, { ...send, reply: suspended }]), inDoubt)
      assert.deepStrictEqual(money([intent, lost]), inDoubt)
      assert.deepStrictEqual(money([intent, lapsed]), nothing)
      assert.deepStrictEqual(money([intent, send]), nothing)
    })
  )

  it.effect("says what the stored error says, and stays in doubt after one that was lost", () =>
    Effect.gen(function* () {
      const { error, intent, send } = yield* rowsOf(Script.dropAfterCommit.pipe(Script.onCreate), Script.status(503))
      const told = history.fold(subject, [intent, send])
      assert(error._tag !== "InvalidRequest")
      assert.deepStrictEqual(
        [told.latest, told.certainty, told.exposure, told.rounds],
        [error._tag, error.certainty, error.exposure, 1]
      )
      assert.deepStrictEqual(money([intent, lost, { name: "intent/2", reply: intent.reply }]), inDoubt)
    })
  )

  it.effect("is in doubt after an earlier execution, until its first step shows what that one left", () =>
    Effect.gen(function* () {
      const { intent, send } = yield* rowsOf(Script.hardDeclined())
      const again = { ...subject, isReopened: true, most: 12_500 }
      assert.deepStrictEqual(money([], again), inDoubt)
      assert.deepStrictEqual(money([intent], again), inDoubt)
      assert.deepStrictEqual(money([{ name: "assess/1", reply: lost.reply }], again), inDoubt)
      assert.deepStrictEqual(money([{ name: "assess/1", reply: send.reply }], again), ["NotMoved", 0, 0])
      assert.deepStrictEqual(history.fold(again, [{ name: "assess/1", reply: "{" }]).unreadable, ["assess/1"])
    })
  )

  it.effect("names what it cannot read, and counts it as sent: at most the greatest amount, if that is unknown", () =>
    Effect.gen(function* () {
      const { intent, send } = yield* rowsOf(Script.hardDeclined())
      const later = complete({ _tag: "Later", at: 1 })
      for (const reply of ["", "{", "null", "[]", later, complete(null), send.reply.slice(0, -3)]) {
        for (const rows of [
          [intent, { ...send, reply }],
          [
            { ...intent, reply },
            { ...send, reply: undefined }
          ],
          [{ ...intent, reply }, lost],
          [
            { ...intent, reply },
            { ...send, reply }
          ],
          [{ ...send, reply }]
        ]) {
          assert.deepStrictEqual(money(rows), inDoubt, reply)
          assert.isNotEmpty(history.fold(subject, rows).unreadable, reply)
        }
      }
      assert.deepStrictEqual(money([{ ...intent, reply: "{" }], { handle: "x" }), ["MayHaveMoved", 0, 2_147_483_647])
      // The end of a round knows of all rounds before it.
      const known = history.fold(subject, [intent, { ...send, reply: later }, { name: "send/2", reply: send.reply }])
      assert.deepStrictEqual([known.certainty, known.unreadable, known.rounds], ["NotMoved", ["send/1"], 2])
    })
  )

  it.effect("never fails, and never says that nothing moved, however a row of a create in doubt is damaged", () =>
    Effect.gen(function* () {
      const { intent, send } = yield* rowsOf(Script.dropAfterCommit.pipe(Script.onCreate), Script.status(503))
      const damaged = ({ reply }: { readonly reply: string }) =>
        FastCheck.oneof(
          FastCheck.nat(reply.length).map((end) => reply.slice(0, end)),
          FastCheck.json(),
          FastCheck.json().map((json) => complete(JSON.parse(json))),
          FastCheck.constantFrom(reply, undefined, suspended)
        )
      FastCheck.assert(
        FastCheck.property(damaged(intent), damaged(send), (one, other) => {
          const [certainty, , max] = money([
            { ...intent, reply: one },
            { ...send, reply: other }
          ])
          assert.strictEqual(certainty, "MayHaveMoved")
          assert.isAtLeast(Number(max), 12_500)
        }),
        { numRuns: 300 }
      )
      FastCheck.assert(
        FastCheck.property(
          FastCheck.string(),
          FastCheck.option(FastCheck.string(), { nil: undefined }),
          (name, reply) => {
            history.fold(subject, [{ name, reply }])
            history.endOf(reply ?? "")
          }
        )
      )
    })
  )

  it("reads the end of an execution without what it does not need", () => {
    const told = { _tag: "Paid", certainty: "Moved", exposure: { min: 1, max: 2 }, later: true }
    const error = { _tag: "InvalidRequest", field: "amount", reason: "must be less" }
    const failed = (exit: unknown) => JSON.stringify({ _tag: "Success", value: { _tag: "Complete", exit } })
    const { _tag: tag, certainty, exposure } = told
    assert.deepStrictEqual(history.endOf(complete(told)), { tag, certainty: "Moved", exposure })
    assert.strictEqual(certainty, "Moved")
    assert.deepStrictEqual(history.endOf(failed({ _tag: "Failure", cause: { _tag: "Fail", error } })), {
      tag: "InvalidRequest",
      certainty: "NotMoved",
      exposure: { min: 0, max: 0 }
    })
    assert.strictEqual(history.endOf(suspended), "Suspended")
    for (const other of [
      failed({ _tag: "Failure", cause: { _tag: "Interrupt" } }),
      // Not every error without a statement says that nothing moved.
      failed({ _tag: "Failure", cause: { _tag: "Fail", error: { _tag: "Later" } } }),
      "[]"
    ]) {
      assert.strictEqual(history.endOf(other), "Unreadable")
    }
  })
})
