/**
 * Reply -> Verdict: the meaning of one exchange. The status is read before the body, and an answer counts only if it is
 * about the requested payout. Each verdict is one row of the table `rows`; all else is derived from it.
 */
import type * as Duration from "effect/Duration"
import type { Bearing, Sent } from "../domain/Attempt.js"
import * as Customer from "../domain/Customer.js"
import * as Payout from "../domain/Payout.js"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import type { ApiError, Reply, Response } from "../domain/Reply.js"
import { isDeclineError } from "./documented.js"
import { type Row, rows, type Tag } from "./verdictTable.js"

export { rowOf, rows } from "./verdictTable.js"
export type { ErrorTag, Row, Tag } from "./verdictTable.js"

type Succeeding = { readonly [T in Tag]: (typeof rows)[T]["error"] extends undefined ? T : never }[Tag]

type Recording = { readonly [T in Tag]: (typeof rows)[T]["create"] extends "Recorded" ? T : never }[Tag]

/**
 * The meaning of one exchange. `why` gives the reason when the row's words are not enough.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | {
      readonly [T in Recording]: { readonly _tag: T; readonly payout: Payout.Payout; readonly why?: string }
    }[Recording]
  | { readonly _tag: "HandleConflict"; readonly differs: ReadonlyArray<string>; readonly payout: Payout.Payout }
  | { readonly _tag: "RateLimited"; readonly retryAfter?: Duration.Duration | undefined }
  /** `proven`: the answer names the handle, so it is not about another payout. */
  | { readonly _tag: "NotFound"; readonly proven: boolean }
  | {
      readonly _tag: Exclude<Tag, Recording | "HandleConflict" | "RateLimited" | "NotFound">
      readonly why?: string
    }

/**
 * A success.
 *
 * @category models
 * @since 0.1.0
 */
export type Accepted = Extract<Verdict, { readonly _tag: Succeeding }>

/**
 * A verdict that rests on a record of this payout.
 *
 * @category models
 * @since 0.1.0
 */
export type Shown = Extract<Verdict, { readonly _tag: Recording }>

/**
 * A payout that the provider shows as failed, for a known reason.
 *
 * @category models
 * @since 0.1.0
 */
export type Failed = Extract<Verdict, { readonly _tag: "HardDeclined" | "SoftDeclined" | "ProcessingError" }>

/**
 * What the provider may say about a handle's payout without showing it.
 *
 * @category models
 * @since 0.1.0
 */
export type Claim = "AlreadyProcessing" | "AlreadyPaid" | "AlreadyExists"

/**
 * The verdict's row.
 *
 * @category getters
 * @since 0.1.0
 */
export const row = ({ _tag }: Pick<Verdict, "_tag">): Row => rows[_tag]

/**
 * Whether a verdict is a success.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAccepted = (verdict: Verdict): verdict is Accepted => row(verdict).error === undefined

/**
 * Whether a verdict rests on a record of this payout.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isShown = (verdict: Verdict): verdict is Shown => row(verdict).lookup === "Recorded"

/**
 * Whether a verdict is a failure that the provider shows, for a known reason.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFailed = (verdict: Verdict): verdict is Failed => row(verdict).afterLookup === "Failure"

/**
 * What the verdict on a *create* says about the money. It says nothing if no byte of the create was sent.
 *
 * @category getters
 * @since 0.1.0
 */
export const bearing = (verdict: Verdict, sent: Sent): Bearing => (sent === "NotSent" ? "None" : row(verdict).create)

/**
 * What the verdict means, in words for people.
 *
 * @category getters
 * @since 0.1.0
 */
export const why = (verdict: Verdict): string =>
  verdict._tag === "HandleConflict"
    ? `the handle's payout has another ${verdict.differs.join(", ")}`
    : ("why" in verdict && verdict.why) || row(verdict).words

/**
 * What an answer must be about. A lookup for `get` knows only the handle.
 *
 * @category models
 * @since 0.1.0
 */
export interface Expected {
  readonly handle: string
  /** Minor units; absent if only the handle is known. */
  readonly amount?: number | undefined
  readonly currency?: string | undefined
  readonly customer?: string | undefined
  /** The fingerprint of the saved method. */
  readonly method?: string | undefined
}

/**
 * What an answer to this request must be about.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expected = (request: PayoutRequest.PayoutRequest): Expected => ({
  handle: request.handle,
  amount: request.amount,
  currency: request.currency,
  customer: Customer.expectedHandle(request.customer),
  method: PayoutRequest.fingerprints(request).method
})

/**
 * The verdict on an answer to `POST /v1/payout`.
 *
 * @example
 * ```ts
 * import { Verdict } from "effect-billwerk-payouts"
 * import type { PayoutRequest, Reply } from "effect-billwerk-payouts"
 *
 * declare const request: PayoutRequest.PayoutRequest
 * const lost: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
 *
 * Verdict.ofCreate(Verdict.expected(request), lost)._tag // "CommunicationError"
 * ```
 *
 * @category verdicts
 * @since 0.1.0
 */
export const ofCreate = (expected: Expected, reply: Reply): Verdict => {
  // The provider answers no create so. This is a lookup's answer on a crossed connection, and says nothing about it.
  if (isResponse(reply, 404) && code(reply) === 137) return unexpected("HTTP 404, an answer to a lookup")
  const answered = ofAnswer(expected, reply)
  // In the answer to a create, another amount is not another payout under the handle: it does not answer this create.
  return answered._tag === "HandleConflict"
    ? unexpected(`the answer is about another ${answered.differs.join(", ")}`)
    : answered
}

/**
 * The verdict on an answer to `GET /v1/payout/{handle}`. The provider never refuses a lookup because of the payout's
 * state. So every 4xx is looked up again, except 137 and 8 (documented as "Not found"), 401 and 429.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const ofLookup = (expected: Expected, reply: Reply): Verdict => {
  const answered = ofAnswer(expected, reply)
  if (reply._tag === "Response" && reply.isCached === true) return answered
  if (isResponse(reply, 404) && isNotFound(code(reply))) return ofAbsence(expected, reply)
  const isRefusal = reply._tag === "Response" && reply.status >= 400 && reply.status < 500
  if (!isRefusal || reply.status === 401 || row(answered).error === "RateLimited") return answered
  return row(answered).error === "CommunicationError" ? answered : { _tag: "LookupRefused" }
}

const isResponse = (reply: Reply, status: number): reply is Response =>
  reply._tag === "Response" && reply.status === status

const isNotFound = (code: number | undefined): boolean => code === 137 || code === 8

// If connections are crossed, another payout is the one that does not exist.
const ofAbsence = ({ handle }: Expected, { body }: Response): Verdict => {
  const path = body._tag === "ApiError" ? body.path : undefined
  const isNamed = path !== undefined && (path.endsWith(`/${handle}`) || path.endsWith(`/${encodeURIComponent(handle)}`))
  return path === undefined || isNamed
    ? { _tag: "NotFound", proven: isNamed }
    : unexpected("HTTP 404 about another handle")
}

const ofAnswer = (expected: Expected, reply: Reply): Verdict => {
  if (reply._tag === "NoResponse") {
    return reply.reason === "Certificate"
      ? { _tag: "CertificateRefused" }
      : { _tag: "CommunicationError", why: noResponse[reply.reason] }
  }
  const { isCached, status } = reply
  if (isCached === true) return unexpected("an answer from a cache")
  if (status === 200) return ofOk(expected, reply)
  if (status >= 500) return { _tag: "ServerError", why: `HTTP ${status}` }
  if (status >= 400) return ofRefusal(reply)
  return unexpected(`HTTP ${status}`)
}

const noResponse = { Deadline: "no answer before the deadline", Transport: "the connection failed" }

const unexpected = (why: string): Verdict => ({ _tag: "UnexpectedResponse", why })

const ofOk = (expected: Expected, { body }: Response): Verdict => {
  switch (body._tag) {
    case "CutOff":
      return { _tag: "CommunicationError", why: `the answer was cut off (${noResponse[body.reason]})` }
    case "ApiError":
      return unexpected(`HTTP 200 with error code ${body.code}`)
    case "Unreadable":
      return unexpected(`HTTP 200, ${body.why}`)
    case "PayoutBody":
      return ofPayout(expected, body.payout)
  }
}

/**
 * The verdict on a payout that the provider showed.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const ofPayout = (expected: Expected, payout: Payout.Payout): Verdict => {
  if (payout.handle !== expected.handle) return unexpected("the answer is about another handle")
  const differs = compare(expected, payout)
  if (differs.length > 0) return { _tag: "HandleConflict", differs, payout }
  switch (payout.state) {
    case "paid":
      return { _tag: "Paid", payout }
    case "processing":
      return { _tag: "Processing", payout }
    case "failed":
      return ofFailed(payout)
    default:
      return { _tag: "Unsettled", payout, why: `its state is ${word(payout.state)}` }
  }
}

// A value that the provider left out cannot differ: currency, customer and card are optional in answers and requests.
const compare = (expected: Expected, payout: Payout.Payout): ReadonlyArray<string> => [
  ...(["amount", "currency", "customer"] as const).filter(
    (key) => expected[key] !== undefined && payout[key] !== undefined && expected[key] !== payout[key]
  ),
  ...(isOfAnotherCard(expected, payout) ? ["destination"] : [])
]

// A failed payout may be tried again with another card. A paid or processing payout keeps its card.
const isOfAnotherCard = ({ method }: Expected, { state, transactions }: Payout.Payout): boolean => {
  const going = transactions.filter((one) => one.state === state && one.method !== undefined)
  return (
    method !== undefined &&
    (state === "paid" || state === "processing") &&
    going.length > 0 &&
    going.every((one) => one.method !== method)
  )
}

const ofFailed = (payout: Payout.Payout): Verdict => {
  const errorState = Payout.latest(payout)?.errorState
  switch (errorState) {
    case "hard_declined":
      return { _tag: "HardDeclined", payout }
    case "soft_declined":
      return { _tag: "SoftDeclined", payout }
    case "processing_error":
      return { _tag: "ProcessingError", payout }
    default:
      return { _tag: "Unsettled", payout, why: `it failed with error_state ${word(errorState)}` }
  }
}

// The provider's own word, but only if it is a single word.
const word = (text: string | undefined): string =>
  text === undefined ? "missing" : /^\w{1,40}$/.test(text) ? text : "unreadable"

const code = ({ body }: Response): number | undefined => (body._tag === "ApiError" ? body.code : undefined)

const ofRefusal = (reply: Response): Verdict => {
  const verdict = ofStatus(reply)
  const isRefused = row(verdict).create === "None"
  return isRefused && reply.body._tag === "ApiError" && isInDoubt(reply.body) ? { _tag: "RejectedInDoubt" } : verdict
}

const ofStatus = (reply: Response): Verdict => {
  const { body, retryAfter, status } = reply
  switch (status) {
    case 400:
      return body._tag === "ApiError"
        ? { _tag: badRequests[body.code] ?? "RequestRejected" }
        : { _tag: "UnreadableRefusal" }
    case 404:
      return { _tag: code(reply) === 40 ? "PaymentMethodNotFound" : "RequestRejected" }
    case 408:
      return { _tag: "CommunicationError", why: "HTTP 408, the server did not get the whole request" }
    case 409:
    case 425:
      return { _tag: "ConcurrentUpdate" }
    case 429:
      return { _tag: "RateLimited", retryAfter }
    default:
      return { _tag: "RequestRejected" }
  }
}

const badRequests: Readonly<
  Record<number, Claim | "ConcurrentUpdate" | "PaymentMethodNotAllowed" | "CustomerMismatch" | undefined>
> = {
  11: "AlreadyExists",
  74: "ConcurrentUpdate",
  133: "AlreadyProcessing",
  134: "AlreadyPaid",
  135: "PaymentMethodNotAllowed",
  136: "CustomerMismatch"
}

// Source: the provider's page of transaction errors (documented). Any error that is not a known decline may have paid.
const isInDoubt = ({ transactionError }: ApiError): boolean =>
  transactionError !== undefined && !isDeclineError(transactionError)
