/**
 * The state of a durable payout, which proceeds in rounds of at most one create each. A round's result is stored, and
 * merged here: the evidence, the attempts for people, and the failures that spent a budget. The functions are pure
 * except for the schedules, so a replay gives the same result.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Attempt from "../domain/Attempt.js"
import * as Exposure from "../domain/Exposure.js"
import { Outcome } from "../domain/Outcome.js"
import * as Payout from "../domain/Payout.js"
import { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { hidden } from "../domain/schemaMessages.js"
import * as errors from "../execution/toError.js"
import { stepper } from "../policy/scheduleStepper.js"
import * as Verdict from "../provider/Verdict.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"

/** The most failed rounds, and the most polls, of one payout. No schedule raises them. */
export const roundsMax = 100
export const pollsMax = 10_000

const wait = Schema.optional(Schema.DurationFromMillis)

/** When it ended, in epoch milliseconds: schedules may measure time. */
const at = Schema.Number

/** The provider accepted the payout. `wait`: the gap before the first poll of a processing payout. */
export const Accepted = Schema.TaggedStruct("Accepted", { at, outcome: Outcome, wait })

/** The payout failed; without a `wait`, for good. */
export const Failed = Schema.TaggedStruct("Failed", { at, error: PayoutError, wait })

/**
 * The result is unknown. Another process, or another run in this one (`isOwn`), was going to send, and its end was not
 * stored. It may have sent one create. `crash`: it died of a defect, and gets a wait while the budget has one.
 */
export const Lost = Schema.TaggedStruct("Lost", { at, isOwn: Schema.Boolean, crash: Schema.Boolean, wait })

/**
 * @category models
 * @since 0.1.0
 */
export interface Lost extends Schema.Schema.Type<typeof Lost> {}

/** The intent was too old, so nothing was sent under it. */
export const Lapsed = Schema.TaggedStruct("Lapsed", { at })

/** The end of one round of sending. */
export const Round = Schema.Union(Accepted, Failed, Lost, Lapsed).annotations(hidden("a round"))

/**
 * @category models
 * @since 0.1.0
 */
export type Round = typeof Round.Type

/**
 * @category models
 * @since 0.1.0
 */
export type Ended = typeof Accepted.Type | typeof Failed.Type

/** Not final: looked up again after `wait`. `evidence`: only if a transaction is new, or in another state. */
export const Waiting = Schema.TaggedStruct("Waiting", {
  at,
  wait: Schema.DurationFromMillis,
  evidence: Schema.optional(Exposure.Evidence)
})

/** What one poll found. A `Failed` with a `wait` is sent again. */
export const Poll = Schema.Union(Waiting, Accepted, Failed).annotations(hidden("a poll"))

/**
 * @category models
 * @since 0.1.0
 */
export type Poll = typeof Poll.Type

/** What the earlier rounds left behind. */
export interface State {
  /** All evidence, including an intent whose end is unknown. */
  readonly evidence: Exposure.Evidence
  /** The attempts of all processes, in order. */
  readonly attempts: ReadonlyArray<Attempt.Attempt>
  /** The failures that spent a step of a budget. */
  readonly failures: ReadonlyArray<Step>
}

interface Step {
  readonly at: number
  readonly failure: RetryPolicy.Failure
}

export const initial = (handle: string): State => ({ evidence: Exposure.empty(handle), attempts: [], failures: [] })

/** The state after a round or a poll that has a result. The result's evidence covers the round's intent. */
export const ended = (state: State, end: Ended): State =>
  end._tag === "Accepted"
    ? learned(state, end.outcome)
    : spent(
        end.error._tag === "InvalidRequest" ? state : learned(state, end.error),
        end.at,
        failureOf(state, end.error)
      )

/**
 * The state after a lost round. Its intent is all that is known of it. The attempts of another run in the same process
 * are in that process's memory, and come with its next answer.
 */
export const lost = (state: State, { at, crash, isOwn }: Lost, intent: Exposure.Evidence): State =>
  spent(
    learned(state, isOwn ? { evidence: intent } : { evidence: intent, attempts: [lostAttempt(at)] }),
    at,
    crash ? unknown(at) : undefined
  )

/** The state with the evidence and attempts that an end or a poll adds. */
export const learned = (
  state: State,
  { attempts = [], evidence }: { readonly attempts?: State["attempts"]; readonly evidence: Exposure.Evidence }
): State => ({
  ...state,
  evidence: Exposure.merge(state.evidence, evidence),
  attempts: together(state.attempts, attempts)
})

const spent = (state: State, at: number, failure: RetryPolicy.Failure | undefined): State =>
  failure === undefined ? state : { ...state, failures: [...state.failures, { at, failure }] }

const together = (self: State["attempts"], that: State["attempts"]): State["attempts"] => {
  const all = new Map([...self, ...that].map((attempt) => [identityOf(attempt), attempt]))
  return [...all.values()].sort((one, other) => one.started.epochMillis - other.started.epochMillis)
}

const identityOf = ({ kind, ordinal, requestId = "", started }: Attempt.Attempt): string =>
  [kind, started.epochMillis, ordinal, requestId].join(" ")

const lostAttempt = (at: number): Attempt.Attempt => ({
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

const unknown = (at: number): RetryPolicy.Failure => ({ category: "communication", attempt: lostAttempt(at) })

/**
 * The policy of one round: at most one create. A failure that a lookup shows is sent again only if the payout's own
 * policy granted that before this round, which means that the record shows nothing newer.
 */
export const policyOf = ({ failures }: State): RetryPolicy.RetryPolicy => {
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
  state: State,
  now: number,
  error: PayoutError | "Crash"
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function* () {
    const latest = error === "Crash" ? unknown(now) : failureOf(state, error)
    if (latest === undefined || state.failures.length >= roundsMax) return undefined
    const driver = RetryPolicy.driver(policy)
    for (const { at, failure } of state.failures) yield* driver.next(at, failure)
    return Option.getOrUndefined(yield* driver.next(now, latest))
  })

const failureOf = ({ failures }: State, error: PayoutError): RetryPolicy.Failure | undefined => {
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

/** Whether an error of a poll is the payout's end: it shows the payout. All other errors are about the lookup. */
export const isEnd = (error: PayoutError): boolean => "payout" in error || error._tag === "HandleConflict"

/** Whether evidence shows a new transaction, or a new state of a known one. */
export const showsMore = (state: State, { transactions }: Exposure.Evidence): boolean => {
  const shown = new Map(state.evidence.transactions.map((one) => [one.id, one]))
  return transactions.some(({ errorState, id, state }) => {
    const before = shown.get(id)
    return before?.state !== state || before.errorState !== errorState
  })
}

/** The error of a payout with an unknown result. No arrival horizon is known here, so none has passed. */
export const lostError = ({ attempts, evidence }: State, request: PayoutRequest): PayoutError =>
  errors.toError(errors.interrupted, errors.accounting(request, attempts, evidence, Infinity))

/** An end for the caller. It has the attempts of all processes, renumbered, not only those of the last one. */
export const reported = <A extends Outcome | PayoutError, I extends object>(
  schema: Schema.Schema<A, I>,
  { attempts }: State,
  end: A
): Effect.Effect<A> =>
  end._tag === "InvalidRequest"
    ? Effect.succeed(end)
    : Schema.encode(schema)(end).pipe(
        Effect.zipWith(encodeAttempts(attempts.map(numbered)), (encoded, attempts) => ({ ...encoded, attempts })),
        Effect.flatMap(Schema.decodeUnknown(schema)),
        Effect.orDie
      )

const encodeAttempts = Schema.encode(Schema.Array(Attempt.Attempt))

const numbered = (attempt: Attempt.Attempt, index: number): Attempt.Attempt => ({ ...attempt, ordinal: index + 1 })
