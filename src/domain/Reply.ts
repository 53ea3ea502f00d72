/**
 * What one exchange returned, as a value: HTTP ends here. It cannot hold a request, a header or a body.
 */
import type * as Duration from "effect/Duration"
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
  readonly reason: "Deadline" | "Transport" | "Certificate"
  /** `NotSent` only if it is certain that no byte of the request left this machine. */
  readonly sent: "NotSent" | "Unknown"
  /** The system's name for the failure, such as `ECONNREFUSED`. */
  readonly systemCode?: string | undefined
}

/**
 * An answer whose head arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response {
  readonly _tag: "Response"
  readonly status: number
  readonly requestId?: string | undefined
  /** `Retry-After`, if it can be read; never negative. */
  readonly retryAfter?: Duration.Duration | undefined
  /** `Date`, in epoch milliseconds: when the provider made the answer, by its own clock, to the second. */
  readonly date?: number | undefined
  /** Whether a cache answered instead of the provider. */
  readonly isCached?: boolean | undefined
  readonly body: Body
}

/**
 * The content of an answer. `CutOff`: its end never came (connection or deadline). `Unreadable`: it came whole and
 * makes no sense.
 *
 * @category models
 * @since 0.1.0
 */
export type Body =
  | { readonly _tag: "PayoutBody"; readonly payout: Payout }
  | ApiError
  | { readonly _tag: "CutOff"; readonly reason: "Deadline" | "Transport" }
  | { readonly _tag: "Unreadable"; readonly why: string }

/**
 * What is kept of the provider's error body.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiError {
  readonly _tag: "ApiError"
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
 * @category models
 * @since 0.1.0
 */
export type Reply = NoResponse | Response
