/**
 * The words and the error codes that the provider documents. They may be shown, even if the request also contains them.
 * `isDeclineError` also decides whether a refusal leaves money in doubt.
 */

const states = ["created", "processing", "failed", "paid"]

const errorStates = ["pending", "soft_declined", "hard_declined", "processing_error"]

/** The transaction errors that mean that no money moved. Source: the provider's page of transaction errors. */
const declines = [
  "insufficient_funds",
  "settle_blocked",
  "credit_card_expired",
  "declined_by_acquirer",
  "credit_card_lost_or_stolen",
  "credit_card_suspected_fraud",
  "refund_amount_too_high",
  "authorization_expired",
  "authorization_amount_exceeded",
  "authorization_voided",
  "sca_required",
  "risk_filter_block",
  "fraud_block"
]

const failures = [
  "acquirer_communication_error",
  "acquirer_error",
  "acquirer_integration_error",
  "acquirer_authentication_error",
  "acquirer_configuration_error",
  "acquirer_rejected_error"
]

const words: ReadonlySet<string> = new Set([...states, ...errorStates, ...declines, ...failures])

/** Whether the text is a documented state, error state or transaction error. */
export const isWord = (text: string): boolean => words.has(text)

const names: ReadonlySet<string> = new Set(
  [
    "unknown visa mc dankort visa_dk ffk visa_elec maestro laser amex diners discover jcb china_union_pay",
    "reepay aibms bambora barclays clearhaus cmcic credibanco cs elavon evry first_data handelsbanken hsbc nets shift4 spreedly",
    "swedbank thailand_kbank valitor worldline worldpay test"
  ]
    .join(" ")
    .split(" ")
)

/** Whether the text is a documented card type or acquirer gateway. */
export const isName = (text: string): boolean => names.has(text)

const declining: ReadonlySet<string> = new Set(declines)

/** Whether a transaction error means that the money did not move. */
export const isDeclineError = (transactionError: string): boolean => declining.has(transactionError)

/** The error names by code, for the codes that a payout can meet. Source: the provider's list of error codes. */
const errors: ReadonlyMap<number, string> = new Map([
  [1, "Invalid request"],
  [2, "Internal error"],
  [6, "Not authenticated"],
  [7, "Unauthorized"],
  [8, "Not found"],
  [9, "Customer not found"],
  [11, "Duplicate handle"],
  [15, "Account not found"],
  [18, "Missing customer"],
  [19, "Card not found"],
  [20, "Test data not allowed for live account"],
  [21, "Live data not allowed for test account"],
  [23, "From date after to date"],
  [24, "Missing amount"],
  [34, "Invalid card token"],
  [35, "Missing card"],
  [36, "Missing card token"],
  [40, "Payment method not found"],
  [41, "Payment method not inactive"],
  [42, "Payment method not active"],
  [43, "Not implemented"],
  [55, "Agreement not found"],
  [56, "Multiple agreements"],
  [57, "Duplicate email"],
  [62, "Card gateway state live/test must match account state live/test"],
  [70, "Transaction not found"],
  [71, "Customer has been deleted"],
  [72, "Currency change not allowed"],
  [74, "Concurrent resource update"],
  [76, "Payment method not provided"],
  [77, "Transaction declined"],
  [78, "Transaction processing error"],
  [100, "Amount change not allowed on invoice"],
  [103, "Card token already used"],
  [104, "Card token expired"],
  [110, "Unknown or missing source"],
  [122, "Request rate limit exceeded"],
  [123, "Concurrent request limit exceeded"],
  [124, "Payment method in use"],
  [127, "Payment method not pending"],
  [128, "Payment method pending"],
  [133, "Payout processing"],
  [134, "Payout already paid"],
  [135, "Payment method not allowed for payout"],
  [136, "Customer cannot be changed on payout"],
  [137, "Payout not found"],
  [138, "No suitable card verification agreement found"],
  [139, "Currency not supported by payment method"],
  [140, "Source type must be reusable"],
  [144, "Query took too long, adjust time range"],
  [146, "Non positive amount"],
  [147, "Payment method failed"],
  [154, "Currency mismatch"],
  [156, "Customer not allowed to perform operation"],
  [161, "Customer debtor id already exists on another customer"],
  [162, "Customer debtor id cannot be changed once set"],
  [209, "Accessed feature is not available on the current plan for your account"]
])

/** The documented name of the error with this code. */
export const errorText = (code: number): string | undefined => errors.get(code)
