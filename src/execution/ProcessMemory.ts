/**
 * What one process remembers of the payouts that it has seen, with a limit for each kind. Each kind evicts its own
 * oldest entry, so paid payouts never evict declined payouts or payouts in doubt. A payout that is evicted while in
 * doubt leaves its evidence behind.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome, Paid } from "../domain/Outcome.js"
import type { Payout } from "../domain/Payout.js"
import type { HardDeclined, PayoutError } from "../domain/PayoutError.js"
import { differences, fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import { log } from "../host/hostCode.js"
import * as Telemetry from "../Telemetry.js"
import type { EvidenceRecorder } from "./EvidenceRecorder.js"
import { BoundedMap } from "./BoundedMap.js"

/**
 * The most payouts remembered of each kind; the oldest are forgotten first. Of `others` only the evidence is kept:
 * payouts evicted while in doubt, and payouts that were only looked up.
 */
export const rememberedMax = { paid: 10_000, failed: 10_000, inDoubt: 10_000, others: 100_000 }

/** The most declines remembered for one handle. */
const declinedMax = 20

export type Ended = Exit.Exit<Outcome, PayoutError>

/** What the calls for a handle left behind. */
export interface Memory {
  readonly request: PayoutRequest
  readonly evidence: EvidenceRecorder
  readonly paid: Paid | undefined
  /** The requests that were declined for good, also if other arguments were tried under the handle since. */
  readonly declined: ReadonlyArray<Declined>
  /** The most that may have moved, as the gauge counted it. */
  readonly exposure: number
}

export interface Declined {
  readonly request: PayoutRequest
  readonly error: HardDeclined
}

export class ProcessMemory {
  private readonly paid: BoundedMap<Memory>
  private readonly failed: BoundedMap<Memory>
  private readonly inDoubt: BoundedMap<Memory>
  private readonly others: BoundedMap<Exposure.Evidence>
  /** Whether a payout was evicted while in doubt. From then on, a call for an unknown handle begins with a lookup. */
  hasEvicted = false
  /** Whether the evidence of a payout in doubt was forgotten. From then on, any unknown handle may have been sent. */
  hasForgotten = false

  constructor(most: typeof rememberedMax = rememberedMax) {
    this.paid = new BoundedMap(most.paid)
    this.failed = new BoundedMap(most.failed)
    this.inDoubt = new BoundedMap(most.inDoubt)
    this.others = new BoundedMap(most.others)
  }

  get(handle: string): Memory | undefined {
    return this.inDoubt.get(handle) ?? this.paid.get(handle) ?? this.failed.get(handle)
  }

  /** The evidence of a payout of which nothing else is remembered. */
  evidence(handle: string): Exposure.Evidence | undefined {
    return this.others.get(handle)
  }

  /** Remembers what a lookup found of a payout without a call in this process. */
  note(handle: string, evidence: Exposure.Evidence): void {
    const known = this.others.get(handle)
    this.remember(handle, known === undefined ? evidence : Exposure.merge(known, evidence))
  }

  /** The memory of a payout that a record showed, if amount and currency match. */
  about({ amount, currency, handle }: Payout): Memory | undefined {
    const memory = this.get(handle)
    return memory?.request.amount === amount && (currency ?? memory.request.currency) === memory.request.currency
      ? memory
      : undefined
  }

  /**
   * Remembers how a call ended, and updates the count of payouts in doubt. `isKept` keeps the payout even without a
   * record. Without `ended`, it is unknown whether the result belongs to these arguments.
   */
  keep(
    request: PayoutRequest,
    evidence: EvidenceRecorder,
    ended: Ended | undefined,
    isKept = false
  ): Effect.Effect<void> {
    const { handle } = request
    const before = this.get(handle)
    const paid = isPaid(request, evidence, ended) ? ended.value : before?.paid
    const declined = declinedBy(before?.declined ?? [], request, evidence, ended)
    evidence.trim()
    const memory: Memory = { request, evidence, paid, declined, exposure: evidence.exposure.max }
    const known = this.forget(handle)
    if (paid === undefined && evidence.isInDoubt && evidence.exposure.min === 0) {
      const oldest = this.inDoubt.set(handle, memory)
      const counted = Effect.zipRight(count(memory, 1), count(known, -1))
      return oldest === undefined ? counted : Effect.zipRight(counted, this.evict(...oldest))
    }
    if (paid !== undefined && declined.length === 0) this.paid.set(handle, memory)
    // A payout that was paid or declined for good always has a record.
    else if (evidence.value.record !== undefined || isKept) this.leave(this.failed.set(handle, memory))
    return count(known, -1)
  }

  /** Takes the payouts in doubt out of the count when the service ends. */
  readonly close: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach([...this.inDoubt.values()], (memory) => count(memory, -1), { discard: true })
  )

  private evict(handle: string, memory: Memory): Effect.Effect<void> {
    this.hasEvicted = true
    const { evidence, exposure, request } = memory
    this.remember(handle, evidence.value)
    const line = Effect.logError(
      `Payout ${handle} is in doubt (up to ${exposure} minor units of ${request.currency}) and no longer remembered: ` +
        `too many others are. Recover those that are in doubt.`
    )
    return Effect.zipRight(log(Effect.annotateLogs(line, { handle })), count(memory, -1))
  }

  /** Keeps the evidence of a payment by an unknown card, too. No doubt is lost, so nothing is logged. */
  private leave(oldest: readonly [handle: string, memory: Memory] | undefined): void {
    if (oldest === undefined || oldest[1].paid !== undefined || !oldest[1].evidence.isInDoubt) return
    this.hasEvicted = true
    this.remember(oldest[0], oldest[1].evidence.value)
  }

  private remember(handle: string, evidence: Exposure.Evidence): void {
    // What is seen again is not the oldest.
    this.others.delete(handle)
    const oldest = this.others.set(handle, evidence)
    if (oldest !== undefined && Exposure.exposure(oldest[1]).max > 0) this.hasForgotten = true
  }

  /** Removes the handle, and returns its memory if it was in doubt. */
  private forget(handle: string): Memory | undefined {
    this.paid.delete(handle)
    this.failed.delete(handle)
    this.others.delete(handle)
    return this.inDoubt.delete(handle)
  }
}

// A call that only looked the handle up may have found a payment of other arguments.
const isPaid = (
  request: PayoutRequest,
  evidence: EvidenceRecorder,
  ended: Ended | undefined
): ended is Exit.Success<Paid, never> =>
  ended !== undefined && Exit.isSuccess(ended) && ended.value._tag === "Paid" && evidence.payerOf(request) !== "Other"

const count = (memory: Memory | undefined, payouts: 1 | -1): Effect.Effect<void> =>
  memory === undefined
    ? Effect.void
    : Telemetry.countDoubt({
        payouts,
        currency: memory.request.currency,
        exposure: payouts * memory.exposure
      })

// A decline counts only for the arguments that were declined.
const declinedBy = (
  before: ReadonlyArray<Declined>,
  request: PayoutRequest,
  evidence: EvidenceRecorder,
  ended: Ended | undefined
): ReadonlyArray<Declined> => {
  if (
    ended === undefined ||
    !Exit.isFailure(ended) ||
    ended.cause._tag !== "Fail" ||
    ended.cause.error._tag !== "HardDeclined"
  )
    return before
  const { error } = ended.cause
  const isOwn = Exposure.isDoing(evidence.value, error.payout, fingerprints(request), evidence.process.horizon)
  // The latest transaction may be another one's, and an earlier one the decline of these arguments.
  if (!isOwn && !evidence.isDeclined) return before
  const others = before.filter((one) => differences(one.request, request).length > 0)
  return [...others, { request, error }].slice(-declinedMax)
}
