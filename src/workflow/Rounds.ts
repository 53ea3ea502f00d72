/**
 * The bookkeeping of a durable payout. It goes in rounds of at most one create each, so that whatever becomes of a process,
 * it is known how many creates may have been sent; what a round leaves behind is stored, and folded here. Pure, but for
 * the schedules: a replay comes to the same.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"
import * as Schema from "effect/Schema"
import * as Attempt from "../domain/Attempt.js"
import { Outcome } from "../domain/Outcome.js"
import * as Payout from "../domain/Payout.js"
import { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Verdict from "../Verdict.js"
import * as failure from "../internal/failure.js"

/** The most rounds that end in a failure, and the most polls, of one payout, whatever the schedules say. */
export const roundsMax = 100
export const pollsMax = 10_000

const wait = Schema.optional(Schema.DurationFromMillis)

const sent = {
  /** The process (rather, the layer in it) that sent, and whose memory has the evidence. */
  boot: Schema.String,
  /** How many creates of other processes it was told of. */
  told: Schema.Number,
  /** When it ended, in epoch milliseconds: schedules may measure time. */
  at: Schema.Number
}

/** The provider took it. `wait`: the gap before the first poll of one that is processing. */
export const Accepted = Schema.TaggedStruct("Accepted", { ...sent, outcome: Outcome, wait })

/** It failed; without a `wait`, for good. */
export const Failed = Schema.TaggedStruct("Failed", { ...sent, error: PayoutError, wait })

/** @category models */
export interface Failed extends Schema.Schema.Type<typeof Failed> {}

/**
 * Nobody knows what became of it: another process, or another run in this one (`isOwn`), was to send, and its end was
 * not stored. It may have sent one create. `crash`: it died of a defect, which is given a wait, as long as there is one.
 */
export const Lost = Schema.TaggedStruct("Lost", { ...sent, isOwn: Schema.Boolean, crash: Schema.Boolean, wait })

/** @category models */
export interface Lost extends Schema.Schema.Type<typeof Lost> {}

/** What a round of sending ended with. */
export const Round = Schema.Union(Accepted, Failed, Lost)

/** @category models */
export type Round = typeof Round.Type

/** Not settled, for all that is known. Without a `wait`, it is not asked again. */
export const Waiting = Schema.TaggedStruct("Waiting", { at: Schema.Number, wait })

/** Settled. `wait`: before the next round, where it failed and may be sent again. */
export const Settled = Schema.TaggedStruct("Settled", {
  at: Schema.Number,
  attempt: Attempt.Attempt,
  payout: Payout.Payout,
  wait
})

/** @category models */
export interface Settled extends Schema.Schema.Type<typeof Settled> {}

/** What one poll found. */
export const Poll = Schema.Union(Waiting, Settled)

/** @category models */
export type Poll = typeof Poll.Type

/** What the rounds before have left. */
export interface State {
  /** The process whose memory has all the evidence, if there is one. */
  readonly boot: string | undefined
  readonly told: number
  /** How many creates, in all and by whomever, may have been carried out. */
  readonly sends: number
  /** All exchanges on record, by the process that made them. */
  readonly attempts: ReadonlyMap<string, ReadonlyArray<Attempt.Attempt>>
  /** The failures that took a step of a budget. */
  readonly failures: ReadonlyArray<Step>
}

interface Step {
  readonly at: number
  readonly failure: RetryPolicy.Failure
}

export const initial: State = { boot: undefined, told: 0, sends: 0, attempts: new Map(), failures: [] }

/** The state after one more round. */
export const after = (state: State, round: Round): State => {
  switch (round._tag) {
    case "Accepted":
      return seen(state, round, round.outcome.attempts)
    case "Failed":
      return spent(seen(state, round, round.error.attempts), round.at, failureOf(state, round.error))
    case "Lost":
      return spent(lost(state, round), round.at, round.crash ? unknown(round.at) : undefined)
  }
}

/** The state after a poll that found a failure. */
export const afterPoll = (state: State, { at, attempt }: Settled, error: PayoutError): State =>
  spent(
    { ...state, attempts: new Map(state.attempts).set(`poll/${state.attempts.size}`, [attempt]) },
    at,
    failureOf(state, error)
  )

const lost = (state: State, { at, boot, isOwn, told }: Lost): State => ({
  ...state,
  boot: isOwn ? boot : undefined,
  told,
  sends: state.sends + 1,
  // What another run in the same process began is in that process's memory, and comes with its next answer.
  attempts: isOwn ? state.attempts : new Map(state.attempts).set(`lost/${state.attempts.size}`, [lostAttempt(at)])
})

const spent = (state: State, at: number, failure: RetryPolicy.Failure | undefined): State =>
  failure === undefined ? state : { ...state, failures: [...state.failures, { at, failure }] }

const seen = (
  state: State,
  { boot, told }: { readonly boot: string; readonly told: number },
  attempts: ReadonlyArray<Attempt.Attempt>
): State => ({
  ...state,
  boot,
  told,
  sends: Math.max(state.sends, told + attempts.reduce(Attempt.count, Attempt.emptyTally(0)).sends),
  attempts: new Map(state.attempts).set(boot, attempts)
})

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

/** How many creates the process `boot` has to be told of: none, if nothing can have been carried out. */
export type Unseen = { readonly isFirst: true } | { readonly isFirst: false; readonly unseen: number | undefined }

export const unseen = (state: State, boot: string): Unseen => {
  if (state.sends === 0) return { isFirst: true }
  if (state.boot !== boot) return { isFirst: false, unseen: state.sends }
  // Its own memory has the rest, or else it has forgotten it, and then the service makes its guess.
  return { isFirst: false, unseen: state.sends > state.told ? undefined : state.told }
}

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

const categoryOf = (error: PayoutError): RetryPolicy.Category | undefined => {
  switch (error._tag) {
    case "CommunicationError":
      return error.reason === "Certificate" ? undefined : "communication"
    case "ServerError":
    case "UnexpectedResponse":
      return "communication"
    case "RateLimited":
      return "rateLimited"
    case "RequestRejected":
      return error.code === 74 || error.status === 409 || error.status === 425 ? "concurrentUpdate" : undefined
    case "SoftDeclined":
      return "softDeclined"
    case "ProcessingError":
      return "processingError"
    default:
      return undefined
  }
}

/** The gap before the next poll, given when there were polls before, or none. */
export const gap = (
  settlement: Schedule.Schedule<unknown, unknown>,
  polls: ReadonlyArray<number>,
  now: number
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function* () {
    if (polls.length >= pollsMax) return undefined
    let state: unknown = settlement.initial
    for (const at of polls) [state] = yield* settlement.step(at, undefined, state)
    const [, , decision] = yield* settlement.step(now, undefined, state)
    return Decision.isDone(decision)
      ? undefined
      : Duration.millis(Math.max(0, Math.ceil(Intervals.start(decision.intervals) - now)))
  })

/** All exchanges on record, whichever process made them, in their order and numbered anew. */
const allAttempts = ({ attempts }: State): ReadonlyArray<Attempt.Attempt> =>
  Array.from(attempts.values())
    .flat()
    .sort((one, other) => one.started.epochMillis - other.started.epochMillis)
    .map((attempt, index) => ({ ...attempt, ordinal: index + 1 }))

/** The error of a payout of which nobody knows what became of it. */
export const lostError = (state: State, request: PayoutRequest): PayoutError =>
  failure.toError(failure.interrupted, failure.accounting(request, allAttempts(state), Attempt.emptyTally(state.sends)))

/** What a lookup says of a payout that was processing: nothing new, or how it was settled. */
export const settled = (
  state: State,
  request: PayoutRequest,
  payout: Payout.Payout,
  attempt: Attempt.Attempt
): Either.Either<Outcome, PayoutError> | undefined => {
  const verdict = Verdict.ofPayout(Verdict.expected(request), payout)
  const tally = Attempt.count(Attempt.emptyTally(state.sends), attempt)
  const accounting = failure.accounting(request, [...allAttempts(state), attempt].map(numbered), tally)
  switch (verdict._tag) {
    case "Paid":
      return Either.right({ _tag: "Paid", payout, ...accounting })
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
    case "HandleConflict":
      return Either.left(failure.toError({ verdict, reply: "Unseen" }, accounting))
    default:
      return undefined
  }
}

const numbered = (attempt: Attempt.Attempt, index: number): Attempt.Attempt => ({ ...attempt, ordinal: index + 1 })

/** A lookup that showed the payout, as an attempt. */
export const lookup = (
  request: PayoutRequest,
  payout: Payout.Payout,
  started: DateTime.Utc,
  took: Duration.Duration
): Attempt.Attempt => {
  const verdict = Verdict.ofPayout(Verdict.expected(request), payout)
  const recorded = Verdict.recorded(verdict)
  return {
    ordinal: 1,
    kind: "Lookup",
    started,
    took,
    sent: "Sent",
    outcome: verdict._tag,
    bearing: recorded === undefined ? (verdict._tag === "HandleConflict" ? "Foreign" : "None") : "Recorded",
    ...(recorded === undefined ? {} : { recorded }),
    decision: verdict._tag === "Paid" ? "Succeed" : "Fail",
    why: failure.why(verdict)
  }
}

/** An end as the caller sees it: with the exchanges of all processes, and not only those of the last one. */
export const reported = <A extends Outcome | PayoutError, I extends object>(
  schema: Schema.Schema<A, I>,
  state: State,
  end: A
): Effect.Effect<A> =>
  state.attempts.size < 2 || end._tag === "InvalidRequest"
    ? Effect.succeed(end)
    : Schema.encode(schema)(end).pipe(
        Effect.zipWith(encodeAttempts(allAttempts(state)), (encoded, attempts) => ({ ...encoded, attempts })),
        Effect.flatMap(Schema.decodeUnknown(schema)),
        Effect.orDie
      )

const encodeAttempts = Schema.encode(Schema.Array(Attempt.Attempt))
