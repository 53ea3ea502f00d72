/**
 * Waits until a processing payout is paid or has failed. It only makes lookups, so it may be interrupted, repeated and
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
import { EvidenceRecorder } from "./EvidenceRecorder.js"
import { exchange, interrupt } from "./exchange.js"
import { lookupsOf, lookupWithin } from "./lookup.js"
import { lastAsk } from "./nextStep.js"
import type { Process } from "./Process.js"
import type { SingleFlight } from "./singleFlight.js"
import { guessOf, type Subject } from "./Subject.js"
import { type Finding, toError, validated } from "./toError.js"

/** What a wait needs from its service. */
export interface Around {
  readonly client: BillwerkClient["Type"]
  readonly process: Process
  readonly flights: SingleFlight
  readonly hints: Option.Option<Hints["Type"]>
  /** Starts the host's handler, and does not wait for it. */
  readonly onContradiction: (contradiction: PaidContradicted) => Effect.Effect<void>
}

type Ending = Effect.Effect<Outcome, PayoutError>

/** A payout that is not final, as it was last shown. */
interface Open {
  readonly verdict: Exclude<Verdict.Shown, { readonly _tag: "Paid" } | Verdict.Failed>
  readonly reply: Finding["reply"]
}

/** The state of a wait: what is known of the payout, and what an answer must be about. */
interface Watch {
  readonly around: Around
  readonly evidence: EvidenceRecorder
  readonly expected: Verdict.Expected
  /** How many lookups this call began before it watched the payout. */
  readonly before: number
  /** How many lookups in a row were refused for the key or the server's certificate, not for the payout. */
  refusals: number
}

/** Waits for the end of an accepted payout. */
export const awaitOutcome = Effect.fnUntraced(function* (
  around: Around,
  pollPolicy: PollPolicy.PollPolicy,
  outcome: Outcome
) {
  const { amount, attempts, currency, handle, payout } = outcome
  const paid = outcome._tag === "Paid" ? outcome : around.flights.paid(handle)
  if (paid !== undefined) return paid
  const { flights, process } = around
  const known = flights.evidence(handle) ?? Exposure.empty(handle)
  const handed = Exposure.adopted(outcome.evidence, yield* process.now, known)
  const evidence = new EvidenceRecorder<Subject>(process, { handle, amount, currency }, handed, attempts)
  // All other evidence of this process counts as well, also that of other arguments.
  evidence.learn(known)
  // A call that pays out beside this wait, or after its interruption, must know what this process was handed.
  yield* flights.adopt(handed)
  const expected = { handle, amount, currency, customer: payout.customer }
  return yield* watch({ around, evidence, expected, before: 0, refusals: 0 }, pollPolicy, {
    verdict: { _tag: "Processing", payout },
    reply: "Unseen"
  })
})

/** Waits for the end of a payout by its handle alone. Amount and currency come from the provider's record. */
export const awaitHandle = Effect.fnUntraced(function* (
  around: Around,
  pollPolicy: PollPolicy.PollPolicy,
  policy: RetryPolicy,
  handle: Handle
): Effect.fn.Return<Outcome, PayoutError | LookupError> {
  const { client, flights, process } = around
  const { deadline } = pollPolicy
  const started = (yield* process.now).at
  const first = yield* lookupWithin(client, process, policy, handle, deadline)
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
  // A bare handle does not say who sent it. Another create may be under way, even if this process knows the handle.
  evidence.assume(evidence.subject, { count: 1, guess: true, until: yield* process.now })
  const waiting: Watch = {
    around,
    evidence,
    expected: { handle, amount, currency },
    before: found.attempts.length,
    refusals: 0
  }
  if (verdict._tag === "Paid") return yield* succeed(waiting, verdict)
  if (Verdict.isFailed(verdict)) return yield* fail(waiting, { verdict, reply })
  const left = Duration.subtract(deadline, Duration.millis((yield* process.now).at - started))
  return yield* watch(waiting, { ...pollPolicy, deadline: left }, { verdict, reply })
})

/** Looks the payout up until there is an answer. The deadline cuts off a lookup under way, which costs nothing. */
const watch = (waiting: Watch, pollPolicy: PollPolicy.PollPolicy, first: Open): Ending => {
  const { around, evidence, expected } = waiting
  const { process } = around
  const { deadline, schedule } = pollPolicy
  const exchanges = lookupsOf(around.client, evidence.subject.handle, expected)
  // A lookup that starts later than this may not be answered in time.
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
      if (Option.isNone(gap)) return giveUp("the poll schedule ended")
      if (Duration.greaterThanOrEqualTo(retryAfter, left)) return giveUp("the deadline of the wait came")
      const isHinted = yield* pause(hints, Duration.max(Duration.min(spaced(waiting, gap.value), left), retryAfter))
      // A hint may arrive before a lookup shows the change.
      if (isHinted) granted = stepper(schedule)
      const { heard, reply, verdict } = yield* exchange(exchanges, evidence, lastAsk, "New")
      // A stale record shows an earlier attempt, so it is no answer.
      const ending = heard.isStale ? undefined : conclude(waiting, verdict, reply)
      if (ending !== undefined) return ending
      evidence.decide("LookUp")
      if (verdict._tag === "Processing" || verdict._tag === "Unsettled") open = { verdict, reply }
      retryAfter = (verdict._tag === "RateLimited" && verdict.retryAfter) || Duration.zero
    }
  })
  return Effect.flatten(within(Effect.scoped(asking), deadline, () => giveUp("the deadline of the wait came")))
}

/** How many lookups this call has begun. */
const begunBy = ({ before, evidence }: Watch): number => before + evidence.begun

// A schedule without gaps would take the turns of all others.
const spaced = (waiting: Watch, gap: Duration.Duration): Duration.Duration =>
  begunBy(waiting) === 0 ? gap : Duration.max(gap, PollPolicy.gapMin)

/** Subscribes to every reference that a webhook might use for this payout. Without hints, it polls all the same. */
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

/** Waits for the gap, or until a hint cuts it short, but never for less than `gapMin` or a gap shorter than that. */
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

// A queue that is shut down brings no more hints.
const heard = (hints: Queue.Dequeue<Hint>) => Effect.catchAllCause(Queue.take(hints), () => Effect.never)

/** This many refusals in a row are lasting: the key is wrong, or another server answers. */
const refusalsMax = 3

/** The end that an answer brings, if any. A lookup without a result brings none, except a lasting refusal. */
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

/** Adds what this process learned during the wait, also about other arguments under the handle. */
const know = ({ around, evidence }: Watch): void => {
  const known = around.flights.evidence(evidence.subject.handle)
  if (known !== undefined) evidence.learn(known)
}

// Drops the guess of this wait if this process knew the handle before: then it already knows what it has sent.
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

/** The end of a wait without an answer: the payout as last shown, with the evidence of the lookups. */
const asLastSeen = (waiting: Watch, { reply, verdict }: Open, why: string): Ending => {
  const { around, evidence } = waiting
  const lookups = begunBy(waiting)
  know(waiting)
  if (verdict._tag === "Unsettled") {
    evidence.decide("Fail", why)
    const error = toError({ verdict, reply }, evidence.accounting())
    return Effect.flatMap(around.flights.learn(verdict.payout, toKeep(waiting), Exit.fail(error)), (): Ending => error)
  }
  // Without a lookup in this call, the latest attempt belongs to another call.
  if (lookups > 0) evidence.decide("Succeed", why)
  const waited: Waited = { lookups, ...shownAt(evidence) }
  const outcome: Outcome = { _tag: "Processing", payout: verdict.payout, ...evidence.accounting(), waited }
  return Effect.as(around.flights.learn(verdict.payout, toKeep(waiting), Exit.succeed(outcome)), outcome)
}

const shownAt = ({ attempts }: EvidenceRecorder): Pick<Waited, "shownAt"> => {
  const shown = attempts.findLast(({ outcome }) => outcome === "Processing")
  return shown === undefined ? {} : { shownAt: shown.started }
}

/** Reports a record that contradicts a payment. A person must look at it, but the payment stands. */
export const contradicted = (around: Around, paid: Paid, verdict: Verdict.Verdict): Effect.Effect<void> =>
  Verdict.isShown(verdict) && verdict._tag !== "Paid" ? reported(around, paid, verdict.payout) : Effect.void

/** The same for a record in any state: one that shows the payment contradicts nothing. */
export const reported = (around: Around, paid: Paid, shown: Payout.Payout): Effect.Effect<void> => {
  if (shown.state === "paid") return Effect.void
  const contradiction = new PaidContradicted({ handle: paid.handle, paid: paid.payout, shown }, validated)
  const line = Effect.annotateLogs(Effect.logError(contradiction.message), { handle: paid.handle })
  return Effect.zipRight(hostCode.log(line), around.onContradiction(contradiction))
}
