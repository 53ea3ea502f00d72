/**
 * The fields of a request: what each may be, and the message that refuses it.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { holdsCard, isDigits, noCardNumber } from "./cardNumber.js"
import { Customer, customerRefusals, ownCustomer } from "./Customer.js"
import { CardToken, Destination, isCardToken, isReference, Reference } from "./Destination.js"
import { Handle, isHandle, refusal as handleRefusal } from "./Handle.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { Amount, Currency, isAmount, isCurrency } from "./Money.js"
import { fieldName } from "./schemaMessages.js"

const isCardless = (text: string): boolean => !holdsCard(text)

const Text = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}\p{Cs}]{1,1024}$/u), Schema.filter(isCardless)).annotations({
  description: "1 to 1024 characters without control characters or lone surrogates"
})

const StatementText = Schema.String.pipe(Schema.pattern(/^[\x20-\x7E]{1,255}$/), Schema.filter(isCardless)).annotations(
  {
    description: "1 to 255 printable ASCII characters"
  }
)

const AcquirerReference = Schema.String.pipe(
  Schema.pattern(/^[\x20-\x7E]{1,128}$/),
  Schema.filter(isCardless)
).annotations({
  description: "1 to 128 printable ASCII characters"
})

export const fields = {
  handle: Handle,
  /** A saved method, or a card token. */
  destination: Destination,
  /** Minor units. */
  amount: Amount,
  currency: Currency,
  customer: Schema.optional(Customer),
  /** Free text on the payout. */
  text: Schema.optional(Text),
  /** For the receiver's bank statement. */
  textOnStatement: Schema.optional(StatementText),
  /** For the acquirer; the provider highly recommends leaving it out. */
  acquirerReference: Schema.optional(AcquirerReference)
}

export const noCustomer = "must be given with a card token, which identifies no customer"

export const refuse = (field: string, reason: string, handle?: Handle) =>
  Either.left(new InvalidRequest({ field, reason, ...(handle === undefined ? {} : { handle }) }))

type Check<A> = (value: unknown, handle?: Handle) => Either.Either<A, InvalidRequest>

// Made once per field: to compile a schema in each call costs more than all the rest.
const checkOf =
  <A, I>(
    field: string,
    schema: Schema.Schema<A, I>,
    is: (value: unknown) => value is A = Schema.is(schema)
  ): Check<A> =>
  (value, handle) =>
    is(value) ? Either.right(value) : Either.left(InvalidRequest.mustBe(field, schema, handle))

const handleOf =
  (field: string): Check<Handle> =>
  (value, handle) =>
    isHandle(value) ? Either.right(value) : Either.left(of(handleRefusal(field, value), handle))

const textOf =
  (field: string, schema: Schema.Schema<string>): Check<string> =>
  (value, handle) =>
    Either.mapLeft(checkOf(field, schema)(value, handle), (refusal) =>
      typeof value === "string" && holdsCard(value) ? of(refusal, handle, noCardNumber.text) : refusal
    )

const of = ({ field, reason }: InvalidRequest, handle: Handle | undefined, instead = reason): InvalidRequest =>
  new InvalidRequest({ field, reason: instead, ...(handle === undefined ? {} : { handle }) })

export const checkHandle = handleOf("handle")
const checkAmount = checkOf("amount", Amount, isAmount)
const checkCurrency = checkOf("currency", Currency, isCurrency)
const checkText = textOf("text", Text)
const checkStatementText = textOf("textOnStatement", StatementText)
const checkAcquirerReference = textOf("acquirerReference", AcquirerReference)
const checkReference = checkOf("destination", Reference, isReference)
const checkToken = checkOf("destination", CardToken.fields.reference)
const checkCustomerHandle = handleOf("customer")

const optionally = <A>(
  check: Check<A>,
  value: unknown,
  handle?: Handle
): Either.Either<A | undefined, InvalidRequest> => (value === undefined ? absent : check(value, handle))

const absent = Either.right(undefined)

const destinationFrom = (value: unknown, handle?: Handle): Either.Either<Destination, InvalidRequest> => {
  const text = Redacted.isRedacted(value) ? revealed(value) : Option.some(value)
  if (Option.isNone(text)) return refuse("destination", "must not be wiped: its value is gone", handle)
  if (typeof text.value === "string" && isDigits(text.value)) {
    return refuse("destination", noCardNumber.destination, handle)
  }
  if (Redacted.isRedacted(value)) {
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

/** The value inside, or none if it was wiped: `Redacted.value` throws then. */
export const revealed = Option.liftThrowable((value: Redacted.Redacted<unknown>) => Redacted.value(value))

const customerFrom = (value: unknown, handle?: Handle): Either.Either<Customer | undefined, InvalidRequest> => {
  if (!Predicate.isReadonlyRecord(value)) return optionally(checkCustomerHandle, value, handle)
  const customer = ownCustomer(value)
  return customer instanceof InvalidRequest ? Either.left(of(customer, handle)) : Either.right(customer)
}

const checked = (own: Readonly<Record<string, unknown>>, handle?: Handle) => ({
  destination: destinationFrom(own["destination"], handle),
  amount: checkAmount(own["amount"], handle),
  currency: checkCurrency(own["currency"], handle),
  customer: customerFrom(own["customer"], handle),
  text: optionally(checkText, own["text"], handle),
  textOnStatement: optionally(checkStatementText, own["textOnStatement"], handle),
  acquirerReference: optionally(checkAcquirerReference, own["acquirerReference"], handle)
})

/** Checks the other fields of a request with this handle. */
export const checkAll = (own: Readonly<Record<string, unknown>>, handle: Handle) => Either.all(checked(own, handle))

export const notAField = (key: string, handle?: Handle) =>
  refuse(fieldName(key), "is not a field of a payout request", handle)

/** All that is wrong with the fields of a request, in the order of the fields; empty if nothing is. */
export const refusals = (own: Readonly<Record<string, unknown>>): ReadonlyArray<InvalidRequest> => {
  const handle = checkHandle(own["handle"])
  const known = Option.getOrUndefined(Either.getRight(handle))
  const { customer, ...rest } = checked(own, known)
  const ofCustomer = Predicate.isReadonlyRecord(own["customer"]) ? customerRefusals(own["customer"]) : leftOf(customer)
  const isToken = Either.isRight(rest.destination) && rest.destination.right._tag === "CardToken"
  return [
    ...Object.keys(own).flatMap((key) => (Object.hasOwn(fields, key) ? [] : leftOf(notAField(key)))),
    ...leftOf(handle),
    ...leftOf(rest.destination),
    ...leftOf(rest.amount),
    ...leftOf(rest.currency),
    ...ofCustomer,
    ...(isToken && own["customer"] === undefined ? leftOf(refuse("customer", noCustomer)) : []),
    ...leftOf(rest.text),
    ...leftOf(rest.textOnStatement),
    ...leftOf(rest.acquirerReference)
  ].map((refusal) => of(refusal, known))
}

const leftOf = (answer: Either.Either<unknown, InvalidRequest>): ReadonlyArray<InvalidRequest> =>
  Either.isLeft(answer) ? [answer.left] : []
