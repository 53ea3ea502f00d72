/**
 * Verifies the provider's webhooks: a raw body becomes a `Hint`, or the reason why not. **The provider documents no
 * webhook for payouts**, and the signature covers nothing but a webhook's id and timestamp. So polling finds out that a
 * payout is final, and a webhook is only a reason to look sooner.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Hint, limits } from "../domain/Hint.js"
import { hidden, hiddenClass } from "../domain/schemaMessages.js"
import * as wire from "../provider/wire.js"

/**
 * The largest webhook, in bytes. The documented ones have less than 1,000.
 *
 * @category limits
 * @since 0.1.0
 */
export const bodyBytesMax = 64 * 1024

/**
 * How far a timestamp may be from this machine's clock, before or after it.
 *
 * @category defaults
 * @since 0.1.0
 */
export const toleranceDefault = Duration.minutes(5)

/**
 * Why a webhook was rejected:
 *
 * - `TooLarge`: it has more than `bodyBytesMax` bytes, and was not read.
 * - `Malformed`: it is not a JSON object in UTF-8 with an `id` and a `timestamp`.
 * - `Unsigned`: it has no signature.
 * - `WrongSignature`: none of the secrets made its signature.
 * - `Stale`: it is correctly signed, and older than tolerated: the provider or another sender repeated it late.
 * - `TooEarly`: it is correctly signed, and further in the future than tolerated: a clock is wrong.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Literal(
  "TooLarge",
  "Malformed",
  "Unsigned",
  "WrongSignature",
  "Stale",
  "TooEarly"
).annotations(hidden("a reason"))

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * A webhook that must not be acted on. Holds the reason, and nothing of the webhook or of a secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class WebhookRejected extends Schema.TaggedError<WebhookRejected>("effect-billwerk-payouts/WebhookRejected")(
  "WebhookRejected",
  {
    /** Why; the `message` says what to do about it. */
    reason: Reason
  },
  hiddenClass("a refused webhook")
) {
  override get message(): string {
    return `The webhook was rejected: ${words[this.reason]}`
  }
}

const words = {
  TooLarge: `it has more than ${bodyBytesMax} bytes. Do not read it.`,
  Malformed: "it is not a webhook of Billwerk. If it came from there, contact their support.",
  Unsigned: "it has no signature. Do not act on it.",
  WrongSignature: "no secret fits its signature. Compare the secrets with the account's webhook settings.",
  Stale:
    "it is too old to be acted on. Answer it with 2xx all the same, and look the payout up when the next poll is due.",
  TooEarly: "it comes from the future. Answer it with 2xx all the same, and compare this machine's clock."
} satisfies Record<Reason, string>

/**
 * The settings of `verify`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The account's webhook secrets: one, or new and old during a change. An empty or wiped one fits nothing. */
  readonly secrets: readonly [Redacted.Redacted<string>, ...ReadonlyArray<Redacted.Redacted<string>>]
  /**
   * How far the timestamp may be from now, before or after. Default: 5 minutes. The provider repeats a webhook for
   * three days; whether with a new timestamp is not documented. `"3 days"` takes the late ones too, which is as safe if
   * you only look the payout up.
   */
  readonly tolerance?: Duration.DurationInput | undefined
}

/**
 * Verifies a webhook from its raw body. Pass the body as it came: parsed and printed again it may differ. Every secret
 * is tried, in constant time; anything missing, doubtful or of the wrong type is rejected. It keeps no record, so it
 * accepts the same webhook each time: `WebhookHandler` accepts each only once.
 *
 * Source: the signature is the lower-case hex HMAC-SHA256 of the timestamp and the id, one after the other, in the
 * field `signature` of the body (documented in the provider's own plugins).
 *
 * @example
 * ```ts
 * import { Config, Effect } from "effect"
 * import { Webhook } from "effect-billwerk-payouts"
 *
 * const verify = (body: Uint8Array) =>
 *   Effect.gen(function* () {
 *     const secret = yield* Config.redacted("BILLWERK_WEBHOOK_SECRET")
 *     const hint = yield* Webhook.verify(body, { secrets: [secret] })
 *     return hint.references // what to look up
 *   })
 * ```
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = Effect.fnUntraced(function* (body: string | Uint8Array, options: Options) {
  const { content, json } = yield* read(body)
  const date = dateOf(content.timestamp)
  if (Option.isNone(date) || !isFit(content.id)) return yield* rejected("Malformed")
  if (content.signature === undefined) return yield* rejected("Unsigned")
  if (!(yield* fitsAny(options.secrets, content.signature, signedText(content))))
    return yield* rejected("WrongSignature")
  const ahead = date.value.epochMillis - (yield* Clock.currentTimeMillis)
  const tolerance = Duration.toMillis(options.tolerance ?? toleranceDefault)
  if (ahead > tolerance) return yield* rejected("TooEarly")
  if (-ahead > tolerance) return yield* rejected("Stale")
  return new Hint({
    id: content.id,
    timestamp: date.value,
    ...(isFit(content.eventId) ? { eventId: content.eventId } : {}),
    ...(isFit(content.eventType) ? { eventType: content.eventType } : {}),
    references: Array.from(new Set(wire.toReferences(json).filter(isFit))).slice(0, limits.references)
  })
})

/**
 * The signed fields of a webhook, as the provider writes them, and the secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signed {
  /** The webhook's `id`. */
  readonly id: string
  /** The webhook's `timestamp`, character by character as it came. */
  readonly timestamp: string
  /** Not empty. */
  readonly secret: Redacted.Redacted<string>
}

/**
 * The signature of a webhook, for tests.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { Webhook } from "effect-billwerk-payouts"
 *
 * const signature = Webhook.sign({
 *   id: "8ab4b56439944e62ababca7954355578",
 *   timestamp: "2025-10-01T09:30:00.000Z",
 *   secret: Redacted.make("webhook-secret")
 * })
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const sign = ({ secret, ...signed }: Signed): Effect.Effect<string> =>
  Effect.promise(async () => {
    const key = await importKey(secret, "sign")
    const signature = await globalThis.crypto.subtle.sign("HMAC", key, encoder.encode(signedText(signed)))
    return Encoding.encodeHex(new Uint8Array(signature))
  })

/**
 * The fields of a webhook. The provider documents them, except `payout`, which is inferred.
 *
 * @category models
 * @since 0.1.0
 */
export interface Content {
  /** The id of this delivery. */
  readonly id: string
  /** Default: now. */
  readonly timestamp?: DateTime.Utc | undefined
  /** The id of the event: repeated deliveries share it. */
  readonly eventId?: string | undefined
  /** Such as `invoice_settled`. No event of payouts is documented. */
  readonly eventType?: string | undefined
  /** The payout's handle (inferred). */
  readonly payout?: string | undefined
  readonly customer?: string | undefined
  /** The id of the transaction. */
  readonly transaction?: string | undefined
  /** The id of the payment method. */
  readonly paymentMethod?: string | undefined
  /** The merchant's reference of the payment method. */
  readonly paymentMethodReference?: string | undefined
  /** The subscription's handle. */
  readonly subscription?: string | undefined
  /** The invoice's id or handle. */
  readonly invoice?: string | undefined
  /** The credit note's id. */
  readonly creditNote?: string | undefined
  /** The credit's id. */
  readonly credit?: string | undefined
}

/**
 * A complete webhook body with its signature, for tests.
 *
 * @example
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { Webhook } from "effect-billwerk-payouts"
 *
 * const secret = Redacted.make("webhook-secret")
 *
 * const verified = Webhook.body({ id: "w-1", payout: "prize-2026-0042" }, secret).pipe(
 *   Effect.flatMap((body) => Webhook.verify(body, { secrets: [secret] }))
 * )
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const body = (content: Content, secret: Redacted.Redacted<string>): Effect.Effect<string> =>
  Effect.gen(function* () {
    const timestamp = DateTime.formatIso(content.timestamp ?? (yield* DateTime.now))
    const signature = yield* sign({ id: content.id, timestamp, secret })
    return wire.encodeWebhook({ ...content, timestamp, signature })
  })

const rejected = (reason: Reason) => new WebhookRejected({ reason })

const read = (body: string | Uint8Array) =>
  Effect.gen(function* () {
    if (body.length > bodyBytesMax) return yield* rejected("TooLarge")
    const bytes = typeof body === "string" ? encoder.encode(body) : body
    if (bytes.length > bodyBytesMax) return yield* rejected("TooLarge")
    const json = Option.flatMap(decodeText(bytes), parseJson)
    const content = Option.flatMap(json, wire.decodeWebhook)
    if (Option.isNone(content)) return yield* rejected("Malformed")
    return { json: Option.getOrUndefined(json), content: content.value }
  })

const encoder = new TextEncoder()

// A byte that is not UTF-8 would become another text than the signed one.
const decodeText = Option.liftThrowable((bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

// Text from outside is kept only if it is short and on one line: it may end up in a log.
const isFit = (text: string | undefined): text is string =>
  text !== undefined && text.length > 0 && text.length <= limits.length && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)

// A complete timestamp, with its zone. The signed text has no mark between it and the id. If a part of a timestamp were
// accepted, one signature would fit several ids, and a repeated webhook would look new.
const timestampForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/

const dateOf = (text: string): Option.Option<DateTime.Utc> =>
  timestampForm.test(text) ? wire.readDate(text) : Option.none()

const signatureForm = /^[0-9a-f]{64}$/

const signedText = ({ id, timestamp }: { readonly id: string; readonly timestamp: string }) => timestamp + id

const fitsAny = (secrets: Options["secrets"], signature: string, text: string): Effect.Effect<boolean> => {
  if (!signatureForm.test(signature)) return Effect.succeed(false)
  const claimed = new Uint8Array(Either.getOrElse(Encoding.decodeHex(signature), () => []))
  // Tries all of them, so that the time does not tell which one fits.
  return Effect.map(
    Effect.forEach(secrets, (secret) => fits(secret, claimed, encoder.encode(text))),
    (results) => results.includes(true)
  )
}

// WebCrypto's `verify` compares in constant time, and its keys cannot be empty.
const fits = (secret: Redacted.Redacted<string>, signature: Uint8Array<ArrayBuffer>, text: Uint8Array<ArrayBuffer>) =>
  // A wiped secret fits nothing, either.
  Option.getOrElse(revealed(secret), () => "") === ""
    ? Effect.succeed(false)
    : Effect.promise(async () =>
        globalThis.crypto.subtle.verify("HMAC", await importKey(secret, "verify"), signature, text)
      )

const revealed = Option.liftThrowable((secret: Redacted.Redacted<string>) => Redacted.value(secret))

const importKey = (secret: Redacted.Redacted<string>, usage: "sign" | "verify") =>
  globalThis.crypto.subtle.importKey(
    "raw",
    encoder.encode(Redacted.value(secret)),
    { name: "HMAC", hash: "SHA-256" },
    false,
    [usage]
  )
