/**
 * A request as plain JSON, as an endpoint takes it: its description for OpenAPI, and how it becomes the input of
 * `PayoutRequest.make` and what is wrong with it.
 */
import * as Arr from "effect/Array"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { isCardToken } from "./Destination.js"
import type { InvalidRequest } from "./InvalidRequest.js"
import { amountMax } from "./Money.js"

const text = (description: string, maxLength: number) => ({ type: "string", description, maxLength })

/** Any JSON: each field is checked with a message of ours, all of them, and no message shows a value. */
export const Json = Schema.Unknown.annotations({
  jsonSchema: {
    type: "object",
    required: ["handle", "destination", "amount", "currency"],
    additionalProperties: false,
    properties: {
      handle: text("the payout's unique reference, and its only idempotency key", 255),
      destination: text("a saved payment method (ca_...) or a card token (ct_...)", 255),
      amount: { type: "integer", minimum: 1, maximum: amountMax, description: "minor units" },
      currency: { type: "string", pattern: "^[A-Z]{3}$", description: "ISO 4217" },
      customer: {
        description: "the handle of an existing customer, or a customer to create; required with a card token",
        oneOf: [{ type: "string" }, { type: "object" }]
      },
      text: text("free text on the payout", 1024),
      textOnStatement: text("printable ASCII, for the receiver's bank statement", 255),
      acquirerReference: text("printable ASCII; the provider highly recommends leaving it out", 128)
    }
  }
})

/** The input with its card token redacted. Own properties only: an inherited one is not meant. */
export const redactedInput = (json: unknown): unknown => {
  if (!Predicate.isReadonlyRecord(json)) return json
  const own: Record<string, unknown> = Object.assign(Object.create(null), json)
  const { destination } = own
  if (typeof destination === "string" && isCardToken(destination)) own["destination"] = Redacted.make(destination)
  return own
}

/** Every refusal as an issue of its own, at the path of its field. No issue holds a value. */
export const issueOf = (ast: SchemaAST.AST, refusals: ReadonlyArray<InvalidRequest>): ParseResult.ParseIssue => {
  const issues = refusals.map(({ field, reason }) => {
    const issue = new ParseResult.Type(ast, undefined, reason)
    const [first = "", ...within] = field.split(".")
    return field === "request" ? issue : new ParseResult.Pointer([first, ...within], undefined, issue)
  })
  return Arr.isNonEmptyReadonlyArray(issues)
    ? new ParseResult.Composite(ast, undefined, issues)
    : new ParseResult.Type(ast, undefined, "must be a payout request")
}
