/**
 * The payout's handle: unique per account, and the only idempotency key that this API has.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { isCard, noCardNumber } from "./cardNumber.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { hidden } from "./refusal.js"

/**
 * @category limits
 * @since 0.1.0
 */
export const lengthMax = 255

const pattern = new RegExp(`^(?!\\.{1,2}$|(?:ct|priv)_[A-Za-z0-9]{16})[A-Za-z0-9_.@-]{1,${lengthMax}}$`)

/**
 * 1 to 255 of `A-Z a-z 0-9 _ . @ -`, and neither `.` nor `..` (a URL path would swallow them). 20 characters or fewer
 * survive as a bank statement's reference. What looks like a card token, a key or a card number is refused as well: it is a
 * secret in the wrong place, and a handle is shown everywhere. Source: the documented alphabet; that `-` belongs to it is inferred, because
 * the vendor's text, read as a regular expression, makes `.-@` a range.
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
 * Whether a value is a handle. By hand, as for each field of a request: they are looked at for every payout, and what
 * `Schema.is` takes of memory for them is half of what making a request takes.
 *
 * @internal
 */
export const isHandle = (value: unknown): value is Handle =>
  typeof value === "string" && pattern.test(value) && !isCard(value)

/**
 * Why a value is no handle, in this field.
 *
 * @internal
 */
export const refusal = (field: string, value: unknown): InvalidRequest =>
  typeof value === "string" && isCard(value)
    ? new InvalidRequest({ field, reason: noCardNumber.handle })
    : InvalidRequest.mustBe(field, Handle)

/**
 * A handle from a string, or `InvalidRequest`. An `Either`, hence an `Effect`.
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
 * A stable handle from the caller's own ids: the same ids give the same handle on every machine and on every day, and
 * different ids give different ones. Each part is escaped (`_` and whatever the provider does not allow become
 * `_<hex>_`) and the parts are joined by dots. Derive it from what makes the *business* payout one (a prize, an invoice
 * line), never from a clock or a random number: a new handle is a new payout. A number has to be one that JavaScript holds
 * exactly: beyond 2^53 two ids become one number, so give such an id as the text that it came as.
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

// Types end where ids come from: a part that is missing, or was rounded, is the same for all payouts.
const isPart = (part: unknown): boolean =>
  typeof part === "string" || (typeof part === "number" && Math.abs(part) <= Number.MAX_SAFE_INTEGER)

// `.` separates and `_` escapes, so both are escaped inside a part. An empty part stays recognisable ("_" alone), or
// derive("a", "") and derive("a") would differ only by a trailing dot, and derive("", "") would be "..".
const escapePart = (part: string): string =>
  part === "" ? "_" : part.replace(/[^A-Za-z0-9@-]/gu, (char) => `_${char.codePointAt(0)?.toString(16)}_`)
