/**
 * The provider's rules: the handle is the idempotency key, one payout is paid once as far as the provider knows, and HTTP
 * 200 says nothing about the money. Answers as the documentation prints them.
 */
import type { Input } from "./Client.js"
import { faultOf } from "./faults.js"
import * as Ledger from "./ledger.js"

export type Reply = { readonly status: number; readonly body: string } | "reset"

export interface Provider {
  readonly post: (input: Input) => Reply
  readonly get: (handle: string) => Reply
  readonly entries: () => ReadonlyArray<Ledger.Entry>
}

const payout = (record: Ledger.Payout): Reply => {
  const { created } = record
  const { amount, currency, handle } = record.input
  const paid = Ledger.isPaid(record)
  const transactions = record.transactions.map(({ created, id, state }) => ({
    id,
    state,
    payout: handle,
    amount,
    created,
    card_type: "visa_dk",
    ...(state === "failed" ? { error_state: "processing_error", error: "acquirer_communication_error" } : {})
  }))
  const body = { handle, state: paid ? "paid" : "failed", amount, currency, customer: "customer-006", created }
  return { status: 200, body: JSON.stringify({ ...body, [paid ? "paid" : "failed"]: created, transactions }) }
}

export const error = (status: number, code: number, text: string, path = "/v1/payout"): Reply => ({
  status,
  body: JSON.stringify({
    code,
    error: text,
    path,
    timestamp: Ledger.now(),
    http_status: status,
    http_reason: text,
    request_id: Ledger.nextId()
  })
})

/** The answer to the first POST of a payout that is hit. */
const spoiled = (record: Ledger.Payout, fault: ReturnType<typeof faultOf>): Reply => {
  switch (fault) {
    case "paid, and the connection reset":
      Ledger.settlePaid(record)
      return "reset"
    case "reset before anything happened":
      return "reset"
    case "paid, and a 503":
      Ledger.settlePaid(record)
      return error(503, 2, "Service unavailable")
    case "500 before anything happened":
      return error(500, 2, "Internal error")
    case "429":
      return error(429, 122, "Request rate limit exceeded")
    case "processing error":
      Ledger.settleProcessingError(record, false)
      return payout(record)
    case "processing error that hid a payment":
      Ledger.settleProcessingError(record, true)
      return payout(record)
    case "processing error that hid a payment, and the connection reset":
      Ledger.settleProcessingError(record, true)
      return "reset"
    case undefined:
      Ledger.settlePaid(record)
      return payout(record)
  }
}

export const make = (faulty: boolean): Provider => {
  const ledger = Ledger.make()
  return {
    post: (input) => {
      const known = ledger.get(input.handle)
      if (known === undefined) return spoiled(ledger.open(input), faulty ? faultOf(input.handle) : undefined)
      if (Ledger.isPaid(known)) {
        known.toldAlreadyPaid = true
        return error(400, 134, "Payout already paid")
      }
      Ledger.settlePaid(known)
      return payout(known)
    },
    get: (handle) => {
      const known = ledger.get(handle)
      return known === undefined || known.transactions.length === 0
        ? error(404, 137, "Payout not found", `/v1/payout/${handle}`)
        : payout(known)
    },
    entries: ledger.entries
  }
}
