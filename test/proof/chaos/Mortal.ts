/** What makes a machine mortal: it can be told to die at a named step, at once and of SIGKILL, in the midst of its work. */
import { HttpClient } from "@effect/platform"
import { Activity, WorkflowEngine } from "@effect/workflow"
import { Effect, Layer } from "effect"
import type { Step } from "./Orders.js"

export interface Mortal {
  /** Dies when the step is reached for the nth time; if it is `in flight`, some milliseconds after. */
  readonly doom: (step: Step, nth: number, after: number) => void
  readonly engine: Layer.Layer<WorkflowEngine.WorkflowEngine, never, WorkflowEngine.WorkflowEngine>
  readonly http: Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient>
}

export const make = (): Mortal => {
  let doom: { readonly step: Step; left: number; readonly after: number } | undefined

  const at = (step: Step) =>
    Effect.sync(() => {
      if (doom?.step !== step || --doom.left > 0) return
      if (step === "in flight") setTimeout(die, doom.after)
      else die()
    })

  const engine = Layer.effect(
    WorkflowEngine.WorkflowEngine,
    Effect.map(WorkflowEngine.WorkflowEngine, (engine) =>
      WorkflowEngine.WorkflowEngine.of({
        ...engine,
        activityExecute: (activity, attempt) => {
          const [kind] = activity.name.split("/")
          if (kind === "intent")
            return Effect.zipRight(at("before the intent"), engine.activityExecute(activity, attempt))
          if (kind !== "send") return engine.activityExecute(activity, attempt)
          return Effect.zipLeft(
            engine.activityExecute(savedAfter(activity, at("before the outcome is saved")), attempt),
            at("after")
          )
        }
      })
    )
  )

  const http = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      HttpClient.transform(client, (exchange, { method }) =>
        method === "POST"
          ? at("before the send").pipe(
              Effect.zipRight(at("in flight")),
              Effect.zipRight(exchange),
              Effect.zipLeft(at("after the answer"))
            )
          : exchange
      )
    )
  )

  return {
    doom: (step, nth, after) => {
      doom = { step, left: nth, after }
    },
    engine,
    http
  }
}

const die = () => process.kill(process.pid, "SIGKILL")

// The same activity, with something to do between its end and the storing of that.
const savedAfter = <A extends Activity.Any>(activity: A, before: Effect.Effect<void>): A =>
  // @effect-diagnostics-next-line anyUnknownInErrorContext:off
  Object.assign(Object.create(activity), { executeEncoded: Effect.zipLeft(activity.executeEncoded, before) })
