/**
 * The service: pays out, recovers what another process began, waits until it is final, and looks up.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { BillwerkClient } from "./provider/BillwerkClient.js"
import * as Exposure from "./domain/Exposure.js"
import type { Evidence } from "./domain/Exposure.js"
import type { Handle } from "./domain/Handle.js"
import type { Outcome } from "./domain/Outcome.js"
import type { PaidContradicted } from "./domain/PaidContradicted.js"
import type { Payout } from "./domain/Payout.js"
import { InvalidRequest, type LookupError, type PayoutError } from "./domain/PayoutError.js"
import { isPayoutRequest, type PayoutRequest } from "./domain/PayoutRequest.js"
import * as live from "./execution/liveServices.js"
import { lookup } from "./execution/lookup.js"
import * as poll from "./execution/poll.js"
import * as Process from "./execution/Process.js"
import * as singleFlight from "./execution/singleFlight.js"
import * as turns from "./execution/turns.js"
import { intended } from "./execution/Subject.js"
import { Hints } from "./webhook/Hints.js"
import * as bulk from "./execution/bulk.js"
import * as hostCode from "./host/hostCode.js"
import * as RetryPolicy from "./policy/RetryPolicy.js"
import * as PollPolicy from "./policy/PollPolicy.js"
import * as Telemetry from "./Telemetry.js"

/**
 * What can be set for one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  /** Instead of the layer's policy. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
}

/**
 * What can be set for one `createAll`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateAllOptions extends CallOptions {
  /** How many payouts may be under way at once: an integer of 1 or more, or else the stream dies. Default: 16. */
  readonly concurrency?: number | undefined
}

/**
 * What `createAll` or `recoverAll` made of one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly request: PayoutRequest
  readonly result: Either.Either<Outcome, PayoutError>
}

/**
 * What can be set for one `recover`: what the caller knows of other processes. The more it knows, the sooner doubt ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecoverOptions extends CallOptions {
  /** The `evidence` of the latest error or outcome about this handle, wherever it comes from: as if this process had seen it. */
  readonly evidence?: Evidence | undefined
  /**
   * How many creates were sent that neither this process nor `evidence` knows of: by a process that was killed while it sent, or
   * that did not hand its evidence over. Each may still be carried out, and counts in the exposure until a transaction accounts
   * for it or the arrival horizon has passed. A number replaces the one that was given before; what `evidence` itself was told or
   * assumes stays (`Exposure.withoutGuesses` drops what it assumes). Default: 1, as a guess, which only the horizon ends.
   * **Give 0 only if you know** that no other process sent anything since the evidence was stated.
   */
  readonly outstandingCreates?: number | undefined
  /** When the latest of them was sent at the latest. Default: now. */
  readonly lastSentAt?: DateTime.DateTime | undefined
}

/**
 * What can be set for one `recoverAll`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecoverAllOptions extends CreateAllOptions, Omit<RecoverOptions, "evidence"> {}

/**
 * What can be set for one `intend`.
 *
 * @category models
 * @since 0.1.0
 */
export interface IntendOptions {
  /** What earlier errors and outcomes about this handle know, and earlier intents whose end is not known. */
  readonly evidence?: Evidence | undefined
  /** How many creates will be sent at the most. Default: 1, as with `RetryPolicy.none`. */
  readonly creates?: number | undefined
  /** Until when the last of them will have been sent. Default: `intentMax`. */
  readonly within?: Duration.DurationInput | undefined
}

/**
 * How long an intent holds, unless it is said: a minute. Who comes to send later than that takes a new one.
 *
 * @category limits
 * @since 0.1.0
 */
export const intentMax: Duration.Duration = Duration.minutes(1)

/**
 * How long one run of `onContradiction` may take: 10 seconds.
 *
 * @category limits
 * @since 0.1.0
 */
export const contradictionDeadline: Duration.Duration = Duration.seconds(10)

/**
 * How many runs of `onContradiction` may be under way at once. One more is not started, and that is logged.
 *
 * @category limits
 * @since 0.1.0
 */
export const contradictionsMax = 16

/**
 * What can be set for one `awaitFinal`, instead of the layer's pollPolicy.
 *
 * @category models
 * @since 0.1.0
 */
export interface AwaitFinalOptions extends PollPolicy.Options, CallOptions {}

/**
 * Pays money out.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
 *
 * const program = Effect.gen(function* () {
 *   const payouts = yield* Payouts.Payouts
 *   const request = yield* PayoutRequest.make({
 *     handle: "prize-2026-0042",
 *     destination: "ca_fcfac2016614418f969fa5697383e47c",
 *     amount: 12_500,
 *     currency: "DKK"
 *   })
 *   return yield* payouts.create(request)
 * })
 * ```
 *
 * @category tags
 * @since 0.1.0
 */
export class Payouts extends Context.Tag("effect-billwerk-payouts/Payouts")<
  Payouts,
  {
    /**
     * Pays out once, whatever happens on the way: retries by the policy, looks the payout up before it sends anything
     * again, and takes 133 and 134 for the answers that they are. `Paid` and `Processing` are successes. Calls at the
     * same time with the same arguments share one conversation (and the first one's policy and span); other arguments
     * for the same handle are a `HandleConflict`. After an interruption, or an error whose `certainty` is
     * `MayHaveMoved`, the next call for the handle in this process asks first, and carries the evidence on; once it is
     * paid, or declined for good, the next call ends at once as the first did; a payment that `awaitFinal` found of a bare handle, and
     * that may be to another card, is asked about. The service remembers the
     * last 10,000 payouts in doubt, 10,000 that were declined and 10,000 that were paid. **For a payout that another process
     * may have sent, or after a restart, use `recover`.**
     */
    readonly create: (request: PayoutRequest, options?: CallOptions) => Effect.Effect<Outcome, PayoutError>
    /**
     * `create` for each request of a stream, many at once: one result a request, as they end, in no order. Requests are
     * pulled as they are needed, and if results are taken more slowly than they come, no more than 32 wait beside the
     * `concurrency` payouts that are under way. If the stream of requests fails, or a payout dies, no
     * other is begun, the results of those under way come out, and then it fails or dies as well. Who stops taking
     * results, or is interrupted, interrupts what is under way, and has not been told of it: as after any interruption,
     * the next call for such a handle asks first.
     */
    readonly createAll: <E, R>(
      requests: Stream.Stream<PayoutRequest, E, R>,
      options?: CreateAllOptions
    ) => Stream.Stream<Result, E, R>
    /**
     * `create` for a request that another process may have sent: one that died, another instance, an earlier run. Asks
     * the provider first, and sends only what it does not know. Hand it the `evidence` of the latest error or outcome if
     * there is any. Unless you say how many, one create of another process is assumed to be under way, so a failure stays in
     * doubt until the arrival horizon has passed.
     */
    readonly recover: (request: PayoutRequest, options?: RecoverOptions) => Effect.Effect<Outcome, PayoutError>
    /** `recover` for each request of a stream, as `createAll` does it: **the way to run a batch again** that did not end. */
    readonly recoverAll: <E, R>(
      requests: Stream.Stream<PayoutRequest, E, R>,
      options?: RecoverAllOptions
    ) => Stream.Stream<Result, E, R>
    /**
     * The evidence that this process will send a create of the request within a minute, which nobody may ever hear of again:
     * **to be stored before sending**, by a caller that keeps a journal of its own. It sends nothing. Store the `evidence`
     * of the error or outcome in its place when the call has ended. If the process dies before, another one hands the
     * stored evidence to `recover`: what may have been sent stays in doubt until the record accounts for it or the arrival
     * horizon has passed. It has all that this process knows of the handle, and how far its clock is from the provider's.
     */
    readonly intend: (request: PayoutRequest, options?: IntendOptions) => Effect.Effect<Evidence, InvalidRequest>
    /**
     * Waits until a payout that is processing is paid or has failed: asks by the schedule, and at once when a webhook's
     * hint comes in (give the layer `Hints`, and one to the webhook handler). At the deadline the answer is what was last
     * seen: `Processing` still, with the evidence of having asked; `waited` says how often it was asked, which may be never, and
     * when the provider showed that. It only asks, so it may be interrupted and repeated at
     * will; a failure is for `recover` to deal with. Of a bare handle the arguments are not known, so they cannot be
     * compared with what the provider shows; if no lookup is answered before the deadline, that is a `LookupFailed`.
     */
    readonly awaitFinal: {
      (outcome: Outcome, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError>
      (handle: Handle, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError | LookupError>
    }
    /** The payout as the provider has it now. Asks again by the policy's communication and rate limit rules. */
    readonly get: (handle: Handle, options?: CallOptions) => Effect.Effect<Payout, LookupError>
  }
>() {}

/**
 * What can be set for the service.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** For the calls that bring none. Default: `RetryPolicy.standard`. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
  /** For the calls of `awaitFinal` that bring none. Default: `PollPolicy.standard`. */
  readonly pollPolicy?: PollPolicy.PollPolicy | undefined
  /**
   * How long after it was sent a create may still be carried out (inferred): a record that is read later settles what it does
   * not show. Longer is safer, and keeps doubt longer. Default: 6 hours.
   */
  readonly arrivalHorizon?: Duration.DurationInput | undefined
  /**
   * Told when the provider shows a payout in another state that a request of this process is known to have paid. That is logged as an error in
   * any case. It runs beside the call, which does not wait for it: in its own fiber, for `contradictionDeadline` at most. If it dies or
   * takes longer, that is logged. When the service's scope closes, what is under way may end.
   */
  readonly onContradiction?: ((contradiction: PaidContradicted) => Effect.Effect<void>) | undefined
}

/**
 * The service over the `BillwerkClient` in the context. One for an account is enough for a process: only calls of the same
 * service know of each other. Another one is logged as a warning, once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const client = yield* BillwerkClient
  const { onContradiction } = options
  const policyDefault = options.policy ?? RetryPolicy.standard
  const pollPolicyDefault = options.pollPolicy ?? PollPolicy.standard
  const process = yield* Process.make(Duration.decode(options.arrivalHorizon ?? Exposure.arrivalHorizonDefault))
  yield* live.announce(client.account)
  const flights = yield* Effect.acquireRelease(
    Effect.sync(() => singleFlight.make(client, process)),
    ({ close }) => close
  )
  const beside = yield* hostCode.beside({ atOnceMax: contradictionsMax, deadline: contradictionDeadline })
  const around: poll.Around = {
    client,
    process,
    flights,
    hints: yield* Effect.serviceOption(Hints),
    turn: turns.make(process, PollPolicy.readsPerSecond),
    onContradiction: (contradiction) =>
      onContradiction === undefined ? Effect.void : beside("onContradiction", () => onContradiction(contradiction))
  }
  const pay = (span: string, call: singleFlight.Call) =>
    Telemetry.ofPayout(span, call.request.handle)(flights.board(call))

  const create = (request: PayoutRequest, { policy = policyDefault }: CallOptions = {}) =>
    refusalOf(request) ?? pay(Telemetry.payoutSpan.create, { request, policy, recovery: undefined })

  const recover = (request: PayoutRequest, options: RecoverOptions = {}) => {
    const { evidence, lastSentAt, outstandingCreates, policy = policyDefault } = options
    const recovery = {
      evidence,
      outstandingCreates,
      lastSentAt: lastSentAt === undefined ? undefined : DateTime.toEpochMillis(lastSentAt)
    }
    return refusalOf(request, options) ?? pay(Telemetry.payoutSpan.recover, { request, policy, recovery })
  }

  const intend = (request: PayoutRequest, options: IntendOptions = {}) =>
    Effect.gen(function* () {
      const { creates = 1, evidence, within = intentMax } = options
      const refusal = refusalOf(request, { evidence, outstandingCreates: creates }, "creates")
      if (refusal !== undefined) return yield* refusal
      const known = flights.evidence(request.handle) ?? Exposure.empty(request.handle)
      return intended(process, request, evidence === undefined ? known : Exposure.merge(known, evidence), {
        count: creates,
        from: yield* process.now,
        within: Duration.toMillis(within)
      })
    })

  const each =
    (work: (request: PayoutRequest) => Effect.Effect<Outcome, PayoutError>) =>
    <E, R>(requests: Stream.Stream<PayoutRequest, E, R>, concurrency = bulk.concurrencyDefault) =>
      bulk.inBulk(requests, concurrency, (request) =>
        Effect.map(Effect.either(work(request)), (result): Result => ({ request, result }))
      )

  const createAll = <E, R>(
    requests: Stream.Stream<PayoutRequest, E, R>,
    { concurrency, ...options }: CreateAllOptions = {}
  ): Stream.Stream<Result, E, R> => each((request) => create(request, options))(requests, concurrency)

  const recoverAll = <E, R>(
    requests: Stream.Stream<PayoutRequest, E, R>,
    { concurrency, ...options }: RecoverAllOptions = {}
  ): Stream.Stream<Result, E, R> => each((request) => recover(request, options))(requests, concurrency)

  const get = (handle: Handle, { policy = policyDefault }: CallOptions = {}) =>
    Effect.gen(function* () {
      const { verdict } = yield* lookup(client, process, policy, handle)
      const paid = flights.paid(handle)
      if (paid !== undefined) yield* poll.contradicted(around, paid, verdict)
      return verdict.payout
    }).pipe(Telemetry.ofCall(Telemetry.payoutSpan.get, handle))

  function awaitFinal(outcome: Outcome, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError>
  function awaitFinal(handle: Handle, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError | LookupError>
  function awaitFinal(target: Outcome | Handle, options: AwaitFinalOptions = {}) {
    const pollPolicy = PollPolicy.make({ ...pollPolicyDefault, ...options })
    const isHandle = typeof target === "string"
    const settled: Effect.Effect<Outcome, PayoutError | LookupError> = isHandle
      ? poll.awaitHandle(around, pollPolicy, options.policy ?? policyDefault, target)
      : poll.awaitOutcome(around, pollPolicy, target)
    return Telemetry.ofPayout(Telemetry.payoutSpan.awaitFinal, isHandle ? target : target.handle)(settled)
  }

  return Payouts.of({ create, createAll, recover, recoverAll, intend, awaitFinal: awaitFinal, get })
})

/**
 * The service with the standard policy.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Payouts, never, BillwerkClient> = Layer.scoped(Payouts, make())

/**
 * The service with options.
 *
 * @example
 * ```ts
 * import { Schedule } from "effect"
 * import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
 *
 * const quick = Payouts.layerWith({ policy: RetryPolicy.make({ processingError: Schedule.stop, elapsedMax: "2 minutes" }) })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<Payouts, never, BillwerkClient> =>
  Layer.scoped(Payouts, make(options))

// A value that only looks like a request has not been validated: nothing of it is looked at, or put on a span.
const refusalOf = (
  request: PayoutRequest,
  { evidence, outstandingCreates = 0 }: RecoverOptions = {},
  field = "outstandingCreates"
): InvalidRequest | undefined => {
  if (!isPayoutRequest(request)) {
    return new InvalidRequest({ field: "request", reason: "must be made by PayoutRequest.make" })
  }
  if (evidence !== undefined && evidence.handle !== request.handle) {
    return new InvalidRequest({
      field: "evidence",
      reason: "must be about the request's handle",
      handle: request.handle
    })
  }
  return Number.isSafeInteger(outstandingCreates) && outstandingCreates >= 0
    ? undefined
    : new InvalidRequest({
        field,
        reason: "must be an integer of 0 or more",
        handle: request.handle
      })
}
