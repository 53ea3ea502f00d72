import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Either, Exit, Fiber, Logger, LogLevel } from "effect"
import type { BillwerkClient, Handle, Outcome, Payout, Reply } from "effect-billwerk-payouts"
import { Exposure, PayoutError, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { fingerprints } from "../../src/domain/PayoutRequest.js"
import * as Process from "../../src/execution/Process.js"
import { ProcessMemory, rememberedMax } from "../../src/execution/ProcessMemory.js"
import * as singleFlight from "../../src/execution/singleFlight.js"
import { anotherProcess, inVirtualTime, layer, noReads, requestOf } from "../support.js"

type Answer = "Paid" | "HardDeclined" | "SoftDeclined" | "Refused" | "Lost" | "Dies"

const transactions = {
  Paid: { state: "paid", errorState: undefined },
  HardDeclined: { state: "failed", errorState: "hard_declined" },
  SoftDeclined: { state: "failed", errorState: "soft_declined" }
} as const

const reply = (answer: Exclude<Answer, "Dies">, handle: Handle.Handle, amount: number, id: string): Reply.Reply => {
  if (answer === "Lost") return { _tag: "NoResponse", reason: "Transport", sent: "Unknown" }
  if (answer === "Refused") return { _tag: "Response", status: 422, body: { _tag: "ApiError", code: 1 } }
  const { errorState, state } = transactions[answer]
  const transaction = { id, amount, state, errorState }
  const payout = { handle, amount, state, transactions: [transaction] }
  return { _tag: "Response", status: 200, body: { _tag: "PayoutBody", payout } }
}

const absent: Reply.Reply = { _tag: "Response", status: 404, body: { _tag: "ApiError", code: 137 } }

/** Calls over a provider that answers every create as it is told to, and every lookup with nothing, unless told to. */
const callsOf = Effect.fnUntraced(function* (remembered?: typeof rememberedMax) {
  let next: Answer = "Paid"
  let found: (handle: Handle.Handle) => Reply.Reply = (handle) => reply("Lost", handle, 0, "")
  let created = 0
  const sent: Array<string> = []
  const client: BillwerkClient.BillwerkClient["Type"] = {
    ...noReads,
    createDeadline: Duration.seconds(90),
    lookupDeadline: Duration.seconds(30),
    create: ({ amount, handle }) =>
      Effect.flatMap(Effect.yieldNow(), () => {
        sent.push(`create ${handle}`)
        return next === "Dies"
          ? Effect.dieMessage("a defect")
          : Effect.succeed(reply(next, handle, amount, `t${created++}`))
      }),
    lookup: (handle) =>
      Effect.sync(() => {
        sent.push(`lookup ${handle}`)
        return found(handle)
      })
  }
  const process = yield* Process.make(Duration.hours(6))
  const flights = new singleFlight.SingleFlight(client, process, undefined, new ProcessMemory(remembered))
  const pay = (call: singleFlight.Call) => flights.board(call)
  const evidence: typeof flights.evidence = (handle) => flights.evidence(handle)
  const learn: typeof flights.learn = (...found) => flights.learn(...found)
  /** What `awaitFinal` found of a bare handle: paid, to a card that the record does not show. */
  const findPaid = (handle: Handle.Handle, amount = 12_500) => {
    const answer = reply("Paid", handle, amount, "found")
    if (answer._tag !== "Response" || answer.body._tag !== "PayoutBody") return Effect.void
    const { payout } = answer.body
    const found = Exposure.ofPayout(handle, payout, { clock: process.clock, at: 0 })
    const exposure = { min: amount, max: amount }
    return learn(
      payout,
      found,
      Exit.succeed({
        _tag: "Paid",
        handle,
        amount: requestOf({ amount }).amount,
        currency: requestOf().currency,
        payout,
        attempts: [],
        certainty: "Moved",
        exposure,
        evidence: found
      })
    )
  }
  const call = (request: ReturnType<typeof requestOf>, answer: Answer) => {
    next = answer
    return pay({ request, policy: RetryPolicy.none, recovery: undefined })
  }
  const create = (
    input: Parameters<typeof requestOf>[0],
    answer: Answer = "Paid"
  ): Effect.Effect<Outcome.Outcome | PayoutError.PayoutError> =>
    Effect.map(Effect.either(call(requestOf(input), answer)), Either.merge)
  /** What a call sends. */
  const sends = (input: Parameters<typeof requestOf>[0], answer: Answer = "Paid") =>
    Effect.map(create(input, answer), (end) => [end._tag, ...sent.splice(0)])
  const answerLookups = (answer: typeof found) => void (found = answer)
  const forget = () => void sent.splice(0)
  return { answerLookups, call, create, evidence, findPaid, flights, forget, process, sends, sent }
})

const card = (index: number) => `ca_${String(index).padStart(32, "0")}`

describe("singleFlight: what is remembered from one call to the next", () => {
  it.effect("is not what was refused, which can be sent again as if it were new", () =>
    Effect.gen(function* () {
      const { create } = yield* callsOf()
      yield* create({}, "Refused")
      const end = yield* create({})
      assert.deepStrictEqual([end._tag, "attempts" in end && end.attempts.length], ["Paid", 1])
    })
  )

  it.effect("is a decline for now, and what was tried for it", () =>
    Effect.gen(function* () {
      const { create } = yield* callsOf()
      yield* create({}, "SoftDeclined")
      const end = yield* create({})
      assert.deepStrictEqual([end._tag, "attempts" in end && end.attempts.length], ["Paid", 2])
    })
  )

  it.effect("is each of the last 20 declines for good, so that none is sent again (74)", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = yield* callsOf()
      for (let index = 0; index <= 20; index++) yield* create({ destination: card(index) }, "HardDeclined")
      forget()
      for (let index = 1; index <= 20; index++) {
        assert.deepStrictEqual(yield* sends({ destination: card(index) }), ["HardDeclined"])
      }
      // The error of an older one is forgotten, and the decline is not: it is asked about, and never sent.
      assert.deepStrictEqual(yield* sends({ destination: card(0) }), ["CommunicationError", "lookup prize-2026-0042"])
    })
  )

  it.effect("is that a call ended with a defect: the next one asks first (82)", () =>
    Effect.gen(function* () {
      const { call, forget, sends } = yield* callsOf()
      const exit = yield* Effect.exit(call(requestOf(), "Dies"))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      forget()
      assert.deepStrictEqual(yield* sends({}), ["CommunicationError", "lookup prize-2026-0042"])
    })
  )

  it.effect("is no doubt any more once it is paid", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = yield* callsOf()
      yield* create({}, "SoftDeclined")
      yield* create({}, "Paid")
      forget()
      assert.deepStrictEqual(yield* sends({}, "Refused"), ["Paid"])
      assert.deepStrictEqual(yield* sends({ amount: 1 }), ["HandleConflict"])
    })
  )

  it.effect("is the latest payouts up to a limit, each kind apart", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = yield* callsOf({ paid: 2, failed: 3, inDoubt: 3, others: 2 })
      const tried = (handle: string) =>
        Effect.map(create({ handle }, "SoftDeclined"), (end) => "attempts" in end && end.attempts.length)
      yield* create({ handle: "doubt" }, "Lost")
      yield* tried("first")
      yield* tried("second")
      assert.strictEqual(yield* tried("first"), 2)
      yield* tried("third")
      assert.strictEqual(yield* tried("second"), 2, "three are remembered")
      for (const handle of ["paid-1", "paid-2", "paid-3"]) yield* create({ handle })
      assert.strictEqual(yield* tried("third"), 2, "what is paid pushes out nothing")
      yield* create({ handle: "declined" }, "HardDeclined")
      yield* create({ handle: "declined", destination: card(1) })
      for (const handle of ["paid-2", "paid-3", "paid-4"]) yield* create({ handle })
      forget()
      assert.deepStrictEqual(yield* sends({ handle: "declined" }), ["HandleConflict"], "nor what was declined before")
      yield* tried("third")
      yield* tried("fourth")
      assert.strictEqual(yield* tried("first"), 1, "the one that was used longest ago is forgotten")
      forget()
      assert.deepStrictEqual(yield* sends({ handle: "paid-3" }), ["Paid"])
      assert.deepStrictEqual(yield* sends({ handle: "paid-1" }), ["Paid", "create paid-1"])
      assert.deepStrictEqual(yield* sends({ handle: "doubt" }), ["CommunicationError", "lookup doubt"])
    })
  )

  it("is as much as the documents say, if nothing else is said", () =>
    assert.deepStrictEqual(rememberedMax, { paid: 10_000, failed: 10_000, inDoubt: 10_000, others: 100_000 }))
})

describe("singleFlight: payouts in doubt that are too many to remember (E12)", () => {
  const quiet = Logger.withMinimumLogLevel(LogLevel.None)

  it.effect("leave their evidence, so that the next call asks first and counts it", () =>
    Effect.gen(function* () {
      const { create, evidence, forget, sends } = yield* callsOf({ paid: 1, failed: 1, inDoubt: 1, others: 1 })
      yield* create({ handle: "first" }, "Lost")
      yield* create({ handle: "second" }, "Lost")
      assert.strictEqual(evidence(requestOf({ handle: "first" }).handle)?.creates.length, 1)
      forget()
      const end = yield* create({ handle: "first" }, "Refused")
      assert.deepStrictEqual(
        [end._tag, "exposure" in end && end.exposure],
        ["CommunicationError", { min: 0, max: 12_500 }]
      )
      forget()
      // Somebody was forgotten, so anybody is asked about before it is sent.
      assert.deepStrictEqual((yield* sends({ handle: "stranger" }))[1], "lookup stranger")
    }).pipe(quiet)
  )

  it.effect("of whom even the evidence is forgotten, may be anybody", () =>
    Effect.gen(function* () {
      const { answerLookups, create, evidence, sends } = yield* callsOf({
        ...{ paid: 1, failed: 1, inDoubt: 1, others: 1 }
      })
      answerLookups(() => absent)
      const most = (handle: string) =>
        Effect.map(create({ handle }, "Refused"), (end) => "exposure" in end && end.exposure)
      for (const handle of ["first", "second"]) yield* create({ handle }, "Lost")
      assert.deepStrictEqual(yield* most("stranger"), { min: 0, max: 0 })
      yield* create({ handle: "third" }, "Lost")
      assert.deepStrictEqual(yield* most("another"), { min: 0, max: 12_500 }, "the first was forgotten")
      const guesses = evidence(requestOf({ handle: "another" }).handle)?.creates.map(({ guess }) => guess)
      assert.deepStrictEqual(guesses, [true])
      assert.deepStrictEqual(yield* most("first"), { min: 0, max: 12_500 })
      assert.deepStrictEqual((yield* sends({ handle: "fourth" })).slice(-2), ["lookup fourth", "create fourth"])
    }).pipe(quiet)
  )

  it.effect("leave their payment behind, where it is not known which card was paid", () =>
    Effect.gen(function* () {
      const { create, findPaid } = yield* callsOf({ paid: 1, failed: 1, inDoubt: 1, others: 10 })
      yield* create({ handle: "first" }, "SoftDeclined")
      yield* findPaid(requestOf({ handle: "first" }).handle)
      yield* create({ handle: "second" }, "SoftDeclined")
      const end = yield* create({ handle: "first" }, "Refused")
      assert.deepStrictEqual(
        ["certainty" in end && end.certainty, "exposure" in end && end.exposure],
        ["Moved", { min: 12_500, max: 12_500 }]
      )
    })
  )

  it.effect("are logged as errors, with the handle and the sum", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
      const { create } = yield* callsOf({ paid: 1, failed: 1, inDoubt: 1, others: 1 })
      yield* Effect.forEach(["first", "second"], (handle) => create({ handle }, "Lost")).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.deepStrictEqual(lines, [
        "ERROR Payout first is in doubt (up to 12500 minor units of DKK) and no longer remembered: too many others are. " +
          "Recover those that are in doubt."
      ])
    })
  )
})

describe("singleFlight: what `awaitFinal` found of a bare handle", () => {
  it.effect("counts for a call that was under way meanwhile", () =>
    Effect.gen(function* () {
      const { call, findPaid } = yield* callsOf()
      const fiber = yield* Effect.fork(Effect.either(call(requestOf(), "Refused")))
      yield* Effect.yieldNow()
      yield* findPaid(requestOf().handle)
      const end = Either.merge(yield* Fiber.join(fiber))
      assert.deepStrictEqual("certainty" in end && end.certainty, "Moved")
    })
  )

  it.effect("counts where it is of another sum than what this process tried", () =>
    Effect.gen(function* () {
      const { create, findPaid } = yield* callsOf()
      yield* create({}, "SoftDeclined")
      yield* findPaid(requestOf().handle, 99_900)
      const end = yield* create({}, "Refused")
      assert.deepStrictEqual("exposure" in end && end.exposure.max, 99_900)
    })
  )
})

describe("singleFlight: what a call of `recover` is told", () => {
  it.effect("counts in the conflict with a payout under way, and nothing that it was not told (E10)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const [other, another] = [requestOf({ amount: 1 }), requestOf({ amount: 2 })]
      const told = yield* Effect.flip(payouts.recover(other, { outstandingCreates: 2 }))
      const untold = yield* Effect.flip(payouts.create(another))
      const none = yield* Effect.flip(payouts.recover(other, { outstandingCreates: 0 }))
      assert.deepStrictEqual(
        [told, untold, none].map((end) => [end._tag, end.certainty, end.exposure]),
        [
          ["HandleConflict", "MayHaveMoved", { min: 0, max: 2 }],
          ["HandleConflict", "NotMoved", { min: 0, max: 0 }],
          ["HandleConflict", "NotMoved", { min: 0, max: 0 }]
        ]
      )
      const end = yield* inVirtualTime(Fiber.join(first))
      assert.deepStrictEqual(end.exposure, { min: 12_500, max: 12_500 })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not keep its own arguments from being sent, once those under way have failed", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.delayAnswer("10 seconds")(Script.hardDeclined()))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(Effect.flip(payouts.create(requestOf())))
      yield* Effect.yieldNow()
      const other = requestOf({ destination: card(1) })
      yield* Effect.flip(payouts.recover(other))
      const declined = yield* inVirtualTime(Fiber.join(first))
      // The other card may have been sent by somebody else.
      assert.deepStrictEqual([declined._tag, declined.certainty], ["HardDeclined", "MayHaveMoved"])
      const end = yield* inVirtualTime(payouts.create(other))
      assert.deepStrictEqual([end._tag, end.exposure], ["Paid", { min: 12_500, max: 12_500 }])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is instead of what it was told before, and beside what another process was told", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.dropBeforeCommit, Script.connectionRefused.pipe(Script.onLookup))
      yield* sandbox.always(Script.connectionRefused)
      const [one, other] = [yield* anotherProcess(), yield* anotherProcess()]
      const policy = RetryPolicy.none
      const most = (options: Payouts.RecoverOptions, payouts = one) =>
        Effect.map(Effect.flip(payouts.recover(requestOf(), { policy, ...options })), (end) => end)
      const told = yield* most({ outstandingCreates: 3 })
      const corrected = yield* most({ outstandingCreates: 2 })
      assert.deepStrictEqual([told.exposure.max, corrected.exposure.max], [3 * 12_500, 2 * 12_500])
      assert("evidence" in corrected)
      const { evidence } = corrected
      const handed = yield* most({ evidence }, other)
      const more = yield* most({ evidence, outstandingCreates: 1 }, other)
      const guessed = yield* most({}, yield* anotherProcess())
      assert.deepStrictEqual(
        [handed, more, guessed].map(({ exposure }) => exposure.max / 12_500),
        // Evidence of another process may be older than what that process sent.
        [3, 3, 1]
      )
    }).pipe(Effect.provide(layer()))
  )
})

describe("singleFlight: what a wait found", () => {
  const { handle } = requestOf()
  const method = fingerprints(requestOf()).method ?? ""

  /** A record of this payout, with its transaction to the saved method of the request, or to a hidden one. */
  const shown = (state: string, transaction: Partial<Payout.Transaction>): Payout.Payout => ({
    handle,
    amount: 12_500,
    state,
    transactions: [{ id: "found", amount: 12_500, state, ...transaction }]
  })
  const paidTo = (card: string | undefined) => shown("paid", card === undefined ? {} : { method: card })

  const learning = Effect.fnUntraced(function* () {
    const calls = yield* callsOf()
    const learn = (payout: Payout.Payout, ended: Parameters<typeof calls.flights.learn>[2]) =>
      calls.flights.learn(payout, Exposure.ofPayout(handle, payout, { clock: calls.process.clock, at: 0 }), ended)
    const paid = (payout: Payout.Payout) => {
      const evidence = Exposure.ofPayout(handle, payout, { clock: calls.process.clock, at: 0 })
      const { amount, currency } = requestOf()
      const exposure = { min: amount, max: amount }
      const found = { handle, amount, currency, payout, attempts: [], certainty: "Moved", exposure, evidence } as const
      return learn(payout, Exit.succeed({ _tag: "Paid", ...found }))
    }
    return { ...calls, learn, paid }
  })

  it.effect("is the end of the payout if its card was paid", () =>
    Effect.gen(function* () {
      const { create, forget, paid, sends } = yield* learning()
      yield* create({}, "Lost")
      yield* paid(paidTo(method))
      forget()
      assert.deepStrictEqual(yield* sends({}), ["Paid"])
    })
  )

  it.effect("is asked about again if the record hides which card was paid, or shows another one", () =>
    Effect.gen(function* () {
      for (const card of [undefined, "of another card"]) {
        const { create, forget, paid, sends } = yield* learning()
        yield* create({}, "Lost")
        yield* paid(paidTo(card))
        forget()
        assert.deepStrictEqual((yield* sends({}))[1], `lookup ${handle}`)
      }
    })
  )

  it.effect("is remembered as a decline if it is one for good", () =>
    Effect.gen(function* () {
      const { answerLookups, create, forget, learn, sends } = yield* learning()
      yield* create({}, "Lost")
      const payout = shown("failed", { errorState: "hard_declined", method })
      const evidence = Exposure.empty(handle)
      const { amount, currency } = requestOf()
      const money = { certainty: "NotMoved", exposure: { min: 0, max: 0 } } as const
      const error = new PayoutError.HardDeclined({ handle, amount, currency, attempts: [], evidence, payout, ...money })
      yield* learn(payout, Exit.fail(error))
      forget()
      // The lost create may still pay, so the payout is looked up; but nothing is sent.
      answerLookups(() => absent)
      assert.deepStrictEqual((yield* sends({})).slice(1), [`lookup ${handle}`])
    })
  )

  it.effect("ends a call that was under way and failed", () =>
    Effect.gen(function* () {
      const { call, create, paid } = yield* learning()
      yield* create({}, "SoftDeclined")
      const under = yield* Effect.fork(Effect.either(call(requestOf(), "SoftDeclined")))
      yield* Effect.yieldNow()
      yield* paid(paidTo(method))
      const end = Either.merge(yield* Fiber.join(under))
      assert.strictEqual(end._tag, "Paid")
    })
  )

  it.effect("keeps another card from being sent, unless it may have been the one that was paid", () =>
    Effect.gen(function* () {
      const { create, forget, paid, sends } = yield* learning()
      yield* create({}, "HardDeclined")
      yield* create({ destination: card(1) }, "SoftDeclined")
      yield* paid(paidTo(undefined))
      forget()
      assert.deepStrictEqual(yield* sends({}), ["HandleConflict"], "it was declined for good")
      assert.deepStrictEqual((yield* sends({ destination: card(2) }))[1], `lookup ${handle}`, "it may have been paid")
    })
  )
})

describe("singleFlight: a soft decline", () => {
  it.effect("is looked up by `recover`, and sent again by `create`", () =>
    Effect.gen(function* () {
      const { create, flights, forget, sends, sent } = yield* callsOf()
      const { handle } = requestOf()
      yield* create({}, "SoftDeclined")
      forget()
      const recovery = { evidence: undefined, outstandingCreates: 0, lastSentAt: undefined, lookUpOnly: false }
      yield* Effect.either(flights.board({ request: requestOf(), policy: RetryPolicy.none, recovery }))
      assert.strictEqual(sent[0], `lookup ${handle}`)
      forget()
      assert.deepStrictEqual(yield* sends({}), ["Paid", `create ${handle}`])
    })
  )
})

describe("singleFlight: what was declined for good", () => {
  it.effect("is looked up by `recover`, and is told with the money as it is known now", () =>
    Effect.gen(function* () {
      const { answerLookups, call, create, flights, forget, sends, sent } = yield* callsOf()
      const { handle } = requestOf()
      yield* create({}, "HardDeclined")
      forget()
      const recover = (outstandingCreates: number) =>
        Effect.flip(
          flights.board({
            request: requestOf(),
            policy: RetryPolicy.none,
            recovery: { outstandingCreates, lastSentAt: undefined, lookUpOnly: false }
          })
        )
      answerLookups(() => reply("SoftDeclined", handle, 12_500, "t0"))
      const told = yield* recover(1)
      assert.deepStrictEqual([told._tag, told.certainty], ["HardDeclined", "MayHaveMoved"])
      const end = yield* Effect.flip(call(requestOf(), "Paid"))
      assert.deepStrictEqual([end._tag, end.certainty], ["HardDeclined", "MayHaveMoved"])
      assert.deepStrictEqual((yield* recover(0)).certainty, "NotMoved")
      forget()
      yield* recover(0)
      assert.deepStrictEqual(sent, [`lookup ${handle}`], "it is looked up although nothing is in doubt")
      forget()
      assert.deepStrictEqual(yield* sends({}), ["HardDeclined"], "nothing is open any more")
    })
  )
})
