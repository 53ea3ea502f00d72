/**
 * A durable payout, on Effect's workflow engine: it outlives the process that began it. Create, wait out retries, await the end;
 * each step is stored before the next one, and whatever is run again asks the provider before it sends.
 */
import type * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as Workflow from "@effect/workflow/Workflow"
import { WorkflowEngine, WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Outcome } from "../domain/Outcome.js"
import { InvalidRequest, PayoutError } from "../domain/PayoutError.js"
import { destinationOf, isPayoutRequest, PayoutRequest } from "../domain/PayoutRequest.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as steps from "./steps.js"

const notDurable = "a saved payment method, and an existing customer by its handle, if any"

/**
 * What is stored. Neither a card token, which is a secret, nor the details of a new customer, which are personal data: a
 * payout that is stored goes to a saved method, whose customer is known already. Stored in the clear: the handle, the
 * reference of the saved method (`ca_...`, of no use without the account's key), amount, currency, the customer's handle
 * and the texts.
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
 * What makes two requests the same: the handle and all other arguments. Not to be stored or shown; an engine only keeps its
 * SHA-256 digest. For workflows of your own around a payout.
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
 * The workflow. Its execution id is a SHA-256 digest of the handle *and* all other arguments: the same request is the
 * same execution, and another amount or card under the same handle is an execution of its own: a `HandleConflict`, unless the
 * handle's payout has failed, and never the other one's result.
 *
 * An error's `evidence` is all that is known of the payout, by whatever process. Hand it to `Payouts.recover`, to end a doubt
 * when the arrival horizon has passed.
 *
 * A defect is never stored as an end of it: the engine runs it again, and it asks before it sends.
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
 * When a durable payout is sent again: as by `RetryPolicy.standard`, but patient. After the quick retries, a provider that
 * cannot be reached is tried again after 1, 5, 15 and 30 minutes, and after 1, 2 and 4 hours; a rate limit after 1, 5 and
 * 15 minutes.
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
 * When a payout that is processing is looked up: after 10, 20, 40 seconds and so on, at least once an hour, for a week. (The
 * provider documents no time; its read limit is 25 a second.)
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
   * When it is sent again. Default: `policyDefault`. The budgets hold for the whole life of the payout, and processing errors
   * are counted by the provider's record. `elapsedMax` is the longest that one round may take, and does not bound the waits
   * between them: the schedules do.
   */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
  /**
   * The gaps between the polls of a payout that is processing. At its end the workflow succeeds with `Processing`. Default:
   * `pollScheduleDefault`.
   */
  readonly pollSchedule?: Schedule.Schedule<unknown> | undefined
  /** Waits of up to this are made in memory, and begin anew after a crash. Default: 10 seconds. */
  readonly inMemoryThreshold?: Duration.DurationInput | undefined
}

/**
 * Registers the workflow with the engine. Every process that is to run durable payouts needs it; one that only submits
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
 * Pays out durably, and waits for the end: `Paid`; `Processing`, if it was not settled in time; or the error. Inside of
 * another workflow it is a child, and takes no process to wait for. A card token, or a new customer, is an
 * `InvalidRequest`, before anything is stored.
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
 * Stores the payout and returns its execution id; the engine carries it out. To submit the same request again changes
 * nothing.
 *
 * @category executing
 * @since 0.1.0
 */
export const submit = (request: PayoutRequest): Effect.Effect<string, InvalidRequest, WorkflowEngine> =>
  Effect.flatMap(durable(request), (payload) => PayoutWorkflow.execute(payload, { discard: true }))

/**
 * The execution id of a request: keep it beside the payout, to poll or to hint it.
 *
 * @category executing
 * @since 0.1.0
 */
export const executionId = (request: PayoutRequest): Effect.Effect<string, InvalidRequest> =>
  Effect.flatMap(durable(request), (payload) => PayoutWorkflow.executionId(payload))

/**
 * What has become of an execution: nothing yet, `Suspended` (it waits), or `Complete`.
 *
 * @category watching
 * @since 0.1.0
 */
export const poll = (
  executionId: string
): Effect.Effect<Workflow.Result<Outcome, PayoutError> | undefined, never, WorkflowEngine> =>
  PayoutWorkflow.poll(executionId)

/**
 * Wakes an execution that is suspended; what it waits for it still waits for.
 *
 * @category watching
 * @since 0.1.0
 */
export const resume = (executionId: string): Effect.Effect<void, never, WorkflowEngine> =>
  PayoutWorkflow.resume(executionId)

/**
 * Something may have happened to the payout (a webhook came): if it is waiting to be settled, it is looked up now. A hint
 * is nothing more, so whoever could forge one would gain a lookup. However many come while a lookup is under way, or before the next one
 * may begin (`hintGapMin`, `hintGapMax`), they cause one more. They spend nothing of the poll schedule, and any number
 * of them wakes it.
 *
 * @category watching
 * @since 0.1.0
 */
export const hint = Effect.fn("PayoutWorkflow.hint")(function* (executionId: string) {
  const engine = yield* WorkflowEngine
  const instance = WorkflowInstance.initial(PayoutWorkflow, executionId)
  const isDone = (deferred: DurableDeferred.DurableDeferred<Schema.Schema.Any, Schema.Schema.All>) =>
    Effect.map(
      Effect.provideService(engine.deferredResult(deferred), WorkflowInstance, instance),
      (exit) => exit !== undefined
    )
  const deferred = steps.hinted(yield* firstWhere((wait) => Effect.map(isDone(steps.ended(wait)), (isOver) => !isOver)))
  if (!(yield* isDone(deferred))) {
    return yield* engine.deferredDone(deferred, {
      workflowName: PayoutWorkflow.name,
      executionId,
      deferredName: deferred.name,
      exit: Exit.void
    })
  }
  // It was hinted, and has not gone on yet: it is about to, or was not woken.
  const result = yield* poll(executionId)
  if (result?._tag === "Suspended") yield* resume(executionId)
})

/** The first number that has what all after it have, too, in few steps. */
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

/**
 * The least time between a lookup and one that a hint causes: a second. It doubles with each hint in a row that was no news, up to
 * `hintGapMax`, and is a second again after a lookup by the schedule.
 *
 * @category limits
 * @since 0.1.0
 */
export const hintGapMin: Duration.Duration = steps.hintGapMin

/**
 * The longest time that hints alone keep a lookup waiting: a minute.
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
  /** `Running`: or about to be. `Suspended`: it waited, and was woken to see whether it still has to. */
  readonly status: "Complete" | "Suspended" | "Running"
}

/**
 * For whatever makes sure that nothing is stuck: takes the payouts that the caller holds for unfinished, submits those that
 * were never stored, and wakes those that are suspended. Safe to repeat, and from several processes at once: an execution
 * that is resumed asks the provider before it sends.
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
