/** Waiting for the end of a payout that is processing, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, DateTime, Duration, Effect, Either, Exit, Fiber, Layer, Schedule } from "effect"
import {
  Handle,
  Hint,
  Hints,
  type PaidContradicted,
  Payouts,
  RequestLimits,
  RetryPolicy,
  PollPolicy
} from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import { VirtualTime } from "../proof/simulation/VirtualTime.js"
import { anotherProcess, isMutated, layer as layerOf, requestOf } from "../support.js"

const handle = Handle.Handle.make("prize-2026-0042")

type Services = Layer.Layer.Success<ReturnType<typeof processing>>

/** Everything in one process; asynchronous payouts wait for the test to settle them, unless it says otherwise. */
const processing = (after?: Duration.DurationInput, as?: Acquirer.Settled, payouts?: Payouts.Options) =>
  Layer.provideMerge(
    layerOf({ outcome: Acquirer.processing({ ...(after && { after }), ...(as && { as }) }) }, payouts),
    Layer.merge(Hints.layer, RequestLimits.layerWith({ reads, writes: { rate: 1e6, burst: 1e6, concurrent: 1e6 } }))
  )

const reads: RequestLimits.Limit = { rate: 10, burst: 1, concurrent: 10 }

/** Runs a test to its end, and checks that it leaves no timer behind. */
const run = <A, E>(test: Effect.Effect<A, E, Services>, services = processing()) => {
  const time = new VirtualTime()
  const exit = time.runExit(Effect.provide(test, services))
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  assert.strictEqual(time.pending, 0, "no timer is left")
}

const awaitFinal = (outcome: Outcome.Outcome, options?: Payouts.AwaitFinalOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.map(Effect.either(payouts.awaitFinal(outcome, options)), Either.merge)
  )

const awaitHandle = (options?: Payouts.AwaitFinalOptions) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.map(Effect.either(payouts.awaitFinal(handle, options)), Either.merge)
  )

const create = (input?: Parameters<typeof requestOf>[0], policy = RetryPolicy.standard) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.map(Effect.either(payouts.create(requestOf(input), { policy })), Either.merge)
  )

/** A payout that was accepted, as the process that made it knows it. */
const accepted = Effect.flatMap(create(), (end) =>
  end._tag === "Processing" ? Effect.succeed(end) : Effect.dieMessage(`it is ${end._tag}`)
)

const provider = Effect.flatMap(Sandbox.Sandbox, (sandbox) => Effect.succeed(sandbox))
const script = (...steps: ReadonlyArray<Script.Step>) => Effect.flatMap(provider, (one) => one.script(...steps))
const always = (...steps: ReadonlyArray<Script.Step>) => Effect.flatMap(provider, (one) => one.always(...steps))
const settled = (outcome: Acquirer.Settled) =>
  Effect.flatMap(provider, (one) => Effect.orDie(one.settle(handle, outcome)))
const later = (after: Duration.DurationInput, outcome: Acquirer.Settled) => Effect.delay(settled(outcome), after)

/** When each lookup was received, in milliseconds after `since`. */
const lookups = (since: number) =>
  Effect.flatMap(provider, ({ exchanges }) =>
    Effect.map(exchanges, (all) =>
      all.filter(({ kind }) => kind === "Lookup").map(({ started }) => started.epochMillis - since)
    )
  )

const hint = (...references: ReadonlyArray<string>) =>
  new Hint.Hint({ id: "hint", timestamp: DateTime.unsafeMake(0), references })

const every = (gap: Duration.DurationInput): Payouts.AwaitFinalOptions => ({ schedule: Schedule.spaced(gap) })

const money = ({ certainty, exposure }: Pick<Outcome.Outcome, "certainty" | "exposure">) => [
  certainty,
  exposure.min,
  exposure.max
]

/** That what was said covers what really moved. */
const assertTruthful = (end: Outcome.Outcome | PayoutError.PayoutError) =>
  Effect.flatMap(provider, ({ ledger }) =>
    Effect.map(ledger, (now) => {
      const moved = Ledger.moved(now, handle)
      assert.isAtLeast(moved, end.exposure.min)
      assert.isAtMost(moved, end.exposure.max)
    })
  )

const isError = (end: { readonly _tag: string }): end is PayoutError.PayoutError =>
  !/^(Paid|Processing)$/.test(end._tag)

describe("A payout that is processing", () => {
  it("is asked about until it is paid, and then it is paid", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        const end = yield* awaitFinal(before, every("10 seconds"))
        assert(end._tag === "Paid")
        assert.deepStrictEqual(yield* lookups(start), [10_000, 20_000, 30_000])
        assert.deepStrictEqual(money(end), ["Moved", 12_500, 12_500])
        assert.deepStrictEqual(
          end.attempts.map(({ decision, kind, ordinal, outcome }) => [ordinal, kind, outcome, decision]),
          [
            [1, "Create", "Processing", "Succeed"],
            [2, "Lookup", "Processing", "LookUp"],
            [3, "Lookup", "Processing", "LookUp"],
            [4, "Lookup", "Paid", "Succeed"]
          ]
        )
        yield* assertTruthful(end)
      }),
      processing("25 seconds")
    ))

  it.each([
    ["HardDeclined", Acquirer.hardDeclined(), ["NotMoved", 0, 0]],
    ["SoftDeclined", Acquirer.softDeclined(), ["NotMoved", 0, 0]],
    ["ProcessingError", Acquirer.processingError({ moved: true }), ["MayHaveMoved", 0, 12_500]]
  ] as const)("fails as %s, with what that says about the money", (tag, as, says) =>
    run(
      Effect.gen(function* () {
        const end = yield* awaitFinal(yield* accepted)
        assert(isError(end))
        assert.deepStrictEqual([end._tag, ...money(end)], [tag, ...says])
        yield* assertTruthful(end)
      }),
      processing("1 minute", as)
    )
  )

  it("is still processing at the deadline, and says so with the evidence of having asked (97)", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        const end = yield* awaitFinal(before, { ...every("20 seconds"), deadline: "1 minute" })
        assert(end._tag === "Processing")
        const took = (yield* Clock.currentTimeMillis) - start
        assert.isAtMost(took, 60_000)
        assert.deepStrictEqual(yield* lookups(start), [20_000, 40_000, 45_000])
        assert.deepStrictEqual(money(end), ["MayHaveMoved", 0, 12_500])
        assert.strictEqual(end.attempts.length, 4)
        assert.deepStrictEqual(end.waited, { lookups: 3, shownAt: end.attempts.at(-1)?.started })
        assert.match(end.attempts.at(-1)?.why ?? "", /deadline/)
        yield* assertTruthful(end)
      })
    ))

  it("is asked about by gaps that grow, and never more often than that, for an hour", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        assert.strictEqual((yield* awaitFinal(before))._tag, "Processing")
        const asked = yield* lookups(start)
        const gaps = asked.map((at, index) => at - (asked[index - 1] ?? 0))
        assert.isAtMost(asked.at(-1) ?? 0, 3_600_000)
        assert.isAtLeast(gaps[0] ?? 0, 1_600)
        gaps.slice(0, 12).forEach((gap, index) => {
          assert.isAtLeast(gap, Math.floor(0.8 * Math.min(2_000 * 1.5 ** index, 300_000)))
          assert.isAtMost(gap, Math.ceil(1.2 * Math.min(2_000 * 1.5 ** index, 300_000)))
        })
        assert.isAtMost(asked.length, 30)
      })
    ))

  it("is settled at once if it was paid already, and nobody is asked", () =>
    run(
      Effect.gen(function* () {
        yield* always(Script.paid)
        const paid = yield* create()
        assert(paid._tag === "Paid")
        assert.strictEqual(yield* awaitFinal(paid), paid)
        assert.deepStrictEqual(yield* lookups(0), [])
      })
    ))

  it("is not given up for a schedule that ends", () =>
    run(
      Effect.gen(function* () {
        const end = yield* awaitFinal(yield* accepted, { schedule: Schedule.fromDelays("1 second", "2 seconds") })
        assert(end._tag === "Processing")
        assert.deepStrictEqual([end.attempts.length, money(end)], [3, ["MayHaveMoved", 0, 12_500]])
      })
    ))
})

describe("A hint", () => {
  const references = (payout: Outcome.Outcome["payout"]) => [handle, payout.transactions[0]?.id ?? "", "c-1"]

  it.each([0, 1, 2])("wakes whoever waits for what it is about (way %i)", (index) =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const before = yield* create({ customer: "c-1" })
        assert(before._tag === "Processing")
        const start = yield* Clock.currentTimeMillis
        const waiting = yield* Effect.fork(awaitFinal(before, every("30 minutes")))
        yield* later("10 seconds", Acquirer.paid)
        yield* publish(hint("something else", references(before.payout)[index] ?? ""))
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "Paid")
        assert.deepStrictEqual(yield* lookups(start), [10_000])
      })
    )
  )

  it("is no news about anything else (98)", () =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        const waiting = yield* Effect.fork(awaitFinal(before, every("30 minutes")))
        yield* later("10 seconds", Acquirer.paid)
        yield* publish(hint("prize-2026-0043", ""))
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "Paid")
        assert.deepStrictEqual(yield* lookups(start), [1_800_000])
      })
    ))

  it("is not believed: what the provider shows decides (93, 95)", () =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        const waiting = yield* Effect.fork(
          awaitFinal(before, { schedule: PollPolicy.standard.schedule, deadline: "1 minute" })
        )
        yield* Effect.delay(publish(hint(handle)), "20 seconds")
        const end = yield* Fiber.join(waiting)
        assert.strictEqual(end._tag, "Processing")
        assert.include(yield* lookups(start), 20_000)
      })
    ))

  it("that comes while a question is under way is not lost, and many are one reason to ask (92, 99)", () =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        yield* script(Script.normal.pipe(Script.delayAnswer("5 seconds"), Script.onLookup))
        const waiting = yield* Effect.fork(awaitFinal(before, every("1 minute")))
        yield* Effect.sleep("62 seconds")
        yield* Effect.replicateEffect(publish(hint(handle)), 1000)
        yield* later("4 seconds", Acquirer.paid)
        const end = yield* Fiber.join(waiting)
        assert.strictEqual(end._tag, "Paid")
        assert.deepStrictEqual(yield* lookups(start), [60_000, 66_000])
      })
    ))

  it("starts the schedule anew, because it may be ahead of what a lookup shows (29)", () =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        const schedule = Schedule.fromDelays("1 minute", "2 hours", "2 hours")
        const waiting = yield* Effect.fork(awaitFinal(before, { schedule, deadline: "1 day" }))
        yield* Effect.delay(publish(hint(handle)), "10 seconds")
        yield* later("10 seconds", Acquirer.paid)
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "Paid")
        assert.deepStrictEqual(yield* lookups(start), [10_000, 70_000])
      })
    ))

  it("leaves nobody listening after the end", () =>
    run(
      Effect.gen(function* () {
        const { publish } = yield* Hints.Hints
        const waiting = yield* Effect.fork(awaitFinal(yield* accepted))
        yield* Effect.sleep("1 minute")
        const asked = (yield* lookups(0)).length
        yield* Fiber.interrupt(waiting)
        yield* publish(hint(handle))
        yield* Effect.sleep("1 hour")
        assert.strictEqual((yield* lookups(0)).length, asked)
      })
    ))
})

describe("A question that fails", () => {
  it.each([
    ["a lookup that finds nothing after the payout was shown (29)", Script.laggingRead],
    ["a server error (50)", Script.apiError({ status: 500, code: 1 })],
    ["a dropped connection", Script.dropAfterCommit],
    ["a page", Script.htmlPage],
    ["a state that we do not know", Script.unknownState()]
  ] as const)("is asked again: %s", (_, step) =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        yield* script(...Array.from({ length: 3 }, () => Script.onLookup(step)))
        const end = yield* awaitFinal(before, every("10 seconds"))
        assert(end._tag === "Paid")
        assert.deepStrictEqual([end.attempts.length, money(end)], [5, ["Moved", 12_500, 12_500]])
      })
    )
  )

  it("is not mistaken for an earlier failure by a read that lags behind (29)", () =>
    run(
      Effect.gen(function* () {
        yield* script(Script.softDeclined())
        const first = yield* create()
        assert.strictEqual(first._tag, "SoftDeclined")
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        yield* script(Script.staleRead)
        const end = yield* awaitFinal(before, every("10 seconds"))
        assert.deepStrictEqual([end._tag, end.attempts.at(-2)?.outcome], ["Paid", "SoftDeclined"])
      })
    ))

  it.each([
    ["a 401", Script.apiError({ status: 401, code: 6 })],
    ["a 403 of a firewall", Script.reply({ status: 403, body: "<html></html>" })],
    ["a 404 with HTML", Script.reply({ status: 404, body: "<html></html>" })],
    ["a 409", Script.status(409)],
    ["a 425", Script.status(425)],
    ["400 with 74", Script.apiError({ status: 400, code: 74 })]
  ] as const)("is asked again if it was answered once by %s (F4)", (_, step) =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        yield* script(Script.onLookup(step))
        const end = yield* awaitFinal(before, every("10 seconds"))
        assert.deepStrictEqual([end._tag, end.attempts.length], ["Paid", before.attempts.length + 2])
      })
    )
  )

  it.each([
    ["RequestRejected", [1, 2, 3].map(() => Script.onLookup(Script.apiError({ status: 401, code: 6 })))],
    ["HandleConflict", [Script.onLookup(Script.wrongAmount(1))]],
    ["HandleConflict", [Script.onLookup(Script.altered({ customer: "somebody else" }))]]
  ] as const)("cannot be mended by asking again: %s, and the money may have moved", (tag, steps) =>
    run(
      Effect.gen(function* () {
        const before = yield* create({ customer: "c-1" })
        assert(before._tag === "Processing")
        yield* script(...steps)
        const end = yield* awaitFinal(before)
        assert(isError(end))
        assert.deepStrictEqual([end._tag, ...money(end)], [tag, "MayHaveMoved", 0, 12_500])
      })
    )
  )

  it("waits for as long as the provider says (54)", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        yield* settled(Acquirer.paid)
        yield* script(Script.onLookup(Script.apiError({ status: 429, code: 122, retryAfter: "90" })))
        assert.strictEqual((yield* awaitFinal(before, every("10 seconds")))._tag, "Paid")
        assert.deepStrictEqual(yield* lookups(start), [10_000, 100_000])
      })
    ))

  it("is cut off by the deadline, and on record", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        const start = yield* Clock.currentTimeMillis
        yield* script(Script.onLookup(Script.hangAfterCommit))
        const end = yield* awaitFinal(before, { ...every("10 seconds"), deadline: "20 seconds" })
        assert(end._tag === "Processing")
        assert.strictEqual((yield* Clock.currentTimeMillis) - start, 20_000)
        assert.deepStrictEqual([end.attempts.at(-1)?.outcome, money(end)], ["Interrupted", ["MayHaveMoved", 0, 12_500]])
      })
    ))

  it("ends as what it was last seen as: failed for no reason that we know", () =>
    run(
      Effect.gen(function* () {
        const end = yield* awaitFinal(yield* accepted)
        assert(isError(end))
        assert.deepStrictEqual([end._tag, ...money(end)], ["UnexpectedResponse", "MayHaveMoved", 0, 12_500])
      }),
      processing("1 minute", Acquirer.failed("unheard_of"))
    ))
})

describe("What is known of the money", () => {
  it("is carried on from what came before, also to another process", () =>
    run(
      Effect.gen(function* () {
        yield* script(Script.processingError({ moved: true }))
        const policy = RetryPolicy.make({ processingError: Schedule.recurs(1) })
        const before = yield* create({}, policy)
        assert(before._tag === "Processing")
        assert.deepStrictEqual(money(before), ["MayHaveMoved", 0, 25_000])
        yield* settled(Acquirer.paid)
        const elsewhere = yield* anotherProcess()
        // As it comes out of a queue: the record alone, without what it took to get it.
        for (const seen of [before, { ...before, attempts: [] }]) {
          const end = yield* elsewhere.awaitFinal(seen)
          assert.deepStrictEqual([end._tag, ...money(end)], ["Paid", "Moved", 12_500, 25_000])
          yield* assertTruthful(end)
        }
      })
    ))

  it("is carried on without its attempts: what nobody has seen, and what a read that lags behind denies", () =>
    run(
      Effect.gen(function* () {
        const { recover } = yield* Payouts.Payouts
        yield* script(Script.softDeclined())
        yield* create()
        const elsewhere = yield* anotherProcess()
        const policy = RetryPolicy.make({ softDeclined: Schedule.recurs(1) })
        const before = yield* Effect.zipRight(
          recover(requestOf(), { policy }),
          elsewhere.recover(requestOf(), { outstandingCreates: 3 })
        )
        assert(before._tag === "Processing")
        assert.deepStrictEqual(money(before), ["MayHaveMoved", 0, 25_000])
        yield* settled(Acquirer.hardDeclined())
        yield* script(Script.staleRead)
        const end = yield* Effect.flip(
          (yield* anotherProcess()).awaitFinal({ ...before, attempts: [] }, every("10 seconds"))
        )
        assert.deepStrictEqual([end._tag, end.attempts.length], ["HardDeclined", 2])
        assert("certainty" in end)
        assert.deepStrictEqual(money(end), ["MayHaveMoved", 0, 12_500])
      })
    ))

  it("is remembered: what was paid is neither sent nor asked about again (I10)", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        const end = yield* awaitFinal(before)
        assert.strictEqual(end._tag, "Paid")
        const asked = (yield* lookups(0)).length
        assert.strictEqual(yield* create(), end)
        assert.strictEqual(yield* awaitFinal(before), end)
        const conflict = yield* create({ amount: 1 })
        assert(isError(conflict) && conflict._tag === "HandleConflict")
        assert.deepStrictEqual(money(conflict), ["NotMoved", 0, 0])
        assert.deepStrictEqual(money(conflict.other), ["Moved", 12_500, 12_500])
        assert.strictEqual((yield* lookups(0)).length, asked)
      })
    ))

  it("is remembered: what was declined for good is not sent again (I4, 74)", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.hardDeclined())
        const end = yield* awaitFinal(before)
        assert.strictEqual(end._tag, "HardDeclined")
        const again = yield* create()
        assert.deepStrictEqual([again._tag, again.attempts], [end._tag, end.attempts])
        const { exchanges } = yield* provider
        assert.strictEqual((yield* exchanges).filter(({ kind }) => kind === "Create").length, 1)
        // Other arguments are another try.
        assert.strictEqual((yield* create({ destination: "ca_00000000000000000000000000000000" }))._tag, "Processing")
      })
    ))

  it("is remembered: what is left in doubt after a decline is the lost create, and not what was processing", () =>
    run(
      Effect.gen(function* () {
        yield* script(Script.dropBeforeCommit, Script.apiError({ status: 404, code: 137 }))
        const before = yield* accepted
        yield* settled(Acquirer.hardDeclined())
        const end = yield* awaitFinal(before)
        assert(isError(end))
        assert.deepStrictEqual([end._tag, ...money(end)], ["HardDeclined", "MayHaveMoved", 0, 12_500])
        yield* always(Script.apiError({ status: 401, code: 6 }))
        const again = yield* create()
        assert(isError(again))
        assert.deepStrictEqual([again._tag, ...money(again)], ["CommunicationError", "MayHaveMoved", 0, 12_500])
      })
    ))

  it("is not taken for an answer about other arguments, nor are they forgotten (I3, I4, 74)", () =>
    run(
      Effect.gen(function* () {
        const first = yield* accepted
        yield* settled(Acquirer.hardDeclined())
        const other = { destination: "ca_00000000000000000000000000000000" }
        yield* script(Script.onLookup(Script.normal), Script.dropBeforeCommit)
        const second = yield* create(other, RetryPolicy.none)
        assert.deepStrictEqual([second._tag, ...money(second)], ["CommunicationError", "MayHaveMoved", 0, 12_500])
        const end = yield* awaitFinal(first)
        assert(isError(end))
        // The first arguments are declined; under the same handle the second ones may still pay.
        assert.deepStrictEqual([end._tag, ...money(end)], ["HardDeclined", "MayHaveMoved", 0, 12_500])
      })
    ))

  it("is not remembered as a decline of other arguments, which the provider has only refused (74)", () =>
    run(
      Effect.gen(function* () {
        const first = yield* accepted
        yield* settled(Acquirer.hardDeclined())
        const other = { destination: "ca_00000000000000000000000000000000" }
        yield* script(Script.onLookup(Script.normal), Script.apiError({ status: 404, code: 40 }))
        assert.strictEqual((yield* create(other))._tag, "PaymentMethodNotFound")
        assert.strictEqual((yield* awaitFinal(first))._tag, "HardDeclined")
        assert.strictEqual((yield* create())._tag, "HardDeclined")
        assert.strictEqual((yield* create(other))._tag, "Processing")
      })
    ))

  it("is remembered from its beginning: a create beside it sends no second attempt after an error that may have paid", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.processingError({ moved: true }))
        const elsewhere = yield* anotherProcess()
        const waiting = yield* Effect.fork(Effect.flip(elsewhere.awaitFinal(before)))
        yield* Effect.yieldNow()
        // The wait's first lookup comes later, and the policy allows no second processing error.
        const end = yield* Effect.flip(elsewhere.create(requestOf(), { policy: RetryPolicy.none }))
        assert(isError(end))
        assert.deepStrictEqual([end._tag, ...money(end)], ["ProcessingError", "MayHaveMoved", 0, 12_500])
        yield* assertTruthful(end)
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "ProcessingError")
        const { exchanges } = yield* provider
        assert.strictEqual((yield* exchanges).filter(({ kind }) => kind === "Create").length, 1)
      })
    ))

  it("is remembered, also if a conversation that runs meanwhile ends without an answer", () =>
    run(
      Effect.gen(function* () {
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        const slow = Script.apiError({ status: 401, code: 6 }).pipe(Script.delayAnswer("20 seconds"))
        yield* script(Script.onLookup(slow))
        const resuming = yield* Effect.fork(create({}, RetryPolicy.none))
        yield* Effect.yieldNow()
        const end = yield* awaitFinal(before, every("10 seconds"))
        assert.strictEqual(end._tag, "Paid")
        assert.strictEqual(yield* Fiber.join(resuming), end)
        assert.strictEqual(yield* create(), end)
      })
    ))
})

describe("A bare handle", () => {
  it("is asked about first, and then settled", () =>
    run(
      Effect.gen(function* () {
        yield* accepted
        const start = yield* Clock.currentTimeMillis
        const elsewhere = yield* anotherProcess()
        const end = yield* elsewhere.awaitFinal(handle, every("10 seconds"))
        assert(end._tag === "Paid")
        assert.deepStrictEqual(yield* lookups(start), [0, 10_000, 20_000, 30_000])
        assert.deepStrictEqual([end.amount, end.currency, ...money(end)], [12_500, "DKK", "Moved", 12_500, 12_500])
      }),
      processing("25 seconds")
    ))

  it.each([
    ["Paid", Acquirer.paid, ["Moved", 12_500, 12_500]],
    ["HardDeclined", Acquirer.hardDeclined(), ["MayHaveMoved", 0, 12_500]],
    ["SoftDeclined", Acquirer.softDeclined(), ["MayHaveMoved", 0, 12_500]],
    ["ProcessingError", Acquirer.processingError(), ["MayHaveMoved", 0, 25_000]]
  ] as const)("that is settled already is what it is: %s", (tag, as, says) =>
    run(
      Effect.gen(function* () {
        yield* accepted
        yield* settled(as)
        const elsewhere = yield* anotherProcess()
        const end = yield* Effect.map(Effect.either(elsewhere.awaitFinal(handle)), Either.merge)
        assert("certainty" in end)
        // Who knows only the handle cannot know whether something else is under way.
        assert.deepStrictEqual([end._tag, ...money(end)], [tag, ...says])
        assert.strictEqual((yield* lookups(0)).length, 1)
      })
    )
  )

  it("that nobody has paid is not found, and one that cannot be asked about says so", () =>
    run(
      Effect.gen(function* () {
        assert.strictEqual((yield* awaitHandle())._tag, "PayoutNotFound")
        yield* always(Script.apiError({ status: 401, code: 6 }))
        assert.strictEqual((yield* awaitHandle())._tag, "LookupFailed")
      })
    ))

  it("whose amount cannot be is no sum of money", () =>
    run(
      Effect.gen(function* () {
        yield* accepted
        yield* always(Script.onLookup(Script.altered({ amount: 0 })))
        const elsewhere = yield* anotherProcess()
        const end = yield* Effect.flip(elsewhere.awaitFinal(handle))
        assert(end._tag === "LookupFailed")
        assert.strictEqual(end.category, "UnexpectedResponse")
      })
    ))
})

describe("What was paid and is shown otherwise", () => {
  const contradictions: Array<PaidContradicted.PaidContradicted> = []
  const watched = () =>
    processing(undefined, undefined, {
      onContradiction: (one) => Effect.sync(() => void contradictions.push(one))
    })

  it("stays paid, and somebody is told (93, I10)", () =>
    run(
      Effect.gen(function* () {
        contradictions.length = 0
        const payouts = yield* Payouts.Payouts
        const before = yield* accepted
        yield* settled(Acquirer.paid)
        const paid = yield* awaitFinal(before)
        assert.strictEqual(paid._tag, "Paid")
        yield* payouts.get(handle)
        assert.deepStrictEqual(contradictions, [])
        yield* always(Script.onLookup(Script.altered({ state: "failed" })))
        assert.strictEqual((yield* payouts.get(handle)).state, "failed")
        yield* Effect.sleep("1 millis")
        assert.deepStrictEqual(
          contradictions.map((one) => [one._tag, one.handle, one.paid.state, one.shown.state]),
          [["PaidContradicted", handle, "paid", "failed"]]
        )
        assert.strictEqual(yield* awaitFinal(before), paid)
        assert.strictEqual(yield* awaitHandle(), paid)
        yield* Effect.sleep("1 millis")
        assert.strictEqual(contradictions.length, 2)
      }),
      watched()
    ))

  it("stays paid for one who was asking meanwhile", () =>
    run(
      Effect.gen(function* () {
        contradictions.length = 0
        const before = yield* accepted
        const slow = yield* Effect.fork(awaitFinal(before, every("1 minute")))
        yield* Effect.yieldNow()
        yield* settled(Acquirer.paid)
        const paid = yield* awaitFinal(before, every("10 seconds"))
        yield* always(Script.onLookup(Script.altered({ state: "processing" })))
        assert.strictEqual(yield* Fiber.join(slow), paid)
        yield* Effect.sleep("1 millis")
        assert.strictEqual(contradictions.length, 1)
      }),
      watched()
    ))
})

describe("Many that wait", () => {
  const acceptMany = (count: number) =>
    Effect.flatMap(Payouts.Payouts, ({ create }) =>
      Effect.forEach(Array.from({ length: count }), (_, index) => create(requestOf({ handle: `prize-${index}` })))
    )

  it.skipIf(isMutated).each([
    ["were interrupted", "1 hour", "5 seconds"],
    ["had a deadline", "10 seconds", "11 seconds"]
  ] as const)("leave nothing behind that holds the next one up, if they %s", (_, deadline, after) =>
    run(
      Effect.gen(function* () {
        const { awaitFinal } = yield* Payouts.Payouts
        const outcomes = yield* acceptMany(600)
        const waiting = yield* Effect.forEach(outcomes, (one) => Effect.fork(awaitFinal(one, { deadline })))
        yield* Effect.sleep(after)
        yield* Fiber.interruptAll(waiting)
        yield* Effect.sleep("1 second")
        yield* always(Script.onLookup(Script.altered({ state: "paid" })))
        const start = yield* Clock.currentTimeMillis
        const [, second] = outcomes
        assert(second !== undefined)
        const end = yield* awaitFinal(second, { deadline: "5 minutes" })
        assert.strictEqual(end._tag, "Paid")
        assert.isAtMost((yield* Clock.currentTimeMillis) - start, 15_000)
      })
    )
  )

  it("say so if the provider was not asked about them, and when it last showed them", () =>
    run(
      Effect.gen(function* () {
        const { awaitFinal } = yield* Payouts.Payouts
        const outcomes = yield* acceptMany(100)
        yield* Effect.sleep("1 hour")
        const ends = yield* Effect.forEach(
          outcomes,
          (one) => awaitFinal(one, { ...every("1 second"), deadline: "5 seconds" }),
          {
            concurrency: "unbounded"
          }
        )
        const waited = ends.map((end) => (end._tag === "Processing" ? end.waited : undefined))
        const unasked = ends.filter((_, index) => waited[index]?.lookups === 0)
        assert.isTrue(waited.every((one) => one !== undefined && one.lookups <= 1))
        assert.isAtLeast(unasked.length, 55)
        const answered = new Map(outcomes.map(({ attempts, handle }) => [handle, attempts]))
        unasked.forEach((end) => {
          assert(end._tag === "Processing")
          // By the create's own answer, an hour ago; and what is on record of it is as it was.
          assert.deepStrictEqual(end.waited?.shownAt, end.attempts[0]?.started)
          assert.deepStrictEqual(end.attempts, answered.get(end.handle))
        })
      })
    ))

  it("by a bare handle take their turns from their first lookup on, and end at their deadline unasked", () =>
    run(
      Effect.gen(function* () {
        const { awaitFinal } = yield* Payouts.Payouts
        const outcomes = yield* acceptMany(100)
        const start = yield* Clock.currentTimeMillis
        const ends = yield* Effect.forEach(
          outcomes,
          (one) => Effect.map(Effect.either(awaitFinal(one.handle, { deadline: "5 seconds" })), Either.merge),
          { concurrency: "unbounded" }
        )
        assert.isAtMost((yield* Clock.currentTimeMillis) - start, 5_000)
        const asked = yield* lookups(start)
        for (const at of asked) {
          assert.isAtMost(asked.filter((other) => other >= at && other < at + 1000).length, reads.rate)
        }
        const unasked = ends.filter(({ attempts }) => attempts.length === 0)
        assert.isAtLeast(unasked.length, 49)
        unasked.forEach((end) => {
          assert(end._tag === "LookupFailed")
          assert.match(end.message, /the deadline of the wait came before the provider was asked/)
        })
      })
    ))

  it("by a bare handle take a turn for each question that fails, too", () =>
    run(
      Effect.gen(function* () {
        const { awaitFinal } = yield* Payouts.Payouts
        const sandbox = yield* Sandbox.Sandbox
        const outcomes = yield* acceptMany(100)
        yield* sandbox.always(Script.onLookup(Script.reply({ status: 503, body: "" })))
        const start = yield* Clock.currentTimeMillis
        yield* Effect.forEach(outcomes, (one) => Effect.either(awaitFinal(one.handle, { deadline: "20 seconds" })), {
          concurrency: "unbounded"
        })
        const asked = yield* lookups(start)
        assert.isAbove(asked.length, 150)
        for (const at of asked) {
          assert.isAtMost(asked.filter((other) => other >= at && other < at + 1000).length, reads.rate)
        }
      })
    ))

  it("leave turns to the others, where the schedule of one has no gaps", () =>
    run(
      Effect.gen(function* () {
        const { create, awaitFinal } = yield* Payouts.Payouts
        const greedy = yield* create(requestOf({ handle: "greedy" }))
        const start = yield* Clock.currentTimeMillis
        const waiting = yield* Effect.fork(awaitFinal(greedy, { schedule: Schedule.recurs(1000), deadline: "1 hour" }))
        yield* Effect.sleep("1 minute")
        yield* Fiber.interrupt(waiting)
        const asked = yield* lookups(start)
        assert.isAtMost(asked.length, 62)
        assert.isAtLeast(asked.length, 50)
      })
    ))

  it("ask no more often than the provider allows, whatever their schedules say", () =>
    run(
      Effect.gen(function* () {
        const { create, awaitFinal } = yield* Payouts.Payouts
        const outcomes = yield* Effect.forEach(Array.from({ length: 60 }), (_, index) =>
          create(requestOf({ handle: `prize-${index}` }))
        )
        const start = yield* Clock.currentTimeMillis
        const ends = yield* Effect.forEach(outcomes, (one) => awaitFinal(one, every("1 second")), {
          concurrency: "unbounded"
        })
        assert.isTrue(ends.every(({ _tag }) => _tag === "Paid"))
        const asked = yield* lookups(start)
        for (const at of asked) {
          const within = asked.filter((other) => other >= at && other < at + 1000)
          assert.isAtMost(within.length, reads.rate + 1)
        }
        assert.isAtLeast(asked.length, 60)
      }),
      processing("30 seconds")
    ))
})
