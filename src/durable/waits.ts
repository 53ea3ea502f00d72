/**
 * The waits of a durable payout. The long ones are on durable clocks, and a hint or a person can end them.
 */
import * as DurableClock from "@effect/workflow/DurableClock"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import type { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { log } from "../host/hostCode.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import { endOf, firstOf, type Waking, type Woken } from "./firstOf.js"
import type { Stored } from "./stored.js"

/** How far the waits of one execution have come. */
export interface Waits {
  /** How many waits for the end there were, what ended the latest one, and how many in a row a hint ended. */
  polls: number
  woken: Woken
  hintsInARow: number
  /** How many waits a person could end. */
  holds: number
}

export const none = (): Waits => ({ polls: 0, woken: "Hint", hintsInARow: 0, holds: 0 })

/** The shortest time between a lookup and a hint's next one. It doubles with each hint in a row without news. */
export const hintGapMin: Duration.Duration = PollPolicy.gapMin
export const hintGapMax: Duration.Duration = Duration.minutes(1)

/** The deferred that a hint completes to cut a wait for the end short. All hints for one wait are one. */
export const hinted = (poll: number) => DurableDeferred.make(`hint/${poll}`)

/** The deferred that a person completes to end a hold. */
export const woken = (hold: number) => DurableDeferred.make(`wake/${hold}`)

/** What ended a wait for the end, and a hold. Each of them ends in order. */
export const pollEnded = (poll: number) => endOf(`ended/${poll}`)
export const holdEnded = (hold: number) => endOf(`held/${hold}`)

/** Waits for the next poll, or for a hint. */
export const hintOr = (waits: Waits, duration: Duration.Duration) => {
  waits.polls += 1
  const { polls, woken } = waits
  const hint: Waking = Effect.as(DurableDeferred.await(hinted(polls)), "Hint" as const)
  // The sender of a hint may not see at once that a wait is over.
  const late: Waking = Effect.as(DurableDeferred.await(hinted(polls - 1)), "LateHint" as const)
  const clock = clockOf(`wait/${polls}`, duration)
  return firstOf(pollEnded(polls), woken === "Hint" ? [hint, clock] : [hint, late, clock]).pipe(
    Effect.map((woken) => {
      waits.woken = woken
      waits.hintsInARow = woken === "Clock" ? 0 : waits.hintsInARow + 1
    })
  )
}

// Always a durable clock: a workflow that sleeps in memory does not receive the hint.
const clockOf = (name: string, duration: Duration.Duration): Waking =>
  Effect.as(DurableClock.sleep({ name, duration, inMemoryThreshold: Duration.zero }), "Clock" as const)

/** Many hints cause few lookups: all that come during a lookup, or during this wait, cause one more. */
export const spread = Effect.fnUntraced(function* (
  { hintsInARow, polls }: Waits,
  asked: number,
  inMemoryThreshold: Duration.Duration
) {
  if (hintsInARow === 0) return
  const gap = Duration.min(Duration.times(hintGapMin, 2 ** (hintsInARow - 1)), hintGapMax)
  const since = Duration.millis((yield* Clock.currentTimeMillis) - asked)
  const duration = Duration.clamp(Duration.subtract(gap, since), { minimum: Duration.zero, maximum: gap })
  yield* DurableClock.sleep({ name: `spread/${polls}`, duration, inMemoryThreshold })
})

/** Waits before the next round. A person can end a wait that is longer than `inMemoryThreshold`, if that is allowed. */
export const hold = Effect.fnUntraced(function* (
  waits: Waits,
  name: string,
  duration: Duration.Duration,
  options: { readonly inMemoryThreshold: Duration.Duration; readonly isWakeable: boolean }
) {
  const { inMemoryThreshold, isWakeable } = options
  if (!isWakeable || Duration.lessThanOrEqualTo(duration, inMemoryThreshold)) {
    return yield* DurableClock.sleep({ name, duration, inMemoryThreshold })
  }
  waits.holds += 1
  const wake: Waking = Effect.as(DurableDeferred.await(woken(waits.holds)), "Hint" as const)
  yield* firstOf(holdEnded(waits.holds), [wake, clockOf(name, duration)])
})

const leftFor = Duration.seconds(15)

/**
 * The value of a stored step. One that a later version wrote is left to its processes: the execution sleeps, and runs
 * again where the engine then lets it run. None: no version can read it.
 */
export const readable = <A>(
  what: string,
  stored: Stored<A>
): Effect.Effect<Option.Option<A>, never, WorkflowEngine | WorkflowInstance> =>
  Effect.gen(function* () {
    switch (stored._tag) {
      case "Readable":
        return Option.some(stored.value)
      case "Broken":
        yield* log(Effect.logError(`${what}: what is stored of it cannot be read; it counts as sent`))
        return Option.none()
      case "Newer":
        yield* log(Effect.logWarning(`${what}: a later version of the library stored it; left to its processes`))
        return yield* leave(what)
    }
  })

/** Sleeps again and again, and never goes on. No sleep is longer than all before it, or than an hour. */
export const leave = (what: string): Effect.Effect<never, never, WorkflowEngine | WorkflowInstance> =>
  Effect.gen(function* () {
    for (let turn = 0; ; turn++) {
      const duration = Duration.min(Duration.times(leftFor, 2 ** turn), Duration.hours(1))
      yield* DurableClock.sleep({ name: `newer/${what}/${turn}`, duration, inMemoryThreshold: Duration.zero })
    }
  })
