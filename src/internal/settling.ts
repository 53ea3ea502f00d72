/**
 * Waits until a payout that is processing is paid or has failed. It only ever asks, so it may be interrupted, repeated and
 * run anywhere.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { BillwerkClient } from "../BillwerkClient.js"
import * as Attempt from "../domain/Attempt.js"
import type { Handle } from "../domain/Handle.js"
import type { Hint } from "../domain/Hint.js"
import { isAmount, isCurrency } from "../domain/Money.js"
import type { Outcome, Paid } from "../domain/Outcome.js"
import { PaidContradicted } from "../domain/PaidContradicted.js"
import * as Payout from "../domain/Payout.js"
import { type LookupError, LookupFailed, type PayoutError } from "../domain/PayoutError.js"
import type { Reply } from "../domain/Reply.js"
import type { Hints } from "../Hints.js"
import type { RetryPolicy } from "../RetryPolicy.js"
import * as Settlement from "../Settlement.js"
import * as Telemetry from "../Telemetry.js"
import * as Verdict from "../Verdict.js"
import { exchange, type Judged } from "./exchange.js"
import * as failure from "./failure.js"
import type { Flights } from "./flights.js"
import { Journal, journalOf, monotonic } from "./journal.js"
import * as Plan from "./plan.js"
import { read } from "./reading.js"
import { stepper } from "./stepper.js"

/** What settling needs of the service that it belongs to. */
export interface Around {
  readonly client: BillwerkClient["Type"]
  readonly flights: Flights
  readonly hints: Option.Option<Hints["Type"]>
  /** Waits for the next turn to ask. */
  readonly turn: Effect.Effect<void>
  /** What is being settled, if it is known by more than its handle. */
  readonly outcome?: Outcome
  readonly onContradiction: (contradiction: PaidContradicted) => Effect.Effect<void>
}

type Evidence = Journal<failure.Subject>
type Ending = Effect.Effect<Outcome, PayoutError>

/** A payout that is not settled, as it was last shown. */
interface Open {
  readonly verdict: Extract<Verdict.Verdict, { readonly _tag: "Processing" | "Unsettled" }>
  readonly reply: failure.Finding["reply"]
}

/** Spreads the questions of all that settle, so that however many they are, they stay within the provider's limit. */
export const turns = (perSecond: number): Effect.Effect<void> => {
  const interval = 1_000_000_000n / BigInt(perSecond)
  let free = 0n
  return Effect.flatMap(monotonic, (now) => {
    const turn = free > now ? free : now
    free = turn + interval
    return turn === now ? Effect.void : Effect.sleep(Duration.nanos(turn - now))
  })
}

/** Settles a payout that was accepted. */
export const settle = (around: Around, settlement: Settlement.Settlement, outcome: Outcome): Ending =>
  Effect.suspend(() => {
    const paid = outcome._tag === "Paid" ? outcome : around.flights.paid(outcome.handle)
    if (paid !== undefined) return Effect.succeed(paid)
    const verdict: Open["verdict"] = { _tag: "Processing", payout: outcome.payout }
    return watch({ ...around, outcome }, settlement, journalOf(outcome), { verdict, reply: "Unseen" })
  })

/** Settles a payout of which only the handle is known: it is about what the provider says that it is about. */
export const settleHandle = (
  around: Around,
  settlement: Settlement.Settlement,
  policy: RetryPolicy,
  handle: Handle
): Effect.Effect<Outcome, PayoutError | LookupError> =>
  Effect.flatMap(
    read(around, policy, handle),
    ({ attempts, reply, verdict }): Effect.Effect<Outcome, PayoutError | LookupError> => {
      const { amount, currency } = verdict.payout
      if (!isAmount(amount) || !isCurrency(currency)) {
        const why = "the provider does not say which amount of which currency it is"
        return new LookupFailed({ handle, attempts, category: "UnexpectedResponse", why }, failure.validated)
      }
      const known = around.flights.paid(handle)
      if (known !== undefined) return Effect.as(contradicted(around, known, verdict), known)
      // How many creates were sent is not known here, so it is only a guess that the record accounts for all of them.
      const tally = attempts.reduce(Attempt.count, Attempt.emptyTally(1, true))
      const journal = new Journal<failure.Subject>({ handle, amount, currency }, tally, 1, attempts)
      if (verdict._tag === "Paid") return succeed(around, journal, verdict)
      if (Verdict.isFailed(verdict)) return fail(around, journal, { verdict, reply })
      return watch(around, settlement, journal, { verdict, reply })
    }
  )

/** Asks until there is an answer. The deadline cuts off what is under way: a question that is not answered costs nothing. */
const watch = (around: Around, settlement: Settlement.Settlement, journal: Evidence, first: Open): Ending => {
  const { deadline, schedule } = settlement
  // A question that is asked later than this might not be answered in time.
  const lastTurn = Duration.subtract(
    deadline,
    Duration.min(around.client.lookupDeadline, Duration.times(deadline, 0.25))
  )
  let open = first
  const giveUp = (why: string) =>
    Effect.zipRight(
      journal.interrupt(),
      Effect.suspend(() => asLastSeen(around, journal, open, why))
    )
  const asking = Effect.gen(function* () {
    const hints = yield* listen(around, open.verdict.payout)
    const started = yield* monotonic
    let granted = stepper(schedule)
    let retryAfter = Duration.zero
    while (true) {
      const now = yield* monotonic
      const gap = yield* granted(Number(now / 1_000_000n), open.verdict.payout)
      const left = Duration.subtract(lastTurn, Duration.nanos(now - started))
      if (Option.isNone(gap)) return yield* giveUp("the schedule of settling ended")
      if (Duration.greaterThanOrEqualTo(retryAfter, left)) return yield* giveUp("the deadline of settling came")
      const isHinted = yield* pause(hints, Duration.max(Duration.min(gap.value, left), retryAfter))
      // A hint may be ahead of what a lookup shows.
      if (isHinted) granted = stepper(schedule)
      yield* around.turn
      const { reply, verdict } = yield* ask(around, journal)
      const ending = conclude(around, journal, verdict, reply)
      if (ending !== undefined) return yield* ending
      journal.decide("LookUp")
      if (verdict._tag === "Processing" || verdict._tag === "Unsettled") open = { verdict, reply }
      retryAfter = (verdict._tag === "RateLimited" && verdict.retryAfter) || Duration.zero
    }
  })
  return asking.pipe(
    Effect.scoped,
    Effect.timeoutTo({
      duration: deadline,
      onSuccess: (outcome): Ending => Effect.succeed(outcome),
      onTimeout: () => giveUp("the deadline of settling came")
    }),
    Effect.flatten
  )
}

/** Everything that a webhook might call this payout by. */
const listen = ({ hints }: Around, { customer, handle, transactions }: Payout.Payout) =>
  Option.match(hints, {
    onNone: () => Effect.succeedNone,
    onSome: (service) =>
      Effect.asSome(
        service.subscribe([handle, ...(customer === undefined ? [] : [customer]), ...transactions.map(({ id }) => id)])
      )
  })

/** Waits for a gap to pass, or for a hint to cut it short; but never asks sooner than the shortest gap. */
const pause = (hints: Option.Option<Queue.Dequeue<Hint>>, gap: Duration.Duration): Effect.Effect<boolean> => {
  if (Option.isNone(hints)) return Effect.as(Effect.sleep(gap), false)
  const shortest = Duration.min(gap, Settlement.gapMin)
  return Effect.zipRight(
    Effect.sleep(shortest),
    Effect.raceFirst(
      Effect.as(Effect.sleep(Duration.subtract(gap, shortest)), false),
      Effect.as(Queue.take(hints.value), true)
    )
  )
}

const ask = ({ client, outcome }: Around, journal: Evidence) => {
  const { amount, currency, handle } = journal.request
  const expected = { handle, amount, currency, customer: outcome?.payout.customer }
  const judge = (reply: Reply) => Verdict.ofLookup(expected, reply)
  return Effect.withFiberRuntime<Judged<Plan.Heard>>((fiber) =>
    exchange(fiber, journal, handle, Plan.lastAsk, client.lookup(handle), judge, Effect.succeed)
  )
}

/** What an answer ends with, if it is one that ends it. */
const conclude = (around: Around, journal: Evidence, verdict: Verdict.Verdict, reply: Reply): Ending | undefined => {
  const paid = around.flights.paid(journal.request.handle)
  if (paid !== undefined && verdict._tag !== "Paid") return Effect.as(contradicted(around, paid, verdict), paid)
  switch (verdict._tag) {
    case "Paid":
      return succeed(around, journal, verdict)
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
      // One that does not show what was shown before lags behind: it tells of an earlier attempt.
      return isStale(journal, verdict.payout) ? undefined : fail(around, journal, { verdict, reply })
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
      return verdict.permanent === true ? fail(around, journal, { verdict, reply }) : undefined
    case "HandleConflict":
    case "RequestRejected":
      return fail(around, journal, { verdict, reply })
    default:
      return undefined
  }
}

const isStale = ({ record }: Evidence, { transactions }: Payout.Payout): boolean =>
  record !== undefined && transactions.length < record.transactions

const succeed = (around: Around, journal: Evidence, { payout }: Verdict.Accepted): Ending =>
  Effect.suspend(() => {
    journal.decide("Succeed")
    const paid: Paid = { _tag: "Paid", payout, ...accounting(around, journal, payout) }
    return Effect.as(settled(around, payout, paid._tag, Exit.succeed(paid)), paid)
  })

const fail = (around: Around, journal: Evidence, finding: failure.Finding): Ending =>
  Effect.suspend((): Ending => {
    const { verdict } = finding
    journal.decide("Fail")
    if (!Verdict.isFailed(verdict)) return failure.toError(finding, accounting(around, journal))
    const error = failure.toError(finding, accounting(around, journal, verdict.payout))
    return Effect.flatMap(settled(around, verdict.payout, error._tag, Exit.fail(error)), (): Ending => error)
  })

/** What is asked about has arguments of its own, and others may have been tried under the handle since: all of it counts. */
const accounting = (
  { flights }: Around,
  { accounting, request }: Evidence,
  payout?: Payout.Payout
): failure.Accounting => {
  if (payout !== undefined) flights.learn(payout)
  const { max, min } = accounting.exposure
  const exposure = { min, max: Math.max(max, flights.exposureMax(request.handle)) }
  return { ...accounting, exposure, certainty: Attempt.certainty(exposure) }
}

const settled = (
  { flights, outcome }: Around,
  payout: Payout.Payout,
  end: string,
  exit: Exit.Exit<Outcome, PayoutError>
) => Effect.zipRight(flights.remember(outcome, payout, exit), Telemetry.measureSettlement(end, payout.created))

/** Nothing has come of it in time: it is what it was when it was last seen, with the evidence of having asked. */
const asLastSeen = (around: Around, journal: Evidence, { reply, verdict }: Open, why: string): Ending => {
  if (verdict._tag === "Unsettled") {
    journal.decide("Fail", why)
    return failure.toError({ verdict, reply }, accounting(around, journal))
  }
  journal.decide("Succeed", why)
  return Effect.succeed({ _tag: "Processing", payout: verdict.payout, ...accounting(around, journal) })
}

/** A person should hear of it; but nothing undoes a payment. */
export const contradicted = (around: Around, paid: Paid, verdict: Verdict.Verdict): Effect.Effect<void> => {
  if (!("payout" in verdict) || verdict._tag === "Paid") return Effect.void
  const contradiction = new PaidContradicted(
    { handle: paid.handle, paid: paid.payout, shown: verdict.payout },
    failure.validated
  )
  return Effect.logError(contradiction.message).pipe(
    Effect.annotateLogs({ handle: paid.handle }),
    Effect.zipRight(around.onContradiction(contradiction))
  )
}
