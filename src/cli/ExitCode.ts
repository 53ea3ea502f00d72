/**
 * The command line's exit codes: what a script may do next depends on nothing else. They are a promise, so a number is
 * never given another meaning.
 */
import type * as Runtime from "@effect/platform/Runtime"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Exit from "effect/Exit"
import type { Outcome } from "../domain/Outcome.js"
import * as Payout from "../domain/Payout.js"
import type { LookupError, PayoutError } from "../domain/PayoutError.js"

/** `notFound` and `notAsked` are for `get` alone. */
export const exitCode = {
  paid: 0,
  broken: 1,
  badInput: 2,
  processing: 3,
  notMoved: 4,
  mayHaveMoved: 5,
  notFound: 6,
  notAsked: 7,
  interrupted: 130
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

type Meaning = readonly [code: ExitCode, meaning: string]

/** What each means, for `--help`. */
export const meanings: readonly [Meaning, ...ReadonlyArray<Meaning>] = [
  [exitCode.paid, "paid: the money moved"],
  [exitCode.broken, "this program broke down: look the payout up before anything else"],
  [exitCode.badInput, "bad input or configuration: nothing was sent"],
  [exitCode.processing, "processing: accepted, and settled later; ask again with get"],
  [exitCode.notMoved, "not paid, and no money has moved"],
  [exitCode.mayHaveMoved, "money may have moved: resume it, and never pay again under another handle"],
  [exitCode.notFound, "get: the provider knows no payout under this handle"],
  [exitCode.notAsked, "get: the provider could not be asked, which says nothing about the money"],
  [exitCode.interrupted, "interrupted before anything was sent"]
]

/** How a command ends that does not end with 0. Whatever there is to say has been said. */
export class Exited extends Data.TaggedError("Exited")<{ readonly code: Exclude<ExitCode, 0> }> {}

export const ofOutcome = ({ _tag }: Outcome): ExitCode => (_tag === "Paid" ? exitCode.paid : exitCode.processing)

export const ofError = ({ _tag, certainty }: PayoutError): ExitCode => {
  if (_tag === "InvalidRequest") return exitCode.badInput
  return certainty === "NotMoved" ? exitCode.notMoved : exitCode.mayHaveMoved
}

/** Of a payout that was asked for: a failure whose last word is no documented decline may have moved money. */
export const ofPayout = (payout: Payout.Payout): ExitCode => {
  if (payout.state === "paid") return exitCode.paid
  if (payout.state === "processing") return exitCode.processing
  return Payout.recorded(payout).open > 0 ? exitCode.mayHaveMoved : exitCode.notMoved
}

export const ofLookupError = ({ _tag }: LookupError): ExitCode =>
  _tag === "PayoutNotFound" ? exitCode.notFound : exitCode.notAsked

/** Ends the process with the code that the program ended with; anything unforeseen is `broken`. */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  onExit(Exit.isSuccess(exit) ? exitCode.paid : ofCause(exit.cause))
}

/** An interruption is said last, but what the command made of it stands in the cause too. */
export const ofCause = (cause: Cause.Cause<unknown>): ExitCode => {
  for (const failure of Cause.failures(cause)) if (failure instanceof Exited) return failure.code
  return Cause.isInterruptedOnly(cause) ? exitCode.interrupted : exitCode.broken
}
