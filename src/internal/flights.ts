/**
 * Within one process a handle has one conversation with the provider at a time, and what it left unclear is remembered,
 * so that the next call for it asks before it sends.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../BillwerkClient.js"
import * as Attempt from "../domain/Attempt.js"
import type { Handle } from "../domain/Handle.js"
import type { Outcome, Paid } from "../domain/Outcome.js"
import type { Payout } from "../domain/Payout.js"
import { HandleConflict, HardDeclined, type PayoutError } from "../domain/PayoutError.js"
import { differences, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { RetryPolicy } from "../RetryPolicy.js"
import * as Telemetry from "../Telemetry.js"
import { converse } from "./conversation.js"
import { validated } from "./failure.js"
import { Journal } from "./journal.js"
import { Passing, Recent } from "./memory.js"
import * as Plan from "./plan.js"

/**
 * How many payouts of a kind are remembered; the oldest are forgotten first. However many are paid, they push out nothing that
 * was declined, or is in doubt.
 */
export const rememberedMax = { paid: 10_000, failed: 10_000, inDoubt: 10_000 }

/** A call for a payout. */
export interface Call {
  readonly request: PayoutRequest
  readonly policy: RetryPolicy
  /** Whether another process may have sent it, so that the provider is asked first. */
  readonly resumes: boolean
  /** How many creates other processes may have sent, if the caller says so. */
  readonly unseen: number | undefined
}

type Ended = Exit.Exit<Outcome, PayoutError>

/** A call that is running. `done` is made by the first call that joins it, and is none if it was interrupted. */
interface Flight {
  readonly journal: Journal
  done: Deferred.Deferred<Option.Option<Ended>> | undefined
}

/** What the calls for a handle have left behind. */
interface Memory {
  readonly journal: Journal
  readonly paid: Paid | undefined
  /** The most that may have moved, when it was remembered. */
  readonly exposure: number
  /** Declined for good, whatever else has been tried under the handle since. */
  readonly declined: ReadonlyArray<Declined>
}

interface Declined {
  readonly request: PayoutRequest
  readonly error: HardDeclined
}

/** How many declines of one handle are remembered. */
const declinedMax = 20

type Begun =
  | { readonly journal: Journal; readonly first: Plan.Step; readonly declined?: HardDeclined }
  /** Other arguments than those that may have paid: to be asked about before these can be tried. */
  | { readonly journal: Journal; readonly differs: ReadonlyArray<string> }
  | { readonly end: Effect.Effect<Outcome, PayoutError> }

export interface Flights {
  /** Pays out, or joins the conversation that does. */
  readonly board: (call: Call) => Effect.Effect<Outcome, PayoutError>
  /** The payout as it was paid, if this process knows it. */
  readonly paid: (handle: Handle) => Paid | undefined
  /** Takes note of what the provider has shown to somebody who only asked. */
  readonly learn: (payout: Payout) => void
  /** The most that this process knows may have moved under a handle, by whatever arguments. */
  readonly exposureMax: (handle: Handle) => number
  /** Takes note of how a payout ended that was only asked about, by the outcome that it was asked about for. */
  readonly remember: (outcome: Outcome | undefined, payout: Payout, ended: Ended) => Effect.Effect<void>
}

export const make = (client: BillwerkClient["Type"], remembered = rememberedMax): Flights => {
  const flights = new Passing<Flight>()
  const memories = new Memories(remembered)

  // All that is looked at is also changed before anything else can run: two calls cannot both find the runway free.
  const board = (call: Call): Effect.Effect<Outcome, PayoutError> =>
    Effect.uninterruptibleMask((restore) => {
      const flight = flights.get(call.request.handle)
      if (flight !== undefined) return restore(join(flight, call))
      const memory = memories.get(call.request.handle)
      const begun = memory === undefined ? start(call) : recall(memory, call)
      if ("end" in begun) return begun.end
      const { journal } = begun
      if ("first" in begun) {
        return fly(restore, journal, begun.first, call.policy, begun.declined)
      }
      return fly(restore, journal, Plan.onlyAsk(journal.doubt.verdict), call.policy).pipe(
        // Whatever the first arguments have come to is not this call's result, but it decides what may be done now.
        Effect.matchEffect({
          onFailure: () => (journal.isInDoubt ? conflict(journal, begun.differs) : restore(board(call))),
          onSuccess: () => conflict(journal, begun.differs)
        })
      )
    })

  const join = (flight: Flight, call: Call) => {
    const differs = differences(flight.journal.request, call.request)
    if (differs.length > 0) return conflict(newJournal(call.request, call.unseen ?? 0), differs)
    flight.journal.expect(call.unseen ?? 0)
    flight.done ??= Deferred.unsafeMake(FiberId.none)
    return Effect.flatMap(
      Deferred.await(flight.done),
      // Interrupted: the first to get here carries on, and asks before it sends if anything was left unclear.
      Option.getOrElse(() => board(call))
    )
  }

  const fly = (
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
    journal: Journal,
    first: Plan.Step,
    policy: RetryPolicy,
    declined?: HardDeclined
  ): Effect.Effect<Outcome, PayoutError> => {
    flights.set(journal.request.handle, { journal, done: undefined })
    const land = (exit: Ended) =>
      journal.sending === undefined
        ? landed(journal, exit, declined)
        : Effect.flatMap(journal.interrupt(), () => landed(journal, exit, declined))
    return Effect.matchCauseEffect(restore(converse(client, policy, journal, first)), {
      onFailure: (cause) => land(Exit.failCause(cause)),
      onSuccess: (outcome) => land(Exit.succeed(outcome))
    })
  }

  const landed = (journal: Journal, exit: Ended, declined: HardDeclined | undefined) => {
    const { handle } = journal.request
    const told = Exit.isSuccess(exit) ? exit : asFarAsKnown(journal, exit, memories.get(handle), declined)
    const done = flights.get(handle)?.done
    // Whoever carries on has the evidence, too, if it is only that nothing was done.
    const kept = memories.keep(journal, told, done !== undefined && Exit.isInterrupted(told))
    flights.delete(handle)
    if (done !== undefined) {
      Deferred.unsafeDone(done, Effect.succeed(Exit.isInterrupted(told) ? Option.none() : Option.some(told)))
    }
    return kept === undefined ? told : Effect.flatMap(kept, () => told)
  }

  return {
    board,
    paid: (handle) => memories.get(handle)?.paid,
    learn: (payout) => memories.about(payout)?.journal.learn(payout),
    exposureMax: (handle) => {
      const journal = flights.get(handle)?.journal ?? memories.get(handle)?.journal
      return journal === undefined
        ? 0
        : journal.exposure.max + (journal.sending === "Create" ? journal.request.amount : 0)
    },
    remember: (outcome, payout, ended) =>
      Effect.suspend(() => {
        const memory = memories.about(payout)
        // Whose arguments they were, if this process made the outcome: a decline is of them, and of no others.
        const request = outcome && memories.requests.get(outcome)
        return memory === undefined
          ? Effect.void
          : (memories.keep(memory.journal, ended, false, Option.fromNullable(request)) ?? Effect.void)
      })
  }
}

const newJournal = (request: PayoutRequest, unseen: number, guessed = false) =>
  new Journal(request, Attempt.emptyTally(unseen, guessed))

const start = ({ request, resumes, unseen }: Call): Begun =>
  resumes
    ? { journal: newJournal(request, unseen ?? 1, unseen === undefined), first: Plan.firstAsk }
    : { journal: newJournal(request, 0), first: Plan.create }

const recall = ({ declined, journal, paid }: Memory, call: Call): Begun => {
  const { request, resumes, unseen = 0 } = call
  const differs = differences(journal.request, request)
  // Other arguments are another try, but only once it is certain that these have not paid.
  if (differs.length > 0 && paid !== undefined) return { end: conflict(journal, differs) }
  if (differs.length > 0 && journal.isInDoubt) return { journal, differs }
  if (paid !== undefined) return { end: Effect.succeed(paid) }
  const before = declined.find((one) => differences(one.request, request).length === 0)
  const known = differs.length > 0 ? journal.continuedBy(request) : journal
  known.expect(unseen)
  if (before !== undefined && !known.isInDoubt) return { end: before.error }
  if (before !== undefined) return { journal: known, first: Plan.recheck, declined: before.error }
  if (known.isInDoubt) return { journal: known, first: Plan.firstStep(known.doubt.verdict) }
  return { journal: known, first: resumes ? Plan.firstAsk : Plan.create }
}

/** What a conversation that failed comes to, by what others have been told meanwhile, or were told before. */
const asFarAsKnown = (
  journal: Journal,
  failure: Exit.Failure<Outcome, PayoutError>,
  memory: Memory | undefined,
  declined: HardDeclined | undefined
): Ended => {
  const error = Cause.failureOption(failure.cause)
  if (Option.isNone(error)) return failure
  // Whoever waited for it to settle may have been told what this conversation was not.
  if (memory?.paid !== undefined && differences(memory.journal.request, journal.request).length === 0) {
    return Exit.succeed(memory.paid)
  }
  // A request that was lost may have been carried out after the decline, and softly declined. The same arguments stay
  // declined for good.
  const { certainty, _tag } = error.value
  if (declined === undefined || _tag !== "SoftDeclined" || certainty !== "NotMoved") return failure
  const { payout, requestId } = declined
  return Exit.fail(new HardDeclined({ ...journal.accounting, requestId, payout }, validated))
}

const conflict = (journal: Journal, differs: ReadonlyArray<string>) =>
  new HandleConflict({ ...journal.accounting, with: "Process", differs }, validated)

/** What is remembered, each kind apart. */
class Memories {
  /** Which request an outcome is of that is processing. */
  readonly requests = new WeakMap<Outcome, PayoutRequest>()
  private readonly paid: Recent<Memory>
  private readonly failed: Recent<Memory>
  private readonly inDoubt: Recent<Memory>

  constructor(most: typeof rememberedMax) {
    this.paid = new Recent(most.paid)
    this.failed = new Recent(most.failed)
    this.inDoubt = new Recent(most.inDoubt)
  }

  /** What is remembered of a payout that was shown, if it is the sum that was. */
  about({ amount, currency, handle }: Payout): Memory | undefined {
    const memory = this.get(handle)
    const request = memory?.journal.request
    return request?.amount === amount && (currency ?? request.currency) === request.currency ? memory : undefined
  }

  get(handle: string): Memory | undefined {
    return this.inDoubt.get(handle) ?? this.paid.get(handle) ?? this.failed.get(handle)
  }

  /** Remembers how a call ended, at once; the effect counts what is in doubt since, and what is not any more. */
  keep(
    journal: Journal,
    exit: Ended,
    isHandedOn = false,
    of: Option.Option<PayoutRequest> = Option.some(journal.request)
  ): Effect.Effect<void> | undefined {
    const { handle } = journal.request
    // One that is paid is never asked about any more, and the collector has to look through all that is in there.
    if (Exit.isSuccess(exit) && exit.value._tag === "Processing" && Option.isSome(of)) {
      this.requests.set(exit.value, of.value)
    }
    const before = this.get(handle)
    const paid = Exit.isSuccess(exit) && exit.value._tag === "Paid" ? exit.value : before?.paid
    const declined = Option.isNone(of)
      ? (before?.declined ?? none)
      : declinedBy(before?.declined ?? none, of.value, exit)
    journal.trim()
    const memory = { journal, paid, declined, exposure: journal.exposure.max }
    const known = before && this.forget(handle)
    if (paid === undefined && journal.isInDoubt) {
      const oldest = this.inDoubt.set(handle, memory)
      return countDoubts(doubtOf(memory, 1), doubtOf(known, -1), doubtOf(oldest, -1))
    }
    if (paid !== undefined && declined.length === 0) this.paid.set(handle, memory)
    // What was paid or declined for good has a record, too.
    else if (journal.record !== undefined || isHandedOn) this.failed.set(handle, memory)
    return known && countDoubts(doubtOf(known, -1))
  }

  /** What was known of it, if it was in doubt. */
  private forget(handle: string): Memory | undefined {
    this.paid.delete(handle)
    this.failed.delete(handle)
    return this.inDoubt.delete(handle)
  }
}

const countDoubts = (...doubts: ReadonlyArray<Telemetry.Doubt | undefined>): Effect.Effect<void> =>
  Effect.forEach(doubts, (doubt) => (doubt === undefined ? Effect.void : Telemetry.countDoubt(doubt)), {
    discard: true
  })

const doubtOf = (memory: Memory | undefined, payouts: 1 | -1): Telemetry.Doubt | undefined =>
  memory && {
    payouts,
    currency: memory.journal.request.currency,
    exposure: payouts * memory.exposure
  }

const none: ReadonlyArray<Declined> = []

const declinedBy = (before: ReadonlyArray<Declined>, request: PayoutRequest, exit: Ended): ReadonlyArray<Declined> => {
  if (!Exit.isFailure(exit) || exit.cause._tag !== "Fail" || exit.cause.error._tag !== "HardDeclined") return before
  const others = before.filter((one) => differences(one.request, request).length > 0)
  return [...others, { request, error: exit.cause.error }].slice(-declinedMax)
}
