/**
 * Reply -> Verdict: the table that everything serves, as a pure, total function. Status is read before the body, and an
 * answer counts only if it is about the payout that was asked for.
 */
import type * as Duration from "effect/Duration"
import type { Bearing, Recorded, Sent } from "./domain/Attempt.js"
import * as Customer from "./domain/Customer.js"
import * as Payout from "./domain/Payout.js"
import type { PayoutRequest } from "./domain/PayoutRequest.js"
import type { ApiError, Reply, Response } from "./domain/Reply.js"

/**
 * What an answer must be about. A lookup for `get` knows the handle only.
 *
 * @category models
 */
export interface Expected {
  readonly handle: string
  readonly amount?: number | undefined
  readonly currency?: string | undefined
  readonly customer?: string | undefined
}

/**
 * What one exchange turned out to be.
 *
 * @category models
 */
export type Verdict =
  /** An answer about this payout, in a state that we know. */
  | Settled
  /** This payout, in a state or failed for a reason that we do not know: it is asked about again, never sent again. */
  | { readonly _tag: "Unsettled"; readonly payout: Payout.Payout; readonly why: string }
  /** The handle's payout has other arguments. */
  | { readonly _tag: "HandleConflict"; readonly differs: ReadonlyArray<string> }
  /**
   * 133, 134 or 11: the provider says that the handle's payout is being paid, is paid, or exists. To be looked up and
   * compared. (That a payout's handle can be answered by 11 is not documented; if it is, it is no refusal.)
   */
  | { readonly _tag: Claim }
  /** The provider knows no such payout. Only a lookup finds this. */
  | { readonly _tag: "NotFound" }
  /** Nothing certain came back. */
  | Unclear
  /** Refused before anything was done, to be sent again after a wait. */
  | { readonly _tag: "RateLimited"; readonly retryAfter?: Duration.Duration | undefined }
  | { readonly _tag: "ConcurrentUpdate" }
  /** Refused before anything was done, and would be again. */
  | {
      readonly _tag: "PaymentMethodNotFound" | "PaymentMethodNotAllowed" | "CustomerMismatch" | "RequestRejected"
    }

/**
 * What the provider may say of a handle's payout without showing it.
 *
 * @category models
 */
export type Claim = "AlreadyProcessing" | "AlreadyPaid" | "AlreadyExists"

/** @category models */
export type Settled = Accepted | Failed

/**
 * Verdicts that are a success.
 *
 * @category models
 */
export type Accepted = Shown<"Paid"> | Shown<"Processing">

/**
 * Verdicts on a payout that the provider shows as failed, for a reason that we know.
 *
 * @category models
 */
export type Failed = Shown<"HardDeclined"> | Shown<"SoftDeclined"> | Shown<"ProcessingError">

interface Shown<Tag extends string> {
  readonly _tag: Tag
  readonly payout: Payout.Payout
}

/** @category models */
export interface Unclear {
  readonly _tag: "CommunicationError" | "ServerError" | "UnexpectedResponse"
  readonly why: string
  /** Only where no retry can help, as for a certificate that is not accepted. */
  readonly permanent?: true
  /** Only where this request certainly did nothing, but its answer may have been a 133 or 134. */
  readonly refused?: true
}

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
 */
export const ofCreate = (expected: Expected, reply: Reply): Verdict => {
  // No create is answered so. Where connections are crossed it is the answer to a lookup, and says nothing about this.
  if (isResponse(reply, 404) && code(reply) === 137) return unexpected("HTTP 404, an answer to a lookup")
  const answered = ofAnswer(expected, reply)
  // On the answer to a create, another amount is not somebody else's payout: it is not an answer to us at all.
  return answered._tag === "HandleConflict"
    ? unexpected(`the answer is about another ${answered.differs.join(", ")}`)
    : answered
}

/**
 * The verdict on an answer to `GET /v1/payout/{handle}`. A lookup is never refused for what the payout is, so every 4xx
 * but 137, 8 (documented as "Not found") and 429 is only a lookup that failed.
 *
 * @category verdicts
 */
export const ofLookup = (expected: Expected, reply: Reply): Verdict => {
  if (isResponse(reply, 404) && isNotFound(code(reply))) return { _tag: "NotFound" }
  const answered = ofAnswer(expected, reply)
  switch (answered._tag) {
    case "AlreadyExists":
    case "AlreadyPaid":
    case "AlreadyProcessing":
    case "ConcurrentUpdate":
    case "CustomerMismatch":
    case "PaymentMethodNotAllowed":
    case "PaymentMethodNotFound":
      return { _tag: "RequestRejected" }
    default:
      return answered
  }
}

const isResponse = (reply: Reply, status: number): reply is Response =>
  reply._tag === "Response" && reply.status === status

const isNotFound = (code: number | undefined): boolean => code === 137 || code === 8

/**
 * What an answer to this request must be about.
 *
 * @category constructors
 */
export const expected = (request: PayoutRequest): Expected => ({
  handle: request.handle,
  amount: request.amount,
  currency: request.currency,
  customer: Customer.expectedHandle(request.customer)
})

const ofAnswer = (expected: Expected, reply: Reply): Verdict => {
  if (reply._tag === "NoResponse") {
    return reply.reason === "Certificate"
      ? { _tag: "CommunicationError", why: "the server's certificate was not accepted", permanent: true }
      : { _tag: "CommunicationError", why: noResponse[reply.reason] }
  }
  const { status } = reply
  if (status === 200) return ofOk(expected, reply)
  if (status >= 500) return { _tag: "ServerError", why: `HTTP ${status}` }
  if (status >= 400) return ofRefusal(reply)
  return unexpected(`HTTP ${status}`)
}

const noResponse = { Deadline: "no answer before the deadline", Transport: "the connection failed" }

const unexpected = (why: string): Unclear => ({ _tag: "UnexpectedResponse", why })

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
 */
export const ofPayout = (expected: Expected, payout: Payout.Payout): Verdict => {
  if (payout.handle !== expected.handle) return unexpected("the answer is about another handle")
  const differs = compare(expected, payout)
  if (differs.length > 0) return { _tag: "HandleConflict", differs }
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

// What the provider did not say cannot differ: currency and customer are optional in its answers or our request.
const compare = (expected: Expected, payout: Payout.Payout): ReadonlyArray<string> =>
  (["amount", "currency", "customer"] as const).filter(
    (key) => expected[key] !== undefined && payout[key] !== undefined && expected[key] !== payout[key]
  )

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

// The provider's own word, but only if it is one.
const word = (text: string | undefined): string =>
  text === undefined ? "missing" : /^\w{1,40}$/.test(text) ? text : "unreadable"

const code = ({ body }: Response): number | undefined => (body._tag === "ApiError" ? body.code : undefined)

const ofRefusal = (reply: Response): Verdict => {
  const { body, retryAfter, status } = reply
  switch (status) {
    case 400:
      // A 400 may be a 133 or a 134, so one whose code did not arrive may not be taken for a refusal.
      return body._tag === "ApiError"
        ? ofBadRequest(body)
        : { _tag: "UnexpectedResponse", why: "HTTP 400 whose code cannot be read", refused: true }
    case 404:
      return code(reply) === 40 ? { _tag: "PaymentMethodNotFound" } : { _tag: "RequestRejected" }
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

const ofBadRequest = ({ code }: ApiError): Verdict => {
  switch (code) {
    case 11:
      return { _tag: "AlreadyExists" }
    case 74:
      return { _tag: "ConcurrentUpdate" }
    case 133:
      return { _tag: "AlreadyProcessing" }
    case 134:
      return { _tag: "AlreadyPaid" }
    case 135:
      return { _tag: "PaymentMethodNotAllowed" }
    case 136:
      return { _tag: "CustomerMismatch" }
    default:
      return { _tag: "RequestRejected" }
  }
}

/**
 * Whether a verdict is a success.
 *
 * @category predicates
 */
export const isAccepted = (verdict: Verdict): verdict is Accepted =>
  verdict._tag === "Paid" || verdict._tag === "Processing"

/**
 * Whether a verdict is a failure that the provider shows, for a reason that we know.
 *
 * @category predicates
 */
export const isFailed = (verdict: Verdict): verdict is Failed =>
  verdict._tag === "HardDeclined" || verdict._tag === "SoftDeclined" || verdict._tag === "ProcessingError"

/**
 * What the verdict on a *create* says about the money. A lookup moves nothing, so there only `Recorded` counts.
 *
 * @category getters
 */
export const bearing = (verdict: Verdict, sent: Sent): Bearing => {
  switch (verdict._tag) {
    case "Paid":
    case "Processing":
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
    case "Unsettled":
      return "Recorded"
    case "AlreadyExists":
    case "AlreadyPaid":
    case "AlreadyProcessing":
      return "Claimed"
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
      return sent === "NotSent" ? "None" : verdict.refused === true ? "Claimed" : "Unclear"
    default:
      return "None"
  }
}

/**
 * What the provider's record says about the money, if the verdict rests on one.
 *
 * @category getters
 */
export const recorded = (verdict: Verdict): Recorded | undefined =>
  "payout" in verdict ? Payout.recorded(verdict.payout) : undefined
