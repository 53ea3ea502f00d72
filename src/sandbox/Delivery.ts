/**
 * What a transport must carry out: an answer, or a way to give none. This module turns the provider's reply into bytes,
 * and applies the script's changes to the answer.
 */
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import {
  type CardBody,
  type PayoutBody,
  type TransactionBody,
  writeAccount,
  writeDetails,
  writeError,
  writePage,
  writePayout
} from "./wire.js"
import * as ErrorCode from "./ErrorCode.js"
import type * as Ledger from "./Ledger.js"
import { refused, type Reply, shown } from "./Provider.js"
import type { Rules } from "./Rules.js"
import type { Alteration, Answer, ApiErrorOptions, RawOptions } from "./Script.js"

/**
 * A whole answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly status: number
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * How an answer reaches the client.
 *
 * - `Answered`: the whole message.
 * - `Truncated`: the message up to half of its body, then the end of the connection.
 * - `Stalled`: the same, then nothing, on an open connection.
 * - `Dripping`: the message, its body one byte at a time.
 * - `Dropped`: no message, and the end of the connection, with or without a reset.
 * - `Refused`: no connection at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery = Data.TaggedEnum<{
  Answered: { readonly message: Message }
  Truncated: { readonly message: Message; readonly chunked: boolean }
  Stalled: { readonly message: Message }
  Dripping: { readonly message: Message; readonly every: Duration.Duration }
  Dropped: { readonly reset: boolean }
  Refused: {}
}>

/**
 * @category models
 * @since 0.1.0
 */
export const Delivery = Data.taggedEnum<Delivery>()

/** What is known about an exchange when it is answered. */
export interface Context {
  readonly requestId: string
  readonly path: string
  /** When the provider made the answer: epoch milliseconds, by the provider's clock. */
  readonly made: number
  /** How many milliseconds the provider's clock is ahead of the clock of the ledger's dates. */
  readonly ahead: number
  readonly rules: Rules
  /** The script's headers for the answer, by names in lower case; `null` removes one. */
  readonly headers: Readonly<Record<string, string | null>>
  readonly find: (handle: string) => Ledger.Recorded | undefined
}

/** Makes the delivery of an answer. A hanging exchange delivers nothing, so it is excluded. */
export const make = (
  answer: Exclude<Answer, { readonly _tag: "Hanging" }>,
  reply: Reply,
  context: Context
): Delivery => {
  switch (answer._tag) {
    case "Refused":
      return Delivery.Refused()
    case "Dropped":
      return Delivery.Dropped({ reset: answer.reset })
    case "Truncated":
      return Delivery.Truncated({ message: sent(toMessage(reply, context), context), chunked: answer.chunked })
    case "Stalled":
      return Delivery.Stalled({ message: sent(toMessage(reply, context), context) })
    case "Dripping":
      return Delivery.Dripping({ message: sent(toMessage(reply, context), context), every: answer.every })
    default:
      return Delivery.Answered({ message: sent(said(answer, reply, context), context) })
  }
}

// A script's own date in the message stays, and a script's headers override all others.
const sent = (message: Message, { headers, made, rules }: Context): Message => {
  const date = rules.date === "Sent" ? { date: httpDate(made) } : {}
  const all = Object.entries<string | null>({ ...date, ...message.headers, ...headers })
  return { ...message, headers: Record.fromEntries(all.filter(hasValue)) }
}

const hasValue = (header: readonly [string, string | null]): header is [string, string] => header[1] !== null

// `Wed, 01 Oct 2025 09:30:05 GMT`: truncated to seconds.
const httpDate = (millis: number): string => DateTime.toDateUtc(DateTime.unsafeMake(millis)).toUTCString()

type Spoken = Exclude<
  Answer,
  { readonly _tag: "Refused" | "Dropped" | "Hanging" | "Truncated" | "Stalled" | "Dripping" }
>

const said = (answer: Spoken, reply: Reply, context: Context): Message => {
  switch (answer._tag) {
    case "Altered":
      return toMessage(alter(reply, answer.alteration), context)
    case "Stale":
      return toMessage(before(reply), context)
    case "Crossed":
      return toMessage(cross(reply, answer.handle, context), context)
    case "ApiError":
      return errorMessage(answer, context)
    case "Raw":
      return raw(answer)
    default:
      return disguised(answer, toMessage(reply, context))
  }
}

type Disguise = Exclude<Spoken, { readonly _tag: "Altered" | "Stale" | "Crossed" | "ApiError" | "Raw" }>

const disguised = (answer: Disguise, message: Message): Message => {
  switch (answer._tag) {
    case "Faithful":
      return message
    case "Halved":
      return withBody(message, half(message.body))
    case "Replaced":
      return withBody(message, encoder.encode(answer.body), answer.contentType)
    case "Restatused":
      return { ...message, status: answer.status }
    case "Padded":
      return withBody(message, pad(message.body, answer.bytes))
  }
}

/** A body, one byte at a time. */
export const drip = (body: Uint8Array, every: Duration.Duration): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(body).pipe(
    Stream.tap(() => Effect.sleep(every)),
    Stream.map((byte) => Uint8Array.of(byte))
  )

/** The first half of a body, which is never the whole body. */
export const half = (body: Uint8Array): Uint8Array => body.subarray(0, Math.floor(body.length / 2))

const toMessage = (reply: Reply, context: Context): Message => {
  if (reply._tag === "Refused") {
    const { code, status, text } = ErrorCode.get(reply.name)
    const retryAfter = status === 429 ? context.rules.retryAfter : undefined
    return errorMessage(
      { status, code, error: text, ...(retryAfter === undefined ? {} : { retryAfter }) },
      context,
      reply.message
    )
  }
  return json(200, contentOf(reply, context), context)
}

const contentOf = (reply: Exclude<Reply, { readonly _tag: "Refused" }>, context: Context): unknown => {
  switch (reply._tag) {
    case "Shown":
      return writePayout(toBody(reply.payout, context))
    case "Listed":
      return writePage({ ...reply.page, payouts: reply.page.payouts.map((payout) => toBody(payout, context)) })
    case "Detailed":
      return writeDetails(transaction(reply.payout, reply.transaction, context))
    case "Account":
      return writeAccount(context.rules)
    case "Document":
      return reply.json
  }
}

const errorMessage = (
  { code, error = ErrorCode.textOf(code), retryAfter, status, transactionError }: ApiErrorOptions,
  context: Context,
  message?: string
): Message => {
  const body = writeError({
    code,
    error,
    message,
    path: context.path,
    timestamp: DateTime.unsafeMake(context.made),
    httpStatus: status,
    httpReason: ErrorCode.reasonOf(status),
    transactionError,
    ...(context.rules.requestIdField === "Underscored"
      ? { requestId: context.requestId }
      : { requestIdHyphenated: context.requestId })
  })
  return json(status, body, context, retryAfter === undefined ? {} : { "retry-after": retryAfter })
}

const json = (
  status: number,
  value: unknown,
  { requestId }: Context,
  headers: Readonly<Record<string, string>> = {}
): Message => {
  const body = encoder.encode(JSON.stringify(value))
  return {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": String(body.length),
      "request-id": requestId,
      ...headers
    },
    body
  }
}

const withBody = (message: Message, body: Uint8Array, contentType = "application/json"): Message => ({
  status: message.status,
  headers: { ...message.headers, "content-type": contentType, "content-length": String(body.length) },
  body
})

const pad = (body: Uint8Array, bytes: number): Uint8Array => {
  const padded = new Uint8Array(Math.max(bytes, body.length)).fill(blank)
  padded.set(body)
  return padded
}

const toBody = (payout: Ledger.Recorded, context: Context): PayoutBody => {
  const { rules } = context
  const transactions = payout.transactions.map((one) => transaction(payout, one, context))
  return {
    ...payout,
    created: written(payout.created, context),
    paid: written(payout.paid, context),
    failed: written(payout.failed, context),
    transactions: rules.transactionsOrder === "OldestFirst" ? transactions : transactions.reverse()
  }
}

const transaction = (
  payout: Ledger.Recorded,
  { card, settled, ...one }: Ledger.Transaction,
  context: Context
): TransactionBody => {
  const { transactionDates } = context.rules
  const created = transactionDates === "Equal" ? payout.created : one.created
  const ended = written(settled, context)
  return {
    ...one,
    payout: payout.handle,
    card: context.rules.card === "Shown" ? cardBody(card, payout.customer) : undefined,
    created: transactionDates === "Missing" ? undefined : written(created, context),
    ...(one.state === "paid" ? { paid: ended } : one.state === "failed" ? { failed: ended } : {})
  }
}

const cardBody = (card: Redacted.Redacted<string>, customer: string): CardBody => ({
  id: Redacted.value(card),
  state: "active",
  customer,
  cardType: "visa",
  expDate: "12-49",
  maskedCard: "411111XXXXXX1111"
})

// A date of the ledger, by the provider's clock.
const written = (date: DateTime.Utc | undefined, { ahead }: Context): DateTime.Utc | undefined =>
  date === undefined || ahead === 0 ? date : DateTime.add(date, { millis: ahead })

const alter = (reply: Reply, { errorState, transactions: kept, ...fields }: Alteration): Reply => {
  if (reply._tag !== "Shown") return reply
  const { transactions } = reply.payout
  const last = transactions.length - 1
  const altered =
    errorState === undefined
      ? transactions
      : transactions.map((one, index) => (index === last ? { ...one, errorState: errorState ?? undefined } : one))
  return shown({ ...reply.payout, ...fields, transactions: kept === "None" ? [] : altered })
}

// Only a failed payout is attempted again, so a payout with an earlier transaction had failed.
const before = (reply: Reply): Reply => {
  if (reply._tag !== "Shown") return reply
  const { paid: _, ...payout } = reply.payout
  const transactions = payout.transactions.slice(0, -1)
  return transactions.length === 0 ? refused("payoutNotFound") : shown({ ...payout, state: "failed", transactions })
}

const cross = (reply: Reply, handle: string, { find }: Context): Reply =>
  reply._tag !== "Shown" ? reply : shown(find(handle) ?? { ...reply.payout, handle })

const raw = ({ body = "", headers = {}, status }: RawOptions): Message => {
  const bytes = encoder.encode(body)
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    status,
    headers: { "content-length": String(bytes.length), ...Object.fromEntries(named) },
    body: bytes
  }
}

const encoder = new TextEncoder()
const blank = 0x20
