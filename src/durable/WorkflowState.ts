/**
 * The state of a durable payout, which proceeds in rounds of at most one create each. A round's result is stored, and
 * merged here: the evidence, the attempts for people, and the failures that spent a budget. The functions are pure, so a
 * replay gives the same result.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Attempt from "../domain/Attempt.js"
import * as Exposure from "../domain/Exposure.js"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import { hidden } from "../domain/schemaMessages.js"
import * as errors from "../execution/toError.js"
import type * as RetryPolicy from "../policy/RetryPolicy.js"
import * as budgets from "./budgets.js"
import type { Stored } from "./stored.js"

const wait = Schema.optional(Schema.DurationFromMillis)

/** When it ended, in epoch milliseconds: schedules may measure time. */
const at = Schema.Number

/** The provider accepted the payout. `wait`: the gap before the first poll of a processing payout. */
export const Accepted = Schema.TaggedStruct("Accepted", { at, outcome: Outcome, wait })

/** The payout failed. Without a `wait` and a `pause`, for good. `pause`: the budget is spent, and the provider is away. */
export const Failed = Schema.TaggedStruct("Failed", { at, error: PayoutError, wait, pause: wait })

/**
 * The result is unknown. Another process, or another run in this one (`isOwn`), was going to send, and its end was not
 * stored. It may have sent one create. `crash`: it died of a defect, and gets a wait while the budget has one, and then
 * pauses.
 */
export const Lost = Schema.TaggedStruct("Lost", { at, isOwn: Schema.Boolean, crash: Schema.Boolean, wait, pause: wait })

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
export interface State extends budgets.Spent {
  /** All evidence, including an intent whose end is unknown. */
  readonly evidence: Exposure.Evidence
  /** The attempts of all processes, in order. */
  readonly attempts: ReadonlyArray<Attempt.Attempt>
}

export const initial = (handle: string): State => ({
  evidence: Exposure.empty(handle),
  attempts: [],
  failures: [],
  pauses: []
})

/**
 * The state at the beginning, which may be after an earlier end. Then its budgets are as at the beginning, but for the failure that it
 * ended with: a person has granted that one to be sent again.
 */
export const begun = (request: PayoutRequest, executionId: string, end?: Stored<Outcome | PayoutError>): State => {
  const state = initial(request.handle)
  if (end === undefined) return state
  if (end._tag !== "Readable") return forgotten(state, request, { id: `${executionId}/end`, isGuess: true })
  const { value } = end
  return value._tag === "InvalidRequest"
    ? state
    : value._tag === "Paid" || value._tag === "Processing"
      ? learned(state, value)
      : spent(learned(state, value), value.attempts.at(-1)?.started.epochMillis ?? 0, budgets.failureOf(state, value))
}

/**
 * The state with a create of which nothing else is known, because what was stored of it cannot be read. `isGuess`: it
 * is not known how many there were.
 */
export const forgotten = (
  state: State,
  request: PayoutRequest,
  { id, isGuess }: { readonly id: string; readonly isGuess: boolean }
): State => {
  const { method, request: fingerprint } = fingerprints(request)
  const create: Exposure.Create = {
    id: `unread/${fingerprint}/${id}`,
    count: 1,
    // No process has this clock. The process that asks next dates the create by its own, and that is kept.
    clock: "~unread",
    to: 0,
    amount: request.amount,
    request: fingerprint,
    ...(method === undefined ? {} : { method }),
    before: [],
    guess: isGuess
  }
  return learned(state, { evidence: Exposure.withCreate(Exposure.empty(request.handle), create) })
}

/** The state after a round, as far as what is stored of it can be read. */
export const after = (
  state: State,
  request: PayoutRequest,
  id: string,
  known: { readonly intent: Option.Option<Exposure.Evidence>; readonly round: Round | undefined }
): State => {
  const { intent, round } = known
  if (round?._tag === "Accepted" || round?._tag === "Failed") return ended(state, round)
  if (round?._tag === "Lapsed") return state
  const started = Option.match(intent, {
    onNone: () => forgotten(state, request, { id, isGuess: false }),
    onSome: (evidence) => learned(state, { evidence })
  })
  return round === undefined ? started : lost(started, round)
}

/** The state after a round that sent nothing. */
export const assessed = (state: State, round: Round | undefined): State => {
  if (round?._tag === "Accepted" || round?._tag === "Failed") return ended(state, round)
  return round?._tag === "Lost" ? lost(state, { ...round, isOwn: true }) : state
}

/** The state after a round or a poll that has a result. The result's evidence covers the round's intent. */
export const ended = (state: State, end: Ended): State =>
  end._tag === "Accepted"
    ? learned(state, end.outcome)
    : paused(
        spent(
          end.error._tag === "InvalidRequest" ? state : learned(state, end.error),
          end.at,
          budgets.failureOf(state, end.error)
        ),
        end
      )

/**
 * The state after a lost round, whose intent is all that is known of it. The attempts of another run in the same process
 * are in that process's memory, and come with its next answer.
 */
const lost = (state: State, round: Lost): State => {
  const { at, crash, isOwn } = round
  const known = isOwn ? state : learned(state, { evidence: state.evidence, attempts: [budgets.lostAttempt(at)] })
  return paused(spent(known, at, crash ? budgets.crash(at) : undefined), round)
}

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

const paused = (state: State, { at, pause }: typeof Failed.Type | Lost): State =>
  pause === undefined ? state : { ...state, pauses: [...state.pauses, at] }

const together = (self: State["attempts"], that: State["attempts"]): State["attempts"] => {
  const all = new Map([...self, ...that].map((attempt) => [identityOf(attempt), attempt]))
  return [...all.values()].sort((one, other) => one.started.epochMillis - other.started.epochMillis)
}

const identityOf = ({ kind, ordinal, requestId = "", started }: Attempt.Attempt): string =>
  [kind, started.epochMillis, ordinal, requestId].join(" ")

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

const Account = Schema.Struct({
  attempts: Schema.Array(Attempt.Attempt),
  certainty: Exposure.Certainty,
  exposure: Exposure.Exposure,
  evidence: Exposure.Evidence
})

/** An earlier error, with the money as a later one accounts for it. */
export const restated = (earlier: PayoutError, account: typeof Account.Type): Effect.Effect<PayoutError> =>
  earlier._tag === "InvalidRequest"
    ? Effect.succeed(earlier)
    : Schema.encode(PayoutError)(earlier).pipe(
        Effect.zipWith(Schema.encode(Account)(account), (one, account) => ({
          ...one,
          ...account
        })),
        Effect.flatMap(Schema.decodeUnknown(PayoutError)),
        Effect.orDie
      )

const encodeAttempts = Schema.encode(Schema.Array(Attempt.Attempt))

const numbered = (attempt: Attempt.Attempt, index: number): Attempt.Attempt => ({ ...attempt, ordinal: index + 1 })
