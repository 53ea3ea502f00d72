import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { Exposure, type Payout, type Reply, type Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import * as errors from "../../../src/execution/toError.js"
import {
  noon,
  request,
  otherRequest,
  processOf,
  right,
  newEvidence,
  transaction,
  payout,
  answer,
  noAnswer,
  refusal,
  lost,
  absent,
  softDeclined,
  processingError,
  paid,
  minute,
  write,
  range
} from "./fixture.js"

describe("EvidenceRecorder: the clock", () => {
  const dated = (over: Partial<Reply.Response> = {}): Reply.Response => ({
    ...answer({ _tag: "PayoutBody", payout: payout("failed") }),
    date: noon,
    ...over
  })
  const measuredBy = (reply: Reply.Reply) => {
    const process = processOf()
    const evidence = new EvidenceRecorder(process, subjectOf(request))
    write(evidence, NextStep.firstAsk, lost, { reply })
    return [process.measured, evidence.value.clocks]
  }
  const measure = { min: 0, max: 1000 }

  it("is measured by the date of the provider's own answers", () => {
    assert.deepStrictEqual(measuredBy(dated()), [[measure], { here: measure }])
    assert.deepStrictEqual(measuredBy(dated({ body: { _tag: "ApiError", code: 137 } })), [[measure], { here: measure }])
  })

  it("is not measured by a page, a cache, or what has no date", () => {
    const pages: ReadonlyArray<Reply.Reply> = [
      dated({ body: { _tag: "Unreadable", why: "x" } }),
      dated({ body: { _tag: "CutOff", reason: "Transport" } }),
      dated({ isCached: true }),
      dated({ date: undefined }),
      noAnswer
    ]
    for (const reply of pages) assert.deepStrictEqual(measuredBy(reply), [[], {}])
  })

  it("is what was measured for this payout, before what was for others", () => {
    const evidence = newEvidence({ min: -9000, max: 9000 })
    evidence.learn(Exposure.withOffset(Exposure.empty(request.handle), "here", right))
    evidence.begin("Create", { clock: "here", at: noon })
    assert.deepStrictEqual(evidence.value.clocks, { here: right })
  })
})

describe("EvidenceRecorder: an answer", () => {
  it("is news if it is a failure that was not known, or looked otherwise before", () => {
    const evidence = newEvidence()
    const isNews = (verdict: Verdict.Verdict) => write(evidence, NextStep.firstAsk, verdict).isNews
    assert.deepStrictEqual(
      [
        isNews(softDeclined),
        isNews(softDeclined),
        isNews({ _tag: "SoftDeclined", payout: payout("failed", transaction("t"), transaction("u")) }),
        isNews(paid)
      ],
      [true, false, true, false]
    )
  })

  it("is known after any record, and has processing errors after one", () => {
    const evidence = newEvidence()
    const heard = (verdict: Verdict.Verdict) => {
      const { hasProcessingErrors, isKnown } = write(evidence, NextStep.firstAsk, verdict)
      return [isKnown, hasProcessingErrors]
    }
    assert.deepStrictEqual(
      [heard(absent), heard(processingError), heard(softDeclined)],
      [
        [false, false],
        [false, false],
        [true, true]
      ]
    )
  })

  it("is stale, of a lookup that lacks what was shown", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, {
      _tag: "SoftDeclined",
      payout: payout("failed", transaction("t"), transaction("u"))
    })
    assert.isTrue(write(evidence, NextStep.firstAsk, softDeclined).isStale)
    assert.isFalse(write(evidence, NextStep.create, softDeclined).isStale)
  })

  it("contradicts a 134, for as long as reads may lag behind (43)", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, { _tag: "AlreadyPaid" }, { reply: refusal })
    const at = (after: number) => {
      const { contradicts } = write(evidence, NextStep.confirm, softDeclined, { after })
      return [contradicts, evidence.latest?.bearing, range(evidence)]
    }
    assert.deepStrictEqual(
      [at(10 * minute - 1), at(10 * minute)],
      [
        [true, "Claimed", "0..1"],
        [false, "Recorded", "0..0"]
      ]
    )
  })

  it("is these arguments' own if it is the doing of a create of theirs", () => {
    const evidence = newEvidence()
    assert.isTrue(write(evidence, NextStep.create, softDeclined).isOwn)
    assert.isTrue(write(evidence, NextStep.firstAsk, softDeclined).isOwn)
    assert.isFalse(write(evidence.continuedBy(subjectOf(otherRequest)), NextStep.firstAsk, softDeclined).isOwn)
    assert.isFalse(write(newEvidence(), NextStep.firstAsk, softDeclined).isOwn)
  })

  const failed = (over: Partial<Payout.Transaction> = {}): Verdict.Verdict => ({
    _tag: "SoftDeclined",
    payout: payout("failed", transaction("t", over))
  })
  const heard = (before: ReadonlyArray<Verdict.Verdict>, verdict: Verdict.Verdict) => {
    const evidence = newEvidence()
    for (const one of before) write(evidence, NextStep.firstAsk, one)
    return write(evidence, NextStep.firstAsk, verdict)
  }

  it("is news if its state, its reason or the payout's state is new, and not if nothing is", () => {
    const going: Verdict.Verdict = {
      _tag: "Processing",
      payout: payout("processing", transaction("t", { state: "processing", errorState: undefined }))
    }
    assert.isTrue(heard([going], failed()).isNews)
    assert.isTrue(heard([failed({ errorState: "processing_error" })], failed()).isNews)
    assert.isTrue(heard([{ _tag: "Processing", payout: payout("processing", transaction("t")) }], failed()).isNews)
    assert.isFalse(heard([failed()], failed()).isNews)
    // A read that lags behind tells nothing new of a transaction whose end is known.
    assert.isFalse(heard([failed()], failed({ errorState: undefined })).isNews)
  })

  it("is about the transaction that is the latest", () => {
    const later = transaction("u", { created: DateTime.unsafeMake(noon + 1), errorState: "unheard_of" })
    const two = (errorState: string): Verdict.Verdict => ({
      _tag: "SoftDeclined",
      payout: payout("failed", transaction("t"), { ...later, errorState })
    })
    assert.isTrue(heard([two("unheard_of")], two("soft_declined")).isNews)
  })

  it("is news of a payout without transactions only once", () => {
    const bare: Verdict.Verdict = { _tag: "SoftDeclined", payout: payout("failed") }
    assert.deepStrictEqual([heard([], bare).isNews, heard([bare], bare).isNews], [true, false])
  })

  it("contradicts nothing in the answer to a create", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, { _tag: "AlreadyPaid" }, { reply: refusal })
    assert.isFalse(write(evidence, NextStep.create, softDeclined).contradicts)
    assert.isTrue(write(evidence, NextStep.confirm, softDeclined).contradicts)
  })

  it("is none of a success", () => {
    assert.deepInclude(heard([], paid), { isStale: false, contradicts: false, isNews: false, isOwn: false })
  })
})

describe("EvidenceRecorder: the log entry of an exchange", () => {
  it("has the status, the code and the request id that it came with", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, { _tag: "RequestRejected" }, { reply: { ...refusal, status: 401 } })
    const { ordinal, outcome, code, requestId, status, why, decision } = evidence.latest ?? {}
    assert.deepStrictEqual(
      { ordinal, outcome, code, requestId, status, why, decision },
      {
        ...{ ordinal: 1, outcome: "RequestRejected", code: 6, requestId: "r-1", status: 401 },
        ...{ why: "refused, and would be again", decision: "Fail" }
      }
    )
  })

  it("has none of them where they did not come, and what the record said where it was shown", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    for (const key of ["status", "code", "requestId", "recorded"]) assert.notProperty(evidence.latest, key)
    write(evidence, NextStep.firstAsk, softDeclined)
    assert.deepStrictEqual(evidence.latest?.recorded, {
      state: "failed",
      transactions: 1,
      processingErrors: 0,
      errorState: "soft_declined"
    })
  })

  it("is closed as sent, for all we know, when its call ends (82)", () => {
    const evidence = newEvidence()
    assert.isUndefined(evidence.interrupt(noon))
    evidence.begin("Lookup", { clock: "here", at: noon })
    assert.deepStrictEqual(
      [evidence.interrupt(noon), evidence.isInDoubt, evidence.doubt],
      ["Lookup", false, errors.unseen]
    )
    evidence.begin("Create", { clock: "here", at: noon })
    assert.deepStrictEqual(
      [evidence.interrupt(noon), evidence.isInDoubt, evidence.doubt],
      ["Create", true, errors.interrupted]
    )
    assert.isUndefined(evidence.interrupt(noon))
    const told = { sent: "Unknown", outcome: "Interrupted", decision: "Interrupted" }
    assert.deepStrictEqual<unknown>(
      evidence.attempts.map(({ bearing, decision, kind, outcome, sent }) => ({
        kind,
        bearing,
        sent,
        outcome,
        decision
      })),
      [
        { ...told, kind: "Lookup", bearing: "None" },
        { ...told, kind: "Create", bearing: "Unclear" }
      ]
    )
  })

  const bearingOf = (step: NextStep.Step, verdict: Verdict.Verdict) => {
    const evidence = newEvidence()
    write(evidence, step, verdict)
    return evidence.latest?.bearing
  }
  it("says of a create and of a lookup what each says", () => {
    assert.deepStrictEqual([bearingOf(NextStep.create, lost), bearingOf(NextStep.firstAsk, lost)], ["Unclear", "None"])
  })

  it("has no code where there was a payout, and no request id where there was none", () => {
    const evidence = newEvidence()
    const { requestId: _, ...anonymous } = answer({ _tag: "PayoutBody", payout: softDeclined.payout })
    write(evidence, NextStep.create, softDeclined, { reply: anonymous })
    for (const key of ["code", "requestId"]) assert.notProperty(evidence.latest, key)
    assert.strictEqual(evidence.latest?.status, 200)
  })
})
