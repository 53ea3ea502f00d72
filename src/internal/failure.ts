/**
 * Verdict, reply and evidence -> the typed error. One place, so that no error can be made without its evidence.
 */
import * as Attempt from "../domain/Attempt.js"
import * as Errors from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import type { Accepted, Verdict } from "../Verdict.js"

/** An exchange that ended without success: what it was, and what it rests on. */
export interface Finding {
  readonly verdict: Exclude<Verdict, Accepted>
  readonly reply: Reply | "Interrupted" | "Unseen"
}

/** A request that another process may have sent: not seen, so not denied. */
export const unseen: Finding = {
  verdict: { _tag: "CommunicationError", why: "a process that died may have sent it" },
  reply: "Unseen"
}

/** A request that was under way when its call was interrupted, or died. */
export const interrupted: Finding = {
  verdict: { _tag: "CommunicationError", why: "the call ended before the answer came" },
  reply: "Interrupted"
}

/** Whose money it is about. */
export type Subject = Pick<PayoutRequest, "handle" | "amount" | "currency">

/** The evidence that every error and every success carries. */
export const accounting = (request: Subject, attempts: ReadonlyArray<Attempt.Attempt>, tally: Attempt.Tally) => {
  const exposure = Attempt.exposureOf(request.amount, tally)
  return {
    handle: request.handle,
    amount: request.amount,
    currency: request.currency,
    attempts,
    certainty: Attempt.certainty(exposure),
    exposure
  }
}

export type Accounting = ReturnType<typeof accounting>

/**
 * The options of what is made of values that this library has made or checked itself: a class of Schema would otherwise
 * compile its schema anew, and check them all again, each time.
 */
export const validated = { disableValidation: true }

export const toError = ({ reply, verdict }: Finding, evidence: Accounting): Errors.PayoutError => {
  const { requestId, status } = answer(reply)
  switch (verdict._tag) {
    case "HardDeclined":
      return new Errors.HardDeclined({ ...evidence, requestId, payout: verdict.payout }, validated)
    case "SoftDeclined":
      return new Errors.SoftDeclined({ ...evidence, requestId, payout: verdict.payout }, validated)
    case "ProcessingError":
      return new Errors.ProcessingError({ ...evidence, requestId, payout: verdict.payout }, validated)
    case "HandleConflict":
      return new Errors.HandleConflict(
        { ...evidence, requestId, with: "Provider", differs: verdict.differs },
        validated
      )
    case "CommunicationError":
      return new Errors.CommunicationError({ ...evidence, ...answer(reply), ...transport(reply) }, validated)
    case "ServerError":
      return new Errors.ServerError({ ...evidence, ...refusal(reply) }, validated)
    case "PaymentMethodNotFound":
      return new Errors.PaymentMethodNotFound({ ...evidence, ...refusal(reply) }, validated)
    case "PaymentMethodNotAllowed":
      return new Errors.PaymentMethodNotAllowed({ ...evidence, ...refusal(reply) }, validated)
    case "CustomerMismatch":
      return new Errors.CustomerMismatch({ ...evidence, ...refusal(reply) }, validated)
    case "ConcurrentUpdate":
    case "RequestRejected":
      return new Errors.RequestRejected({ ...evidence, ...refusal(reply) }, validated)
    case "RateLimited":
      return new Errors.RateLimited({ ...evidence, ...refusal(reply), retryAfter: verdict.retryAfter }, validated)
    case "AlreadyExists":
    case "AlreadyPaid":
    case "AlreadyProcessing":
    case "NotFound":
    case "Unsettled":
    case "UnexpectedResponse":
      return new Errors.UnexpectedResponse({ ...evidence, requestId, status, why: why(verdict) }, validated)
  }
}

/** What a verdict means, in words for a person. */
export const why = (verdict: Verdict): string => {
  switch (verdict._tag) {
    case "Paid":
      return "the money moved"
    case "Processing":
      return "accepted, and settled later"
    case "HardDeclined":
      return "declined for good"
    case "SoftDeclined":
      return "declined for now"
    case "ProcessingError":
      return "it may have been approved without the provider knowing"
    case "HandleConflict":
      return `the handle's payout has another ${verdict.differs.join(", ")}`
    case "AlreadyPaid":
      return "the provider says that the handle is paid (134) but has not shown the payout"
    case "AlreadyProcessing":
      return "the provider says that the handle is being paid (133) but has not shown the payout"
    case "AlreadyExists":
      return "the provider says that the handle is in use (11) but has not shown the payout"
    case "NotFound":
      return "the provider knows no payout under this handle"
    case "RateLimited":
      return "limited before anything was done"
    case "ConcurrentUpdate":
      return "something else was changing the payout"
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
    case "Unsettled":
      return verdict.why
    default:
      return "refused, and would be again"
  }
}

const answer = (reply: Finding["reply"]) =>
  typeof reply === "object" && reply._tag === "Response"
    ? { status: reply.status, requestId: reply.requestId }
    : { status: undefined, requestId: undefined }

const refusal = (reply: Finding["reply"]) => {
  const { requestId, status = 0 } = answer(reply)
  const error = typeof reply === "object" && reply._tag === "Response" ? reply.body : undefined
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

const transport = (reply: Finding["reply"]) => {
  if (typeof reply === "string") return { reason: reply }
  if (reply._tag === "NoResponse") return { reason: reply.reason, systemCode: reply.systemCode }
  return { reason: reply.body._tag === "CutOff" ? ("CutOff" as const) : ("RequestTimeout" as const) }
}
