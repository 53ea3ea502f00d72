/**
 * What a transport has to carry out: an answer, or the manner of its absence. Here what the provider has to say becomes
 * bytes, and what a script does to the answer is done to it.
 */
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type PayoutBody, type TransactionBody, writeError, writePayout } from "../internal/wire.js"
import * as ErrorCode from "./ErrorCode.js"
import type * as Ledger from "./Ledger.js"
import { refused, type Reply, shown } from "./Provider.js"
import type { Rules } from "./Rules.js"
import type { Alteration, Answer, ApiErrorOptions, RawOptions } from "./Script.js"

/**
 * A whole answer.
 *
 * @category models
 */
export interface Message {
  readonly status: number
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * - `Answered`: the message, whole.
 * - `Truncated`: the message up to the half of its body, then the end of the connection.
 * - `Stalled`: the same, then nothing, on an open connection.
 * - `Dripping`: the message, its body a byte at a time.
 * - `Dropped`: no message, and the end of the connection, by a reset or not.
 * - `Refused`: no connection at all.
 *
 * @category models
 */
export type Delivery = Data.TaggedEnum<{
  Answered: { readonly message: Message }
  Truncated: { readonly message: Message; readonly chunked: boolean }
  Stalled: { readonly message: Message }
  Dripping: { readonly message: Message; readonly every: Duration.Duration }
  Dropped: { readonly reset: boolean }
  Refused: {}
}>

/** @category models */
export const Delivery = Data.taggedEnum<Delivery>()

/** What is known about an exchange when it is answered. */
export interface Context {
  readonly requestId: string
  readonly path: string
  /** Epoch milliseconds. */
  readonly now: number
  readonly rules: Rules
  readonly find: (handle: string) => Ledger.Recorded | undefined
}

/** A hanging exchange delivers nothing, so it never comes here. */
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
      return Delivery.Truncated({ message: toMessage(reply, context), chunked: answer.chunked })
    case "Stalled":
      return Delivery.Stalled({ message: toMessage(reply, context) })
    case "Dripping":
      return Delivery.Dripping({ message: toMessage(reply, context), every: answer.every })
    default:
      return Delivery.Answered({ message: said(answer, reply, context) })
  }
}

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

/** A body, a byte at a time. */
export const drip = (body: Uint8Array, every: Duration.Duration): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(body).pipe(
    Stream.tap(() => Effect.sleep(every)),
    Stream.map((byte) => Uint8Array.of(byte))
  )

/** The first half of a body, which is never all of it. */
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
  return json(200, writePayout(toBody(reply.payout, context.rules)), context)
}

const errorMessage = (
  { code, error = ErrorCode.textOf(code), retryAfter, status }: ApiErrorOptions,
  context: Context,
  message?: string
): Message => {
  const body = writeError({
    code,
    error,
    message,
    path: context.path,
    timestamp: DateTime.unsafeMake(context.now),
    httpStatus: status,
    httpReason: ErrorCode.reasonOf(status),
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

const toBody = (payout: Ledger.Recorded, rules: Rules): PayoutBody => {
  const transactions = payout.transactions.map((one) => transaction(payout, one, rules.transactionDates))
  return {
    ...payout,
    transactions: rules.transactionsOrder === "OldestFirst" ? transactions : transactions.reverse()
  }
}

const transaction = (
  payout: Ledger.Recorded,
  { settled, ...one }: Ledger.Transaction,
  dates: Rules["transactionDates"]
): TransactionBody => ({
  ...one,
  payout: payout.handle,
  created: dates === "Distinct" ? one.created : dates === "Equal" ? payout.created : undefined,
  ...(one.state === "paid" ? { paid: settled } : one.state === "failed" ? { failed: settled } : {})
})

const alter = (reply: Reply, { errorState, transactions: kept, ...fields }: Alteration): Reply => {
  if (reply._tag === "Refused") return reply
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
  if (reply._tag === "Refused") return reply
  const { paid: _, ...payout } = reply.payout
  const transactions = payout.transactions.slice(0, -1)
  return transactions.length === 0 ? refused("payoutNotFound") : shown({ ...payout, state: "failed", transactions })
}

const cross = (reply: Reply, handle: string, { find }: Context): Reply =>
  reply._tag === "Refused" ? reply : shown(find(handle) ?? { ...reply.payout, handle })

const raw = ({ body = "", headers = {}, status }: RawOptions): Message => {
  const bytes = encoder.encode(body)
  return { status, headers: { "content-length": String(bytes.length), ...headers }, body: bytes }
}

const encoder = new TextEncoder()
const blank = 0x20
