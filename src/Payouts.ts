/**
 * The service: pays out, recovers what another process began, waits until a payout is final, and looks payouts up.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { BillwerkClient } from "./provider/BillwerkClient.js"
import * as Exposure from "./domain/Exposure.js"
import type { Evidence } from "./domain/Exposure.js"
import type { Handle } from "./domain/Handle.js"
import type { Attempt } from "./domain/Attempt.js"
import type { Outcome } from "./domain/Outcome.js"
import type { PaidContradicted } from "./domain/PaidContradicted.js"
import type { Payout } from "./domain/Payout.js"
import {
  InvalidRequest,
  type ListError,
  type LookupError,
  type LookupFailed,
  type PayoutError
} from "./domain/PayoutError.js"
import type * as PayoutFilter from "./domain/PayoutFilter.js"
import { isPayoutRequest, type PayoutRequest } from "./domain/PayoutRequest.js"
import { type AttemptEnded, AttemptFeed } from "./execution/AttemptFeed.js"
import * as exchange from "./execution/exchange.js"
import * as live from "./execution/liveServices.js"
import * as payoutList from "./execution/list.js"
import { assess as assessed, lookup } from "./execution/lookup.js"
import * as poll from "./execution/poll.js"
import * as Process from "./execution/Process.js"
import { type Call, SingleFlight } from "./execution/singleFlight.js"
import * as details from "./execution/transactionDetails.js"
import { intended } from "./execution/Subject.js"
import { Hints } from "./webhook/Hints.js"
import * as bulk from "./execution/bulk.js"
import * as hostCode from "./host/hostCode.js"
import * as RetryPolicy from "./policy/RetryPolicy.js"
import * as PollPolicy from "./policy/PollPolicy.js"
import * as Telemetry from "./Telemetry.js"

export type { AttemptEnded } from "./execution/AttemptFeed.js"

/**
 * The settings of one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  /** Replaces the layer's policy. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
}

/**
 * The settings of one `create`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateOptions extends CallOptions {
  /**
   * The evidence of earlier, ended calls for this handle, which this process may not have. The transactions that it
   * knows are not taken for the doing of this create. If it leaves money in doubt, the call looks up first. For calls
   * that may not have ended, use `recover`.
   */
  readonly evidence?: Evidence | undefined
}

/**
 * The settings of one `createAll`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateAllOptions extends CallOptions {
  /** How many payouts may be under way at once: an integer of 1 or more, or else the stream dies. Default: 16. */
  readonly concurrency?: number | undefined
}

/**
 * One request of `createAll` or `recoverAll`, and its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly request: PayoutRequest
  /** A failed payout is a `Left`; it does not end the stream. */
  readonly result: Either.Either<Outcome, PayoutError>
}

/**
 * The settings of one `recover`: what the caller knows of other processes. The more it knows, the sooner doubt ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecoverOptions extends CallOptions {
  /**
   * The `evidence` of the latest error or outcome about this handle, of any process: as if this process had seen it.
   */
  readonly evidence?: Evidence | undefined
  /**
   * How many outstanding creates there are, which neither this process nor `evidence` knows of. A process sent them,
   * and was killed while it sent or did not hand its evidence over. Each may still be carried out, and counts in the
   * exposure until a transaction accounts for it or the arrival horizon has passed. A number replaces the one that an
   * earlier call gave. The creates that `evidence` itself holds stay (`Exposure.withoutGuesses` drops the assumed
   * ones). Default: 1, as a guess, which only the horizon ends. **Give 0 only if you know** that no other process sent
   * anything since the evidence was produced.
   */
  readonly outstandingCreates?: number | undefined
  /** The latest time at which any of them can have been sent. Default: now. */
  readonly lastSentAt?: DateTime.DateTime | undefined
  /**
   * Whether to look up only: nothing is sent, whatever the lookup shows. What it does not find fails with what is known
   * by then. Default: false.
   */
  readonly lookUpOnly?: boolean | undefined
}

/**
 * The settings of one `recoverAll`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecoverAllOptions extends CreateAllOptions, Omit<RecoverOptions, "evidence"> {}

/**
 * The settings of one `intend`.
 *
 * @category models
 * @since 0.1.0
 */
export interface IntendOptions {
  /** The evidence of earlier errors and outcomes about this handle, and of earlier intents whose end is not known. */
  readonly evidence?: Evidence | undefined
  /** How many creates the caller will send at most. Default: 1, as with `RetryPolicy.none`. */
  readonly creates?: number | undefined
  /**
   * How long from now until the last of them will have been sent. Default: `intentMax`. A single create that gets its
   * turn later is not sent: the call fails with `NotMoved` until there is a new intent.
   */
  readonly within?: Duration.DurationInput | undefined
}

/**
 * How long an intent holds by default: a minute. To send later than that, take a new intent.
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
 * How many runs of `onContradiction` may be under way at once. One more is not started, and the service logs it.
 *
 * @category limits
 * @since 0.1.0
 */
export const contradictionsMax = 16

/**
 * How long one run of `beforeCreate` may take: 10 seconds.
 *
 * @category limits
 * @since 0.1.0
 */
export const beforeCreateDeadline: Duration.Duration = exchange.beforeCreateDeadline

/**
 * The settings of one `awaitFinal`, in place of the layer's `pollPolicy`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AwaitFinalOptions extends PollPolicy.Options, CallOptions {}

/**
 * The settings of one `assess`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AssessOptions extends CallOptions {
  /** The `evidence` of the latest error or outcome about this handle, of any process. */
  readonly evidence?: Evidence | undefined
}

/**
 * What evidence amounts to after a lookup.
 *
 * @category models
 * @since 0.1.0
 */
export interface Assessment {
  readonly handle: Handle
  /** The provider's record, or none if it has no payout under this handle. */
  readonly payout: Option.Option<Payout>
  readonly attempts: ReadonlyArray<Attempt>
  /** Whether money moved, by all of this evidence. */
  readonly certainty: Exposure.Certainty
  /** The least and the most that can have left the account, in minor units. */
  readonly exposure: Exposure.Exposure
  /** What was passed, what this process knows, and what the lookup showed. */
  readonly evidence: Evidence
}

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
     * Pays out once, also when answers are lost: retries by the policy, looks the payout up before it sends anything
     * again, and treats 133 and 134 as answers. `Paid` and `Processing` are successes. Calls at the same time with the
     * same arguments share one conversation (and the first call's policy and span); other arguments for the same handle
     * are a `HandleConflict`.
     *
     * After an interruption, or an error whose `certainty` is `MayHaveMoved`, the next call for the handle in this
     * process looks up first, and carries the evidence on. Once the request is paid, or declined for good, the next
     * call ends at once as the first did. But if `awaitFinal` found the payment for a bare handle, it may have gone to
     * another card, so the next call looks it up. The service remembers the last 10,000 payouts in doubt, 10,000 that
     * were declined and 10,000 that were paid. **For a payout that another process may have sent, or after a restart,
     * use `recover`.** For one that another process sent and saw fail, which is tried again, pass the `evidence` of that
     * failure: or else the old decline may be taken for the answer to this create, if that is lost.
     */
    readonly create: (request: PayoutRequest, options?: CreateOptions) => Effect.Effect<Outcome, PayoutError>
    /**
     * `create` for each request of a stream, many at once. Emits one result per request, in completion order; a failed
     * payout is a `Left`. Requests are pulled as they are needed. If the consumer is slow, no more than 32 results wait
     * beside the `concurrency` payouts that are under way. If the stream of requests fails, or a payout dies, no other
     * payout begins. The results of those under way come out, and then it fails or dies as well. A consumer that stops
     * taking results, or is interrupted, interrupts what is under way and gets no result of it: as after any
     * interruption, the next call for such a handle looks up first.
     */
    readonly createAll: <E, R>(
      requests: Stream.Stream<PayoutRequest, E, R>,
      options?: CreateAllOptions
    ) => Stream.Stream<Result, E, R>
    /**
     * `create` for a request that another process may have sent: one that died, another instance, an earlier run. Looks
     * the payout up first, and sends only what the provider does not know. Pass the `evidence` of the latest error or
     * outcome if there is any. By default it assumes one outstanding create (see `outstandingCreates`), so a failure
     * stays in doubt until the arrival horizon has passed.
     */
    readonly recover: (request: PayoutRequest, options?: RecoverOptions) => Effect.Effect<Outcome, PayoutError>
    /** `recover` for each request of a stream, like `createAll`: **the way to run a batch again** that did not end. */
    readonly recoverAll: <E, R>(
      requests: Stream.Stream<PayoutRequest, E, R>,
      options?: RecoverAllOptions
    ) => Stream.Stream<Result, E, R>
    /**
     * Evidence that this process will send a create of the request within a minute (or `within`). It sends nothing. A
     * caller with a journal of its own **stores it before sending**, and replaces it with the `evidence` of the error
     * or outcome when the call has ended. If the process dies before that, another one passes the stored evidence to
     * `recover`: what may have been sent stays in doubt until the record accounts for it or the arrival horizon has
     * passed. It holds all that this process knows of the handle, and how far its clock is from the provider's.
     */
    readonly intend: (request: PayoutRequest, options?: IntendOptions) => Effect.Effect<Evidence, InvalidRequest>
    /**
     * Waits until a payout that is processing is paid or failed. It looks up by the schedule, and at once when a
     * webhook's hint comes in (give the layer `Hints`, and the same to the webhook handler). At the deadline it returns
     * what it saw last: `Processing` still, with the evidence of its lookups. `waited` says how many lookups it began,
     * which may be none, and when the provider showed that. It only looks up, so you may interrupt and repeat it at
     * will; after a failure, use `recover`. The service keeps the outcome's evidence from the beginning: a `create`
     * beside the wait, or after its interruption, looks up first. For a bare handle the arguments are not known, so they cannot be compared
     * with what the provider shows; if no lookup is answered before the deadline, it fails with `LookupFailed`.
     */
    readonly awaitFinal: {
      (outcome: Outcome, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError>
      (handle: Handle, options?: AwaitFinalOptions): Effect.Effect<Outcome, PayoutError | LookupError>
    }
    /** The payout as the provider shows it now. Looks up again by the policy's communication and rate limit rules. */
    readonly get: (handle: Handle, options?: CallOptions) => Effect.Effect<Payout, LookupError>
    /**
     * The provider's record of all payouts of a window of time, newest first, page by page as the consumer pulls. **A
     * list that ends without an error is complete**: it has every payout that the provider showed for the window when
     * the list began. What cannot be read, an entry of a page included, is never left out: after the retries of the
     * policy, which each page has for itself, the stream fails with `ListFailed`. A payout comes out as its page showed
     * it. One that a later page shows again is left out, if one of the latest 10 pages had it. A payout that was
     * created a moment ago may not be shown yet (inferred), and a create that is under way never is. For accounts, let
     * the window end some minutes ago.
     *
     * The lists are for questions now and then. The provider documents that to read them continuously, to keep data in
     * step, is **unfair usage**: use `get`, `awaitFinal` and webhooks for that.
     */
    readonly list: (filter: PayoutFilter.Input, options?: CallOptions) => Stream.Stream<Payout, ListError>
    /**
     * What the provider and the acquirer recorded of one transaction (`payout.transactions[].id`): a map without a
     * documented form, which their support may ask for after a processing error. It may hold personal data and parts of
     * a card, so it is `Redacted`: `Redacted.value` reveals it, and nothing else shows it. Looks up again as `get`
     * does. An unknown transaction is a `LookupFailed` with the provider's code 70 (inferred).
     */
    readonly transactionDetails: (
      handle: Handle,
      transactionId: string,
      options?: CallOptions
    ) => Effect.Effect<Redacted.Redacted<Readonly<Record<string, unknown>>>, LookupError>
    /**
     * What stored `evidence` amounts to now: looks the payout up and never sends. A doubt ends here by the same rules as
     * in `recover`, also if the provider knows no such payout. It assumes no create that neither `evidence` nor this
     * process knows of. So without evidence, it says what the record shows, and nothing about a create under way.
     */
    readonly assess: (
      handle: Handle,
      options?: AssessOptions
    ) => Effect.Effect<Assessment, LookupFailed | InvalidRequest>
    /**
     * The creates and lookups of all calls of this service **while the calls go on**: each as soon as it is known how it
     * ended and what follows, so before the wait that follows. For progress on a screen, and for counting. It begins when
     * the stream is run, and ends with the service. An attempt whose decision changes (the wait for the next one ended too
     * late) comes again, under the same handle and `ordinal`.
     *
     * **It is no audit log.** A consumer that is 256 attempts behind misses the oldest, and what comes while nobody
     * listens is not kept. No consumer delays a call, or makes it fail. The record is `attempts` and `evidence` of each
     * outcome and error, and `beforeCreate` is what runs before a create is sent.
     */
    readonly attempts: Stream.Stream<AttemptEnded>
  }
>() {}

/**
 * The settings of the service.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** For calls that pass none. Default: `RetryPolicy.standard`. */
  readonly policy?: RetryPolicy.RetryPolicy | undefined
  /** For calls of `awaitFinal` that pass none. Default: `PollPolicy.standard`. */
  readonly pollPolicy?: PollPolicy.PollPolicy | undefined
  /**
   * How long after sending a create may still be carried out (inferred). A record that is read later settles what it
   * does not show. Longer is safer, and keeps doubt longer. Default: 6 hours.
   */
  readonly arrivalHorizon?: Duration.DurationInput | undefined
  /**
   * Runs before each create is sent, resends included, with all that this process knows of the handle: this create is
   * part of it. **Store the evidence durably**, by handle, in place of the earlier one. If the process is killed, pass
   * what is stored to `recover`, with `outstandingCreates: 0`: it has every create that was sent. If the effect fails,
   * dies or takes longer than `beforeCreateDeadline`, the create is not sent. Replace what is stored with the
   * `evidence` of the outcome or error when the call has ended.
   */
  readonly beforeCreate?: ((evidence: Evidence) => Effect.Effect<void, unknown>) | undefined
  /**
   * Runs when the provider shows another state for a payout that a request of this process is known to have paid. The
   * service logs that as an error in any case. The callback runs in its own fiber, for `contradictionDeadline` at most,
   * and the call does not wait for it. If it dies or takes longer, the service logs that. When the service's scope
   * closes, callbacks under way may end.
   */
  readonly onContradiction?: ((contradiction: PaidContradicted) => Effect.Effect<void>) | undefined
}

/**
 * The service over the `BillwerkClient` in the context. Make one per account and process: only calls of the same
 * service know of each other. The service logs a warning about another one, once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Payouts["Type"], never, BillwerkClient | Scope.Scope> =>
  Effect.map(start(options), (parts) => Payouts.of({ ...paying(parts), ...asking(parts) }))

/** What the methods of one service share. */
interface Parts {
  readonly around: poll.Around
  readonly attempts: Stream.Stream<AttemptEnded>
  readonly policy: RetryPolicy.RetryPolicy
  readonly pollPolicy: PollPolicy.PollPolicy
}

const start = Effect.fnUntraced(function* (options: Options) {
  const client = yield* BillwerkClient
  const { beforeCreate, onContradiction } = options
  const feed = yield* Effect.acquireRelease(
    Effect.sync(() => new AttemptFeed()),
    ({ close }) => close
  )
  const horizon = Duration.decode(options.arrivalHorizon ?? Exposure.arrivalHorizonDefault)
  const process = yield* Process.make(horizon, feed.tell)
  yield* live.announce(client.account)
  const flights = yield* Effect.acquireRelease(
    Effect.sync(() => new SingleFlight(client, process, beforeCreate && exchange.beforeCreate(beforeCreate))),
    ({ close }) => close
  )
  const beside = yield* hostCode.beside({ atOnceMax: contradictionsMax, deadline: contradictionDeadline })
  const around: poll.Around = {
    client,
    process,
    flights,
    hints: yield* Effect.serviceOption(Hints),
    onContradiction: (contradiction) =>
      onContradiction === undefined ? Effect.void : beside("onContradiction", () => onContradiction(contradiction))
  }
  const parts: Parts = {
    around,
    attempts: feed.stream,
    policy: options.policy ?? RetryPolicy.standard,
    pollPolicy: options.pollPolicy ?? PollPolicy.standard
  }
  return parts
})

/** The methods that may move money, and `intend`, which goes before them. */
const paying = ({ around: { flights, process }, policy: policyDefault }: Parts) => {
  const pay = (span: string, call: Call) => Telemetry.ofPayout(span, call.request.handle)(flights.board(call))

  const create = (request: PayoutRequest, { evidence, policy = policyDefault }: CreateOptions = {}) =>
    refusalOf(request, { evidence }) ??
    pay(Telemetry.payoutSpan.create, { request, policy, evidence, recovery: undefined })

  const recover = (request: PayoutRequest, options: RecoverOptions = {}) => {
    const { evidence, lastSentAt, lookUpOnly = false, outstandingCreates, policy = policyDefault } = options
    const recovery = {
      outstandingCreates,
      lookUpOnly,
      lastSentAt: lastSentAt === undefined ? undefined : DateTime.toEpochMillis(lastSentAt)
    }
    return refusalOf(request, options) ?? pay(Telemetry.payoutSpan.recover, { request, policy, evidence, recovery })
  }

  const intend = Effect.fnUntraced(function* (request: PayoutRequest, options: IntendOptions = {}) {
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

  const createAll = <E, R>(
    requests: Stream.Stream<PayoutRequest, E, R>,
    { concurrency, ...options }: CreateAllOptions = {}
  ) => each((request) => create(request, options))(requests, concurrency)

  const recoverAll = <E, R>(
    requests: Stream.Stream<PayoutRequest, E, R>,
    { concurrency, ...options }: RecoverAllOptions = {}
  ) => each((request) => recover(request, options))(requests, concurrency)

  return { create, createAll, recover, recoverAll, intend }
}

const each =
  (work: (request: PayoutRequest) => Effect.Effect<Outcome, PayoutError>) =>
  <E, R>(requests: Stream.Stream<PayoutRequest, E, R>, concurrency = bulk.concurrencyDefault) =>
    bulk.inBulk(requests, concurrency, (request) =>
      Effect.map(Effect.either(work(request)), (result): Result => ({ request, result }))
    )

/** The methods that only look up. */
const asking = ({ around, attempts, policy: policyDefault, pollPolicy: pollPolicyDefault }: Parts) => {
  const { client, flights, process } = around

  const get = (handle: Handle, { policy = policyDefault }: CallOptions = {}) =>
    Effect.gen(function* () {
      const { verdict } = yield* lookup(client, process, policy, handle)
      const paid = flights.paid(handle)
      if (paid !== undefined) yield* poll.contradicted(around, paid, verdict)
      return verdict.payout
    }).pipe(Telemetry.ofCall(Telemetry.payoutSpan.get, handle))

  const assess = (handle: Handle, { evidence, policy = policyDefault }: AssessOptions = {}) =>
    Effect.gen(function* () {
      if (evidence !== undefined && evidence.handle !== handle) return yield* ofAnotherHandle(handle)
      const own = flights.evidence(handle) ?? Exposure.empty(handle)
      const known =
        evidence === undefined ? own : Exposure.merge(Exposure.adopted(evidence, yield* process.now, own), own)
      const { evidence: recorder, payout } = yield* assessed(client, process, policy, handle, known)
      const paid = flights.paid(handle)
      if (paid !== undefined && Option.isSome(payout)) yield* poll.reported(around, paid, payout.value)
      const { attempts, exposure, value } = recorder
      const certainty = Exposure.certainty(exposure)
      return { handle, payout, attempts, certainty, exposure, evidence: value } satisfies Assessment
    }).pipe(Telemetry.ofCall(Telemetry.payoutSpan.assess, handle))

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

  // A list may lag behind, so it does not contradict what a lookup or a create showed as paid.
  const list = (filter: PayoutFilter.Input, { policy = policyDefault }: CallOptions = {}) =>
    payoutList.list({ client, process, policy }, filter)

  const transactionDetails = (handle: Handle, id: string, { policy = policyDefault }: CallOptions = {}) =>
    details
      .transactionDetails({ client, process, policy }, handle, id)
      .pipe(Telemetry.ofCall(Telemetry.payoutSpan.transactionDetails, handle))

  return { get, assess, awaitFinal, list, transactionDetails, attempts }
}

/**
 * The service with `RetryPolicy.standard` and `PollPolicy.standard`. It needs a `BillwerkClient`: the provider's, or
 * that of `Sandbox.layer` in tests.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Config, Layer } from "effect"
 * import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
 *
 * const live = Payouts.layer.pipe(
 *   Layer.provide(BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
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

// A value that only looks like a request was not validated: nothing of it is read, or put on a span.
const refusalOf = (
  request: PayoutRequest,
  { evidence, outstandingCreates = 0 }: RecoverOptions = {},
  field = "outstandingCreates"
): InvalidRequest | undefined => {
  if (!isPayoutRequest(request)) {
    return new InvalidRequest({ field: "request", reason: "must be made by PayoutRequest.make" })
  }
  if (evidence !== undefined && evidence.handle !== request.handle) {
    return ofAnotherHandle(request.handle)
  }
  return Number.isSafeInteger(outstandingCreates) && outstandingCreates >= 0
    ? undefined
    : new InvalidRequest({
        field,
        reason: "must be an integer of 0 or more",
        handle: request.handle
      })
}

const ofAnotherHandle = (handle: Handle): InvalidRequest =>
  new InvalidRequest({ field: "evidence", reason: "must be about the request's handle", handle })
