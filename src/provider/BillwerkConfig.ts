/**
 * The client's options, with defaults and limits. An invalid option fails at construction, never at the first payout.
 */
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as RequestLimits from "./RequestLimits.js"

/**
 * The host in the provider's current documentation. `https://api.reepay.com` serves the same API (inferred).
 *
 * @category defaults
 * @since 0.1.0
 */
export const baseUrlDefault = "https://api.frisbii.com"

/**
 * The longest time for one create, by default. The provider's test gateway simulates answers after 60 seconds. A
 * shorter deadline would turn slow answers into unclear outcomes.
 *
 * @category defaults
 * @since 0.1.0
 */
export const createDeadlineDefault = Duration.seconds(90)

/**
 * The longest time for one lookup, by default: 30 seconds. A lookup moves no money, so it can be cut short and
 * repeated.
 *
 * @category defaults
 * @since 0.1.0
 */
export const lookupDeadlineDefault = Duration.seconds(30)

/**
 * The most bytes read of an answer. A larger answer is not a payout.
 *
 * @category limits
 * @since 0.1.0
 */
export const bodyBytesMax = 1024 * 1024

/**
 * The `User-Agent` of each request, by default: this library's name and version.
 *
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
  /** The private key (`priv_...`). The client sends it as the user name of HTTP Basic. */
  readonly apiKey: Redacted.Redacted<string>
  /** `https:`, or `http:` to this machine itself (for the Sandbox). Default: `https://api.frisbii.com`. */
  readonly baseUrl?: string | undefined
  /** The longest time for one create, headers and body. Default: 90 seconds. */
  readonly createDeadline?: Duration.DurationInput | undefined
  /** The longest time for one lookup, headers and body. Default: 30 seconds. */
  readonly lookupDeadline?: Duration.DurationInput | undefined
  /** Default: this library's name and version. */
  readonly userAgent?: string | undefined
  /**
   * Whether to keep the provider's free texts: an error's `detail`, an undocumented `error`, and a transaction's
   * `acquirerMessage`. Errors show and store them. Anything they repeat of the request is removed, and so are digits
   * that may be a card number; what they say about others stays. When only the handle is known, they are never kept.
   * Default: `false`.
   */
  readonly keepProviderTexts?: boolean | undefined
  /**
   * The request limits that the client keeps, together for all calls in this process; `None` for a provider that has
   * none. If there is a `RequestLimits` service in the context, it counts instead. Default: `RequestLimits.standard`.
   */
  readonly requestLimits?: RequestLimits.Limits | "None" | undefined
}

/**
 * Validated options.
 *
 * @category models
 * @since 0.1.0
 */
export interface BillwerkConfig {
  /** A copy of the given key. */
  readonly apiKey: Redacted.Redacted<string>
  /** Without a trailing slash. */
  readonly baseUrl: string
  /** The longest time for one create. */
  readonly createDeadline: Duration.Duration
  /** The longest time for one lookup. */
  readonly lookupDeadline: Duration.Duration
  /** The `User-Agent` of each request. */
  readonly userAgent: string
  /** Whether errors keep the provider's free texts. */
  readonly keepProviderTexts: boolean
  /** The request limits that the client keeps. */
  readonly requestLimits: RequestLimits.Limits | "None"
}

/**
 * Checks the options and fills in the defaults. The reasons never show a value: it may be the key in the wrong place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Either.Either<BillwerkConfig, ConfigError.ConfigError> =>
  Either.gen(function* () {
    // Own properties only: a polluted prototype must not decide where the key is sent.
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
      ),
      requestLimits: yield* requestLimits(own.requestLimits ?? RequestLimits.standard)
    }
  })

const check = <A>(name: string, value: A, isValid: (value: A) => boolean, reason: string) =>
  isValid(value) ? Either.right(value) : invalid(name, reason)

const requestLimits = (limits: RequestLimits.Limits | "None") =>
  check(
    "requestLimits",
    limits,
    (limits) => limits === "None" || (RequestLimits.isLimit(limits.reads) && RequestLimits.isLimit(limits.writes)),
    "must be limits of reads and of writes, each with a rate above 0, a burst and a number at a time of 1 or more, or None"
  )

const invalid = (name: string, reason: string) => Either.left(ConfigError.InvalidData([name], reason))

// A colon would end the user name of HTTP Basic, a line break the header. A copy: the caller may wipe the original.
const apiKeyFrom = (given: unknown) => {
  const key = Redacted.isRedacted(given) ? revealed(given) : Option.none()
  return Option.isSome(key) && typeof key.value === "string" && /^[\x21-\x39\x3B-\x7E]{1,255}$/.test(key.value)
    ? Either.right(Redacted.make(key.value))
    : invalid("apiKey", "must be visible ASCII without a colon")
}

// `Redacted.value` throws for a wiped value.
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
  // The URL parser drops these characters, so the request would go to another place than the text says.
  if (/[\p{C}\p{Z}]/u.test(String(text))) return invalid("baseUrl", "must have no blanks or control characters")
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback.test(url.hostname))) {
    return invalid("baseUrl", "must be https, or http to this machine itself: the key would travel in the clear")
  }
  // An empty query or fragment leaves only its sign, and swallows the path of each request.
  if (url.username !== "" || url.password !== "" || /[?#]/.test(url.href)) {
    return invalid("baseUrl", "must have no user, password, query or fragment")
  }
  return Either.right(url.href.replace(/\/+$/, ""))
}
