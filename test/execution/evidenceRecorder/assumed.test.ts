import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { type Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import {
  noon,
  amount,
  request,
  otherRequest,
  newEvidence,
  transaction,
  payout,
  noAnswer,
  refusal,
  lost,
  minute,
  write
} from "./fixture.js"

describe("EvidenceRecorder: assumed creates", () => {
  const until = { clock: "here", at: noon + 0.5 }
  const assumed = (evidence: EvidenceRecorder) =>
    evidence.value.creates.map(({ count, guess, id }) => [id, count, guess])
  const { request: name } = subjectOf(request).fingerprints ?? { request: "" }
  const { request: otherName } = subjectOf(otherRequest).fingerprints ?? { request: "" }

  it("are of any time before, and of these arguments", () => {
    const evidence = newEvidence()
    evidence.assume(evidence.subject, { count: 2, guess: false, until })
    assert.deepStrictEqual(evidence.value.creates, [
      {
        id: `assumed/${name}/here`,
        count: 2,
        clock: "here",
        to: noon + 1,
        amount,
        request: name,
        method: subjectOf(request).fingerprints?.method,
        before: [],
        guess: false
      }
    ])
  })

  it("are told anew, each time; but a guess takes nothing back", () => {
    const evidence = newEvidence()
    const told = (count: number) => {
      evidence.assume(evidence.subject, { count, guess: false, until })
      return assumed(evidence)
    }
    const guess = () => {
      evidence.assume(evidence.subject, { count: 1, guess: true, until })
      return assumed(evidence)
    }
    assert.deepStrictEqual(guess(), [[`assumed/${name}/guess/here`, 1, true]])
    assert.deepStrictEqual(told(3), [[`assumed/${name}/here`, 3, false]])
    assert.deepStrictEqual(told(2), [[`assumed/${name}/here`, 2, false]])
    assert.deepStrictEqual(guess(), [
      [`assumed/${name}/here`, 2, false],
      [`assumed/${name}/guess/here`, 1, true]
    ])
    assert.deepStrictEqual(told(0), [])
  })

  it("are told beside the evidence that they are handed over with, and take nothing of it back", () => {
    const evidence = newEvidence()
    evidence.assume(evidence.subject, { count: 1, guess: true, until })
    evidence.assume(subjectOf(otherRequest), { count: 1, guess: false, until })
    const guessed = evidence.value
    evidence.assume(evidence.subject, { count: 0, guess: false, until, beside: guessed })
    assert.deepStrictEqual(evidence.value, guessed)
    evidence.assume(evidence.subject, { count: 2, guess: false, until })
    const told = evidence.value
    evidence.assume(evidence.subject, { count: 0, guess: false, until, beside: told })
    assert.deepStrictEqual(evidence.value, told)
    evidence.assume(evidence.subject, { count: 3, guess: false, until, beside: told })
    assert.deepStrictEqual(assumed(evidence), [
      [`assumed/${otherName}/here`, 1, false],
      [`assumed/${name}/here`, 2, false],
      [`assumed/${name}/here/1`, 3, false]
    ])
  })

  it("leave those of other arguments alone, and what another process was told, but not what it guessed", () => {
    const evidence = newEvidence()
    evidence.assume(subjectOf(otherRequest), { count: 1, guess: true, until })
    evidence.assume(evidence.subject, { count: 1, guess: true, until: { clock: "guessing", at: noon } })
    evidence.assume(evidence.subject, { count: 2, guess: false, until: { clock: "told", at: noon } })
    evidence.assume(evidence.subject, { count: 3, guess: false, until })
    assert.deepStrictEqual(assumed(evidence), [
      [`assumed/${otherName}/guess/here`, 1, true],
      [`assumed/${name}/told`, 2, false],
      [`assumed/${name}/here`, 3, false]
    ])
  })

  it("is replaced by a number of the same arguments, and of the handle alone, but not of others", () => {
    const until = { clock: "here", at: noon }
    const evidence = newEvidence()
    const { amount, currency, handle } = request
    evidence.assume({ amount, currency, handle }, { count: 1, guess: true, until })
    evidence.assume(subjectOf(otherRequest), { count: 1, guess: true, until })
    evidence.assume(evidence.subject, { count: 0, guess: false, until })
    assert.deepStrictEqual(
      evidence.value.creates.map(({ request }) => request),
      [subjectOf(otherRequest).fingerprints?.request]
    )
  })
})

describe("EvidenceRecorder: the claim of a create", () => {
  const claims: ReadonlyArray<readonly [Verdict.Verdict, "Paid" | "Processing" | "Exists"]> = [
    [{ _tag: "AlreadyPaid" }, "Paid"],
    [{ _tag: "AlreadyProcessing" }, "Processing"],
    [{ _tag: "AlreadyExists" }, "Exists"],
    [{ _tag: "UnreadableRefusal" }, "Exists"]
  ]
  for (const [verdict, said] of claims) {
    it(`is ${said} after ${verdict._tag}, at the end of the exchange`, () => {
      const evidence = newEvidence()
      evidence.begin("Create", { clock: "here", at: noon })
      evidence.write(NextStep.create, verdict, refusal, noon + 0.5)
      assert.deepStrictEqual(
        evidence.value.creates.map(({ claim }) => claim),
        [{ said, at: noon + 1 }]
      )
    })
  }

  it("is Processing if it was answered with a payout that is processing and that it did not make", () => {
    const old = transaction("t", { state: "processing", created: DateTime.unsafeMake(noon - 9 * minute) })
    const processing = newEvidence()
    write(processing, NextStep.create, { _tag: "Processing", payout: payout("processing", old) })
    assert.deepStrictEqual(
      processing.value.creates.map(({ claim }) => claim),
      [{ said: "Processing", at: noon }]
    )
    const declined = newEvidence()
    const long = transaction("t", { created: DateTime.unsafeMake(noon - 9 * minute) })
    write(declined, NextStep.create, { _tag: "SoftDeclined", payout: payout("failed", long) })
    assert.deepStrictEqual(
      declined.value.creates.map(({ claim }) => claim),
      [undefined]
    )
  })

  it("counts nothing of an answer to no exchange", () => {
    const evidence = newEvidence()
    evidence.write(NextStep.create, lost, noAnswer, noon)
    assert.deepStrictEqual([evidence.attempts, evidence.value.creates], [[], []])
  })
})
