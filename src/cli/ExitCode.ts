/**
 * The command line's exit codes, which alone decide what a script may do next. They are a promise: a number never gets
 * another meaning. A code about money is only for a real call that certainly had that result.
 */
import type * as Runtime from "@effect/platform/Runtime"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Exit from "effect/Exit"
import type { Summary } from "../batch/Batch.js"
import type { Outcome } from "../domain/Outcome.js"
import type { LookupError, PayoutError } from "../domain/PayoutError.js"
import type { Mode } from "./Connection.js"
import type { Finding } from "./Doctor.js"

/**
 * The ends of a real call. `notFound`, `notAsked` and `shown` are for `get`, `list` and `durable` only: a record is not a
 * payout's end. `agree` and `differ` are the ends of a reconciliation, `healthy` and `ailing` those of `doctor`, `stopped` that of `sandbox`. `outputClosed` is what a shell calls the death by a broken pipe.
 */
export const exitCode = {
  paid: 0,
  stopped: 0,
  broken: 1,
  badInput: 2,
  processing: 3,
  notMoved: 4,
  mayHaveMoved: 5,
  notFound: 6,
  notAsked: 7,
  shown: 8,
  agree: 0,
  differ: 9,
  healthy: 0,
  ailing: 20,
  interrupted: 130,
  outputClosed: 141
} as const

/** The ends of a call in the sandbox. They are no codes of a real call, because a simulated payment is no payment. */
export const simulatedCode = {
  paid: 10,
  processing: 13,
  notMoved: 14,
  mayHaveMoved: 15,
  notFound: 16,
  notAsked: 17,
  shown: 18,
  agree: 10,
  differ: 19,
  healthy: 10,
  ailing: 30
} as const

/** How a call ends that had an answer, or was cut short. */
export type End = keyof typeof simulatedCode

export type ExitCode = (typeof exitCode)[keyof typeof exitCode] | (typeof simulatedCode)[End]

/** The meaning of each code, for `--help`. */
export const meanings: ReadonlyArray<readonly [code: string, meaning: string]> = [
  ["0", "paid: the money moved; reconcile: the books agree; doctor: nothing is wrong; probe: it saw all it could"],
  ["", "demo: every check holds; policy: shown"],
  ["", "sandbox: it was stopped by a signal"],
  ["1", "this program failed: recover the payout before anything else"],
  ["2", "bad input or configuration: nothing was sent"],
  ["3", "processing: accepted, and paid or failed later; await it"],
  ["4", "not paid: this request has moved no money"],
  ["", "HandleConflict: another payout has the handle, and may be paid: release nothing, and ask a person"],
  ["5", "money may have moved: recover it, and never pay again under another handle"],
  ["", "or it is paid, and more may have moved: book the payment, and ask the acquirer about the rest"],
  ["6", "get: the provider has no payout under this handle; a create may still be under way"],
  ["", "durable: no durable payout in this database has this handle"],
  [
    "7",
    "get, await, list, reconcile, durable, doctor: not asked, or not all of it, which says nothing about the money"
  ],
  [
    "8",
    "get, list, durable: all of it was shown, woken or taken up, which says nothing about a create that is under way"
  ],
  ["9", "reconcile: the books do not agree, or not all of it could be asked"],
  ["a batch", "5 if any row may have moved money, else 3 if any is processing, else 4 if any is not paid or not begun"],
  ["10, 13 to 19, 30", "as 0, 3 to 9 and 20, but simulated in the sandbox: no money moves"],
  ["20", "doctor: something is wrong with the account"],
  ["130", "interrupted before anything was sent"],
  ["141", "list, reconcile, durable list: standard output was closed before the end"]
]

/**
 * The end of a command with another code than 0, or with 0 after an interruption, which would have a code of its own. The
 * command has already printed everything.
 */
export class Exited extends Data.TaggedError("Exited")<{ readonly code: ExitCode }> {}

export const of = (mode: Mode, end: End): ExitCode => (mode === "Live" ? exitCode[end] : simulatedCode[end])

/** A payment beside which more may have moved is not `paid`: a script would book it and forget the rest. */
export const ofOutcome = (outcome: Outcome): End => {
  if (outcome._tag === "Processing") return "processing"
  return outcome.exposure.max > outcome.exposure.min ? "mayHaveMoved" : "paid"
}

export const ofError = ({ certainty }: Exclude<PayoutError, { readonly _tag: "InvalidRequest" }>): End =>
  certainty === "NotMoved" ? "notMoved" : "mayHaveMoved"

/** The worst of a batch's rows. A row that was left out, or not begun, has moved no money. */
export const ofBatch = (
  { ended, inDoubt, missing, paid, processing, rows, stopped }: Summary,
  leftOut: number
): End => {
  const countOf = (sums: Summary["paid"]) => Object.values(sums).reduce((total, { rows }) => total + rows, 0)
  // Without its record, a run cannot say what another one does with the rows that it did not begin.
  if (countOf(inDoubt) + missing.length > 0 || stopped?._tag === "StoreFailed") return "mayHaveMoved"
  if (countOf(processing) > 0) return "processing"
  return leftOut > 0 || ended < rows || countOf(paid) < rows ? "notMoved" : "paid"
}

export const ofLookupError = ({ _tag }: LookupError): End => (_tag === "PayoutNotFound" ? "notFound" : "notAsked")

export const ofFindings = (findings: ReadonlyArray<Finding>): End =>
  findings.some(({ is }) => is === "Wrong")
    ? "ailing"
    : findings.some(({ is }) => is === "NotAsked")
      ? "notAsked"
      : "healthy"

/** Ends the process with the program's code. Anything unforeseen is `broken`. */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  onExit(Exit.isSuccess(exit) ? exitCode.paid : ofCause(exit.cause))
}

/** A cause has the interruption last, but also the command's own result. */
export const ofCause = (cause: Cause.Cause<unknown>): ExitCode => {
  for (const failure of Cause.failures(cause)) if (failure instanceof Exited) return failure.code
  return Cause.isInterruptedOnly(cause) ? exitCode.interrupted : exitCode.broken
}
