/**
 * What a verified webhook amounts to: that it may be worth asking the provider now. It has no state and no amount on
 * purpose, because the provider's signature covers neither.
 */
import * as Schema from "effect/Schema"
import { hiddenClass } from "./refusal.js"

/**
 * How many references of one webhook are kept, and how long each may be. Documented are nine of them, and handles of at
 * most 255 characters.
 *
 * @category limits
 * @since 0.1.0
 */
export const limits = { references: 32, length: 255 } as const

/**
 * Something happened to what a webhook refers to. Only `id` and `timestamp` are signed; everything else may have been
 * altered by whoever repeated it, so all that it is good for is to look the payout up.
 *
 * @category models
 * @since 0.1.0
 */
export class Hint extends Schema.Class<Hint>("effect-billwerk-payouts/Hint")(
  {
    /** The webhook's own id; signed. */
    id: Schema.String,
    /** The provider's moment of sending; signed. */
    timestamp: Schema.DateTimeUtc,
    /** The event's id: the same for each URL that the provider sends it to. */
    eventId: Schema.optional(Schema.String),
    /** The provider's name for the event. None is documented for payouts. */
    eventType: Schema.optional(Schema.String),
    /** What it is about: customers, transactions, invoices, and whatever else it names. */
    references: Schema.Array(Schema.String)
  },
  hiddenClass("a hint")
) {}
