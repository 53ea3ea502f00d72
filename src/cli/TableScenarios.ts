/**
 * The table of the design (section 2), row by row, each as a behaviour that the simulated provider can show.
 */
import * as Acquirer from "../sandbox/Acquirer.js"
import * as Script from "../sandbox/Script.js"
import type { Scenario } from "./Scenario.js"

/** For one create. Without `onCreate`, a lookup in between would use the step up without effect. */
const processingError = (options?: { readonly moved: boolean }) => Script.processingError(options).pipe(Script.onCreate)

/** For as many exchanges as a payout can have. */
const always = Script.times(1_000)

const accepted: ReadonlyArray<Scenario> = [
  {
    name: "paid",
    title: "Paid",
    provider: "pays and says so",
    expected: "Paid"
  },
  {
    name: "processing",
    title: "Processing",
    provider: "accepts, and settles later",
    steps: [Script.processing()],
    expected: "Processing"
  },
  {
    name: "settled-by-poll",
    title: "Processing, then paid",
    provider: "accepts, and pays half a second later",
    steps: [Script.processing({ after: "500 millis" })],
    awaits: "by poll",
    expected: "Paid"
  },
  {
    name: "settled-by-webhook",
    title: "Processing, then paid, and a webhook says that something happened",
    provider: "accepts, pays two seconds later, and sends a webhook (inferred: none is documented for payouts)",
    steps: [Script.processing({ after: "2 seconds" })],
    awaits: "by webhook",
    expected: "Paid"
  },
  {
    name: "settled-failed",
    title: "Processing, then failed, hard_declined",
    provider: "accepts, and declines for good half a second later",
    steps: [Script.processing({ after: "500 millis", as: Acquirer.hardDeclined() })],
    awaits: "by poll",
    expected: "HardDeclined"
  }
]

const noAnswer: ReadonlyArray<Scenario> = [
  {
    name: "lost-answer",
    title: "No answer, and the money has moved",
    provider: "pays, then closes the connection without an answer",
    steps: [Script.dropAfterCommit],
    expected: "Paid"
  },
  {
    name: "lost-request",
    title: "No answer, and nothing has moved",
    provider: "closes the connection and does nothing",
    steps: [Script.dropBeforeCommit],
    expected: "Paid"
  },
  {
    name: "deadline",
    title: "No answer before the deadline, and the money has moved",
    provider: "pays, and never answers",
    steps: [Script.hangAfterCommit.pipe(Script.onCreate)],
    by: "impatient",
    expected: "Paid"
  },
  {
    name: "cut-off",
    title: "Half an answer",
    provider: "pays, and the connection ends in the middle of the answer",
    steps: [Script.truncated],
    expected: "Paid"
  },
  {
    name: "outage",
    title: "No answer, ever",
    provider: "pays the first time, and closes every connection without an answer",
    steps: [Script.dropAfterCommit, always(Script.dropBeforeCommit)],
    expected: "CommunicationError"
  },
  {
    name: "refused",
    title: "Connection refused",
    provider: "is not there: nobody listens on the port, so nothing ever leaves this machine",
    by: "unreachable",
    expected: "CommunicationError"
  },
  {
    name: "timeout-401",
    title: "No answer, then 401",
    provider: "pays and never answers; then refuses the key (401) to whatever is sent",
    steps: [Script.hangAfterCommit.pipe(Script.onCreate), always(Script.apiError({ status: 401, code: 6 }))],
    by: "impatient",
    expected: "CommunicationError"
  }
]

const page = "<html><body>Bad gateway</body></html>"

const otherStatus: ReadonlyArray<Scenario> = [
  {
    name: "5xx",
    title: "5xx, twice",
    provider: "answers 502 with an HTML page, twice, and does nothing",
    steps: [Script.reply({ status: 502, body: page }).pipe(Script.onCreate, Script.times(2))],
    expected: "Paid"
  },
  {
    name: "5xx-lasting",
    title: "5xx that lasts",
    provider: "answers every create with 500 and code 2, and does nothing",
    steps: [Script.apiError({ status: 500, code: 2 }).pipe(Script.onCreate, always)],
    expected: "ServerError"
  },
  {
    name: "redirect",
    title: "Any other non-200: a redirect",
    provider: "answers every create with a 302 to elsewhere, which is not followed",
    steps: [Script.redirect(302, "http://127.0.0.1:9/elsewhere").pipe(Script.onCreate, always)],
    expected: "UnexpectedResponse"
  }
]

const odd200: ReadonlyArray<Scenario> = [
  {
    name: "unreadable",
    title: "200 that cannot be read",
    provider: "pays, and an HTML page arrives instead of the answer",
    steps: [Script.htmlPage],
    expected: "Paid"
  },
  {
    name: "another-handle",
    title: "200 about another handle",
    provider: "pays, and answers with somebody else's payout",
    steps: [Script.wrongHandle],
    expected: "Paid"
  },
  {
    name: "unknown-state",
    title: "200 with a state that nobody knows",
    provider: "pays, and calls it unheard_of the first time",
    steps: [Script.unknownState()],
    expected: "Paid"
  }
]

const earlierProcess: ReadonlyArray<Scenario> = [
  {
    name: "already-paid",
    title: "400 with code 134: paid before",
    provider: "was paid by an earlier process, and says so",
    earlier: {},
    expected: "Paid"
  },
  {
    name: "already-processing",
    title: "400 with code 133: being paid",
    provider: "is still processing what an earlier process sent, and says so",
    earlier: { steps: [Script.processing()] },
    expected: "Processing"
  },
  {
    name: "recovered",
    title: "An earlier process died before it had the answer",
    provider: "paid it; recover asks first, and sends nothing",
    earlier: { steps: [Script.dropAfterCommit] },
    call: "recover",
    expected: "Paid"
  }
]

const refused: ReadonlyArray<Scenario> = [
  {
    name: "method-not-found",
    title: "404 with code 40",
    provider: "does not know the payment method",
    steps: [Script.apiError({ status: 404, code: 40 })],
    expected: "PaymentMethodNotFound"
  },
  {
    name: "method-not-allowed",
    title: "400 with code 135",
    provider: "does not allow payouts to the payment method",
    steps: [Script.apiError({ status: 400, code: 135 })],
    expected: "PaymentMethodNotAllowed"
  },
  {
    name: "customer-mismatch",
    title: "400 with code 136",
    provider: "has a failed payout of another customer under the handle",
    earlier: { steps: [Script.softDeclined()], request: { customer: "anna" } },
    request: { customer: "bert" },
    expected: "CustomerMismatch"
  },
  {
    name: "rejected",
    title: "Any other 4xx",
    provider: "refuses the key (401), and nothing was sent before",
    steps: [Script.apiError({ status: 401, code: 6 })],
    expected: "RequestRejected"
  },
  {
    name: "retry-after",
    title: "429 with Retry-After",
    provider: "limits the rate, asks for a second (a real one), and then pays",
    steps: [Script.apiError({ status: 429, code: 122, retryAfter: "1" })],
    expected: "Paid"
  },
  {
    name: "rate-limited",
    title: "429 that lasts",
    provider: "limits the rate whatever is sent",
    steps: [always(Script.apiError({ status: 429, code: 122 }))],
    expected: "RateLimited"
  }
]

const failed: ReadonlyArray<Scenario> = [
  {
    name: "hard-declined",
    title: "Failed, hard_declined",
    provider: "is told by the issuer that the card has expired (amount 3001)",
    request: { amount: 3_001 },
    expected: "HardDeclined"
  },
  {
    name: "soft-declined",
    title: "Failed, soft_declined",
    provider: "is told by the issuer that funds are lacking (amount 2001)",
    request: { amount: 2_001 },
    expected: "SoftDeclined"
  },
  {
    name: "processing-error",
    title: "Failed, processing_error, then paid",
    provider: "loses the acquirer once (nothing moved, which it cannot know), then pays",
    steps: [processingError()],
    expected: "Paid"
  },
  {
    name: "hidden-success",
    title: "Failed, processing_error, then paid, and the error had hidden a success",
    provider: "loses the acquirer's approval (the money moved, which it cannot know), then pays again",
    steps: [processingError({ moved: true })],
    expected: "Paid"
  },
  {
    name: "processing-error-lasting",
    title: "Failed, processing_error, as often as the policy allows",
    provider: "loses the acquirer every time; the second time the money had moved",
    steps: [processingError(), processingError({ moved: true }), always(processingError())],
    expected: "ProcessingError"
  },
  {
    name: "unknown-error-state",
    title: "Failed, for a reason that nobody knows",
    provider: "fails it with an error_state that is not documented",
    steps: [Script.unknownErrorState()],
    expected: "UnexpectedResponse"
  }
]

const ours: ReadonlyArray<Scenario> = [
  {
    name: "handle-conflict",
    title: "The handle is taken",
    provider: "was paid another amount under the handle by an earlier process",
    earlier: { request: { amount: 700 } },
    expected: "HandleConflict"
  },
  {
    name: "invalid",
    title: "Our own validation refuses the request",
    provider: "is never asked: the amount is 0",
    request: { amount: 0 },
    expected: "InvalidRequest"
  }
]

export const tableScenarios: ReadonlyArray<Scenario> = [
  ...accepted,
  ...noAnswer,
  ...otherStatus,
  ...odd200,
  ...earlierProcess,
  ...refused,
  ...failed,
  ...ours
]
