/**
 * The typed error channel: one class for each category that a caller treats differently. Every error says what
 * happened, what is known about the money, what to do next and what never to do. It carries the evidence for it.
 */
import * as Schema from "effect/Schema"
import { Attempt } from "./Attempt.js"
import { Certainty, Evidence, Exposure } from "./Exposure.js"
import { Handle } from "./Handle.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { Amount, Currency } from "./Money.js"
import * as Payout from "./Payout.js"
import { hidden, hiddenClass } from "./schemaMessages.js"

export { InvalidRequest } from "./InvalidRequest.js"

const evidence = {
  /** The request's handle. */
  handle: Handle,
  /** The request's amount, in minor units. */
  amount: Amount,
  /** The request's currency, ISO 4217. */
  currency: Currency,
  /** Every exchange of this payout that this process has on record, oldest first. */
  attempts: Schema.Array(Attempt),
  /** Computed from all evidence, never from the last attempt alone. */
  certainty: Certainty,
  /** The least and the most that can have left the account, in minor units. */
  exposure: Exposure,
  /** The basis of certainty and exposure: store it, and pass it to `Payouts.recover`. */
  evidence: Evidence
}

const answer = {
  /** The HTTP status, if an answer began. */
  status: Schema.optional(Schema.Number),
  /** The provider's name for the exchange: quote it to their support. */
  requestId: Schema.optional(Schema.String)
}

const refusal = {
  /** The HTTP status. */
  status: Schema.Number,
  /** The provider's name for the exchange: quote it to their support. */
  requestId: Schema.optional(Schema.String),
  /** The provider's error code. */
  code: Schema.optional(Schema.Number),
  /** The code's documented text, or a word like `some_word`; with `keepProviderTexts`, the provider's own text. */
  error: Schema.optional(Schema.String),
  /** The provider's further text; only with `keepProviderTexts`. */
  detail: Schema.optional(Schema.String),
  /** The transaction error that the provider named, if any; `<redacted>` if it is not a code. */
  transactionError: Schema.optional(Schema.String)
}

interface Facts {
  readonly currency: string
  readonly certainty: Certainty
  readonly exposure: Exposure
}

const money = ({ certainty, currency, exposure: { max, min } }: Facts): string => {
  const sum = `${min === max ? min : `${min} to ${max}`} minor units of ${currency}`
  switch (certainty) {
    case "NotMoved":
      return "No money has moved."
    case "Moved":
      return `${sum} have left the account.`
    case "MayHaveMoved":
      return `Money may have moved: ${sum}.`
  }
}

const whileUnclear =
  "Do not treat it as failed, and never pay again under another handle: recover it, with the evidence of this error."

const advise = (facts: Facts, whenNotMoved: string): string =>
  facts.certainty === "NotMoved" ? whenNotMoved : whileUnclear

/** A collision passes, and so does a refused key when it is corrected. Any other refusal is of what the request asks for. */
const afterRefusal = ({ code, status }: { readonly code?: number | undefined; readonly status: number }): string => {
  if (code === 74 || status === 409 || status === 425) return "Something else was changing the payout: try again later."
  if (status === 401 || status === 403) {
    return "Correct the key or what it may do, and then send the same request again, under the same handle."
  }
  return "Correct the request or the account's configuration; repeating the same request cannot help."
}

/** The last answer, if the error reports another one: it says nothing about the reported attempt. */
const afterwards = (attempts: ReadonlyArray<Attempt>, reported: number | undefined): string | undefined => {
  const last = attempts.at(-1)
  if (attempts.length < 2 || last?.status === undefined || last.status === reported) return undefined
  const kind = last.kind === "Create" ? "a create" : "a lookup"
  const answered = words("HTTP", last.status, last.code && `code ${last.code}`)
  return `The last of ${attempts.length} exchanges, ${kind}, was answered with ${answered}.`
}

const words = (...parts: ReadonlyArray<string | number | undefined>): string =>
  parts.filter((part) => part !== undefined && part !== "").join(" ")

const quoted = (text: string | undefined): string | undefined => (text === undefined ? undefined : `("${text}")`)

/** Why a create was not sent, by the code that this library gives for it. */
const unsentBy: Readonly<Record<string, string>> = {
  INTENT: "the create was not sent, because its intent was over: take a new one with intend",
  EVIDENCE: "the create was not sent, because its evidence could not be stored (beforeCreate)"
}

const unansweredBy: Readonly<Record<string, string>> = {
  Interrupted: "an earlier call was interrupted before its answer came",
  Unseen: "another process may have sent it, and nothing that the provider shows accounts for that"
}

/**
 * No answer to the request. Unless `certainty` says otherwise, the money may have moved.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommunicationError extends Schema.TaggedError<CommunicationError>(
  "effect-billwerk-payouts/CommunicationError"
)(
  "CommunicationError",
  {
    ...evidence,
    ...answer,
    /**
     * `CutOff`: the answer began and did not end. `RequestTimeout`: HTTP 408. `Interrupted`: an earlier call for this
     * handle was interrupted while its request was under way. `Unseen`: another process may have sent a create, and
     * nothing that the provider shows accounts for it.
     */
    reason: Schema.Literal("Deadline", "Transport", "Certificate", "CutOff", "RequestTimeout", "Interrupted", "Unseen"),
    /** The system's name for the failure, such as `ECONNREFUSED`. */
    systemCode: Schema.optional(Schema.String)
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    const unsent = unsentBy[this.systemCode ?? ""]
    const noAnswer = unsent ?? `no clear answer from the provider (${words(this.reason, this.systemCode)})`
    return words(
      `Payout ${this.handle}: ${unansweredBy[this.reason] ?? noAnswer}.`,
      afterwards(this.attempts, this.status),
      money(this),
      this.reason === "Certificate"
        ? "The server's certificate was not accepted: correct baseUrl or the trust store, and never switch verification off."
        : advise(
            this,
            `No request was carried out: try again${unsent === undefined ? " when the connection is back" : ""}.`
          )
    )
  }
}

/**
 * The provider answered 5xx. The money may have moved.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerError extends Schema.TaggedError<ServerError>("effect-billwerk-payouts/ServerError")(
  "ServerError",
  {
    ...evidence,
    ...refusal
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    return words(
      `Payout ${this.handle}: the provider failed with HTTP ${this.status}`,
      quoted(this.error),
      "and did not recover in time.",
      afterwards(this.attempts, this.status),
      money(this),
      advise(this, "Try again later."),
      this.requestId && `Quote request ${this.requestId} to Billwerk if it persists.`
    )
  }
}

/**
 * An answer that cannot be relied on: an undocumented status, an unreadable body, another payout than the requested
 * one, or a state that this library does not know. The money may have moved. A `recover` with `lookUpOnly` also ends so
 * if the provider knows no such payout: then `certainty` says what may be outstanding.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>(
  "effect-billwerk-payouts/UnexpectedResponse"
)(
  "UnexpectedResponse",
  {
    ...evidence,
    ...answer,
    /** What was wrong with it. */
    why: Schema.String
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    // The end of a `recover` that only looks: the answer is clear.
    if (this.attempts.at(-1)?.outcome === "NotFound" && this.certainty === "NotMoved") {
      return `Payout ${this.handle}: ${this.why}. ${money(this)} Nothing was sent, because this call only looks.`
    }
    return words(
      `Payout ${this.handle}: the provider's answer cannot be relied on (${this.why}).`,
      afterwards(this.attempts, this.status),
      money(this),
      advise(this, "Try again later."),
      "Contact Billwerk if it persists",
      this.requestId && `and quote request ${this.requestId}`
    ).concat(".")
  }
}

/**
 * 404 with code 40: the destination does not exist. Never sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export class PaymentMethodNotFound extends Schema.TaggedError<PaymentMethodNotFound>(
  "effect-billwerk-payouts/PaymentMethodNotFound"
)("PaymentMethodNotFound", { ...evidence, ...refusal }, hiddenClass("an error of a payout")) {
  override get message(): string {
    return words(
      `Payout ${this.handle}: the payment method was not found (404, code 40).`,
      money(this),
      advise(this, "Ask the customer for another payment method; repeating the same request cannot help.")
    )
  }
}

/**
 * 400 with code 135: the destination cannot receive payouts. Never sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export class PaymentMethodNotAllowed extends Schema.TaggedError<PaymentMethodNotAllowed>(
  "effect-billwerk-payouts/PaymentMethodNotAllowed"
)("PaymentMethodNotAllowed", { ...evidence, ...refusal }, hiddenClass("an error of a payout")) {
  override get message(): string {
    return words(
      `Payout ${this.handle}: the payment method is not allowed for payouts (400, code 135).`,
      money(this),
      advise(this, "Ask the customer for another payment method; repeating the same request cannot help.")
    )
  }
}

/**
 * 400 with code 136: an earlier, failed attempt on this handle was for another customer. Never sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export class CustomerMismatch extends Schema.TaggedError<CustomerMismatch>("effect-billwerk-payouts/CustomerMismatch")(
  "CustomerMismatch",
  { ...evidence, ...refusal },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    return words(
      `Payout ${this.handle}: the handle belongs to a failed payout of another customer (400, code 136).`,
      money(this),
      advise(this, "Find out which of your payouts took the handle; repeating the same request cannot help.")
    )
  }
}

/**
 * Any other 4xx: the request or the account's configuration is at fault. Never sent again, except after code 74 (a
 * concurrent update), 409 and 425: after those the library sends a few times more before it ends here. An answer with a
 * transaction error that is not a decline may have paid: `certainty` says so.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestRejected extends Schema.TaggedError<RequestRejected>("effect-billwerk-payouts/RequestRejected")(
  "RequestRejected",
  { ...evidence, ...refusal },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    const refused = words(
      `Payout ${this.handle}: the provider refused the request with HTTP ${this.status}`,
      this.code === undefined ? undefined : `and code ${this.code}`,
      quoted(this.error),
      quoted(this.detail)
    )
    return words(`${refused}.`, money(this), advise(this, afterRefusal(this)))
  }
}

/**
 * 429, for longer than the policy waits. The provider limits before anything else, so a limited request did nothing.
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("effect-billwerk-payouts/RateLimited")(
  "RateLimited",
  {
    ...evidence,
    ...refusal,
    /** The wait that the provider asked for, if any. */
    retryAfter: Schema.optional(Schema.DurationFromMillis)
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    return words(
      `Payout ${this.handle}: the provider's rate limit was exceeded for longer than the policy allows.`,
      money(this),
      advise(this, "Try again later, and send fewer requests at a time.")
    )
  }
}

const declined = {
  ...evidence,
  /** The provider's name for the exchange: quote it to their support. */
  requestId: Schema.optional(Schema.String),
  /** The provider's record, with its transactions. */
  payout: Payout.Payout
}

const times = (count: number): string => (count === 1 ? "once." : `${count} times.`)

// Processing errors only: a decline of other arguments may have come later.
const ofProcessingErrors = (payout: Payout.Payout): Payout.Payout => ({
  ...payout,
  transactions: payout.transactions.filter(({ errorState }) => errorState === "processing_error")
})

const reason = (payout: Payout.Payout): string => {
  const last = Payout.latest(payout)
  return words(
    last?.error ?? "no reason given",
    last?.acquirerCode && `acquirer code ${last.acquirerCode}`,
    quoted(last?.acquirerMessage)
  )
}

/**
 * The acquirer or issuer declined for good. Never sent again with the same arguments; such a policy does not compile.
 *
 * @category errors
 * @since 0.1.0
 */
export class HardDeclined extends Schema.TaggedError<HardDeclined>("effect-billwerk-payouts/HardDeclined")(
  "HardDeclined",
  declined,
  hiddenClass("an error of a payout")
) {
  /** The transaction error, such as `credit_card_expired`. */
  get error(): string | undefined {
    return Payout.latest(this.payout)?.error
  }
  override get message(): string {
    return words(
      `Payout ${this.handle}: declined for good (${reason(this.payout)}).`,
      money(this),
      this.certainty === "NotMoved"
        ? "Ask the customer for another payment method."
        : "An earlier request may still pay: recover it later, and do not pay again before that is clear.",
      "Never send it again with the same arguments."
    )
  }
}

/**
 * Declined for now, for example for lack of funds. Not sent again unless the policy has a budget for it.
 *
 * @category errors
 * @since 0.1.0
 */
export class SoftDeclined extends Schema.TaggedError<SoftDeclined>("effect-billwerk-payouts/SoftDeclined")(
  "SoftDeclined",
  declined,
  hiddenClass("an error of a payout")
) {
  /** The transaction error, such as `insufficient_funds`. */
  get error(): string | undefined {
    return Payout.latest(this.payout)?.error
  }
  override get message(): string {
    return words(
      `Payout ${this.handle}: declined for now (${reason(this.payout)}).`,
      money(this),
      advise(this, "A later attempt under the same handle may succeed.")
    )
  }
}

/**
 * A failure between the platform and the acquirer, as often as the policy allows. It may have paid all the same.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessingError extends Schema.TaggedError<ProcessingError>("effect-billwerk-payouts/ProcessingError")(
  "ProcessingError",
  declined,
  hiddenClass("an error of a payout")
) {
  /** The transaction error, such as `acquirer_communication_error`. */
  get error(): string | undefined {
    return Payout.latest(ofProcessingErrors(this.payout))?.error
  }
  override get message(): string {
    return words(
      `Payout ${this.handle}: the platform or the acquirer failed (${reason(ofProcessingErrors(this.payout))}), ` +
        times(Payout.recorded(this.payout).processingErrors),
      money(this),
      "Ask the acquirer whether it was approved. Never send it again without asking: each attempt may pay once more."
    )
  }
}

/**
 * The handle belongs to a payout with other arguments, at the provider or in this process. Never sent again.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandleConflict extends Schema.TaggedError<HandleConflict>("effect-billwerk-payouts/HandleConflict")(
  "HandleConflict",
  {
    ...evidence,
    /** What is known about the other arguments' money; `certainty` and `exposure` are about this request's alone. */
    other: Schema.Struct({ certainty: Certainty, exposure: Exposure }),
    /** Where the other payout was found: at the provider, or in this process. */
    with: Schema.Literal("Provider", "Process"),
    /** The fields that differ; never their values. */
    differs: Schema.Array(Schema.String),
    /** The provider's name for the exchange: quote it to their support. */
    requestId: Schema.optional(Schema.String)
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    const currency = this.differs.includes("currency") ? "another currency" : this.currency
    return words(
      `Payout ${this.handle}: the handle is taken by a payout with another ${this.differs.join(", ")}`,
      this.with === "Provider" ? "at the provider." : "in this process.",
      this.certainty === "NotMoved" ? "This request has moved no money." : money(this),
      `Of the other payout: ${money({ ...this.other, currency })}`,
      "Find out which of your payouts took the handle, and derive handles from what makes a payout unique.",
      "Never invent another handle for a payout that may have been made."
    )
  }
}

/**
 * Any failure of `create` and `recover`. A `Schema`, so that a queue or a workflow can carry it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Payouts, type PayoutRequest } from "effect-billwerk-payouts"
 *
 * const pay = (request: PayoutRequest.PayoutRequest) =>
 *   Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(request)).pipe(
 *     Effect.map(({ _tag }) => _tag),
 *     // Its `certainty` is about this request alone; the funds of the handle may be the other one's.
 *     Effect.catchTag("HandleConflict", ({ exposure, other }) =>
 *       Effect.succeed(`ask a person: up to ${exposure.max + other.exposure.max} may have moved`)
 *     ),
 *     // Before any category: a decline may say `MayHaveMoved`, because an earlier create may have paid.
 *     Effect.catchIf(
 *       ({ certainty }) => certainty !== "NotMoved",
 *       ({ exposure }) => Effect.succeed(`recover it later: up to ${exposure.max} may have moved`)
 *     ),
 *     Effect.catchTag("HardDeclined", ({ error }) => Effect.succeed(`ask for another card: ${error}`)),
 *     Effect.catchAll(({ _tag }) => Effect.succeed(`nothing has moved: ${_tag}`))
 *   )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export const PayoutError = Schema.Union(
  InvalidRequest,
  CommunicationError,
  ServerError,
  UnexpectedResponse,
  PaymentMethodNotFound,
  PaymentMethodNotAllowed,
  CustomerMismatch,
  RequestRejected,
  RateLimited,
  HardDeclined,
  SoftDeclined,
  ProcessingError,
  HandleConflict
).annotations(hidden("an error of a payout"))

/**
 * @category errors
 * @since 0.1.0
 */
export type PayoutError = typeof PayoutError.Type

/**
 * The HTTP status with which an endpoint of yours may report an error to its caller. Certainty decides: **what may have
 * moved is 202**, accepted and not decided, and never a failure that a caller could take for "try again". The others
 * moved nothing:
 *
 * | status | error | the caller |
 * |---|---|---|
 * | 202 | any whose `certainty` is not `NotMoved` | asks for the state later |
 * | 400 | `InvalidRequest` | corrects the request |
 * | 409 | `HandleConflict`, `CustomerMismatch` | finds out whose handle it is |
 * | 422 | `HardDeclined`, `SoftDeclined`, `PaymentMethodNotFound`, `PaymentMethodNotAllowed` | gives another payment method |
 * | 502 | `RequestRejected`, `ServerError`, `UnexpectedResponse`, `ProcessingError` | cannot correct it: the integration or the provider is at fault |
 * | 503 | `CommunicationError`, `RateLimited` | may try again later, under the same handle |
 *
 * @example
 * ```ts
 * import { PayoutError } from "effect-billwerk-payouts"
 *
 * const problem = (error: PayoutError.PayoutError) => ({
 *   status: PayoutError.httpStatus(error),
 *   reason: error._tag,
 *   certainty: error.certainty
 * })
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const httpStatus = ({ _tag, certainty }: PayoutError): HttpStatus =>
  certainty === "NotMoved" ? statuses[_tag] : 202

/**
 * The statuses that `httpStatus` answers with. 202 stands for an end that leaves money in doubt: it is no failure to
 * repeat.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpStatus = 202 | 400 | 409 | 422 | 502 | 503

const statuses: Readonly<Record<PayoutError["_tag"], HttpStatus>> = {
  InvalidRequest: 400,
  HandleConflict: 409,
  CustomerMismatch: 409,
  HardDeclined: 422,
  SoftDeclined: 422,
  PaymentMethodNotFound: 422,
  PaymentMethodNotAllowed: 422,
  RequestRejected: 502,
  ServerError: 502,
  UnexpectedResponse: 502,
  ProcessingError: 502,
  CommunicationError: 503,
  RateLimited: 503
}

const lookup = {
  handle: Handle,
  /** The lookups of this call, oldest first. */
  attempts: Schema.Array(Attempt)
}

/**
 * The provider knows no payout under this handle. After a create whose answer was lost this proves nothing: the request
 * may still be under way, and reads may lag behind writes. `Payouts.recover` takes that into account.
 *
 * @category errors
 * @since 0.1.0
 */
export class PayoutNotFound extends Schema.TaggedError<PayoutNotFound>("effect-billwerk-payouts/PayoutNotFound")(
  "PayoutNotFound",
  lookup,
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    return (
      `Payout ${this.handle}: the provider has no payout under this handle. ` +
      `If a create was sent, this does not prove that it did nothing: recover it instead of giving up.`
    )
  }
}

/**
 * The library could not look the payout up. This says nothing about the money, either way.
 *
 * @category errors
 * @since 0.1.0
 */
export class LookupFailed extends Schema.TaggedError<LookupFailed>("effect-billwerk-payouts/LookupFailed")(
  "LookupFailed",
  {
    ...lookup,
    ...answer,
    /** The category of the last failure. */
    category: Schema.Literal(
      "CommunicationError",
      "ServerError",
      "UnexpectedResponse",
      "RateLimited",
      "RequestRejected"
    ),
    /** The provider's error code, if it gave one. */
    code: Schema.optional(Schema.Number),
    /** What happened, in words for a person. */
    why: Schema.String
  },
  hiddenClass("an error of a payout")
) {
  override get message(): string {
    return (
      `Payout ${this.handle}: the provider could not be asked (${this.category}: ${this.why}). ` +
      `This says nothing about the money: ask again later.`
    )
  }
}

/**
 * The list could not be read to its end, so it is **not complete**: payouts may be missing. This says nothing about the
 * money. `status`, `code`, `requestId`, `category` and `why` are about the last exchange.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListFailed extends Schema.TaggedError<ListFailed>("effect-billwerk-payouts/ListFailed")(
  "ListFailed",
  {
    /** The exchanges of the page that could not be read (or of the account's time zone), oldest first. */
    attempts: Schema.Array(Attempt),
    ...answer,
    /** The category of the last failure. */
    category: LookupFailed.fields.category,
    /** The provider's error code, if it gave one. */
    code: Schema.optional(Schema.Number),
    /** What happened, in words for a person. */
    why: Schema.String,
    /** How many payouts came out before. */
    listed: Schema.Number
  },
  hiddenClass("an error of a list")
) {
  override get message(): string {
    return (
      `The list of payouts is not complete: it ended after ${this.listed} (${this.category}: ${this.why}). ` +
      `Do not take what is missing for unpaid: list the window again.`
    )
  }
}

/**
 * Any failure of `list`.
 *
 * @category errors
 * @since 0.1.0
 */
export const ListError = Schema.Union(InvalidRequest, ListFailed).annotations(hidden("an error of a list"))

/**
 * @category errors
 * @since 0.1.0
 */
export type ListError = typeof ListError.Type

/**
 * Any failure of `get` and `transactionDetails`.
 *
 * @category errors
 * @since 0.1.0
 */
export const LookupError = Schema.Union(PayoutNotFound, LookupFailed).annotations(hidden("an error of a lookup"))

/**
 * @category errors
 * @since 0.1.0
 */
export type LookupError = typeof LookupError.Type
