/**
 * One payout's conversation with the provider: exchange, verdict, evidence, plan, until there is an answer or the
 * policy's budgets are spent. The rules are in `plan.ts`; here they meet the clock, the budgets and the evidence.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../BillwerkClient.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { Reply } from "../domain/Reply.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Telemetry from "../Telemetry.js"
import * as Verdict from "../Verdict.js"
import * as alarm from "./alarm.js"
import * as failure from "./failure.js"
import { exchangesMax, monotonic, type Journal } from "./journal.js"
import * as Plan from "./plan.js"

/** What stays the same through one conversation. */
interface Talk {
  readonly client: BillwerkClient["Type"]
  readonly policy: RetryPolicy.RetryPolicy
  readonly driver: RetryPolicy.Driver
  readonly journal: Journal
  readonly send: Effect.Effect<Reply>
  readonly expected: Verdict.Expected
  readonly startedNanos: bigint
  /** The ordinal of the last attempt before this call. */
  readonly before: number
}

interface Exchanged {
  readonly step: Plan.Step
  readonly reply: Reply
  readonly verdict: Verdict.Verdict
  readonly plan: Plan.Plan
  /** Whether the verdict speaks for itself, whatever the other attempts left unclear. */
  readonly isAnswer: boolean
  /** No further exchange is allowed: the call has had its most. */
  readonly isLast: boolean
}

type Next = { readonly step: Plan.Step } | { readonly end: Effect.Effect<Outcome, PayoutError> }

/** Carries the conversation to its end. */
export const converse = (
  client: BillwerkClient["Type"],
  policy: RetryPolicy.RetryPolicy,
  journal: Journal,
  first: Plan.Step
): Effect.Effect<Outcome, PayoutError> =>
  Effect.gen(function* () {
    const talk: Talk = {
      client,
      policy,
      journal,
      driver: RetryPolicy.driver(policy),
      send: client.create(journal.request),
      expected: Verdict.expected(journal.request),
      startedNanos: yield* monotonic,
      before: journal.attempts.at(-1)?.ordinal ?? 0
    }
    let next: Next = { step: first }
    for (let exchanges = 1; "step" in next; exchanges++) {
      const exchanged: Exchanged = yield* exchange(talk, next.step, exchanges >= exchangesMax)
      next = yield* proceed(talk, exchanged)
    }
    return yield* next.end
  })

const exchange = Effect.fnUntraced(function* (
  { client, expected, journal, send }: Talk,
  step: Plan.Step,
  isLast: boolean
) {
  const { record, request } = journal
  yield* journal.begin(step.kind)
  const reply = yield* step.kind === "Create" ? send : client.lookup(request.handle, request)
  const verdict = step.kind === "Create" ? Verdict.ofCreate(expected, reply) : Verdict.ofLookup(expected, reply)
  yield* journal.write(step, verdict, reply)
  yield* alarm.onVerdict(request.handle, verdict, reply)
  const exchanged: Exchanged = {
    step,
    reply,
    verdict,
    plan: Plan.plan(step, verdict, record, journal.isInDoubt),
    isAnswer: Plan.isAnswer(step, verdict, record),
    isLast
  }
  return exchanged
})

const proceed = (talk: Talk, exchanged: Exchanged): Effect.Effect<Next> => {
  const { isLast, plan } = exchanged
  switch (plan._tag) {
    case "Succeed":
      return Effect.succeed(succeed(talk, plan.verdict))
    case "GiveUp":
      return giveUp(talk, exchanged)
    case "GoOn":
      return isLast ? giveUp(talk, exchanged, tooMany) : goOn(talk, exchanged, plan.next, Duration.zero)
    case "Retry":
      return isLast ? giveUp(talk, exchanged, tooMany) : retry(talk, exchanged, plan)
  }
}

const tooMany = `${exchangesMax} exchanges are the most of one call`

const succeed = ({ journal }: Talk, verdict: Verdict.Accepted): Next => {
  journal.decide("Succeed")
  return { end: Effect.succeed({ _tag: verdict._tag, payout: verdict.payout, ...journal.accounting }) }
}

const retry = Effect.fnUntraced(function* (
  talk: Talk,
  exchanged: Exchanged,
  { category, known, next }: Extract<Plan.Plan, { readonly _tag: "Retry" }>
) {
  const { driver, journal } = talk
  const attempt = journal.attempts.at(-1)
  const retryAfter = exchanged.reply._tag === "Response" ? exchanged.reply.retryAfter : undefined
  const now = Number((yield* monotonic) / 1_000_000n)
  const delay =
    attempt === undefined ? Option.none() : yield* driver.next(now, { category, attempt, known, retryAfter })
  return yield* Option.isNone(delay)
    ? giveUp(talk, exchanged, `the policy grants no further step for ${category}`)
    : goOn(talk, exchanged, next, delay.value, category)
})

const goOn = Effect.fnUntraced(function* (
  talk: Talk,
  exchanged: Exchanged,
  step: Plan.Step,
  delay: Duration.Duration,
  category?: RetryPolicy.Category
) {
  if (!(yield* fits(talk, step, delay))) return yield* giveUp(talk, exchanged, "the next exchange could end too late")
  talk.journal.decide(step.kind === "Create" ? "SendAgain" : "LookUp", undefined, delay)
  if (category !== undefined && Duration.greaterThan(delay, Duration.zero)) {
    yield* Telemetry.measureWait(category, delay)
    yield* Effect.sleep(delay)
    // The machine may have slept longer.
    if (!(yield* fits(talk, step, Duration.zero))) return yield* giveUp(talk, exchanged, "the wait ended too late")
  }
  const next: Next = { step }
  return next
})

// The first create is always made: it is what the call is for, and a shortened one would only be unclear.
const fits = ({ before, client, journal, policy, startedNanos }: Talk, step: Plan.Step, delay: Duration.Duration) =>
  Effect.map(monotonic, (now) => {
    const isFirst = journal.attempts.every(({ kind, ordinal }) => kind === "Lookup" || ordinal <= before)
    if (step.kind === "Create" && isFirst) return true
    const elapsed = Duration.nanos(now - startedNanos)
    const longest = step.kind === "Create" ? client.createDeadline : client.lookupDeadline
    return Duration.lessThanOrEqualTo(Duration.sum(elapsed, Duration.sum(delay, longest)), policy.elapsedMax)
  })

const giveUp = Effect.fnUntraced(function* (talk: Talk, exchanged: Exchanged, why?: string) {
  const { journal } = talk
  const { isLast, step, verdict } = exchanged
  const shown = Verdict.recorded(verdict) !== undefined
  if (
    step.kind === "Create" &&
    !shown &&
    !isLast &&
    journal.isInDoubt &&
    (yield* fits(talk, Plan.lastAsk, Duration.zero))
  ) {
    journal.decide("LookUp", why, Duration.zero)
    const next: Next = { step: Plan.lastAsk }
    return next
  }
  journal.decide("Fail", why)
  const end: Next = { end: failure.toError(finding(journal, exchanged), journal.accounting) }
  return end
})

/**
 * What to report. An answer about the payout speaks for itself, and so does any answer while no money is in doubt.
 * Otherwise the report is about what left it in doubt: a 401 after a lost answer says nothing about the lost answer.
 */
const finding = (journal: Journal, { isAnswer, reply, verdict }: Exchanged): failure.Finding =>
  Verdict.isAccepted(verdict) || (journal.isInDoubt && !isAnswer) ? journal.doubt : { verdict, reply }
