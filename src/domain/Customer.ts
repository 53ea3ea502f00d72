/**
 * Whom the payout is for: a customer that exists, or one to create with the payout. A saved payment method implies its
 * customer, so there the customer may be left out.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Handle from "./Handle.js"

/**
 * The handle of a customer. Same alphabet and length as a payout's (documented).
 *
 * @category models
 */
export const CustomerHandle = Handle.Handle.annotations({ identifier: "CustomerHandle" })

/** @category models */
export type CustomerHandle = typeof CustomerHandle.Type

const Line = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}\p{Cs}]{1,255}$/u)).annotations({
  description: "1 to 255 characters without control characters"
})

// Not __proto__, which object literals swallow.
const metadataName = /^(?!__proto__$)[^\p{Cc}\p{Cs}]{1,255}$/u
const metadataText = /^[^\p{Cc}\p{Cs}]{0,1024}$/u

// By hand: a record's schema takes a Map for a record without entries, and skips the names that it does not allow.
const isMetadata = (value: unknown): value is Readonly<Record<string, string | number | boolean>> => {
  if (!Predicate.isReadonlyRecord(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  const entries = Object.entries(value)
  return (
    (prototype === null || prototype === Object.prototype) &&
    entries.length <= 100 &&
    entries.every(([name, one]) => metadataName.test(name) && isMetadataValue(one))
  )
}

const isMetadataValue = (value: unknown): boolean =>
  typeof value === "string" ? metadataText.test(value) : Number.isFinite(value) || typeof value === "boolean"

const Metadata = Schema.declare(isMetadata).annotations({
  description:
    "a record of at most 100 finite numbers, booleans and strings of up to 1024 characters without control characters, " +
    "under names of 1 to 255"
})

const Country = Schema.String.pipe(Schema.pattern(/^[A-Z]{2}$/)).annotations({
  description: "an ISO 3166-1 code of two capital letters, such as DK"
})

const DebtorId = Schema.Int.annotations({ description: "an integer" })

const Flag = Schema.Boolean.annotations({ description: "true or false" })

const details = {
  email: Schema.optional(Line),
  firstName: Schema.optional(Line),
  lastName: Schema.optional(Line),
  address: Schema.optional(Line),
  address2: Schema.optional(Line),
  city: Schema.optional(Line),
  postalCode: Schema.optional(Line),
  /** ISO 3166-1 alpha-2. */
  country: Schema.optional(Country),
  phone: Schema.optional(Line),
  company: Schema.optional(Line),
  vat: Schema.optional(Line),
  language: Schema.optional(Line),
  debtorId: Schema.optional(DebtorId),
  metadata: Schema.optional(Metadata),
  /** The provider checks that this matches the state (test or live) of the account. */
  test: Schema.optional(Flag)
}

/**
 * A customer to create, under a handle of the caller's or one that the provider makes (`cust-1`, `cust-2`, ...). Exactly
 * one of `handle` and `generateHandle` is given; anything else does not type-check. Field names and meanings are the
 * provider's `CreateCustomer` (documented); the length limits are ours.
 *
 * @category models
 */
export const NewCustomer = Schema.Union(
  Schema.Struct({ ...details, handle: CustomerHandle, generateHandle: Schema.optional(Schema.Never) }),
  Schema.Struct({ ...details, handle: Schema.optional(Schema.Never), generateHandle: Schema.Literal(true) })
)

/** @category models */
export type NewCustomer = typeof NewCustomer.Type

/**
 * An existing customer's handle, or a customer to create. What is refused here is never shown: a `ParseError` prints the
 * values that it refuses.
 *
 * @category models
 */
export const Customer = Schema.Union(CustomerHandle, NewCustomer).annotations({
  message: () => ({ message: "Expected a customer's handle, or a customer to create", override: true })
})

/** @category models */
export type Customer = typeof Customer.Type

/**
 * The customer handle that the provider's answer must show, or `undefined` where the provider decides it.
 *
 * @category getters
 */
export const expectedHandle = (customer: Customer | undefined): CustomerHandle | undefined =>
  customer === undefined || typeof customer === "string" ? customer : customer.handle

/**
 * Each field of a new customer with the schema of its value, so that a refusal can name the field.
 *
 * @internal
 */
export const newCustomerFields: ReadonlyMap<string, Schema.Schema.AnyNoContext> = new Map<
  string,
  Schema.Schema.AnyNoContext
>([
  ...Object.entries(details).map(([name, field]) => [name, field.from] as const),
  ["handle", CustomerHandle],
  ["generateHandle", Schema.Literal(true).annotations({ description: "true" })]
])
