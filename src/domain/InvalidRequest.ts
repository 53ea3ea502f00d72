/**
 * The refusal of the library's own validation. Nothing has been sent, so nothing can have moved.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Attempt } from "./Attempt.js"
import type { Certainty, Exposure } from "./Exposure.js"
import { hiddenClass } from "./schemaMessages.js"

/**
 * A value that the library refused before it sent anything. Names the field and what it must be, and never shows the
 * value: it may be a card token in the wrong place.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PayoutRequest } from "effect-billwerk-payouts"
 *
 * const program = PayoutRequest.make({ handle: "p-1", destination: "ca_1", amount: 12.5, currency: "DKK" }).pipe(
 *   Effect.catchTag("InvalidRequest", (error) => Effect.succeed(`${error.field} ${error.reason}`))
 * )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("effect-billwerk-payouts/InvalidRequest")(
  "InvalidRequest",
  {
    /** The handle, if it is known to be valid. */
    handle: Schema.optional(Schema.String),
    /** The field as the caller spells it: `amount`, `customer.handle`. */
    field: Schema.String,
    /** What the field must be: `must be an integer from 1 to ...`. */
    reason: Schema.String
  },
  hiddenClass("a refused request")
) {
  /** The refusal of a value that does not satisfy `schema`, in the words of the schema's description. */
  static mustBe(field: string, schema: Schema.Schema.All, handle?: string): InvalidRequest {
    const description = Option.getOrElse(SchemaAST.getDescriptionAnnotation(schema.ast), () => "valid")
    return new InvalidRequest({ field, reason: `must be ${description}`, ...(handle === undefined ? {} : { handle }) })
  }
  /** Always empty: nothing was sent. */
  get attempts(): ReadonlyArray<Attempt> {
    return []
  }
  /** Always `"NotMoved"`. */
  get certainty(): Certainty {
    return "NotMoved"
  }
  /** Always nothing. */
  get exposure(): Exposure {
    return { min: 0, max: 0 }
  }
  override get message(): string {
    return (
      `The payout request was refused before anything was sent: ${this.field} ${this.reason}. ` +
      `No money has moved. Correct the request and make it again.`
    )
  }
}
