/**
 * Carries a hint, or a person's wish to go on, to a durable payout: it ends the wait that is under way, or the next one.
 * Waits have numbers, so the first one that is not over is found by a binary search.
 */
import type * as DurableDeferred from "@effect/workflow/DurableDeferred"
import { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import { workflow } from "./execution.js"
import { holdEnded, hinted, pollEnded, woken } from "./waits.js"

/** Ends the wait of an execution for the payout's end. Many hints for one wait are one. */
export const hint = (executionId: string) => end(executionId, { ended: pollEnded, signal: hinted })

/** Ends the wait of an execution before its next round, or the next such wait. */
export const wake = (executionId: string) => end(executionId, { ended: holdEnded, signal: woken })

/** The waits of one kind: what stores the end of the nth one, and what ends it. */
interface Kind {
  readonly ended: (nth: number) => DurableDeferred.DurableDeferred<Schema.Schema.Any>
  readonly signal: (nth: number) => DurableDeferred.DurableDeferred<typeof Schema.Void>
}

const end = Effect.fnUntraced(function* (executionId: string, { ended, signal }: Kind) {
  const engine = yield* WorkflowEngine
  const instance = WorkflowInstance.initial(workflow, executionId)
  const isDone = (deferred: DurableDeferred.DurableDeferred<Schema.Schema.Any, Schema.Schema.All>) =>
    Effect.map(
      Effect.provideService(engine.deferredResult(deferred), WorkflowInstance, instance),
      (exit) => exit !== undefined
    )
  const deferred = signal(yield* firstWhere((nth) => Effect.map(isDone(ended(nth)), (isOver) => !isOver)))
  if (!(yield* isDone(deferred))) {
    return yield* engine.deferredDone(deferred, {
      workflowName: workflow.name,
      executionId,
      deferredName: deferred.name,
      exit: Exit.void
    })
  }
  // One came before, and the execution has not gone on yet. It is about to, or it was not woken.
  const result = yield* workflow.poll(executionId)
  if (result?._tag === "Suspended") yield* workflow.resume(executionId)
})

/** The first number with a property that all later numbers also have. The search is binary. */
const firstWhere = <R>(has: (n: number) => Effect.Effect<boolean, never, R>): Effect.Effect<number, never, R> =>
  Effect.gen(function* () {
    let hasNot = 0
    let high = 1
    while (!(yield* has(high))) {
      hasNot = high
      high *= 2
    }
    while (high - hasNot > 1) {
      const middle = Math.floor((hasNot + high) / 2)
      if (yield* has(middle)) high = middle
      else hasNot = middle
    }
    return high
  })
