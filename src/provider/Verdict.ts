/**
 * Reply -> Verdict: what one exchange turned out to be. Status is read before the body, and an answer counts only if it is
 * about the payout that was asked for. What a verdict means is one row of one table, `rows`; all else is derived from it.
 */
import type * as Duration from "effect/Duration"
import type { Bearing, Sent } from "../domain/Attempt.js"
import * as Customer from "../domain/Customer.js"
import * as Payout from "../domain/Payout.js"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import type { ApiError, Reply, Response } from "../domain/Reply.js"
import type { Category } from "../RetryPolicy.js"

/**
 * What one verdict means: one row of the table.
 *
 * @category models
 */
export interface Row {
  /** What it says about the money when it answers a create that was sent. */
  readonly create: Bearing
  /** What it says about the money when it answers a lookup. */
  readonly lookup: Bearing
  /** What follows when it answers a create. */
  readonly afterCreate: "Succeed" | "Confirm" | "SendAgain" | "GiveUp"
  /** What follows when it answers a lookup. `AskAgain`: within the category's budget, if it has one; it tells nothing. */
  readonly afterLookup: "Succeed" | "Absent" | "Failure" | "Unsettled" | "AskAgain" | "GiveUp"
  /** The budget that sending or asking again spends; none, if it is not done again. */
  readonly category: Category | undefined
  /** The error that a call ends with, if this is what it reports; none for a success. */
  readonly error: ErrorTag | undefined
  /** What it means, for a person. */
  readonly words: string
}

/** @category models */
export type ErrorTag =
  | "CommunicationError"
  | "ServerError"
  | "UnexpectedResponse"
  | "PaymentMethodNotFound"
  | "PaymentMethodNotAllowed"
  | "CustomerMismatch"
  | "RequestRejected"
  | "RateLimited"
  | "HardDeclined"
  | "SoftDeclined"
  | "ProcessingError"
  | "HandleConflict"

const shown = { create: "Recorded", lookup: "Recorded" } as const
const unclear = { create: "Unclear", lookup: "None", afterCreate: "SendAgain", afterLookup: "AskAgain" } as const
const claimed = {
  create: "Claimed",
  lookup: "None",
  afterCreate: "Confirm",
  afterLookup: "AskAgain",
  category: "communication",
  error: "UnexpectedResponse"
} as const
const refused = {
  create: "None",
  lookup: "None",
  afterCreate: "GiveUp",
  afterLookup: "AskAgain",
  category: undefined
} as const

/**
 * What each verdict means. A new code of the provider is one row here, and one line where it is read.
 *
 * @category table
 */
export const rows = {
  // A record of this payout, in a state that we know.
  Paid: {
    ...shown,
    afterCreate: "Succeed",
    afterLookup: "Succeed",
    category: undefined,
    error: undefined,
    words: "the money moved"
  },
  Processing: {
    ...shown,
    afterCreate: "Succeed",
    afterLookup: "Succeed",
    category: undefined,
    error: undefined,
    words: "accepted, and not over"
  },
  HardDeclined: {
    ...shown,
    afterCreate: "GiveUp",
    afterLookup: "Failure",
    category: undefined,
    error: "HardDeclined",
    words: "declined for good"
  },
  SoftDeclined: {
    ...shown,
    afterCreate: "SendAgain",
    afterLookup: "Failure",
    category: "softDeclined",
    error: "SoftDeclined",
    words: "declined for now"
  },
  ProcessingError: {
    ...shown,
    afterCreate: "SendAgain",
    afterLookup: "Failure",
    category: "processingError",
    error: "ProcessingError",
    words: "it may have been approved without the provider knowing"
  },
  /** A record in a state, or failed for a reason, that we do not know: asked about again, never sent again. */
  Unsettled: {
    ...shown,
    afterCreate: "Confirm",
    afterLookup: "Unsettled",
    category: "communication",
    error: "UnexpectedResponse",
    words: "a state that is not known"
  },
  /** A record of a payout with other arguments. */
  HandleConflict: {
    ...refused,
    lookup: "Foreign",
    afterLookup: "GiveUp",
    error: "HandleConflict",
    words: "the handle's payout has other arguments"
  },
  // What the provider says of the handle without showing the payout: to be looked up and compared.
  AlreadyPaid: { ...claimed, words: "the provider says that the handle is paid (134) but has not shown the payout" },
  AlreadyProcessing: {
    ...claimed,
    words: "the provider says that the handle is being paid (133) but has not shown the payout"
  },
  /** Code 11. It is not documented that a payout's handle can be answered by it; if it is, it is no refusal. */
  AlreadyExists: {
    ...claimed,
    words: "the provider says that the handle is in use (11) but has not shown the payout"
  },
  /** A 400 may be a 133 or a 134, so one whose code did not arrive is not taken for a refusal. */
  UnreadableRefusal: {
    ...claimed,
    afterCreate: "SendAgain",
    words: "HTTP 400 whose code cannot be read"
  },
  /** The provider knows no such payout. Only a lookup finds this. */
  NotFound: {
    ...refused,
    afterLookup: "Absent",
    error: "UnexpectedResponse",
    words: "the provider knows no payout under this handle"
  },
  // Nothing certain came back.
  CommunicationError: { ...unclear, category: "communication", error: "CommunicationError", words: "no clear answer" },
  /** No retry mends it. */
  CertificateRefused: {
    ...unclear,
    afterCreate: "GiveUp",
    category: undefined,
    error: "CommunicationError",
    words: "the server's certificate was not accepted"
  },
  ServerError: { ...unclear, category: "communication", error: "ServerError", words: "the provider failed" },
  UnexpectedResponse: {
    ...unclear,
    category: "communication",
    error: "UnexpectedResponse",
    words: "an answer that cannot be relied on"
  },
  // Refused before anything was done, to be sent again after a wait.
  RateLimited: {
    ...refused,
    afterCreate: "SendAgain",
    category: "rateLimited",
    error: "RateLimited",
    words: "limited before anything was done"
  },
  ConcurrentUpdate: {
    ...refused,
    afterCreate: "SendAgain",
    category: "concurrentUpdate",
    error: "RequestRejected",
    words: "something else was changing the payout"
  },
  // Refused before anything was done, and would be again.
  PaymentMethodNotFound: { ...refused, error: "PaymentMethodNotFound", words: "refused, and would be again" },
  PaymentMethodNotAllowed: { ...refused, error: "PaymentMethodNotAllowed", words: "refused, and would be again" },
  CustomerMismatch: { ...refused, error: "CustomerMismatch", words: "refused, and would be again" },
  RequestRejected: { ...refused, error: "RequestRejected", words: "refused, and would be again" },
  /** A 4xx that names a transaction error other than a decline: there was a transaction, and it may have paid. */
  RejectedInDoubt: {
    ...refused,
    create: "Unclear",
    error: "RequestRejected",
    words: "refused, for a transaction that may have paid all the same"
  },
  /** A lookup that was refused. A lookup is never refused for what the payout is, so this is about the asking. */
  LookupRefused: {
    ...refused,
    category: "communication",
    error: "RequestRejected",
    words: "the lookup was refused"
  }
} as const satisfies Readonly<Record<string, Row>>

/** @category models */
export type Tag = keyof typeof rows

type WithError<Error extends ErrorTag | undefined> = {
  readonly [T in Tag]: (typeof rows)[T]["error"] extends Error ? T : never
}[Tag]

type Recording = {
  readonly [T in Tag]: (typeof rows)[T]["create"] extends "Recorded" ? T : never
}[Tag]

/**
 * What one exchange turned out to be. `why` says it in words where the row's are not enough.
 *
 * @category models
 */
export type Verdict =
  | {
      readonly [T in Recording]: { readonly _tag: T; readonly payout: Payout.Payout; readonly why?: string }
    }[Recording]
  | { readonly _tag: "HandleConflict"; readonly differs: ReadonlyArray<string>; readonly payout: Payout.Payout }
  | { readonly _tag: "RateLimited"; readonly retryAfter?: Duration.Duration | undefined }
  /** `proven`: the answer names the handle, so it is not another's. */
  | { readonly _tag: "NotFound"; readonly proven: boolean }
  | {
      readonly _tag: Exclude<Tag, Recording | "HandleConflict" | "RateLimited" | "NotFound">
      readonly why?: string
    }

/**
 * A success.
 *
 * @category models
 */
export type Accepted = Extract<Verdict, { readonly _tag: WithError<undefined> }>

/**
 * A verdict that rests on a record of this payout.
 *
 * @category models
 */
export type Shown = Extract<Verdict, { readonly _tag: Recording }>

/**
 * A payout that the provider shows as failed, for a reason that we know.
 *
 * @category models
 */
export type Failed = Extract<Verdict, { readonly _tag: "HardDeclined" | "SoftDeclined" | "ProcessingError" }>

/**
 * What the provider may say of a handle's payout without showing it.
 *
 * @category models
 */
export type Claim = "AlreadyProcessing" | "AlreadyPaid" | "AlreadyExists"

/**
 * The verdict's row.
 *
 * @category getters
 */
export const row = ({ _tag }: Pick<Verdict, "_tag">): Row => rows[_tag]

/**
 * Whether a verdict is a success.
 *
 * @category predicates
 */
export const isAccepted = (verdict: Verdict): verdict is Accepted => row(verdict).error === undefined

/**
 * Whether a verdict rests on a record of this payout.
 *
 * @category predicates
 */
export const isShown = (verdict: Verdict): verdict is Shown => row(verdict).lookup === "Recorded"

/**
 * Whether a verdict is a failure that the provider shows, for a reason that we know.
 *
 * @category predicates
 */
export const isFailed = (verdict: Verdict): verdict is Failed => row(verdict).afterLookup === "Failure"

/**
 * What the verdict on a *create* says about the money: nothing, where no byte of it was sent.
 *
 * @category getters
 */
export const bearing = (verdict: Verdict, sent: Sent): Bearing => (sent === "NotSent" ? "None" : row(verdict).create)

/**
 * What the verdict means, for a person.
 *
 * @category getters
 */
export const why = (verdict: Verdict): string =>
  verdict._tag === "HandleConflict"
    ? `the handle's payout has another ${verdict.differs.join(", ")}`
    : ("why" in verdict && verdict.why) || row(verdict).words

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
  /** The fingerprint of the saved method. */
  readonly method?: string | undefined
}

/**
 * What an answer to this request must be about.
 *
 * @category constructors
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
 * The verdict on an answer to `GET /v1/payout/{handle}`. A lookup is never refused for what the payout is: every 4xx but 137
 * and 8 (documented as "Not found"), 401 and 429 is asked about again.
 *
 * @category verdicts
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

// Where connections are crossed, it is another payout that is not there.
const ofAbsence = ({ handle }: Expected, { body }: Response): Verdict => {
  const told = body._tag === "ApiError" ? body.path : undefined
  // A path that was cut names no handle.
  const path = told?.endsWith("…") === true ? undefined : told
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

// What the provider did not say cannot differ: currency, customer and card are optional in its answers or our request.
const compare = (expected: Expected, payout: Payout.Payout): ReadonlyArray<string> => [
  ...(["amount", "currency", "customer"] as const).filter(
    (key) => expected[key] !== undefined && payout[key] !== undefined && expected[key] !== payout[key]
  ),
  ...(isOfAnotherCard(expected, payout) ? ["destination"] : [])
]

// A failed payout may be attempted again with another card. One that is paid, or being paid, goes where it goes.
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

// The provider's own word, but only if it is one.
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

// Source: the provider's page of transaction errors (documented). What is not a decline that we know may have paid.
const declines: ReadonlySet<string> = new Set([
  "insufficient_funds",
  "settle_blocked",
  "credit_card_expired",
  "declined_by_acquirer",
  "credit_card_lost_or_stolen",
  "credit_card_suspected_fraud",
  "refund_amount_too_high",
  "authorization_expired",
  "authorization_amount_exceeded",
  "authorization_voided",
  "sca_required",
  "risk_filter_block",
  "fraud_block"
])

const isInDoubt = ({ transactionError }: ApiError): boolean =>
  transactionError !== undefined && !declines.has(transactionError)
