/**
 * What we ask for. A `PayoutRequest` can only be had by passing validation, so whatever holds one may be sent.
 */
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Customer, CustomerHandle, NewCustomer, newCustomerFields } from "./Customer.js"
import { CardToken, Destination, isCardToken, isReference, Reference, unwrap } from "./Destination.js"
import { fingerprint } from "./Fingerprint.js"
import { Handle, isHandle } from "./Handle.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { Amount, Currency, isAmount, isCurrency } from "./Money.js"

const Text = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}\p{Cs}]{1,1024}$/u)).annotations({
  description: "1 to 1024 characters without control characters or lone surrogates"
})

const StatementText = Schema.String.pipe(Schema.pattern(/^[\x20-\x7E]{1,255}$/)).annotations({
  description: "1 to 255 printable ASCII characters"
})

const AcquirerReference = Schema.String.pipe(Schema.pattern(/^[\x20-\x7E]{1,128}$/)).annotations({
  description: "1 to 128 printable ASCII characters"
})

const fields = {
  handle: Handle,
  destination: Destination,
  amount: Amount,
  currency: Currency,
  customer: Schema.optional(Customer),
  text: Schema.optional(Text),
  textOnStatement: Schema.optional(StatementText),
  acquirerReference: Schema.optional(AcquirerReference)
}

const noCustomer = "must be given with a card token, which identifies no customer"

/**
 * A validated payout request. Prints its handle, amount and currency, never where the money goes or to whom.
 *
 * As a `Schema` it can be carried by a queue or a workflow, provided that its destination is a saved method: a card
 * token has no encoded form.
 *
 * @category models
 */
export class PayoutRequest extends Schema.Class<PayoutRequest>("effect-billwerk-payouts/PayoutRequest")(
  Schema.Struct(fields).pipe(
    Schema.filter(({ customer, destination }) => destination._tag === "SavedMethod" || customer !== undefined, {
      message: () => noCustomer
    })
  )
) {
  override toString(): string {
    return `PayoutRequest(${this.handle}, ${this.amount} ${this.currency})`
  }
  toJSON(): unknown {
    return { _id: "PayoutRequest", handle: this.handle, amount: this.amount, currency: this.currency }
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

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
  /** Printable ASCII, at most 128; the provider highly recommends leaving it out. */
  readonly acquirerReference?: string | undefined
}

type Details = Omit<NewCustomer, "handle" | "generateHandle">

/**
 * A customer to create: `handle` or `generateHandle: true`, never both and never neither.
 *
 * @category models
 */
export type NewCustomerInput =
  | (Details & { readonly handle: string; readonly generateHandle?: never })
  | (Details & { readonly generateHandle: true; readonly handle?: never })

/**
 * What `make` takes. `destination` is a saved payment method as a plain string, or a card token as a
 * `Redacted<string>`; a card token identifies no customer, so there `customer` is needed. `customer` is the handle of
 * an existing customer, or a customer to create.
 *
 * @category models
 */
export type Input =
  | (Common & { readonly destination: string; readonly customer?: string | NewCustomerInput | undefined })
  | (Common & { readonly destination: Redacted.Redacted<string>; readonly customer: string | NewCustomerInput })

/**
 * Validates an input. Refuses with the field and the reason, and never repairs, rounds or truncates. An `Either`, hence
 * an `Effect`.
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
 */
export const make = (input: Input): Either.Either<PayoutRequest, InvalidRequest> => fromUnknown(input)

/**
 * `make` for a value that no type vouches for: JSON from a file, a queue or a form. A destination that starts with
 * `ct_` has to be `Redacted` here too: redact it where it is read.
 *
 * @category constructors
 */
export const fromUnknown = (input: unknown): Either.Either<PayoutRequest, InvalidRequest> => {
  if (!Predicate.isReadonlyRecord(input)) return refuse("request", "must be an object")
  return Either.flatMap(checkHandle(input["handle"]), (handle) => {
    const unknownField = Object.keys(input).find((key) => !Object.hasOwn(fields, key))
    if (unknownField !== undefined) return refuse(fieldName(unknownField), "is not a field of a payout request", handle)
    const checked = Either.all({
      destination: destinationFrom(input["destination"], handle),
      amount: checkAmount(input["amount"], handle),
      currency: checkCurrency(input["currency"], handle),
      customer: customerFrom(input["customer"], handle),
      text: optionally(checkText, input["text"], handle),
      textOnStatement: optionally(checkStatementText, input["textOnStatement"], handle),
      acquirerReference: optionally(checkAcquirerReference, input["acquirerReference"], handle)
    })
    return Either.flatMap(checked, (rest) => {
      const { customer, destination } = rest
      if (destination._tag === "CardToken" && customer === undefined) return refuse("customer", noCustomer, handle)
      // All of it has been checked, with words of our own, and a class of Schema compiles its schema anew to check it again.
      // But the fields of a customer have to be brought into the order in which they are always sent.
      return Either.right(new PayoutRequest({ handle, ...rest }, typeof customer !== "object"))
    })
  })
}

/**
 * The names of the fields in which two requests differ; none, if they would be sent with the same bytes.
 *
 * @category predicates
 */
export const differences = (self: PayoutRequest, that: PayoutRequest): ReadonlyArray<string> =>
  self === that
    ? []
    : [
        ...(unwrap(self.destination) === unwrap(that.destination) ? [] : ["destination"]),
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

/**
 * What evidence knows a request by, without its values: all arguments, and the saved method, if it names one.
 *
 * @internal
 */
export const fingerprints = (
  request: PayoutRequest
): { readonly request: string; readonly method: string | undefined } => {
  const destination = unwrap(request.destination)
  return {
    request: fingerprint(JSON.stringify([destination, ...comparable.map((field) => request[field])])),
    method: request.destination._tag === "SavedMethod" ? fingerprint(destination) : undefined
  }
}

const refuse = (field: string, reason: string, handle?: Handle) =>
  Either.left(new InvalidRequest({ field, reason, ...(handle === undefined ? {} : { handle }) }))

type Check<A> = (value: unknown, handle?: Handle) => Either.Either<A, InvalidRequest>

// Made once a field: a schema that is compiled in each call costs more than all the rest.
const checkOf =
  <A, I>(
    field: string,
    schema: Schema.Schema<A, I>,
    is: (value: unknown) => value is A = Schema.is(schema)
  ): Check<A> =>
  (value, handle) =>
    is(value) ? Either.right(value) : Either.left(InvalidRequest.mustBe(field, schema, handle))

const checkHandle = checkOf("handle", Handle, isHandle)
const checkAmount = checkOf("amount", Amount, isAmount)
const checkCurrency = checkOf("currency", Currency, isCurrency)
const checkText = checkOf("text", Text)
const checkStatementText = checkOf("textOnStatement", StatementText)
const checkAcquirerReference = checkOf("acquirerReference", AcquirerReference)
const checkReference = checkOf("destination", Reference, isReference)
const checkToken = checkOf("destination", CardToken.fields.reference)
const checkCustomerHandle = checkOf("customer", CustomerHandle)

const optionally = <A>(
  check: Check<A>,
  value: unknown,
  handle: Handle
): Either.Either<A | undefined, InvalidRequest> => (value === undefined ? absent : check(value, handle))

const absent = Either.right(undefined)

const destinationFrom = (value: unknown, handle: Handle): Either.Either<Destination, InvalidRequest> => {
  if (Redacted.isRedacted(value)) {
    if (Option.isNone(reveal(value))) return refuse("destination", "must not be wiped: its value is gone", handle)
    return Either.map(checkToken(value, handle), (reference) => CardToken.make({ reference }, true))
  }
  if (typeof value === "string" && isCardToken(value)) {
    return refuse("destination", "must be wrapped in Redacted.make(...), because it is a card token", handle)
  }
  return Either.map(checkReference(value, handle), (reference): Destination => ({
    _tag: "SavedMethod",
    reference: Redacted.make(reference)
  }))
}

// Redacted.value throws for one that was wiped.
const reveal = Option.liftThrowable((value: Redacted.Redacted<unknown>) => Redacted.value(value))

const isNewCustomer = Schema.is(NewCustomer)

const customerFrom = (value: unknown, handle: Handle): Either.Either<Customer | undefined, InvalidRequest> => {
  if (!Predicate.isReadonlyRecord(value)) return optionally(checkCustomerHandle, value, handle)
  for (const key of Object.keys(value)) {
    const schema = newCustomerFields.get(key)
    if (schema === undefined) {
      return refuse(`customer.${fieldName(key)}`, "is not a field of a customer", handle)
    }
    if (value[key] !== undefined && !Schema.is(schema)(value[key])) {
      return Either.left(InvalidRequest.mustBe(`customer.${key}`, schema, handle))
    }
  }
  // A copy: what was validated must not change under the caller's hands between two attempts.
  return isNewCustomer(value)
    ? Either.right(value.metadata === undefined ? { ...value } : { ...value, metadata: { ...value.metadata } })
    : refuse("customer", "must have either a handle or generateHandle: true, and not both", handle)
}

// The name of an unknown field is the caller's own text, so it is shown only if it looks like a name and like no secret.
const fieldName = (key: string): string =>
  /^(?!(?:ca|ct|priv)_)[A-Za-z][A-Za-z0-9_]{0,31}$/.test(key) ? key : "an unnamed field"
