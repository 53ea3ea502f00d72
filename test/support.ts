/** What many tests share: a request, the layers, and a way to run a program to its end in virtual time. */
import { setImmediate as immediate, setTimeout as sleep } from "node:timers/promises"
import { Config, Effect, Fiber, Layer, Scope, TestClock } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"

export const destination = "ca_fcfac2016614418f969fa5697383e47c"

/** Whether the tests run against mutants: what takes many seconds is then left out. */
export const isMutated = Effect.runSync(Config.withDefault(Config.boolean("PAYOUTS_MUTATION"), false))

/** A request that was validated. Throws if it is refused, for tests that are about something else. */
export const requestOf = (input: Partial<PayoutRequest.Input> = {}) =>
  Effect.runSync(
    PayoutRequest.fromUnknown({ handle: "prize-2026-0042", destination, amount: 12_500, currency: "DKK", ...input })
  )

/** The library over the in-memory provider. */
export const layer = (options: Sandbox.Options = {}, payouts: Payouts.Options = {}) =>
  Payouts.layerWith(payouts).pipe(Layer.provideMerge(Sandbox.layerWith(options)))

/** The exchanges of a client that is only asked to create and to look up. */
export const noReads = {
  list: () => Effect.dieMessage("a list was asked for"),
  transactionDetails: () => Effect.dieMessage("details were asked for"),
  lookUpAccount: Effect.dieMessage("the account was asked for")
} as const

/** Another process of this test: a service of its own, which lives on until the test run ends. */
export const anotherProcess = (options?: Payouts.Options) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.extend(Payouts.make(options), scope))

/**
 * Runs an effect to its end, moving the test clock whenever it waits; at most an hour at a time, two days in all. The
 * clock stands still while something real is under way, such as a disk.
 */
export const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>, isBusy = () => false) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    // Its first wait counts, too.
    yield* Effect.yieldNow()
    let idle = 0
    for (let step = 0; step < 10_000; step++) {
      while (isBusy()) yield* Effect.promise(() => immediate())
      const sleeps = yield* TestClock.sleeps()
      const now = yield* TestClock.currentTimeMillis
      yield* Effect.yieldNow()
      // What waits for a disk needs real time, and more of it on a busy machine.
      yield* Effect.promise(() => (idle < 100 ? immediate() : sleep(2)))
      const exit = yield* Fiber.poll(fiber)
      if (exit._tag === "Some") return yield* exit.value
      const next = [...sleeps].filter((wake) => wake > now).sort((a, b) => a - b)[0]
      idle = next === undefined ? idle + 1 : 0
      if (next !== undefined && !isBusy()) yield* TestClock.setTime(next)
    }
    return yield* Effect.dieMessage("the program did not end")
  })
