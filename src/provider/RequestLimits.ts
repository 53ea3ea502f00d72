/**
 * The provider's request limits, kept by the client: an exchange waits for its turn before it is sent. One service is
 * shared by all calls of a process, so that creates, lookups and lists together stay within the limits.
 *
 * Reads and writes have separate limits. In each, what has begun goes first: lookups of payouts in doubt and creates
 * that are sent again do not queue behind new payouts. A 429 all the same means that other programs use the account:
 * the pace slows down for all calls at once, and recovers.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Attempt from "../domain/Attempt.js"
import { Gate, type Turn, type Urgency } from "./Gate.js"
import type { Limit } from "./Pace.js"

export type { Turn, Urgency } from "./Gate.js"
export type { Limit } from "./Pace.js"

/**
 * The limits of reads (lookups, lists) and of writes (creates).
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Of lookups and lists. */
  readonly reads: Limit
  /** Of creates. */
  readonly writes: Limit
}

/**
 * The provider's limits, as documented: 10 writes and 25 reads per second, in bursts of 25 and 50, and 10 of each at a
 * time. They are the same for test and live accounts.
 *
 * @category limits
 * @since 0.1.0
 */
export const documented: Limits = {
  reads: { rate: 25, burst: 50, concurrent: 10 },
  writes: { rate: 10, burst: 25, concurrent: 10 }
}

/**
 * The documented rates, with a reserve in the bursts and in the number at a time. Requests that leave at a steady pace
 * do not arrive at one, and the provider may count a request a little longer than its client does.
 *
 * @category limits
 * @since 0.1.0
 */
export const standard: Limits = {
  reads: { rate: 25, burst: 40, concurrent: 9 },
  writes: { rate: 10, burst: 20, concurrent: 9 }
}

/** @internal */
export const isLimit = (limit: unknown): limit is Limit =>
  Predicate.hasProperty(limit, "rate") &&
  Predicate.hasProperty(limit, "burst") &&
  Predicate.hasProperty(limit, "concurrent") &&
  typeof limit.rate === "number" &&
  Number.isFinite(limit.rate) &&
  limit.rate > 0 &&
  isCount(limit.burst) &&
  isCount(limit.concurrent)

const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && Number(n) >= 1

/**
 * The request limits of one account. `Payouts` waits for a turn before each exchange.
 *
 * @category tags
 * @since 0.1.0
 */
export class RequestLimits extends Context.Tag("effect-billwerk-payouts/RequestLimits")<
  RequestLimits,
  {
    /**
     * Waits for a turn and runs an exchange in it. A wait sends nothing. It may be interrupted: then it leaves its
     * place, and the next one moves up.
     */
    readonly withTurn: <A, E, R>(
      kind: Attempt.Kind,
      urgency: Urgency,
      exchange: (turn: Turn) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
  }
>() {}

/**
 * Makes a service that keeps the given limits by itself: for one process at a time. Dies if a limit is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: Limits = standard): Effect.Effect<RequestLimits["Type"]> =>
  Effect.map(checked(limits), ({ reads, writes }) => over(new Gate(reads), new Gate(writes)))

/**
 * The limits, if they are valid: with a rate of 0, an exchange would wait forever.
 *
 * @internal
 */
export const checked = (limits: Limits): Effect.Effect<Limits> =>
  isLimit(limits.reads) && isLimit(limits.writes)
    ? Effect.succeed(limits)
    : Effect.die(new Cause.IllegalArgumentException("request limits need a rate above 0, and counts of 1 or more"))

/**
 * The service over two gates.
 *
 * @internal
 */
export const over = (reads: Gate, writes: Gate): RequestLimits["Type"] =>
  RequestLimits.of({
    withTurn: (kind, urgency, exchange) => (kind === "Create" ? writes : reads).withTurn(urgency, exchange)
  })

/**
 * The service with the standard limits. Only clients that are to share one need it: `BillwerkClient.layer` makes its
 * own if there is none in its context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RequestLimits> = Layer.effect(RequestLimits, make())

/**
 * The service with other limits.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (limits: Limits): Layer.Layer<RequestLimits> => Layer.effect(RequestLimits, make(limits))
