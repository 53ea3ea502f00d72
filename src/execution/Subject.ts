/**
 * What evidence is about, and the creates of it that are on record before anything is known of them: those that are intended, and those
 * that are assumed.
 */
import * as Exposure from "../domain/Exposure.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { Process } from "./Process.js"
import type * as errors from "./toError.js"

/** What is known of what it is about: where nothing is to be sent, a handle is enough. */
export interface Asked {
  readonly handle: errors.Subject["handle"]
  readonly amount?: errors.Subject["amount"]
  readonly fingerprints?: ReturnType<typeof fingerprints>
}

/** What it is about, where money is accounted for. */
export interface Subject extends errors.Subject {
  readonly fingerprints?: ReturnType<typeof fingerprints>
}

/** What a request is about. */
export const subjectOf = (request: PayoutRequest): Subject => ({
  handle: request.handle,
  amount: request.amount,
  currency: request.currency,
  fingerprints: fingerprints(request)
})

/** How many creates are meant to be sent, from when on and until when. */
export interface Intent {
  readonly count: number
  readonly from: Exposure.Moment
  /** In milliseconds. */
  readonly within: number
}

/** What is known of a request's handle, and that this process will send creates of the request. */
export const intended = (
  process: Process,
  request: PayoutRequest,
  known: Exposure.Evidence,
  { count, from: { at, clock }, within }: Intent
): Exposure.Evidence => {
  const { method, request: id } = fingerprints(request)
  const offset = process.offset()
  return Exposure.withCreate(offset === undefined ? known : Exposure.withOffset(known, clock, offset), {
    // One create and its intent are the same; of several, it is not known which one is which.
    id: count === 1 ? process.intend(id) : process.newId(),
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

/** Creates of some arguments of which only the caller knows have ids that begin so. */
export const assumedOf = ({ fingerprints }: Asked): string => `assumed/${fingerprints?.request ?? ""}/`

/** The create that a process guesses has this id. */
export const guessOf = (asked: Asked, clock: string): string => `${assumedOf(asked)}guess/${clock}`

/** What the caller says of creates that neither this process nor the evidence that it hands over knows of. */
export interface Assumption {
  readonly count: number
  readonly guess: boolean
  /** When the latest of them was sent at the latest. */
  readonly until: Exposure.Moment
  /** The evidence that is handed over with it. */
  readonly beside?: Exposure.Evidence | undefined
}

/** These creates, as evidence. A guess is apart from what was told: by telling nothing, a caller takes nothing back. */
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

// A number that is told beside evidence has an id that is not in it.
const toldOf = (name: string, beside: Exposure.Evidence | undefined): string => {
  const taken = (beside?.creates ?? []).flatMap(({ id }) => {
    const plain = id.replace(/^several\//, "")
    if (plain === name) return [0]
    return plain.startsWith(`${name}/`) ? [Number(plain.slice(name.length + 1))] : []
  })
  return taken.length === 0 ? name : `${name}/${Math.max(...taken) + 1}`
}
