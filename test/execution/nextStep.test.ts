import { assert, describe, it } from "@effect/vitest"
import type { Payout } from "effect-billwerk-payouts"
import { Verdict } from "effect-billwerk-payouts"
import * as NextStep from "../../src/execution/nextStep.js"

const payout = (state: string, ...errorStates: ReadonlyArray<string>): Payout.Payout => ({
  handle: "p-1",
  state,
  amount: 100,
  transactions: errorStates.map((errorState, index) => ({ id: `t${index}`, state: "failed", amount: 100, errorState }))
})

const twoErrors: Verdict.Verdict = {
  _tag: "ProcessingError",
  payout: payout("failed", "processing_error", "processing_error")
}

/** One of each. */
const verdicts: { readonly [T in Verdict.Tag]: Extract<Verdict.Verdict, { readonly _tag: T }> | Verdict.Verdict } = {
  Paid: { _tag: "Paid", payout: payout("paid") },
  Processing: { _tag: "Processing", payout: payout("processing") },
  HardDeclined: { _tag: "HardDeclined", payout: payout("failed", "hard_declined") },
  SoftDeclined: { _tag: "SoftDeclined", payout: payout("failed", "soft_declined") },
  ProcessingError: { _tag: "ProcessingError", payout: payout("failed", "processing_error") },
  Unsettled: { _tag: "Unsettled", payout: payout("created"), why: "its state is created" },
  HandleConflict: { _tag: "HandleConflict", differs: ["amount"], payout: payout("paid") },
  AlreadyPaid: { _tag: "AlreadyPaid" },
  AlreadyProcessing: { _tag: "AlreadyProcessing" },
  AlreadyExists: { _tag: "AlreadyExists" },
  UnreadableRefusal: { _tag: "UnreadableRefusal" },
  NotFound: { _tag: "NotFound", proven: true },
  CommunicationError: { _tag: "CommunicationError", why: "no answer before the deadline" },
  CertificateRefused: { _tag: "CertificateRefused" },
  ServerError: { _tag: "ServerError", why: "HTTP 500" },
  UnexpectedResponse: { _tag: "UnexpectedResponse", why: "HTTP 302" },
  RateLimited: { _tag: "RateLimited" },
  ConcurrentUpdate: { _tag: "ConcurrentUpdate" },
  PaymentMethodNotFound: { _tag: "PaymentMethodNotFound" },
  PaymentMethodNotAllowed: { _tag: "PaymentMethodNotAllowed" },
  CustomerMismatch: { _tag: "CustomerMismatch" },
  RequestRejected: { _tag: "RequestRejected" },
  RejectedInDoubt: { _tag: "RejectedInDoubt" },
  LookupRefused: { _tag: "LookupRefused" }
}

const beforeSending: NextStep.LookupStep = { kind: "Lookup", ask: "BeforeSending" }
const everyStep = [
  NextStep.create,
  beforeSending,
  NextStep.firstAsk,
  NextStep.confirm,
  NextStep.recheck,
  NextStep.lastAsk
]

/** How it is to be taken: as the first that is heard of a payout of these arguments, unless said otherwise. */
const heard = (step: NextStep.Step, over: Partial<NextStep.Heard> = {}): NextStep.Heard => ({
  step,
  isDeclined: false,
  isTaken: false,
  isKnown: false,
  hasProcessingErrors: false,
  isStale: false,
  contradicts: false,
  isNews: true,
  isOwn: true,
  ...over
})

const name = (step: NextStep.Step): string => (step.kind === "Create" ? "create" : step.ask)

/** A plan in one line. */
const shown = (plan: NextStep.Plan): string => {
  switch (plan._tag) {
    case "Succeed":
      return `succeed as ${plan.verdict._tag}`
    case "GiveUp":
      return "give up"
    case "GoOn":
      return name(plan.next)
    case "Retry":
      return `${plan.category}${plan.known === undefined ? "" : `, ${plan.known} known`}: ${name(plan.next)}`
  }
}

const plan = (step: NextStep.Step, verdict: Verdict.Verdict, over?: Partial<NextStep.Heard>, isInDoubt = true) =>
  shown(NextStep.plan(heard(step, over), verdict, isInDoubt))

describe("nextStep, after a create", () => {
  type Row = readonly [verdict: Verdict.Verdict, whileClear: string, whileInDoubt: string]
  const v = verdicts
  const alike = (verdict: Verdict.Verdict, plan: string): Row => [verdict, plan, plan]
  const resent = (verdict: Verdict.Verdict, budget: string): Row => [
    verdict,
    `${budget}: create`,
    `${budget}: BeforeSending`
  ]
  const table: ReadonlyArray<Row> = [
    alike(v.Paid, "succeed as Paid"),
    alike(v.Processing, "succeed as Processing"),
    alike(v.HardDeclined, "give up"),
    resent(v.SoftDeclined, "softDeclined"),
    resent(v.ProcessingError, "processingError, 1 known"),
    resent(twoErrors, "processingError, 2 known"),
    alike(v.Unsettled, "communication: Confirm"),
    alike(v.HandleConflict, "give up"),
    alike(v.AlreadyPaid, "Confirm"),
    alike(v.AlreadyProcessing, "Confirm"),
    alike(v.AlreadyExists, "Confirm"),
    resent(v.UnreadableRefusal, "communication"),
    alike(v.NotFound, "give up"),
    resent(v.CommunicationError, "communication"),
    alike(v.CertificateRefused, "give up"),
    resent(v.ServerError, "communication"),
    resent(v.UnexpectedResponse, "communication"),
    resent(v.RateLimited, "rateLimited"),
    resent(v.ConcurrentUpdate, "concurrentUpdate"),
    alike(v.PaymentMethodNotFound, "give up"),
    alike(v.PaymentMethodNotAllowed, "give up"),
    alike(v.CustomerMismatch, "give up"),
    alike(v.RequestRejected, "give up"),
    alike(v.RejectedInDoubt, "give up"),
    alike(v.LookupRefused, "give up")
  ]
  for (const [verdict, whileClear, whileInDoubt] of table) {
    it(`${verdict._tag} is followed by: ${whileClear}; while in doubt by: ${whileInDoubt}`, () => {
      assert.deepStrictEqual(
        [plan(NextStep.create, verdict, {}, false), plan(NextStep.create, verdict, {}, true)],
        [whileClear, whileInDoubt]
      )
    })
  }

  it("a decline of other arguments, or of unknown ones, is followed by another try of these", () => {
    for (const verdict of [v.HardDeclined, v.SoftDeclined]) {
      assert.deepStrictEqual(
        [true, false].map((isInDoubt) => plan(NextStep.create, verdict, { isOwn: false }, isInDoubt)),
        ["communication: BeforeSending", "communication: create"]
      )
    }
    // A processing error may have paid, whoever's it is.
    assert.strictEqual(
      plan(NextStep.create, v.ProcessingError, { isOwn: false }),
      "processingError, 1 known: BeforeSending"
    )
  })
})

describe("nextStep, after a lookup", () => {
  type Row = readonly [
    verdict: Verdict.Verdict,
    plans: readonly [beforeSending: string, firstAsk: string, confirm: string],
    last: string
  ]
  const v = verdicts
  const sameForAll = (verdict: Verdict.Verdict, plan: string, last = plan): Row => [verdict, [plan, plan, plan], last]
  const askedAgain = (verdict: Verdict.Verdict, category: string): Row => [
    verdict,
    ["create", `${category}: FirstAsk`, `${category}: Confirm`],
    "give up"
  ]
  const askedNoMore = (verdict: Verdict.Verdict): Row => [verdict, ["create", "give up", "give up"], "give up"]
  const table: ReadonlyArray<Row> = [
    sameForAll(v.Paid, "succeed as Paid"),
    sameForAll(v.Processing, "succeed as Processing"),
    sameForAll(v.HandleConflict, "give up"),
    sameForAll(v.HardDeclined, "give up"),
    sameForAll(v.SoftDeclined, "softDeclined: BeforeSending", "give up"),
    sameForAll(v.ProcessingError, "processingError, 1 known: BeforeSending", "give up"),
    sameForAll(twoErrors, "processingError, 2 known: BeforeSending", "give up"),
    sameForAll(v.Unsettled, "communication: Confirm", "give up"),
    [v.NotFound, ["create", "create", "communication: Confirm"], "give up"],
    askedAgain(v.CommunicationError, "communication"),
    askedAgain(v.ServerError, "communication"),
    askedAgain(v.UnexpectedResponse, "communication"),
    askedAgain(v.LookupRefused, "communication"),
    askedAgain(v.UnreadableRefusal, "communication"),
    askedAgain(v.AlreadyPaid, "communication"),
    askedAgain(v.AlreadyProcessing, "communication"),
    askedAgain(v.AlreadyExists, "communication"),
    askedAgain(v.RateLimited, "rateLimited"),
    askedAgain(v.ConcurrentUpdate, "concurrentUpdate"),
    askedNoMore(v.CertificateRefused),
    askedNoMore(v.RequestRejected),
    askedNoMore(v.RejectedInDoubt),
    askedNoMore(v.PaymentMethodNotFound),
    askedNoMore(v.PaymentMethodNotAllowed),
    askedNoMore(v.CustomerMismatch)
  ]
  for (const [verdict, plans, last] of table) {
    it(`${verdict._tag} is followed by: ${[...new Set(plans)].join(" | ")}; at the end by: ${last}`, () => {
      const steps = [beforeSending, NextStep.firstAsk, NextStep.confirm]
      assert.deepStrictEqual(
        steps.map((step) => plan(step, verdict)),
        [...plans]
      )
      assert.deepStrictEqual(
        [NextStep.recheck, NextStep.lastAsk].map((step) => plan(step, verdict)),
        [last, last]
      )
    })
  }

  const after = (verdict: Verdict.Verdict, over: Partial<NextStep.Heard>, isInDoubt = true) =>
    [beforeSending, NextStep.firstAsk, NextStep.confirm, NextStep.recheck, NextStep.lastAsk].map((step) =>
      plan(step, verdict, over, isInDoubt)
    )

  it("a decline that leaves no doubt is sent again within its budget", () => {
    assert.deepStrictEqual(after(v.SoftDeclined, {}, false), [
      ...["softDeclined: create", "softDeclined: create", "softDeclined: create"],
      ...["give up", "give up"]
    ])
  })

  it("a failure that was known tells nothing of what was sent since; what was claimed is asked about again", () => {
    assert.deepStrictEqual(after(v.SoftDeclined, { isNews: false }), [
      ...["create", "softDeclined: BeforeSending", "communication: BeforeSending"],
      ...["give up", "give up"]
    ])
    assert.deepStrictEqual(after(v.HardDeclined, { isNews: false }), [
      ...["create", "give up", "communication: BeforeSending"],
      ...["give up", "give up"]
    ])
  })

  it("a decline of other arguments lets these be sent", () => {
    for (const verdict of [v.HardDeclined, v.SoftDeclined]) {
      assert.deepStrictEqual(after(verdict, { isOwn: false }), [
        ...["create", "create", "communication: BeforeSending"],
        ...["give up", "give up"]
      ])
      assert.strictEqual(plan(NextStep.confirm, verdict, { isOwn: false }, false), "communication: create")
    }
  })

  it("a read that lags behind tells nothing (50)", () => {
    assert.deepStrictEqual(after(v.HardDeclined, { isStale: true }), [
      ...["create", "communication: FirstAsk", "communication: Confirm"],
      ...["give up", "give up"]
    ])
    // How often the provider has tried is only known from a record that shows it all (I1b).
    assert.strictEqual(
      plan(beforeSending, v.ProcessingError, { isStale: true, hasProcessingErrors: true }),
      "communication: BeforeSending"
    )
  })

  it("a failure that contradicts a claim keeps the claim as the open question (43)", () => {
    for (const verdict of [v.HardDeclined, v.SoftDeclined, v.ProcessingError]) {
      assert.deepStrictEqual(after(verdict, { contradicts: true }), [
        ...["create", "create", "communication: Confirm"],
        ...["give up", "give up"]
      ])
    }
  })

  it("no such payout is a read that lags behind, if a record was shown before (50)", () => {
    assert.deepStrictEqual(after(v.NotFound, { isKnown: true }), [
      ...["create", "communication: FirstAsk", "communication: Confirm"],
      ...["give up", "give up"]
    ])
  })

  it("no answer lets nothing be sent after a processing error: only the record tells how often it was tried (I1b)", () => {
    const over = { isKnown: true, hasProcessingErrors: true }
    const never = (category: string) => [
      ...[`${category}: BeforeSending`, `${category}: FirstAsk`, `${category}: Confirm`],
      ...["give up", "give up"]
    ]
    assert.deepStrictEqual(after(v.CommunicationError, over), never("communication"))
    assert.deepStrictEqual(after(v.NotFound, over), never("communication"))
    assert.deepStrictEqual(after(v.RateLimited, over), never("rateLimited"))
    assert.deepStrictEqual(after(v.RequestRejected, over), ["give up", "give up", "give up", "give up", "give up"])
  })
})

describe("nextStep, an exchange that speaks for itself, whatever was left unclear before it,", () => {
  const answers = (verdict: Verdict.Verdict, over?: Partial<NextStep.Heard>) =>
    everyStep.filter((step) => NextStep.isAnswer(heard(step, over), verdict)).map(name)
  const failures = [verdicts.HardDeclined, verdicts.SoftDeclined, verdicts.ProcessingError]
  const every = everyStep.map(name)

  it("shows a payout with other arguments", () => assert.deepStrictEqual(answers(verdicts.HandleConflict), every))

  it("shows a failure that was not known", () => {
    for (const verdict of failures) assert.deepStrictEqual(answers(verdict), every)
  })

  it("shows a failure that was known only to a create, or where it was not to be known", () => {
    for (const verdict of failures) {
      // Who waited for the end of an error may have seen it before: it takes its budget all the same.
      const confirmed = verdict._tag === "ProcessingError" ? ["Confirm"] : []
      assert.deepStrictEqual(answers(verdict, { isNews: false }), ["create", "FirstAsk", ...confirmed, "Recheck"])
    }
  })

  it("is no lookup that lags behind, or contradicts a claim", () => {
    for (const verdict of failures) {
      assert.deepStrictEqual(answers(verdict, { isStale: true }), ["create"])
      assert.deepStrictEqual(answers(verdict, { contradicts: true }), ["create"])
    }
  })

  it("is no decline of other arguments", () => {
    const isOwn = false
    assert.deepStrictEqual(
      failures.map((verdict) => answers(verdict, { isOwn })),
      [[], [], every]
    )
    assert.deepStrictEqual(
      Object.values(verdicts)
        .filter((verdict) => NextStep.isOfOthers(heard(NextStep.create, { isOwn }), verdict))
        .map(({ _tag }) => _tag),
      ["HardDeclined", "SoftDeclined"]
    )
    assert.isFalse(NextStep.isOfOthers(heard(NextStep.create), verdicts.HardDeclined))
  })

  it("is nothing else", () => {
    const others = Object.values(verdicts).filter(
      (verdict) => !Verdict.isFailed(verdict) && verdict._tag !== "HandleConflict"
    )
    assert.deepStrictEqual(
      others.filter((verdict) => answers(verdict).length > 0),
      []
    )
  })
})

describe("nextStep, a call for a payout that was left in doubt", () => {
  it("confirms what the provider spoke of without showing it, and asks about anything else", () => {
    const confirmed = Object.values(verdicts).filter((verdict) => NextStep.firstStep(verdict) === NextStep.confirm)
    assert.deepStrictEqual(
      confirmed.map(({ _tag }) => _tag),
      ["Unsettled", "AlreadyPaid", "AlreadyProcessing", "AlreadyExists"]
    )
    assert.strictEqual(NextStep.firstStep(verdicts.CommunicationError), NextStep.firstAsk)
  })
})

describe("nextStep: arguments that were declined for good", () => {
  const isDeclined = true

  it("are never sent again, nor looked up in order to be sent", () => {
    for (const step of everyStep) {
      for (const verdict of Object.values(verdicts)) {
        for (const isInDoubt of [true, false]) {
          const plan = NextStep.plan(heard(step, { isDeclined }), verdict, isInDoubt)
          const next = "next" in plan ? name(plan.next) : "none"
          assert.notInclude(["create", "BeforeSending", "FirstAsk"], next, `${name(step)}, ${verdict._tag}`)
        }
      }
    }
  })

  it("are given up where others would be sent again, or asked about first", () => {
    const { CommunicationError, NotFound, SoftDeclined } = verdicts
    const plan = (step: NextStep.Step, verdict: Verdict.Verdict, isInDoubt: boolean) =>
      [false, true].map((isDeclined) =>
        shown(NextStep.plan(heard(step, { isDeclined, isOwn: false }), verdict, isInDoubt))
      )
    assert.deepStrictEqual(plan(NextStep.firstAsk, NotFound, false), ["create", "give up"])
    assert.deepStrictEqual(plan(NextStep.firstAsk, SoftDeclined, true), ["create", "give up"])
    assert.strictEqual(plan(NextStep.create, CommunicationError, true)[1], "give up")
    assert.strictEqual(plan(NextStep.create, CommunicationError, false)[1], "give up")
    assert.strictEqual(plan(NextStep.firstAsk, CommunicationError, true)[1], "give up")
  })

  it("are confirmed all the same, where the provider spoke of the payout without showing it", () => {
    const { AlreadyProcessing } = verdicts
    const plan = NextStep.plan(heard(NextStep.create, { isDeclined }), AlreadyProcessing, true)
    assert.strictEqual(shown(plan), "Confirm")
  })
})
