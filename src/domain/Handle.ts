/**
 * The payout's handle: unique per account, and the only idempotency key that this API has.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { isCard, noCardNumber } from "./cardNumber.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { hidden } from "./schemaMessages.js"

/**
 * The most characters of a handle (documented).
 *
 * @category limits
 * @since 0.1.0
 */
export const lengthMax = 255

const pattern = new RegExp(`^(?!\\.{1,2}$|(?:ct|priv)_[A-Za-z0-9]{16})[A-Za-z0-9_.@-]{1,${lengthMax}}$`)

/**
 * The name of a payout: 1 to 255 of `A-Z a-z 0-9 _ . @ -`, and neither `.` nor `..`, which a URL path would swallow. 20
 * characters or fewer survive as a bank statement's reference. Text that looks like a card token, a key or a card
 * number is refused: it is a secret in the wrong place, and a handle is shown everywhere. Source: the documented
 * alphabet. That `-` belongs to it is inferred, because the provider's text, read as a regular expression, makes `.-@`
 * a range.
 *
 * @category models
 * @since 0.1.0
 */
export const Handle = Schema.String.pipe(
  Schema.pattern(pattern),
  Schema.filter((text) => !isCard(text)),
  Schema.brand("Handle")
).annotations({
  identifier: "Handle",
  description: `1 to ${lengthMax} letters, digits or _ . @ -, neither "." nor "..", and no card token or key`,
  ...hidden("a handle")
})

/**
 * @category models
 * @since 0.1.0
 */
export type Handle = typeof Handle.Type

/**
 * Whether a value is a handle. Written by hand, like the check of each field of a request: it runs for every payout,
 * and `Schema.is` would take half of the memory that making a request takes.
 *
 * @internal
 */
export const isHandle = (value: unknown): value is Handle =>
  typeof value === "string" && pattern.test(value) && !isCard(value)

/**
 * The refusal of a value that is not a handle, for this field.
 *
 * @internal
 */
export const refusal = (field: string, value: unknown): InvalidRequest =>
  typeof value === "string" && isCard(value)
    ? new InvalidRequest({ field, reason: noCardNumber.handle })
    : InvalidRequest.mustBe(field, Handle)

/**
 * Makes a handle from a string, or fails with `InvalidRequest`. An `Either`, hence an `Effect`.
 *
 * @example
 * ```ts
 * import { Handle } from "effect-billwerk-payouts"
 *
 * const handle = Handle.make("prize-2026-0042")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: string): Either.Either<Handle, InvalidRequest> =>
  isHandle(input) ? Either.right(input) : Either.left(refusal("handle", input))

/**
 * A stable handle from the caller's own ids: the same ids give the same handle on every machine and every day, and
 * different ids give different handles. Each part is escaped (`_`, `.` and what the provider does not allow become
 * `_<hex>_`), and dots join the parts. Derive it from what makes the *business* payout one (a prize, an invoice line),
 * never from a clock or a random number: a new handle is a new payout. JavaScript must hold a number exactly: beyond
 * 2^53 two ids become one number, so pass such an id as text.
 *
 * @example
 * ```ts
 * import { Handle } from "effect-billwerk-payouts"
 *
 * const handle = Handle.derive("prize", "2026", "0042") // Right("prize.2026.0042")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const derive = (
  ...parts: readonly [string | number, ...ReadonlyArray<string | number>]
): Either.Either<Handle, InvalidRequest> => {
  const wrong = parts.findIndex((part) => !isPart(part))
  return wrong === -1
    ? make(parts.map((part) => escapePart(String(part))).join("."))
    : Either.left(
        new InvalidRequest({
          field: "handle",
          reason: `must be derived from texts and numbers up to 2^53: part ${wrong + 1} is neither`
        })
      )
}

// Ids may come from untyped data: a missing or rounded part would be the same for all payouts.
const isPart = (part: unknown): boolean =>
  typeof part === "string" || (typeof part === "number" && Math.abs(part) <= Number.MAX_SAFE_INTEGER)

// `.` separates and `_` escapes, so both are escaped inside a part. An empty part becomes `_`, or derive("a", "") and
// derive("a") would differ only by a trailing dot, and derive("", "", "") would be "..".
const escapePart = (part: string): string =>
  part === "" ? "_" : part.replace(/[^A-Za-z0-9@-]/gu, (char) => `_${char.codePointAt(0)?.toString(16)}_`)
