/**
 * The provider's JSON, both ways: the only place where its snake_case names live. Tolerant where nothing depends on it
 * (unknown fields, nulls, odd optional values, three shapes of date) and strict where money does.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Destination from "../domain/Destination.js"
import type * as Payout from "../domain/Payout.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type * as Reply from "../domain/Reply.js"
import type { Clean } from "./words.js"

/** `POST /v1/payout`, and `GET /v1/payout/{handle}`. */
export const payoutPath = "/v1/payout"

const optional = <A, I>(key: string, schema: Schema.Schema<A, I>) => Schema.optional(schema).pipe(Schema.fromKey(key))

/**
 * An optional value in an answer: absent, null or malformed all mean that the provider did not say. A payout is not to
 * become unreadable because of a date that nobody needs.
 */
const lenient = <A, I>(key: string, schema: Schema.Schema<A, I>) =>
  Schema.optional(Schema.UndefinedOr(schema).annotations({ decodingFallback: () => Effect.succeed(undefined) })).pipe(
    Schema.fromKey(key)
  )

/** `...+00:00`, `...+0000` and `...Z`, with any number of decimals. Written as `...+00:00`, as the provider does. */
const WireDate = Schema.transformOrFail(Schema.String, Schema.DateTimeUtcFromSelf, {
  strict: true,
  decode: (text, _, ast) =>
    Option.match(DateTime.make(text.replace(/([+-]\d{2})(\d{2})$/, "$1:$2")), {
      onNone: () => ParseResult.fail(new ParseResult.Type(ast, text)),
      onSome: (date) => ParseResult.succeed(DateTime.toUtc(date))
    }),
  encode: (date) => ParseResult.succeed(DateTime.formatIso(date).replace("Z", "+00:00"))
})

const CustomerBody = Schema.Struct({
  handle: Schema.optional(Schema.String),
  generateHandle: optional("generate_handle", Schema.Boolean),
  email: Schema.optional(Schema.String),
  firstName: optional("first_name", Schema.String),
  lastName: optional("last_name", Schema.String),
  address: Schema.optional(Schema.String),
  address2: Schema.optional(Schema.String),
  city: Schema.optional(Schema.String),
  postalCode: optional("postal_code", Schema.String),
  country: Schema.optional(Schema.String),
  phone: Schema.optional(Schema.String),
  company: Schema.optional(Schema.String),
  vat: Schema.optional(Schema.String),
  language: Schema.optional(Schema.String),
  debtorId: optional("debtor_id", Schema.Number),
  metadata: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  test: Schema.optional(Schema.Boolean)
})

/** The body of `POST /v1/payout`. */
export const CreateBody = Schema.Struct({
  handle: Schema.String,
  destination: Schema.String,
  amount: Schema.Number,
  currency: Schema.optional(Schema.String),
  text: Schema.optional(Schema.String),
  customer: Schema.optional(CustomerBody),
  customerHandle: optional("customer_handle", Schema.String),
  textOnStatement: optional("text_on_statement", Schema.String),
  acquirerReference: optional("acquirer_reference", Schema.String)
})

export interface CreateBody extends Schema.Schema.Type<typeof CreateBody> {}

/** A payout's transaction as the provider writes it. */
export const TransactionBody = Schema.Struct({
  id: lenient("id", Schema.String),
  state: lenient("state", Schema.String),
  payout: lenient("payout", Schema.String),
  amount: lenient("amount", Schema.Int),
  created: lenient("created", WireDate),
  paid: lenient("paid", WireDate),
  failed: lenient("failed", WireDate),
  errorState: lenient("error_state", Schema.String),
  error: lenient("error", Schema.String),
  acquirerCode: lenient("acquirer_code", Schema.String),
  acquirerMessage: lenient("acquirer_message", Schema.String),
  cardType: lenient("card_type", Schema.String),
  provider: lenient("provider", Schema.String)
})

export interface TransactionBody extends Schema.Schema.Type<typeof TransactionBody> {}

const noTransaction: TransactionBody = {}

/** A payout as the provider writes it. Handle, state and amount are what money depends on, so they must be right. */
export const PayoutBody = Schema.Struct({
  handle: Schema.String,
  state: Schema.String,
  amount: Schema.Int,
  currency: lenient("currency", Schema.String),
  text: lenient("text", Schema.String),
  customer: lenient("customer", Schema.String),
  created: lenient("created", WireDate),
  paid: lenient("paid", WireDate),
  failed: lenient("failed", WireDate),
  // A transaction that cannot be read stays in the list: dropping it would hide an attempt that may have paid.
  transactions: lenient(
    "transactions",
    Schema.Array(TransactionBody.annotations({ decodingFallback: () => Effect.succeed(noTransaction) }))
  )
})

export interface PayoutBody extends Schema.Schema.Type<typeof PayoutBody> {}

/** The provider's error body. The documentation spells the request's id in two ways. */
export const ErrorBody = Schema.Struct({
  code: Schema.Int,
  error: lenient("error", Schema.String),
  message: lenient("message", Schema.String),
  path: lenient("path", Schema.String),
  timestamp: lenient("timestamp", WireDate),
  httpStatus: lenient("http_status", Schema.Int),
  httpReason: lenient("http_reason", Schema.String),
  requestId: lenient("request_id", Schema.String),
  requestIdHyphenated: lenient("request-id", Schema.String),
  transactionError: lenient("transaction_error", Schema.String)
})

export interface ErrorBody extends Schema.Schema.Type<typeof ErrorBody> {}

/**
 * A webhook. `id` and `timestamp` are signed as they are written, so they stay the texts that they are. That it names a
 * payout is inferred: no payout event is documented.
 */
export const WebhookBody = Schema.Struct({
  id: Schema.String,
  timestamp: Schema.String,
  signature: lenient("signature", Schema.String),
  eventId: lenient("event_id", Schema.String),
  eventType: lenient("event_type", Schema.String),
  payout: lenient("payout", Schema.String),
  customer: lenient("customer", Schema.String),
  transaction: lenient("transaction", Schema.String),
  paymentMethod: lenient("payment_method", Schema.String),
  paymentMethodReference: lenient("payment_method_reference", Schema.String),
  subscription: lenient("subscription", Schema.String),
  invoice: lenient("invoice", Schema.String),
  creditNote: lenient("credit_note", Schema.String),
  credit: lenient("credit", Schema.String)
})

export interface WebhookBody extends Schema.Schema.Type<typeof WebhookBody> {}

export const encodeCreate = Schema.encodeSync(Schema.parseJson(CreateBody))
export const decodeCreate = Schema.decodeUnknownOption(CreateBody)
export const encodePayout = Schema.encodeSync(PayoutBody)
export const decodePayout = Schema.decodeUnknownOption(PayoutBody)
export const encodeError = Schema.encodeSync(ErrorBody)
export const decodeError = Schema.decodeUnknownOption(ErrorBody)
export const encodeWebhook = Schema.encodeSync(Schema.parseJson(WebhookBody))
export const decodeWebhook = Schema.decodeUnknownOption(WebhookBody)
export const decodeDate = Schema.decodeOption(WireDate)

/** The body of a request. Each field in a fixed place, so that the same request is always the same bytes. */
export const fromRequest = (request: PayoutRequest): CreateBody => ({
  handle: request.handle,
  destination: Destination.unwrap(request.destination),
  amount: request.amount,
  currency: request.currency,
  ...(request.text === undefined ? {} : { text: request.text }),
  ...(typeof request.customer === "string" ? { customerHandle: request.customer } : {}),
  ...(typeof request.customer === "object" ? { customer: request.customer } : {}),
  ...(request.textOnStatement === undefined ? {} : { textOnStatement: request.textOnStatement }),
  ...(request.acquirerReference === undefined ? {} : { acquirerReference: request.acquirerReference })
})

/**
 * A payout as this library knows it: without what it does not need (the card, above all), and with every text cleaned.
 */
export const toPayout = (body: PayoutBody, clean: Clean): Payout.Payout => ({
  handle: clean(body.handle),
  state: clean(body.state),
  amount: body.amount,
  currency: map(body.currency, clean),
  customer: map(body.customer, clean),
  created: body.created,
  paid: body.paid,
  failed: body.failed,
  transactions: (body.transactions ?? []).map((one) => toTransaction(one, clean))
})

const toTransaction = (body: TransactionBody, clean: Clean): Payout.Transaction => ({
  id: clean(body.id ?? ""),
  state: clean(body.state ?? ""),
  amount: body.amount ?? 0,
  created: body.created,
  errorState: map(body.errorState, clean),
  error: map(body.error, clean),
  acquirerCode: map(body.acquirerCode, clean),
  acquirerMessage: map(body.acquirerMessage, clean),
  cardType: map(body.cardType, clean),
  provider: map(body.provider, clean)
})

export const toApiError = (body: ErrorBody, clean: Clean): Reply.ApiError => ({
  _tag: "ApiError",
  code: body.code,
  error: map(body.error, clean),
  message: map(body.message, clean),
  transactionError: map(body.transactionError, clean)
})

const envelope = new Set(["id", "timestamp", "signature", "event_id", "event_type"])

/** Every text in a webhook that may name what it is about, whether or not the field is a known one. */
export const toReferences = (body: unknown): ReadonlyArray<string> =>
  Object.entries(typeof body === "object" && body !== null ? body : {})
    .filter(([name]) => !envelope.has(name))
    .map(([, value]): unknown => value)
    .filter((value) => typeof value === "string")

const map = (text: string | undefined, clean: Clean): string | undefined =>
  text === undefined ? undefined : clean(text)
