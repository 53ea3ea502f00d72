/**
 * The acquirer's answers to one attempt to move money: paid, failed for a reason, or not decided yet. A failure may
 * hide a success, because after a processing error the provider does not know what happened.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"

/**
 * The money moved, and the provider knows it.
 *
 * @category models
 * @since 0.1.0
 */
export class Paid extends Data.TaggedClass("Paid") {}

/**
 * The attempt failed, as far as the provider knows.
 *
 * @category models
 * @since 0.1.0
 */
export class Failed extends Data.TaggedClass("Failed")<{
  /** `hard_declined`, `soft_declined`, `processing_error`, or an unknown word. */
  readonly errorState: string
  /** The transaction error, such as `declined_by_acquirer`. */
  readonly error: string
  /** Whether the money moved all the same: a hidden success, in the acquirer's truth but not in the record. */
  readonly moved: boolean
}> {}

/**
 * The attempt is still open. Without `settlement` it stays open until the test settles it.
 *
 * @category models
 * @since 0.1.0
 */
export class Processing extends Data.TaggedClass("Processing")<{
  readonly settlement?: { readonly after: Duration.Duration; readonly as: Settled } | undefined
}> {}

/**
 * The final result of an attempt.
 *
 * @category models
 * @since 0.1.0
 */
export type Settled = Paid | Failed

/**
 * What the acquirer makes of one attempt: paid, failed, or not decided yet.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Settled | Processing

/**
 * A payment, also for `sandbox.settle`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const settle = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.settle("prize-2026-0042", Acquirer.paid))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const paid: Paid = new Paid()

/**
 * Declined for good by the acquirer or the issuer. Source: the provider's transaction errors (documented).
 *
 * @category constructors
 * @since 0.1.0
 */
export const hardDeclined = (error = "declined_by_acquirer"): Failed =>
  new Failed({ errorState: "hard_declined", error, moved: false })

/**
 * Declined for now. Source: the provider's transaction errors (documented; for payouts inferred from its schema).
 *
 * @category constructors
 * @since 0.1.0
 */
export const softDeclined = (error = "insufficient_funds"): Failed =>
  new Failed({ errorState: "soft_declined", error, moved: false })

/**
 * A failure between the provider and the acquirer. With `moved: true` the money moved all the same, which the provider
 * documents as possible and cannot see itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const processingError = (options: { readonly error?: string; readonly moved?: boolean } = {}): Failed =>
  new Failed({
    errorState: "processing_error",
    error: options.error ?? "acquirer_communication_error",
    moved: options.moved ?? false
  })

/**
 * A failure with any `error_state`, also an undocumented one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failed = (
  errorState: string,
  options: { readonly error?: string; readonly moved?: boolean } = {}
): Failed => new Failed({ errorState, error: options.error ?? errorState, moved: options.moved ?? false })

/**
 * An asynchronous payout. After `after`, it settles by itself as `as` (default: paid). Without `after`, it waits for
 * `sandbox.settle`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const processing = (
  options: { readonly after?: Duration.DurationInput; readonly as?: Settled } = {}
): Processing =>
  new Processing(
    options.after === undefined ? {} : { settlement: { after: Duration.decode(options.after), as: options.as ?? paid } }
  )
