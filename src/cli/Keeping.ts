/**
 * The evidence that a call begins with, and the file for its own: the preparation of `create` and `recover`.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Exposure from "../domain/Exposure.js"
import type { Handle } from "../domain/Handle.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import { assumedCreate, subjectOf } from "../execution/Subject.js"
import type * as Payouts from "../Payouts.js"
import { BillwerkClient } from "../provider/BillwerkClient.js"
import * as BadInput from "./BadInput.js"
import type { Mode } from "./Connection.js"
import * as EvidenceFile from "./EvidenceFile.js"
import * as Keeper from "./Keeper.js"

/** Where a call keeps its evidence, and how it runs. */
export interface Given {
  readonly mode: Mode
  /** The file that the caller names. */
  readonly evidence: Option.Option<string>
  readonly otherAccount: boolean
}

const ownerOf = ({ mode, otherAccount }: Given): Effect.Effect<EvidenceFile.Owner, never, BillwerkClient> =>
  Effect.map(BillwerkClient, ({ account }) => ({ mode, account, otherAccount }))

/**
 * `create` assumes that no create is under way. It refuses a file that leaves money in doubt, and never overwrites it.
 */
export const forCreate = (request: PayoutRequest, given: Given) =>
  Effect.gen(function* () {
    const owner = yield* ownerOf(given)
    const name = yield* fileOf(request.handle, given)
    if (name === undefined) return Keeper.none(owner.account)
    const earlier = yield* EvidenceFile.read(name, request.handle, owner)
    if (Option.exists(earlier, ({ evidence }) => Exposure.exposure(evidence).max > 0)) {
      return yield* BadInput.make(
        `${name} says that this payout may have been sent before: run recover with the same request; nothing was sent`
      )
    }
    return yield* Keeper.make(request, name, owner, earlier)
  })

/** What the caller says about creates that no evidence has. */
export type Told = Pick<Payouts.RecoverOptions, "outstandingCreates" | "lastSentAt">

/** Reads them from the command line. */
export const toldBy = (flags: {
  readonly outstandingCreates: Option.Option<string>
  readonly lastSentAt: Option.Option<string>
}): Effect.Effect<Told, BadInput.BadInput> =>
  Effect.gen(function* () {
    const { lastSentAt, outstandingCreates } = flags
    if (Option.exists(outstandingCreates, (text) => !/^\d{1,6}$/.test(text))) {
      return yield* BadInput.make("--outstanding-creates must be a whole number from 0 to 999999")
    }
    const at = Option.flatMap(lastSentAt, (text) => (iso.test(text) ? DateTime.make(text) : Option.none()))
    const now = yield* Clock.currentTimeMillis
    if (Option.isSome(lastSentAt) && !Option.exists(at, (time) => DateTime.toEpochMillis(time) <= now)) {
      return yield* BadInput.make("--last-sent-at must be a time that has passed, such as 2026-01-31T23:59:00Z")
    }
    return {
      outstandingCreates: Option.getOrUndefined(Option.map(outstandingCreates, Number)),
      lastSentAt: Option.getOrUndefined(at)
    }
  })

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/

/** Prepares `recover`, and prints on standard error what the call is based on. */
export const forRecover = (request: PayoutRequest, given: Given, told: Told) =>
  Effect.gen(function* () {
    const { handle } = request
    const owner = yield* ownerOf(given)
    const name = yield* fileOf(handle, given)
    const earlier = name === undefined ? Option.none() : yield* EvidenceFile.read(name, handle, owner)
    if (Option.isNone(earlier) && Option.isSome(given.evidence))
      return yield* BadInput.make(`${given.evidence.value} does not exist`)
    const before = Option.map(earlier, ({ evidence }) => evidence)
    if (Option.exists(before, isAboutOthers(request))) {
      return yield* BadInput.make(
        `${name} is about other arguments, which may have moved money: recover these first, with the request as it was; ` +
          "nothing was sent"
      )
    }
    const kept = Option.map(before, (known) => withNumber(known, told))
    const options: Payouts.RecoverOptions = Option.match(kept, {
      onNone: () => told,
      onSome: (known) => ({ evidence: known, ...toldBeside(known, told) })
    })
    if (options.outstandingCreates === 0 && options.lastSentAt !== undefined) {
      return yield* BadInput.make("--last-sent-at is about outstanding creates, and there are none")
    }
    yield* Console.error(`payout: ${basis(name, options)}`)
    if (name === undefined) return { keeper: Keeper.none(owner.account), options }
    const assumed = yield* assumedBy(request, options)
    return { keeper: yield* Keeper.make(request, name, owner, earlier, { assumed, kept }), options }
  })

/** Whether other arguments are in doubt. Then another card must not be tried. */
const isAboutOthers = (request: PayoutRequest) => {
  const own = fingerprints(request)
  return (known: Exposure.Evidence): boolean =>
    Exposure.isTaken(known, own) ||
    (Exposure.exposure(known).max > 0 &&
      known.creates.some((one) => one.request !== undefined && one.request !== own.request))
}

/**
 * A file of this command has every create that was sent with it, so no other create is assumed. What an earlier run
 * assumed stays, with the same time. Otherwise its doubt would never end.
 */
const toldBeside = (known: Exposure.Evidence, { lastSentAt, outstandingCreates }: Told): Told => {
  if (outstandingCreates !== undefined || !EvidenceFile.isComplete(known)) return { lastSentAt, outstandingCreates }
  const guessed = known.creates.filter(({ guess }) => guess).map(({ to }) => to)
  return guessed.length === 0
    ? { lastSentAt, outstandingCreates: 0 }
    : { lastSentAt: lastSentAt ?? DateTime.unsafeMake(Math.max(...guessed)), outstandingCreates }
}

/** A number from the command line replaces what earlier runs assumed. */
const withNumber = (known: Exposure.Evidence, { outstandingCreates }: Told): Exposure.Evidence =>
  outstandingCreates === undefined ? known : Exposure.withoutGuesses(known)

/** The file's name. None for the sandbox, by default. */
const fileOf = (handle: Handle, { evidence, mode }: Given) => {
  if (Option.exists(evidence, (name) => /(^|[\\/])(ct|priv)_/.test(name))) {
    return BadInput.make("--evidence must be the name of a file, and no card token or key")
  }
  return Effect.succeed(
    Option.getOrElse(evidence, () => (mode === "Live" ? EvidenceFile.defaultName(handle) : undefined))
  )
}

const basis = (
  name: string | undefined,
  { evidence, lastSentAt, outstandingCreates }: Payouts.RecoverOptions
): string => {
  const until = lastSentAt === undefined ? "until now" : `until ${DateTime.formatIso(lastSentAt)}`
  const has = evidence === undefined ? "there is no evidence" : `the evidence is in ${name}`
  switch (outstandingCreates) {
    case 0:
      return `${has}, and no other create is outstanding`
    case undefined:
      return (
        `${has}, and one create is assumed to be outstanding that was sent ${until}: what does not end as paid stays in ` +
        "doubt until 6 hours after that. --outstanding-creates 0 says that there is none"
      )
    default:
      return `${has}, and ${outstandingCreates} other creates may be outstanding that were sent ${until}`
  }
}

/** The creates that `recover` assumes, for the file of a call that is killed. */
const assumedBy = (
  request: PayoutRequest,
  { evidence, lastSentAt, outstandingCreates }: Payouts.RecoverOptions
): Effect.Effect<ReadonlyArray<Exposure.Create>> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const count = outstandingCreates ?? 1
    const at = lastSentAt === undefined ? now : DateTime.toEpochMillis(lastSentAt)
    const told = { count, guess: outstandingCreates === undefined, until: { clock: "file", at }, beside: evidence }
    return count === 0 ? [] : [assumedCreate(subjectOf(request), told)]
  })
