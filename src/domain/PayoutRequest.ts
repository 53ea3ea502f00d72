/**
 * What the caller asks for. A `PayoutRequest` exists only if it passed validation, so each one may be sent.
 */
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type NewCustomer, ownCustomer } from "./Customer.js"
import { expected } from "./Destination.js"
import { fingerprint } from "./Fingerprint.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { where } from "./schemaMessages.js"
import * as requestFields from "./requestFields.js"
import { checkAll, checkHandle, fields, noCustomer, notAField, refuse, revealed } from "./requestFields.js"
import * as requestJson from "./requestJson.js"

// The values that this schema has just checked. A caller's `true` as second argument of `new` is no check.
const checked = new WeakSet<object>()

const isComplete = (props: Schema.Struct.Type<typeof fields>): boolean => {
  if (props.destination._tag === "CardToken" && props.customer === undefined) return false
  checked.add(props)
  return true
}

// Refused values are never shown: a ParseError without a message of ours prints them.
const refusal = {
  message: (issue: ParseResult.ParseIssue) => ({
    message: `Expected a payout request${said(issue.actual) ?? whereOf(issue)}`,
    override: true
  })
}

/** The destination of a request in the clear; undefined for anything else. */
let reveal: (value: unknown) => string | undefined = () => undefined

/** The fingerprints of a request, made once. */
let nameOf: (request: PayoutRequest) => Fingerprints = (request) => fingerprintsOf(request)

/**
 * A validated payout that may be sent. It prints its handle, amount and currency, never the destination or the
 * customer. It is deeply frozen and holds its own copy of the secret, so wiping the caller's `Redacted` does not change
 * it. Only `make`, `fromUnknown`, `Schema.decode` and a checking `new` make a request. Anything else
 * (`new PayoutRequest(x, true)`, a subclass, a prototype that was set) is refused: see `isPayoutRequest`.
 *
 * A queue or a workflow can carry it as a `Schema`, if its destination is a saved method: a card token has no encoded
 * form. An error of the schema names the refused field and never shows its value.
 *
 * @category models
 * @since 0.1.0
 */
export class PayoutRequest extends Schema.Class<PayoutRequest>("effect-billwerk-payouts/PayoutRequest")(
  Schema.Struct(fields).pipe(Schema.filter(isComplete, { message: () => noCustomer })),
  [refusal, refusal, refusal]
) {
  readonly #destination: string | undefined
  #fingerprints: Fingerprints | undefined
  static {
    reveal = (value) => (Predicate.isObject(value) && #destination in value ? value.#destination : undefined)
    nameOf = (request) => (request.#fingerprints ??= fingerprintsOf(request))
  }
  // Decoding calls this with values that its own schema checked. Only a constructor can freeze and recognise them.
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(props: Schema.Struct.Constructor<typeof fields>, options?: Schema.MakeOptions) {
    const isChecked = checked.has(props)
    super(props, isChecked || options)
    const own = ownFields(this)
    const isRequest = own !== undefined && new.target === PayoutRequest && (isChecked || !isSwitchedOff(options))
    this.#destination = isRequest ? own.reference : undefined
    Object.freeze(Object.assign(this, own?.fields))
  }
  override toString(): string {
    return `PayoutRequest(${this.handle}, ${this.amount} ${this.currency})`
  }
  toJSON(): unknown {
    return { _id: "PayoutRequest", handle: this.handle, amount: this.amount, currency: this.currency }
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
  // Not `Data`'s own: those keep the hash in the object, which is frozen.
  [Hash.symbol](): number {
    return Hash.string(this.handle)
  }
  [Equal.symbol](that: unknown): boolean {
    return this === that || (isPayoutRequest(this) && isPayoutRequest(that) && differences(this, that).length === 0)
  }
}

/**
 * Whether a value is a validated request, unchanged since. A value that only looks like one is not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPayoutRequest = (value: unknown): value is PayoutRequest => reveal(value) !== undefined

/**
 * The destination in the clear, as the wire carries it; for sending and comparing only. It survives a wipe of the
 * request's `Redacted`.
 *
 * @internal
 */
export const destinationOf = (request: PayoutRequest): string =>
  reveal(request) ?? Redacted.value(request.destination.reference)

interface Common {
  /** The payout's own, unique reference; the only idempotency key. Derive it from your ids: `Handle.derive`. */
  readonly handle: string
  /** Minor units: an integer from 1 to 2,147,483,647. */
  readonly amount: number
  /** ISO 4217, three capital letters. */
  readonly currency: string
  /** Free text on the payout. */
  readonly text?: string | undefined
  /** Printable ASCII, for the receiver's bank statement. */
  readonly textOnStatement?: string | undefined
  /** Printable ASCII, at most 128 characters; the provider highly recommends leaving it out. */
  readonly acquirerReference?: string | undefined
}

type Details = Omit<NewCustomer, "handle" | "generateHandle">

/**
 * A customer to create: `handle` or `generateHandle: true`, never both and never neither.
 *
 * @category models
 * @since 0.1.0
 */
export type NewCustomerInput =
  | (Details & { readonly handle: string; readonly generateHandle?: never })
  | (Details & { readonly generateHandle: true; readonly handle?: never })

/**
 * The input of `make`. `destination` is a saved payment method as a plain string, or a card token as a
 * `Redacted<string>`. A card token identifies no customer, so it needs `customer`. `customer` is the handle of an
 * existing customer, or a customer to create.
 *
 * @category models
 * @since 0.1.0
 */
export type Input =
  | (Common & { readonly destination: string; readonly customer?: string | NewCustomerInput | undefined })
  | (Common & { readonly destination: Redacted.Redacted<string>; readonly customer: string | NewCustomerInput })

/**
 * Validates an input. A refusal names the field and the reason; nothing is repaired, rounded or truncated. An `Either`,
 * hence an `Effect`.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { PayoutRequest } from "effect-billwerk-payouts"
 *
 * const toSavedCard = PayoutRequest.make({
 *   handle: "prize-2026-0042",
 *   destination: "ca_fcfac2016614418f969fa5697383e47c",
 *   amount: 12_500,
 *   currency: "DKK"
 * })
 *
 * const toNewCard = PayoutRequest.make({
 *   handle: "prize-2026-0043",
 *   destination: Redacted.make("ct_..."),
 *   customer: { generateHandle: true, email: "winner@example.com" },
 *   amount: 12_500,
 *   currency: "DKK"
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: Input): Either.Either<PayoutRequest, InvalidRequest> => fromUnknown(input)

/**
 * `make` for an untyped value: JSON from a file, a queue or a form. A destination that starts with `ct_` must be
 * `Redacted` here too: redact it where you read it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromUnknown = (input: unknown): Either.Either<PayoutRequest, InvalidRequest> => {
  if (!Predicate.isReadonlyRecord(input)) return refuse("request", "must be an object")
  // Own properties only, each read once: an inherited one is not meant, and one that changes is not what was checked.
  const own: Record<string, unknown> = Object.assign(Object.create(null), input)
  return Either.flatMap(checkHandle(own["handle"]), (handle) => {
    const unknownField = Object.keys(own).find((key) => !Object.hasOwn(fields, key))
    if (unknownField !== undefined) return notAField(unknownField, handle)
    return Either.flatMap(checkAll(own, handle), (rest) => {
      const props = { handle, ...rest }
      // Every field is checked, with messages of ours; a Schema class would compile its schema anew to check again.
      return isComplete(props) ? Either.right(new PayoutRequest(props, true)) : refuse("customer", noCustomer, handle)
    })
  })
}

/**
 * All that is wrong with an untyped value: one refusal per wrong field, in the order of the fields; empty if
 * `fromUnknown` takes the value. No refusal shows a value.
 *
 * @category predicates
 * @since 0.1.0
 */
export const refusals = (input: unknown): ReadonlyArray<InvalidRequest> =>
  Predicate.isReadonlyRecord(input)
    ? requestFields.refusals(Object.assign(Object.create(null), input))
    : [new InvalidRequest({ field: "request", reason: "must be an object" })]

/**
 * A request from plain JSON, for the payload of an endpoint (`HttpApiEndpoint.setPayload`): the fields of `Input`, with
 * a card token as a string, which is redacted here. An error has one issue for each wrong field, with its path and the
 * reason, and shows no value. A saved method encodes to the same JSON; a card token has no encoded form.
 *
 * @example
 * ```ts
 * import { HttpApiEndpoint } from "@effect/platform"
 * import { Schema } from "effect"
 * import { PayoutRequest } from "effect-billwerk-payouts"
 *
 * const pay = HttpApiEndpoint.post("pay", "/payouts")
 *   .setPayload(PayoutRequest.FromInput)
 *   .addSuccess(Schema.Struct({ handle: Schema.String }), { status: 202 })
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromInput: Schema.Schema<PayoutRequest, unknown> = Schema.transformOrFail(
  requestJson.Json,
  Schema.declare(isPayoutRequest, { identifier: "PayoutRequest" }),
  {
    strict: true,
    decode: (json, _, ast) => {
      const input = requestJson.redactedInput(json)
      return Either.mapLeft(fromUnknown(input), () => requestJson.issueOf(ast, refusals(input)))
    },
    encode: (request, _, ast) =>
      request.destination._tag === "CardToken"
        ? ParseResult.fail(new ParseResult.Type(ast, undefined, "a card token has no encoded form"))
        : ParseResult.succeed({ ...request, destination: destinationOf(request) })
  }
)

/**
 * The names of the fields in which two requests differ; empty if they would be sent with the same bytes.
 *
 * @category predicates
 * @since 0.1.0
 */
export const differences = (self: PayoutRequest, that: PayoutRequest): ReadonlyArray<string> =>
  self === that
    ? []
    : [
        ...(destinationOf(self) === destinationOf(that) ? [] : ["destination"]),
        ...comparable.filter((field) => JSON.stringify(self[field]) !== JSON.stringify(that[field]))
      ]

const comparable = [
  "handle",
  "amount",
  "currency",
  "customer",
  "text",
  "textOnStatement",
  "acquirerReference"
] as const satisfies ReadonlyArray<keyof PayoutRequest>

/** How evidence identifies a request, without its values. */
interface Fingerprints {
  /** Of all arguments. */
  readonly request: string
  /** Of the saved method, if the request names one. */
  readonly method: string | undefined
}

/** @internal */
export const fingerprints = (request: PayoutRequest): Fingerprints => nameOf(request)

const fingerprintsOf = (request: PayoutRequest): Fingerprints => {
  const destination = destinationOf(request)
  return {
    request: fingerprint(JSON.stringify([destination, ...comparable.map((field) => request[field])])),
    method: request.destination._tag === "SavedMethod" ? fingerprint(destination) : undefined
  }
}

type Props = Schema.Struct.Type<typeof fields>

/** A frozen copy of each field, absent ones too, or an inherited one would be read. Undefined for garbage. */
const ownFields = (props: Props): { readonly reference: string; readonly fields: Props } | undefined => {
  const own: Partial<Props> = Object.assign(Object.create(null), props)
  const { acquirerReference, amount, currency, destination, handle, text, textOnStatement } = own
  const customer = typeof own.customer === "object" ? ownCustomer({ ...own.customer }) : own.customer
  const reference = Redacted.isRedacted(destination?.reference) ? revealed(destination.reference) : Option.none()
  if (handle === undefined || amount === undefined || currency === undefined || destination === undefined)
    return undefined
  if (Option.isNone(reference) || typeof reference.value !== "string" || customer instanceof InvalidRequest)
    return undefined
  return {
    reference: reference.value,
    fields: {
      handle,
      destination: Object.freeze({ _tag: destination._tag, reference: Redacted.make(reference.value) }),
      amount,
      currency,
      customer,
      text,
      textOnStatement,
      acquirerReference
    }
  }
}

const isSwitchedOff = (options: Schema.MakeOptions | undefined): boolean =>
  Boolean(typeof options === "object" ? options.disableValidation : options)

/** What is wrong with a request in its encoded form, or as a record of its fields, in the words of `make`. */
const said = (value: unknown): string | undefined => {
  if (!Predicate.isReadonlyRecord(value)) return undefined
  const { destination, ...rest } = value
  const isOne = Predicate.isReadonlyRecord(destination) && Predicate.isString(destination["_tag"])
  const reference = isOne ? destination["reference"] : undefined
  const text = Redacted.isRedacted(reference) ? Option.getOrUndefined(revealed(reference)) : reference
  const given = isOne && destination["_tag"] === "SavedMethod" ? text : reference
  const answer = fromUnknown({ ...rest, destination: given })
  if (Either.isRight(answer)) return undefined
  const { field, reason } = answer.left
  return field === "destination" ? `: destination: ${expected}` : `: ${field} ${reason}`
}

const whereOf = (issue: ParseResult.ParseIssue): string => {
  const path = where(issue)
  return path.startsWith(": destination") ? `: destination: ${expected}` : path
}
