/**
 * Keeps the parts of one engine apart from those of another engine in the same program.
 */
import { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * The same layer, built with parts of its own. The parts are constants, which a program of two engines would build once
 * for both. And where an engine is built in the context of another one, payouts of this one would store their steps in
 * that one, and never end. The layer itself is still built once where it is used twice.
 */
export const apart = <A, E>(layer: Layer.Layer<A, E>): Layer.Layer<A, E> =>
  Layer.scopedContext(
    Effect.mapInputContext(Layer.build(layer), (outer: Context.Context<Scope.Scope>) =>
      Context.omit(WorkflowEngine)(outer)
    )
  )
