/**
 * What evidence is about: a request, or a handle alone. Also the creates of which this process saw nothing: intended
 * ones, and ones that other processes are assumed to have sent.
 */
import * as Exposure from "../domain/Exposure.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { Process } from "./Process.js"
import type * as errors from "./toError.js"

/** What is known of a payout. For a lookup, the handle is enough. */
export interface Asked {
  readonly handle: errors.Subject["handle"]
  readonly amount?: errors.Subject["amount"]
  readonly fingerprints?: ReturnType<typeof fingerprints>
}

/** What is known of a payout whose money is accounted for. */
export interface Subject extends errors.Subject {
  readonly fingerprints?: ReturnType<typeof fingerprints>
}

/** The subject of a request. */
export const subjectOf = (request: PayoutRequest): Subject => ({
  handle: request.handle,
  amount: request.amount,
  currency: request.currency,
  fingerprints: fingerprints(request)
})

/** A create that is sent between now and `by`. Without a known amount there is none: only lookups are made of a bare handle. */
export const sentCreate = (
  { amount, fingerprints }: Asked,
  id: string,
  { at, by, clock }: Exposure.Moment & { readonly by: number },
  known: Exposure.Evidence
): Exposure.Create | undefined =>
  amount === undefined
    ? undefined
    : {
        id,
        count: 1,
        clock,
        from: Math.floor(at),
        to: Math.ceil(by),
        amount,
        ...(fingerprints === undefined ? {} : { request: fingerprints.request }),
        ...(fingerprints?.method === undefined ? {} : { method: fingerprints.method }),
        before: Exposure.over(known),
        guess: false
      }

/** How many creates the process intends to send, and when. */
export interface Intent {
  readonly count: number
  readonly from: Exposure.Moment
  /** In milliseconds after `from`. */
  readonly within: number
}

/** The known evidence, with the intended creates of this process added. */
export const intended = (
  process: Process,
  request: PayoutRequest,
  known: Exposure.Evidence,
  { count, from: { at, clock }, within }: Intent
): Exposure.Evidence => {
  const { method, request: id } = fingerprints(request)
  const offset = process.offset()
  return Exposure.withCreate(offset === undefined ? known : Exposure.withOffset(known, clock, offset), {
    // One create takes over the id of its intent. With several, nothing shows which create is which.
    id: count === 1 ? process.intend(id, at + within) : process.newId().id,
    count,
    clock,
    from: Math.floor(at),
    to: Math.ceil(at + within),
    amount: request.amount,
    request: id,
    ...(method === undefined ? {} : { method }),
    before: Exposure.over(known),
    guess: false
  })
}

/** The beginning of the ids of creates of some arguments that only the caller knows. */
export const assumedOf = ({ fingerprints }: Asked): string => `assumed/${fingerprints?.request ?? ""}/`

/** The id of the create that a process guesses. */
export const guessOf = (asked: Asked, clock: string): string => `${assumedOf(asked)}guess/${clock}`

/** What the caller says about creates that neither this process nor the passed evidence knows. */
export interface Assumption {
  readonly count: number
  readonly guess: boolean
  /** The latest time at which the last of them was sent. */
  readonly until: Exposure.Moment
  /** The evidence that the caller passed with it. */
  readonly beside?: Exposure.Evidence | undefined
}

/** These creates, as evidence. A guess has an id of its own, so a call without a number keeps an earlier number. */
export const assumedCreate = (subject: Subject, { beside, count, guess, until }: Assumption): Exposure.Create => ({
  id: guess ? guessOf(subject, until.clock) : toldOf(`${assumedOf(subject)}${until.clock}`, beside),
  count,
  clock: until.clock,
  to: Math.ceil(until.at),
  amount: subject.amount,
  ...(subject.fingerprints === undefined ? {} : { request: subject.fingerprints.request }),
  ...(subject.fingerprints?.method === undefined ? {} : { method: subject.fingerprints.method }),
  before: [],
  guess
})

// A number that comes with evidence gets an id that the evidence does not have.
const toldOf = (name: string, beside: Exposure.Evidence | undefined): string => {
  const taken = (beside?.creates ?? []).flatMap(({ id }) => {
    const plain = id.replace(/^several\//, "")
    if (plain === name) return [0]
    return plain.startsWith(`${name}/`) ? [Number(plain.slice(name.length + 1))] : []
  })
  return taken.length === 0 ? name : `${name}/${Math.max(...taken) + 1}`
}
