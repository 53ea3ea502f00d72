import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { Exposure, type Verdict } from "effect-billwerk-payouts"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import * as errors from "../../../src/execution/toError.js"
import {
  noon,
  amount,
  request,
  newEvidence,
  transaction,
  payout,
  lost,
  absent,
  softDeclined,
  processingError,
  paid,
  minute,
  write
} from "./fixture.js"

const declinedAfter = (errorState: string) =>
  ({
    _tag: "HardDeclined",
    payout: payout(
      "failed",
      transaction("t", { errorState }),
      transaction("u", { errorState: "hard_declined", created: DateTime.unsafeMake(noon + 60_000) })
    )
  }) as const

describe("EvidenceRecorder: the doubt", () => {
  type Exchanges = ReadonlyArray<readonly [NextStep.Step, Verdict.Verdict]>
  const unseen = errors.unseen.verdict
  const refused: Verdict.Verdict = { _tag: "RequestRejected" }
  const claim: Verdict.Verdict = { _tag: "AlreadyPaid" }
  const conflict: Verdict.Verdict = { _tag: "HandleConflict", differs: ["amount"], payout: payout("failed") }
  const unsettled: Verdict.Verdict = { _tag: "Unsettled", payout: payout("created"), why: "its state is created" }
  const table: ReadonlyArray<readonly [says: string, exchanges: Exchanges, doubt: Verdict.Verdict]> = [
    ["is what was not seen, before anything was", [], unseen],
    ["is no refusal", [[NextStep.create, refused]], unseen],
    [
      "is a lost answer, and not the refusal after it (55)",
      [
        [NextStep.create, lost],
        [NextStep.create, refused]
      ],
      lost
    ],
    [
      "is a lost answer, and not the lookup that found nothing (50)",
      [
        [NextStep.create, lost],
        [NextStep.firstAsk, absent]
      ],
      lost
    ],
    [
      "is the latest of two",
      [
        [NextStep.create, processingError],
        [NextStep.create, lost]
      ],
      lost
    ],
    ["is a processing error (71)", [[NextStep.create, processingError]], processingError],
    [
      "is a record that shows one",
      [
        [NextStep.create, lost],
        [NextStep.firstAsk, processingError]
      ],
      processingError
    ],
    [
      "is a lost answer, and not the decline after it",
      [
        [NextStep.create, lost],
        [NextStep.firstAsk, softDeclined]
      ],
      lost
    ],
    ["is a claim (43)", [[NextStep.create, claim]], claim],
    [
      "is a claim, and not the lookup that found nothing (43)",
      [
        [NextStep.create, claim],
        [NextStep.confirm, absent]
      ],
      claim
    ],
    [
      "is a claim, and not the record that contradicts it (43)",
      [
        [NextStep.create, claim],
        [NextStep.confirm, softDeclined]
      ],
      claim
    ],
    [
      "is again what was lost, once the claim after it is about other arguments",
      [
        [NextStep.create, lost],
        [NextStep.create, claim],
        [NextStep.confirm, conflict]
      ],
      lost
    ],
    [
      "is a processing error, and not the decline of other arguments after it",
      [
        [NextStep.create, processingError],
        [NextStep.firstAsk, declinedAfter("processing_error")]
      ],
      { ...declinedAfter("processing_error"), _tag: "ProcessingError" }
    ],
    [
      "is a failure without a known reason, and not the decline of other arguments after it",
      [[NextStep.firstAsk, declinedAfter("unheard_of")]],
      { ...declinedAfter("unheard_of"), _tag: "Unsettled", why: "an attempt before the latest one may have paid" }
    ],
    ["is a state that is not known", [[NextStep.create, unsettled]], unsettled],
    [
      "is what was processing",
      [[NextStep.create, { _tag: "Processing", payout: payout("processing") }]],
      { _tag: "Unsettled", payout: payout("processing"), why: "it was processing when it was last seen" }
    ]
  ]
  for (const [says, exchanges, doubt] of table) {
    it(says, () => {
      const evidence = newEvidence()
      for (const [step, verdict] of exchanges) write(evidence, step, verdict)
      assert.deepStrictEqual<unknown>(evidence.doubt.verdict, doubt)
    })
  }

  it("is what was lost, once somebody else was shown that all is declined", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    write(evidence, NextStep.create, processingError)
    evidence.learn(Exposure.ofPayout(request.handle, payout("failed", transaction("u")), { clock: "here", at: noon }))
    assert.strictEqual(evidence.doubt.verdict, processingError)
    const other = newEvidence()
    write(other, NextStep.create, lost)
    write(other, NextStep.create, claim)
    other.learn(Exposure.ofPayout(request.handle, payout("failed", transaction("u")), { clock: "here", at: noon }))
    assert.strictEqual(other.doubt.verdict, lost)
  })

  it("is what was lost, also after a payment is shown", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    write(evidence, NextStep.firstAsk, paid)
    assert.strictEqual(evidence.doubt.verdict, lost)
  })

  it("does not change because other evidence does not show a failure", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    write(evidence, NextStep.create, processingError)
    const { handle } = request
    evidence.learn(Exposure.ofPayout(handle, payout("processing"), { clock: "here", at: noon + minute }))
    assert.strictEqual(evidence.doubt.verdict, processingError)
  })

  it("is another payout's if the record at the provider went to the same saved method", () => {
    const evidence = newEvidence()
    const method = subjectOf(request).fingerprints?.method
    const shown = payout("paid", transaction("t", { state: "paid", errorState: undefined, ...(method && { method }) }))
    evidence.learn(Exposure.ofPayout(request.handle, shown, { clock: "here", at: noon }))
    const own = (where: "Provider" | "Process") =>
      evidence.conflict({ with: where, differs: ["amount"] }).exposure.max / amount
    assert.deepStrictEqual([own("Provider"), own("Process")], [0, 1])
  })
})
