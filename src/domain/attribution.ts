/**
 * Matches transactions with the creates that made them, by id, time, amount and card. `doubtOf` sums what the creates
 * without a transaction may still pay.
 */
import { elapsed, type Moment } from "./clocks.js"
import { type Create, type Evidence, isDecline, type Transaction, withoutCreate } from "./Evidence.js"
import { latestId, type Payout } from "./Payout.js"

/**
 * How long after sending a create may still be carried out, in milliseconds: 6 hours. The number is ours, inferred: no
 * proxy, gateway or provider is known to hold a request for as long. `Payouts.layerWith` has an option for it.
 *
 * @category limits
 * @since 0.1.0
 */
export const arrivalHorizonDefault = 6 * 60 * 60 * 1000

/**
 * How much older than its create a transaction may seem, in milliseconds: a `Date` has whole seconds, and the answer
 * that carried it took a while. If the clock is measured less exactly, the transaction must be later by the excess.
 *
 * @category limits
 * @since 0.1.0
 */
export const clockErrorMax = 2000

/**
 * How far a read may lag behind what the provider has said, in milliseconds (inferred).
 *
 * @category limits
 * @since 0.1.0
 */
export const readLagMax = 10 * 60 * 1000

/**
 * Assigns to a create the transaction that it was answered with: the latest that it can have made. Without one, it
 * stays in doubt.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answered = (evidence: Evidence, create: Create): Evidence => {
  const own = evidence.transactions.reduce<Transaction | undefined>(
    (best, one) =>
      one.doing === undefined && isPossible(evidence, one, create, 0) && (one.created ?? 0) >= (best?.created ?? 0)
        ? one
        : best,
    undefined
  )
  if (own === undefined) return evidence
  const doing = { create: create.id, request: create.request ?? "" }
  return {
    ...withoutCreate(evidence, create.id),
    transactions: evidence.transactions.map((one) => (one === own ? { ...one, doing } : one))
  }
}

/**
 * Which request made a transaction: the given one (`Own`), one with other arguments (`Other`), or `Unknown`. It is the
 * request's own if a create of the request was answered with it, or if it went to the saved method that the request
 * names. It is so too if it accounts for a create of the request, and no create with other arguments can have made it.
 *
 * @category getters
 * @since 0.1.0
 */
export const doingOf = (
  evidence: Evidence,
  id: string,
  { method, request }: { readonly request: string; readonly method: string | undefined },
  horizon: number = arrivalHorizonDefault
): "Own" | "Other" | "Unknown" => {
  const one = evidence.transactions.find((transaction) => transaction.id === id)
  if (one === undefined) return "Unknown"
  if (one.doing !== undefined) return one.doing.request === request ? "Own" : "Other"
  if (one.method !== undefined && method !== undefined) return one.method === method ? "Own" : "Other"
  const able = evidence.creates.filter((create) => isPossible(evidence, one, create, horizon))
  return able.some((create) => accountsFor(evidence, one, create, horizon)) &&
    able.every((create) => create.request === request)
    ? "Own"
    : "Unknown"
}

/**
 * Whether a request was declined for good, by a transaction of its own. The library never sends such a request again,
 * even after other arguments were tried under the handle.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDeclined = (
  evidence: Evidence,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): boolean =>
  evidence.transactions.some(
    ({ errorState, id, state }) =>
      state === "failed" && errorState === "hard_declined" && doingOf(evidence, id, request, horizon) === "Own"
  )

/**
 * Which request made the payment; `Unknown` if no payment is shown.
 *
 * @category getters
 * @since 0.1.0
 */
export const payerOf = (
  evidence: Evidence,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): ReturnType<typeof doingOf> => {
  const payers = evidence.transactions
    .filter(({ state }) => state === "paid")
    .map(({ id }) => doingOf(evidence, id, request, horizon))
  return payers.find((doing) => doing === "Other") ?? payers.find((doing) => doing === "Own") ?? "Unknown"
}

/**
 * Whether a request made the latest transaction of a payout.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDoing = (
  evidence: Evidence,
  payout: Payout,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): boolean => {
  const id = latestId(payout)
  return id !== undefined && doingOf(evidence, id, request, horizon) === "Own"
}

/**
 * Whether a failure on record contradicts a claim, at a moment. Any failure contradicts 134; one that had ended before
 * the create contradicts 133. The read may lag behind, so the claim stands for as long as reads may lag.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isContradicted = (evidence: Evidence, now: Moment): boolean =>
  evidence.record?.state === "failed" &&
  evidence.creates.some(
    (create) =>
      create.claim !== undefined &&
      elapsed(evidence.clocks, { clock: create.clock, at: create.claim.at }, now) < readLagMax &&
      (create.claim.said === "Paid" ||
        (create.claim.said === "Processing" && evidence.transactions.every(({ id }) => create.before.includes(id))))
  )

/**
 * Whether a claim is so recent that reads may not show it yet.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isClaimed = (evidence: Evidence, now: Moment): boolean =>
  evidence.creates.some(
    ({ claim, clock }) => claim !== undefined && elapsed(evidence.clocks, { clock, at: claim.at }, now) < readLagMax
  )

/**
 * Whether a transaction may have moved money, even if it does not say so. Only a documented decline denies it: a
 * processing error may have been approved, and a missing or unknown reason is no "no".
 *
 * @category predicates
 * @since 0.1.0
 */
export const isOpen = ({ errorState, state }: Pick<Transaction, "state" | "errorState">): boolean =>
  state !== "failed" || !isDecline(errorState)

/**
 * Whether other arguments are known to have moved money, or to be able to: by a transaction that is certainly theirs, by
 * one that accounts for a create of theirs and that no known create of the request can have made, or by a create that
 * nothing accounts for. Nothing is sent beside it. What a processing error has moved does not keep the provider from
 * paying once more.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isTaken = (
  evidence: Evidence,
  request: Parameters<typeof doingOf>[2],
  horizon: number = arrivalHorizonDefault
): boolean => {
  const { creates, transactions } = evidence
  const others = creates.filter((create) => create.request !== undefined && create.request !== request.request)
  const own = creates.filter((create) => !create.guess && !others.includes(create))
  const isTheirs = (one: Transaction): boolean => {
    const doing = doingOf(evidence, one.id, request, horizon)
    if (doing !== "Unknown") return doing === "Other"
    // The record does not show the card, or a card token was sent. A guess does not show that it is ours.
    return (
      others.some((create) => accountsFor(evidence, one, create, horizon)) &&
      !own.some((create) => isPossible(evidence, one, create, horizon))
    )
  }
  return transactions.some((one) => isOpen(one) && isTheirs(one)) || doubtOf(evidence, horizon, others) > 0
}

// --- the rule ---

const sentUntil = ({ clock, to }: Create): Moment => ({ clock, at: to })

/** When a create was sent, by the provider's clock. */
const sentAt = ({ clocks }: Evidence, { clock, from, to }: Create): { readonly min: number; readonly max: number } => {
  const offset = clocks[clock]
  if (offset === undefined) return { min: -Infinity, max: Infinity }
  return { min: from === undefined ? -Infinity : from + offset.min, max: to + offset.max }
}

const isPastHorizon = (evidence: Evidence, create: Create, horizon: number): boolean =>
  evidence.read !== undefined && elapsed(evidence.clocks, sentUntil(create), evidence.read) >= horizon + readLagMax

/**
 * Whether a create can have made a transaction, for all that is known.
 *
 * @internal
 */
export const isPossible = (evidence: Evidence, one: Transaction, create: Create, horizon: number): boolean => {
  if (create.before.includes(one.id)) return false
  if (one.amount !== 0 && one.amount !== create.amount) return false
  if (one.method !== undefined && create.method !== undefined && one.method !== create.method) return false
  const { max, min } = sentAt(evidence, create)
  return one.created === undefined || (one.created >= min && (horizon === 0 || one.created <= max + horizon))
}

/**
 * Whether a transaction is certainly no older than a create. Then this create or another known one made it, because no
 * unknown process sends from then on.
 */
const isNewEnough = ({ clocks }: Evidence, { created }: Transaction, { clock, from, to }: Create): boolean => {
  const offset = clocks[clock]
  const since = from ?? to
  return (
    offset !== undefined &&
    created !== undefined &&
    created >= since + Math.max(from === undefined ? -Infinity : offset.min, offset.max - clockErrorMax)
  )
}

/** Whether a transaction accounts for a create, provided that it accounts for no other one. */
const accountsFor = (evidence: Evidence, one: Transaction, create: Create, horizon: number): boolean =>
  !create.guess &&
  one.doing === undefined &&
  one.amount === create.amount &&
  !(create.claim?.said === "Paid" && isClaimStanding(evidence, create)) &&
  isPossible(evidence, one, create, horizon) &&
  isNewEnough(evidence, one, create)

// Until a record is read late enough: the record may lag behind, or the answer may have been another payout's.
const isClaimStanding = (evidence: Evidence, { claim, clock }: Create): boolean =>
  claim !== undefined &&
  (evidence.record === undefined ||
    elapsed(evidence.clocks, { clock, at: claim.at }, evidence.record.read) < readLagMax)

/**
 * Whether the record confirms that a payout already existed when this create arrived: then the create did nothing. For
 * 133, a failure that was not on record before confirms it only if it was seen under way after the answer, or another
 * known create can have made it, and reads cannot lag so far. Otherwise the failure may have ended long before, the
 * answer may be another payout's, and the transaction of this create may not be shown yet.
 */
const isBorneOut = (evidence: Evidence, create: Create, horizon: number): boolean => {
  const said = create.claim?.said
  if (said !== "Processing" && said !== "Exists") return false
  const others = evidence.creates.filter((one) => one !== create && !one.guess)
  const wasUnderWay = (one: Transaction): boolean =>
    !create.before.includes(one.id) &&
    (one.state !== "failed" ||
      (!isClaimStanding(evidence, create) &&
        (one.doing !== undefined ||
          isSeenAfter(evidence, one, create) ||
          others.some((other) => isPossible(evidence, one, other, horizon)))))
  return evidence.transactions.some(
    (one) => !isNewEnough(evidence, one, create) && (said === "Exists" || wasUnderWay(one))
  )
}

/** Whether a transaction was seen under way after a create was answered, by a read that may have lagged behind. */
const isSeenAfter = ({ clocks }: Evidence, { underWay }: Transaction, { claim, clock }: Create): boolean =>
  claim !== undefined && underWay !== undefined && elapsed(clocks, { clock, at: claim.at }, underWay) >= 0

/** The most of `transactions` that `creates` can have made, one each (a maximum matching; both lists are short). */
const matched = (
  transactions: ReadonlyArray<Transaction>,
  creates: ReadonlyArray<Create>,
  isDoing: (one: Transaction, create: Create) => boolean
): number => {
  const places = creates.flatMap((create) =>
    Array.from({ length: Math.min(create.count, transactions.length) }, () => create)
  )
  const taken = new Map<number, Transaction>()
  const place = (one: Transaction, tried: Set<number>): boolean =>
    places.some((create, index) => {
      if (tried.has(index) || !isDoing(one, create)) return false
      tried.add(index)
      const other = taken.get(index)
      if (other !== undefined && !place(other, tried)) return false
      taken.set(index, one)
      return true
    })
  return transactions.filter((one) => place(one, new Set())).length
}

/**
 * The most that the `meant` creates can still pay, as far as no transaction accounts for them.
 *
 * @internal
 */
export const doubtOf = (evidence: Evidence, horizon: number, meant: ReadonlyArray<Create>): number => {
  const { creates, transactions } = evidence
  const open = meant.filter(
    (create) => !isPastHorizon(evidence, create, horizon) && !isBorneOut(evidence, create, horizon)
  )
  return [...new Set(open.map(({ amount }) => amount))].reduce((doubt, amount) => {
    const alike = creates.filter((create) => create.amount === amount)
    const inDoubt = alike.filter((create) => open.includes(create))
    const accounts = (one: Transaction, create: Create) => accountsFor(evidence, one, create, horizon)
    const ours = transactions.filter((one) => alike.some((create) => accounts(one, create)))
    // A transaction accounts only for a create that it is certainly no older than, so never for a guess. As many of
    // them as possible may have been made by the other creates.
    const others = alike.filter((create) => !open.includes(create))
    const accounted =
      matched(ours, alike, accounts) -
      matched(ours, others, (one, create) => isPossible(evidence, one, create, horizon))
    return doubt + Math.max(0, countOf(inDoubt) - accounted) * amount
  }, 0)
}

/**
 * How many creates these entries stand for.
 *
 * @internal
 */
export const countOf = (creates: ReadonlyArray<Create>): number =>
  creates.reduce((total, { count }) => total + count, 0)
