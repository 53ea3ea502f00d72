import { assert, describe, it } from "@effect/vitest"
import type { Attempt, Payout } from "effect-billwerk-payouts"
import { Verdict } from "effect-billwerk-payouts"
import * as Plan from "../../src/internal/plan.js"

const payout = (state: string, ...errorStates: ReadonlyArray<string>): Payout.Payout => ({
  handle: "p-1",
  state,
  amount: 100,
  transactions: errorStates.map((errorState) => ({ id: "t", state: "failed", amount: 100, errorState }))
})

const paid: Verdict.Verdict = { _tag: "Paid", payout: payout("paid") }
const processing: Verdict.Verdict = { _tag: "Processing", payout: payout("processing") }
const hardDeclined: Verdict.Verdict = { _tag: "HardDeclined", payout: payout("failed", "hard_declined") }
const softDeclined: Verdict.Verdict = { _tag: "SoftDeclined", payout: payout("failed", "soft_declined") }
const processingError: Verdict.Verdict = { _tag: "ProcessingError", payout: payout("failed", "processing_error") }
const twoProcessingErrors: Verdict.Verdict = {
  _tag: "ProcessingError",
  payout: payout("failed", "processing_error", "processing_error")
}
const unsettled: Verdict.Verdict = { _tag: "Unsettled", payout: payout("created"), why: "its state is created" }
const handleConflict: Verdict.Verdict = { _tag: "HandleConflict", differs: ["amount"] }
const notFound: Verdict.Verdict = { _tag: "NotFound" }
const noAnswer: Verdict.Verdict = { _tag: "CommunicationError", why: "no answer before the deadline" }
const certificate: Verdict.Verdict = { _tag: "CommunicationError", why: "the certificate", permanent: true }
const serverError: Verdict.Verdict = { _tag: "ServerError", why: "HTTP 500" }
const unexpected: Verdict.Verdict = { _tag: "UnexpectedResponse", why: "HTTP 302" }
const unreadable400: Verdict.Verdict = { _tag: "UnexpectedResponse", why: "HTTP 400", refused: true }
const rateLimited: Verdict.Verdict = { _tag: "RateLimited" }
const rejected: Verdict.Verdict = { _tag: "RequestRejected" }

const record = (over: Partial<Attempt.Recorded> = {}): Attempt.Recorded => ({
  state: "failed",
  transactions: 1,
  processingErrors: 0,
  paid: 0,
  open: 0,
  ...over
})

const beforeSending: Plan.LookupStep = { kind: "Lookup", ask: "BeforeSending" }
const confirm: Plan.LookupStep = { kind: "Lookup", ask: "Confirm" }
const confirmPaid: Plan.LookupStep = { kind: "Lookup", ask: "Confirm", claim: "AlreadyPaid" }
const confirmProcessing: Plan.LookupStep = { kind: "Lookup", ask: "Confirm", claim: "AlreadyProcessing" }
const everyStep = [Plan.create, beforeSending, Plan.firstAsk, confirm, confirmPaid, Plan.recheck, Plan.lastAsk]

/** How it is to be taken, before any time has passed. */
const heardBy = (step: Plan.Step, verdict: Verdict.Verdict, known?: Attempt.Recorded): Plan.Heard => ({
  step,
  known,
  contradicts: Plan.contradicts(step, verdict, known)
})

const words = (step: Plan.Step): string =>
  step.kind === "Create" ? "create" : [step.ask, ...(step.claim === undefined ? [] : [step.claim])].join(" ")

/** A plan in one line, and a lookup by the reason for it. */
const shown = (plan: Plan.Plan): string => {
  switch (plan._tag) {
    case "Succeed":
      return `succeed as ${plan.verdict._tag}`
    case "GiveUp":
      return "give up"
    case "GoOn":
      return words(plan.next)
    case "Retry":
      return `${plan.category}${plan.known === undefined ? "" : `, ${plan.known} known`}: ${words(plan.next)}`
  }
}

describe("After a create", () => {
  const table: ReadonlyArray<
    readonly [says: string, verdict: Verdict.Verdict, whileClear: string, whileInDoubt: string]
  > = [
    ["paid", paid, "succeed as Paid", "succeed as Paid"],
    ["processing", processing, "succeed as Processing", "succeed as Processing"],
    ["a hard decline (74)", hardDeclined, "give up", "give up"],
    ["a soft decline", softDeclined, "softDeclined: create", "softDeclined: BeforeSending"],
    [
      "a processing error (70)",
      processingError,
      "processingError, 1 known: create",
      "processingError, 1 known: BeforeSending"
    ],
    [
      "the second processing error",
      twoProcessingErrors,
      "processingError, 2 known: create",
      "processingError, 2 known: BeforeSending"
    ],
    ["a state that we do not know (60)", unsettled, "communication: Confirm", "communication: Confirm"],
    ["no answer (12)", noAnswer, "communication: create", "communication: BeforeSending"],
    ["a refused certificate (5)", certificate, "give up", "give up"],
    ["a 5xx (28)", serverError, "communication: create", "communication: BeforeSending"],
    ["another status (33)", unexpected, "communication: create", "communication: BeforeSending"],
    ["a 400 that cannot be read", unreadable400, "communication: create", "communication: BeforeSending"],
    ["code 11", { _tag: "AlreadyExists" }, "Confirm AlreadyExists", "Confirm AlreadyExists"],
    ["code 133 (44)", { _tag: "AlreadyProcessing" }, "Confirm AlreadyProcessing", "Confirm AlreadyProcessing"],
    ["code 134 (43)", { _tag: "AlreadyPaid" }, "Confirm AlreadyPaid", "Confirm AlreadyPaid"],
    ["a limit (54)", rateLimited, "rateLimited: create", "rateLimited: BeforeSending"],
    [
      "a concurrent update (45)",
      { _tag: "ConcurrentUpdate" },
      "concurrentUpdate: create",
      "concurrentUpdate: BeforeSending"
    ],
    ["an unknown payment method (41)", { _tag: "PaymentMethodNotFound" }, "give up", "give up"],
    ["a payment method that cannot receive (39)", { _tag: "PaymentMethodNotAllowed" }, "give up", "give up"],
    ["another customer (40)", { _tag: "CustomerMismatch" }, "give up", "give up"],
    ["a refusal (38)", rejected, "give up", "give up"],
    ["other arguments", handleConflict, "give up", "give up"],
    ["an unknown payout", notFound, "give up", "give up"]
  ]
  for (const [says, verdict, whileClear, whileInDoubt] of table) {
    it(`${says}: ${whileClear}; while in doubt: ${whileInDoubt}`, () => {
      assert.strictEqual(shown(Plan.plan(heardBy(Plan.create, verdict), verdict, false)), whileClear)
      assert.strictEqual(shown(Plan.plan(heardBy(Plan.create, verdict), verdict, true)), whileInDoubt)
    })
  }
})

describe("After a lookup", () => {
  interface Row {
    readonly says: string
    readonly verdict: Verdict.Verdict
    /** The newest record from before. */
    readonly known?: Attempt.Recorded
    readonly inDoubt?: false
    readonly then: readonly [beforeSending: string, firstAsk: string, confirm: string, confirmPaid: string]
    /** Whatever a recheck or a last ask tells, it is the end; this is how. */
    readonly last: string
  }

  const sameForAll = (plan: string): Row["then"] => [plan, plan, plan, plan]
  const sent: Row["then"] = ["create", "create", "communication: Confirm", "communication: Confirm AlreadyPaid"]
  const resentSoftly: Row["then"] = [
    "softDeclined: BeforeSending",
    "softDeclined: BeforeSending",
    "softDeclined: BeforeSending",
    "communication: Confirm AlreadyPaid"
  ]
  const askedAgain = (category: string): Row["then"] => [
    "create",
    `${category}: FirstAsk`,
    `${category}: Confirm`,
    `${category}: Confirm AlreadyPaid`
  ]
  const neverSent = (category: string): Row["then"] => [
    `${category}: BeforeSending`,
    `${category}: FirstAsk`,
    `${category}: Confirm`,
    `${category}: Confirm AlreadyPaid`
  ]
  const onlySentBefore: Row["then"] = ["create", "give up", "give up", "give up"]
  const failedBefore = record({ processingErrors: 1 })

  const table: ReadonlyArray<Row> = [
    { says: "paid", verdict: paid, then: sameForAll("succeed as Paid"), last: "succeed as Paid" },
    {
      says: "processing",
      verdict: processing,
      then: sameForAll("succeed as Processing"),
      last: "succeed as Processing"
    },
    { says: "other arguments", verdict: handleConflict, then: sameForAll("give up"), last: "give up" },
    { says: "no such payout (50)", verdict: notFound, then: sent, last: "give up" },
    {
      says: "a hard decline",
      verdict: hardDeclined,
      then: ["give up", "give up", "give up", "communication: Confirm AlreadyPaid"],
      last: "give up"
    },
    { says: "a soft decline", verdict: softDeclined, then: resentSoftly, last: "give up" },
    {
      says: "a soft decline that leaves no doubt",
      verdict: softDeclined,
      inDoubt: false,
      then: [
        "softDeclined: create",
        "softDeclined: create",
        "softDeclined: create",
        "communication: Confirm AlreadyPaid"
      ],
      last: "give up"
    },
    {
      says: "two processing errors, of which none was known",
      verdict: twoProcessingErrors,
      then: [
        "processingError, 2 known: BeforeSending",
        "processingError, 2 known: BeforeSending",
        "processingError, 2 known: BeforeSending",
        "communication: Confirm AlreadyPaid"
      ],
      last: "give up"
    },
    {
      says: "a decline that was there before",
      verdict: softDeclined,
      known: record({ errorState: "soft_declined" }),
      then: ["create", "softDeclined: BeforeSending", "communication: Confirm", "communication: Confirm AlreadyPaid"],
      last: "give up"
    },
    {
      says: "a decline from before the newest record (50)",
      verdict: softDeclined,
      known: record({ errorState: "soft_declined", transactions: 2 }),
      then: ["create", "communication: FirstAsk", "communication: Confirm", "communication: Confirm AlreadyPaid"],
      last: "give up"
    },
    {
      says: "fewer processing errors than the newest record (50)",
      verdict: processingError,
      known: record({ errorState: "processing_error", transactions: 2, processingErrors: 2 }),
      then: [
        "communication: BeforeSending",
        "communication: FirstAsk",
        "communication: Confirm",
        "communication: Confirm AlreadyPaid"
      ],
      last: "give up"
    },
    {
      says: "a decline that is new",
      verdict: softDeclined,
      known: record({ errorState: "soft_declined", transactions: 0 }),
      then: resentSoftly,
      last: "give up"
    },
    {
      says: "a decline of what was processing",
      verdict: softDeclined,
      known: record({ errorState: "soft_declined", state: "processing" }),
      then: resentSoftly,
      last: "give up"
    },
    {
      says: "a decline of what had failed for another reason",
      verdict: softDeclined,
      known: record({ errorState: "processing_error" }),
      then: resentSoftly,
      last: "give up"
    },
    {
      says: "a state that we do not know",
      verdict: unsettled,
      then: sameForAll("communication: Confirm"),
      last: "give up"
    },
    { says: "no answer", verdict: noAnswer, then: askedAgain("communication"), last: "give up" },
    { says: "a 5xx", verdict: serverError, then: askedAgain("communication"), last: "give up" },
    { says: "what cannot be read", verdict: unexpected, then: askedAgain("communication"), last: "give up" },
    { says: "a limit", verdict: rateLimited, then: askedAgain("rateLimited"), last: "give up" },
    { says: "a refused certificate", verdict: certificate, then: onlySentBefore, last: "give up" },
    { says: "a refusal", verdict: rejected, then: onlySentBefore, last: "give up" },
    {
      says: "no answer, after a decline",
      verdict: noAnswer,
      known: record(),
      then: askedAgain("communication"),
      last: "give up"
    },
    {
      says: "no answer, after a processing error: only the record can tell how often it was tried (I1b)",
      verdict: noAnswer,
      known: failedBefore,
      then: neverSent("communication"),
      last: "give up"
    },
    {
      says: "no such payout, although a record of it was shown before (50)",
      verdict: notFound,
      known: record(),
      then: askedAgain("communication"),
      last: "give up"
    },
    {
      says: "no such payout, although a processing error was shown before (50)",
      verdict: notFound,
      known: failedBefore,
      then: neverSent("communication"),
      last: "give up"
    },
    {
      says: "a limit, after a processing error",
      verdict: rateLimited,
      known: failedBefore,
      then: neverSent("rateLimited"),
      last: "give up"
    },
    {
      says: "a refusal, after a processing error",
      verdict: rejected,
      known: failedBefore,
      then: sameForAll("give up"),
      last: "give up"
    }
  ]

  for (const { inDoubt = true, known, last, says, then, verdict } of table) {
    it(`${says}: ${[...new Set(then)].join(" | ")}`, () => {
      const plan = (step: Plan.Step) => shown(Plan.plan(heardBy(step, verdict, known), verdict, inDoubt))
      assert.deepStrictEqual([beforeSending, Plan.firstAsk, confirm, confirmPaid].map(plan), [...then])
      assert.deepStrictEqual([Plan.recheck, Plan.lastAsk].map(plan), [last, last])
    })
  }
})

describe("A failure that a lookup shows", () => {
  const failures = [hardDeclined, softDeclined, processingError]

  it("contradicts a 134, and nothing else (43)", () => {
    for (const verdict of failures) {
      const contradicted = everyStep.filter((step) => Plan.contradicts(step, verdict, undefined))
      assert.deepStrictEqual(contradicted, [confirmPaid])
      assert.isFalse(Plan.contradicts(confirmProcessing, verdict, undefined))
    }
    for (const verdict of [paid, processing, unsettled, notFound, noAnswer]) {
      assert.isFalse(Plan.contradicts(confirmPaid, verdict, undefined))
    }
  })

  it("contradicts a 133 if it was known before (44)", () => {
    const before = record({ errorState: "soft_declined", transactions: 1 })
    assert.isTrue(Plan.contradicts(confirmProcessing, softDeclined, before))
    assert.isTrue(Plan.contradicts(confirmProcessing, softDeclined, { ...before, transactions: 2 }))
    assert.isFalse(Plan.contradicts(confirmProcessing, softDeclined, { ...before, transactions: 0 }))
    assert.isFalse(Plan.contradicts(confirmProcessing, softDeclined, { ...before, state: "processing" }))
    assert.isFalse(Plan.contradicts(confirmProcessing, hardDeclined, before))
    assert.isFalse(Plan.contradicts({ ...confirm, claim: "AlreadyExists" }, softDeclined, before))
    assert.isFalse(Plan.contradicts(Plan.create, softDeclined, before))
  })

  it("says nothing new where it contradicts", () => {
    const heard = { step: confirmPaid, known: undefined, contradicts: true }
    for (const verdict of failures) {
      assert.isFalse(Plan.isAnswer(heard, verdict))
      assert.strictEqual(Plan.bearing(confirmPaid, verdict, "Sent", true), "Claimed")
    }
  })

  it("is believed where no read lags as far: as what was asked before sending again, or as the last word (43)", () => {
    const last: Plan.LookupStep = { ...confirmPaid, ask: "LastAsk" }
    assert.deepStrictEqual([confirmPaid, last].map(Plan.believing).map(words), ["BeforeSending", "Recheck"])
  })
})

describe("An exchange that speaks for itself, whatever was left unclear before it,", () => {
  const answers = (verdict: Verdict.Verdict, known?: Attempt.Recorded) =>
    everyStep.filter((step) => Plan.isAnswer(heardBy(step, verdict, known), verdict)).map(words)

  it("is one that shows a payout with other arguments", () =>
    assert.deepStrictEqual(answers(handleConflict), everyStep.map(words)))

  it("is one that shows a failure, unless a 134 says otherwise", () => {
    for (const verdict of [hardDeclined, softDeclined, processingError]) {
      assert.deepStrictEqual(
        answers(verdict),
        ["create", "BeforeSending", "FirstAsk", "Confirm", "Recheck", "LastAsk"],
        verdict._tag
      )
    }
  })

  it("is no failure that was known, unless it is the answer to a create or was not to be known", () => {
    const known = record({ errorState: "soft_declined", transactions: 1 })
    assert.deepStrictEqual(answers(softDeclined, known), ["create", "FirstAsk", "Recheck"])
  })

  it("is no failure from before what was known, unless it is the answer to a create (50)", () => {
    const known = record({ errorState: "hard_declined", transactions: 2 })
    assert.deepStrictEqual(answers(softDeclined, known), ["create"])
  })

  it("is a failure of what was in another state, or for another reason, or with one more transaction", () => {
    const all = ["create", "BeforeSending", "FirstAsk", "Confirm", "Recheck", "LastAsk"]
    const soft = { errorState: "soft_declined", transactions: 1 }
    assert.deepStrictEqual(answers(softDeclined, record({ ...soft, state: "processing" })), all)
    assert.deepStrictEqual(answers(softDeclined, record({ ...soft, errorState: "processing_error" })), all)
    assert.deepStrictEqual(answers(twoProcessingErrors, record({ errorState: "processing_error" })), all)
  })

  it("is nothing else", () => {
    for (const verdict of [paid, processing, unsettled, notFound, noAnswer, serverError, rateLimited, rejected]) {
      assert.deepStrictEqual(answers(verdict), [], verdict._tag)
    }
  })
})

describe("What an exchange says about the money", () => {
  const table: ReadonlyArray<
    readonly [says: string, step: Plan.Step, verdict: Verdict.Verdict, sent: Attempt.Sent, bearing: Attempt.Bearing]
  > = [
    ["a create that shows the payout", Plan.create, hardDeclined, "Sent", "Recorded"],
    ["a create without an answer", Plan.create, noAnswer, "Unknown", "Unclear"],
    ["a create that was not sent", Plan.create, noAnswer, "NotSent", "None"],
    ["a create that is told 134", Plan.create, { _tag: "AlreadyPaid" }, "Sent", "Claimed"],
    ["a lookup that shows the payout", beforeSending, hardDeclined, "Sent", "Recorded"],
    ["a lookup that shows it in a state that we do not know", confirmPaid, unsettled, "Sent", "Recorded"],
    ["a lookup that shows another payout", beforeSending, handleConflict, "Sent", "Foreign"],
    ["a lookup without an answer", beforeSending, noAnswer, "Unknown", "None"],
    ["a lookup that knows no payout", confirmPaid, notFound, "Sent", "None"],
    ["a lookup that confirms a 134", confirmPaid, paid, "Sent", "Recorded"]
  ]
  for (const [says, step, verdict, sent, bearing] of table) {
    it(`${says}: ${bearing}`, () => assert.strictEqual(Plan.bearing(step, verdict, sent), bearing))
  }
})

describe("A call for a payout that was left in doubt", () => {
  const table: ReadonlyArray<readonly [doubt: Verdict.Verdict, first: Plan.Step]> = [
    [{ _tag: "AlreadyExists" }, { kind: "Lookup", ask: "Confirm", claim: "AlreadyExists" }],
    [{ _tag: "AlreadyPaid" }, { kind: "Lookup", ask: "Confirm", claim: "AlreadyPaid" }],
    [{ _tag: "AlreadyProcessing" }, { kind: "Lookup", ask: "Confirm", claim: "AlreadyProcessing" }],
    [unsettled, { kind: "Lookup", ask: "Confirm" }],
    [noAnswer, { kind: "Lookup", ask: "FirstAsk" }],
    [unreadable400, { kind: "Lookup", ask: "FirstAsk" }],
    [processingError, { kind: "Lookup", ask: "FirstAsk" }]
  ]
  for (const [doubt, first] of table) {
    it(`by ${doubt._tag} begins with ${words(first)}`, () => assert.deepStrictEqual(Plan.firstStep(doubt), first))
  }
})
