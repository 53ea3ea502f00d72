/**
 * Where the money goes: a saved payment method of the customer (`ca_...`) or a one-time card token (`ct_...`). Both are
 * kept in `Redacted`: a card token is a secret, and a saved method does not belong in a log.
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isDigits } from "./cardNumber.js"
import { hidden } from "./schemaMessages.js"

const referencePattern = /^[\x21-\x7E]{1,255}$/

/**
 * The text that names a payment method. The provider requires one character or more (documented); the other limits are
 * ours. 12 to 19 digits are refused: they are a card number, and it would be stored.
 *
 * @category models
 * @since 0.1.0
 */
export const Reference = Schema.String.pipe(
  Schema.pattern(referencePattern),
  Schema.filter((reference) => !isDigits(reference))
).annotations({
  description: "1 to 255 visible ASCII characters without spaces",
  ...hidden("a reference of 1 to 255 visible ASCII characters without spaces, and no card number")
})

/** @internal */
export const isReference = (value: unknown): value is string =>
  typeof value === "string" && referencePattern.test(value) && !isDigits(value)

/**
 * Whether a reference names a card token (documented: `ct_...`).
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCardToken = (reference: string): boolean => reference.startsWith("ct_")

/**
 * A payment method that the provider keeps for a customer. It has an encoded form, because a queue or a workflow must
 * carry it, and prints as `<redacted>`.
 *
 * @category models
 * @since 0.1.0
 */
export const SavedMethod = Schema.TaggedStruct("SavedMethod", {
  // Otherwise a card token could be stored after all, under another name.
  /** `ca_...` or another reference of the provider; never a card token. */
  reference: Schema.Redacted(Reference.pipe(Schema.filter((reference) => !isCardToken(reference))))
}).annotations(hidden("a saved payment method"))

/**
 * @category models
 * @since 0.1.0
 */
export type SavedMethod = typeof SavedMethod.Type

/**
 * A secret that names a card, for one use and a short time. It has no encoded form on purpose, so that it is never
 * stored or queued.
 *
 * @category models
 * @since 0.1.0
 */
export const CardToken = Schema.TaggedStruct("CardToken", {
  /** `ct_...`, as the provider's form in the browser gave it. */
  reference: Schema.RedactedFromSelf(Reference).annotations({
    description: "a Redacted card token of 1 to 255 visible ASCII characters without spaces"
  })
}).annotations(hidden("a redacted card token"))

/**
 * @category models
 * @since 0.1.0
 */
export type CardToken = typeof CardToken.Type

/** @internal */
export const expected = "Expected a saved payment method, or a redacted card token"

/**
 * A saved payment method or a card token. Errors never show the refused value, which a `ParseError` would print.
 *
 * @category models
 * @since 0.1.0
 */
export const Destination = Schema.Union(SavedMethod, CardToken).annotations({
  message: () => ({ message: expected, override: true })
})

/**
 * @category models
 * @since 0.1.0
 */
export type Destination = typeof Destination.Type

/**
 * The destination in the clear, as the wire carries it; for sending and comparing only.
 *
 * @internal
 */
export const unwrap = (destination: Destination): string => Redacted.value(destination.reference)
