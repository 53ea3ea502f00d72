/**
 * The service: pays out, resumes, waits until it is settled, and looks up.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { BillwerkClient } from "./BillwerkClient.js"
import type { Handle } from "./domain/Handle.js"
import type { Outcome } from "./domain/Outcome.js"
import type { PaidContradicted } from "./domain/PaidContradicted.js"
import type { Payout } from "./domain/Payout.js"
import { InvalidRequest, type LookupError, type PayoutError } from "./domain/PayoutError.js"
import { isPayoutRequest, type PayoutRequest } from "./domain/PayoutRequest.js"
import { Hints } from "./Hints.js"
import * as bulk from "./internal/bulk.js"
import * as flights from "./internal/flights.js"
import { read } from "./internal/reading.js"
import * as settling from "./internal/settling.js"
import * as RetryPolicy from "./RetryPolicy.js"
import * as Settlement from "./Settlement.js"
import * as Telemetry from "./Telemetry.js"

/**
 * What can be set for one call.
 *
 * @category models
 */
export interface CallOptions {
  /** Instead of the layer's policy. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
}

/**
 * What can be set for one `createAll`.
 *
 * @category models
 */
export interface CreateAllOptions extends CallOptions {
  /** How many payouts may be under way at once: an integer of 1 or more, or else the stream dies. Default: 16. */
  readonly concurrency?: number | undefined
}

/**
 * What `createAll` made of one request.
 *
 * @category models
 */
export interface Result {
  readonly request: PayoutRequest
  readonly result: Either.Either<Outcome, PayoutError>
}

/**
 * What can be set for one `resume`.
 *
 * @category models
 */
export interface ResumeOptions extends CallOptions {
  /**
   * How many creates were sent, in all, by processes whose evidence is lost. Each may still arrive, and counts in the
   * exposure until the provider's record accounts for it. Default: 1, or what this process knows if it has paid out
   * under the handle before. Give 0 only if none can have been sent, or if any that was is too old to arrive.
   */
  readonly unseen?: number | undefined
}

/**
 * What can be set for one `settle`, instead of the layer's settlement.
 *
 * @category models
 */
export interface SettleOptions extends Settlement.Options, CallOptions {}

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
     * paid, or declined for good, the next call ends at once as the first did. The service remembers the
     * last 10,000 payouts in doubt, 10,000 that were declined and 10,000 that were paid; beyond that, and after a restart,
     * use `resume`.
     */
    readonly create: (request: PayoutRequest, options?: CallOptions) => Effect.Effect<Outcome, PayoutError>
    /**
     * `create` for each request of a stream, many at once: one result a request, as they end, in no order. Requests are
     * pulled as they are needed, and if results are taken more slowly than they come, no more than 32 wait beside the
     * `concurrency` payouts that are under way. If the stream of requests fails, or a payout dies (the host's `HttpClient`
     * does), no other is begun, the results of those under way come out, and then it fails or dies as well. Who stops taking
     * results, or is interrupted, interrupts what is under way, and has not been told of it: as after any interruption,
     * the next call for such a handle asks first.
     */
    readonly createAll: <E, R>(
      requests: Stream.Stream<PayoutRequest, E, R>,
      options?: CreateAllOptions
    ) => Stream.Stream<Result, E, R>
    /**
     * `create` for a request that a process that died may have sent: asks the provider first, and sends only what it
     * does not know.
     */
    readonly resume: (request: PayoutRequest, options?: ResumeOptions) => Effect.Effect<Outcome, PayoutError>
    /**
     * Waits until a payout that is processing is paid or has failed: asks by the schedule, and at once when a webhook's
     * hint comes in (give the layer `Hints`, and one to the webhook handler). At the deadline the answer is what was last
     * seen: `Processing` still, with the evidence of having asked. It only asks, so it may be interrupted and repeated at
     * will; a failure is for `resume` to deal with. Of a bare handle the arguments are not known, so they cannot be
     * compared with what the provider shows.
     */
    readonly settle: {
      (outcome: Outcome, options?: SettleOptions): Effect.Effect<Outcome, PayoutError>
      (handle: Handle, options?: SettleOptions): Effect.Effect<Outcome, PayoutError | LookupError>
    }
    /** The payout as the provider has it now. Asks again by the policy's communication and rate limit rules. */
    readonly get: (handle: Handle, options?: CallOptions) => Effect.Effect<Payout, LookupError>
  }
>() {}

/**
 * What can be set for the service.
 *
 * @category models
 */
export interface Options {
  /** For the calls that bring none. Default: `RetryPolicy.standard`. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
  /** For the calls of `settle` that bring none. Default: `Settlement.standard`. */
  readonly settlement?: Settlement.Settlement | undefined
  /**
   * Told when the provider shows a payout that this process knows to be paid in another state. It is logged as an error
   * in any case.
   */
  readonly onContradiction?: ((contradiction: PaidContradicted) => Effect.Effect<void>) | undefined
}

/**
 * The service over the `BillwerkClient` in the context.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const client = yield* BillwerkClient
  const policyDefault = options.policy ?? RetryPolicy.standard
  const settlementDefault = options.settlement ?? Settlement.standard
  const around: settling.Around = {
    client,
    flights: flights.make(client),
    hints: yield* Effect.serviceOption(Hints),
    turn: settling.turns(Settlement.readsPerSecond),
    onContradiction: options.onContradiction ?? (() => Effect.void)
  }
  const pay = (span: string, call: flights.Call) =>
    Telemetry.ofPayout(span, call.request.handle)(around.flights.board(call))

  const create = (request: PayoutRequest, { policy = policyDefault }: CallOptions = {}) =>
    refusalOf(request) ?? pay(Telemetry.payoutSpan.create, { request, policy, resumes: false, unseen: undefined })

  const createAll = <E, R>(
    requests: Stream.Stream<PayoutRequest, E, R>,
    { concurrency = bulk.concurrencyDefault, ...options }: CreateAllOptions = {}
  ): Stream.Stream<Result, E, R> =>
    bulk.inBulk(requests, concurrency, (request) =>
      Effect.map(Effect.either(create(request, options)), (result) => ({ request, result }))
    )

  const resume = (request: PayoutRequest, { policy = policyDefault, unseen }: ResumeOptions = {}) =>
    refusalOf(request, unseen) ?? pay(Telemetry.payoutSpan.resume, { request, policy, resumes: true, unseen })

  const get = (handle: Handle, { policy = policyDefault }: CallOptions = {}) =>
    Effect.gen(function* () {
      const { verdict } = yield* read(around, policy, handle)
      const paid = around.flights.paid(handle)
      if (paid !== undefined) yield* settling.contradicted(around, paid, verdict)
      return verdict.payout
    }).pipe(Telemetry.ofCall(Telemetry.payoutSpan.get, handle))

  function settle(outcome: Outcome, options?: SettleOptions): Effect.Effect<Outcome, PayoutError>
  function settle(handle: Handle, options?: SettleOptions): Effect.Effect<Outcome, PayoutError | LookupError>
  function settle(target: Outcome | Handle, options: SettleOptions = {}) {
    const settlement = Settlement.make({ ...settlementDefault, ...options })
    const isHandle = typeof target === "string"
    const settled: Effect.Effect<Outcome, PayoutError | LookupError> = isHandle
      ? settling.settleHandle(around, settlement, options.policy ?? policyDefault, target)
      : settling.settle(around, settlement, target)
    return Telemetry.ofPayout(Telemetry.payoutSpan.settle, isHandle ? target : target.handle)(settled)
  }

  return Payouts.of({ create, createAll, resume, settle, get })
})

/**
 * The service with the standard policy.
 *
 * @category layers
 */
export const layer: Layer.Layer<Payouts, never, BillwerkClient> = Layer.effect(Payouts, make())

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
 */
export const layerWith = (options: Options): Layer.Layer<Payouts, never, BillwerkClient> =>
  Layer.effect(Payouts, make(options))

// A value that only looks like a request has not been validated: nothing of it is looked at, or put on a span.
const refusalOf = (request: PayoutRequest, unseen = 0): InvalidRequest | undefined => {
  if (!isPayoutRequest(request)) {
    return new InvalidRequest({ field: "request", reason: "must be made by PayoutRequest.make" })
  }
  return Number.isSafeInteger(unseen) && unseen >= 0
    ? undefined
    : new InvalidRequest({ field: "unseen", reason: "must be an integer of 0 or more" })
}
