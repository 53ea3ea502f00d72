/** What a wait does by itself, over a provider whose lookups are scripted. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Exit, Fiber, HashMap, Logger, Option, Queue, Schedule, TestClock } from "effect"
import {
  type BillwerkClient,
  Exposure,
  type Hint,
  type Hints,
  type Outcome,
  type PaidContradicted,
  type Payout,
  PollPolicy,
  type Reply,
  RetryPolicy
} from "effect-billwerk-payouts"
import { fingerprints } from "../../src/domain/PayoutRequest.js"
import * as poll from "../../src/execution/poll.js"
import * as Process from "../../src/execution/Process.js"
import { SingleFlight } from "../../src/execution/singleFlight.js"
import { noReads, requestOf } from "../support.js"

const request = requestOf()
const { amount, currency, handle } = request
const noon = Date.UTC(2026, 0, 2, 12)

const payoutOf = (state: string, more: Partial<Payout.Payout> = {}): Payout.Payout => ({
  handle,
  amount,
  currency,
  state,
  transactions: [{ id: "t", amount, state }],
  ...more
})
const shown = (payout: Payout.Payout): Reply.Reply => ({
  _tag: "Response",
  status: 200,
  requestId: "r-1",
  body: { _tag: "PayoutBody", payout }
})
const processing = payoutOf("processing")
const lost: Reply.Reply = { _tag: "NoResponse", reason: "Transport", sent: "Unknown" }

type Subscribe = Hints.Hints["Type"]["subscribe"]

const setUp = Effect.fnUntraced(function* (replies: ReadonlyArray<Reply.Reply>, subscribe?: Subscribe) {
  yield* TestClock.setTime(noon)
  const asked: Array<number> = []
  const client: BillwerkClient.BillwerkClient["Type"] = {
    ...noReads,
    createDeadline: Duration.seconds(90),
    lookupDeadline: Duration.seconds(30),
    create: () => Effect.succeed(lost),
    lookup: () =>
      Effect.map(TestClock.currentTimeMillis, (now) => {
        asked.push(now - noon)
        return replies[Math.min(asked.length, replies.length) - 1] ?? lost
      })
  }
  const process = yield* Process.make(Duration.hours(6))
  const flights = new SingleFlight(client, process)
  const contradictions: Array<PaidContradicted.PaidContradicted> = []
  const around: poll.Around = {
    client,
    process,
    flights,
    hints: subscribe === undefined ? Option.none() : Option.some({ publish: () => Effect.void, subscribe }),
    onContradiction: (one) => Effect.sync(() => void contradictions.push(one))
  }
  return { around, asked, contradictions, flights, process }
})

/** An accepted payout, as another process knows it. */
const accepted = (over: Partial<Outcome.Processing> = {}): Outcome.Processing => ({
  _tag: "Processing",
  handle,
  amount,
  currency,
  payout: processing,
  attempts: [],
  certainty: "MayHaveMoved",
  exposure: { min: 0, max: amount },
  evidence: Exposure.ofPayout(handle, processing, { clock: "there", at: noon }),
  ...over
})

const policyOf = (schedule: PollPolicy.PollPolicy["schedule"], deadline: Duration.DurationInput = "1 minute") =>
  PollPolicy.make({ schedule, deadline })
const everyTen = policyOf(Schedule.spaced("10 seconds"))

/** Runs a wait to its end, in a minute and a half of virtual time. */
const ending = <A, E>(wait: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(wait))
    yield* TestClock.adjust("90 seconds")
    return Either.merge(yield* Fiber.join(fiber))
  })

/** The lines that are logged, with their handle. */
const logging = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ annotations, message }) => {
      const about = Option.getOrElse(HashMap.get(annotations, "handle"), () => "no handle")
      lines.push(`${String(about)}: ${String(message)}`)
    })
    yield* Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger))
    return lines
  })

describe("poll: a wait for an outcome", () => {
  it.effect("asks nobody about what was paid, also in another process", () =>
    Effect.gen(function* () {
      const { around, asked } = yield* setUp([])
      const { waited: _, ...rest } = accepted()
      const paid: Outcome.Paid = { ...rest, _tag: "Paid", certainty: "Moved", exposure: { min: amount, max: amount } }
      assert.isTrue((yield* poll.awaitOutcome(around, everyTen, paid)) === paid)
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("says why it ended without an answer, in its last attempt", () =>
    Effect.gen(function* () {
      const whyOf = (policy: PollPolicy.PollPolicy, reply = shown(processing)) =>
        Effect.gen(function* () {
          const { around, asked } = yield* setUp([reply])
          const end = yield* ending(poll.awaitOutcome(around, policy, accepted()))
          const { decision, why = "" } = end.attempts.at(-1) ?? {}
          return [end._tag, asked.length, decision, why.split("; ").at(-1)]
        })
      assert.deepStrictEqual(yield* whyOf(policyOf(Schedule.recurs(2))), [
        ...["Processing", 2, "Succeed", "the poll schedule ended"]
      ])
      assert.deepStrictEqual(yield* whyOf(policyOf(Schedule.spaced("10 seconds"), "25 seconds")), [
        ...["Processing", 2, "Succeed", "the deadline of the wait came"]
      ])
      const unknown = shown(payoutOf("unheard_of"))
      assert.deepStrictEqual(yield* whyOf(policyOf(Schedule.recurs(1)), unknown), [
        ...["UnexpectedResponse", 1, "Fail", "the poll schedule ended"]
      ])
    })
  )

  it.effect("cuts a last lookup off at the deadline, and says so", () =>
    Effect.gen(function* () {
      const { around } = yield* setUp([])
      const client = { ...around.client, lookup: () => Effect.never }
      const end = yield* ending(poll.awaitOutcome({ ...around, client }, everyTen, accepted()))
      const { outcome, why = "" } = end.attempts.at(-1) ?? {}
      assert.deepStrictEqual([outcome, why.split("; ").at(-1)], ["Interrupted", "the deadline of the wait came"])
    })
  )

  it.effect("leaves its first lookup to the schedule, and a second between all others", () =>
    Effect.gen(function* () {
      const { around, asked } = yield* setUp([shown(processing)])
      yield* ending(poll.awaitOutcome(around, policyOf(Schedule.recurs(3)), accepted()))
      assert.deepStrictEqual(asked, [0, 1000, 2000])
    })
  )

  it.effect("keeps to the gaps of its schedule without hints, and logs nothing", () =>
    Effect.gen(function* () {
      const { around, asked } = yield* setUp([shown(processing)])
      const growing = policyOf(Schedule.exponential("2 seconds"), "20 seconds")
      const lines = yield* logging(ending(poll.awaitOutcome(around, growing, accepted())))
      assert.deepStrictEqual(asked.slice(0, 3), [2000, 6000, 14_000])
      assert.deepStrictEqual(lines, [])
    })
  )

  it.effect("says when the provider last showed it as processing, if it did", () =>
    Effect.gen(function* () {
      const waitedOf = (...replies: ReadonlyArray<Reply.Reply>) =>
        Effect.gen(function* () {
          const { around } = yield* setUp(replies)
          const end = yield* ending(
            poll.awaitOutcome(around, policyOf(Schedule.fromDelays("5 seconds", "5 seconds")), accepted())
          )
          assert(end._tag === "Processing")
          return [end.waited?.lookups, end.waited?.shownAt?.epochMillis]
        })
      assert.deepStrictEqual(yield* waitedOf(shown(processing), lost), [2, noon + 5000])
      assert.deepStrictEqual(yield* waitedOf(lost), [2, undefined])
    })
  )

  it.effect("has the record as it was shown last", () =>
    Effect.gen(function* () {
      const newer = payoutOf("processing", { customer: "c-1" })
      const { around } = yield* setUp([shown(processing), shown(newer), lost])
      const end = yield* ending(poll.awaitOutcome(around, everyTen, accepted()))
      assert(end._tag === "Processing")
      assert.deepStrictEqual(end.payout, newer)
    })
  )

  it.effect("ends in a conflict that names the record and the answer, which a person can look for", () =>
    Effect.gen(function* () {
      const { around } = yield* setUp([shown(payoutOf("paid", { amount: 1 }))])
      const end = yield* ending(poll.awaitOutcome(around, everyTen, accepted()))
      assert(end._tag === "HandleConflict")
      assert.deepStrictEqual([end.with, end.differs, end.requestId], ["Provider", ["amount"], "r-1"])
      assert.strictEqual(end.attempts.at(-1)?.decision, "Fail")
    })
  )

  it.effect("counts what this process sent meanwhile", () =>
    Effect.gen(function* () {
      const failed = { id: "t", amount, state: "failed", errorState: "processing_error" }
      const { around, flights } = yield* setUp([shown(payoutOf("failed", { transactions: [failed] }))])
      const waiting = yield* Effect.fork(Effect.flip(poll.awaitOutcome(around, everyTen, accepted())))
      yield* Effect.yieldNow()
      const policy = RetryPolicy.make({ communication: Schedule.stop, processingError: Schedule.recurs(1) })
      yield* Effect.flip(flights.board({ request, policy, recovery: undefined }))
      yield* TestClock.adjust("90 seconds")
      const end = yield* Fiber.join(waiting)
      assert.strictEqual("evidence" in end && end.evidence.creates.length, 1)
    })
  )

  it.effect("tells its process at once what it was handed: a call beside it, or after it, looks up first", () =>
    Effect.gen(function* () {
      const failed = { id: "t", amount, state: "failed", errorState: "processing_error" }
      const { around, asked, flights, process } = yield* setUp([shown(payoutOf("failed", { transactions: [failed] }))])
      const handed = accepted()
      const waiting = yield* Effect.fork(Effect.flip(poll.awaitOutcome(around, everyTen, handed)))
      yield* Effect.yieldNow()
      assert.deepStrictEqual(flights.evidence(handle), Exposure.adopted(handed.evidence, yield* process.now))
      const create = Effect.flip(flights.board({ request, policy: RetryPolicy.none, recovery: undefined }))
      const beside = yield* create
      yield* Fiber.interrupt(waiting)
      for (const end of [beside, yield* create]) {
        assert.deepStrictEqual([end._tag, end.attempts[0]?.kind], ["ProcessingError", "Lookup"])
        assert("evidence" in end)
        assert.deepStrictEqual(end.evidence.creates, [])
      }
      assert.deepStrictEqual(asked, [0, 0])
    })
  )

  it.effect("dates a create of an unmeasured clock by when it was handed first, however often it waits", () =>
    Effect.gen(function* () {
      const { around, flights } = yield* setUp([shown(processing)])
      const create: Exposure.Create = {
        id: "c",
        count: 1,
        clock: "there",
        to: noon,
        from: noon,
        amount,
        before: [],
        guess: false
      }
      const { evidence } = accepted()
      const handed = accepted({ evidence: Exposure.withCreate(evidence, create) })
      for (const _ of [1, 2]) yield* ending(poll.awaitOutcome(around, everyTen, handed))
      assert.deepStrictEqual(
        flights.evidence(handle)?.creates.map(({ to }) => to - noon),
        [0]
      )
    })
  )
})

describe("poll: hints", () => {
  const about: Array<ReadonlyArray<string>> = []
  const none: Subscribe = (references) =>
    Effect.tap(Queue.unbounded<Hint.Hint>(), () => Effect.sync(() => about.push([...references])))

  it.effect("are of the handle, the customer and the transactions, as far as they are known", () =>
    Effect.gen(function* () {
      for (const payout of [processing, payoutOf("processing", { customer: "c-1" })]) {
        const { around } = yield* setUp([shown(processing)], none)
        yield* ending(poll.awaitOutcome(around, everyTen, accepted({ payout })))
      }
      assert.deepStrictEqual(about, [
        [handle, "t"],
        [handle, "c-1", "t"]
      ])
    })
  )

  it.effect("are not needed: a subscription that dies is logged, and a queue that ends brings none", () =>
    Effect.gen(function* () {
      const dying = yield* setUp([shown(processing)], () => Effect.dieMessage("no hints today"))
      const lines = yield* logging(ending(poll.awaitOutcome(dying.around, everyTen, accepted())))
      assert.match(lines.join(), /Hints\.subscribe/)
      assert.deepStrictEqual(dying.asked, [10_000, 20_000, 30_000, 40_000, 45_000])
      const over = yield* setUp([shown(processing)], () =>
        Effect.tap(Queue.unbounded<Hint.Hint>(), (queue) => Queue.shutdown(queue))
      )
      yield* ending(poll.awaitOutcome(over.around, everyTen, accepted()))
      assert.deepStrictEqual(over.asked, dying.asked)
    })
  )
})

describe("poll: a wait for a bare handle", () => {
  const wait = (around: poll.Around) => ending(poll.awaitHandle(around, everyTen, RetryPolicy.none, handle))
  const paid = shown(payoutOf("paid", { transactions: [{ id: "t", amount, state: "paid" }] }))

  it.effect("says what a record lacks that could be any sum", () =>
    Effect.gen(function* () {
      for (const over of [{ currency: undefined }, { amount: 0 }, { currency: "X" }]) {
        const { around } = yield* setUp([shown({ ...processing, ...over })])
        const end = yield* wait(around)
        assert(end._tag === "LookupFailed")
        assert.deepStrictEqual(
          [end.category, end.why],
          ["UnexpectedResponse", "the provider does not say which amount of which currency it is"]
        )
      }
    })
  )

  /** What this process knows as paid. */
  const knowPaid = ({ flights, process }: Effect.Effect.Success<ReturnType<typeof setUp>>) =>
    Effect.gen(function* () {
      yield* Effect.flip(flights.board({ request, policy: RetryPolicy.none, recovery: undefined }))
      const payout = payoutOf("paid", {
        transactions: [{ id: "t", amount, state: "paid", method: fingerprints(request).method }]
      })
      const evidence = Exposure.ofPayout(handle, payout, { clock: process.clock, at: noon })
      const { waited: _, ...rest } = accepted()
      const one: Outcome.Paid = {
        ...rest,
        _tag: "Paid",
        payout,
        certainty: "Moved",
        exposure: { min: amount, max: amount }
      }
      yield* flights.learn({ ...payout, transactions: [] }, evidence, Exit.succeed(one))
    })

  it.effect("guesses one create of another process, beside all that this one knows", () =>
    Effect.gen(function* () {
      const unknown = yield* setUp([shown(processing)])
      const known = yield* setUp([lost, shown(processing)])
      yield* Effect.flip(known.flights.board({ request, policy: RetryPolicy.none, recovery: undefined }))
      const countOf = (end: Effect.Effect.Success<ReturnType<typeof wait>>) =>
        "evidence" in end ? end.evidence.creates.length : undefined
      assert.deepStrictEqual([countOf(yield* wait(unknown.around)), countOf(yield* wait(known.around))], [1, 2])
      // What it found is remembered; its guess is, too, only of a handle that this process did not know.
      const kept = ({ flights }: typeof known) => flights.evidence(handle)?.creates.map(({ guess }) => guess)
      assert.deepStrictEqual([kept(unknown), kept(known)], [[true], [false]])
    })
  )

  it.effect("reports a payment that is taken back, and returns the payment", () =>
    Effect.gen(function* () {
      const all = yield* setUp([lost, paid, shown(payoutOf("failed"))])
      yield* knowPaid(all)
      const remembered = all.flights.paid(handle)
      if (remembered === undefined) return assert.fail("it is not remembered")
      assert.isTrue((yield* wait(all.around)) === remembered)
      assert.deepStrictEqual(all.contradictions, [])
      const lines = yield* logging(Effect.map(wait(all.around), (end) => assert.isTrue(end === remembered)))
      assert.strictEqual(all.contradictions.length, 1)
      assert.isTrue(lines.length > 0 && lines.every((line) => line.startsWith(`${handle}: `)), lines.join())
    })
  )
})
