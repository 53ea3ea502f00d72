/** What a process that dies leaves behind, and what the next one makes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Schedule, TestClock, TestContext } from "effect"
import { type BillwerkClient, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { anotherProcess, requestOf } from "../support.js"
import { type ClockIs, type Death, start, store } from "./Machines.js"

const request = requestOf()
const creates = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges),
  (exchanges) => exchanges.filter(({ kind }) => kind === "Create").length
)
const moved = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ ledger }) => ledger),
  (ledger) => Ledger.moved(ledger, request.handle)
)

/** Real time, in milliseconds for minutes, and every wait on a durable clock. */
const quick: PayoutWorkflow.Options = {
  pauseSchedule: Schedule.stop,
  policy: RetryPolicy.make({ processingError: Schedule.fromDelays("100 millis", "500 millis") }),
  pollSchedule: Schedule.spaced("100 millis"),
  inMemoryThreshold: Duration.zero
}

interface Options extends PayoutWorkflow.Options {
  /** How long after the death of one machine the next one is started. */
  readonly every?: Duration.DurationInput
  readonly clock?: ClockIs
}

/** One machine after the other: each dies its death, and the last one lives. The end of the payout. */
const throughDeaths = (deaths: ReadonlyArray<Death>, { clock, every = "100 millis", ...options }: Options = {}) =>
  Effect.gen(function* () {
    const shared = yield* store
    for (const death of deaths) {
      const machine = yield* start(shared, death, { ...quick, ...options }, clock)
      yield* Effect.forkDaemon(Effect.provide(PayoutWorkflow.submit(request), machine.context))
      yield* Effect.sleep("10 millis").pipe(Effect.repeat({ until: () => machine.steps.includes(death.step) }))
      yield* Effect.sleep(every)
    }
    const last = yield* start(shared, undefined, { ...quick, ...options }, clock)
    return yield* Effect.provide(PayoutWorkflow.execute(request), last.context)
  }).pipe(Effect.scoped)

const steps = ["Request run", "Request intent/1", "Reply intent/1", "Request send/1", "Reply send/1", "Reply run"]
const everywhere = steps.flatMap((step): ReadonlyArray<Death> => [
  { step, when: "Before" },
  { step, when: "After" }
])

const each = <A, E>(check: (death: Death) => Effect.Effect<A, E, Sandbox.Sandbox | BillwerkClient.BillwerkClient>) =>
  Effect.forEach(everywhere, (death) => Effect.provide(check(death), Sandbox.layer), {
    concurrency: 6,
    discard: true
  })

describe("A machine that dies", () => {
  it.live("before or after any step leaves a payout that is paid, once", () =>
    each((death) =>
      Effect.gen(function* () {
        const outcome = yield* throughDeaths([death])
        assert.deepStrictEqual([outcome._tag, outcome.certainty], ["Paid", "Moved"], JSON.stringify(death))
        assert.deepStrictEqual([yield* moved, yield* creates], [12_500, 1], JSON.stringify(death))
      })
    )
  )

  it.live("before or after any step, with a payout that is declined, leaves one that is not sent again", () =>
    each((death) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.always(Script.hardDeclined().pipe(Script.onCreate))
        const error = yield* Effect.flip(throughDeaths([death]))
        assert.deepStrictEqual(
          [error._tag, yield* creates, yield* moved],
          ["HardDeclined", 1, 0],
          JSON.stringify(death)
        )
        // Where it was to send, and did not, nothing on record accounts for what it may have sent.
        const hasMeant = death.step === "Request send/1" || (death.step === "Reply intent/1" && death.when === "After")
        assert.strictEqual(error.certainty, hasMeant ? "MayHaveMoved" : "NotMoved", JSON.stringify(death))
      })
    )
  )

  it.live("before its answer is stored, and never measured its clock, leaves a decline that accounts for nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.hardDeclined().pipe(Script.onCreate))
      const error = yield* Effect.flip(
        throughDeaths([{ step: "Reply send/1", when: "Before" }], { clock: "NotMeasured", every: "3 seconds" })
      )
      assert.deepStrictEqual([error._tag, error.certainty], ["HardDeclined", "MayHaveMoved"])
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("after its intent and before its send leaves a doubt that ends with the arrival horizon", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.hardDeclined().pipe(Script.onCreate))
      const error = yield* Effect.flip(throughDeaths([{ step: "Request send/1", when: "Before" }]))
      assert(error._tag === "HardDeclined")
      const now = yield* Clock.currentTimeMillis
      const recovered = (after: Duration.DurationInput) =>
        Effect.gen(function* () {
          yield* TestClock.setTime(now + Duration.toMillis(after))
          const process = yield* anotherProcess()
          const { certainty, _tag } = yield* Effect.flip(
            process.recover(request, { evidence: error.evidence, outstandingCreates: 0 })
          )
          return [_tag, certainty]
        }).pipe(Effect.provide(TestContext.TestContext))
      assert.deepStrictEqual([error.certainty, error.exposure.max], ["MayHaveMoved", 12_500])
      assert.deepStrictEqual(yield* recovered("5 hours"), ["HardDeclined", "MayHaveMoved"])
      assert.deepStrictEqual(yield* recovered("376 minutes"), ["HardDeclined", "NotMoved"])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("again and again, each time before the answer is stored, counts every create that may have been sent", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate), Script.laggingRead)
      const error = yield* Effect.flip(
        throughDeaths(
          ["send/1", "send/2", "send/3"].map((name) => ({ step: `Reply ${name}`, when: "Before" })),
          { policy: RetryPolicy.make({ communication: Schedule.recurs(1) }) }
        )
      )
      assert(error._tag === "CommunicationError")
      assert.strictEqual(error.certainty, "MayHaveMoved")
      assert.strictEqual(error.exposure.max, 12_500 * (yield* creates))
      // The exchanges of those that died are not on record, but that they may have sent is.
      assert.strictEqual(error.attempts.filter(({ decision }) => decision === "Interrupted").length, 3)
      assert.deepStrictEqual(
        error.attempts.map(({ ordinal }) => ordinal),
        error.attempts.map((_, index) => index + 1)
      )
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("leaves no more processing errors than the budget, however many machines see one", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
      const error = yield* Effect.flip(
        throughDeaths(
          [
            { step: "Reply send/1", when: "Before" },
            { step: "Reply send/2", when: "After" },
            { step: "Reply send/3", when: "Before" }
          ],
          { every: "500 millis" }
        )
      )
      assert.strictEqual(error._tag, "ProcessingError")
      assert.strictEqual(yield* creates, 3)
      assert.deepStrictEqual([error.certainty, error.exposure.max], ["MayHaveMoved", 37_500])
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("after it was told another payout's 134 leaves a create that counts, and that is asked about (43)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const crossed = Script.apiErrorAfterCommit({ status: 400, code: 134 })
      yield* sandbox.always(Script.processingError({ moved: true }).pipe(Script.and(crossed), Script.onCreate))
      const error = yield* Effect.flip(
        throughDeaths([{ step: "Reply send/1", when: "After" }], {
          policy: RetryPolicy.make({ communication: Schedule.recurs(1), processingError: Schedule.stop })
        })
      )
      // The one that was told so may have paid beside the one that failed.
      assert.deepStrictEqual([error._tag, error.exposure], ["CommunicationError", { min: 0, max: 25_000 }])
      assert.deepStrictEqual([yield* creates, yield* moved], [1, 12_500])
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("while the payout is being settled changes nothing", () =>
    Effect.gen(function* () {
      const outcome = yield* throughDeaths(
        [
          { step: "Request poll/1", when: "Before" },
          { step: "Reply poll/2", when: "Before" }
        ],
        { every: "500 millis" }
      )
      assert.deepStrictEqual([outcome._tag, outcome.exposure], ["Paid", { min: 12_500, max: 12_500 }])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing({ after: "3 seconds" }) })))
  )

  for (const step of ["Look hint/1", "Look DurableClock/wait/1"]) {
    it.live(`not, but is stopped in order while it looks how a wait ended (${step}), leaves one that is paid`, () =>
      Effect.gen(function* () {
        const shared = yield* store
        const machine = yield* start(shared, { step, when: "Held" }, quick)
        yield* Effect.provide(PayoutWorkflow.submit(request), machine.context)
        yield* Effect.sleep("10 millis").pipe(Effect.repeat({ until: () => machine.steps.includes(step) }))
        yield* machine.stop
        // Stored, the interruption would be how the wait ended: for ever.
        assert.notInclude(machine.steps, "Request ended/1")
        const next = yield* start(shared, undefined, quick)
        const outcome = yield* Effect.provide(PayoutWorkflow.execute(request), next.context)
        assert.deepStrictEqual([outcome._tag, yield* creates], ["Paid", 1])
      }).pipe(Effect.scoped, Effect.provide(Sandbox.layerWith({ outcome: Acquirer.processing({ after: "1 second" }) })))
    )
  }

  it.live("not, but whose store fails for a while, or breaks, at any step, ends as if nothing had been", () =>
    Effect.forEach(
      [
        ...steps.map((step) => ({ step, when: "Outage" as const })),
        ...steps.slice(1, 4).flatMap((step) => (step === "Reply intent/1" ? [] : [{ step, when: "Defect" as const }]))
      ],
      (failing) =>
        Effect.gen(function* () {
          const machine = yield* Effect.flatMap(store, (empty) => start(empty, failing, quick))
          const outcome = yield* PayoutWorkflow.execute(request).pipe(
            // Whoever submits while the store is away is told so, and submits again.
            Effect.sandbox,
            Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo("10 seconds"))),
            Effect.provide(machine.context)
          )
          assert.strictEqual(outcome._tag, "Paid", JSON.stringify(failing))
          assert.strictEqual(yield* creates, 1, JSON.stringify(failing))
        }).pipe(Effect.scoped, Effect.provide(Sandbox.layer)),
      { concurrency: 6, discard: true }
    )
  )

  it.live("while another machine is asked for the same handle with another amount makes a conflict", () =>
    Effect.gen(function* () {
      const paid = yield* throughDeaths([{ step: "Reply send/1", when: "Before" }])
      assert.strictEqual(paid._tag, "Paid")
      const other = yield* Effect.flatMap(store, (empty) => start(empty, undefined))
      const error = yield* Effect.flip(
        Effect.provide(PayoutWorkflow.execute(requestOf({ amount: 20_000 })), other.context)
      )
      assert.deepStrictEqual([error._tag, error.certainty], ["HandleConflict", "NotMoved"])
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
  )
})
