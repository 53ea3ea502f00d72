/**
 * What a batch keeps on record of each row: that it was begun, with the evidence that a create may have been sent, and
 * how it ended. An entry names its arguments by their fingerprint, and holds no destination, no customer and no text.
 */
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome } from "../domain/Outcome.js"
import * as PayoutError from "../domain/PayoutError.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"

/**
 * How a row ended, in short.
 *
 * @category models
 * @since 0.1.0
 */
export const Recorded = Schema.Struct({
  /** The `_tag` of the outcome or of the error. */
  outcome: Schema.String,
  certainty: Exposure.Certainty,
  exposure: Exposure.Exposure,
  /** The id of the transaction that paid, if the record shows one. */
  transaction: Schema.optional(Schema.String),
  /** The HTTP status of the refusal, if it was one. */
  status: Schema.optional(Schema.Number),
  /** The provider's error code, if there was one. */
  code: Schema.optional(Schema.Number)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Recorded extends Schema.Schema.Type<typeof Recorded> {}

const row = {
  handle: Schema.String,
  /** The fingerprint of all arguments. */
  request: Schema.String
}

/**
 * An entry before a create: from here on it may be carried out.
 *
 * @category models
 * @since 0.1.0
 */
export const Begun = Schema.TaggedStruct("Begun", { ...row, evidence: Exposure.Evidence })

/**
 * @category models
 * @since 0.1.0
 */
export interface Begun extends Schema.Schema.Type<typeof Begun> {}

/**
 * An entry with a row's result. Without evidence, nothing was sent.
 *
 * @category models
 * @since 0.1.0
 */
export const Ended = Schema.TaggedStruct("Ended", {
  ...row,
  /** How the row ended. */
  result: Recorded,
  evidence: Schema.optional(Exposure.Evidence)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Ended extends Schema.Schema.Type<typeof Ended> {}

/**
 * The latest entry of a row says how it stands.
 *
 * @category models
 * @since 0.1.0
 */
export const Entry = Schema.Union(Begun, Ended)

/**
 * @category models
 * @since 0.1.0
 */
export type Entry = Begun | Ended

export const begun = (request: string, evidence: Exposure.Evidence): Begun => ({
  _tag: "Begun",
  handle: evidence.handle,
  request,
  evidence
})

export const ended = (request: PayoutRequest, result: Outcome | PayoutError.PayoutError): Ended => ({
  _tag: "Ended",
  handle: request.handle,
  request: fingerprints(request).request,
  result: recorded(result),
  ...("evidence" in result ? { evidence: result.evidence } : {})
})

/** A result in short. */
export const recorded = (result: Outcome | PayoutError.PayoutError): Recorded => {
  const paid = "evidence" in result ? result.evidence.transactions.filter(({ state }) => state === "paid") : []
  const transaction = paid.at(-1)?.id
  return {
    outcome: result._tag,
    certainty: result.certainty,
    exposure: result.exposure,
    ...(transaction === undefined ? {} : { transaction }),
    ...("status" in result && result.status !== undefined ? { status: result.status } : {}),
    ...("code" in result && result.code !== undefined ? { code: result.code } : {})
  }
}

/** What a later run does with a row, by its latest entry. */
export type Standing =
  /** It certainly moved nothing. The evidence is that of the calls that ended so, if there were any. */
  | { readonly _tag: "Fresh"; readonly evidence?: Exposure.Evidence | undefined }
  /** It had another run, which may have sent creates that only its evidence has. */
  | { readonly _tag: "Begun"; readonly evidence: Exposure.Evidence }
  | { readonly _tag: "Done"; readonly result: Recorded }
  /** The handle is on record with other arguments. */
  | { readonly _tag: "Changed" }

/** `retryFailed` has rows tried again that certainly moved nothing, save those that were declined for good. */
export const standingOf = (entry: Entry | undefined, request: string, retryFailed: boolean): Standing => {
  if (entry === undefined) return { _tag: "Fresh" }
  if (entry.request !== request) return { _tag: "Changed" }
  if (entry._tag === "Begun") return { _tag: "Begun", evidence: entry.evidence }
  const { evidence, result } = entry
  if (isDone(result, retryFailed)) return { _tag: "Done", result }
  // What certainly moved nothing leaves nothing to be recovered. A create that follows must know it all the same.
  return evidence === undefined || result.certainty === "NotMoved"
    ? { _tag: "Fresh", evidence }
    : { _tag: "Begun", evidence }
}

/** Whether the next run would send a row again that ended so. It certainly moved nothing, and without an answer about it. */
export const isSentAgain = (result: Recorded): boolean => result.certainty === "NotMoved" && !isDone(result, false)

const isDone = ({ certainty, outcome, status }: Recorded, retryFailed: boolean): boolean => {
  if (outcome === "Paid") return true
  if (certainty !== "NotMoved") return false
  if (outcome === "HardDeclined") return true
  return !retryFailed && isAnswer(outcome, status)
}

/** Whether a row was left begun or unclear. */
export const isOpen = (entry: Entry): boolean =>
  entry._tag === "Begun" || (entry.result.outcome !== "Paid" && entry.result.certainty !== "NotMoved")

// An answer about the payout. A lost connection, a limit or a refused key says nothing about it.
const isAnswer = (outcome: string, status: number | undefined): boolean =>
  answers.has(outcome) || (outcome === "RequestRejected" && !isRefusedKey(status))

const answers: ReadonlySet<string> = new Set([
  "SoftDeclined",
  "PaymentMethodNotFound",
  "PaymentMethodNotAllowed",
  "CustomerMismatch",
  "HandleConflict",
  "InvalidRequest"
])

/** Whether the provider refused the key or what it may do, which it would for every other row as well. */
export const isRefusedKey = (status: number | undefined): boolean => status === 401 || status === 403
