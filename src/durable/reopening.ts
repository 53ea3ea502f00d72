/**
 * A payout that has ended and is taken up again: the next one of its executions goes on from the end of the one before.
 * The engine stores an end for ever, so it is marked as no longer the latest. The next execution does that itself before
 * it does anything else, so no end says less than the truth.
 */
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { idOf, payloadOf, type Reopening, type Submission, workflow } from "./execution.js"
import type { Stored } from "./stored.js"

/** The end of an execution, as it is stored. */
export type StoredEnd = Stored<Outcome | PayoutError>

/** One of the executions of a payout. */
export interface Execution {
  readonly id: string
  /** 0 for the first one. */
  readonly ordinal: number
  /** `Underway`: it has no end yet, and may not have begun. */
  readonly state: State
}

export type State =
  { readonly _tag: "Underway" } | { readonly _tag: "Suspended" } | { readonly _tag: "Ended"; readonly end: StoredEnd }

/** Marks that the execution of this ordinal has begun. The mark is one of the payout's first execution. */
const begun = (ordinal: number) => DurableDeferred.make(`reopened/${ordinal}`)

/** Whether the execution of this ordinal has begun. */
export const hasBegun = Effect.fnUntraced(function* (first: string, ordinal: number) {
  const engine = yield* WorkflowEngine
  const mark = yield* engine
    .deferredResult(begun(ordinal))
    .pipe(Effect.provideService(WorkflowInstance, WorkflowInstance.initial(workflow, first)))
  return mark !== undefined
})

/** Waits until the execution of this ordinal has begun: from then on no earlier end is told. */
export const untilBegun = (first: string, ordinal: number): Effect.Effect<void, never, WorkflowEngine> =>
  Effect.repeat(hasBegun(first, ordinal), { until: (has) => has, schedule: Schedule.spaced("100 millis") })

/** The state of one execution. */
export const stateOf = Effect.fnUntraced(function* (id: string): Effect.fn.Return<State, never, WorkflowEngine> {
  const result = yield* workflow.poll(id)
  return result?._tag === "Complete"
    ? { _tag: "Ended", end: storedEnd(result.exit) }
    : result === undefined
      ? { _tag: "Underway" }
      : { _tag: "Suspended" }
})

/** An interruption, which a host's own workflow may pass on to this one, is no end of the payout. */
export const storedEnd = (exit: Exit.Exit<Stored<Outcome>, Stored<PayoutError>>): StoredEnd =>
  Exit.isSuccess(exit) ? exit.value : Option.getOrElse(Cause.failureOption(exit.cause), () => noEnd)

const noEnd: StoredEnd = { _tag: "Broken", raw: undefined }

/** The latest execution of a payout, by the id of its first one. */
export const latest = Effect.fnUntraced(function* (first: string): Effect.fn.Return<Execution, never, WorkflowEngine> {
  for (let ordinal = 0; ; ordinal++) {
    const id = yield* idOf(first, ordinal)
    const state = yield* stateOf(id)
    if (state._tag !== "Ended" || !(yield* hasBegun(first, ordinal + 1))) return { id, ordinal, state }
  }
})

/** Begins the execution after one that has ended. Two at once begin one. */
export const reopen = Effect.fnUntraced(function* (
  request: PayoutRequest,
  { first, mode, most, ordinal }: { readonly first: string } & Omit<Reopening, "of">
) {
  const submission: Submission = {
    request,
    reopening: { of: first, ordinal, mode, ...(most === undefined ? {} : { most }) }
  }
  return yield* workflow.execute(payloadOf(submission), { discard: true })
})

/** Marks an execution as begun, and gives the end from which it goes on. */
export const begin = Effect.fnUntraced(function* ({ of, ordinal }: Reopening) {
  const engine = yield* WorkflowEngine
  if (!(yield* hasBegun(of, ordinal))) {
    const mark = begun(ordinal)
    yield* engine.deferredDone(mark, {
      workflowName: workflow.name,
      executionId: of,
      deferredName: mark.name,
      exit: Exit.void
    })
    // The process that has the first execution stores it. Until then nothing is sent.
    yield* untilBegun(of, ordinal)
  }
  const before = yield* stateOf(yield* idOf(of, ordinal - 1))
  // It has ended, or nobody would have taken it up.
  return before._tag === "Ended" ? before.end : noEnd
})
