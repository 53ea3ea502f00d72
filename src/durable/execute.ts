/**
 * Waits for the end of a payout, across its executions: what ended and was taken up again ends as the latest one does.
 */
import * as Activity from "@effect/workflow/Activity"
import { type WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { log } from "../host/hostCode.js"
import { idOf, payloadOf, workflow } from "./execution.js"
import * as reopening from "./reopening.js"

/** Begins the payout if it has not begun, and waits for its end. */
export const execute = Effect.fnUntraced(function* (
  request: PayoutRequest
): Effect.fn.Return<Outcome, PayoutError, WorkflowEngine> {
  const payload = payloadOf({ request })
  const first = yield* workflow.executionId(payload)
  const end = yield* Effect.merge(workflow.execute(payload))
  const parent = yield* Effect.serviceOption(WorkflowInstance)
  const latest = Option.match(parent, {
    onNone: () => follow(request, first, { ordinal: 0, end }),
    onSome: (instance) => Effect.provideService(followIn(request, first, end), WorkflowInstance, instance)
  })
  const { value } = yield* latest
  return value._tag === "Paid" || value._tag === "Processing" ? value : yield* value
})

/** The end of one execution of a payout. */
interface Ended {
  readonly ordinal: number
  readonly end: reopening.StoredEnd
}

interface Readable {
  readonly ordinal: number
  readonly value: Outcome | PayoutError
}

/** The latest end. */
const follow = Effect.fnUntraced(function* (
  request: PayoutRequest,
  first: string,
  ended: Ended
): Effect.fn.Return<Readable, never, WorkflowEngine> {
  for (let { end, ordinal } = ended; ;) {
    if (yield* reopening.hasBegun(first, ordinal + 1)) {
      ordinal += 1
    } else if (end._tag === "Readable") {
      return { ordinal, value: end.value }
    } else if (end._tag === "Newer") {
      yield* log(Effect.logError(`Payout ${request.handle} has ended, and a later version of the library stored how`))
      return yield* Effect.never
    } else {
      ordinal += 1
      yield* reopening.reopen(request, { first, ordinal, mode: "Assess" })
    }
    end = yield* endOf(first, ordinal)
  }
})

/** The end of an execution that somebody else began, too: the engine tells a workflow only of its own children. */
const endOf = (first: string, ordinal: number): Effect.Effect<reopening.StoredEnd, never, WorkflowEngine> =>
  Effect.flatMap(idOf(first, ordinal), reopening.stateOf).pipe(
    Effect.filterOrFail((state) => state._tag === "Ended"),
    Effect.retry(asking),
    Effect.orDie,
    Effect.map(({ end }) => end)
  )

const asking = Schedule.exponential("200 millis", 1.5).pipe(Schedule.union(Schedule.spaced("30 seconds")))

/**
 * The latest end, inside a workflow of the host's. That runs again from its beginning, and must hear the same each time,
 * whatever came after. So it stores which execution it was told of.
 */
const followIn = Effect.fnUntraced(function* (request: PayoutRequest, first: string, end: reopening.StoredEnd) {
  const told = yield* Activity.make({
    name: `payout/${first}`,
    success: Schema.Number,
    execute: Effect.map(follow(request, first, { ordinal: 0, end }), ({ ordinal }) => ordinal)
  })
  const heard = told === 0 ? end : yield* endOf(first, told)
  // It could be read when it was told.
  return heard._tag === "Readable" ? heard : yield* Effect.never
})
