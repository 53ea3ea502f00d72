/** Clients that are wrong on purpose, in ways that durable code is: what cannot tell them from the library proves nothing. */
import { Activity, Workflow } from "@effect/workflow"
import { Clock, Effect, Schema } from "effect"
import { Outcome, PayoutError, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { destination } from "../../support.js"

/** One activity that pays out: whatever of it is not stored is done again. */
const Wrong = Workflow.make({
  name: "WrongPayout",
  payload: { request: PayoutRequest.PayoutRequest },
  success: Outcome.Outcome,
  error: PayoutError.PayoutError,
  idempotencyKey: PayoutWorkflow.idempotencyKey
}).annotate(Workflow.CaptureDefects, false)

/** Takes a new handle for each run of its activity: `order.1`, and so on. */
export const newHandle = Wrong.toLayer(({ request }) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Activity.make({
      name: "send/1",
      success: Outcome.Outcome,
      error: PayoutError.PayoutError,
      execute: Effect.gen(function* () {
        const run = yield* Clock.currentTimeNanos
        const { amount, currency, handle } = request
        const other = { handle: `${handle}.${run}`, destination, amount, currency }
        return yield* payouts.create(yield* PayoutRequest.fromUnknown(other))
      })
    })
  )
)

/** Takes a payout that was cut short for one that failed, and says so. */
export const assumesFailure = Wrong.toLayer(({ request }) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const here = yield* boot
    const begun = yield* Activity.make({ name: "intent/1", success: Schema.String, execute: Effect.succeed(here) })
    return yield* Activity.make({
      name: "send/1",
      success: Outcome.Outcome,
      error: PayoutError.PayoutError,
      execute: begun === here ? payouts.create(request) : Effect.fail(refused(request))
    })
  })
)

const boot = Effect.runSync(Effect.cached(Effect.map(Clock.currentTimeNanos, String)))

const refused = ({ handle }: PayoutRequest.PayoutRequest) =>
  new PayoutError.InvalidRequest({ handle, field: "request", reason: "the process ended, so it failed" })

export const submit = (request: PayoutRequest.PayoutRequest) => Wrong.execute({ request }, { discard: true })

export const poll = (request: PayoutRequest.PayoutRequest) => Effect.flatMap(Wrong.executionId({ request }), Wrong.poll)
