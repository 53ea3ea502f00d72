/**
 * What a seed makes of a world before anything happens in it: the provider's habits, the faults that are possible and how
 * often, the client's policy, the processes and the payouts.
 */
import { Duration, Schedule } from "effect"
import { type RequestLimits, RetryPolicy } from "effect-billwerk-payouts"
import { type Sandbox } from "effect-billwerk-payouts/testing"
import { about, type Chance } from "./Chance.js"
import { type Fate, type Fault, fates, faults } from "./Faults.js"

const hour = 3_600_000
const halfAnHour = hour / 2

export interface Setting {
  readonly seed: number
  /** The provider's habits, where the documentation leaves them open. */
  readonly rules: Sandbox.Options
  /** The kinds of fault that happen here, each as often as its weight says, and how often an exchange has one. */
  readonly faults: ReadonlyArray<readonly [Fault, number]>
  readonly faultRate: number
  readonly fates: ReadonlyArray<readonly [Fate, number]>
  readonly fateRate: number
  readonly policy: RetryPolicy.RetryPolicy
  /** The request limits that each client keeps. */
  readonly requestLimits: RequestLimits.Limits | "None"
  /** Whether the evidence of each create is stored before it is sent. */
  readonly isStored: boolean
  /** How many attempts may end in a processing error in the life of a payout. */
  readonly processingErrorsMax: number
  readonly processes: number
  /** Whether the service is built anew for each call, as by a layer that is provided to each request. */
  readonly isBuiltPerCall: boolean
  /** What keeps the answers to lookups on the way, if anything does. */
  readonly cache: Cache | undefined
  readonly payouts: number
  readonly rates: Rates
}

/** A careless cache: it answers a lookup with what it heard before, whatever the status was. */
export interface Cache {
  /** Milliseconds. */
  readonly maxAge: number
  /** What `cache-control: no-store` means to it. */
  readonly isNoStoreHonoured: boolean
  /** Whether an answer that was kept says how old it is. */
  readonly hasAge: boolean
  /** Whether all processes share it. */
  readonly isShared: boolean
}

/** How often people and machines do what makes it hard. */
export interface Rates {
  /** A call is interrupted. */
  readonly interruption: number
  /** A process dies in the middle of an exchange. */
  readonly crash: number
  /** Another process takes over. */
  readonly handover: number
  /** The same call is made twice at once. */
  readonly twin: number
  /** Two processes pay out under one handle at once. */
  readonly contention: number
  /** Somebody waits for the end of it meanwhile, and only asks. */
  readonly watching: number
  /** A create is held up on its way, for minutes or hours. */
  readonly heldUp: number
  /** Who recovers a payout knows nothing of what was sent, or does not say so. */
  readonly silence: number
  /** There were attempts in earlier days. */
  readonly history: number
  /** Milliseconds by which the wall clocks of processes may be wrong. */
  readonly skew: number
}

export const settingOf = (seed: number): Setting => {
  const chance = about(seed, "setting")
  const kept = about(seed, "kinds of fault")
  const share = kept.next()
  const people = about(seed, "people")
  // After a decline people pay again, which is where what others did before gets in the way.
  const declines = people.pick(1, 1, 10)
  const [policy, processingErrorsMax] = policyOf(about(seed, "policy"))
  return {
    seed,
    rules: { ...rulesOf(about(seed, "rules")), ...clockOf(about(seed, "the provider's clock")) },
    faults: faults
      .filter(() => kept.happens(share))
      .map((fault) => [fault, (fault.weight ?? 1) * kept.next()] as const),
    faultRate: chance.pick(0, 0.1, 0.2, 0.35, 0.5, 0.8),
    fates: fates
      .filter(() => kept.happens(0.7))
      .map((fate) => [fate, fate.weight * kept.next() * (fate.isDecline === true ? declines : 1)] as const),
    fateRate: chance.pick(0, 0.2, 0.4, 0.7),
    policy,
    requestLimits: requestLimitsOf(about(seed, "request limits")),
    isStored: about(seed, "stores").happens(0.4),
    processingErrorsMax,
    processes: chance.between(1, 5),
    isBuiltPerCall: about(seed, "services").happens(0.15),
    cache: cacheOf(about(seed, "cache")),
    payouts: chance.between(2, 12),
    rates: {
      interruption: chance.pick(0, 0.05, 0.2),
      crash: chance.pick(0, 0.01, 0.05),
      handover: chance.pick(0, 0.2, 0.6),
      twin: chance.pick(0, 0.1),
      contention: chance.pick(0, 0, 0.2),
      watching: people.pick(0, 0.1, 0.3),
      heldUp: people.pick(0, 0.1, 0.4),
      silence: people.pick(0, 0, 0, 1),
      history: people.pick(0, 0, 0.3, 0.8),
      skew: people.pick(0, 1_000, 300_000, halfAnHour)
    }
  }
}

const cacheOf = (chance: Chance): Cache | undefined => {
  if (!chance.happens(0.2)) return undefined
  const isNoStoreHonoured = chance.happens(0.4)
  const hasAge = chance.happens(0.8)
  // What nobody can tell from the provider may not keep an answer for longer than a read may lag behind.
  const maxAge = chance.duration(5_000, isNoStoreHonoured || hasAge ? 3 * hour : 300_000)
  return { maxAge, isNoStoreHonoured, hasAge, isShared: chance.happens(0.6) }
}

const rulesOf = (chance: Chance): Sandbox.Options => ({
  testAmounts: false,
  repeatOfPaid: chance.pick("Error", "Replay"),
  repeatOfProcessing: chance.pick("Error", "Replay"),
  failureUsesToken: chance.happens(0.5),
  repeatWithToken: chance.pick("Payout", "Payout", "Token"),
  transactionsOrder: chance.pick("OldestFirst", "NewestFirst"),
  transactionDates: "Distinct",
  requestIdField: chance.pick("Underscored", "Hyphenated"),
  limits: chance.happens(0.15) ? { reads: limit(2, 5), writes: limit(1, 2) } : undefined
})

// Far below the provider's, so that what is under way has to wait for minutes and hours.
const requestLimitsOf = (chance: Chance): RequestLimits.Limits | "None" => {
  if (chance.happens(0.6)) return "None"
  const limit = (): RequestLimits.Limit => ({
    rate: chance.pick(0.001, 0.01, 0.1, 2),
    burst: chance.between(1, 3),
    concurrent: chance.between(1, 3)
  })
  return { reads: limit(), writes: limit() }
}

const clockOf = (chance: Chance): Sandbox.Options => {
  const off = chance.pick(0, 0, 1_000, 300_000, halfAnHour)
  return {
    date: chance.happens(0.15) ? "Absent" : "Sent",
    card: chance.happens(0.25) ? "Hidden" : "Shown",
    [chance.pick("clockAhead", "clockBehind")]: chance.between(0, off)
  }
}

// A process that dies leaves no gate, so the number of requests at a time is not limited.
const limit = (rate: number, burst: number) => ({ rate, burst, concurrent: Infinity })

/** A policy, and the processing errors that it allows. */
const policyOf = (chance: Chance): readonly [RetryPolicy.RetryPolicy, number] =>
  chance.pick<readonly [RetryPolicy.RetryPolicy, number]>(
    [RetryPolicy.standard, 3],
    [RetryPolicy.standard, 3],
    [RetryPolicy.none, 1],
    [quick, 2],
    [RetryPolicy.make({ elapsedMax: "30 seconds" }), 3],
    [
      RetryPolicy.make({ processingError: Schedule.recurs(4), softDeclined: Schedule.recurs(2), elapsedMax: "1 hour" }),
      5
    ]
  )

const quick = RetryPolicy.make({
  communication: Schedule.recurs(2),
  rateLimited: Schedule.fromDelays("1 second", "1 second"),
  processingError: Schedule.fromDelays("10 seconds"),
  softDeclined: Schedule.recurs(1),
  elapsedMax: Duration.minutes(5)
})
