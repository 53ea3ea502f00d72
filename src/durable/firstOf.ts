/**
 * The end of a wait that several things can end: a hint, or the clock.
 */
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as Workflow from "@effect/workflow/Workflow"
import { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

const Known = Schema.Literal("Hint", "LateHint", "Clock")

/** What ended a wait. `LateHint`: a hint for the wait before, which came when that wait was over. */
export type Woken = typeof Known.Type

/** A later version may store other ends. For this one, the wait is over all the same. */
const Woken = Schema.transform(Schema.Unknown, Schema.typeSchema(Known), {
  strict: true,
  decode: (raw) => (Schema.is(Known)(raw) ? raw : ("Clock" as const)),
  encode: (woken) => woken
})

/** The end of a wait, under its name. */
export const endOf = (name: string) => DurableDeferred.make(name, { success: Woken })

export type Waking = Effect.Effect<Woken, never, WorkflowEngine | WorkflowInstance>

/**
 * Waits for the first of several wakings, and stores which one it was. `DurableDeferred.raceAll` also stores an
 * interruption from outside, such as a deploy or a lost lock. Then every later run is interrupted there, and the payout
 * never ends. `firstOf` stores only a success, and accepts no other stored result.
 */
export const firstOf = Effect.fnUntraced(function* (
  deferred: ReturnType<typeof endOf>,
  wakings: ReadonlyArray<Waking>
) {
  const engine = yield* WorkflowEngine
  const instance = yield* WorkflowInstance
  const stored = yield* Workflow.wrapActivityResult(engine.deferredResult(deferred), Predicate.isUndefined)
  if (stored !== undefined && Exit.isSuccess(stored)) return stored.value
  // A waking that must wait suspends its own instance. If all do, this workflow is suspended, but not by an
  // interruption from outside.
  const own = wakings.map((waking) => ({ waking, instance: { ...instance } }))
  const woken = yield* Effect.raceAll(
    own.map(({ instance, waking }) => Effect.provideService(waking, WorkflowInstance, instance))
  ).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        instance.suspended = own.every(({ instance }) => instance.suspended)
      })
    )
  )
  yield* engine.deferredDone(deferred, {
    workflowName: instance.workflow.name,
    executionId: instance.executionId,
    deferredName: deferred.name,
    exit: Exit.succeed(woken)
  })
  return woken
})
