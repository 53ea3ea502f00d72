/**
 * The error codes that this provider gives, with the HTTP status and text of each in the vendor's own list
 * (documented).
 */
import { errorText } from "../provider/documented.js"

const codes = {
  invalidRequest: [1, 400],
  internalError: [2, 500],
  notAuthenticated: [6, 401],
  notFound: [8, 404],
  customerNotFound: [9, 404],
  fromAfterTo: [23, 400],
  transactionNotFound: [70, 404],
  missingCustomer: [18, 400],
  missingAmount: [24, 400],
  invalidCardToken: [34, 400],
  paymentMethodNotFound: [40, 404],
  paymentMethodNotActive: [42, 400],
  customerDeleted: [71, 404],
  currencyChangeNotAllowed: [72, 400],
  concurrentUpdate: [74, 400],
  paymentMethodNotProvided: [76, 400],
  transactionDeclined: [77, 400],
  transactionProcessingError: [78, 500],
  amountChangeNotAllowed: [100, 400],
  cardTokenUsed: [103, 400],
  cardTokenExpired: [104, 400],
  rateLimited: [122, 429],
  concurrencyLimited: [123, 429],
  paymentMethodPending: [128, 400],
  payoutProcessing: [133, 400],
  payoutPaid: [134, 400],
  paymentMethodNotAllowed: [135, 400],
  customerChanged: [136, 400],
  payoutNotFound: [137, 404],
  nonPositiveAmount: [146, 422],
  paymentMethodFailed: [147, 400]
} as const satisfies Record<string, readonly [code: number, status: number]>

/** The name of a refusal in this code. */
export type Name = keyof typeof codes

/** An error of the provider, without the parts that only the exchange knows. */
export interface ErrorCode {
  readonly code: number
  readonly status: number
  readonly text: string
}

export const get = (name: Name): ErrorCode => {
  const [code, status] = codes[name]
  return { code, status, text: textOf(code) }
}

export const textOf = (code: number): string => errorText(code) ?? `Error ${code}`

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
