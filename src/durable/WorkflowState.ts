/**
 * The bookkeeping of a durable payout. It goes in rounds of at most one create each. What a round leaves behind is stored, and
 * merged here: the evidence, the attempts for people, and the failures that spent a budget. Pure, but for the schedules: a
 * replay comes to the same.
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
import { hidden } from "../domain/refusal.js"
import * as errors from "../execution/toError.js"
import { stepper } from "../policy/scheduleStepper.js"
import * as Verdict from "../provider/Verdict.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"

/** The most rounds that end in a failure, and the most polls, of one payout, whatever the schedules say. */
export const roundsMax = 100
export const pollsMax = 10_000

const wait = Schema.optional(Schema.DurationFromMillis)

/** When it ended, in epoch milliseconds: schedules may measure time. */
const at = Schema.Number

/** The provider took it. `wait`: the gap before the first poll of one that is processing. */
export const Accepted = Schema.TaggedStruct("Accepted", { at, outcome: Outcome, wait })

/** It failed; without a `wait`, for good. */
export const Failed = Schema.TaggedStruct("Failed", { at, error: PayoutError, wait })

/**
 * What became of it is not known: another process, or another run in this one (`isOwn`), was to send, and its end was not
 * stored. It may have sent one create. `crash`: it died of a defect, which is given a wait, as long as there is one.
 */
export const Lost = Schema.TaggedStruct("Lost", { at, isOwn: Schema.Boolean, crash: Schema.Boolean, wait })

/**
 * @category models
 * @since 0.1.0
 */
export interface Lost extends Schema.Schema.Type<typeof Lost> {}

/** It came too late to be sent under its intent, and was not. */
export const Lapsed = Schema.TaggedStruct("Lapsed", { at })

/** What a round of sending ended with. */
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

/** Not settled. It is asked again after `wait`. `evidence`: only if more was shown than before, or an end of something. */
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

/** What the rounds before have left. */
export interface State {
  /** All that is known, an intent included whose end is not. */
  readonly evidence: Exposure.Evidence
  /** All exchanges on record, whichever process made them, in their order. */
  readonly attempts: ReadonlyArray<Attempt.Attempt>
  /** The failures that took a step of a budget. */
  readonly failures: ReadonlyArray<Step>
}

interface Step {
  readonly at: number
  readonly failure: RetryPolicy.Failure
}

export const initial = (handle: string): State => ({ evidence: Exposure.empty(handle), attempts: [], failures: [] })

/** The state after a round, or a poll, that ended with something. Its evidence has all that its round's intent was about. */
export const ended = (state: State, end: Ended): State =>
  end._tag === "Accepted"
    ? learned(state, end.outcome)
    : spent(
        end.error._tag === "InvalidRequest" ? state : learned(state, end.error),
        end.at,
        failureOf(state, end.error)
      )

/**
 * The state after a round that was lost: its intent is all that is known of it. The exchanges of another run in the same
 * process are in that process's memory, and come with its next answer.
 */
export const lost = (state: State, { at, crash, isOwn }: Lost, intent: Exposure.Evidence): State =>
  spent(
    learned(state, isOwn ? { evidence: intent } : { evidence: intent, attempts: [lostAttempt(at)] }),
    at,
    crash ? unknown(at) : undefined
  )

/** The state with what an end, or a poll, has told beyond it. */
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
 * The policy of one round: one create, and no more. A failure that a lookup finds is sent again only if the payout's own
 * policy has granted it before this round, which is to say that the record shows nothing newer.
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

/** The wait before the next round, or none: the error is final, or the budget is spent. */
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
  // A record that was counted before: what failed since is another exchange, and spends another budget.
  if (!isNew) return { category: "communication", attempt: last, retryAfter }
  return category === "processingError"
    ? { category, attempt, known: recorded.processingErrors }
    : { category, attempt }
}

/** The budget that an error spends: that of the latest verdict that ends a call with such an error. */
const categoryOf = ({ _tag, attempts }: PayoutError): RetryPolicy.Category | undefined => {
  if (_tag === "InvalidRequest") return undefined
  const reported = attempts.map(Verdict.rowOf).findLast((row) => row?.error === _tag)
  // A read that does not see it, although it is there, is asked again.
  return reported?.afterLookup === "Absent" ? "communication" : (reported ?? Verdict.row({ _tag })).category
}

/** The gap before the next poll, given when there were polls before, or none. */
export const gap = (
  pollSchedule: Schedule.Schedule<unknown>,
  polls: ReadonlyArray<number>,
  now: number
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function* () {
    if (polls.length >= pollsMax) return undefined
    const granted = stepper(pollSchedule)
    for (const at of polls) yield* granted(at, undefined)
    return Option.getOrUndefined(yield* granted(now, undefined))
  })

/** Whether an error of a poll is the payout's end: it shows the payout. All others are about the asking. */
export const isEnd = (error: PayoutError): boolean => "payout" in error || error._tag === "HandleConflict"

/** Whether evidence shows a transaction that was not shown, or one that has come to something else. */
export const showsMore = (state: State, { transactions }: Exposure.Evidence): boolean => {
  const shown = new Map(state.evidence.transactions.map((one) => [one.id, one]))
  return transactions.some(({ errorState, id, state }) => {
    const before = shown.get(id)
    return before?.state !== state || before.errorState !== errorState
  })
}

/** The error of a payout of which nobody knows what became of it. No horizon is known here, so none has passed. */
export const lostError = ({ attempts, evidence }: State, request: PayoutRequest): PayoutError =>
  errors.toError(errors.interrupted, errors.accounting(request, attempts, evidence, Infinity))

/** An end as the caller sees it: with the exchanges of all processes, numbered anew, and not only those of the last one. */
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
