/**
 * What one exchange returned, as a value: HTTP ends here. It cannot hold a request, a header or a body.
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { Payout } from "./Payout.js"

/**
 * No answer began. `Deadline`: the attempt's time was up. `Transport`: the connection failed. `Certificate`: the server
 * could not prove its identity, which no retry mends.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoResponse {
  readonly _tag: "NoResponse"
  /** Why no answer began. */
  readonly reason: "Deadline" | "Transport" | "Certificate"
  /** `NotSent` only if it is certain that no byte of the request left this machine. */
  readonly sent: "NotSent" | "Unknown"
  /** The system's name for the failure, such as `ECONNREFUSED`. */
  readonly systemCode?: string | undefined
}

/**
 * An answer whose head arrived. `Of` is what a complete and readable answer of this exchange holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response<Of extends Content = PayoutBody> {
  readonly _tag: "Response"
  /** The HTTP status. It is read before the body. */
  readonly status: number
  /** The provider's name for the exchange: quote it to their support. */
  readonly requestId?: string | undefined
  /** `Retry-After`, if it can be read; never negative. */
  readonly retryAfter?: Duration.Duration | undefined
  /** `Date`, in epoch milliseconds: when the provider made the answer, by its own clock, to the second. */
  readonly date?: number | undefined
  /** Whether a cache answered instead of the provider. */
  readonly isCached?: boolean | undefined
  /** What came behind the head. */
  readonly body: Body<Of>
}

/**
 * The content of an answer. `CutOff`: its end never came (connection or deadline). `Unreadable`: it came whole and
 * makes no sense.
 *
 * @category models
 * @since 0.1.0
 */
export type Body<Of extends Content = PayoutBody> =
  | Of
  | ApiError
  | { readonly _tag: "CutOff"; readonly reason: "Deadline" | "Transport" }
  | { readonly _tag: "Unreadable"; readonly why: string }

/**
 * The answer to a create or a lookup.
 *
 * @category models
 * @since 0.1.0
 */
export interface PayoutBody {
  readonly _tag: "PayoutBody"
  /** The provider's record. */
  readonly payout: Payout
}

/**
 * One page of a list. A page with an entry that is no payout is `Unreadable` as a whole: nothing of it is left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface PageBody {
  readonly _tag: "PageBody"
  /** Newest first (documented). */
  readonly payouts: ReadonlyArray<Payout>
  /** What the next page is asked for with; none on the last page. */
  readonly nextPageToken: string | undefined
  /** The beginning of the window that the provider used, as the account's local time. */
  readonly from: string | undefined
}

/**
 * The provider's details of a transaction: a map of anything, which may hold personal data. So it prints as
 * `<redacted>`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DetailsBody {
  readonly _tag: "DetailsBody"
  /** The map. `Redacted.value` reveals it. */
  readonly details: Redacted.Redacted<Readonly<Record<string, unknown>>>
}

/**
 * The part of the account that a list needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface AccountBody {
  readonly _tag: "AccountBody"
  /** The id of its time zone, such as `Europe/Copenhagen`. Lists count in its local times. */
  readonly timeZone: string
  /** ISO 4217. */
  readonly currency: string | undefined
  /** `test`, `live` or `closed`. */
  readonly state: string | undefined
}

/**
 * The account's agreements with card acquirers. What cannot be read of one is left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgreementsBody {
  readonly _tag: "AgreementsBody"
  /** In the provider's order. */
  readonly agreements: ReadonlyArray<Agreement>
}

/**
 * An agreement with a card acquirer, as far as payouts depend on it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agreement {
  /** The acquirer's gateway, such as `clearhaus`. */
  readonly provider: string | undefined
  /** `active`, or another word of the provider. */
  readonly state: string | undefined
  /** Whether it is used for payouts, if its provider supports that (documented). */
  readonly payout: boolean | undefined
  /** Whether it is of a test gateway. */
  readonly test: boolean | undefined
  /** ISO 4217; empty if it names none. */
  readonly currencies: ReadonlyArray<string>
}

/**
 * A saved payment method.
 *
 * @category models
 * @since 0.1.0
 */
export interface PaymentMethodBody {
  readonly _tag: "PaymentMethodBody"
  /** `active`, `inactivated`, `failed`, `pending` or `deleted` (documented). */
  readonly state: string
  /** Such as `card`. */
  readonly paymentType: string | undefined
}

/**
 * The account's webhook settings, without their URLs and secrets.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebhookSettingsBody {
  readonly _tag: "WebhookSettingsBody"
  /** How many URLs the account has. */
  readonly urls: number
  /** How many of the URLs are not https. */
  readonly insecure: number
  /** Whether the account sends no webhooks. */
  readonly disabled: boolean | undefined
}

/**
 * What an answer holds that is complete and readable, by the kind of exchange.
 *
 * @category models
 * @since 0.1.0
 */
export type Content =
  PayoutBody | PageBody | DetailsBody | AccountBody | AgreementsBody | PaymentMethodBody | WebhookSettingsBody

/**
 * What is kept of the provider's error body.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiError {
  readonly _tag: "ApiError"
  /** The provider's error code. */
  readonly code: number
  /** The code's documented text, or a word like `some_word`; with `keepProviderTexts`, the provider's own text. */
  readonly error?: string | undefined
  /** Only with `keepProviderTexts`: at most 255 characters, without any text of the request. */
  readonly message?: string | undefined
  /** `<redacted>` if it is not a code. */
  readonly transactionError?: string | undefined
  /** `/` and the handle, if the path of the request ends with the handle; otherwise `<redacted>`. */
  readonly path?: string | undefined
}

/**
 * What came back for one exchange: an answer, or none. `Of` is what a complete and readable answer holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply<Of extends Content = PayoutBody> = NoResponse | Response<Of>
