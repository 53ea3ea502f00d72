/**
 * The validation of a create's body, before any other rule applies.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Handle } from "../domain/Handle.js"
import { Amount, Currency } from "../domain/Money.js"
import { type CreateBody, decodeCreate } from "./wire.js"
import type * as ErrorCode from "./ErrorCode.js"
import type { Incoming } from "./Incoming.js"

/** What is wrong with a request. */
export interface Invalid {
  readonly name: ErrorCode.Name
  readonly message: string | undefined
}

export const validate = (incoming: Incoming, json: unknown): Either.Either<CreateBody, Invalid> => {
  if (!isJson(incoming)) return invalid("invalidRequest", "Content-Type must be application/json")
  const body = Option.getOrUndefined(decodeCreate(json))
  if (body === undefined) return invalid(missing(json))
  if (body.amount <= 0) return invalid("nonPositiveAmount")
  const field = malformedField(body)
  return field === undefined ? Either.right(body) : invalid("invalidRequest", `${field} is not valid`)
}

export const savedPrefix = "ca_"

/** Whether a destination is a card token, which is valid for one use. */
export const isToken = (destination: string): boolean => destination.startsWith(tokenPrefix)

/** Whether the provider must generate a handle for a new customer. */
export const generates = (request: CreateBody): boolean => request.customer?.generateHandle === true

const invalid = (name: ErrorCode.Name, message?: string) => Either.left({ name, message })

const isJson = ({ headers }: Incoming): boolean => {
  const type = headers["content-type"]
  return typeof type === "string" && /^application\/json\s*(;|$)/i.test(type)
}

const missing = (json: unknown): ErrorCode.Name => {
  if (!Predicate.isRecord(json) || typeof json["handle"] !== "string") return "invalidRequest"
  if (json["destination"] === undefined) return "paymentMethodNotProvided"
  return json["amount"] === undefined ? "missingAmount" : "invalidRequest"
}

const malformedField = (request: CreateBody): string | undefined => {
  const { acquirerReference = "", amount, currency, customer, destination, handle, textOnStatement = "" } = request
  if (!isHandle(handle)) return "handle"
  if (!isAmount(amount)) return "amount"
  if (currency !== undefined && !isCurrency(currency)) return "currency"
  if (destination === "") return "destination"
  if (!printable.test(textOnStatement)) return "text on statement"
  if (!printable.test(acquirerReference) || acquirerReference.length > acquirerReferenceLengthMax) {
    return "acquirer reference"
  }
  return customer !== undefined && (customer.handle === undefined) !== generates(request) ? "customer" : undefined
}

const tokenPrefix = "ct_"
const isHandle = Schema.is(Handle)
const isAmount = Schema.is(Amount)
const isCurrency = Schema.is(Currency)
const printable = /^[\x20-\x7F]*$/
const acquirerReferenceLengthMax = 128
