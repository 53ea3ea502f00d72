import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Either, Exit, Fiber } from "effect"
import type { BillwerkClient, Handle, Outcome, PayoutError, Reply } from "effect-billwerk-payouts"
import { Payouts, RetryPolicy, Sandbox, Script } from "effect-billwerk-payouts"
import * as flights from "../../src/internal/flights.js"
import { inVirtualTime, layer, requestOf } from "../support.js"

type Answer = "Paid" | "HardDeclined" | "SoftDeclined" | "Refused" | "Lost" | "Dies"

const transactions = {
  Paid: { state: "paid", errorState: undefined },
  HardDeclined: { state: "failed", errorState: "hard_declined" },
  SoftDeclined: { state: "failed", errorState: "soft_declined" }
} as const

const reply = (answer: Exclude<Answer, "Dies">, handle: Handle.Handle, amount: number): Reply.Reply => {
  if (answer === "Lost") return { _tag: "NoResponse", reason: "Transport", sent: "Unknown" }
  if (answer === "Refused") return { _tag: "Response", status: 422, body: { _tag: "ApiError", code: 1 } }
  const { errorState, state } = transactions[answer]
  const transaction = { id: "t", amount, state, errorState }
  const payout = { handle, amount, state, transactions: [transaction] }
  return { _tag: "Response", status: 200, body: { _tag: "PayoutBody", payout } }
}

/** Calls over a provider that answers every create as it is told to, and every lookup with nothing. */
const calls = (remembered?: typeof flights.rememberedMax) => {
  let next: Answer = "Paid"
  const sent: Array<string> = []
  const client: BillwerkClient.BillwerkClient["Type"] = {
    createDeadline: Duration.seconds(90),
    lookupDeadline: Duration.seconds(30),
    create: ({ amount, handle }) =>
      Effect.suspend(() => {
        sent.push(`create ${handle}`)
        return next === "Dies" ? Effect.dieMessage("a defect") : Effect.succeed(reply(next, handle, amount))
      }),
    lookup: (handle) =>
      Effect.sync(() => {
        sent.push(`lookup ${handle}`)
        return reply("Lost", handle, 0)
      })
  }
  const { board: pay } = flights.make(client, remembered)
  const call = (request: ReturnType<typeof requestOf>, answer: Answer) => {
    next = answer
    return pay({ request, policy: RetryPolicy.none, resumes: false, unseen: undefined })
  }
  const create = (
    input: Parameters<typeof requestOf>[0],
    answer: Answer = "Paid"
  ): Effect.Effect<Outcome.Outcome | PayoutError.PayoutError> =>
    Effect.map(Effect.either(call(requestOf(input), answer)), Either.merge)
  /** What a call sends. */
  const sends = (input: Parameters<typeof requestOf>[0], answer: Answer = "Paid") =>
    Effect.map(create(input, answer), (end) => [end._tag, ...sent.splice(0)])
  return { call, create, sends, forget: () => void sent.splice(0) }
}

const card = (index: number) => `ca_${String(index).padStart(32, "0")}`

describe("What is remembered from one call to the next", () => {
  it.effect("is not what was refused, which can be sent again as if it were new", () =>
    Effect.gen(function* () {
      const { create } = calls()
      yield* create({}, "Refused")
      const end = yield* create({})
      assert.deepStrictEqual([end._tag, "attempts" in end && end.attempts.length], ["Paid", 1])
    })
  )

  it.effect("is a decline for now, and what was tried for it", () =>
    Effect.gen(function* () {
      const { create } = calls()
      yield* create({}, "SoftDeclined")
      const end = yield* create({})
      assert.deepStrictEqual([end._tag, "attempts" in end && end.attempts.length], ["Paid", 2])
    })
  )

  it.effect("is each of the last 20 declines for good, so that none is sent again (74)", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = calls()
      for (let index = 0; index <= 20; index++) yield* create({ destination: card(index) }, "HardDeclined")
      forget()
      for (let index = 1; index <= 20; index++) {
        assert.deepStrictEqual(yield* sends({ destination: card(index) }), ["HardDeclined"])
      }
      assert.deepStrictEqual(yield* sends({ destination: card(0) }), ["Paid", "create prize-2026-0042"])
    })
  )

  it.effect("is that a call ended with a defect: the next one asks first (82)", () =>
    Effect.gen(function* () {
      const { call, forget, sends } = calls()
      const exit = yield* Effect.exit(call(requestOf(), "Dies"))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      forget()
      assert.deepStrictEqual(yield* sends({}), ["CommunicationError", "lookup prize-2026-0042"])
    })
  )

  it.effect("is no doubt any more once it is paid", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = calls()
      yield* create({}, "SoftDeclined")
      yield* create({}, "Paid")
      forget()
      assert.deepStrictEqual(yield* sends({}, "Refused"), ["Paid"])
      assert.deepStrictEqual(yield* sends({ amount: 1 }), ["HandleConflict"])
    })
  )

  it.effect("is the latest payouts up to a limit, each kind apart", () =>
    Effect.gen(function* () {
      const { create, forget, sends } = calls({ paid: 2, failed: 3, inDoubt: 3 })
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
      for (const handle of ["lost-1", "lost-2", "lost-3"]) yield* create({ handle }, "Lost")
      forget()
      assert.deepStrictEqual(yield* sends({ handle: "lost-1" }), ["CommunicationError", "lookup lost-1"])
      assert.deepStrictEqual(yield* sends({ handle: "doubt" }), ["Paid", "create doubt"])
    })
  )

  it("is as much as the README says, if nothing else is said", () =>
    assert.deepStrictEqual(flights.rememberedMax, { paid: 10_000, failed: 10_000, inDoubt: 10_000 }))
})

describe("What a resume was told", () => {
  it.effect("counts in the conflict with a payout under way, and nothing that it was not told", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.delayAnswer("10 seconds")(Script.normal))
      const payouts = yield* Payouts.Payouts
      const first = yield* Effect.fork(payouts.create(requestOf()))
      yield* Effect.yieldNow()
      const other = requestOf({ amount: 1 })
      const told = yield* Effect.flip(payouts.resume(other, { unseen: 2 }))
      const untold = yield* Effect.flip(payouts.create(other))
      assert.deepStrictEqual(
        [told._tag, told.certainty, told.exposure],
        ["HandleConflict", "MayHaveMoved", { min: 0, max: 2 }]
      )
      assert.deepStrictEqual(
        [untold._tag, untold.certainty, untold.exposure],
        ["HandleConflict", "NotMoved", { min: 0, max: 0 }]
      )
      yield* inVirtualTime(Fiber.join(first))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is no guess: what the provider shows accounts for it, a decline that is sent again included", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.softDeclined().pipe(Script.onCreate))
      const payouts = yield* Payouts.Payouts
      const another = yield* Payouts.make()
      yield* Effect.flip(payouts.create(requestOf()))
      yield* Effect.flip(another.create(requestOf()))
      const end = yield* Effect.flip(payouts.resume(requestOf(), { unseen: 1 }))
      assert.deepStrictEqual([end._tag, end.certainty, end.attempts.length], ["SoftDeclined", "NotMoved", 2])
    }).pipe(Effect.provide(layer()))
  )
})
