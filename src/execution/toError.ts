/**
 * Builds the `PayoutError` of a call that pays out, from verdict, reply and evidence, so that none lacks its evidence.
 * The errors of a lookup and of validation are made elsewhere.
 */
import type * as Attempt from "../domain/Attempt.js"
import * as Exposure from "../domain/Exposure.js"
import * as Errors from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply, Response } from "../domain/Reply.js"
import * as Verdict from "../provider/Verdict.js"

/** An exchange that ended without success, and the reply behind it. */
export interface Finding {
  readonly verdict: Exclude<Verdict.Verdict, Verdict.Accepted>
  readonly reply: Reply | "Interrupted" | "Unseen"
}

/** A create of another process. Nothing shows it, and nothing rules it out. */
export const unseen: Finding = {
  verdict: { _tag: "CommunicationError", why: "another process may have sent it" },
  reply: "Unseen"
}

/** A create that was under way when its call was interrupted or died. */
export const interrupted: Finding = {
  verdict: { _tag: "CommunicationError", why: "the call ended before the answer came" },
  reply: "Interrupted"
}

/** The payout that an error is about. */
export type Subject = Pick<PayoutRequest, "handle" | "amount" | "currency">

/** What every error and every success carries. */
export interface Accounting extends Subject {
  readonly attempts: ReadonlyArray<Attempt.Attempt>
  readonly certainty: Exposure.Certainty
  readonly exposure: Exposure.Exposure
  readonly evidence: Exposure.Evidence
}

export const accounting = (
  { amount, currency, handle }: Subject,
  attempts: ReadonlyArray<Attempt.Attempt>,
  evidence: Exposure.Evidence,
  horizon: number,
  exposure = Exposure.exposure(evidence, horizon)
): Accounting => ({
  handle,
  amount,
  currency,
  attempts,
  certainty: Exposure.certainty(exposure),
  exposure,
  evidence
})

/**
 * For values that this library made or checked itself. Otherwise a Schema class compiles its schema and checks every
 * field again for each value.
 */
export const validated = { disableValidation: true }

const declined = {
  HardDeclined: Errors.HardDeclined,
  SoftDeclined: Errors.SoftDeclined,
  ProcessingError: Errors.ProcessingError
}

const refused = {
  ServerError: Errors.ServerError,
  PaymentMethodNotFound: Errors.PaymentMethodNotFound,
  PaymentMethodNotAllowed: Errors.PaymentMethodNotAllowed,
  CustomerMismatch: Errors.CustomerMismatch,
  RequestRejected: Errors.RequestRejected
}

/** Makes any error except a conflict, which is about the money of some arguments only: see `toConflict`. */
export const toError = ({ reply, verdict }: Finding, evidence: Accounting): Errors.PayoutError => {
  const response = responseOf(reply)
  const [requestId, status] = [response?.requestId, response?.status]
  if (Verdict.isFailed(verdict)) {
    return new declined[verdict._tag]({ ...evidence, requestId, payout: verdict.payout }, validated)
  }
  const { error } = Verdict.row(verdict)
  switch (error) {
    case "CommunicationError":
      return new Errors.CommunicationError({ ...evidence, requestId, status, ...transportOf(reply) }, validated)
    case "RateLimited": {
      const retryAfter = verdict._tag === "RateLimited" ? verdict.retryAfter : undefined
      return new Errors.RateLimited({ ...evidence, ...refusalOf(reply), retryAfter }, validated)
    }
    case "ServerError":
    case "PaymentMethodNotFound":
    case "PaymentMethodNotAllowed":
    case "CustomerMismatch":
    case "RequestRejected":
      return new refused[error]({ ...evidence, ...refusalOf(reply) }, validated)
    case "UnexpectedResponse":
    // These come by other ways. If one came here, the answer would not fit its verdict.
    case "HandleConflict":
    case "HardDeclined":
    case "SoftDeclined":
    case "ProcessingError":
    case undefined:
      return new Errors.UnexpectedResponse({ ...evidence, requestId, status, why: Verdict.why(verdict) }, validated)
  }
}

/** Where the other payout was found, and in which fields it differs. */
export interface Conflict {
  readonly with: "Provider" | "Process"
  readonly differs: ReadonlyArray<string>
  /** Whether only a part of the provider's record is of other arguments. Otherwise nothing on it is this request's. */
  readonly isInPart?: boolean
  readonly reply?: Reply
}

/** The error of a request whose handle is taken: its own money, and separately what is known of the other payout's. */
export const toConflict = (
  { differs, reply, with: where }: Conflict,
  own: Accounting,
  other: Exposure.Exposure
): Errors.HandleConflict =>
  new Errors.HandleConflict(
    {
      ...own,
      other: { certainty: Exposure.certainty(other), exposure: other },
      with: where,
      differs,
      requestId: responseOf(reply)?.requestId
    },
    validated
  )

const responseOf = (reply: Finding["reply"] | undefined): Response | undefined =>
  typeof reply === "object" && reply._tag === "Response" ? reply : undefined

const refusalOf = (reply: Finding["reply"]) => {
  const response = responseOf(reply)
  const [requestId, status] = [response?.requestId, response?.status ?? 0]
  const error = response?.body
  return error?._tag === "ApiError"
    ? {
        status,
        requestId,
        code: error.code,
        error: error.error,
        detail: error.message,
        transactionError: error.transactionError
      }
    : { status, requestId }
}

const transportOf = (reply: Finding["reply"]) => {
  if (typeof reply === "string") return { reason: reply }
  if (reply._tag === "NoResponse") return { reason: reply.reason, systemCode: reply.systemCode }
  return { reason: reply.body._tag === "CutOff" ? ("CutOff" as const) : ("RequestTimeout" as const) }
}
