/**
 * Waits until a payout that is processing is paid or has failed. It only asks, so it may be interrupted, repeated and
 * run anywhere.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import * as Exposure from "../domain/Exposure.js"
import type { Handle } from "../domain/Handle.js"
import type { Hint } from "../domain/Hint.js"
import { isAmount, isCurrency } from "../domain/Money.js"
import type { Outcome, Paid, Waited } from "../domain/Outcome.js"
import { PaidContradicted } from "../domain/PaidContradicted.js"
import type * as Payout from "../domain/Payout.js"
import { type LookupError, LookupFailed, type PayoutError } from "../domain/PayoutError.js"
import type { Reply } from "../domain/Reply.js"
import type { Hints } from "../webhook/Hints.js"
import * as Verdict from "../provider/Verdict.js"
import type { RetryPolicy } from "../policy/RetryPolicy.js"
import { within } from "../host/deadline.js"
import * as hostCode from "../host/hostCode.js"
import { stepper } from "../policy/scheduleStepper.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import * as Telemetry from "../Telemetry.js"
import { Evidence } from "./Evidence.js"
import { exchange, interrupt } from "./exchange.js"
import { lookupsOf, lookupWithin } from "./lookup.js"
import { lastAsk } from "./nextStep.js"
import type { Process } from "./Process.js"
import type { SingleFlight } from "./singleFlight.js"
import { guessOf, type Subject } from "./Subject.js"
import { type Finding, toError, validated } from "./toError.js"

/** What waiting needs of the service that it belongs to. */
export interface Around {
  readonly client: BillwerkClient["Type"]
  readonly process: Process
  readonly flights: SingleFlight
  readonly hints: Option.Option<Hints["Type"]>
  /** Waits for the next turn to ask. */
  readonly turn: Effect.Effect<void>
  /** Starts what the host wants done then, and does not wait for it. */
  readonly onContradiction: (contradiction: PaidContradicted) => Effect.Effect<void>
}

type Ending = Effect.Effect<Outcome, PayoutError>

/** A payout that is not over, as it was last shown. */
interface Open {
  readonly verdict: Exclude<Verdict.Shown, { readonly _tag: "Paid" } | Verdict.Failed>
  readonly reply: Finding["reply"]
}

/** What is waited for: what is known of it, and what an answer must be about. */
interface Watch {
  readonly around: Around
  readonly evidence: Evidence
  readonly expected: Verdict.Expected
  /** How many lookups this call has begun. */
  lookups: number
  /** How many in a row were refused for what is not about the payout: the key, or the server's certificate. */
  refusals: number
}

/** Waits for a payout that was accepted. */
export const awaitOutcome = Effect.fnUntraced(function* (
  around: Around,
  pollPolicy: PollPolicy.PollPolicy,
  outcome: Outcome
) {
  const { amount, attempts, currency, handle, payout } = outcome
  const paid = outcome._tag === "Paid" ? outcome : around.flights.paid(handle)
  if (paid !== undefined) return paid
  const { process } = around
  const handed = Exposure.adopted(outcome.evidence, yield* process.now)
  const evidence = new Evidence<Subject>(process, { handle, amount, currency }, handed, attempts)
  // What this process knows beside it, by whatever arguments, counts as well.
  evidence.learn(around.flights.evidence(handle) ?? Exposure.empty(handle))
  const expected = { handle, amount, currency, customer: payout.customer }
  return yield* watch({ around, evidence, expected, lookups: 0, refusals: 0 }, pollPolicy, {
    verdict: { _tag: "Processing", payout },
    reply: "Unseen"
  })
})

/** Waits for a payout of which only the handle is known: it is about what the provider says that it is about. */
export const awaitHandle = Effect.fnUntraced(function* (
  around: Around,
  pollPolicy: PollPolicy.PollPolicy,
  policy: RetryPolicy,
  handle: Handle
): Effect.fn.Return<Outcome, PayoutError | LookupError> {
  const { client, flights, process, turn } = around
  const { deadline } = pollPolicy
  const started = (yield* process.now).at
  const first = yield* lookupWithin(client, process, policy, handle, { deadline, turn })
  const { evidence: found, reply, verdict } = first
  const { amount, currency } = verdict.payout
  if (!isAmount(amount) || !isCurrency(currency)) {
    const why = "the provider does not say which amount of which currency it is"
    return yield* new LookupFailed({ handle, attempts: found.attempts, category: "UnexpectedResponse", why }, validated)
  }
  const paid = flights.paid(handle)
  if (paid !== undefined) return yield* Effect.as(contradicted(around, paid, verdict), paid)
  const evidence = found.continuedBy<Subject>({ handle, amount, currency })
  const known = flights.evidence(handle)
  if (known !== undefined) evidence.learn(known)
  // A bare handle does not say who has sent it. Whatever this process knows of it, another create may be under way.
  evidence.assume(evidence.subject, { count: 1, guess: true, until: yield* process.now })
  const waiting: Watch = {
    around,
    evidence,
    expected: { handle, amount, currency },
    lookups: found.attempts.length,
    refusals: 0
  }
  if (verdict._tag === "Paid") return yield* succeed(waiting, verdict)
  if (Verdict.isFailed(verdict)) return yield* fail(waiting, { verdict, reply })
  const left = Duration.subtract(deadline, Duration.millis((yield* process.now).at - started))
  return yield* watch(waiting, { ...pollPolicy, deadline: left }, { verdict, reply })
})

/** Asks until there is an answer. The deadline cuts off what is under way: a question that is not answered costs nothing. */
const watch = (waiting: Watch, pollPolicy: PollPolicy.PollPolicy, first: Open): Ending => {
  const { around, evidence, expected } = waiting
  const { process } = around
  const { deadline, schedule } = pollPolicy
  const exchanges = lookupsOf(around.client, evidence.subject.handle, expected)
  // A question that is asked later than this might not be answered in time.
  const lastTurn = Duration.subtract(
    deadline,
    Duration.min(around.client.lookupDeadline, Duration.times(deadline, 0.25))
  )
  let open = first
  const giveUp = (why: string): Ending =>
    Effect.zipRight(
      interrupt(evidence),
      Effect.suspend(() => asLastSeen(waiting, open, why))
    )
  const asking = Effect.gen(function* (): Effect.fn.Return<Ending, never, Scope.Scope> {
    const hints = yield* listen(around, open.verdict.payout)
    const started = (yield* process.now).at
    let granted = stepper(schedule)
    let retryAfter = Duration.zero
    while (true) {
      const { at } = yield* process.now
      const gap = yield* granted(Math.floor(at), open.verdict.payout)
      const left = Duration.subtract(lastTurn, Duration.millis((yield* process.now).at - started))
      if (Option.isNone(gap)) return giveUp("the schedule of settling ended")
      if (Duration.greaterThanOrEqualTo(retryAfter, left)) return giveUp("the deadline of settling came")
      const isHinted = yield* pause(hints, Duration.max(Duration.min(spaced(waiting, gap.value), left), retryAfter))
      // A hint may be ahead of what a lookup shows.
      if (isHinted) granted = stepper(schedule)
      yield* around.turn
      waiting.lookups += 1
      const { heard, reply, verdict } = yield* exchange(exchanges, evidence, lastAsk)
      // One that shows less than was shown before lags behind: it tells of an earlier attempt.
      const ending = heard.isStale ? undefined : conclude(waiting, verdict, reply)
      if (ending !== undefined) return ending
      evidence.decide("LookUp")
      if (verdict._tag === "Processing" || verdict._tag === "Unsettled") open = { verdict, reply }
      retryAfter = (verdict._tag === "RateLimited" && verdict.retryAfter) || Duration.zero
    }
  })
  return Effect.flatten(within(Effect.scoped(asking), deadline, () => giveUp("the deadline of settling came")))
}

// A schedule without gaps would take the turns of all others.
const spaced = ({ lookups }: Watch, gap: Duration.Duration): Duration.Duration =>
  lookups === 0 ? gap : Duration.max(gap, PollPolicy.gapMin)

/** Listens to everything that a webhook might call this payout by. Without hints it is polled all the same. */
const listen = Effect.fnUntraced(function* (
  { hints }: Around,
  { customer, handle, transactions }: Payout.Payout
): Effect.fn.Return<Option.Option<Queue.Dequeue<Hint>>, never, Scope.Scope> {
  if (Option.isNone(hints)) return Option.none()
  const scope = yield* Effect.scope
  const references = [handle, ...(customer === undefined ? [] : [customer]), ...transactions.map(({ id }) => id)]
  const subscribe = () => Effect.asSome(Scope.extend(hints.value.subscribe(references), scope))
  return yield* hostCode.bounded("Hints.subscribe", PollPolicy.gapMin, subscribe, Option.none())
})

/** Waits for a gap to pass, or for a hint to cut it short; but not before `gapMin`, or the gap itself where that is shorter. */
const pause = (hints: Option.Option<Queue.Dequeue<Hint>>, gap: Duration.Duration): Effect.Effect<boolean> => {
  if (Option.isNone(hints)) return Effect.as(Effect.sleep(gap), false)
  const shortest = Duration.min(gap, PollPolicy.gapMin)
  return Effect.zipRight(
    Effect.sleep(shortest),
    Effect.raceFirst(
      Effect.as(Effect.sleep(Duration.subtract(gap, shortest)), false),
      Effect.as(heard(hints.value), true)
    )
  )
}

// A queue that is shut down has no more to say.
const heard = (hints: Queue.Dequeue<Hint>) => Effect.catchAllCause(Queue.take(hints), () => Effect.never)

/** So many refusals in a row are lasting: the key is wrong, or the server is another one. */
const refusalsMax = 3

/** What an answer ends with, if it is one that ends it: a lookup that told nothing is no end, but for a lasting refusal. */
const conclude = (waiting: Watch, verdict: Verdict.Verdict, reply: Reply): Ending | undefined => {
  const { around, evidence } = waiting
  const paid = around.flights.paid(evidence.subject.handle)
  if (paid !== undefined && verdict._tag !== "Paid") return Effect.as(contradicted(around, paid, verdict), paid)
  if (verdict._tag === "Paid") return succeed(waiting, verdict)
  if (Verdict.isAccepted(verdict)) return undefined
  if (Verdict.isFailed(verdict) || verdict._tag === "HandleConflict") return fail(waiting, { verdict, reply })
  const { afterLookup, category } = Verdict.row(verdict)
  waiting.refusals = afterLookup === "AskAgain" && category === undefined ? waiting.refusals + 1 : 0
  return waiting.refusals >= refusalsMax ? fail(waiting, { verdict, reply }) : undefined
}

const succeed = (waiting: Watch, { payout }: Verdict.Accepted): Ending =>
  Effect.suspend(() => {
    const { evidence } = waiting
    evidence.decide("Succeed")
    know(waiting)
    const paid: Paid = { _tag: "Paid", payout, ...evidence.accounting() }
    return Effect.as(ended(waiting, payout, paid._tag, Exit.succeed(paid)), paid)
  })

const fail = (waiting: Watch, finding: Finding): Ending =>
  Effect.suspend((): Ending => {
    const { evidence } = waiting
    const { reply, verdict } = finding
    evidence.decide("Fail")
    know(waiting)
    if (verdict._tag === "HandleConflict") {
      const { differs } = verdict
      return evidence.conflict({ with: "Provider", differs, ...(typeof reply === "object" ? { reply } : {}) })
    }
    const error = toError(finding, evidence.accounting())
    if (!Verdict.isFailed(verdict)) return error
    return Effect.flatMap(ended(waiting, verdict.payout, error._tag, Exit.fail(error)), (): Ending => error)
  })

/** Other arguments may have been tried under the handle while it was waited for: all of it counts. */
const know = ({ around, evidence }: Watch): void => {
  const known = around.flights.evidence(evidence.subject.handle)
  if (known !== undefined) evidence.learn(known)
}

// What was guessed for this wait says nothing to a process that knew the handle before, and so knows what it has sent.
const toKeep = ({ around: { flights, process }, evidence: { subject, value } }: Watch): Exposure.Evidence => {
  if (flights.evidence(subject.handle) === undefined) return value
  const guess = guessOf({ handle: subject.handle }, process.clock)
  return { ...value, creates: value.creates.filter(({ id }) => id !== guess) }
}

const ended = (waiting: Watch, payout: Payout.Payout, end: string, exit: Exit.Exit<Outcome, PayoutError>) =>
  Effect.zipRight(
    waiting.around.flights.learn(payout, toKeep(waiting), exit),
    Telemetry.measureFinalAge(end, payout.created)
  )

/** Nothing has come of it in time: it is what it was when it was last seen, with the evidence of having asked. */
const asLastSeen = (waiting: Watch, { reply, verdict }: Open, why: string): Ending => {
  const { around, evidence, lookups } = waiting
  know(waiting)
  if (verdict._tag === "Unsettled") {
    evidence.decide("Fail", why)
    const error = toError({ verdict, reply }, evidence.accounting())
    return Effect.flatMap(around.flights.learn(verdict.payout, toKeep(waiting), Exit.fail(error)), (): Ending => error)
  }
  // Where nothing was asked, the latest attempt is another call's.
  if (lookups > 0) evidence.decide("Succeed", why)
  const waited: Waited = { lookups, ...shownAt(evidence) }
  const outcome: Outcome = { _tag: "Processing", payout: verdict.payout, ...evidence.accounting(), waited }
  return Effect.as(around.flights.learn(verdict.payout, toKeep(waiting), Exit.succeed(outcome)), outcome)
}

const shownAt = ({ attempts }: Evidence): Pick<Waited, "shownAt"> => {
  const shown = attempts.findLast(({ outcome }) => outcome === "Processing")
  return shown === undefined ? {} : { shownAt: shown.started }
}

/** A person should hear of it; but nothing undoes a payment. */
export const contradicted = (around: Around, paid: Paid, verdict: Verdict.Verdict): Effect.Effect<void> => {
  if (!Verdict.isShown(verdict) || verdict._tag === "Paid") return Effect.void
  const contradiction = new PaidContradicted(
    { handle: paid.handle, paid: paid.payout, shown: verdict.payout },
    validated
  )
  const line = Effect.annotateLogs(Effect.logError(contradiction.message), { handle: paid.handle })
  return Effect.zipRight(hostCode.log(line), around.onContradiction(contradiction))
}
