/**
 * The table of verdicts: what each answer of the provider means. A new code of the provider is one row here, and one
 * line in `Verdict.ts`. All else is derived.
 */
import type { Attempt, Bearing } from "../domain/Attempt.js"
import type { Category } from "../policy/RetryPolicy.js"

/**
 * What one verdict means: one row of the table.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  /** What it says about the money in the answer to a create that was sent. */
  readonly create: Bearing
  /** What it says about the money in the answer to a lookup. */
  readonly lookup: Bearing
  /** The next step after a create. */
  readonly afterCreate: "Succeed" | "Confirm" | "SendAgain" | "GiveUp"
  /** The next step after a lookup. `AskAgain`: it said nothing, and repeats within the category's budget, if any. */
  readonly afterLookup: "Succeed" | "Absent" | "Failure" | "Unsettled" | "AskAgain" | "GiveUp"
  /** The budget for sending or looking up again; undefined if neither happens. */
  readonly category: Category | undefined
  /** The error of a call that ends with this verdict; undefined for a success. */
  readonly error: ErrorTag | undefined
  /** The meaning, in words for people. */
  readonly words: string
}

/**
 * The `_tag` of each error that a call can end with after it sent or looked up.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorTag =
  | "CommunicationError"
  | "ServerError"
  | "UnexpectedResponse"
  | "PaymentMethodNotFound"
  | "PaymentMethodNotAllowed"
  | "CustomerMismatch"
  | "RequestRejected"
  | "RateLimited"
  | "HardDeclined"
  | "SoftDeclined"
  | "ProcessingError"
  | "HandleConflict"

const shown = { create: "Recorded", lookup: "Recorded" } as const
const unclear = { create: "Unclear", lookup: "None", afterCreate: "SendAgain", afterLookup: "AskAgain" } as const
const claimed = {
  create: "Claimed",
  lookup: "None",
  afterCreate: "Confirm",
  afterLookup: "AskAgain",
  category: "communication",
  error: "UnexpectedResponse"
} as const
const refused = {
  create: "None",
  lookup: "None",
  afterCreate: "GiveUp",
  afterLookup: "AskAgain",
  category: undefined
} as const

/**
 * What each verdict means. A new code of the provider is one row here, and one line where it is read.
 *
 * @category table
 * @since 0.1.0
 */
export const rows = {
  // A record of this payout in a known state.
  Paid: {
    ...shown,
    afterCreate: "Succeed",
    afterLookup: "Succeed",
    category: undefined,
    error: undefined,
    words: "the money moved"
  },
  Processing: {
    ...shown,
    afterCreate: "Succeed",
    afterLookup: "Succeed",
    category: undefined,
    error: undefined,
    words: "accepted, and not over"
  },
  HardDeclined: {
    ...shown,
    afterCreate: "GiveUp",
    afterLookup: "Failure",
    category: undefined,
    error: "HardDeclined",
    words: "declined for good"
  },
  SoftDeclined: {
    ...shown,
    afterCreate: "SendAgain",
    afterLookup: "Failure",
    category: "softDeclined",
    error: "SoftDeclined",
    words: "declined for now"
  },
  ProcessingError: {
    ...shown,
    afterCreate: "SendAgain",
    afterLookup: "Failure",
    category: "processingError",
    error: "ProcessingError",
    words: "it may have been approved without the provider knowing"
  },
  /** A record in an unknown state, or failed for an unknown reason. It is looked up again, and never sent again. */
  Unsettled: {
    ...shown,
    afterCreate: "Confirm",
    afterLookup: "Unsettled",
    category: "communication",
    error: "UnexpectedResponse",
    words: "a state that is not known"
  },
  /** A record of a payout with other arguments. */
  HandleConflict: {
    ...refused,
    lookup: "Foreign",
    afterLookup: "GiveUp",
    error: "HandleConflict",
    words: "the handle's payout has other arguments"
  },
  // The provider names the handle's payout without showing it. The next step looks it up and compares it.
  AlreadyPaid: { ...claimed, words: "the provider says that the handle is paid (134) but has not shown the payout" },
  AlreadyProcessing: {
    ...claimed,
    words: "the provider says that the handle is being paid (133) but has not shown the payout"
  },
  /** Code 11. It is not documented that a payout's handle can get this answer. If it does, it is no refusal. */
  AlreadyExists: {
    ...claimed,
    words: "the provider says that the handle is in use (11) but has not shown the payout"
  },
  /** A 400 may be a 133 or a 134. So a 400 without a readable code does not count as a refusal. */
  UnreadableRefusal: {
    ...claimed,
    afterCreate: "SendAgain",
    words: "HTTP 400 whose code cannot be read"
  },
  /** The provider knows no such payout. Only a lookup has this verdict. */
  NotFound: {
    ...refused,
    afterLookup: "Absent",
    error: "UnexpectedResponse",
    words: "the provider knows no payout under this handle"
  },
  // No certain answer came back.
  CommunicationError: { ...unclear, category: "communication", error: "CommunicationError", words: "no clear answer" },
  /** A retry does not help. */
  CertificateRefused: {
    ...unclear,
    afterCreate: "GiveUp",
    category: undefined,
    error: "CommunicationError",
    words: "the server's certificate was not accepted"
  },
  ServerError: { ...unclear, category: "communication", error: "ServerError", words: "the provider failed" },
  UnexpectedResponse: {
    ...unclear,
    category: "communication",
    error: "UnexpectedResponse",
    words: "an answer that cannot be relied on"
  },
  // Refused before anything was done. It is sent again after a wait.
  RateLimited: {
    ...refused,
    afterCreate: "SendAgain",
    category: "rateLimited",
    error: "RateLimited",
    words: "limited before anything was done"
  },
  ConcurrentUpdate: {
    ...refused,
    afterCreate: "SendAgain",
    category: "concurrentUpdate",
    error: "RequestRejected",
    words: "something else was changing the payout"
  },
  // Refused before anything was done. It would be refused again.
  PaymentMethodNotFound: { ...refused, error: "PaymentMethodNotFound", words: "refused, and would be again" },
  PaymentMethodNotAllowed: { ...refused, error: "PaymentMethodNotAllowed", words: "refused, and would be again" },
  CustomerMismatch: { ...refused, error: "CustomerMismatch", words: "refused, and would be again" },
  RequestRejected: { ...refused, error: "RequestRejected", words: "refused, and would be again" },
  /** A 4xx with a transaction error other than a decline: a transaction exists, and may have paid. */
  RejectedInDoubt: {
    ...refused,
    create: "Unclear",
    error: "RequestRejected",
    words: "refused, for a transaction that may have paid all the same"
  },
  /** A refused lookup. A lookup is never refused because of the payout's state, so this is about the lookup itself. */
  LookupRefused: {
    ...refused,
    category: "communication",
    error: "RequestRejected",
    words: "the lookup was refused"
  }
} as const satisfies Readonly<Record<string, Row>>

/**
 * The name of a verdict, as `Attempt.outcome` shows it.
 *
 * @category models
 * @since 0.1.0
 */
export type Tag = keyof typeof rows

/**
 * The row of an attempt's verdict. Undefined if the call ended before there was a verdict.
 *
 * @category getters
 * @since 0.1.0
 */
export const rowOf = ({ outcome }: Pick<Attempt, "outcome">): Row | undefined =>
  isTag(outcome) ? rows[outcome] : undefined

const isTag = (outcome: string): outcome is Tag => Object.hasOwn(rows, outcome)
