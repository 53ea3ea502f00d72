/**
 * Runs a program to its end in virtual time: minutes of retries take no time, and a test needs no arithmetic to know how
 * far to move its clock.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { liveClock } from "../host/deadline.js"

/**
 * The settings of `inVirtualTime`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Whether something real is under way, such as a disk or a socket. The clock stands still meanwhile. */
  readonly isBusy?: (() => boolean) | undefined
}

/**
 * Runs an effect to its end under `TestClock` (which `it.effect` provides). Whenever all of it waits, it moves the clock
 * to the next moment at which something wakes, as often as it takes. What waits for no clock, such as a promise, gets
 * real time. An effect that never ends dies after 10,000 steps.
 *
 * @example
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect, Layer } from "effect"
 * import { Payouts, PayoutRequest } from "effect-billwerk-payouts"
 * import { Sandbox, Script } from "effect-billwerk-payouts/testing"
 *
 * const program = Effect.gen(function* () {
 *   const sandbox = yield* Sandbox.Sandbox
 *   yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
 *   const payouts = yield* Payouts.Payouts
 *   const request = yield* PayoutRequest.make({ handle: "p-1", destination: "ca_1", amount: 12_500, currency: "DKK" })
 *   return yield* Sandbox.inVirtualTime(Effect.flip(payouts.create(request))) // two waits: six minutes, at once
 * })
 *
 * it.effect("gives up", () => Effect.provide(program, Layer.provideMerge(Payouts.layer, Sandbox.layer)))
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const inVirtualTime = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  { isBusy = () => false }: Options = {}
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    // Its first wait counts, too.
    yield* Effect.yieldNow()
    let idle = 0
    for (let step = 0; step < stepsMax; step++) {
      while (isBusy()) yield* aTurn
      const now = yield* TestClock.currentTimeMillis
      const wakes = Chunk.filter(yield* TestClock.sleeps(), (wake) => wake > now)
      yield* Effect.yieldNow()
      // What waits for a disk needs real time, and more of it on a busy machine.
      yield* idle < idleMax ? aTurn : aWhile
      const exit = yield* Fiber.poll(fiber)
      if (exit._tag === "Some") return yield* exit.value
      idle = Chunk.isNonEmpty(wakes) ? 0 : idle + 1
      // Whole milliseconds: a fraction of one cannot be a time of TestClock in nanoseconds.
      if (Chunk.isNonEmpty(wakes) && !isBusy()) yield* TestClock.setTime(Math.ceil(Math.min(...wakes)))
    }
    return yield* Effect.dieMessage("the program did not end")
  })

const stepsMax = 10_000
const idleMax = 100

// Of the real event loop: promises, disks and sockets go on meanwhile.
const aTurn = Effect.withClock(Effect.sleep(0), liveClock)
const aWhile = Effect.withClock(Effect.sleep(2), liveClock)
