import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Redacted } from "effect"
import { Exposure, type Payout, type Reply, type Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../src/execution/Subject.js"
import * as NextStep from "../../src/execution/nextStep.js"
import type { Process } from "../../src/execution/Process.js"
import * as errors from "../../src/execution/toError.js"
import { requestOf } from "../support.js"

const noon = Date.UTC(2026, 0, 2, 12)
const amount = 12_500
const request = requestOf()
const otherRequest = requestOf({ destination: "ca_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" })

/** A process whose clock is right, and measured so far as `offset` says. */
const processOf = (offset?: Exposure.Offset): Process & { readonly measured: Array<Exposure.Offset> } => {
  let names = 0
  const measured: Array<Exposure.Offset> = []
  return {
    clock: "here",
    now: Effect.succeed({ clock: "here", at: noon }),
    intend: () => "intended",
    newId: () => ({ id: `here/${++names}`, until: Infinity }),
    offset: () => offset,
    measure: (one) => void measured.push(one),
    horizon: Exposure.arrivalHorizonDefault,
    measured
  }
}

const right: Exposure.Offset = { min: -500, max: 500 }
const newEvidence = (offset: Exposure.Offset | undefined = right) =>
  new EvidenceRecorder(processOf(offset), subjectOf(request))

const transaction = (id: string, over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id,
  state: "failed",
  amount,
  errorState: "soft_declined",
  created: DateTime.unsafeMake(noon),
  ...over
})

const payout = (state: string, ...transactions: ReadonlyArray<Payout.Transaction>): Payout.Payout => ({
  handle: request.handle,
  state,
  amount,
  transactions
})

const answer = (body: Reply.Body = { _tag: "Unreadable", why: "a body that is not JSON" }): Reply.Response => ({
  _tag: "Response",
  status: 200,
  requestId: "r-1",
  body
})
const noAnswer: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
const refusal = answer({ _tag: "ApiError", code: 6 })

const lost: Verdict.Verdict = { _tag: "CommunicationError", why: "no answer before the deadline" }
const absent: Verdict.Verdict = { _tag: "NotFound", proven: true }
const softDeclined = { _tag: "SoftDeclined", payout: payout("failed", transaction("t")) } as const
const processingError: Verdict.Verdict = {
  _tag: "ProcessingError",
  payout: payout("failed", transaction("t", { errorState: "processing_error" }))
}
const declinedAfter = (errorState: string) =>
  ({
    _tag: "HardDeclined",
    payout: payout(
      "failed",
      transaction("t", { errorState }),
      transaction("u", { errorState: "hard_declined", created: DateTime.unsafeMake(noon + 60_000) })
    )
  }) as const
const paid: Verdict.Verdict = { _tag: "Paid", payout: payout("paid", transaction("t", { state: "paid" })) }
const minute = 60_000

/** One exchange, which begins some time after noon and ends at once. */
const write = (
  evidence: EvidenceRecorder,
  step: NextStep.Step,
  verdict: Verdict.Verdict,
  {
    after = 0,
    reply = step.kind === "Create" && verdict === lost ? noAnswer : answer()
  }: {
    readonly after?: number
    readonly reply?: Reply.Reply
  } = {}
) => {
  evidence.begin(step.kind, { clock: "here", at: noon + after })
  return evidence.write(step, verdict, reply, noon + after)
}

const range = ({ exposure: { max, min } }: EvidenceRecorder) => `${min / amount}..${max / amount}`

describe("EvidenceRecorder: the money", () => {
  it("is nothing at first", () => {
    const evidence = newEvidence()
    assert.deepStrictEqual(
      [evidence.value, evidence.attempts, evidence.latest, evidence.isInDoubt, range(evidence)],
      [{ ...Exposure.empty(request.handle), by: "here" }, [], undefined, false, "0..0"]
    )
  })

  it("has a create on record before it is sent, with what was over by then", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.firstAsk, softDeclined)
    evidence.begin("Create", { clock: "here", at: noon + 0.5 })
    const { fingerprints } = subjectOf(request)
    assert.deepStrictEqual(evidence.value.creates, [
      {
        id: "here/1",
        count: 1,
        clock: "here",
        from: noon,
        to: noon + 1,
        amount,
        request: fingerprints?.request,
        method: fingerprints?.method,
        before: ["t"],
        guess: false
      }
    ])
    assert.deepStrictEqual([evidence.isInDoubt, evidence.value.clocks], [true, { here: right }])
  })

  it("has no create of a lookup, or of what is only asked about", () => {
    const evidence = newEvidence()
    evidence.begin("Lookup", { clock: "here", at: noon })
    assert.deepStrictEqual(evidence.value.creates, [])
    const handleOnly = new EvidenceRecorder(processOf(), { handle: request.handle })
    handleOnly.begin("Create", { clock: "here", at: noon })
    assert.deepStrictEqual([handleOnly.value.creates, handleOnly.value.clocks], [[], {}])
  })

  const table: ReadonlyArray<
    readonly [what: string, exchanges: ReadonlyArray<readonly [NextStep.Step, Verdict.Verdict]>, says: string]
  > = [
    ["a refusal", [[NextStep.create, { _tag: "RequestRejected" }]], "0..0"],
    ["a lost answer", [[NextStep.create, lost]], "0..1"],
    ["a claim", [[NextStep.create, { _tag: "AlreadyPaid" }]], "0..1"],
    ["a decline", [[NextStep.create, softDeclined]], "0..0"],
    ["a processing error", [[NextStep.create, processingError]], "0..1"],
    ["a payment", [[NextStep.create, paid]], "1..1"],
    [
      "a lost answer, then a decline on record",
      [
        [NextStep.create, lost],
        [NextStep.firstAsk, softDeclined]
      ],
      "0..0"
    ],
    [
      "two lost answers, then one decline",
      [
        [NextStep.create, lost],
        [NextStep.create, lost],
        [NextStep.firstAsk, softDeclined]
      ],
      "0..1"
    ],
    [
      "a lost answer, then a refusal",
      [
        [NextStep.create, lost],
        [NextStep.create, { _tag: "RequestRejected" }]
      ],
      "0..1"
    ],
    [
      "a lost answer, then no payout",
      [
        [NextStep.create, lost],
        [NextStep.firstAsk, absent]
      ],
      "0..1"
    ],
    [
      "what is processing, answered to a repeat as well",
      [
        [
          NextStep.create,
          { _tag: "Processing", payout: payout("processing", transaction("t", { state: "processing" })) }
        ],
        [
          NextStep.create,
          { _tag: "Processing", payout: payout("processing", transaction("t", { state: "processing" })) }
        ]
      ],
      "0..1"
    ]
  ]
  for (const [what, exchanges, says] of table) {
    it(`is ${says} after ${what}`, () => {
      const evidence = newEvidence()
      exchanges.forEach(([step, verdict], index) => write(evidence, step, verdict, { after: index * 5000 }))
      assert.strictEqual(range(evidence), says)
    })
  }

  it("is nothing of a create of which no byte was sent", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost, { reply: { _tag: "NoResponse", reason: "Transport", sent: "NotSent" } })
    assert.deepStrictEqual(
      [range(evidence), evidence.latest?.sent, evidence.latest?.bearing],
      ["0..0", "NotSent", "None"]
    )
  })

  it("ends by a proven absence after the horizon, and by no other", () => {
    for (const [proven, says] of [
      [true, "0..0"],
      [false, "0..1"]
    ] as const) {
      const evidence = newEvidence()
      write(evidence, NextStep.create, lost)
      write(evidence, NextStep.firstAsk, { _tag: "NotFound", proven }, { after: 371 * minute })
      assert.strictEqual(range(evidence), says)
    }
  })

  it("has no arguments", () => {
    const evidence = new EvidenceRecorder(processOf(), { handle: request.handle, amount: request.amount })
    evidence.begin("Create", { clock: "here", at: noon })
    const [create] = evidence.value.creates
    assert.isDefined(create)
    for (const key of ["request", "method"]) assert.notProperty(create, key)
  })

  it("has no saved method if it goes to a card token", () => {
    const token = requestOf({ destination: Redacted.make("ct_0123456789abcdef"), customer: "customer-1" })
    const evidence = new EvidenceRecorder(processOf(), subjectOf(token))
    evidence.begin("Create", { clock: "here", at: noon })
    const [create] = evidence.value.creates
    assert.isDefined(create)
    assert.property(create, "request")
    assert.notProperty(create, "method")
  })
})

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

describe("EvidenceRecorder: other arguments under the handle", () => {
  it("have all of it, and their own attempts from then on", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, softDeclined)
    const next = evidence.continuedBy(subjectOf(otherRequest))
    assert.deepStrictEqual([next.value, next.attempts], [evidence.value, evidence.attempts])
    write(next, NextStep.create, lost)
    assert.deepStrictEqual([evidence.attempts.length, next.attempts.at(-1)?.ordinal], [1, 2])
  })

  it("are in doubt beside these, or these beside them", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    assert.deepStrictEqual(
      [evidence.isInDoubtBeside(subjectOf(request)), evidence.isInDoubtBeside(subjectOf(otherRequest))],
      [false, true]
    )
    const { amount, currency, handle } = request
    assert.isTrue(evidence.isInDoubtBeside({ amount, currency, handle }))
  })

  it("are in conflict about their own money, and have what is known of the others'", () => {
    const evidence = newEvidence()
    write(evidence, NextStep.create, lost)
    const how = { with: "Process", differs: ["destination"] } as const
    const money = ({ exposure, other }: ReturnType<typeof evidence.conflict>) => [exposure.max, other.exposure.max]
    assert.deepStrictEqual(money(evidence.conflict(how, subjectOf(otherRequest))), [0, amount])
    assert.deepStrictEqual(money(evidence.conflict(how)), [amount, 0])
    const { fingerprints: _, ...bare } = subjectOf(request)
    assert.deepStrictEqual(money(evidence.conflict(how, bare)), [amount, 0])
  })
})

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
