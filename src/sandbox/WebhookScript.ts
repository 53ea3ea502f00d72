/**
 * The script of a webhook of `SandboxWebhooks`, like `Script`. Each constructor sets one or two parts and `and`
 * combines steps, as in `WebhookScript.delay("1 minute").pipe(WebhookScript.and(WebhookScript.duplicate()))`.
 */
import * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"
import type { Content } from "../webhook/Webhook.js"

/**
 * What a step consists of: which webhooks it is for, and what happens to them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  /** The payout that it is for. Default: any. */
  readonly handle?: string
  /** How many matching webhooks it is for. Default: 1. A standing step ignores it. */
  readonly times?: number
  /** How long it waits before it is first sent. */
  readonly delay?: Duration.Duration
  /** It stays out of its customer's queue: it neither waits for the earlier ones nor delays the later ones. */
  readonly unordered?: boolean
  /** The provider never sends it. */
  readonly lost?: boolean
  /** A sender without the secret sends one like it, just before. */
  readonly forged?: boolean
  /** What was changed in it on the way. The signature covers only its id and timestamp. */
  readonly alteration?: Partial<Omit<Content, "id" | "timestamp">>
  /** How many milliseconds its timestamp is ahead of the provider's clock; behind it, if negative. */
  readonly aheadMillis?: number
  /** How long after the answer each copy comes. */
  readonly copies?: ReadonlyArray<Duration.Duration>
}

/**
 * A step of a script. Parts that it does not set are normal: see `normal`.
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
 * It is sent after a delay. Its customer's later ones wait for it, unless it is `unordered`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (delay: Duration.DurationInput): Step => step({ delay: Duration.decode(delay) })

/**
 * It stays out of its customer's queue, so later ones overtake a delayed one. The real provider's order may break, too.
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
 * It comes again `times` times, with the same id and signature: the provider did not receive the answer, or an attacker
 * replays it. Default: once, at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const duplicate = (options: { readonly times?: number; readonly after?: Duration.DurationInput } = {}): Step => {
  const after = Duration.decode(options.after ?? Duration.zero)
  return step({ copies: Array.from({ length: options.times ?? 1 }, () => after) })
}

/**
 * A sender without the secret first sends one like it, with an id of its own. With `lost`, only that one comes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const forged: Step = step({ forged: true })

/**
 * It comes with other contents, and its signature is still valid, because that covers only its id and timestamp.
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
 * Its timestamp is older than the webhook.
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
 * Both steps in one. If both set the same part, the second one counts.
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
 * For this many matching webhooks in a row, in place of one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const times =
  (times: number) =>
  (self: Step): Step =>
    step({ ...self.parts, times })
