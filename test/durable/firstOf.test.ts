/** The wait for the first of several, on an engine of which the test sees what is stored. */
import { assert, describe, it } from "@effect/vitest"
import { Workflow, WorkflowEngine } from "@effect/workflow"
import { Effect, Exit, Fiber, FiberId, Layer } from "effect"
import { workflow } from "../../src/durable/execution.js"
import { endOf, firstOf } from "../../src/durable/firstOf.js"

type Waking = Parameters<typeof firstOf>[1][number]

const never: Waking = Effect.never
const suspended: Waking = Effect.flatMap(WorkflowEngine.WorkflowInstance, Workflow.suspend)

/** How a wait ends, and what it stores. `stored` is the end that the engine has already. */
const waited = (wakings: ReadonlyArray<Waking>, stored?: Exit.Exit<never>) =>
  Effect.gen(function* () {
    const instance = WorkflowEngine.WorkflowInstance.initial(workflow, "execution")
    const done: Array<unknown> = []
    const engine = Layer.mock(WorkflowEngine.WorkflowEngine, {
      deferredResult: () => Effect.succeed(stored),
      deferredDone: (_, { exit }) => Effect.sync(() => void done.push(exit))
    })
    const fiber = yield* firstOf(endOf("ended/1"), wakings).pipe(
      Effect.provideService(WorkflowEngine.WorkflowInstance, instance),
      Effect.provide(engine),
      Effect.fork
    )
    for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow()
    const exit = yield* Fiber.interrupt(fiber)
    return { end: Exit.isSuccess(exit) ? exit.value : "interrupted", isSuspended: instance.suspended, done }
  })

describe("steps: the wait for the first of several", () => {
  it.effect("stores which one it was, although another one has to wait", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* waited([suspended, Effect.succeed("Clock" as const)]), {
        end: "Clock",
        isSuspended: false,
        done: [Exit.succeed("Clock")]
      })
    })
  )

  it.effect("suspends the workflow, if all of them have to wait, and stores nothing", () =>
    Effect.gen(function* () {
      const end = { end: "interrupted", isSuspended: true, done: [] }
      assert.deepStrictEqual(yield* waited([suspended, suspended]), end)
      assert.deepStrictEqual(yield* waited([suspended, suspended, suspended]), end)
    })
  )

  it.effect("does not suspend it for an interruption from outside, whatever has suspended: nothing would wake it", () =>
    Effect.gen(function* () {
      const end = { end: "interrupted", isSuspended: false, done: [] }
      assert.deepStrictEqual(yield* waited([never, never]), end)
      assert.deepStrictEqual(yield* waited([suspended, never]), end)
      assert.deepStrictEqual(yield* waited([never, suspended]), end)
    })
  )

  it.effect("does not believe an interruption that was stored as its end", () =>
    Effect.gen(function* () {
      const { end } = yield* waited([suspended, Effect.succeed("Hint" as const)], Exit.interrupt(FiberId.none))
      assert.strictEqual(end, "Hint")
    })
  )
})
