/**
 * Every short story of two requests under one handle, in one process or two: what the first one met, how its card is shown, who
 * tries the second one, and how. Nothing moves twice, and what is said at the end holds what has moved.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import {
  type Exposure,
  type Outcome,
  type PayoutError,
  type PayoutRequest,
  type Payouts,
  RetryPolicy
} from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"

type Service = Payouts.Payouts["Type"]
type End = Outcome.Outcome | PayoutError.PayoutError

const lost = Script.and(Script.dropAfterCommit)

/** What the first create meets. */
const fates = {
  paid: Script.paid,
  processing: Script.processing({ after: "1 hour" }),
  "processing, and fails": Script.processing({ after: "1 hour", as: Acquirer.hardDeclined() }),
  "a hard decline": Script.hardDeclined(),
  "a soft decline": Script.softDeclined(),
  "a processing error": Script.processingError(),
  "a processing error that paid": Script.processingError({ moved: true }),
  "nothing, and is carried out later": Script.executeLater("3 minutes"),
  "nothing, and is dropped": Script.dropBeforeCommit
}

const cards = {
  "saved cards": [requestOf(), requestOf({ destination: "ca_0123456789abcdef0123456789abcdef" })],
  "card tokens": [
    requestOf({ destination: Redacted.make(`ct_${"x".repeat(32)}`), customer: "c-1" }),
    requestOf({ destination: Redacted.make(`ct_${"y".repeat(32)}`), customer: "c-1" })
  ],
  amounts: [requestOf(), requestOf({ amount: 10_000 })]
} satisfies Record<string, readonly [PayoutRequest.PayoutRequest, PayoutRequest.PayoutRequest]>

/** How the second one is tried by a process that has all evidence: its own, or what it was given. */
const tries = {
  "creates in the same process": (first, _, request) => first.create(request),
  "recovers in the same process": (first, _, request) => first.recover(request),
  "creates with the evidence": (_, next, request, evidence) => next.create(request, { evidence }),
  "recovers with the evidence": (_, next, request, evidence) => next.recover(request, { evidence }),
  "recovers with the evidence, and knows of no other create": (_, next, request, evidence) =>
    next.recover(request, { evidence, outstandingCreates: 0 })
} satisfies Record<
  string,
  (
    first: Service,
    next: Service,
    request: PayoutRequest.PayoutRequest,
    evidence: Exposure.Evidence
  ) => Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>
>

/** The least and the most that a statement says has moved, of all requests under the handle. */
const said = (end: End): readonly [min: number, max: number] => {
  const other = end._tag === "HandleConflict" ? end.other.exposure : { min: 0, max: 0 }
  return [end.exposure.min + other.min, end.exposure.max + other.max]
}

describe("A second request under a handle, with all evidence,", () => {
  for (const card of ["Shown", "Hidden"] as const) {
    for (const [kind, [first, second]] of Object.entries(cards)) {
      for (const [how, attempt] of Object.entries(tries)) {
        it.effect.each(
          Object.entries(fates).flatMap((fate) => [true, false].map((isLost) => [...fate, isLost] as const))
        )(
          `moves nothing twice, and the truth is told: ${kind}, ${card.toLowerCase()}, ${how}, after %s`,
          ([fate, step, isLost]) =>
            inVirtualTime(
              Effect.gen(function* () {
                const sandbox = yield* Sandbox.Sandbox
                const [one, next] = [yield* anotherProcess(), yield* anotherProcess()]
                yield* sandbox.script((isLost && !fate.startsWith("nothing") ? lost(step) : step).pipe(Script.onCreate))
                const before = yield* Effect.merge(one.create(first, { policy: RetryPolicy.none }))
                yield* Effect.sleep("5 minutes")
                assert(before._tag !== "InvalidRequest")
                const end = yield* Effect.merge(attempt(one, next, second, before.evidence))
                yield* Effect.sleep("7 hours")
                const moved = Ledger.movements(yield* sandbox.ledger, first.handle)
                assert.isAtMost(moved.length, 1, `${before._tag}, then ${end._tag}`)
                const sum = Ledger.moved(yield* sandbox.ledger, first.handle)
                const [min, max] = said(end)
                assert.isTrue(min <= sum && sum <= max, `${sum} moved, and ${end._tag} said ${min} to ${max}`)
                if (end._tag === "Paid") assert.strictEqual(moved[0]?.amount, second.amount)
              })
            ).pipe(Effect.provide(layer({ card })))
        )
      }
    }
  }
})
