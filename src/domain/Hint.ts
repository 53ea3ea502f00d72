/**
 * A verified webhook as a value: a reason to look the payout up, and nothing else. It has no state and no amount on
 * purpose, because the provider's signature covers neither.
 */
import * as Schema from "effect/Schema"
import { hiddenClass } from "./schemaMessages.js"

/**
 * How many references of one webhook are kept, and how long each may be. The provider documents nine references, and
 * handles of at most 255 characters.
 *
 * @category limits
 * @since 0.1.0
 */
export const limits = { references: 32, length: 255 } as const

/**
 * A reason to look up: something happened to what a webhook refers to. Only `id` and `timestamp` are signed. A sender
 * that repeats a webhook may have altered everything else, so a hint is good only for a lookup.
 *
 * @category models
 * @since 0.1.0
 */
export class Hint extends Schema.Class<Hint>("effect-billwerk-payouts/Hint")(
  {
    /** The webhook's own id; signed. */
    id: Schema.String,
    /** When the provider sent it; signed. */
    timestamp: Schema.DateTimeUtc,
    /** The event's id: the same for each URL that the provider sends it to. */
    eventId: Schema.optional(Schema.String),
    /** The provider's name for the event. None is documented for payouts. */
    eventType: Schema.optional(Schema.String),
    /** What it is about: customers, transactions, invoices, and anything else it names. */
    references: Schema.Array(Schema.String)
  },
  hiddenClass("a hint")
) {}
