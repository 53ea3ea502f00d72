/**
 * One payout's conversation with the provider: exchange, verdict, evidence, plan, until there is an answer or the
 * policy's budgets are spent. The rules are in `plan.ts`; here they meet the clock, the budgets and the evidence.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
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
import { exchange, type Judged } from "./exchange.js"
import * as failure from "./failure.js"
import { exchangesMax, monotonic, type Journal } from "./journal.js"
import * as Plan from "./plan.js"

/** What stays the same through one conversation. */
interface Talk {
  readonly fiber: Telemetry.AnyFiber
  readonly client: BillwerkClient["Type"]
  readonly policy: RetryPolicy.RetryPolicy
  readonly journal: Journal
  readonly send: Effect.Effect<Reply>
  readonly expected: Verdict.Expected
  readonly startedNanos: bigint
  /** The ordinal of the last attempt before this call. */
  readonly before: number
  /** Made when something fails. */
  driver: RetryPolicy.Driver | undefined
}

interface Exchanged extends Judged<Plan.Heard> {
  readonly plan: Plan.Plan
  /** How many exchanges there have been. No further one is allowed after `exchangesMax`. */
  readonly exchanges: number
}

type Ending = Effect.Effect<Outcome, PayoutError>

/** Carries the conversation to its end. */
export const converse = (
  client: BillwerkClient["Type"],
  policy: RetryPolicy.RetryPolicy,
  journal: Journal,
  first: Plan.Step
): Ending =>
  Effect.withFiberRuntime((fiber) => {
    const talk: Talk = {
      fiber,
      client,
      policy,
      journal,
      send: client.create(journal.request),
      expected: Verdict.expected(journal.request),
      startedNanos: Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeNanos(),
      before: journal.latest?.ordinal ?? 0,
      driver: undefined
    }
    return take(talk, first, 1)
  })

/** Takes a step, and whatever steps follow from it. */
const take = (talk: Talk, step: Plan.Step, exchanges: number): Ending => {
  const { client, expected, fiber, journal, send } = talk
  const { request } = journal
  const isCreate = step.kind === "Create"
  const sent = isCreate ? send : client.lookup(request.handle, request)
  const judge = (reply: Reply) => (isCreate ? Verdict.ofCreate(expected, reply) : Verdict.ofLookup(expected, reply))
  return exchange(fiber, journal, request.handle, step, sent, judge, ({ heard, reply, verdict }) => {
    const plan = Plan.plan(heard, verdict, journal.isInDoubt)
    return proceed(talk, { verdict, reply, heard, plan, exchanges })
  })
}

const proceed = (talk: Talk, exchanged: Exchanged): Ending => {
  const { exchanges, plan } = exchanged
  const isLast = exchanges >= exchangesMax
  switch (plan._tag) {
    case "Succeed":
      return succeed(talk, plan.verdict)
    case "GiveUp":
      return giveUp(talk, exchanged)
    case "GoOn":
      return isLast ? giveUp(talk, exchanged, tooMany) : goOn(talk, exchanged, plan.next, Duration.zero)
    case "Retry":
      return isLast ? giveUp(talk, exchanged, tooMany) : retry(talk, exchanged, plan)
  }
}

const tooMany = `${exchangesMax} exchanges are the most of one call`

const succeed = ({ journal }: Talk, verdict: Verdict.Accepted): Ending => {
  journal.decide("Succeed")
  return Effect.succeed({ _tag: verdict._tag, payout: verdict.payout, ...journal.accounting })
}

const retry = Effect.fnUntraced(function* (
  talk: Talk,
  exchanged: Exchanged,
  { category, known, next }: Extract<Plan.Plan, { readonly _tag: "Retry" }>
) {
  const driver = (talk.driver ??= RetryPolicy.driver(talk.policy))
  const attempt = talk.journal.latest
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
  return yield* take(talk, step, exchanged.exchanges + 1)
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
  const { exchanges, heard, verdict } = exchanged
  const shown = Verdict.recorded(verdict) !== undefined
  if (
    heard.step.kind === "Create" &&
    !shown &&
    exchanges < exchangesMax &&
    journal.isInDoubt &&
    (yield* fits(talk, Plan.lastAsk, Duration.zero))
  ) {
    journal.decide("LookUp", why, Duration.zero)
    return yield* take(talk, Plan.lastAsk, exchanges + 1)
  }
  journal.decide("Fail", why)
  return yield* failure.toError(finding(journal, exchanged), journal.accounting)
})

/**
 * What to report. An answer about the payout speaks for itself, and so does any answer while no money is in doubt.
 * Otherwise the report is about what left it in doubt: a 401 after a lost answer says nothing about the lost answer.
 */
const finding = (journal: Journal, { heard, reply, verdict }: Exchanged): failure.Finding =>
  Verdict.isAccepted(verdict) || (journal.isInDoubt && !Plan.isAnswer(heard, verdict))
    ? journal.doubt
    : { verdict, reply }
