/**
 * What one process remembers of the payouts that it has seen, each kind apart. However many are paid, they push out nothing that
 * was declined, or is in doubt; and what is pushed out while it is in doubt leaves its evidence behind.
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
import type { Evidence } from "./Evidence.js"
import { Recent } from "./Recent.js"

/**
 * How many payouts of a kind are remembered; the oldest are forgotten first. Of `others` only the evidence is: what was evicted
 * while it was in doubt, and what was only asked about.
 */
export const rememberedMax = { paid: 10_000, failed: 10_000, inDoubt: 10_000, others: 100_000 }

/** How many declines of one handle are remembered. */
const declinedMax = 20

export type Ended = Exit.Exit<Outcome, PayoutError>

/** What the calls for a handle have left behind. */
export interface Memory {
  readonly request: PayoutRequest
  readonly evidence: Evidence
  readonly paid: Paid | undefined
  /** Declined for good, whatever else has been tried under the handle since. */
  readonly declined: ReadonlyArray<Declined>
  /** The most that may have moved, as it is counted. */
  readonly exposure: number
}

export interface Declined {
  readonly request: PayoutRequest
  readonly error: HardDeclined
}

export class ProcessMemory {
  private readonly paid: Recent<Memory>
  private readonly failed: Recent<Memory>
  private readonly inDoubt: Recent<Memory>
  private readonly others: Recent<Exposure.Evidence>
  /** Whether anything was evicted while it was in doubt. From then on, a handle that is not remembered is asked about first. */
  hasEvicted = false
  /** Whether even its evidence was forgotten: then any handle may have been sent. */
  hasForgotten = false

  constructor(most: typeof rememberedMax = rememberedMax) {
    this.paid = new Recent(most.paid)
    this.failed = new Recent(most.failed)
    this.inDoubt = new Recent(most.inDoubt)
    this.others = new Recent(most.others)
  }

  get(handle: string): Memory | undefined {
    return this.inDoubt.get(handle) ?? this.paid.get(handle) ?? this.failed.get(handle)
  }

  /** The evidence of a payout of which nothing else is remembered. */
  evidence(handle: string): Exposure.Evidence | undefined {
    return this.others.get(handle)
  }

  /** Remembers what was found of a payout that no call was made for. */
  note(handle: string, evidence: Exposure.Evidence): void {
    const known = this.others.get(handle)
    this.remember(handle, known === undefined ? evidence : Exposure.merge(known, evidence))
  }

  /** What is remembered of a payout that was shown, if it is the sum that was. */
  about({ amount, currency, handle }: Payout): Memory | undefined {
    const memory = this.get(handle)
    return memory?.request.amount === amount && (currency ?? memory.request.currency) === memory.request.currency
      ? memory
      : undefined
  }

  /**
   * Remembers how a call ended, and counts what is in doubt since, and what is not any more. `isKept`: in any case. Without an end,
   * it is not known whether it was these arguments' own.
   */
  keep(request: PayoutRequest, evidence: Evidence, ended: Ended | undefined, isKept = false): Effect.Effect<void> {
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
    // What was paid or declined for good has a record, too.
    else if (evidence.value.record !== undefined || isKept) this.leave(this.failed.set(handle, memory))
    return count(known, -1)
  }

  /** Its service is gone, and what was in doubt is counted by nobody any more. */
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

  /** A payment by an unknown card leaves its evidence behind, too. No doubt is lost, so nobody has to hear. */
  private leave(oldest: readonly [handle: string, memory: Memory] | undefined): void {
    if (oldest === undefined || oldest[1].paid !== undefined || !oldest[1].evidence.isInDoubt) return
    this.hasEvicted = true
    this.remember(oldest[0], oldest[1].evidence.value)
  }

  private remember(handle: string, evidence: Exposure.Evidence): void {
    const oldest = this.others.set(handle, evidence)
    if (oldest !== undefined && Exposure.exposure(oldest[1]).max > 0) this.hasForgotten = true
  }

  /** What was known of it, if it was in doubt. */
  private forget(handle: string): Memory | undefined {
    this.paid.delete(handle)
    this.failed.delete(handle)
    this.others.delete(handle)
    return this.inDoubt.delete(handle)
  }
}

// Who asked about the handle only may have found that other arguments were paid.
const isPaid = (
  request: PayoutRequest,
  evidence: Evidence,
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

// A decline is of the arguments that were declined, and of no others.
const declinedBy = (
  before: ReadonlyArray<Declined>,
  request: PayoutRequest,
  { process, value }: Evidence,
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
  if (!Exposure.isDoing(value, error.payout, fingerprints(request), process.horizon)) return before
  const others = before.filter((one) => differences(one.request, request).length > 0)
  return [...others, { request, error }].slice(-declinedMax)
}
