/**
 * A durable payout on Effect's workflow engine, which outlives the process that began it. Each step (send, wait, poll)
 * is stored before the next one, and a workflow that runs again makes a lookup before it sends.
 */
import * as Workflow from "@effect/workflow/Workflow"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Outcome } from "../domain/Outcome.js"
import { InvalidRequest, PayoutError } from "../domain/PayoutError.js"
import { destinationOf, isPayoutRequest, PayoutRequest } from "../domain/PayoutRequest.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as hints from "./hints.js"
import * as steps from "./steps.js"

const notDurable = "a saved payment method, and an existing customer by its handle, if any"

/**
 * The stored request. It has no card token, which is a secret, and no details of a new customer, which are personal
 * data. So a durable payout goes to a saved method, whose customer is already known. Stored in the clear: the handle,
 * the reference of the saved method (`ca_...`, of no use without the account's key), amount, currency, the customer's
 * handle and the texts.
 *
 * @category models
 * @since 0.1.0
 */
export const DurableRequest = PayoutRequest.pipe(
  Schema.filter(({ customer, destination }) => destination._tag === "SavedMethod" && typeof customer !== "object", {
    message: () => `A durable payout goes to ${notDurable}`
  })
)

/**
 * The identity of a request: its handle and all other arguments, for workflows of your own around a payout. Do not
 * store or show it; an engine keeps only its SHA-256 digest.
 *
 * @category workflows
 * @since 0.1.0
 */
export const idempotencyKey = ({ request }: { readonly request: PayoutRequest }): string =>
  JSON.stringify([
    request.handle,
    destinationOf(request),
    request.amount,
    request.currency,
    request.customer,
    request.text,
    request.textOnStatement,
    request.acquirerReference
  ])

/**
 * The workflow of one payout. Its execution id is a SHA-256 digest of the handle *and* all other arguments, so the same
 * request is the same execution. Another amount or card under the same handle is another execution. It fails with
 * `HandleConflict` unless the handle's payout has failed, and never returns the first one's result.
 *
 * An error's `evidence` is all that is known of the payout, from all processes. Pass it to `Payouts.recover` after the
 * arrival horizon, to settle a doubt.
 *
 * A defect is never stored as the end: the engine runs the workflow again, and that makes a lookup before it sends.
 *
 * @category workflows
 * @since 0.1.0
 */
export const PayoutWorkflow = Workflow.make({
  name: "BillwerkPayout",
  payload: { request: DurableRequest },
  success: Outcome,
  error: PayoutError,
  idempotencyKey
}).annotate(Workflow.CaptureDefects, false)

/**
 * The default retry policy of a durable payout: `RetryPolicy.standard`, and then longer waits. It tries an unreachable
 * provider again after 1, 5, 15 and 30 minutes, and after 1, 2 and 4 hours; after a rate limit, after 1, 5 and 15
 * minutes.
 *
 * @category policies
 * @since 0.1.0
 */
export const policyDefault: RetryPolicy.RetryPolicy = RetryPolicy.make({
  communication: RetryPolicy.standard.communication.pipe(
    Schedule.andThen(
      Schedule.fromDelays("1 minute", "5 minutes", "15 minutes", "30 minutes", "1 hour", "2 hours", "4 hours")
    )
  ),
  rateLimited: RetryPolicy.standard.rateLimited.pipe(
    Schedule.andThen(Schedule.fromDelays("1 minute", "5 minutes", "15 minutes"))
  )
})

/**
 * The default schedule of lookups for a processing payout: after 10, 20, 40 seconds and so on, at least once an hour,
 * for a week. (The provider documents no time; its read limit is 25 a second.)
 *
 * @category policies
 * @since 0.1.0
 */
export const pollScheduleDefault: Schedule.Schedule<unknown> = Schedule.exponential("10 seconds").pipe(
  Schedule.union(Schedule.spaced("1 hour")),
  Schedule.upTo("7 days")
)

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * When to send again. Default: `policyDefault`. The budgets hold for the whole life of the payout, and the provider's
   * record counts the processing errors. `elapsedMax` limits the time of one round. It does not limit the waits between
   * rounds: the schedules do.
   */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
  /**
   * The gaps between the polls of a processing payout: at least a second after the first one. When the schedule ends, the workflow
   * succeeds with `Processing`.
   * Default: `pollScheduleDefault`.
   */
  readonly pollSchedule?: Schedule.Schedule<unknown> | undefined
  /** The longest wait that is made in memory. Such a wait begins anew after a crash. Default: 10 seconds. */
  readonly inMemoryThreshold?: Duration.DurationInput | undefined
}

/**
 * Registers the workflow with the engine. Every process that runs durable payouts needs it; a process that only submits
 * them does not.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { WorkflowEngine } from "@effect/workflow"
 * import { Layer, Redacted } from "effect"
 * import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
 * import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
 *
 * const live = PayoutWorkflow.layer.pipe(
 *   Layer.provide(Payouts.layer),
 *   Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make("priv_...") })),
 *   Layer.provide(FetchHttpClient.layer),
 *   Layer.provideMerge(WorkflowEngine.layerMemory) // or a durable one
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<never, never, Payouts.Payouts | WorkflowEngine> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const runner = {
        payouts,
        policy: options.policy ?? policyDefault,
        pollSchedule: options.pollSchedule ?? pollScheduleDefault,
        inMemoryThreshold: Duration.decode(options.inMemoryThreshold ?? "10 seconds")
      }
      return PayoutWorkflow.toLayer(steps.begin(runner))
    })
  )

/**
 * `layerWith`, with `policyDefault` and `pollScheduleDefault`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Payouts.Payouts | WorkflowEngine> = layerWith({})

/**
 * Pays out durably and waits for the end: `Paid`, `Processing` if the payout did not become final in time, or the
 * error. Inside another workflow it runs as a child, and no process has to wait for it. A card token or a new customer
 * gives an `InvalidRequest` before anything is stored.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PayoutRequest } from "effect-billwerk-payouts"
 * import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
 *
 * const program = Effect.gen(function* () {
 *   const request = yield* PayoutRequest.make({ handle: "p-1", destination: "ca_1", amount: 12_500, currency: "DKK" })
 *   return yield* PayoutWorkflow.execute(request)
 * })
 * ```
 *
 * @category executing
 * @since 0.1.0
 */
export const execute = (request: PayoutRequest): Effect.Effect<Outcome, PayoutError, WorkflowEngine> =>
  Effect.flatMap(durable(request), (payload) => PayoutWorkflow.execute(payload))

/**
 * Stores the payout and returns its execution id. The engine then runs it. Submitting the same request again changes
 * nothing.
 *
 * @category executing
 * @since 0.1.0
 */
export const submit = (request: PayoutRequest): Effect.Effect<string, InvalidRequest, WorkflowEngine> =>
  Effect.flatMap(durable(request), (payload) => PayoutWorkflow.execute(payload, { discard: true }))

/**
 * The execution id of a request. Keep it with the payout, for `poll` and `hint`.
 *
 * @category executing
 * @since 0.1.0
 */
export const executionId = (request: PayoutRequest): Effect.Effect<string, InvalidRequest> =>
  Effect.flatMap(durable(request), (payload) => PayoutWorkflow.executionId(payload))

/**
 * The state of an execution: `undefined` before it has one, `Suspended` (it waits), or `Complete`.
 *
 * @category watching
 * @since 0.1.0
 */
export const poll = (
  executionId: string
): Effect.Effect<Workflow.Result<Outcome, PayoutError> | undefined, never, WorkflowEngine> =>
  PayoutWorkflow.poll(executionId)

/**
 * Wakes a suspended execution. It still waits for what it waited for.
 *
 * @category watching
 * @since 0.1.0
 */
export const resume = (executionId: string): Effect.Effect<void, never, WorkflowEngine> =>
  PayoutWorkflow.resume(executionId)

/**
 * Tells an execution that something may have happened to the payout, for example that a webhook came. If it waits for
 * the end, it looks the payout up now. A hint does nothing else, so a forged one only causes a lookup. All hints that
 * come during a lookup, or before the next one may begin (`hintGapMin`, `hintGapMax`), cause one more lookup together.
 * Hints spend nothing of the poll schedule, and any number of them wakes the execution.
 *
 * @category watching
 * @since 0.1.0
 */
export const hint = Effect.fn("PayoutWorkflow.hint")((executionId: string) => hints.hint(PayoutWorkflow, executionId))

/**
 * The shortest time between a lookup and the next one that a hint causes: one second. It doubles with each hint in a
 * row without news, up to `hintGapMax`. A lookup by the schedule sets it back to one second.
 *
 * @category limits
 * @since 0.1.0
 */
export const hintGapMin: Duration.Duration = steps.hintGapMin

/**
 * The longest time that hints alone delay a lookup: one minute.
 *
 * @category limits
 * @since 0.1.0
 */
export const hintGapMax: Duration.Duration = steps.hintGapMax

/**
 * What a sweep found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Swept {
  readonly request: PayoutRequest
  readonly executionId: string
  /** `Running`: under way, or about to be. `Suspended`: it waited, and was woken to check whether it still must. */
  readonly status: "Complete" | "Suspended" | "Running"
}

/**
 * Takes the payouts that the caller believes to be unfinished, submits those that were never stored, and wakes the
 * suspended ones. Run it regularly, so that no payout stays stuck. It is safe to repeat, also from several processes at
 * once: a resumed execution makes a lookup before it sends.
 *
 * @example
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import type { PayoutRequest } from "effect-billwerk-payouts"
 * import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
 *
 * declare const unfinished: Effect.Effect<ReadonlyArray<PayoutRequest.PayoutRequest>>
 *
 * const sweeper = unfinished.pipe(
 *   Effect.flatMap(PayoutWorkflow.sweep),
 *   Effect.repeat(Schedule.spaced("5 minutes"))
 * )
 * ```
 *
 * @category watching
 * @since 0.1.0
 */
export const sweep = (
  requests: Iterable<PayoutRequest>
): Effect.Effect<ReadonlyArray<Swept>, InvalidRequest, WorkflowEngine> => Effect.forEach(requests, sweepOne)

const sweepOne = Effect.fnUntraced(function* (request: PayoutRequest) {
  const executionId = yield* submit(request)
  const result = yield* poll(executionId)
  if (result?._tag === "Suspended") yield* resume(executionId)
  return { request, executionId, status: result?._tag ?? "Running" } satisfies Swept
})

const durable = (request: PayoutRequest): Either.Either<{ readonly request: PayoutRequest }, InvalidRequest> => {
  if (!isPayoutRequest(request)) return refuse("request", "must be made by PayoutRequest.make")
  const { customer, destination, handle } = request
  if (destination._tag !== "SavedMethod") {
    return refuse(
      "destination",
      "must be a saved payment method: a card token is a secret, and is never stored",
      handle
    )
  }
  return typeof customer === "object"
    ? refuse("customer", "must be the handle of an existing customer: personal data is not stored", handle)
    : Either.right({ request })
}

const refuse = (field: string, reason: string, handle?: string) =>
  Either.left(new InvalidRequest({ field, reason, ...(handle === undefined ? {} : { handle }) }))
