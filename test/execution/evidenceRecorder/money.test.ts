import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Exposure, type Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import { requestOf } from "../../support.js"
import {
  noon,
  amount,
  request,
  otherRequest,
  processOf,
  right,
  newEvidence,
  transaction,
  payout,
  lost,
  absent,
  softDeclined,
  processingError,
  paid,
  minute,
  write,
  range
} from "./fixture.js"

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
