/**
 * The report that a payout once shown as paid is now shown in another state, which must never happen. `onContradiction`
 * receives it.
 */
import * as Schema from "effect/Schema"
import { Handle } from "./Handle.js"
import { Payout } from "./Payout.js"
import { hiddenClass } from "./schemaMessages.js"

/**
 * The provider shows a paid payout in another state. The library still counts it as paid: a read may lag behind, and a
 * denial does not bring money back. A person should look into it.
 *
 * @category models
 * @since 0.1.0
 */
export class PaidContradicted extends Schema.TaggedClass<PaidContradicted>("effect-billwerk-payouts/PaidContradicted")(
  "PaidContradicted",
  {
    handle: Handle,
    /** The record that said paid. */
    paid: Payout,
    /** What the provider shows now. */
    shown: Payout
  },
  hiddenClass("a contradiction")
) {
  get message(): string {
    return (
      `Payout ${this.handle} was paid, and the provider now shows it as ${this.shown.state}. ` +
      `It is still taken for paid: ask the provider's support, and never pay it again.`
    )
  }
}
