/**
 * Lets requests of one kind through within a limit: in turn, at a pace, and so many at a time. A fiber that leaves the
 * queue early, by an interruption, gives back what it took.
 *
 * Only the first in the queue has a timer. Effect's `RateLimiter` and `Semaphore` wake all waiting fibers at each
 * release, know no urgency, and keep the token of a fiber that was interrupted.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Reply from "../domain/Reply.js"
import { type Limit, Pace } from "./Pace.js"

/**
 * Which exchanges go first. `Begun`: a lookup of a payout in doubt, or a create that is sent again. `New`: the rest.
 *
 * @category models
 * @since 0.1.0
 */
export type Urgency = "Begun" | "New"

/**
 * A place within the limits, for one exchange.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  /** How long the exchange waited for it. */
  readonly waited: Duration.Duration
  /** Hands in the answer: a 429 slows the pace down. */
  readonly answered: (reply: Reply.Reply<Reply.Content>) => void
}

/** A fiber in the queue. */
interface Place {
  /** Done when the fiber has something to check: it is first in line, or a slot is free. */
  signal: Deferred.Deferred<void>
  isInside: boolean
}

type Restore = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The code of a 429 that means too many requests at a time (documented). Any other 429 is about the rate. */
const concurrentRequests = 123

export class Gate {
  private readonly pace: Pace
  private readonly queues: Readonly<Record<Urgency, Set<Place>>> = { Begun: new Set(), New: new Set() }
  private inside = 0

  /** `reserve` takes a token that other processes share, and waits until it counts. */
  constructor(
    limit: Limit,
    private readonly reserve: Effect.Effect<void> | undefined = undefined
  ) {
    this.pace = new Pace(limit)
  }

  withTurn<A, E, R>(urgency: Urgency, exchange: (turn: Turn) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.clockWith((clock) =>
        Effect.flatMap(this.enter(clock, urgency, restore), (turn) =>
          Effect.onExit(restore(exchange(turn)), () => Effect.sync(() => this.leave()))
        )
      )
    )
  }

  /** How many exchanges wait for a turn. */
  get waiting(): number {
    return this.queues.Begun.size + this.queues.New.size
  }

  private enter(clock: Clock.Clock, urgency: Urgency, restore: Restore): Effect.Effect<Turn> {
    const entered = millisOf(clock)
    if (this.waiting === 0 && this.reserve === undefined && this.admits(entered)) {
      return Effect.succeed(this.turn(clock, entered))
    }
    const queue = this.queues[urgency]
    const place: Place = { signal: Deferred.unsafeMake(FiberId.none), isInside: false }
    queue.add(place)
    this.moveUp()
    // The end of the wait and an interruption may meet, so the place is given back by what it has taken.
    return Effect.onExit(restore(this.queueUp(clock, place)), (exit) =>
      Effect.sync(() => {
        queue.delete(place)
        if (Exit.isFailure(exit) && place.isInside) {
          this.inside -= 1
          this.pace.giveBack()
        }
        this.moveUp()
      })
    ).pipe(Effect.map(() => this.turn(clock, entered)))
  }

  private queueUp(clock: Clock.Clock, place: Place): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      while (true) {
        yield* Deferred.await(place.signal)
        const now = millisOf(clock)
        // An urgent exchange may have gone ahead.
        if (this.first !== place || this.inside >= this.pace.concurrent(now)) {
          place.signal = Deferred.unsafeMake(FiberId.none)
        } else if (this.admits(now)) {
          place.isInside = true
          return yield* this.reserve ?? Effect.void
        } else {
          yield* Effect.sleep(Duration.millis(Math.ceil(this.pace.wait(now))))
        }
      }
    })
  }

  /** Takes a slot and a token, if there is one of each. */
  private admits(now: number): boolean {
    if (this.inside >= this.pace.concurrent(now) || this.pace.wait(now) > 0) return false
    this.inside += 1
    this.pace.take(now)
    return true
  }

  private turn(clock: Clock.Clock, entered: number): Turn {
    const sent = millisOf(clock)
    return {
      waited: Duration.millis(sent - entered),
      answered: (reply) => {
        if (reply._tag !== "Response" || reply.status !== 429) return
        const what = codeOf(reply) === concurrentRequests ? "Concurrent" : "Rate"
        this.pace.refused(what, sent, millisOf(clock), Duration.toMillis(reply.retryAfter ?? Duration.zero))
      }
    }
  }

  private leave(): void {
    this.inside -= 1
    this.moveUp()
  }

  private moveUp(): void {
    const { first } = this
    if (first !== undefined) Deferred.unsafeDone(first.signal, Effect.void)
  }

  private get first(): Place | undefined {
    for (const queue of [this.queues.Begun, this.queues.New]) for (const place of queue) return place
    return undefined
  }
}

const codeOf = ({ body }: Reply.Response<Reply.Content>): number | undefined =>
  body._tag === "ApiError" ? body.code : undefined

const millisOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
