/** What the tests of `Payouts` share: calls in virtual time, the truth of the sandbox, and rows of scripted answers. */
import { assert } from "@effect/vitest"
import { Duration, Effect, Either, Schedule } from "effect"
import { Payouts, PayoutRequest, RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import { inVirtualTime, layer, requestOf } from "../support.js"

export const handle = "prize-2026-0042"
/** Another saved method than that of `requestOf`. */
export const other = "ca_00000000000000000000000000000000"

/** Creates in virtual time, and returns the outcome or the error. */
export const create = (request: PayoutRequest.PayoutRequest, options?: Payouts.CreateOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    inVirtualTime(Effect.map(Effect.either(payouts.create(request, options)), Either.merge))
  )

/** Recovers in virtual time, and returns the outcome or the error. */
export const recover = (request: PayoutRequest.PayoutRequest, options?: Payouts.RecoverOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    inVirtualTime(Effect.map(Effect.either(payouts.recover(request, options)), Either.merge))
  )

/** Plays these steps once, for the next exchanges. */
export const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

/** Plays these steps for every exchange that the script has none for. */
export const always = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.always(...steps))

/** What really happened: exchanges received, money moved, and how many different bodies. */
export const truth = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  const exchanges = yield* sandbox.exchanges
  const ledger = yield* sandbox.ledger
  return {
    creates: exchanges.filter(({ ending, kind }) => kind === "Create" && ending !== "Refused").length,
    lookups: exchanges.filter(({ ending, kind }) => kind === "Lookup" && ending !== "Refused").length,
    moved: Ledger.moved(ledger, handle),
    bodies: yield* sandbox.bodies(handle),
    paidTwice: Ledger.paidTwice(ledger)
  }
})

export type End = Outcome.Outcome | PayoutError.PayoutError

/** The attempts of a call, one line each. */
export const story = ({ attempts }: End): ReadonlyArray<string> =>
  attempts.map(({ code, decision, delay, kind, outcome, sent, status }) =>
    [
      kind,
      status ?? sent,
      ...(code === undefined ? [] : [code]),
      outcome,
      "->",
      decision,
      ...(delay === undefined || Duration.toMillis(delay) === 0 ? [] : [Duration.format(delay)])
    ].join(" ")
  )

/** What every end must satisfy: its exposure covers the truth, and its attempts leave no exchange out. */
export const assertTruthful = (end: End) =>
  Effect.gen(function* () {
    const { bodies, creates, lookups, moved, paidTwice } = yield* truth
    assert.isAtLeast(moved, end.exposure.min, "less moved than exposure.min")
    assert.isAtMost(moved, end.exposure.max, "more moved than exposure.max")
    if (end.certainty === "NotMoved") assert.strictEqual(moved, 0, "NotMoved, and money moved")
    if (end.certainty === "Moved") assert.isAbove(moved, 0, "Moved, and no money moved")
    const sent = end.attempts.filter((attempt) => attempt.sent !== "NotSent")
    assert.strictEqual(sent.length, creates + lookups, "each exchange is on record")
    assert.isAtMost(bodies, 1, "every create had the same bytes")
    assert.deepStrictEqual(paidTwice, [])
  })

/** No jitter, so that delays are exact. */
export const exact = RetryPolicy.make({
  communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("1 second", "2 seconds", "4 seconds"))),
  rateLimited: Schedule.fromDelays("1 second", "2 seconds"),
  concurrentUpdate: Schedule.fromDelays("1 second")
})

/** The answers of the provider to one create, and how the call must end. */
export interface Row {
  readonly says: string
  readonly steps: ReadonlyArray<Script.Step>
  readonly input?: Partial<PayoutRequest.Input>
  readonly options?: Sandbox.Options
  readonly tag: End["_tag"]
  readonly certainty: End["certainty"]
  readonly exposure: readonly [min: number, max: number]
  readonly story: ReadonlyArray<string>
}

/** Plays the steps of a row, creates, and compares the whole end. */
export const check = (row: Row) =>
  Effect.gen(function* () {
    yield* script(...row.steps)
    const end = yield* create(requestOf(row.input), { policy: exact })
    assert.deepStrictEqual(story(end), row.story)
    assert.strictEqual(end._tag, row.tag)
    assert.strictEqual(end.certainty, row.certainty)
    assert.deepStrictEqual(end.exposure, { min: row.exposure[0], max: row.exposure[1] })
    yield* assertTruthful(end)
  }).pipe(Effect.provide(layer(row.options)))
