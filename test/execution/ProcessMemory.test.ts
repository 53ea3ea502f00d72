import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, HashMap, Logger, Metric } from "effect"
import { Exposure, Outcome, type Payout, PayoutError, type PayoutRequest, Telemetry } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../src/execution/EvidenceRecorder.js"
import type { Process } from "../../src/execution/Process.js"
import { type Ended, ProcessMemory } from "../../src/execution/ProcessMemory.js"
import { subjectOf } from "../../src/execution/Subject.js"
import { requestOf } from "../support.js"

const noon = Date.UTC(2026, 0, 2, 12)
let names = 0
const process: Process = {
  clock: "here",
  now: Effect.succeed({ clock: "here", at: noon }),
  intend: () => "intended",
  giveBack: () => {},
  newId: () => ({ id: `here/${++names}`, until: Infinity }),
  offset: () => undefined,
  measure: () => {},
  tell: () => {},
  horizon: Exposure.arrivalHorizonDefault
}

const request = requestOf({ handle: "p-1" })
const { amount, currency, handle } = request

/** A request whose create is lost, or, without one, of which nothing is known. */
const evidenceOf = (of: PayoutRequest.PayoutRequest, isSent = true, known?: Exposure.Evidence) => {
  const evidence = new EvidenceRecorder(process, subjectOf(of), known)
  if (isSent) evidence.begin("Create", { clock: "here", at: noon })
  return evidence
}

const shown = (state: string, ...transactions: ReadonlyArray<Payout.Transaction>): Payout.Payout => ({
  handle,
  state,
  amount,
  transactions
})
const declinedTx: Payout.Transaction = { id: "t1", state: "failed", amount, errorState: "hard_declined" }
const read = (payout: Payout.Payout) => Exposure.ofPayout(handle, payout, { clock: "here", at: noon + 1 })

const lost = Exit.die("of no interest")
const mostOf = (over: Partial<ConstructorParameters<typeof ProcessMemory>[0]> = {}) => ({
  ...{ paid: 9, failed: 9, inDoubt: 9, others: 9 },
  ...over
})

/** What a gauge gained while an effect ran. Other tests move it, too. */
const gained = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const gauges = [
      Telemetry.metric.inDoubt,
      Metric.tagged(Telemetry.metric.exposureInDoubt, Telemetry.label.currency, currency)
    ] as const
    const before = yield* Effect.forEach(gauges, Metric.value)
    yield* effect
    const after = yield* Effect.forEach(gauges, Metric.value)
    return after.map(({ value }, index) => value - (before[index]?.value ?? 0))
  })

describe("ProcessMemory: the count of payouts in doubt", () => {
  it.effect("goes up once for a payout, and down when its doubt ends", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      const evidence = evidenceOf(request)
      assert.deepStrictEqual(yield* gained(memory.keep(request, evidence, lost)), [1, amount])
      assert.deepStrictEqual(yield* gained(memory.keep(request, evidence, lost)), [0, 0])
      assert.deepStrictEqual(yield* gained(memory.keep(request, evidenceOf(request, false), lost)), [-1, -amount])
    })
  )

  it.effect("goes down for all that are left when the service ends", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      const kept = Effect.forEach(["p-1", "p-2"], (name) => {
        const one = requestOf({ handle: name })
        return memory.keep(one, evidenceOf(one), lost)
      })
      assert.deepStrictEqual(yield* gained(kept), [2, 2 * amount])
      assert.deepStrictEqual(yield* gained(memory.close), [-2, -2 * amount])
    })
  )

  it.effect("leaves out a payment by an unknown card, which is certain", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      const paid = evidenceOf(request, true, read(shown("paid", { id: "t1", state: "paid", amount })))
      assert.isAbove(paid.exposure.min, 0)
      assert.deepStrictEqual(yield* gained(memory.keep(request, paid, undefined)), [0, 0])
      assert.strictEqual(memory.get(handle)?.evidence, paid)
    })
  )

  it.effect("goes down when a payout is evicted, which is logged with its handle", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf({ inDoubt: 1 }))
      const lines: Array<string> = []
      const logger = Logger.make(({ annotations, message }) => {
        lines.push(`${HashMap.toEntries(annotations).join(" ")}: ${String(message)}`)
      })
      yield* memory.keep(request, evidenceOf(request), lost)
      assert.isFalse(memory.hasEvicted)
      const other = requestOf({ handle: "p-2" })
      const evicting = memory
        .keep(other, evidenceOf(other), lost)
        .pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.deepStrictEqual(yield* gained(evicting), [0, 0])
      assert.isTrue(memory.hasEvicted)
      assert.match(lines.join(), /^handle,p-1: Payout p-1 is in doubt \(up to 12500 minor units of DKK\)/)
      assert.isDefined(memory.evidence(handle))
    })
  )
})

describe("ProcessMemory", () => {
  it("adds up what several lookups found of a payout", () => {
    const memory = new ProcessMemory(mostOf())
    const [one, other] = [read(shown("failed", declinedTx)), read(shown("failed", { ...declinedTx, id: "t2" }))]
    memory.note(handle, one)
    memory.note(handle, other)
    assert.deepStrictEqual(memory.evidence(handle), Exposure.merge(one, other))
  })

  it("forgets the payout first that was not looked up for longest", () => {
    const memory = new ProcessMemory(mostOf({ others: 2 }))
    for (const name of ["p-1", "p-2", "p-1", "p-3"]) memory.note(name, Exposure.empty(name))
    assert.deepStrictEqual(
      ["p-1", "p-2", "p-3"].map((name) => memory.evidence(name) !== undefined),
      [true, false, true]
    )
    assert.isFalse(memory.hasForgotten, "nothing was in doubt")
    memory.note("p-4", evidenceOf(request).value)
    memory.note("p-5", Exposure.empty("p-5"))
    assert.isFalse(memory.hasForgotten)
    memory.note("p-6", Exposure.empty("p-6"))
    assert.isTrue(memory.hasForgotten, "p-4 was in doubt")
  })

  it.effect("knows a payout by its handle, amount and currency", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      const record = shown("processing")
      assert.isUndefined(memory.about(record))
      yield* memory.keep(request, evidenceOf(request), lost)
      assert.strictEqual(memory.about(record)?.request, request)
      assert.strictEqual(memory.about({ ...record, currency })?.request, request)
      assert.isUndefined(memory.about({ ...record, amount: amount + 1 }))
      assert.isUndefined(memory.about({ ...record, currency: "EUR" }))
    })
  )

  it.effect("keeps a payout without a record only if it is in doubt or its caller asks for it", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      yield* memory.keep(request, evidenceOf(request, false), lost)
      assert.isUndefined(memory.get(handle))
      yield* memory.keep(request, evidenceOf(request, false), lost, true)
      assert.isDefined(memory.get(handle))
    })
  )

  it.effect("keeps the evidence of a payment by an unknown card that is evicted", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf({ failed: 1 }))
      const paid = evidenceOf(request, true, read(shown("paid", { id: "t1", state: "paid", amount })))
      yield* memory.keep(request, paid, undefined)
      const other = requestOf({ handle: "p-2" })
      yield* memory.keep(other, evidenceOf(other, false), lost, true)
      assert.isUndefined(memory.get(handle))
      assert.deepStrictEqual(memory.evidence(handle), paid.value)
      assert.isTrue(memory.hasEvicted)
    })
  )
})

describe("ProcessMemory: declines for good", () => {
  const declinedBy = (evidence: EvidenceRecorder, payout: Payout.Payout): Ended =>
    Exit.fail(new PayoutError.HardDeclined({ ...evidence.accounting(), payout }))

  it.effect("are kept once for each arguments, the latest last", () =>
    Effect.gen(function* () {
      const memory = new ProcessMemory(mostOf())
      const payout = shown("failed", declinedTx)
      const declined = (of: PayoutRequest.PayoutRequest) => {
        const doing = { create: "c", request: subjectOf(of).fingerprints?.request ?? "" }
        const known = read(payout)
        const evidence = evidenceOf(of, false, {
          ...known,
          transactions: known.transactions.map((one) => ({ ...one, doing }))
        })
        return memory.keep(of, evidence, declinedBy(evidence, payout))
      }
      const other = requestOf({ handle, destination: "ca_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" })
      yield* declined(request)
      yield* declined(other)
      yield* declined(request)
      assert.deepStrictEqual(
        memory.get(handle)?.declined.map((one) => one.request),
        [other, request]
      )
    })
  )

  it.effect("are not kept if the transaction is not these arguments' doing, or if the call ended otherwise", () =>
    Effect.gen(function* () {
      const payout = shown("failed", declinedTx)
      const evidence = evidenceOf(request, false, read(payout))
      const accounting = evidence.accounting()
      const softly = Exit.fail(new PayoutError.SoftDeclined({ ...accounting, payout }))
      const processing = Exit.succeed(Outcome.Processing.make({ _tag: "Processing", payout, ...accounting }))
      for (const ended of [declinedBy(evidence, payout), softly, processing, lost, undefined]) {
        const memory = new ProcessMemory(mostOf())
        yield* memory.keep(request, evidence, ended)
        assert.deepStrictEqual(memory.get(handle)?.declined, [])
      }
    })
  )
})
