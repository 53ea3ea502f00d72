/**
 * The customer that a payout is for: an existing one, or one to create with the payout. A saved payment method implies
 * its customer, so the customer may be left out with it.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Handle from "./Handle.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { fieldName, hidden } from "./schemaMessages.js"

/**
 * A customer's name at the provider. Same alphabet and length as a payout's handle (documented), no card number.
 *
 * @category models
 * @since 0.1.0
 */
export const CustomerHandle = Handle.Handle.annotations({
  identifier: "CustomerHandle",
  ...hidden("a customer's handle")
})

/**
 * @category models
 * @since 0.1.0
 */
export type CustomerHandle = typeof CustomerHandle.Type

const Line = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}\p{Cs}]{1,255}$/u)).annotations({
  description: "1 to 255 characters without control characters"
})

// Not __proto__, which object literals swallow.
const metadataName = /^(?!__proto__$)[^\p{Cc}\p{Cs}]{1,255}$/u
const metadataText = /^[^\p{Cc}\p{Cs}]{0,1024}$/u

// Not a record schema: that accepts a Map as a record without entries, and skips the names that it does not allow.
const isMetadata = (value: unknown): value is Readonly<Record<string, string | number | boolean>> => {
  if (!isPlainRecord(value)) return false
  const entries = Object.entries(value)
  return entries.length <= 100 && entries.every(([name, one]) => metadataName.test(name) && isMetadataValue(one))
}

const isPlainRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (!Predicate.isReadonlyRecord(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
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
 * A customer to create, under the caller's handle or one that the provider generates (`cust-1`, `cust-2`, ...). Give
 * exactly one of `handle` and `generateHandle`; anything else does not type-check. Field names and meanings are the
 * provider's `CreateCustomer` (documented); the length limits are ours.
 *
 * @category models
 * @since 0.1.0
 */
export const NewCustomer = Schema.Union(
  Schema.Struct({ ...details, handle: CustomerHandle, generateHandle: Schema.optional(Schema.Never) }),
  Schema.Struct({ ...details, handle: Schema.optional(Schema.Never), generateHandle: Schema.Literal(true) })
).annotations({
  message: ({ actual }) => ({ message: said(actual) ?? "Expected a customer to create", override: true })
})

/**
 * @category models
 * @since 0.1.0
 */
export type NewCustomer = typeof NewCustomer.Type

/**
 * An existing customer's handle, or a customer to create. An error names the refused field and never shows its value.
 *
 * @category models
 * @since 0.1.0
 */
export const Customer = Schema.Union(CustomerHandle, NewCustomer).annotations({
  message: ({ actual }) => ({
    message: said(actual) ?? "Expected a customer's handle, or a customer to create",
    override: true
  })
})

/**
 * @category models
 * @since 0.1.0
 */
export type Customer = typeof Customer.Type

/**
 * The customer handle that the provider's answer must show, or `undefined` if the provider decides it.
 *
 * @category getters
 * @since 0.1.0
 */
export const expectedHandle = (customer: Customer | undefined): CustomerHandle | undefined =>
  customer === undefined || typeof customer === "string" ? customer : customer.handle

interface Check {
  readonly schema: Schema.Schema.AnyNoContext
  readonly is: (value: unknown) => boolean
}

const check = (schema: Schema.Schema.AnyNoContext): Check => ({ schema, is: Schema.is(schema) })

// One check per field, so that a refusal can name the field; in the order in which the copy keeps them.
const checks: ReadonlyMap<string, Check> = new Map([
  ...Object.entries(details).map(([name, field]) => [name, check(field.from)] as const),
  ["handle", check(CustomerHandle)] as const,
  ["generateHandle", check(Schema.Literal(true).annotations({ description: "true" }))] as const
])

const isNewCustomer = Schema.is(NewCustomer)

/**
 * A frozen copy of a customer to create, or its refusal. The fields and the names of the metadata get one fixed order:
 * a row that went through `jsonb` gives the same customer and the same bytes. It reads each property once, and only the
 * object's own, so what it checks is what it keeps.
 *
 * @internal
 */
export const ownCustomer = (given: object): NewCustomer | InvalidRequest => {
  const own: Record<string, unknown> = { ...given }
  for (const key of Object.keys(own)) {
    if (!checks.has(key)) return notAField(key)
  }
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, { is, schema }] of checks) {
    const value = Object.hasOwn(own, key) ? (key === "metadata" ? ownMetadata(own[key]) : own[key]) : undefined
    if (value === undefined) continue
    if (!is(value)) return key === "handle" ? Handle.refusal("customer.handle", value) : mustBe(key, schema)
    copy[key] = value
  }
  const customer: unknown = Object.freeze(copy)
  return isNewCustomer(customer)
    ? customer
    : refused("customer", "must have either a handle or generateHandle: true, and not both")
}

/**
 * All that is wrong with a customer to create; empty if nothing is.
 *
 * @internal
 */
export const customerRefusals = (given: object): ReadonlyArray<InvalidRequest> => {
  const own: Record<string, unknown> = { ...given }
  const unknown = Object.keys(own).filter((key) => !checks.has(key))
  const wrong = [...checks].flatMap(([key, { is, schema }]) => {
    const value = Object.hasOwn(own, key) ? (key === "metadata" ? ownMetadata(own[key]) : own[key]) : undefined
    if (value === undefined || is(value)) return []
    return [key === "handle" ? Handle.refusal("customer.handle", value) : mustBe(key, schema)]
  })
  const found = [...unknown.map(notAField), ...wrong]
  if (found.length > 0) return found
  const customer = ownCustomer(own)
  return customer instanceof InvalidRequest ? [customer] : []
}

const ownMetadata = (given: unknown): unknown => {
  if (!isPlainRecord(given)) return given
  // Any object puts names that are whole numbers first; the rest is sorted by code units.
  const entries = Object.entries(given).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.freeze(Object.assign(Object.create(null), Object.fromEntries(entries)))
}

const mustBe = (key: string, schema: Schema.Schema.AnyNoContext) => InvalidRequest.mustBe(`customer.${key}`, schema)

const notAField = (key: string) => refused(`customer.${fieldName(key)}`, "is not a field of a customer")

const refused = (field: string, reason: string) => new InvalidRequest({ field, reason })

const said = (value: unknown): string | undefined => {
  const refusal = Predicate.isReadonlyRecord(value) ? ownCustomer(value) : undefined
  return refusal instanceof InvalidRequest ? `${refusal.field} ${refusal.reason}` : undefined
}
