/**
 * What is to happen to a webhook of `SandboxWebhooks` on its way, in the manner of `Script`: each constructor sets a
 * part or two, and `and` combines steps, so `WebhookScript.delay("1 minute").pipe(WebhookScript.and(WebhookScript.duplicate()))`
 * means what it says.
 */
import * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"
import type { Content } from "../webhook/Webhook.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  /** Which payout's webhooks it is for; anybody's, unless said. */
  readonly handle?: string
  /** How many matching webhooks it is for; 1, unless said. A standing step ignores it. */
  readonly times?: number
  /** How long it waits before it is sent for the first time. */
  readonly delay?: Duration.Duration
  /** It keeps out of its customer's queue: it neither waits for the earlier ones nor holds back the later ones. */
  readonly unordered?: boolean
  /** The provider never sends it. */
  readonly lost?: boolean
  /** Somebody without the secret sends one like it, just before. */
  readonly forged?: boolean
  /** What was changed in it on the way. Its id and timestamp are signed; everything else is not. */
  readonly alteration?: Partial<Omit<Content, "id" | "timestamp">>
  /** How many milliseconds its timestamp is ahead of the provider's clock; behind it, if negative. */
  readonly aheadMillis?: number
  /** It comes again as it was, so long after it was answered. */
  readonly copies?: ReadonlyArray<Duration.Duration>
}

/**
 * A step of a script. What it does not say is as usual: see `normal`.
 *
 * @category models
 * @since 0.1.0
 */
export class Step extends Pipeable.Class() {
  constructor(readonly parts: Parts) {
    super()
  }
}

const step = (parts: Parts): Step => new Step(parts)

/**
 * It is sent at once, in its customer's queue, and repeated until it is answered with 2xx.
 *
 * @category constructors
 * @since 0.1.0
 */
export const normal: Step = step({})

/**
 * It is sent only after a while. Its customer's later ones wait for it, unless it is `unordered`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (delay: Duration.DurationInput): Step => step({ delay: Duration.decode(delay) })

/**
 * It keeps out of its customer's queue, so that a delayed one is overtaken. The provider's order may break, too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unordered: Step = step({ unordered: true })

/**
 * It never comes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lost: Step = step({ lost: true })

/**
 * It comes again, with the same id and signature, `times` times: the provider did not hear the answer, or somebody
 * replays what was heard. Once and at once, unless said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const duplicate = (options: { readonly times?: number; readonly after?: Duration.DurationInput } = {}): Step => {
  const after = Duration.decode(options.after ?? Duration.zero)
  return step({ copies: Array.from({ length: options.times ?? 1 }, () => after) })
}

/**
 * Somebody who does not know the secret sends one like it first, under an id of its own. With `lost`, only that one
 * comes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const forged: Step = step({ forged: true })

/**
 * It comes with something else in it, and its signature still fits, because that covers its id and timestamp only.
 *
 * @example
 * ```ts
 * import { WebhookScript } from "effect-billwerk-payouts/testing"
 *
 * const aboutAnother = WebhookScript.altered({ payout: "somebody-elses-payout" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const altered = (alteration: NonNullable<Parts["alteration"]>): Step => step({ alteration })

/**
 * Its timestamp is older than it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stale = (by: Duration.DurationInput): Step => step({ aheadMillis: -Duration.toMillis(by) })

/**
 * Its timestamp is in the future.
 *
 * @category constructors
 * @since 0.1.0
 */
export const early = (by: Duration.DurationInput): Step => step({ aheadMillis: Duration.toMillis(by) })

/**
 * Both steps in one; where both speak of the same part, the second has the last word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const and =
  (that: Step) =>
  (self: Step): Step =>
    step({ ...self.parts, ...that.parts })

/**
 * Only for one payout.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forHandle =
  (handle: string) =>
  (self: Step): Step =>
    step({ ...self.parts, handle })

/**
 * For so many matching webhooks in a row, instead of one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const times =
  (times: number) =>
  (self: Step): Step =>
    step({ ...self.parts, times })
