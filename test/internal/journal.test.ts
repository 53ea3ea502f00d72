import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, TestClock } from "effect"
import type { Payout, Reply, Verdict } from "effect-billwerk-payouts"
import { Attempt } from "effect-billwerk-payouts"
import * as failure from "../../src/internal/failure.js"
import { AttemptLog, attemptsKept, found, Journal } from "../../src/internal/journal.js"
import * as Plan from "../../src/internal/plan.js"
import { requestOf } from "../support.js"

const amount = 12_500
const noon = Date.UTC(2026, 0, 2, 12)
const minutes = (count: number) => count * 60 * 1000

const transaction = (over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id: "t",
  state: "failed",
  amount,
  errorState: "soft_declined",
  ...over
})

const payout = (state: string, transactions: ReadonlyArray<Payout.Transaction> = []): Payout.Payout => ({
  handle: "prize-2026-0042",
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
const notFound: Verdict.Verdict = { _tag: "NotFound" }
const softDeclined: Verdict.Verdict = { _tag: "SoftDeclined", payout: payout("failed", [transaction()]) }
const processingError: Verdict.Verdict = {
  _tag: "ProcessingError",
  payout: payout("failed", [transaction({ errorState: "processing_error" })])
}
const confirmPaid: Plan.Step = { kind: "Lookup", ask: "Confirm", claim: "AlreadyPaid" }

const finding = (why: string) =>
  ({ sent: "Unknown", outcome: "Any", bearing: "Unclear", decision: "Fail", why }) as const

/** Begins an exchange, and ends it at once or some time later. */
const logged = (log: AttemptLog, kind: Attempt.Kind, took?: Duration.DurationInput) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    log.begin(kind, clock)
    if (took !== undefined) yield* TestClock.adjust(took)
    return log.close(finding("a test"), clock)
  })

describe("The log of attempts", () => {
  it.effect("has of each exchange what it was, when it began and how long it took", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const log = new AttemptLog()
      assert.deepStrictEqual(log.attempts, [])
      const first = yield* logged(log, "Create", "1500 millis")
      yield* TestClock.adjust("1 minute")
      const second = yield* logged(log, "Lookup", "2 seconds")
      assert.deepStrictEqual<unknown>(log.attempts, [first, second])
      assert.deepStrictEqual<ReadonlyArray<Attempt.Attempt>>(log.attempts, [
        {
          ...finding("a test"),
          ordinal: 1,
          kind: "Create",
          started: DateTime.unsafeMake(noon),
          took: Duration.nanos(1_500_000_000n)
        },
        {
          ...finding("a test"),
          ordinal: 2,
          kind: "Lookup",
          started: DateTime.unsafeMake(noon + 61_500),
          took: Duration.nanos(2_000_000_000n)
        }
      ])
    })
  )

  it.effect("closes only what was begun, and only once", () =>
    Effect.gen(function* () {
      const log = new AttemptLog()
      const clock = yield* Effect.clock
      assert.isUndefined(log.close(finding("nothing was begun"), clock))
      yield* logged(log, "Create")
      assert.isUndefined(log.close(finding("it is closed"), clock))
      assert.strictEqual(log.attempts.length, 1)
    })
  )

  it.effect("has what was decided after the latest attempt, and why, beside what it was", () =>
    Effect.gen(function* () {
      const log = new AttemptLog()
      log.decide("Fail", "nothing was tried")
      assert.deepStrictEqual(log.attempts, [])
      yield* logged(log, "Create")
      yield* logged(log, "Lookup")
      log.decide("SendAgain", undefined, Duration.seconds(3))
      const decided = () => log.attempts.map(({ decision, delay, why }) => ({ decision, why, delay }))
      const first = { decision: "Fail", why: "a test", delay: undefined }
      assert.deepStrictEqual<unknown>(decided(), [
        first,
        { decision: "SendAgain", why: "a test", delay: Duration.seconds(3) }
      ])
      log.decide("Fail", "the wait ended too late")
      assert.deepStrictEqual<unknown>(decided(), [
        first,
        { decision: "Fail", why: "a test; the wait ended too late", delay: undefined }
      ])
      assert.notProperty(log.attempts[1], "delay")
    })
  )

  it.effect("forgets the oldest, and counts on", () =>
    Effect.gen(function* () {
      const log = new AttemptLog()
      for (let count = 0; count < attemptsKept + 2; count++) yield* logged(log, "Lookup")
      log.trim()
      assert.deepStrictEqual([log.attempts.length, log.attempts[0]?.ordinal], [attemptsKept, 3])
      yield* logged(log, "Create")
      assert.deepStrictEqual([log.attempts.length, log.attempts.at(-1)?.ordinal], [attemptsKept + 1, attemptsKept + 3])
    })
  )
})

describe("What an answer turned out to be", () => {
  it("has the status, the code and the request id that it came with", () => {
    assert.deepStrictEqual(found(Plan.create, { _tag: "RequestRejected" }, { ...refusal, status: 401 }), {
      status: 401,
      code: 6,
      requestId: "r-1",
      sent: "Sent",
      outcome: "RequestRejected",
      bearing: "None",
      decision: "Fail",
      why: "refused, and would be again"
    })
  })

  it("has none of them where they did not come", () => {
    const { requestId: _, ...unnamed } = answer()
    assert.deepStrictEqual(found(Plan.create, { _tag: "ServerError", why: "HTTP 502" }, { ...unnamed, status: 502 }), {
      status: 502,
      sent: "Sent",
      outcome: "ServerError",
      bearing: "Unclear",
      decision: "Fail",
      why: "HTTP 502"
    })
    assert.deepStrictEqual(found(Plan.create, lost, { ...noAnswer, sent: "NotSent" }), {
      sent: "NotSent",
      outcome: "CommunicationError",
      bearing: "None",
      decision: "Fail",
      why: "no answer before the deadline"
    })
  })

  it("has what the record says, also where it contradicts a 134 (43)", () => {
    const shown = found(Plan.firstAsk, softDeclined, answer())
    assert.deepStrictEqual([shown.bearing, shown.recorded?.errorState], ["Recorded", "soft_declined"])
    const contradicted = found(confirmPaid, softDeclined, answer(), undefined, true)
    assert.deepStrictEqual([contradicted.bearing, contradicted.recorded?.errorState], ["Claimed", "soft_declined"])
  })
})

const newJournal = (unseen = 0) => new Journal(requestOf(), Attempt.emptyTally(unseen))

const write = (journal: Journal, step: Plan.Step, verdict: Verdict.Verdict, reply: Reply.Reply = answer()) =>
  Effect.map(Effect.clock, (clock) => {
    journal.begin(step.kind, clock)
    return journal.write(step, verdict, reply, clock)
  })

const told134: Reply.Response = { ...refusal, body: { _tag: "ApiError", code: 134 } }

const declinedAt = (millis: number) => ({
  _tag: "SoftDeclined" as const,
  payout: payout("failed", [transaction({ created: DateTime.unsafeMake(millis) })])
})

describe("The evidence of a payout", () => {
  it.effect("is nothing at first", () =>
    Effect.sync(() => {
      const journal = newJournal()
      assert.deepStrictEqual(
        [journal.isInDoubt, journal.record, journal.attempts, journal.accounting.certainty],
        [false, undefined, [], "NotMoved"]
      )
    })
  )

  it.effect("is in doubt while money may have moved, and when it has", () =>
    Effect.gen(function* () {
      const journal = newJournal()
      yield* write(journal, Plan.create, { _tag: "RequestRejected" }, refusal)
      assert.isFalse(journal.isInDoubt)
      yield* write(journal, Plan.create, lost, noAnswer)
      assert.isTrue(journal.isInDoubt)
      yield* write(journal, Plan.firstAsk, { _tag: "Paid", payout: payout("paid") })
      assert.isTrue(journal.isInDoubt)
      assert.deepStrictEqual([journal.accounting.certainty, journal.record?.state], ["Moved", "paid"])
    })
  )

  it.effect("counts creates that were not seen, but those that it knows of only once", () =>
    Effect.gen(function* () {
      const guess = newJournal(1)
      guess.expect(1)
      assert.strictEqual(guess.accounting.exposure.max, amount)
      const journal = newJournal()
      const most = () => journal.accounting.exposure.max / amount
      for (const [unseen, expected] of [
        [0, 0],
        [2, 2],
        [1, 2],
        [2, 2],
        [3, 3]
      ] as const) {
        journal.expect(unseen)
        assert.strictEqual(most(), expected)
      }
      // One of them was declined, and need not be told again.
      yield* write(journal, Plan.firstAsk, softDeclined)
      journal.expect(3)
      assert.strictEqual(most(), 2)
      const other = journal.continuedBy(requestOf({ amount }))
      other.expect(3)
      assert.strictEqual(other.accounting.exposure.max, 2 * amount)
      journal.expect(4)
      assert.strictEqual(most(), 3)
      // Paid by one of them, and no transaction is shown: each of the others may have been a failure that paid.
      yield* write(journal, Plan.firstAsk, { _tag: "Paid", payout: payout("paid") })
      assert.strictEqual(most(), 4)
    })
  )

  it.effect("takes a record that contradicts a 134 for a read that lags behind, but not for ten minutes (43)", () =>
    Effect.gen(function* () {
      for (const [asked, bearing, doubt] of [
        [minutes(10) - 1, "Claimed", "AlreadyPaid"],
        [minutes(10), "Recorded", "CommunicationError"]
      ] as const) {
        yield* TestClock.setTime(noon)
        const journal = newJournal()
        const most = () => journal.accounting.exposure.max / amount
        yield* write(journal, Plan.create, lost, noAnswer)
        yield* write(journal, Plan.create, { _tag: "AlreadyPaid" }, told134)
        assert.strictEqual(most(), 2)
        yield* TestClock.adjust(asked)
        yield* write(journal, confirmPaid, declinedAt(noon))
        assert.strictEqual(journal.latest?.bearing, bearing)
        // It is one of the two that was declined. What is in doubt is the claim, or else the other one.
        assert.deepStrictEqual([most(), journal.doubt.verdict._tag], [1, doubt])
      }
    })
  )

  it.effect("does not let go of a claim because somebody else was shown a failure", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const journal = newJournal()
      yield* write(journal, Plan.create, { _tag: "AlreadyPaid" }, told134)
      journal.learn(declinedAt(noon).payout)
      assert.deepStrictEqual([journal.isInDoubt, journal.doubt.verdict._tag], [true, "AlreadyPaid"])
      journal.learn(payout("paid", [transaction({ state: "paid" })]))
      assert.deepStrictEqual(journal.exposure, { min: amount, max: amount })
    })
  )

  it.effect("believes what was known before a claim, but hears nothing new in it (43, 44)", () =>
    Effect.gen(function* () {
      for (const claim of ["AlreadyPaid", "AlreadyProcessing"] as const) {
        yield* TestClock.setTime(noon)
        const journal = newJournal()
        yield* write(journal, Plan.create, declinedAt(noon))
        assert.isFalse(journal.isInDoubt)
        const code = claim === "AlreadyPaid" ? 134 : 133
        yield* write(journal, Plan.create, { _tag: claim }, { ...refusal, body: { _tag: "ApiError", code } })
        const confirm: Plan.Step = { kind: "Lookup", ask: "Confirm", claim }
        const contradicted = yield* write(journal, confirm, declinedAt(noon))
        assert.deepStrictEqual([contradicted.contradicts, journal.isInDoubt], [true, true])
        yield* TestClock.adjust("10 minutes")
        const believed = yield* write(journal, confirm, declinedAt(noon))
        assert.deepStrictEqual(Plan.plan(believed, declinedAt(noon), true), { _tag: "GoOn", next: Plan.create })
        // The create that was told so may have been sent all the same, and nobody says that another process sent it.
        assert.deepStrictEqual([journal.isInDoubt, journal.doubt.verdict._tag], [true, claim])
      }
    })
  )

  it.effect("does not believe what is older than what was known before a claim, however late it is", () =>
    Effect.gen(function* () {
      const journal = newJournal()
      const two = payout("failed", [transaction(), transaction()])
      yield* write(journal, Plan.create, { _tag: "SoftDeclined", payout: two })
      yield* write(journal, Plan.create, { _tag: "AlreadyPaid" }, told134)
      yield* TestClock.adjust("1 hour")
      assert.isTrue((yield* write(journal, confirmPaid, softDeclined)).contradicts)
      // Since then it was shown what it had been, which is all that there is.
      assert.isFalse((yield* write(journal, confirmPaid, { _tag: "SoftDeclined", payout: two })).contradicts)
    })
  )

  it.effect("has an exchange that was under way when its call ended, as sent, for all we know (82)", () =>
    Effect.gen(function* () {
      const journal = newJournal()
      yield* journal.interrupt()
      assert.deepStrictEqual(journal.attempts, [])
      const clock = yield* Effect.clock
      journal.begin("Lookup", clock)
      yield* journal.interrupt()
      assert.isFalse(journal.isInDoubt)
      journal.begin("Create", clock)
      yield* journal.interrupt()
      assert.isTrue(journal.isInDoubt)
      const told = { sent: "Unknown", outcome: "Interrupted", decision: "Interrupted" }
      const why = "the call ended before the answer came"
      assert.deepStrictEqual<unknown>(
        journal.attempts.map(({ bearing, decision, kind, outcome, sent, why }) => ({
          ...{ kind, bearing, sent },
          ...{ outcome, decision, why }
        })),
        [
          { ...told, kind: "Lookup", bearing: "None", why },
          { ...told, kind: "Create", bearing: "Unclear", why }
        ]
      )
    })
  )

  it.effect("stays known under other arguments, with the attempts that it rests on", () =>
    Effect.gen(function* () {
      const journal = newJournal()
      yield* write(journal, Plan.create, softDeclined)
      const other = requestOf({ amount: 1 })
      const next = journal.continuedBy(other)
      assert.deepStrictEqual([next.request, next.attempts, next.record], [other, journal.attempts, journal.record])
      yield* write(next, Plan.create, softDeclined)
      assert.deepStrictEqual([journal.attempts.length, next.attempts.at(-1)?.ordinal], [1, 2])
    })
  )
})

describe("What leaves a payout in doubt", () => {
  const doubtAfter = (...exchanges: ReadonlyArray<readonly [step: Plan.Step, verdict: Verdict.Verdict]>) =>
    Effect.gen(function* () {
      const journal = newJournal()
      for (const [step, verdict] of exchanges) yield* write(journal, step, verdict)
      return journal.doubt
    })

  const table: ReadonlyArray<
    readonly [
      says: string,
      exchanges: ReadonlyArray<readonly [step: Plan.Step, verdict: Verdict.Verdict]>,
      doubt: Verdict.Verdict
    ]
  > = [
    ["is what was not seen, before anything was", [], failure.unseen.verdict],
    ["is no refusal", [[Plan.create, { _tag: "RequestRejected" }]], failure.unseen.verdict],
    [
      "is a lost answer, and not the refusal after it (55)",
      [
        [Plan.create, lost],
        [Plan.create, { _tag: "RequestRejected" }]
      ],
      lost
    ],
    [
      "is a lost answer, and not the lookup that found nothing (50)",
      [
        [Plan.create, lost],
        [Plan.firstAsk, notFound]
      ],
      lost
    ],
    [
      "is the latest of two",
      [
        [Plan.create, processingError],
        [Plan.create, lost]
      ],
      lost
    ],
    ["is a processing error (71)", [[Plan.create, processingError]], processingError],
    [
      "is a record that shows one",
      [
        [Plan.create, lost],
        [Plan.firstAsk, processingError]
      ],
      processingError
    ],
    [
      "is a lost answer, and not the decline that may be another request's",
      [
        [Plan.create, lost],
        [Plan.firstAsk, softDeclined]
      ],
      lost
    ],
    [
      "is no longer what was claimed, once a record shows how it ended (44)",
      [
        [Plan.create, { _tag: "AlreadyProcessing" }],
        [Plan.firstAsk, softDeclined]
      ],
      failure.unseen.verdict
    ],
    [
      "is no longer what was claimed, once it turns out to be about other arguments",
      [
        [Plan.create, { _tag: "AlreadyPaid" }],
        [confirmPaid, { _tag: "HandleConflict", differs: ["amount"] }]
      ],
      failure.unseen.verdict
    ],
    [
      "is again what was lost, once the claim after it is answered",
      [
        [Plan.create, lost],
        [Plan.create, { _tag: "AlreadyPaid" }],
        [confirmPaid, { _tag: "HandleConflict", differs: ["amount"] }]
      ],
      lost
    ],
    [
      "is a claim, and not the lookup that found nothing (43)",
      [
        [Plan.create, { _tag: "AlreadyPaid" }],
        [confirmPaid, notFound]
      ],
      { _tag: "AlreadyPaid" }
    ],
    ["is a claim (43)", [[Plan.create, { _tag: "AlreadyPaid" }]], { _tag: "AlreadyPaid" }],
    [
      "is a claim, and not the record that contradicts it (43)",
      [
        [Plan.create, { _tag: "AlreadyPaid" }],
        [confirmPaid, softDeclined]
      ],
      { _tag: "AlreadyPaid" }
    ],
    [
      "is a processing error, and not the payment after it, which may be the second (71)",
      [
        [Plan.create, processingError],
        [
          Plan.create,
          {
            _tag: "Paid",
            payout: payout("paid", [transaction({ errorState: "processing_error" }), transaction({ state: "paid" })])
          }
        ]
      ],
      processingError
    ],
    [
      "is what was processing",
      [[Plan.create, { _tag: "Processing", payout: payout("processing") }]],
      { _tag: "Unsettled", payout: payout("processing"), why: "it was processing when it was last seen" }
    ]
  ]
  for (const [says, exchanges, doubt] of table) {
    it.effect(says, () =>
      Effect.map(doubtAfter(...exchanges), ({ reply, verdict }) => {
        assert.deepStrictEqual<unknown>(verdict, doubt)
        assert.deepStrictEqual<unknown>(reply, doubt === failure.unseen.verdict ? failure.unseen.reply : answer())
      })
    )
  }

  it.effect("is an interrupted create, and no interrupted lookup (82)", () =>
    Effect.gen(function* () {
      const journal = newJournal()
      yield* write(journal, Plan.create, lost)
      const clock = yield* Effect.clock
      journal.begin("Lookup", clock)
      yield* journal.interrupt()
      assert.strictEqual(journal.doubt.verdict, lost)
      journal.begin("Create", clock)
      yield* journal.interrupt()
      assert.strictEqual(journal.doubt, failure.interrupted)
    })
  )
})

describe("A transaction that is older than our first create by more than clocks differ", () => {
  /** A create that is lost at noon, and then a lookup that shows one decline of a certain minute. */
  const looked = (created: number | undefined, ...creates: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const journal = newJournal()
      for (const time of creates) {
        yield* TestClock.setTime(time)
        yield* write(journal, Plan.create, lost, noAnswer)
      }
      const date = created === undefined ? undefined : DateTime.unsafeMake(created)
      const shown = payout("failed", [transaction({ created: date })])
      yield* write(journal, Plan.firstAsk, { _tag: "SoftDeclined", payout: shown })
      return journal
    })

  it.effect("is not its doing, and leaves the doubt", () =>
    Effect.gen(function* () {
      const journal = yield* looked(noon - minutes(10) - 1, noon)
      assert.strictEqual(journal.attempts.at(-1)?.recorded?.earlier, 1)
      assert.strictEqual(journal.accounting.certainty, "MayHaveMoved")
    })
  )

  it.effect("may be its doing, where it is not that old", () =>
    Effect.gen(function* () {
      const journal = yield* looked(noon - minutes(10), noon)
      assert.notProperty(journal.attempts.at(-1)?.recorded, "earlier")
      assert.strictEqual(journal.accounting.certainty, "NotMoved")
    })
  )

  it.effect("may be of any time, where it has no date", () =>
    Effect.gen(function* () {
      const journal = yield* looked(undefined, noon)
      assert.strictEqual(journal.attempts.at(-1)?.recorded?.earlier, 1)
    })
  )

  it.effect("is older than the first create, and not than the latest", () =>
    Effect.gen(function* () {
      const journal = yield* looked(noon, noon, noon + minutes(60))
      assert.notProperty(journal.attempts.at(-1)?.recorded, "earlier")
    })
  )

  it.effect("is older than the first create, and not than the lookup before it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon - minutes(60))
      const journal = newJournal()
      yield* write(journal, Plan.firstAsk, notFound)
      yield* TestClock.setTime(noon)
      yield* write(journal, Plan.create, lost, noAnswer)
      const old = payout("failed", [transaction({ created: DateTime.unsafeMake(noon - minutes(20)) })])
      yield* write(journal, Plan.firstAsk, { _tag: "SoftDeclined", payout: old })
      assert.strictEqual(journal.attempts.at(-1)?.recorded?.earlier, 1)
    })
  )

  it.effect("is not asked about where there was no create", () =>
    Effect.gen(function* () {
      for (const created of [noon, undefined]) {
        const journal = yield* looked(created)
        assert.notProperty(journal.attempts.at(-1)?.recorded, "earlier")
      }
    })
  )

  it.effect("is not looked for in the answer to a create, which shows what that did", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const journal = newJournal()
      yield* write(journal, Plan.create, lost, noAnswer)
      const old = payout("failed", [transaction({ created: DateTime.unsafeMake(0) }), transaction()])
      yield* write(journal, Plan.create, { _tag: "SoftDeclined", payout: old })
      assert.notProperty(journal.attempts.at(-1)?.recorded, "earlier")
    })
  )
})
