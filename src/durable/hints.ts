/**
 * Carries a hint to a durable payout: it ends the wait that is under way, or the next one. Waits have numbers, so the
 * first one that is not over is found by a binary search.
 */
import type * as DurableDeferred from "@effect/workflow/DurableDeferred"
import type * as Workflow from "@effect/workflow/Workflow"
import { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import { ended } from "./firstOf.js"
import * as steps from "./steps.js"

/** Ends the wait of an execution. Many hints for one wait are one. */
export const hint = Effect.fnUntraced(function* <
  Payload extends Workflow.AnyStructSchema,
  Success extends Schema.Schema.Any,
  Failure extends Schema.Schema.All
>(workflow: Workflow.Workflow<string, Payload, Success, Failure>, executionId: string) {
  const engine = yield* WorkflowEngine
  const instance = WorkflowInstance.initial(workflow, executionId)
  const isDone = (deferred: DurableDeferred.DurableDeferred<Schema.Schema.Any, Schema.Schema.All>) =>
    Effect.map(
      Effect.provideService(engine.deferredResult(deferred), WorkflowInstance, instance),
      (exit) => exit !== undefined
    )
  const deferred = steps.hinted(yield* firstWhere((wait) => Effect.map(isDone(ended(wait)), (isOver) => !isOver)))
  if (!(yield* isDone(deferred))) {
    return yield* engine.deferredDone(deferred, {
      workflowName: workflow.name,
      executionId,
      deferredName: deferred.name,
      exit: Exit.void
    })
  }
  // A hint came before, and the execution has not gone on yet. It is about to, or it was not woken.
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
