/**
 * The provider's request limits for several processes that use one account: the rates are counted in a store that all
 * of them share, through `RateLimiter` of `@effect/experimental`. Each process keeps to its share of the concurrent
 * requests. While the store is away, each process keeps to its share of the rates, too, and logs that.
 */
import * as RateLimiter from "@effect/experimental/RateLimiter"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as hostCode from "../host/hostCode.js"
import { Gate } from "./Gate.js"
import { type Limit, Pace } from "./Pace.js"
import * as RequestLimits from "./RequestLimits.js"

/**
 * How the processes of one account share its limits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many processes use the account at most: an integer of 1 or more, the same in all of them. */
  readonly processes: number
  /** The limits of all processes together. Default: `RequestLimits.standard`. */
  readonly limits?: RequestLimits.Limits | undefined
  /** The name of the account in the store, the same in all processes. Never a key. Default: `billwerk`. */
  readonly account?: string | undefined
}

/**
 * The longest time to wait for the store. After that it is away, until the next try.
 *
 * @category limits
 * @since 0.1.0
 */
export const storeDeadline: Duration.Duration = Duration.seconds(1)

/**
 * How long a process leaves a store alone that is away.
 *
 * @category limits
 * @since 0.1.0
 */
export const storeRetry: Duration.Duration = Duration.seconds(5)

/**
 * Makes the service over the `RateLimiter` in the context. Dies if an option is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { account = "billwerk", limits = RequestLimits.standard, processes } = options
  if (!Number.isSafeInteger(processes) || processes < 1) {
    return yield* Effect.dieMessage("processes must be an integer of 1 or more")
  }
  const { reads, writes } = yield* RequestLimits.checked(limits)
  const store = new Store(yield* RateLimiter.RateLimiter)
  const gate = (name: string, limit: Limit) => {
    const share = shareOf(limit, processes)
    const reserve = store.reserve(`${account}/${name}`, limit, new Share(share))
    return new Gate({ ...limit, concurrent: share.concurrent }, reserve)
  }
  return RequestLimits.over(gate("reads", reads), gate("writes", writes))
})

/**
 * The service as a layer. Give it to the client's layer, which then uses it instead of limits of its own.
 *
 * @example
 * ```ts
 * import * as RateLimiter from "@effect/experimental/RateLimiter"
 * import { layerStoreConfig } from "@effect/experimental/RateLimiter/Redis"
 * import { Config, Layer } from "effect"
 * import * as SharedRequestLimits from "effect-billwerk-payouts/SharedRequestLimits"
 *
 * // Three instances pay out at the limits of one account.
 * const limits = SharedRequestLimits.layer({ processes: 3 }).pipe(
 *   Layer.provide(RateLimiter.layer),
 *   Layer.provide(layerStoreConfig({ host: Config.string("REDIS_HOST") }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<RequestLimits.RequestLimits, never, RateLimiter.RateLimiter> =>
  Layer.effect(RequestLimits.RequestLimits, make(options))

const shareOf = ({ burst, concurrent, rate }: Limit, processes: number): Limit => ({
  rate: rate / processes,
  burst: Math.max(1, Math.floor(burst / processes)),
  concurrent: Math.max(1, Math.floor(concurrent / processes))
})

/** The shared store. All reservations of this process know whether it is away. */
class Store {
  private awayUntil = -Infinity
  /** When all processes have noticed that the store is back, and their tokens are counted. */
  private settled = -Infinity

  constructor(private readonly limiter: RateLimiter.RateLimiter) {}

  /** Takes a token and waits until it counts. While the store is away, the token comes from this process's share. */
  reserve(key: string, limit: Limit, share: Share): Effect.Effect<void> {
    const window = Duration.millis((limit.burst / limit.rate) * 1000)
    const consume = (tokens: number) =>
      this.limiter
        .consume({
          algorithm: "token-bucket",
          onExceeded: "delay",
          window,
          limit: limit.burst,
          key,
          tokens: Math.min(limit.burst, tokens)
        })
        // A store's driver may refuse to be interrupted, and the turn must not wait for that.
        .pipe(Effect.disconnect, Effect.raceFirst(isSlow))
    return Effect.clockWith((clock) => {
      const now = millisOf(clock)
      if (now < this.awayUntil) return share.takeUncounted(clock)
      return Effect.matchCauseEffect(consume(1 + share.uncounted(now)), {
        onFailure: () => Effect.zipRight(this.away(clock), share.takeUncounted(clock)),
        onSuccess: ({ delay }) => {
          const counted = Effect.zipRight(this.back(now), Effect.sleep(delay))
          return Effect.zipRight(
            counted,
            Effect.suspend(() => share.counted(clock, now < this.settled))
          )
        }
      })
    })
  }

  private away(clock: Clock.Clock): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isNew = this.awayUntil === -Infinity
      this.awayUntil = millisOf(clock) + Duration.toMillis(storeRetry)
      const line = "The store of the shared request limits is away: this process keeps to its share of the limits."
      return isNew ? hostCode.log(Effect.logWarning(line)) : Effect.void
    })
  }

  private back(now: number): Effect.Effect<void> {
    if (this.awayUntil === -Infinity || now < this.awayUntil) return Effect.void
    this.awayUntil = -Infinity
    this.settled = now + Duration.toMillis(storeRetry)
    return hostCode.log(Effect.logInfo("The store of the shared request limits is back."))
  }
}

// In two halves: after a pause of this process, an answer that has arrived is read before the second one ends.
const isSlow = Effect.sleep(Duration.times(storeDeadline, 0.5)).pipe(
  Effect.repeatN(1),
  Effect.zipRight(Effect.fail("slow" as const))
)

/** What one process may send of one limit while the store is away. */
class Share {
  private readonly pace: Pace
  private isInUse = true
  private hasUncounted = false

  constructor(limit: Limit) {
    this.pace = new Pace(limit)
  }

  /** How many of the share's tokens are in use, and the store has yet to count them. */
  uncounted(now: number): number {
    return this.hasUncounted ? this.pace.lacking(now) : 0
  }

  /** Takes a token that the store does not count. The burst was the store's to give, so after it the share is empty. */
  takeUncounted(clock: Clock.Clock): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.isInUse) this.pace.drain(millisOf(clock))
      this.isInUse = true
      this.hasUncounted = true
      return this.take(clock)
    })
  }

  /** Takes note that the store has counted this process's tokens. It may not have counted those of the others yet. */
  counted(clock: Clock.Clock, isUnsettled: boolean): Effect.Effect<void> {
    this.hasUncounted = false
    this.isInUse = isUnsettled
    return isUnsettled ? this.take(clock) : Effect.void
  }

  private take(clock: Clock.Clock): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = millisOf(clock)
      const wait = this.pace.wait(now)
      if (wait > 0) return Effect.zipRight(Effect.sleep(Duration.millis(Math.ceil(wait))), this.take(clock))
      this.pace.take(now)
      return Effect.void
    })
  }
}

const millisOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
