/**
 * The client's half of the provider's JSON: it writes creates, and reads payouts, errors and webhooks. Tolerant where
 * nothing depends on it (unknown fields, nulls, odd optional values, three date formats) and strict where money does.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { fingerprint } from "../domain/Fingerprint.js"
import { amountMax } from "../domain/Money.js"
import type * as Payout from "../domain/Payout.js"
import * as PayoutFilter from "../domain/PayoutFilter.js"
import { destinationOf, type PayoutRequest } from "../domain/PayoutRequest.js"
import type * as Reply from "../domain/Reply.js"
import { redacted } from "./secretSearch.js"
import type { Words } from "./words.js"

/** The path of `POST /v1/payout` and `GET /v1/payout/{handle}`. */
export const payoutPath = "/v1/payout"

/** The path of `GET /v1/list/payout`. */
export const listPath = "/v1/list/payout"

/** The path of `GET /v1/account`. */
export const accountPath = "/v1/account"

/** The path of a transaction's details, behind `payoutPath`. */
export const detailsPath = (handle: string, transactionId: string): string =>
  `/${encodeURIComponent(handle)}/transaction/${encodeURIComponent(transactionId)}/details`

/** An optional field, by the provider's name. */
export const optional = <A, I>(key: string, schema: Schema.Schema<A, I>) =>
  Schema.optional(schema).pipe(Schema.fromKey(key))

/**
 * An optional value in an answer. Absent, null and malformed all mean that the provider did not say. A payout must not
 * become unreadable because of an unused date.
 */
const lenient = <A, I>(key: string, schema: Schema.Schema<A, I>) =>
  Schema.optional(Schema.UndefinedOr(schema).annotations({ decodingFallback: () => Effect.succeed(undefined) })).pipe(
    Schema.fromKey(key)
  )

/** Reads `...+00:00`, `...+0000` and `...Z`, with any number of decimals. */
export const readDate = (text: string): Option.Option<DateTime.Utc> => {
  const sign = text.at(-5)
  // JavaScript does not parse "+0000".
  const isShort = (sign === "+" || sign === "-") && text.at(-3) !== ":"
  return DateTime.make(isShort ? `${text.slice(0, -2)}:${text.slice(-2)}` : text)
}

/** A customer in the body of `POST /v1/payout`. */
export const CustomerBody = Schema.Struct({
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

/**
 * A webhook. `id` and `timestamp` are signed as written, so they stay texts. That a webhook names a payout is inferred:
 * no payout event is documented.
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

export const encodeWebhook = Schema.encodeSync(Schema.parseJson(WebhookBody))
export const decodeWebhook = Schema.decodeUnknownOption(WebhookBody)

/** A request as JSON. Each field has a fixed place, so the same request always gives the same bytes. */
export const encodeCreate = (request: PayoutRequest): string => {
  const { customer } = request
  return JSON.stringify({
    handle: request.handle,
    destination: destinationOf(request),
    amount: request.amount,
    currency: request.currency,
    text: request.text,
    customer: typeof customer === "object" ? encodeCustomer(customer) : undefined,
    customer_handle: typeof customer === "string" ? customer : undefined,
    text_on_statement: request.textOnStatement,
    acquirer_reference: request.acquirerReference
  })
}

const encodeCustomer = Schema.encodeSync(CustomerBody)

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (json: unknown): Fields => (Predicate.isReadonlyRecord(json) ? json : {})

// Absent, null and malformed all mean that the provider did not say. A payout must not become unreadable because of an
// unused date.
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const kept = <A>(value: unknown, keep: (text: string) => A): A | undefined =>
  typeof value === "string" ? keep(value) : undefined
// A number beyond the provider's int32 does not count; it may be a card number.
const integer = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= amountMax ? value : undefined
// JavaScript parses almost any number as a date: "123456" is a year.
const date = (value: unknown): DateTime.Utc | undefined =>
  typeof value === "string" && /^\d{4}-\d\d-\d\d(?:T|$)/.test(value)
    ? Option.getOrUndefined(readDate(value))
    : undefined

/** The provider's name of each field of a payout. The sandbox writes by the names that the client reads by. */
export const payoutNames = {
  handle: "handle",
  state: "state",
  amount: "amount",
  currency: "currency",
  customer: "customer",
  created: "created",
  paid: "paid",
  failed: "failed",
  transactions: "transactions"
} as const satisfies Record<keyof Payout.Payout, string>

/** The same of a transaction. `method` is what is kept of the card. */
export const transactionNames = {
  id: "id",
  state: "state",
  amount: "amount",
  created: "created",
  errorState: "error_state",
  error: "error",
  acquirerCode: "acquirer_code",
  acquirerMessage: "acquirer_message",
  cardType: "card_type",
  method: "card",
  provider: "provider"
} as const satisfies Record<keyof Payout.Transaction, string>

/** A payout with more transactions is invalid: each is kept, and a small answer would take much memory. */
export const transactionsMax = 1000

/**
 * A payout as this library keeps it: without unneeded fields (above all the card), and with each text reduced to what
 * is kept. Money depends on handle, state and amount, so they must be valid. It reads field by field, because every
 * payout reads an answer: as a lenient `Schema`, this cost a seventh of a create.
 */
export const readPayout = (json: unknown, words: Words): Payout.Payout | undefined => {
  const fields = fieldsOf(json)
  const names = payoutNames
  const handle = kept(fields[names.handle], words.handle)
  const state = kept(fields[names.state], words.code)
  const amount = integer(fields[names.amount])
  if (handle === undefined || state === undefined || amount === undefined) return undefined
  const transactions = fields[names.transactions]
  if (Array.isArray(transactions) && transactions.length > transactionsMax) return undefined
  return {
    handle,
    state,
    amount,
    currency: kept(fields[names.currency], words.currency),
    customer: kept(fields[names.customer], words.customer),
    created: date(fields[names.created]),
    paid: date(fields[names.paid]),
    failed: date(fields[names.failed]),
    transactions: Array.isArray(transactions) ? transactions.map((one: unknown) => readTransaction(one, words)) : []
  }
}

// An unreadable transaction stays in the list: dropping it would hide an attempt that may have paid.
const readTransaction = (json: unknown, words: Words): Payout.Transaction => {
  const fields = fieldsOf(json)
  const names = transactionNames
  return {
    id: kept(fields[names.id], words.id) ?? "",
    state: kept(fields[names.state], words.code) ?? "",
    amount: integer(fields[names.amount]) ?? 0,
    created: date(fields[names.created]),
    errorState: kept(fields[names.errorState], words.code),
    error: kept(fields[names.error], words.code),
    acquirerCode: kept(fields[names.acquirerCode], words.acquirerCode),
    acquirerMessage: kept(fields[names.acquirerMessage], words.text),
    cardType: kept(fields[names.cardType], words.name),
    method: methodFrom(fields[names.method]),
    provider: kept(fields[names.provider], words.name)
  }
}

// From the text as received: the text is not kept, and its fingerprint must be the same for every request.
const methodFrom = (card: unknown): string | undefined => {
  const id = text(fieldsOf(card)["id"])
  return id === undefined || id === "" ? undefined : fingerprint(id)
}

/** What this library keeps of a provider's error, and the request's id, which the caller must still check. */
export const readError = (
  json: unknown,
  words: Words
): { readonly error: Reply.ApiError; readonly requestId: string | undefined } | undefined => {
  const fields = fieldsOf(json)
  const code = integer(fields["code"])
  if (code === undefined || Math.abs(code) > errorCodeMax) return undefined
  return {
    error: {
      _tag: "ApiError",
      code,
      error: kept(fields["error"], (text) => words.errorText(code, text)),
      message: kept(fields["message"], words.text),
      transactionError: kept(fields["transaction_error"], words.code),
      path: kept(fields["path"], words.path)
    },
    // The documentation spells it in two ways.
    requestId: text(fields["request_id"]) ?? text(fields["request-id"])
  }
}

/** One page of a list, to be asked for. The window is in the account's local time. */
export interface PageRequest {
  readonly filter: PayoutFilter.PayoutFilter
  readonly from: string
  readonly to: string
  /** None for the first page. */
  readonly token: string | undefined
}

/** The query of a page. Except for the token, it is the same for all pages of a list (documented). */
export const pageQuery = ({ filter, from, to, token }: PageRequest): ReadonlyArray<readonly [string, string]> => {
  const { amount, card, currencies, customer, handlePrefix, pageSize, states } = filter
  const given = {
    from,
    to,
    size: String(pageSize),
    next_page_token: token,
    handle_prefix: handlePrefix,
    customer,
    amount: amount && `[${amount.from};${amount.to})`,
    card: card && Redacted.value(card)
  }
  return [
    ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ...states.map((state) => ["state", state] as const),
    ...currencies.map((currency) => ["currency", currency] as const)
  ]
}

/**
 * A page of a list, or what is wrong with it; undefined if it is no page. One payout that cannot be read makes the
 * whole page unreadable: to leave it out would hide money that moved.
 */
export const readPage = (json: unknown, words: Words): Reply.PageBody | Unreadable | undefined => {
  const fields = fieldsOf(json)
  const { content, count } = fields
  const token = fields["next_page_token"] ?? undefined
  if (!Array.isArray(content)) return undefined
  if (content.length > PayoutFilter.pageSizeMax) return unreadable(`a page of ${content.length} payouts`)
  if (typeof count === "number" && count !== content.length) {
    return unreadable(`a page of ${content.length} payouts that says it has ${integer(count) ?? "another number"}`)
  }
  // Without a token, the list would seem to be at its end.
  if (token !== undefined && !isPageToken(token)) return unreadable("a page whose token for the next page is no token")
  const payouts: Array<Payout.Payout> = []
  for (const entry of content) {
    const payout = readPayout(entry, words)
    if (payout === undefined || payout.handle === redacted) return unreadable(namedEntry(entry, payouts.length, words))
    payouts.push(payout)
  }
  return { _tag: "PageBody", payouts, nextPageToken: token, from: kept(fields["from"], localTime) }
}

const isPageToken = (value: unknown): value is string =>
  typeof value === "string" && /^[\x21-\x7E]{1,1024}$/.test(value)

const localTime = (text: string): string | undefined =>
  PayoutFilter.readLocalTime(text) === undefined ? undefined : text

type Unreadable = Extract<Reply.Body, { readonly _tag: "Unreadable" }>

const unreadable = (why: string): Unreadable => ({ _tag: "Unreadable", why })

// With the handle, the caller can look the payout up.
const namedEntry = (entry: unknown, index: number, words: Words): string => {
  const handle = kept(fieldsOf(entry)["handle"], words.handle)
  return `a page whose entry ${index + 1} is no payout${handle === undefined ? "" : ` (handle ${handle})`}`
}

/** A transaction's details, as they are. */
export const readDetails = (json: unknown): Reply.DetailsBody | undefined =>
  Predicate.isReadonlyRecord(json) && !Array.isArray(json)
    ? { _tag: "DetailsBody", details: Redacted.make(json) }
    : undefined

/** The part of the account that a list needs. The id of a time zone has a strict form. */
export const readAccount = (json: unknown, words: Words): Reply.AccountBody | undefined => {
  const fields = fieldsOf(json)
  const timeZone = text(fields["timezone"])
  if (timeZone === undefined || !/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(timeZone)) return undefined
  if (timeZone.length > timeZoneLengthMax) return undefined
  const state = kept(fields["state"], (word) => (accountStates.has(word) ? word : redacted))
  return { _tag: "AccountBody", timeZone, currency: kept(fields["currency"], words.currency), state }
}

const timeZoneLengthMax = 64
const accountStates = new Set(["test", "live", "closed"])

// Documented codes have three digits at most.
const errorCodeMax = 99_999

const envelope = new Set(["id", "timestamp", "signature", "event_id", "event_type"])

/** Every text in a webhook that may name its subject, also in unknown fields. */
export const toReferences = (body: unknown): ReadonlyArray<string> =>
  Object.entries(typeof body === "object" && body !== null ? body : {})
    .filter(([name]) => !envelope.has(name))
    .map(([, value]): unknown => value)
    .filter((value) => typeof value === "string")
