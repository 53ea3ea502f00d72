/**
 * Computes from the evidence about one handle how much money moved, at least and at most. It is always computed from all
 * evidence, never counted along the way, so it is the same after a restart and in another process. Users find the
 * functions of `Evidence`, `merge`, `attribution` and `clocks` here, too.
 *
 * A statement is the worst of all histories that the evidence allows, under four assumptions:
 *
 * 1. A create is carried out once, or never, and not later than the arrival horizon after it was sent (inferred).
 * 2. A create that is carried out makes one transaction, or is answered by 133 or 134 and does nothing.
 * 3. The provider allows one success for a handle (documented for charges, inferred for payouts).
 * 4. A caller of `create` knows every create under way. Any other caller uses `recover`, which assumes one more.
 *
 * Worked histories, which `test/domain/exposure/histories.test.ts` reads. One amount is 100, times are minutes, the horizon is 360.
 * `post` is a create whose answer never came, `declined`, `paid`, `error` (a processing error) and `processing` are
 * transactions that the record shows, `own` is one that a create of ours was answered with, `read` is when the record was
 * read, and `guess` is a create that another process may have sent.
 *
 * | history                                                  | min | max | why                                             |
 * | -------------------------------------------------------- | --- | --- | ----------------------------------------------- |
 * | post 0                                                   |   0 | 100 | it may have been carried out                    |
 * | post 0; declined 0; read 1                               |   0 |   0 | the transaction is its doing                    |
 * | post 5; declined 0; read 6                               |   0 | 100 | the transaction is older than the create        |
 * | post 0; post 1; declined 2; read 3                       |   0 | 100 | one transaction accounts for one create         |
 * | post 0; own 1 declined; read 1                           |   0 | 100 | what a create was answered with is its own      |
 * | post 0; read 100                                         |   0 | 100 | it may still be carried out                     |
 * | post 0; declined 0 card; read 400                        |   0 |   0 | read after the horizon: it never will be        |
 * | post 0; declined 1 card; read 2                          |   0 | 100 | the transaction went to another card            |
 * | post 5; error 0; read 6                                  |   0 | 200 | the error may have paid, and so may the create  |
 * | post 0; error 1; read 2                                  |   0 | 100 | the error is its doing, and may have paid       |
 * | error 0; paid 5; read 6                                  | 100 | 200 | paid, and the error may have paid as well       |
 * | post 0; paid 1; read 2                                   | 100 | 100 | once it is paid, nothing else can pay           |
 * | post 0; post 1; paid 2; read 3                           | 100 | 100 | the same                                        |
 * | guess 5; declined 0; read 5                              |   0 | 100 | a guess is never accounted for                  |
 * | guess 5; read 400                                        |   0 |   0 | read after the horizon                          |
 * | post 0; guess 1; declined 2; read 3                      |   0 | 100 | one of the two made the transaction             |
 * | post 0; guess 1; declined 2; declined 3; read 4          |   0 | 100 | the guess may have been too low                 |
 * | processing 0; read 1                                     |   0 | 100 | it may be paid later                            |
 * | own 0 declined                                           |   0 |   0 | declined                                        |
 */
import * as Schema from "effect/Schema"
import { arrivalHorizonDefault, countOf, type doingOf, doubtOf, isOpen, isPossible } from "./attribution.js"
import type { Create, Evidence, Transaction } from "./Evidence.js"
import { hidden } from "./schemaMessages.js"
export { idsOf, latestId } from "./Payout.js"

export {
  answered,
  arrivalHorizonDefault,
  clockErrorMax,
  doingOf,
  isClaimed,
  isContradicted,
  isDeclined,
  isDoing,
  isOpen,
  isTaken,
  payerOf,
  readLagMax
} from "./attribution.js"
export { Clocks, Moment, Offset, offsetBy } from "./clocks.js"
export {
  adopted,
  Create,
  createsMax,
  empty,
  Evidence,
  isStale,
  ofPayout,
  over,
  Record,
  Transaction,
  withCreate,
  withOffset,
  withoutCreate,
  withoutGuesses
} from "./Evidence.js"
export { merge } from "./merge.js"

/**
 * Whether money moved. `NotMoved` and `Moved` appear only if they are certain.
 *
 * @category models
 * @since 0.1.0
 */
export const Certainty = Schema.Literal("Moved", "NotMoved", "MayHaveMoved").annotations(hidden("a certainty"))

/**
 * @category models
 * @since 0.1.0
 */
export type Certainty = typeof Certainty.Type

/**
 * The least and the most that can have left the account for this handle, in minor units.
 *
 * @category models
 * @since 0.1.0
 */
export const Exposure = Schema.Struct({
  /** Has left the account for certain. Minor units. */
  min: Schema.Number,
  /** Can have left the account, or still can by a create that was already sent. Minor units. */
  max: Schema.Number
}).annotations(hidden("an exposure"))

/**
 * @category models
 * @since 0.1.0
 */
export interface Exposure extends Schema.Schema.Type<typeof Exposure> {}

/**
 * The least and the most that can have left the account, or still can by creates already sent, for all arguments.
 *
 * @category folding
 * @since 0.1.0
 */
export const exposure = (evidence: Evidence, horizon: number = arrivalHorizonDefault): Exposure =>
  exposureOf(
    evidence,
    horizon,
    () => true,
    () => true
  )

/**
 * The exposure of the creates with the given arguments (`Own`), or of the creates with any others (`Others`). Arguments
 * are compared by fingerprint.
 *
 * @category folding
 * @since 0.1.0
 */
export const exposureOfRequest = (
  evidence: Evidence,
  { method, request }: Parameters<typeof doingOf>[2],
  of: "Own" | "Others",
  horizon: number = arrivalHorizonDefault
): Exposure => {
  const isMeant = (one: string | undefined) => (one === request) === (of === "Own")
  const others = evidence.creates.filter((create) => create.request !== request)
  return exposureOf(evidence, horizon, isMeant, (one) => {
    if (one.doing !== undefined) return isMeant(one.doing.request)
    if (one.method === undefined || method === undefined) return undefined
    // The record shows the saved method. A transaction to this one is the request's own if no known create with other
    // arguments can have made it.
    if (one.method !== method) return of === "Others"
    return others.some((create) => isPossible(evidence, one, create, horizon)) ? undefined : of === "Own"
  })
}

/** `isTheirs` gives undefined if it is not known which create made the transaction. */
const exposureOf = (
  evidence: Evidence,
  horizon: number,
  isMeant: (request: string | undefined) => boolean,
  isTheirs: (one: Transaction) => boolean | undefined
): Exposure => {
  const { creates, record, transactions } = evidence
  // A create of an unknown request, as a wait for a bare handle guesses, may be of these arguments and of any others.
  const meant = creates.filter(({ request }) => request === undefined || isMeant(request))
  const others = creates.filter(({ request }) => !isMeant(request))
  // A create that was answered with 134 (already paid) did not make the payment.
  const mayBeOf = (one: Transaction, some: ReadonlyArray<Create>) =>
    some.some(
      (create) => isPossible(evidence, one, create, horizon) && !(one.state === "paid" && create.claim?.said === "Paid")
    )
  const theirs = transactions.filter((one) => isTheirs(one) ?? (isMeant(undefined) || mayBeOf(one, meant)))
  const open = sumOf(
    evidence,
    theirs.filter((one) => isOpen(one) && (record?.state !== "paid" || one.state !== "paid"))
  )
  if (record?.state !== "paid") {
    const doubt = doubtOf(evidence, horizon, meant)
    // A payout that is not final, or failed without showing a transaction, may itself have moved the money once.
    const unexplained = open === 0 && isMeant(undefined) && isUnexplained(evidence) ? (record?.amount ?? 0) : 0
    return { min: 0, max: open + Math.max(doubt, unexplained) }
  }
  const payers = transactions.filter(({ state }) => state === "paid")
  const paid = sumOf(
    evidence,
    theirs.filter(({ state }) => state === "paid")
  )
  const isPaidHere = payers.length === 0 ? isMeant(undefined) || meant.length > 0 : paid > 0
  const isPaidElsewhere = payers.some((one) => isTheirs(one) === undefined && mayBeOf(one, others))
  const certainly = payers.filter((one) => isTheirs(one) === true)
  // A paid record without transactions does not show which creates paid: each of the others may have paid as well.
  const unseen = record.transactions > 0 ? 0 : (countOf(meant) - 1) * record.amount
  return {
    min:
      isMeant(undefined) && isPaidHere && !isPaidElsewhere
        ? record.amount
        : Math.max(0, ...certainly.map(({ amount }) => amount)),
    max: (isPaidHere ? Math.max(record.amount, paid) : 0) + open + Math.max(0, unseen)
  }
}

const sumOf = ({ record }: Evidence, transactions: ReadonlyArray<Transaction>): number =>
  transactions.reduce((total, { amount }) => total + Math.max(amount, record?.amount ?? 0), 0)

const isUnexplained = ({ record, transactions }: Evidence): boolean =>
  record !== undefined && (record.state !== "failed" || transactions.length === 0)

/**
 * The certainty that follows from an exposure.
 *
 * @category folding
 * @since 0.1.0
 */
export const certainty = ({ max, min }: Exposure): Certainty =>
  min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"

/**
 * How many of the transactions that records showed are processing errors.
 *
 * @category getters
 * @since 0.1.0
 */
export const processingErrors = ({ transactions }: Evidence): number =>
  transactions.filter(({ errorState }) => errorState === "processing_error").length
