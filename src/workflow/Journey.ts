/**
 * What a durable payout does: rounds of sending, waits, and polls until it is settled. Each step is an activity, whose end
 * is stored; what is not stored may have happened all the same.
 */
import * as Activity from "@effect/workflow/Activity"
import * as DurableClock from "@effect/workflow/DurableClock"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import type { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Payouts } from "../Payouts.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as rounds from "./Rounds.js"

// One for each layer, and so for each memory of what was sent. Random, and of a moment of its own.
const makeBoot: Effect.Effect<string> = Effect.map(
  Effect.all([Clock.currentTimeNanos, Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 4)]),
  ([nanos, words]) => [nanos, ...words].map((part) => part.toString(36)).join("-")
)

/** What is given to a layer. */
export interface Settings {
  readonly payouts: Payouts["Type"]
  readonly policy: RetryPolicy.RetryPolicy
  readonly settlement: Schedule.Schedule<unknown>
  readonly inMemoryThreshold: Duration.Duration
}

/** What one layer runs payouts with. */
interface Runner extends Settings {
  readonly boot: string
  /** The round of each execution that this process has begun to send, so that a second run of it is known for one. */
  readonly begun: Map<string, number>
}

/** One execution, as far as it has come. */
interface Journey {
  readonly executionId: string
  readonly request: PayoutRequest
  state: rounds.State
  round: number
  /** When each gap between polls was taken, in epoch milliseconds. */
  readonly gaps: Array<number>
  hints: number
}

/** A runner of payouts, with nothing sent yet. */
export const begin = (settings: Settings) =>
  Effect.map(makeBoot, (boot) => run({ ...settings, boot, begun: new Map() }))

/** What wakes a payout that waits to be settled, the first time, the second and so on. */
export const hinted = (count: number) => DurableDeferred.make(`hint/${count}`)

const run = (runner: Runner) =>
  Effect.fnUntraced(function* ({ request }: { readonly request: PayoutRequest }, executionId: string) {
    const journey: Journey = { executionId, request, state: rounds.initial, round: 0, gaps: [], hints: 0 }
    const end = yield* travel(runner, journey)
    runner.begun.delete(executionId)
    return yield* Either.isRight(end)
      ? rounds.reported(Outcome, journey.state, end.right)
      : Effect.flip(rounds.reported(PayoutError, journey.state, end.left))
  })

const travel = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  while (true) {
    journey.round += 1
    const round = yield* send(runner, journey, yield* intend(runner, journey))
    const before = journey.state
    journey.state = rounds.after(before, round)
    if (round._tag === "Accepted") {
      const end = yield* settle(runner, journey, round)
      if (end !== undefined) return end
    } else if (round.wait !== undefined) {
      yield* pause(runner, journey, round.wait)
    } else if (round._tag === "Failed") {
      return Either.left(round.error)
    } else if (round.crash) {
      return Either.left(rounds.lostError(journey.state, journey.request))
    }
  }
})

// Stored before anything is sent: this process is going to.
const intend = ({ boot }: Runner, { round }: Journey) =>
  Activity.make({
    name: `intent/${round}`,
    success: Schema.String,
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.succeed(boot)
  })

/**
 * Sends, at most once. If this process is not the one that was to, or if it has begun before, nobody knows whether a
 * request is under way: then it only says so, and the next round asks the provider first.
 */
const send = (runner: Runner, { executionId, gaps, request, round, state }: Journey, intended: string) =>
  Activity.make({
    name: `send/${round}`,
    success: rounds.Round,
    // What was interrupted may have sent, and is not run again as if it had not.
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.suspend(() => {
      const { begun, boot } = runner
      const isOwn = intended === boot
      const told = state.boot === boot ? state.told : state.sends
      const lose = lost(runner, state, { boot: intended, told, isOwn })
      if (!isOwn || begun.get(executionId) === round) return lose(false)
      begun.set(executionId, round)
      return once(runner, request, state, gaps).pipe(
        Effect.map((end): rounds.Round => ({ ...end, boot, told })),
        Effect.flatMap(asStored),
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? lose(false)
            : Effect.zipRight(
                Effect.logError(`Payout ${request.handle}: a defect (${nameOf(cause)}) while sending; asking next`),
                lose(true)
              )
        )
      )
    })
  })

const once = Effect.fnUntraced(function* (
  { boot, payouts, policy, settlement }: Runner,
  request: PayoutRequest,
  state: rounds.State,
  gaps: ReadonlyArray<number>
) {
  const unseen = rounds.unseen(state, boot)
  const options = { policy: rounds.policyOf(state) }
  const end = yield* Effect.either(
    unseen.isFirst ? payouts.create(request, options) : payouts.resume(request, { ...options, unseen: unseen.unseen })
  )
  const at = yield* Clock.currentTimeMillis
  if (Either.isLeft(end)) {
    const { left: error } = end
    return { _tag: "Failed" as const, at, error, wait: yield* rounds.waitAfter(policy, state, at, error) }
  }
  const wait = end.right._tag === "Paid" ? undefined : yield* rounds.gap(settlement, gaps, at)
  return { _tag: "Accepted" as const, at, outcome: end.right, wait }
})

const lost =
  (
    { policy }: Runner,
    state: rounds.State,
    by: { readonly boot: string; readonly told: number; readonly isOwn: boolean }
  ) =>
  (crash: boolean): Effect.Effect<rounds.Round> =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      const wait = crash ? yield* rounds.waitAfter(policy, state, at, "Crash") : undefined
      return { _tag: "Lost", ...by, at, crash, wait }
    })

// What could not be read back would be a defect of every run to come.
const asStored = (round: rounds.Round) => Effect.flatMap(Schema.encode(StoredRound)(round), Schema.decode(StoredRound))

const StoredRound = Schema.parseJson(rounds.Round)

// Its name only: what a defect says may be anything.
const nameOf = (cause: Cause.Cause<unknown>): string => {
  const defect = Cause.squash(cause)
  return defect instanceof Error ? defect.name : typeof defect
}

const pause = ({ inMemoryThreshold }: Runner, { round }: Journey, duration: Duration.Duration) =>
  DurableClock.sleep({ name: `retry/${round}`, duration, inMemoryThreshold })

/** Waits until it is settled: the end; or nothing, if it failed and is to be sent again. */
const settle = Effect.fnUntraced(function* (
  runner: Runner,
  journey: Journey,
  { at, outcome, wait: first }: typeof rounds.Accepted.Type
) {
  if (outcome._tag === "Paid") return Either.right<Outcome>(outcome)
  journey.gaps.push(at)
  for (let wait = first; wait !== undefined;) {
    yield* hintOr(journey, wait)
    const poll: rounds.Poll = yield* lookUp(runner, journey, outcome.payout.transactions.length)
    journey.gaps.push(poll.at)
    if (poll._tag === "Waiting") {
      wait = poll.wait
      continue
    }
    const end = rounds.settled(journey.state, journey.request, poll.payout, poll.attempt)
    if (end === undefined || Either.isRight(end)) return end
    journey.state = rounds.afterPoll(journey.state, poll, end.left)
    if (poll.wait === undefined) return end
    yield* pause(runner, journey, poll.wait)
    return undefined
  }
  return Either.right<Outcome>(outcome)
})

// Always a durable clock: a workflow that sleeps in memory does not hear the hint.
const hintOr = (journey: Journey, duration: Duration.Duration) => {
  const name = `settle/${journey.gaps.length}`
  type Woken = Effect.Effect<"Hint" | "Clock", never, WorkflowEngine | WorkflowInstance>
  const hint: Woken = Effect.as(DurableDeferred.await(hinted(journey.hints + 1)), "Hint" as const)
  const clock: Woken = Effect.as(
    DurableClock.sleep({ name, duration, inMemoryThreshold: Duration.zero }),
    "Clock" as const
  )
  return DurableDeferred.raceAll({
    name,
    success: Schema.Literal("Hint", "Clock"),
    error: Schema.Never,
    effects: [hint, clock]
  }).pipe(
    Effect.map((woken) => {
      if (woken === "Hint") journey.hints += 1
    })
  )
}

// A lookup and nothing else: whatever it does not find, it sends nothing. What shows less than was `shown` before lags
// behind, and tells of an earlier attempt.
const lookUp = (runner: Runner, { gaps, request, state }: Journey, shown: number) =>
  Activity.make({
    name: `poll/${gaps.length}`,
    success: rounds.Poll,
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const started = yield* DateTime.now
      const found = yield* runner.payouts.get(request.handle, { policy: RetryPolicy.none }).pipe(
        Effect.timed,
        Effect.map(([took, payout]) => ({ payout, attempt: rounds.lookup(request, payout, started, took) })),
        // Not found, not answered, or a defect: it is asked again at the next poll.
        Effect.catchAllCause(() => Effect.succeed(undefined))
      )
      const at = yield* Clock.currentTimeMillis
      const isStale = found !== undefined && found.payout.state !== "paid" && found.payout.transactions.length < shown
      const end = found && rounds.settled(state, request, found.payout, found.attempt)
      if (found === undefined || end === undefined || isStale) {
        return { _tag: "Waiting" as const, at, wait: yield* rounds.gap(runner.settlement, gaps, at) }
      }
      const wait = Either.isLeft(end) ? yield* rounds.waitAfter(runner.policy, state, at, end.left) : undefined
      return { _tag: "Settled" as const, at, ...found, wait }
    })
  })
