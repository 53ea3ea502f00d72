/**
 * What came back from one exchange, as a value: the end of HTTP. Nothing in it can hold a request, a header or a body.
 */
import type * as Duration from "effect/Duration"
import type { Payout } from "./Payout.js"

/**
 * No answer, or none that began. `Deadline`: the attempt's time was up. `Transport`: the connection failed.
 * `Certificate`: the other side could not prove who it is, which no retry mends.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoResponse {
  readonly _tag: "NoResponse"
  readonly reason: "Deadline" | "Transport" | "Certificate"
  /** `NotSent` only where it is certain that no byte of the request left this machine. */
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
  /** `Retry-After`, where it could be understood; never negative. */
  readonly retryAfter?: Duration.Duration | undefined
  /** `Date`, in epoch milliseconds: when the answer was made, by the provider's clock, to the second. */
  readonly date?: number | undefined
  /** Whether a cache answered, and not the provider. */
  readonly isCached?: boolean | undefined
  readonly body: Body
}

/**
 * The answer's body. `CutOff` is a body whose end never came (connection or deadline); `Unreadable` one that came and
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
 * The provider's error body: what is kept of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiError {
  readonly _tag: "ApiError"
  readonly code: number
  /** What the documentation calls the code, or another code in words; with `keepProviderTexts`, whatever it is called. */
  readonly error?: string | undefined
  /** Only with `keepProviderTexts`: at most 255 characters, without what they repeat of the request. */
  readonly message?: string | undefined
  /** `<redacted>`, where it is no code. */
  readonly transactionError?: string | undefined
  /** What was asked for: it ends with the handle, or else it is `<redacted>`. */
  readonly path?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type Reply = NoResponse | Response
