/**
 * Runs one call at a time for each handle in a process. Equal calls join it. The process remembers what a call left
 * unclear, so the next call for the handle makes a lookup before it sends.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import * as Exposure from "../domain/Exposure.js"
import type { Handle } from "../domain/Handle.js"
import type { Outcome, Paid } from "../domain/Outcome.js"
import type { Payout } from "../domain/Payout.js"
import { HardDeclined, type HandleConflict, type PayoutError } from "../domain/PayoutError.js"
import { differences, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { RetryPolicy } from "../policy/RetryPolicy.js"
import { EvidenceRecorder } from "./EvidenceRecorder.js"
import { type BeforeCreate, interrupt } from "./exchange.js"
import * as loop from "./loop.js"
import * as NextStep from "./nextStep.js"
import type { Process } from "./Process.js"
import { type Ended, type Memory, ProcessMemory } from "./ProcessMemory.js"
import { subjectOf } from "./Subject.js"
import { validated } from "./toError.js"

/** What the caller knows of creates of other processes. With it, a call begins with a lookup. */
export interface Recovery {
  /** How many creates were sent that no evidence knows. */
  readonly outstandingCreates: number | undefined
  /** When the latest of these was sent, in epoch milliseconds. */
  readonly lastSentAt: number | undefined
  /** Whether the call sends nothing, whatever the lookup shows. */
  readonly lookUpOnly: boolean
}

/** The arguments of a call for a payout. */
export interface Call {
  readonly request: PayoutRequest
  readonly policy: RetryPolicy
  /** The evidence of earlier calls, which this process may not have. */
  readonly evidence?: Exposure.Evidence | undefined
  /** Undefined if no other process can have sent it. */
  readonly recovery: Recovery | undefined
}

/** A call under way. The first call that joins it makes `done`, which holds none if the call was interrupted. */
interface Flight {
  readonly request: PayoutRequest
  readonly lookUpOnly: boolean
  readonly evidence: EvidenceRecorder
  done: Deferred.Deferred<Option.Option<Ended>> | undefined
}

type Ending = Effect.Effect<Outcome, PayoutError>
type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** How a call begins. */
type Begun =
  | { readonly evidence: EvidenceRecorder; readonly first: NextStep.Step; readonly declined?: HardDeclined }
  /** Other arguments may have paid. A lookup for them comes before these can be tried. */
  | { readonly other: Memory; readonly differs: ReadonlyArray<string> }
  | { readonly end: Ending }

export class SingleFlight {
  private readonly flights = new Map<string, Flight>()

  constructor(
    private readonly client: BillwerkClient["Type"],
    private readonly process: Process,
    private readonly beforeCreate?: BeforeCreate,
    private readonly memory: ProcessMemory = new ProcessMemory()
  ) {}

  /** Takes the payouts in doubt out of the count when the service ends. */
  get close(): Effect.Effect<void> {
    return this.memory.close
  }

  /** Pays out, or joins the call that already does. */
  board(call: Call): Ending {
    // No yield between reading and changing the state, so two calls for one handle cannot both start.
    return Effect.flatMap(this.process.now, (now) =>
      Effect.uninterruptibleMask((restore) => {
        const flight = this.flights.get(call.request.handle)
        if (flight !== undefined) return restore(this.join(flight, call, now))
        const known = this.memory.get(call.request.handle)
        const begun = known === undefined ? start(this.memory, this.process, call, now) : recall(known, call, now)
        if ("end" in begun) return begun.end
        if ("first" in begun) return this.fly(restore, call, asAllowed(call, begun))
        return this.askAbout(restore, call, begun.other, begun.differs, now)
      })
    )
  }

  /** The paid payout, if this process knows it. */
  paid(handle: Handle): Paid | undefined {
    return this.memory.get(handle)?.paid
  }

  /** All evidence of this process about a handle, for any arguments. */
  evidence(handle: Handle): Exposure.Evidence | undefined {
    return (this.flights.get(handle) ?? this.memory.get(handle))?.evidence.value ?? this.memory.evidence(handle)
  }

  /** Takes over evidence from elsewhere. If it leaves money in doubt, the next call for the handle begins with a lookup. */
  adopt(evidence: Exposure.Evidence): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { flights, memory } = this
      // A call under way takes the evidence along, and remembers it when it ends.
      flights.get(evidence.handle)?.evidence.learn(evidence)
      const known = memory.get(evidence.handle)
      if (known === undefined) {
        memory.note(evidence.handle, evidence)
        return Effect.void
      }
      known.evidence.learn(evidence)
      return memory.keep(known.request, known.evidence, undefined)
    })
  }

  /** Records what a wait found, and how it ended. */
  learn(payout: Payout, evidence: Exposure.Evidence, ended: Ended): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { flights, memory } = this
      const known = memory.about(payout)
      if (known === undefined) return this.adopt(evidence)
      flights.get(evidence.handle)?.evidence.learn(evidence)
      known.evidence.learn(evidence)
      // Another process may have paid it with another card.
      const isUnknown =
        Exit.isSuccess(ended) && ended.value._tag === "Paid" && known.evidence.payerOf(known.request) === "Unknown"
      return memory.keep(known.request, known.evidence, isUnknown ? undefined : ended)
    })
  }

  private join(flight: Flight, call: Call, now: Exposure.Moment): Ending {
    const differs = differences(flight.request, call.request)
    adopting(flight.evidence, call, now)
    if (differs.length > 0) return conflict(flight.evidence, call.request, differs)
    const done = (flight.done ??= Deferred.unsafeMake(FiberId.none))
    // A call that sends nothing does not answer one that may.
    if (flight.lookUpOnly && !isLookUpOnly(call)) return Effect.flatMap(Deferred.await(done), () => this.board(call))
    return Effect.flatMap(
      Deferred.await(done),
      // Interrupted: the first joiner takes over, and makes a lookup before it sends if anything is in doubt.
      Option.getOrElse(() => this.board(call))
    )
  }

  // The other arguments' result is not this call's, but it decides whether this call may send.
  private askAbout(
    restore: Restore,
    call: Call,
    { evidence, request }: Memory,
    differs: ReadonlyArray<string>,
    now: Exposure.Moment
  ): Ending {
    const refused = Effect.suspend(() => {
      adopting(evidence, call, now)
      return conflict(evidence, call.request, differs)
    })
    return this.fly(restore, { ...call, request }, { evidence, first: NextStep.lastAsk }).pipe(
      Effect.matchEffect({
        onFailure: (): Ending =>
          evidence.isInDoubtBeside(subjectOf(call.request)) ? refused : restore(this.board(call)),
        onSuccess: () => refused
      })
    )
  }

  private fly(
    restore: Restore,
    call: Call,
    { declined, evidence, first }: Extract<Begun, { readonly first: NextStep.Step }>
  ): Ending {
    const { policy, request } = call
    const flight: Flight = { request, lookUpOnly: isLookUpOnly(call), evidence, done: undefined }
    this.flights.set(request.handle, flight)
    const { beforeCreate, client } = this
    return Effect.matchCauseEffect(restore(loop.run({ client, request, policy, evidence, first, beforeCreate })), {
      onFailure: (cause) => Effect.zipRight(interrupt(evidence), this.land(flight, Exit.failCause(cause), declined)),
      onSuccess: (outcome) => this.land(flight, Exit.succeed(outcome), declined)
    })
  }

  private land(flight: Flight, exit: Ended, declined: HardDeclined | undefined): Ending {
    return Effect.suspend(() => {
      const { evidence, request } = flight
      const known = this.memory.get(request.handle)
      const ended = Exit.isSuccess(exit) ? exit : asFarAsKnown(flight, exit, known, declined)
      // A joiner that takes over an interrupted call gets its evidence, even if nothing was done.
      const isHandedOn = flight.done !== undefined && Exit.isInterrupted(ended)
      const kept = this.memory.keep(request, evidence, ended, isHandedOn)
      this.flights.delete(request.handle)
      if (flight.done !== undefined) {
        Deferred.unsafeDone(flight.done, Effect.succeed(Exit.isInterrupted(ended) ? Option.none() : Option.some(ended)))
      }
      return Effect.zipRight(kept, ended)
    })
  }
}

const isLookUpOnly = ({ recovery }: Call): boolean => recovery?.lookUpOnly === true

/** How a call begins that may send nothing: no create follows a last lookup. */
const asAllowed = (
  call: Call,
  begun: Extract<Begun, { readonly first: NextStep.Step }>
): Extract<Begun, { readonly first: NextStep.Step }> =>
  isLookUpOnly(call) && begun.first !== NextStep.recheck ? { ...begun, first: NextStep.lastAsk } : begun

const start = (memory: ProcessMemory, process: Process, call: Call, now: Exposure.Moment): Begun => {
  const { handle } = call.request
  const evidence = new EvidenceRecorder(process, subjectOf(call.request), memory.evidence(handle))
  if (memory.hasForgotten) evidence.assume(evidence.subject, { count: 1, guess: true, until: now })
  adopting(evidence, call, now)
  const isAsked = call.recovery !== undefined || memory.hasEvicted || evidence.isInDoubt
  const asking = Exposure.isClaimed(evidence.value, now) ? NextStep.confirm : NextStep.firstAsk
  return { evidence, first: evidence.isDeclined ? NextStep.recheck : isAsked ? asking : NextStep.create }
}

const recall = ({ declined, evidence, paid, request }: Memory, call: Call, now: Exposure.Moment): Begun => {
  const differs = differences(request, call.request)
  // Other arguments may be tried only when it is certain that the earlier ones have not paid.
  if (differs.length > 0 && paid !== undefined) {
    adopting(evidence, call, now)
    return { end: conflict(evidence, call.request, differs) }
  }
  // It is paid, perhaps by these arguments, unless they were declined for good. The record decides, and nothing is
  // sent.
  if (differs.length > 0 && evidence.exposure.min > 0 && evidence.payerOf(call.request) !== "Other") {
    const known = evidence.continuedBy(subjectOf(call.request))
    adopting(known, call, now)
    const isDeclined = known.isDeclined || declined.some((one) => differences(one.request, call.request).length === 0)
    return isDeclined ? { end: conflict(known, call.request, differs) } : { evidence: known, first: NextStep.lastAsk }
  }
  if (differs.length > 0 && evidence.isInDoubtBeside(subjectOf(call.request))) {
    return { other: { declined, evidence, paid, request, exposure: 0 }, differs }
  }
  if (paid !== undefined) return { end: Effect.succeed(paid) }
  const known = differs.length > 0 ? evidence.continuedBy(subjectOf(call.request)) : evidence
  adopting(known, call, now)
  const before = declined.find((one) => differences(one.request, call.request).length === 0)
  // With `outstandingCreates`, a caller may have ended a doubt that the record would not end. So `recover` looks it up.
  if (before !== undefined && !known.isInDoubt && call.recovery === undefined) {
    return { end: before.error.certainty === "NotMoved" ? before.error : declinedBefore(known, before.error) }
  }
  if (before !== undefined) return { evidence: known, first: NextStep.recheck, declined: before.error }
  if (known.isDeclined) return { evidence: known, first: NextStep.recheck }
  if (known.isInDoubt) return { evidence: known, first: NextStep.firstStep(known.doubt.verdict) }
  return { evidence: known, first: call.recovery === undefined ? NextStep.create : NextStep.firstAsk }
}

/**
 * Records what the caller knows. In a recovery, by default it assumes one outstanding create, even if this process has evidence:
 * another process may have sent one meanwhile.
 */
const adopting = (
  evidence: EvidenceRecorder,
  { evidence: earlier, recovery, request }: Call,
  now: Exposure.Moment
): void => {
  // A create that follows must not take an earlier transaction for its own.
  if (earlier !== undefined) evidence.learn(Exposure.adopted(earlier, now, evidence.value))
  if (recovery === undefined) return
  const { lastSentAt, outstandingCreates } = recovery
  const count = outstandingCreates ?? 1
  const until = { clock: now.clock, at: lastSentAt ?? now.at }
  evidence.assume(subjectOf(request), { count, guess: outstandingCreates === undefined, until, beside: earlier })
}

/** The result of a failed call, given what other calls learned meanwhile or before. */
const asFarAsKnown = (
  { evidence, request }: Flight,
  failure: Exit.Failure<Outcome, PayoutError>,
  memory: Memory | undefined,
  declined: HardDeclined | undefined
): Ended => {
  const error = Cause.failureOption(failure.cause)
  if (Option.isNone(error)) return failure
  // A wait for the end may have seen a payment that this call did not see.
  if (memory?.paid !== undefined && differences(memory.request, request).length === 0) return Exit.succeed(memory.paid)
  // A lost create may have been carried out after the decline and softly declined, or the record could not be read
  // again. The same arguments stay declined for good.
  const { certainty, _tag } = error.value
  return declined !== undefined && certainty === "NotMoved" && _tag !== "HandleConflict"
    ? Exit.fail(declinedBefore(evidence, declined))
    : failure
}

/** An earlier decline, with the money as it is known now. */
const declinedBefore = (evidence: EvidenceRecorder, { payout, requestId }: HardDeclined): HardDeclined =>
  new HardDeclined({ ...evidence.accounting(), requestId, payout }, validated)

const conflict = (evidence: EvidenceRecorder, request: PayoutRequest, differs: ReadonlyArray<string>): HandleConflict =>
  evidence.conflict({ with: "Process", differs }, subjectOf(request))
