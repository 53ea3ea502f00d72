/** What a service takes for a request, and keeps of it for as long as a conversation lasts. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Either, Exit, Fiber, Redacted, Schema, Stream, TestClock } from "effect"
import { BillwerkClient, Money, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { inspect } from "node:util"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { everything } from "../everything.js"

const { PayoutRequest: Class } = PayoutRequest
const request = requestOf()
const minus = { ...request, amount: Money.Amount.make(-7, true) }

class Sub extends Class {}

/** What looks like a request, to the compiler as well. */
const forged: ReadonlyArray<PayoutRequest.PayoutRequest> = [
  new Class(minus, true),
  new Class({ ...request }, true),
  new Sub({ ...request }),
  Object.setPrototypeOf({ ...minus }, Class.prototype),
  Object.create(request, { amount: { value: -7 } })
]

describe("What only looks like a request", () => {
  it.effect("is refused by the service, and nothing is sent (D3)", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      for (const one of forged) {
        for (const call of [
          payouts.create(one),
          payouts.recover(one),
          payouts.recover(one, { outstandingCreates: 3 })
        ]) {
          const error = yield* Effect.flip(call)
          assert.deepStrictEqual(
            [error._tag, error.certainty, error.exposure],
            ["InvalidRequest", "NotMoved", { min: 0, max: 0 }]
          )
        }
      }
      const results = yield* Stream.runCollect(payouts.createAll(Stream.fromIterable(forged)))
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(results).map(({ result }): unknown => result._tag === "Left" && result.left._tag),
        forged.map(() => "InvalidRequest")
      )
      assert.lengthOf(yield* (yield* Sandbox.Sandbox).exchanges, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is refused by the client, and nothing is sent (D3)", () =>
    Effect.gen(function* () {
      const client = yield* BillwerkClient.BillwerkClient
      for (const one of forged) {
        for (const call of [
          Effect.suspend(() => client.create(one)),
          Effect.suspend(() => client.lookup(one.handle, one))
        ]) {
          const exit = yield* Effect.exit(call)
          assert(Exit.isFailure(exit))
          assert.include(Cause.pretty(exit.cause), "request must be made by PayoutRequest.make")
        }
      }
      assert.lengthOf(yield* (yield* Sandbox.Sandbox).exchanges, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is refused by the workflow (D3)", () =>
    Effect.gen(function* () {
      for (const one of forged) {
        const error = yield* Effect.flip(PayoutWorkflow.executionId(one))
        assert.deepStrictEqual([error.field, error.reason], ["request", "must be made by PayoutRequest.make"])
      }
    })
  )
})

describe("What is stored of a request", () => {
  it("is not shown when it cannot be read (D7)", () => {
    const secret = "ca_C4n4ryS4ved0123456789abcdef012345"
    const stored = {
      handle: "p-1",
      destination: { _tag: "SavedMethod", reference: secret },
      amount: 1,
      currency: "DKK"
    }
    const customer = { handle: "c-1", email: secret }
    for (const wrong of [
      { ...stored, amount: secret },
      { ...stored, customer },
      { ...stored, text: `${secret}\n` },
      { ...stored, destination: { _tag: "CardToken", reference: secret } },
      [secret],
      secret
    ]) {
      const decoded = Schema.decodeUnknownEither(PayoutWorkflow.DurableRequest)(wrong)
      assert(Either.isLeft(decoded))
      assert.notInclude(inspect(decoded.left, everything), "C4n4ry")
    }
  })
})

describe("A conversation", () => {
  it.effect("goes on when the caller wipes the token under way (F10)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.dropAfterCommit, Script.apiError({ status: 503, code: 2 }))
      const token = Redacted.make("ct_canary5f1c4d2e9b7a")
      const toCard = requestOf({ destination: token, customer: "c-1" })
      const payouts = yield* Payouts.Payouts
      const fiber = yield* Effect.fork(inVirtualTime(payouts.create(toCard)))
      yield* Effect.yieldNow()
      Redacted.unsafeWipe(token)
      Redacted.unsafeWipe(toCard.destination.reference)
      const outcome = yield* Fiber.join(fiber)
      assert.deepStrictEqual([outcome._tag, outcome.exposure], ["Paid", { min: 12_500, max: 12_500 }])
      const again = requestOf({ destination: Redacted.make("ct_canary5f1c4d2e9b7a"), customer: "c-1" })
      assert.strictEqual((yield* payouts.create(again))._tag, "Paid")
      assert.strictEqual((yield* payouts.create(toCard))._tag, "Paid")
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 12_500)
      yield* TestClock.adjust(0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is one, whatever the order of what is known of the customer (F9)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.dropAfterCommit, Script.apiError({ status: 500, code: 2 }))
      const [one, two] = [
        { handle: "c-1", email: "a@example.com", metadata: { a: 1, b: 2 } },
        { metadata: { b: 2, a: 1 }, email: "a@example.com", handle: "c-1" }
      ].map((customer) => requestOf({ customer }))
      assert(one !== undefined && two !== undefined)
      const payouts = yield* Payouts.Payouts
      const fiber = yield* Effect.fork(payouts.create(one))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      const outcome = yield* inVirtualTime(payouts.create(two))
      assert.deepStrictEqual([outcome._tag, outcome.exposure], ["Paid", { min: 12_500, max: 12_500 }])
      const bodies = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create")
      assert.lengthOf(new Set(bodies.map(({ fingerprint }) => fingerprint)), 1)
    }).pipe(Effect.provide(layer()))
  )
})
