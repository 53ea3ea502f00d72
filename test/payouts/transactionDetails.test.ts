/** What the provider knows of a transaction: shown to its caller, and to nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Handle, Payout, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { create, exact, script } from "./fixture.js"

const { handle } = requestOf()

const details = (id: string, options?: Payouts.CallOptions, of: Handle.Handle = handle) =>
  Effect.flatMap(Payouts.Payouts, (payouts) => payouts.transactionDetails(of, id, options))

const failureOf = (id: string, options?: Payouts.CallOptions, of?: Handle.Handle) =>
  inVirtualTime(Effect.flip(details(id, options, of)))

/** Pays, and returns the id of the transaction. */
const paid = Effect.gen(function* () {
  yield* create(requestOf())
  const payouts = yield* Payouts.Payouts
  return Payout.latest(yield* payouts.get(handle))?.id ?? ""
})

const kinds = Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) =>
  Effect.map(exchanges, (all) => all.map(({ kind }) => kind))
)

describe("Payouts.transactionDetails", () => {
  it.effect("gives the provider's map, which only Redacted.value shows", () =>
    Effect.gen(function* () {
      const found = yield* details(yield* paid)
      const value = Redacted.value(found)
      assert.strictEqual(value["response_code"], "00")
      assert.strictEqual(value["masked_card"], "411111XXXXXX1111")
      for (const shown of [
        String(found),
        JSON.stringify(found),
        inspect(found),
        inspect(found, { showHidden: true })
      ]) {
        assert.notInclude(shown, "411111")
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("asks again by the policy", () =>
    Effect.gen(function* () {
      const id = yield* paid
      yield* script(Script.status(502), Script.apiError({ status: 429, code: 122 }), Script.dropAfterCommit)
      const found = yield* inVirtualTime(details(id, { policy: exact }))
      assert.strictEqual(Redacted.value(found)["response_code"], "00")
      assert.deepStrictEqual((yield* kinds).slice(-4), ["Details", "Details", "Details", "Details"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "fails with PayoutNotFound for an unknown payout, and with the provider's code for an unknown transaction",
    () =>
      Effect.gen(function* () {
        yield* paid
        const payout = yield* failureOf("a0000000000000000000000000000001", undefined, Handle.Handle.make("another"))
        assert.strictEqual(payout._tag, "PayoutNotFound")
        const transaction = yield* failureOf("f".repeat(32))
        assert(transaction._tag === "LookupFailed")
        assert.deepStrictEqual(
          [transaction.category, transaction.status, transaction.code, transaction.why, transaction.attempts.length],
          ["RequestRejected", 404, 70, "HTTP 404, Transaction not found", 1]
        )
      }).pipe(Effect.provide(layer()))
  )

  it.effect("fails without asking for an id that is not the provider's own", () =>
    Effect.gen(function* () {
      for (const id of ["", "..", "id-0123456789abcdef", "a/b", "a b"]) {
        const error = yield* failureOf(id)
        assert(error._tag === "LookupFailed")
        assert.include(error.why, "nothing was sent")
      }
      assert.deepStrictEqual(yield* kinds, [])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails for an answer that is no map", () =>
    Effect.gen(function* () {
      for (const body of ["[]", "5", '"text"', "null", "{", ""]) {
        yield* script(Script.reply({ status: 200, body }))
        const error = yield* failureOf("a".repeat(32), { policy: RetryPolicy.none })
        assert(error._tag === "LookupFailed")
        assert.strictEqual(error.category, "UnexpectedResponse", body)
      }
    }).pipe(Effect.provide(layer()))
  )
})
