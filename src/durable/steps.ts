/**
 * The steps of a durable payout: the intent is stored, then rounds of sending, waits, and polls until the payout is
 * final. Each step is an activity with a stored end. A step without a stored end may have happened all the same.
 */
import * as Activity from "@effect/workflow/Activity"
import * as DurableClock from "@effect/workflow/DurableClock"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Payouts } from "../Payouts.js"
import type * as RetryPolicy from "../policy/RetryPolicy.js"
import { log, nameOf } from "../host/hostCode.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import { firstOf, type Waking, type Woken } from "./firstOf.js"
import * as places from "./places.js"
import * as WorkflowState from "./WorkflowState.js"

/** The settings of a layer. */
export interface Settings {
  readonly payouts: Payouts["Type"]
  readonly policy: RetryPolicy.RetryPolicy
  readonly pollSchedule: Schedule.Schedule<unknown>
  readonly inMemoryThreshold: Duration.Duration
}

/** The settings and the state with which one layer runs payouts. */
interface Runner extends Settings {
  /** The latest intent that this process took for each execution. Only one run of this process sends under it. */
  readonly intents: Map<string, Intent>
  readonly inPlace: places.InPlace
}

interface Intent {
  readonly id: string
  /** By the monotonic clock, in nanoseconds. */
  readonly made: bigint
  isUsed: boolean
}

/** The progress of one execution. */
interface Journey {
  readonly executionId: string
  readonly request: PayoutRequest
  state: WorkflowState.State
  round: number
  /** When each gap between polls began, in epoch milliseconds. A lookup that a hint caused uses no gap. */
  readonly gaps: Array<number>
  /** How many waits for the end there were, what ended the latest one, and how many waits in a row a hint ended. */
  waits: number
  woken: Woken
  hintsInARow: number
}

/** The shortest time between a lookup and a hint's next one. It doubles with each hint in a row without news. */
export const hintGapMin: Duration.Duration = PollPolicy.gapMin
export const hintGapMax: Duration.Duration = Duration.minutes(1)

/** Makes a runner of payouts. */
export const begin = (settings: Settings) => run({ ...settings, intents: new Map(), inPlace: places.make() })

/** The deferred that a hint completes to cut a wait short. All hints for one wait are one. */
export const hinted = (wait: number) => DurableDeferred.make(`hint/${wait}`)

const run = (runner: Runner) =>
  Effect.fnUntraced(function* ({ request }: { readonly request: PayoutRequest }, executionId: string) {
    const state = WorkflowState.initial(request.handle)
    const journey: Journey = {
      executionId,
      request,
      state,
      round: 0,
      gaps: [],
      waits: 0,
      woken: "Hint",
      hintsInARow: 0
    }
    const end = yield* travel(runner, journey)
    runner.intents.delete(executionId)
    return yield* Either.isRight(end)
      ? WorkflowState.reported(Outcome, journey.state, end.right)
      : Effect.flip(WorkflowState.reported(PayoutError, journey.state, end.left))
  })

const travel = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  while (true) {
    journey.round += 1
    const intending = intend(runner, journey)
    const sending = Effect.flatMap(intending, (intent) =>
      Effect.all([Effect.succeed(intent), send(runner, journey, intent)])
    )
    const [intent, round] = yield* runner.inPlace(sending)
    if (round._tag === "Lapsed") continue
    journey.state =
      round._tag === "Lost"
        ? WorkflowState.lost(journey.state, round, intent)
        : WorkflowState.ended(journey.state, round)
    if (round._tag === "Accepted") {
      const end = yield* awaitFinal(runner, journey, round)
      if (end !== undefined) return end
    } else if (round.wait !== undefined) {
      yield* pause(runner, journey, round.wait)
    } else if (round._tag === "Failed") {
      return Either.left(round.error)
    } else if (round.crash) {
      return Either.left(WorkflowState.lostError(journey.state, journey.request))
    }
  }
})

// Stored before anything is sent, to say that this process is going to send.
const intend = ({ intents, payouts }: Runner, { executionId, request, round, state }: Journey) =>
  Activity.make({
    name: `intent/${round}`,
    success: Exposure.Evidence,
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const made = yield* Clock.currentTimeNanos
      const intent = yield* Effect.orDie(payouts.intend(request, { evidence: state.evidence, within: intentHolds }))
      intents.set(executionId, { id: idOf(intent), made, isUsed: false })
      return intent
    })
  })

/** The intent's create is the latest one in its evidence. */
const idOf = ({ creates }: Exposure.Evidence): string => creates.at(-1)?.id ?? ""

/** How long an intent holds. Half of it is for the lookup before the create, and for the provider's request limits. */
const intentHolds = Duration.minutes(5)
const startMax = Duration.unsafeToNanos(intentHolds) / 2n

/**
 * Sends at most once. If another process took the intent, or a run has begun under it, a request may be under way. Then
 * the round only records that, and the next round makes a lookup first.
 */
const send = (runner: Runner, journey: Journey, intended: Exposure.Evidence) =>
  Activity.make({
    name: `send/${journey.round}`,
    success: WorkflowState.Round,
    // An interrupted step may have sent. It must not run again as if it had not.
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const found = runner.intents.get(journey.executionId)
      const intent = found?.id === idOf(intended) ? found : undefined
      if (intent === undefined || intent.isUsed) {
        return yield* lost(runner, journey, { isOwn: intent !== undefined, crash: false })
      }
      const now = yield* Clock.currentTimeNanos
      if (now - intent.made > startMax) return { _tag: "Lapsed" as const, at: yield* Clock.currentTimeMillis }
      intent.isUsed = true
      return yield* once(runner, journey).pipe(
        Effect.flatMap(asStored),
        Effect.catchAllCause((cause) => broken(runner, journey, cause))
      )
    })
  })

const once = Effect.fnUntraced(function* ({ payouts, policy, pollSchedule }: Runner, journey: Journey) {
  const { gaps, request, round, state } = journey
  const options = { policy: WorkflowState.policyOf(state) }
  const end = yield* Effect.either(
    round === 1
      ? payouts.create(request, options)
      : payouts.recover(request, { ...options, evidence: state.evidence, outstandingCreates: 0 })
  )
  const at = yield* Clock.currentTimeMillis
  if (Either.isLeft(end)) {
    const { left: error } = end
    return { _tag: "Failed" as const, at, error, wait: yield* WorkflowState.waitAfter(policy, state, at, error) }
  }
  const wait = end.right._tag === "Paid" ? undefined : yield* WorkflowState.gap(pollSchedule, gaps, at)
  return { _tag: "Accepted" as const, at, outcome: end.right, wait }
})

const lost = Effect.fnUntraced(function* (
  { policy }: Runner,
  { state }: Journey,
  how: { readonly isOwn: boolean; readonly crash: boolean }
) {
  const at = yield* Clock.currentTimeMillis
  const wait = how.crash ? yield* WorkflowState.waitAfter(policy, state, at, "Crash") : undefined
  return { _tag: "Lost" as const, ...how, at, wait }
})

const broken = (runner: Runner, journey: Journey, cause: Cause.Cause<unknown>) => {
  if (Cause.isInterruptedOnly(cause)) return lost(runner, journey, { isOwn: true, crash: false })
  return Effect.zipRight(
    log(Effect.logError(`Payout ${journey.request.handle}: a defect (${nameOf(cause)}) while sending; asking next`)),
    lost(runner, journey, { isOwn: true, crash: true })
  )
}

// A result that cannot be read back would be a defect in every later run.
const asStored = (round: WorkflowState.Round) =>
  Effect.flatMap(Schema.encode(StoredRound)(round), Schema.decode(StoredRound))

const StoredRound = Schema.parseJson(WorkflowState.Round)

const pause = ({ inMemoryThreshold }: Runner, { round }: Journey, duration: Duration.Duration) =>
  DurableClock.sleep({ name: `retry/${round}`, duration, inMemoryThreshold })

/** Waits for the end. Returns undefined if the payout failed and will be sent again. */
const awaitFinal = Effect.fnUntraced(function* (
  runner: Runner,
  journey: Journey,
  accepted: typeof WorkflowState.Accepted.Type
) {
  const { at, outcome, wait: first } = accepted
  if (outcome._tag === "Paid") return Either.right<Outcome>(outcome)
  journey.gaps.push(at)
  let asked = at
  for (let wait = first; wait !== undefined;) {
    yield* hintOr(journey, wait)
    yield* spread(runner, journey, asked)
    const poll: WorkflowState.Poll = yield* ask(runner, journey, outcome)
    asked = poll.at
    if (journey.woken === "Clock") journey.gaps.push(poll.at)
    if (poll._tag === "Waiting") {
      if (poll.evidence !== undefined) {
        journey.state = WorkflowState.learned(journey.state, { evidence: poll.evidence })
        // News: the next hint may bring more.
        journey.hintsInARow = 0
      }
      wait = poll.wait
      continue
    }
    journey.state = WorkflowState.ended(journey.state, poll)
    if (poll._tag === "Accepted") return Either.right<Outcome>(poll.outcome)
    if (poll.wait === undefined) return Either.left(poll.error)
    yield* pause(runner, journey, poll.wait)
    return undefined
  }
  return Either.right<Outcome>(outcome)
})

// Always a durable clock: a workflow that sleeps in memory does not receive the hint.
const hintOr = (journey: Journey, duration: Duration.Duration) => {
  journey.waits += 1
  const { waits, woken } = journey
  const name = `wait/${waits}`
  const hint: Waking = Effect.as(DurableDeferred.await(hinted(waits)), "Hint" as const)
  const clock: Waking = Effect.as(
    DurableClock.sleep({ name, duration, inMemoryThreshold: Duration.zero }),
    "Clock" as const
  )
  // The sender of a hint may not see at once that a wait is over.
  const late: Waking = Effect.as(DurableDeferred.await(hinted(waits - 1)), "LateHint" as const)
  return firstOf(waits, woken === "Hint" ? [hint, clock] : [hint, late, clock]).pipe(
    Effect.map((woken) => {
      journey.woken = woken
      journey.hintsInARow = woken === "Clock" ? 0 : journey.hintsInARow + 1
    })
  )
}

// Many hints cause few lookups: all that come during a lookup, or during this wait, cause one more.
const spread = Effect.fnUntraced(function* (
  { inMemoryThreshold }: Runner,
  { hintsInARow, waits }: Journey,
  asked: number
) {
  if (hintsInARow === 0) return
  const gap = Duration.min(Duration.times(hintGapMin, 2 ** (hintsInARow - 1)), hintGapMax)
  const since = Duration.millis((yield* Clock.currentTimeMillis) - asked)
  const duration = Duration.clamp(Duration.subtract(gap, since), { minimum: Duration.zero, maximum: gap })
  yield* DurableClock.sleep({ name: `spread/${waits}`, duration, inMemoryThreshold })
})

/** One lookup, at once. It never sends, even if it finds nothing. */
const asked = { schedule: Schedule.recurs(1), deadline: PollPolicy.standard.deadline }

const ask = (runner: Runner, { gaps, state, waits }: Journey, outcome: Outcome) =>
  Activity.make({
    name: `poll/${waits}`,
    success: WorkflowState.Poll,
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const { attempts, evidence } = state
      const latest: Outcome = { ...outcome, attempts, evidence }
      const end = yield* Effect.exit(runner.payouts.awaitFinal(latest, asked))
      const at = yield* Clock.currentTimeMillis
      if (Exit.isSuccess(end) && end.value._tag === "Paid") return { _tag: "Accepted" as const, at, outcome: end.value }
      const error = Exit.isFailure(end) ? Option.getOrUndefined(Cause.failureOption(end.cause)) : undefined
      if (error !== undefined && WorkflowState.isEnd(error)) {
        return {
          _tag: "Failed" as const,
          at,
          error,
          wait: yield* WorkflowState.waitAfter(runner.policy, state, at, error)
        }
      }
      // Not final, not answered, refused, or a defect. The next poll looks the payout up again.
      const seen = Exit.isSuccess(end) ? end.value : latest
      const wait = yield* WorkflowState.gap(runner.pollSchedule, gaps, at)
      if (wait === undefined) return { _tag: "Accepted" as const, at, outcome: seen }
      return WorkflowState.showsMore(state, seen.evidence)
        ? { _tag: "Waiting" as const, at, wait, evidence: seen.evidence }
        : { _tag: "Waiting" as const, at, wait }
    })
  })
