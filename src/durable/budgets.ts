/**
 * What a durable payout may still do: send again, pause, or ask. All rounds of its life count, in all processes. The
 * schedules are stepped anew with the times that are stored, so a replay gives the same result.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Attempt from "../domain/Attempt.js"
import * as Payout from "../domain/Payout.js"
import type { PayoutError } from "../domain/PayoutError.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import { stepper } from "../policy/scheduleStepper.js"
import * as Verdict from "../provider/Verdict.js"

/** The most failed rounds, and the most polls, of one payout. No schedule raises them. */
export const roundsMax = 100
export const pollsMax = 10_000

/** What was spent. */
export interface Spent {
  /** The failures that spent a step of a budget. */
  readonly failures: ReadonlyArray<Step>
  /** When each pause began, in epoch milliseconds. */
  readonly pauses: ReadonlyArray<number>
}

export interface Step {
  readonly at: number
  readonly failure: RetryPolicy.Failure
}

/** The failure of a process that died of a defect. */
export const crash = (at: number): RetryPolicy.Failure => ({ category: "communication", attempt: lostAttempt(at) })

/**
 * The policy of one round: at most one create. A failure that a lookup shows is sent again only if the payout's own
 * policy granted that before this round, which means that the record shows nothing newer.
 */
export const policyOf = ({ failures }: Spent): RetryPolicy.RetryPolicy => {
  const granted = failures.flatMap(({ failure: { attempt, category } }) =>
    category === "processingError" || category === "softDeclined" ? [attempt.recorded?.transactions ?? 0] : []
  )
  if (granted.length === 0) return RetryPolicy.none
  const transactions = Math.max(...granted)
  const rule = Schedule.recurWhile<Attempt.Attempt>(
    ({ kind, recorded }) => kind === "Lookup" && recorded !== undefined && recorded.transactions <= transactions
  )
  return { ...RetryPolicy.none, processingError: rule, softDeclined: rule }
}

/** The wait before the next round. Undefined if the error is final, or the budget is spent. */
export const waitAfter = (
  policy: RetryPolicy.RetryPolicy,
  state: Spent,
  now: number,
  error: PayoutError | "Crash"
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function* () {
    const latest = error === "Crash" ? crash(now) : failureOf(state, error)
    if (latest === undefined || state.failures.length >= roundsMax) return undefined
    const driver = RetryPolicy.driver(policy)
    for (const { at, failure } of state.failures) yield* driver.next(at, failure)
    return Option.getOrUndefined(yield* driver.next(now, latest))
  })

/**
 * The pause of a payout whose budget is spent, if only a change on our side or the provider's can help it: the key is
 * refused, or the provider is away. Undefined if the payout ends, or the schedule of pauses has.
 */
export const pauseAfter = (
  pauseSchedule: Schedule.Schedule<unknown>,
  { pauses }: Spent,
  now: number,
  error: PayoutError | "Crash"
): Effect.Effect<Duration.Duration | undefined> =>
  error === "Crash" || isOutage(error) ? gap(pauseSchedule, pauses, now) : Effect.succeed(undefined)

const isOutage = (error: PayoutError): boolean => {
  switch (error._tag) {
    case "CommunicationError":
    case "ServerError":
    case "RateLimited":
      return true
    case "RequestRejected":
      return error.status === 401 || error.status === 403
    case "UnexpectedResponse":
      return error.status !== 200
    default:
      return false
  }
}

/** The failure that an error is to the budgets, if it spends one. */
export const failureOf = ({ failures }: Spent, error: PayoutError): RetryPolicy.Failure | undefined => {
  const category = categoryOf(error)
  const last = error.attempts.at(-1)
  if (category === undefined || last === undefined) return undefined
  const retryAfter = error._tag === "RateLimited" ? error.retryAfter : undefined
  if (!("payout" in error)) return { category, attempt: last, retryAfter }
  const recorded = Payout.recorded(error.payout)
  const attempt = { ...last, recorded }
  const isNew = failures.every(
    (one) =>
      one.failure.category !== category || (one.failure.attempt.recorded?.transactions ?? 0) < recorded.transactions
  )
  // This record was counted before. The newer failure is another exchange, and spends another budget.
  if (!isNew) return { category: "communication", attempt: last, retryAfter }
  return category === "processingError"
    ? { category, attempt, known: recorded.processingErrors }
    : { category, attempt }
}

/** The budget that an error spends: that of the latest verdict that ends a call with this error. */
const categoryOf = ({ _tag, attempts }: PayoutError): RetryPolicy.Category | undefined => {
  if (_tag === "InvalidRequest") return undefined
  const reported = attempts.map(Verdict.rowOf).findLast((row) => row?.error === _tag)
  // The payout exists, but the lookup did not find it. It is looked up again.
  return reported?.afterLookup === "Absent" ? "communication" : (reported ?? Verdict.row({ _tag })).category
}

/** The gap before the next poll, given the times of the polls before. Undefined if there is none. */
export const gap = (
  pollSchedule: Schedule.Schedule<unknown>,
  polls: ReadonlyArray<number>,
  now: number
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function* () {
    if (polls.length >= pollsMax) return undefined
    const granted = stepper(pollSchedule)
    for (const at of polls) yield* granted(at, undefined)
    const next = Option.getOrUndefined(yield* granted(now, undefined))
    return next === undefined || polls.length === 0 ? next : Duration.max(next, PollPolicy.gapMin)
  })

/** The attempt of a process that died before it stored what became of it. */
export const lostAttempt = (at: number): Attempt.Attempt => ({
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake(at),
  took: Duration.zero,
  sent: "Unknown",
  outcome: "Interrupted",
  bearing: "Unclear",
  decision: "Interrupted",
  why: "the process that was to send it ended before what became of it was stored"
})
