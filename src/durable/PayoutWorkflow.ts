/**
 * A durable payout on Effect's workflow engine, which outlives the process that began it. Each step (send, wait, poll)
 * is stored before the next one. Each payout is looked up before its first create, and again when its workflow runs again.
 */
import * as Workflow from "@effect/workflow/Workflow"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { Outcome } from "../domain/Outcome.js"
import { InvalidRequest, type PayoutError } from "../domain/PayoutError.js"
import { isPayoutRequest, type PayoutRequest } from "../domain/PayoutRequest.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import { execute as executing } from "./execute.js"
import * as execution from "./execution.js"
import * as signals from "./signals.js"
import * as reopening from "./reopening.js"
import * as steps from "./steps.js"
import * as waits from "./waits.js"

/**
 * The stored request. It has no card token, which is a secret, and no details of a new customer, which are personal
 * data. So a durable payout goes to a saved method, whose customer is already known. Stored in the clear: the handle,
 * the reference of the saved method (`ca_...`, of no use without the account's key), amount, currency, the customer's
 * handle and the texts.
 *
 * @category models
 * @since 0.1.0
 */
export const DurableRequest = execution.DurableRequest

/**
 * The identity of a request: its handle and all other arguments, for workflows of your own around a payout. Do not
 * store or show it; an engine keeps only its SHA-256 digest.
 *
 * @category workflows
 * @since 0.1.0
 */
export const idempotencyKey = ({ request }: { readonly request: PayoutRequest }): string =>
  execution.idempotencyKey(request)

/**
 * The name under which the engine stores the workflow of a payout.
 *
 * An execution's id is a SHA-256 digest of the handle *and* all other arguments, so the same request is the same
 * execution. Another amount or card under the same handle is another execution, and never returns the first one's result.
 * It fails with `HandleConflict` if the provider's record shows another amount, or another card that was not declined.
 *
 * A defect is never stored as the end: the engine runs the workflow again, and that makes a lookup before it sends.
 *
 * @category workflows
 * @since 0.1.0
 */
export const workflowName: string = execution.workflow.name

/**
 * The default retry policy of a durable payout: `RetryPolicy.standard`, and then longer waits. It tries an unreachable
 * provider again after 1, 5, 15 and 30 minutes, and after 1, 2 and 4 hours; after a rate limit, after 1, 5 and 15
 * minutes; after a concurrent update, after 1 and 5 minutes. After that it pauses (`pauseScheduleDefault`).
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
  ),
  concurrentUpdate: RetryPolicy.standard.concurrentUpdate.pipe(
    Schedule.andThen(Schedule.fromDelays("1 minute", "5 minutes"))
  )
})

/**
 * The default schedule of pauses: after 5, 10, 20, 40 minutes and then every hour, for 30 days. A payout pauses when its
 * policy grants no further step, and only a change can help: the provider is away (no answer, 5xx, 429 or another
 * status than 200), the key is refused (401, 403), or the host's own code dies. After each pause it looks the payout
 * up, and sends what the provider does not know. `wake` ends a pause at once.
 *
 * @category policies
 * @since 0.1.0
 */
export const pauseScheduleDefault: Schedule.Schedule<unknown> = Schedule.exponential("5 minutes").pipe(
  Schedule.union(Schedule.spaced("1 hour")),
  Schedule.upTo("30 days")
)

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
 * The settings of a durable payout. Each has a default.
 *
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
  /**
   * The pauses of a payout whose policy grants no further step while the provider is away or refuses the key. When the
   * schedule ends, so does the payout, with its error. `Schedule.stop`: it ends at once. Default:
   * `pauseScheduleDefault`.
   */
  readonly pauseSchedule?: Schedule.Schedule<unknown> | undefined
  /**
   * Whether the engine's storage was restored from a copy, so that it may have lost steps that it had stored: payouts
   * submitted since, and creates that were sent. Then the exposure of each payout has one unknown create more, until
   * the arrival horizon has passed. **Set it in all processes after a restore**, submit your unfinished payouts
   * again, run `Unfinished.assessAll` before anybody asks for an end, because the copy's ends may be out of date, and
   * take it out when the horizon has passed. Default: false.
   */
  readonly isRestored?: boolean | undefined
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
        pauseSchedule: options.pauseSchedule ?? pauseScheduleDefault,
        isRestored: options.isRestored ?? false,
        inMemoryThreshold: Duration.decode(options.inMemoryThreshold ?? "10 seconds")
      }
      return execution.workflow.toLayer(steps.begin(runner))
    })
  )

/**
 * `layerWith`, with `policyDefault`, `pollScheduleDefault` and `pauseScheduleDefault`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Payouts.Payouts | WorkflowEngine> = layerWith({})

/**
 * Pays out durably and waits for the end: `Paid`, `Processing` if the payout did not become final in time, or the
 * error. The payout begins with a lookup: another card or amount may have been sent under its handle by a process that
 * is gone. Inside another workflow it runs as a child, and no process has to wait for it. A card token or a new customer
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
  Effect.flatMap(durable(request), executing)

/**
 * Stores the payout and returns its execution id. The engine then runs it, and begins with a lookup (see `execute`).
 * Submitting the same request again changes nothing.
 *
 * @category executing
 * @since 0.1.0
 */
export const submit = (request: PayoutRequest): Effect.Effect<string, InvalidRequest, WorkflowEngine> =>
  Effect.flatMap(durable(request), (request) =>
    execution.workflow.execute(execution.payloadOf({ request }), { discard: true })
  )

/**
 * The execution id of a request. Keep it with the payout, for `poll` and `hint`.
 *
 * @category executing
 * @since 0.1.0
 */
export const executionId = (request: PayoutRequest): Effect.Effect<string, InvalidRequest> =>
  Effect.flatMap(durable(request), firstId)

const firstId = (request: PayoutRequest): Effect.Effect<string> =>
  execution.workflow.executionId(execution.payloadOf({ request }))

/**
 * The state of a payout by its execution id: `undefined` before it has one, `Suspended` (it waits), or `Complete`. An
 * end that was taken up again (`retry`, `assess`) is no longer the state: the latest one is. An end that this version
 * of the library cannot read is shown as `Suspended`: a later version stored it, or `assess` can find out anew.
 *
 * @category watching
 * @since 0.1.0
 */
export const poll = (
  executionId: string
): Effect.Effect<Workflow.Result<Outcome, PayoutError> | undefined, never, WorkflowEngine> =>
  Effect.map(reopening.latest(executionId), ({ state }) => {
    if (state._tag === "Underway") return undefined
    if (state._tag === "Suspended" || state.end._tag !== "Readable") return new Workflow.Suspended({})
    const { value } = state.end
    return new Workflow.Complete({
      exit: value._tag === "Paid" || value._tag === "Processing" ? Exit.succeed(value) : Exit.fail(value)
    })
  })

/**
 * Runs a suspended execution again, in case the engine has lost its turn. It still waits for what it waited for.
 *
 * @category watching
 * @since 0.1.0
 */
export const resume = (executionId: string): Effect.Effect<void, never, WorkflowEngine> =>
  Effect.flatMap(reopening.latest(executionId), ({ id }) => execution.workflow.resume(id))

/**
 * Lets a payout go on that pauses or waits for its next try, for example when the key is mended or the provider is back,
 * and looks up one that is processing. It shortens no wait after a processing error or a soft decline: those are the
 * provider's rule. If the payout does not wait just now, its next such wait is cut short.
 *
 * @category watching
 * @since 0.1.0
 */
export const wake: (executionId: string) => Effect.Effect<void, never, WorkflowEngine> = Effect.fn(
  "PayoutWorkflow.wake"
)(function* (executionId: string) {
  const { id, state } = yield* reopening.latest(executionId)
  if (state._tag === "Ended") return
  yield* signals.wake(id)
  yield* signals.hint(id)
})

/**
 * Tells an execution that something may have happened to the payout, for example that a webhook came. If it waits for
 * the end, it looks the payout up now. A hint does nothing else, so a forged one only causes a lookup. All hints that
 * come during a lookup, or before the next one may begin (`hintGapMin`, `hintGapMax`), cause one more lookup together.
 * Hints spend nothing of the poll schedule, and any number of them wakes the execution.
 *
 * @category watching
 * @since 0.1.0
 */
export const hint: (executionId: string) => Effect.Effect<void, never, WorkflowEngine> = Effect.fn(
  "PayoutWorkflow.hint"
)((executionId: string) => Effect.flatMap(reopening.latest(executionId), ({ id }) => signals.hint(id)))

/**
 * The shortest time between a lookup and the next one that a hint causes: one second. It doubles with each hint in a
 * row without news, up to `hintGapMax`. A lookup by the schedule sets it back to one second.
 *
 * @category limits
 * @since 0.1.0
 */
export const hintGapMin: Duration.Duration = waits.hintGapMin

/**
 * The longest time that hints alone delay a lookup: one minute.
 *
 * @category limits
 * @since 0.1.0
 */
export const hintGapMax: Duration.Duration = waits.hintGapMax

/**
 * What became of a wish to take a payout up again. `Reopened`: it goes on. `Underway`: it has not ended, so there is
 * nothing to take up. `Final`: no lookup and no create can add to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reopened {
  /** The execution that goes on, or that is the latest one. */
  readonly executionId: string
  /** `Reopened`, `Underway` or `Final`, as above. */
  readonly status: "Reopened" | "Underway" | "Final"
}

/**
 * Takes up a payout that has ended without being paid: after the cause is mended (a refused request, a payment method
 * that was not allowed, a soft decline, a spent budget). It looks the payout up first, with all evidence, and sends
 * what the provider does not know. After a processing error or a soft decline each call grants one more create. A hard
 * decline is `Final`: it is never sent again with the same arguments. A payout that is paid is `Final`.
 *
 * From then on `poll` and `execute` give the new state. A workflow of the host's that was told an end keeps hearing
 * that one. Two calls at once are one, and a `retry` beside an `assess` that has not begun is that `assess`.
 *
 * @category executing
 * @since 0.1.0
 */
export const retry = (request: PayoutRequest): Effect.Effect<Reopened, InvalidRequest, WorkflowEngine> =>
  reopened(request, "Retry")

/**
 * Looks up a payout that has ended, and stores what it finds as its new end; it sends nothing. So an end that says
 * `MayHaveMoved` is closed once the record accounts for everything, or the arrival horizon has passed. A payout that is
 * found processing is watched to its end. While the provider cannot be asked, it pauses. If the provider knows no such
 * payout, the error stays what it was, with the money as it is known now.
 *
 * `Final`: there is no doubt that a lookup could end.
 *
 * @category executing
 * @since 0.1.0
 */
export const assess = (request: PayoutRequest): Effect.Effect<Reopened, InvalidRequest, WorkflowEngine> =>
  reopened(request, "Assess")

const reopened = Effect.fnUntraced(function* (input: PayoutRequest, mode: Mode) {
  const request = yield* durable(input)
  const { executionId, most, ordinal, status } = yield* reopenable(request, mode)
  if (status !== "Ended") return { executionId, status } satisfies Reopened
  yield* reopening.reopen(request, { first: executionId, ordinal: ordinal + 1, mode, most })
  return { executionId, status: "Reopened" } satisfies Reopened
})

/**
 * `assess`, until the end before is not told any more. Whether there was one to take up.
 *
 * @internal
 */
export const assessBegun = Effect.fnUntraced(function* (request: PayoutRequest) {
  const { executionId, ordinal } = yield* reopenable(request, "Assess")
  const { status } = yield* assess(request)
  if (status === "Reopened") yield* reopening.untilBegun(executionId, ordinal + 1)
  return status === "Reopened"
})

/**
 * How an ended payout is taken up again: `Retry` may send, `Assess` only looks up.
 *
 * @category models
 * @since 0.1.0
 */
export type Mode = "Retry" | "Assess"

/**
 * Whether a payout could be taken up again. `Ended`: it could.
 *
 * @internal
 */
export const reopenable = Effect.fnUntraced(function* (input: PayoutRequest, mode: Mode) {
  const request = yield* durable(input)
  const executionId = yield* firstId(request)
  const { ordinal, state } = yield* reopening.latest(executionId)
  const status =
    state._tag !== "Ended" || state.end._tag === "Newer"
      ? ("Underway" as const)
      : state.end._tag === "Readable" && isFinal(state.end.value, mode)
        ? ("Final" as const)
        : ("Ended" as const)
  const most = state._tag === "Ended" && state.end._tag === "Readable" ? state.end.value.exposure.max : undefined
  return { executionId, ordinal, status, most }
})

const isFinal = (end: Outcome | PayoutError, mode: Mode): boolean => {
  if (end._tag === "InvalidRequest") return true
  if (end._tag !== "Paid" && end._tag !== "HardDeclined") return false
  return mode === "Retry" || end.exposure.min === end.exposure.max
}

/**
 * What a sweep found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Swept {
  readonly request: PayoutRequest
  /** The execution of this request. */
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
  const { id, ordinal, state } = yield* reopening.latest(executionId)
  if (state._tag === "Ended") {
    // What cannot be read is found out anew.
    if (state.end._tag === "Broken") {
      yield* reopening.reopen(request, { first: executionId, ordinal: ordinal + 1, mode: "Assess" })
    }
    return {
      request,
      executionId,
      status: state.end._tag === "Readable" ? "Complete" : "Suspended"
    } satisfies Swept
  }
  if (state._tag === "Suspended") yield* execution.workflow.resume(id)
  return { request, executionId, status: state._tag === "Suspended" ? "Suspended" : "Running" } satisfies Swept
})

const durable = (request: PayoutRequest): Either.Either<PayoutRequest, InvalidRequest> => {
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
    : Either.right(request)
}

const refuse = (field: string, reason: string, handle?: string) =>
  Either.left(new InvalidRequest({ field, reason, ...(handle === undefined ? {} : { handle }) }))
