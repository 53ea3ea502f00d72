/**
 * Exchanges that only read and are no lookups: a page of a list, a transaction's details, the account. Like a lookup,
 * each repeats within the policy's communication and rate limit budgets until it has an answer.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Attempt from "../domain/Attempt.js"
import { LookupFailed } from "../domain/PayoutError.js"
import { within } from "../host/deadline.js"
import type * as Reply from "../domain/Reply.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import type { Turn } from "../provider/RequestLimits.js"
import * as Verdict from "../provider/Verdict.js"
import * as Telemetry from "../Telemetry.js"
import { logUnexpected } from "./anomalies.js"
import { AttemptLog, exchangesMax } from "./AttemptLog.js"
import type { Ended } from "./ended.js"
import { withTurn } from "./exchange.js"
import type { Process } from "./Process.js"

/** Who asks, and by which policy. */
export interface Asking {
  readonly client: BillwerkClient["Type"]
  readonly process: Process
  readonly policy: RetryPolicy.RetryPolicy
}

/** The exchange to make, and what it is about, in words for a log. */
export interface Question<Of extends Reply.Content> {
  readonly kind: Attempt.Kind
  readonly about: string
  readonly exchange: Effect.Effect<Reply.Reply<Of>>
}

/** Why there was no answer: the last failure. */
export interface Failure {
  readonly category: LookupFailed["category"]
  readonly why: string
  readonly status: number | undefined
  readonly code: number | undefined
  readonly requestId: string | undefined
}

/** The last failure, and all exchanges. */
export interface Unanswered extends Failure {
  readonly attempts: ReadonlyArray<Attempt.Attempt>
}

/** Asks until there is an answer or the budgets are spent. Each call has its own budgets. */
export const read = Effect.fnUntraced(function* <Of extends Reply.Content>(
  { client, policy, process }: Asking,
  { about, exchange, kind }: Question<Of>
): Effect.fn.Return<Of, Unanswered> {
  const log = new AttemptLog()
  const budgets = RetryPolicy.driver(policy)
  const deadline = RetryPolicy.longest(policy, client.lookupDeadline)
  const limited = policy.exchangeMax === undefined ? exchange : within(exchange, deadline, () => unanswered)
  let started = (yield* process.now).at
  while (true) {
    const { at, begun, queued, reply } = yield* withTurn(client.limits, kind, "New", (turn) =>
      ask(process, limited, turn)
    )
    // The time limit does not count waits for a turn.
    started += Duration.toMillis(queued)
    const heard = hear(reply)
    yield* Telemetry.countAttempt(kind, heard._tag === "Answer" ? heard._tag : heard.verdict._tag)
    if (heard._tag === "Answer") return heard.content
    const { verdict } = heard
    log.add({ kind, begun, queued }, at, endedBy(verdict, reply))
    yield* logUnexpected(about, verdict, reply)
    const times = { started, at, deadline, elapsedMax: policy.elapsedMax }
    const wait = yield* waitAfter(budgets, log.latest, times, verdict, reply)
    if (wait === undefined) return yield* Effect.fail({ attempts: log.attempts, ...failureOf(verdict, reply) })
    log.decide("LookUp", undefined, wait)
    yield* waitFor(verdict, wait)
  }
})

const unanswered: Reply.NoResponse = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }

const ask = Effect.fnUntraced(function* <Of extends Reply.Content>(
  { now }: Process,
  exchange: Effect.Effect<Reply.Reply<Of>>,
  { answered, waited }: Turn
) {
  const begun = (yield* now).at
  const reply = yield* exchange
  answered(reply)
  return { reply, begun, queued: waited, at: (yield* now).at }
})

/** What an exchange that is no create and no lookup turned out to be. */
type Heard<Of> =
  { readonly _tag: "Answer"; readonly content: Of } | { readonly _tag: "NoAnswer"; readonly verdict: Verdict.Verdict }

const hear = <Of extends Reply.Content>(reply: Reply.Reply<Of>): Heard<Of> => {
  if (reply._tag === "NoResponse") return { _tag: "NoAnswer", verdict: Verdict.ofLookup(noPayout, reply) }
  const { body, ...head } = reply
  if (isOther(body)) return { _tag: "NoAnswer", verdict: ofOther({ ...head, body }) }
  return reply.isCached === true
    ? { _tag: "NoAnswer", verdict: { _tag: "UnexpectedResponse", why: "an answer from a cache" } }
    : { _tag: "Answer", content: body }
}

const noPayout: Verdict.Expected = { handle: "" }

type Other = Exclude<Reply.Body, Reply.PayoutBody>

const isOther = (body: Reply.Body<Reply.Content>): body is Other =>
  body._tag === "ApiError" || body._tag === "CutOff" || body._tag === "Unreadable"

// A lookup is never refused for what it asks, so every refusal of one is repeated. A list can be: its filter may be
// wrong. But only the provider itself can say that, and not a gateway's page.
const ofOther = (reply: Reply.Response & { readonly body: Other }): Verdict.Verdict => {
  const { body, isCached, status } = reply
  const isRefused = status >= 400 && status < 500 && isCached !== true && body._tag === "ApiError"
  const isPassing = passing.has(status) || (body._tag === "ApiError" && body.code === concurrentUpdate)
  return isRefused && !isPassing ? { _tag: "RequestRejected" } : Verdict.ofLookup(noPayout, reply)
}

/** Refusals that may not come again: a slow request, a conflict, a request that came too early, a limit. */
const passing: ReadonlySet<number> = new Set([408, 409, 425, 429])
const concurrentUpdate = 74

const endedBy = (verdict: Verdict.Verdict, reply: Reply.Reply<Reply.Content>): Ended => {
  const { code, requestId, status } = factsOf(reply)
  return {
    sent: reply._tag === "Response" ? "Sent" : reply.sent,
    outcome: verdict._tag,
    bearing: "None",
    decision: "Fail",
    why: Verdict.why(verdict),
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId })
  }
}

const factsOf = (reply: Reply.Reply<Reply.Content>): Pick<Failure, "status" | "code" | "requestId"> =>
  reply._tag === "NoResponse"
    ? { status: undefined, code: undefined, requestId: undefined }
    : {
        status: reply.status,
        code: reply.body._tag === "ApiError" ? reply.body.code : undefined,
        requestId: reply.requestId
      }

/** What a failed exchange says about itself. */
export const failureOf = (verdict: Verdict.Verdict, reply: Reply.Reply<Reply.Content>): Failure => {
  const refused =
    reply._tag === "Response" && reply.body._tag === "ApiError" && reply.body.error !== undefined
      ? `HTTP ${reply.status}, ${reply.body.error}`
      : undefined
  return { ...factsOf(reply), category: categoryOf(verdict), why: refused ?? Verdict.why(verdict) }
}

const categoryOf = (verdict: Verdict.Verdict): Failure["category"] => {
  const { error } = Verdict.row(verdict)
  // The names of other refusals are about a create. They say nothing about an exchange that only reads.
  return isCategory(error) ? error : "RequestRejected"
}

const isCategory = Schema.is(LookupFailed.fields.category)

/** When the first of the exchanges began and the last one ended, in milliseconds, and how long they may take. */
export interface Times {
  readonly started: number
  readonly at: number
  /** Of one exchange. */
  readonly deadline: Duration.Duration
  /** Of all of them. */
  readonly elapsedMax: Duration.Duration
}

/** The wait before the next exchange. None at the end of the budget, or if the exchange could end too late. */
export const waitAfter = Effect.fnUntraced(function* (
  budgets: RetryPolicy.Driver,
  attempt: Attempt.Attempt | undefined,
  { at, deadline, elapsedMax, started }: Times,
  verdict: Verdict.Verdict,
  reply: Reply.Reply<Reply.Content>
) {
  const { category } = Verdict.row(verdict)
  if (category === undefined || attempt === undefined || attempt.ordinal >= exchangesMax) return undefined
  const retryAfter = reply._tag === "Response" ? reply.retryAfter : undefined
  const left = Duration.subtract(elapsedMax, Duration.millis(at - started))
  const granted = yield* budgets.next(Math.floor(at), { category, attempt, retryAfter }, left)
  return Option.getOrUndefined(
    Option.filter(granted, (wait) =>
      Duration.lessThanOrEqualTo(Duration.sum(Duration.millis(at - started), Duration.sum(wait, deadline)), elapsedMax)
    )
  )
})

/** Waits before the next exchange. */
export const waitFor = (verdict: Verdict.Verdict, wait: Duration.Duration): Effect.Effect<void> =>
  Effect.zipRight(Telemetry.measureWait(Verdict.row(verdict).category ?? "communication", wait), Effect.sleep(wait))
