/**
 * What our books say of one payout: a row that expects it to be paid, or the stored end of a call. It holds no
 * destination and no text, and of the customer only a fingerprint.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { expectedHandle } from "../domain/Customer.js"
import { Evidence } from "../domain/Exposure.js"
import { fingerprint } from "../domain/Fingerprint.js"
import { Handle, isHandle, refusal } from "../domain/Handle.js"
import { Amount, Currency, isAmount, isCurrency } from "../domain/Money.js"
import type { Outcome } from "../domain/Outcome.js"
import { InvalidRequest, type PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { hidden } from "../domain/schemaMessages.js"

/**
 * What the books say became of a payout. `Expected`: it should be paid, and no end of a call is stored. `Paid`,
 * `Processing` and `NotMoved`: a call ended so. `InDoubt`: a call ended, and the least and the most that can have left
 * the account differ.
 *
 * @category models
 * @since 0.1.0
 */
export const Standing = Schema.Literal("Expected", "Paid", "Processing", "NotMoved", "InDoubt").annotations(
  hidden("a standing")
)

/**
 * @category models
 * @since 0.1.0
 */
export type Standing = typeof Standing.Type

/**
 * One payout in our books.
 *
 * @category models
 * @since 0.1.0
 */
export const Expectation = Schema.Struct({
  handle: Handle,
  /** Minor units. */
  amount: Amount,
  currency: Currency,
  /** What the books say happened. */
  standing: Standing,
  /** The fingerprint of the customer's handle, if the books name the customer. */
  customer: Schema.optional(Schema.String),
  /** The evidence of the stored end, if there is one. */
  evidence: Schema.optional(Evidence)
}).annotations(hidden("an expectation"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Expectation extends Schema.Schema.Type<typeof Expectation> {}

/**
 * An end of a call that says what it knows about the money.
 *
 * @category models
 * @since 0.1.0
 */
export type End = Outcome | Exclude<PayoutError, { readonly _tag: "InvalidRequest" }>

/**
 * Expects a payout to be paid, from a row of a table: a CSV file, a database. Checks what it reads, and fails with
 * `InvalidRequest`. The amount is in minor units. An `Either`, hence an `Effect`.
 *
 * @example
 * ```ts
 * import { Reconciliation } from "effect-billwerk-payouts"
 *
 * const expected = Reconciliation.ofRow({ handle: "prize-2026-0042", amount: 12_500, currency: "DKK" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofRow = ({
  amount,
  currency,
  customer,
  handle
}: {
  readonly handle: unknown
  readonly amount: unknown
  readonly currency: unknown
  /** The customer's handle. */
  readonly customer?: unknown
}): Either.Either<Expectation, InvalidRequest> => {
  if (!isHandle(handle)) return Either.left(refusal("handle", handle))
  if (!isAmount(amount)) return Either.left(InvalidRequest.mustBe("amount", Amount, handle))
  if (!isCurrency(currency)) return Either.left(InvalidRequest.mustBe("currency", Currency, handle))
  if (customer !== undefined && !isHandle(customer)) return Either.left(refusal("customer", customer))
  return Either.right({ handle, amount, currency, standing: "Expected", ...customerOf(customer) })
}

/**
 * Expects a request to be paid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofRequest = ({ amount, currency, customer, handle }: PayoutRequest): Expectation => ({
  handle,
  amount,
  currency,
  standing: "Expected",
  ...customerOf(expectedHandle(customer))
})

/**
 * Expects what a stored outcome or error says, with its evidence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofEnd = (end: End): Expectation => {
  const { amount, currency, evidence, handle } = end
  return { handle, amount, currency, standing: standingOf(end), evidence }
}

/**
 * Expects what one result of `createAll` or `recoverAll` says. A refused request was never sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofResult = ({
  request,
  result
}: {
  readonly request: PayoutRequest
  readonly result: Either.Either<Outcome, PayoutError>
}): Expectation => {
  const expected = ofRequest(request)
  const end = Either.merge(result)
  return end._tag === "InvalidRequest" ? { ...expected, standing: "NotMoved" } : { ...expected, ...ofEnd(end) }
}

const customerOf = (handle: string | undefined) => (handle === undefined ? {} : { customer: fingerprint(handle) })

const standingOf = (end: End): Standing => {
  const { amount, certainty, exposure } = end
  if (end._tag === "Processing") return exposure.max <= amount ? "Processing" : "InDoubt"
  if (certainty === "NotMoved") return "NotMoved"
  return exposure.min === exposure.max ? "Paid" : "InDoubt"
}
