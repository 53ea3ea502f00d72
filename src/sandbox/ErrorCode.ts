/**
 * The provider's error codes that this provider gives, with the HTTP status and the text that the vendor's own list has
 * for them (documented).
 */

const codes = {
  invalidRequest: [1, 400, "Invalid request"],
  internalError: [2, 500, "Internal error"],
  notAuthenticated: [6, 401, "Not authenticated"],
  notFound: [8, 404, "Not found"],
  customerNotFound: [9, 404, "Customer not found"],
  missingCustomer: [18, 400, "Missing customer"],
  missingAmount: [24, 400, "Missing amount"],
  invalidCardToken: [34, 400, "Invalid card token"],
  paymentMethodNotFound: [40, 404, "Payment method not found"],
  paymentMethodNotActive: [42, 400, "Payment method not active"],
  customerDeleted: [71, 404, "Customer has been deleted"],
  currencyChangeNotAllowed: [72, 400, "Currency change not allowed"],
  concurrentUpdate: [74, 400, "Concurrent resource update"],
  paymentMethodNotProvided: [76, 400, "Payment method not provided"],
  transactionDeclined: [77, 400, "Transaction declined"],
  transactionProcessingError: [78, 500, "Transaction processing error"],
  amountChangeNotAllowed: [100, 400, "Amount change not allowed on invoice"],
  cardTokenUsed: [103, 400, "Card token already used"],
  cardTokenExpired: [104, 400, "Card token expired"],
  rateLimited: [122, 429, "Request rate limit exceeded"],
  concurrencyLimited: [123, 429, "Concurrent request limit exceeded"],
  paymentMethodPending: [128, 400, "Payment method pending"],
  payoutProcessing: [133, 400, "Payout processing"],
  payoutPaid: [134, 400, "Payout already paid"],
  paymentMethodNotAllowed: [135, 400, "Payment method not allowed for payout"],
  customerChanged: [136, 400, "Customer cannot be changed on payout"],
  payoutNotFound: [137, 404, "Payout not found"],
  nonPositiveAmount: [146, 422, "Non positive amount"],
  paymentMethodFailed: [147, 400, "Payment method failed"]
} as const satisfies Record<string, readonly [code: number, status: number, text: string]>

/** What a refusal is called in this code. */
export type Name = keyof typeof codes

/** An error of the provider, without what only the exchange knows. */
export interface ErrorCode {
  readonly code: number
  readonly status: number
  readonly text: string
}

export const get = (name: Name): ErrorCode => {
  const [code, status, text] = codes[name]
  return { code, status, text }
}

const texts = new Map<number, string>(Object.values(codes).map(([code, , text]) => [code, text]))

export const textOf = (code: number): string => texts.get(code) ?? `Error ${code}`

const reasons = new Map([
  [200, "OK"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [422, "Unprocessable Entity"],
  [429, "Too Many Requests"],
  [500, "Internal Server Error"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"]
])

export const reasonOf = (status: number): string => reasons.get(status) ?? `Status ${status}`
