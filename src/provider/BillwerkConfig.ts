/**
 * What the client needs to know, with defaults and limits. Refused at construction, never at the first payout.
 */
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * The host that the provider's current documentation prints. `https://api.reepay.com` serves the same API (inferred).
 *
 * @category defaults
 * @since 0.1.0
 */
export const baseUrlDefault = "https://api.frisbii.com"

/**
 * The provider's test gateway simulates answers after 60 seconds, so anything shorter would make unclear outcomes out of
 * slow ones.
 *
 * @category defaults
 * @since 0.1.0
 */
export const createDeadlineDefault = Duration.seconds(90)

/**
 * @category defaults
 * @since 0.1.0
 */
export const lookupDeadlineDefault = Duration.seconds(30)

/**
 * The most that is read of an answer. More is not a payout.
 *
 * @category limits
 * @since 0.1.0
 */
export const bodyBytesMax = 1024 * 1024

/**
 * @category defaults
 * @since 0.1.0
 */
export const userAgentDefault = "effect-billwerk-payouts/0.1.0"

/**
 * The client's options.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The private key (`priv_...`), sent as the user name of HTTP Basic. */
  readonly apiKey: Redacted.Redacted<string>
  /** `https:`, or `http:` to this machine itself (for the Sandbox). Default: `https://api.frisbii.com`. */
  readonly baseUrl?: string | undefined
  /** The longest that one create may take, headers and body. Default: 90 seconds. */
  readonly createDeadline?: Duration.DurationInput | undefined
  /** The longest that one lookup may take, headers and body. Default: 30 seconds. */
  readonly lookupDeadline?: Duration.DurationInput | undefined
  /** Default: this library's name and version. */
  readonly userAgent?: string | undefined
  /**
   * Whether the provider's free texts are kept: an error's `detail`, an `error` that is no documented one, and a transaction's
   * `acquirerMessage`. They are shown in errors and stored with them. Whatever they repeat of the request is taken out, and
   * digits that may be a card number; what they say of anybody else stays. Where only the handle is known, they are never kept.
   * Default: `false`.
   */
  readonly keepProviderTexts?: boolean | undefined
}

/**
 * Options that were found to be in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface BillwerkConfig {
  readonly apiKey: Redacted.Redacted<string>
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly createDeadline: Duration.Duration
  readonly lookupDeadline: Duration.Duration
  readonly userAgent: string
  readonly keepProviderTexts: boolean
}

/**
 * Checks options and fills in the defaults. The reasons never show a value: it may be the key in the wrong place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Either.Either<BillwerkConfig, ConfigError.ConfigError> =>
  Either.gen(function* () {
    // Its own properties only: a polluted prototype does not say where the key is sent.
    const own: Options = Object.assign(Object.create(null), options)
    return {
      apiKey: yield* apiKeyFrom(own.apiKey),
      baseUrl: yield* baseUrlFrom(own.baseUrl ?? baseUrlDefault),
      createDeadline: yield* deadline("createDeadline", own.createDeadline ?? createDeadlineDefault),
      lookupDeadline: yield* deadline("lookupDeadline", own.lookupDeadline ?? lookupDeadlineDefault),
      userAgent: yield* check(
        "userAgent",
        own.userAgent ?? userAgentDefault,
        (agent) => /^[\x20-\x7E]{1,255}$/.test(agent),
        "must be 1 to 255 printable ASCII characters"
      ),
      keepProviderTexts: yield* check(
        "keepProviderTexts",
        own.keepProviderTexts ?? false,
        (keep: unknown) => typeof keep === "boolean",
        "must be true or false"
      )
    }
  })

const check = <A>(name: string, value: A, isValid: (value: A) => boolean, reason: string) =>
  isValid(value) ? Either.right(value) : invalid(name, reason)

const invalid = (name: string, reason: string) => Either.left(ConfigError.InvalidData([name], reason))

// A colon would end the user name of HTTP Basic, and a line break the header. A copy: the caller may wipe his.
const apiKeyFrom = (given: unknown) => {
  const key = Redacted.isRedacted(given) ? revealed(given) : Option.none()
  return Option.isSome(key) && typeof key.value === "string" && /^[\x21-\x39\x3B-\x7E]{1,255}$/.test(key.value)
    ? Either.right(Redacted.make(key.value))
    : invalid("apiKey", "must be visible ASCII without a colon")
}

// Redacted.value throws for one that was wiped.
const revealed = Option.liftThrowable((key: Redacted.Redacted<unknown>) => Redacted.value(key))

const deadline = (name: string, input: unknown) =>
  Option.filter(
    Duration.decodeUnknown(input),
    (value) => Duration.isFinite(value) && Duration.toMillis(value) > 0
  ).pipe(Either.fromOption(() => ConfigError.InvalidData([name], "must be longer than nothing, and finite")))

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])$/

const baseUrlFrom = (text: unknown) => {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return invalid("baseUrl", "must be a URL")
  // A URL is rid of them as it is read, and what was sent to it would go somewhere else.
  if (/[\p{C}\p{Z}]/u.test(String(text))) return invalid("baseUrl", "must have no blanks or control characters")
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback.test(url.hostname))) {
    return invalid("baseUrl", "must be https, or http to this machine itself: the key would travel in the clear")
  }
  // An empty query or fragment leaves no trace but its sign, and swallows the path of each request.
  if (url.username !== "" || url.password !== "" || /[?#]/.test(url.href)) {
    return invalid("baseUrl", "must have no user, password, query or fragment")
  }
  return Either.right(url.href.replace(/\/+$/, ""))
}
