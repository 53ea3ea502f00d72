/**
 * The provider's half of its JSON: it reads creates, and writes payouts and errors. What both halves
 * say is in `provider/wire.ts`; the other snake_case names of these bodies appear only here.
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type * as Payout from "../domain/Payout.js"
import { CustomerBody, optional, payoutNames, transactionNames } from "../provider/wire.js"

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

/** A saved card in the provider's format, without the many fields that this library does not need. */
export interface CardBody {
  readonly id: string
  readonly state: string
  readonly customer: string
  readonly cardType: string
  /** `MM-YY`. */
  readonly expDate: string
  readonly maskedCard: string
}

/** A payout's transaction in the provider's format: what the client keeps of one, and what it does not read. */
export interface TransactionBody extends Omit<Payout.Transaction, "method"> {
  readonly payout: string
  readonly paid?: DateTime.Utc | undefined
  readonly failed?: DateTime.Utc | undefined
  readonly card?: CardBody | undefined
}

/** A payout in the provider's format. */
export interface PayoutBody extends Omit<Payout.Payout, "transactions"> {
  readonly text?: string | undefined
  readonly transactions: ReadonlyArray<TransactionBody>
}

/** The provider's error body. */
export interface ErrorBody {
  readonly code: number
  readonly error?: string | undefined
  readonly message?: string | undefined
  readonly path?: string | undefined
  readonly timestamp?: DateTime.Utc | undefined
  readonly httpStatus?: number | undefined
  readonly httpReason?: string | undefined
  /** The documentation spells it in two ways. */
  readonly requestId?: string | undefined
  readonly requestIdHyphenated?: string | undefined
  readonly transactionError?: string | undefined
}

export const decodeCreate = Schema.decodeUnknownOption(CreateBody)

/** In the provider's format. */
const writeDate = (date: DateTime.Utc): string => DateTime.formatIso(date).replace("Z", "+00:00")

/** A payout in the provider's format, for `JSON.stringify`. */
export const writePayout = (payout: PayoutBody): unknown => ({
  [payoutNames.handle]: payout.handle,
  [payoutNames.state]: payout.state,
  [payoutNames.amount]: payout.amount,
  [payoutNames.currency]: payout.currency,
  text: payout.text,
  [payoutNames.customer]: payout.customer,
  [payoutNames.created]: payout.created && writeDate(payout.created),
  [payoutNames.paid]: payout.paid && writeDate(payout.paid),
  [payoutNames.failed]: payout.failed && writeDate(payout.failed),
  [payoutNames.transactions]: payout.transactions.map(writeTransaction)
})

const writeTransaction = (transaction: TransactionBody): unknown => ({
  [transactionNames.id]: transaction.id,
  [transactionNames.state]: transaction.state,
  payout: transaction.payout,
  [transactionNames.amount]: transaction.amount,
  [transactionNames.created]: transaction.created && writeDate(transaction.created),
  paid: transaction.paid && writeDate(transaction.paid),
  failed: transaction.failed && writeDate(transaction.failed),
  [transactionNames.errorState]: transaction.errorState,
  [transactionNames.error]: transaction.error,
  [transactionNames.acquirerCode]: transaction.acquirerCode,
  [transactionNames.acquirerMessage]: transaction.acquirerMessage,
  [transactionNames.cardType]: transaction.cardType,
  [transactionNames.method]: transaction.card && writeCard(transaction.card),
  [transactionNames.provider]: transaction.provider
})

const writeCard = (card: CardBody): unknown => ({
  id: card.id,
  state: card.state,
  customer: card.customer,
  card_type: card.cardType,
  exp_date: card.expDate,
  masked_card: card.maskedCard
})

/** A page of a list in the provider's format. */
export interface PageBody {
  readonly size: number
  /** Local times. */
  readonly from: string
  readonly to: string
  readonly payouts: ReadonlyArray<PayoutBody>
  readonly nextPageToken: string | undefined
}

/** A page in the provider's format, for `JSON.stringify`. */
export const writePage = ({ from, nextPageToken, payouts, size, to }: PageBody): unknown => ({
  size,
  count: payouts.length,
  from,
  to,
  range: "created",
  content: payouts.map(writePayout),
  next_page_token: nextPageToken
})

/** The query of a list, as texts by the provider's names. A name may come several times. */
export const readListQuery = (query: string) => {
  const params = new URLSearchParams(query)
  const one = (name: string) => params.get(name) ?? undefined
  return {
    from: one("from"),
    to: one("to"),
    size: one("size"),
    token: one("next_page_token"),
    handle: one("handle"),
    handlePrefix: one("handle_prefix"),
    handleContains: one("handle_contains"),
    customer: one("customer"),
    amount: one("amount"),
    card: one("card"),
    states: params.getAll("state"),
    currencies: params.getAll("currency")
  }
}

/** The account in the provider's format, for `JSON.stringify`. */
export const writeAccount = ({
  accountState,
  currency,
  timezone
}: {
  readonly accountState: string
  readonly currency: string
  readonly timezone: string
}): unknown => ({
  handle: "sandbox",
  name: "Sandbox",
  currency,
  locale: "da_DK",
  timezone,
  country: "DK",
  state: accountState
})

/** A transaction's details, whose form is not documented, for `JSON.stringify`. */
export const writeDetails = (transaction: TransactionBody): unknown => ({
  transaction_id: transaction.id,
  provider: transaction.provider,
  response_code: transaction.state === "paid" ? "00" : "96",
  masked_card: transaction.card?.maskedCard,
  card: transaction.card?.id
})

/** An error in the provider's format, for `JSON.stringify`. */
export const writeError = (error: ErrorBody): unknown => ({
  code: error.code,
  error: error.error,
  message: error.message,
  path: error.path,
  timestamp: error.timestamp && writeDate(error.timestamp),
  http_status: error.httpStatus,
  http_reason: error.httpReason,
  request_id: error.requestId,
  "request-id": error.requestIdHyphenated,
  transaction_error: error.transactionError
})
