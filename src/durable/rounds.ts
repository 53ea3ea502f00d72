/**
 * One round of a durable payout, in at most three activities: the intent to send, a lookup with the create that it allows,
 * or a lookup that sends nothing. Each has a stored end. One without a stored end may have happened all the same.
 */
import * as Activity from "@effect/workflow/Activity"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { log, nameOf } from "../host/hostCode.js"
import type { Payouts } from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as Verdict from "../provider/Verdict.js"
import * as budgets from "./budgets.js"
import type { Reopening } from "./execution.js"
import type * as places from "./places.js"
import type * as reopening from "./reopening.js"
import * as stored from "./stored.js"
import type * as waits from "./waits.js"
import * as WorkflowState from "./WorkflowState.js"

/** The settings of a layer. */
export interface Settings {
  readonly payouts: Payouts["Type"]
  readonly policy: RetryPolicy.RetryPolicy
  readonly pollSchedule: Schedule.Schedule<unknown>
  readonly pauseSchedule: Schedule.Schedule<unknown>
  readonly inMemoryThreshold: Duration.Duration
  /** Whether the engine may have lost what it stored. */
  readonly isRestored: boolean
}

/** The settings and the state with which one layer runs payouts. */
export interface Runner extends Settings {
  /** The latest intent that this process took for each execution. Only one run of this process sends under it. */
  readonly intents: Map<string, Intent>
  readonly inPlace: places.InPlace
}

export interface Intent {
  readonly id: string
  /** By the monotonic clock, in nanoseconds. */
  readonly made: bigint
  isUsed: boolean
}

/** The progress of one execution. */
export interface Journey {
  readonly executionId: string
  readonly request: PayoutRequest
  state: WorkflowState.State
  round: number
  /** When each gap between polls began, in epoch milliseconds. A lookup that a hint caused uses no gap. */
  readonly gaps: Array<number>
  readonly waits: waits.Waits
  /** The end from which it goes on, if the payout had one before, and whether it may send again. */
  readonly earlier: { readonly mode: Reopening["mode"]; readonly end: reopening.StoredEnd } | undefined
}

/** Stored before anything is sent, to say that this process is going to send. */
export const intend = ({ intents, payouts }: Runner, { executionId, request, round, state }: Journey) =>
  Activity.make({
    name: `intent/${round}`,
    success: stored.of(Exposure.Evidence),
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const made = yield* Clock.currentTimeNanos
      const intent = yield* Effect.orDie(payouts.intend(request, { evidence: state.evidence, within: intentHolds }))
      intents.set(executionId, { id: idOf(intent), made, isUsed: false })
      return stored.readable(intent)
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
export const send = (runner: Runner, journey: Journey, intended: Option.Option<Exposure.Evidence>) =>
  Activity.make({
    name: `send/${journey.round}`,
    success: stored.of(WorkflowState.Round),
    // An interrupted step may have sent. It must not run again as if it had not.
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const found = runner.intents.get(journey.executionId)
      const isIntended = Option.exists(intended, (evidence) => idOf(evidence) === found?.id)
      const intent = isIntended ? found : undefined
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
    }).pipe(Effect.map(stored.readable))
  })

const once = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  const { request, state } = journey
  // The first round makes a lookup, too: an execution with other arguments may have sent under this handle on a machine
  // that is gone. Its processing error may have paid, and would not keep the provider from paying once more.
  const options = { ...knownOf(runner, journey), policy: budgets.policyOf(state) }
  const end = yield* Effect.either(runner.payouts.recover(request, options))
  const at = yield* Clock.currentTimeMillis
  if (Either.isLeft(end)) {
    const { left: error } = end
    return { _tag: "Failed" as const, at, error, ...(yield* goOnAfter(runner, state, at, error)) }
  }
  return yield* accepted(runner, journey, at, end.right)
})

/** What the engine has lost may be a create of this payout: how many there were, nobody knows. */
const knownOf = ({ isRestored }: Runner, { state: { evidence } }: Journey) => ({
  evidence,
  outstandingCreates: isRestored ? undefined : 0
})

const accepted = Effect.fnUntraced(function* (
  { pollSchedule }: Runner,
  { gaps }: Journey,
  at: number,
  outcome: Outcome
) {
  const wait = outcome._tag === "Paid" ? undefined : yield* budgets.gap(pollSchedule, gaps, at)
  return { _tag: "Accepted" as const, at, outcome, wait }
})

/** The wait that the budget grants, or else a pause, or else neither. */
const goOnAfter = Effect.fnUntraced(function* (
  { pauseSchedule, policy }: Runner,
  state: WorkflowState.State,
  at: number,
  error: PayoutError | "Crash"
) {
  const wait = yield* budgets.waitAfter(policy, state, at, error)
  if (wait !== undefined) return { wait }
  const pause = yield* budgets.pauseAfter(pauseSchedule, state, at, error)
  if (pause !== undefined) yield* logPause(state, pause, error)
  return { pause }
})

const logPause = (
  { evidence: { handle } }: WorkflowState.State,
  pause: Duration.Duration,
  error: PayoutError | "Crash"
) =>
  log(
    Effect.logWarning(
      `Payout ${handle} pauses for ${Duration.format(pause)} (${typeof error === "string" ? error : error._tag}): ` +
        "mend the cause and wake it, or it tries again after that"
    )
  )

const lost = Effect.fnUntraced(function* (
  runner: Runner,
  { state }: Journey,
  how: { readonly isOwn: boolean; readonly crash: boolean }
) {
  const at = yield* Clock.currentTimeMillis
  return { _tag: "Lost" as const, ...how, at, ...(how.crash ? yield* goOnAfter(runner, state, at, "Crash") : {}) }
})

const broken = (runner: Runner, journey: Journey, cause: Cause.Cause<unknown>) => {
  if (Cause.isInterruptedOnly(cause)) return lost(runner, journey, { isOwn: true, crash: false })
  return Effect.zipRight(
    log(Effect.logError(`Payout ${journey.request.handle}: a defect (${nameOf(cause)}); asking next`)),
    lost(runner, journey, { isOwn: true, crash: true })
  )
}

// A result that cannot be read back would be a defect in every later run.
const asStored = (round: WorkflowState.Round) =>
  Effect.flatMap(Schema.encode(StoredRound)(round), Schema.decode(StoredRound))

const StoredRound = Schema.parseJson(WorkflowState.Round)

/** A round that sends nothing. */
export const lookUp = (runner: Runner, journey: Journey) =>
  Activity.make({
    name: `assess/${journey.round}`,
    success: stored.of(WorkflowState.Round),
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const { earlier, request, state } = journey
      const options = { ...knownOf(runner, journey), policy: RetryPolicy.none, lookUpOnly: true }
      const end = yield* Effect.either(runner.payouts.recover(request, options))
      const at = yield* Clock.currentTimeMillis
      if (Either.isRight(end)) return yield* accepted(runner, journey, at, end.right)
      const { left: error } = end
      const shown = error.attempts.at(-1)
      const row = shown && Verdict.rowOf(shown)
      if (row?.afterLookup === "AskAgain") {
        const pause = yield* budgets.gap(runner.pauseSchedule, state.pauses, at)
        if (pause !== undefined) {
          yield* logPause(state, pause, error)
          return { _tag: "Failed" as const, at, error, pause }
        }
      }
      // The provider shows nothing, or does not answer, so the earlier end is still what happened.
      const isUnchanged = row?.afterLookup === "Absent" || row?.afterLookup === "AskAgain"
      const before = isUnchanged && earlier?.end._tag === "Readable" ? earlier.end.value : undefined
      const isError = before !== undefined && before._tag !== "Paid" && before._tag !== "Processing"
      return {
        _tag: "Failed" as const,
        at,
        error: isError && "evidence" in error ? yield* WorkflowState.restated(before, error) : error
      }
    }).pipe(
      Effect.flatMap(asStored),
      Effect.catchAllCause((cause) => broken(runner, journey, cause)),
      Effect.map(stored.readable)
    )
  })
