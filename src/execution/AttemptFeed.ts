/**
 * Tells listeners of each attempt of a service while its call goes on. A listener has a place for so many attempts; if
 * it is slower, it misses the oldest. So no listener holds a call up, or makes it fail.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import type { Attempt } from "../domain/Attempt.js"
import type { Handle } from "../domain/Handle.js"

/**
 * One exchange about a payout, with what the library does next.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptEnded {
  readonly handle: Handle
  readonly attempt: Attempt
}

/** How many attempts wait for a listener that is slower than the calls. */
export const attemptsWaitingMax = 256

export class AttemptFeed {
  private readonly listeners = new Set<Mailbox.Mailbox<AttemptEnded>>()
  private isClosed = false

  /** Tells all listeners, and waits for none. */
  readonly tell = (ended: AttemptEnded): void => {
    for (const listener of this.listeners) listener.unsafeOffer(ended)
  }

  /** The attempts from the moment on at which a listener begins, until the service ends. */
  readonly stream: Stream.Stream<AttemptEnded> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.suspend(() => this.open),
        (listener) => Effect.sync(() => this.listeners.delete(listener))
      ),
      Mailbox.toStream
    )
  )

  /** Ends the streams of all listeners, once they have what was told. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.isClosed = true
    for (const listener of this.listeners) listener.unsafeDone(Exit.void)
  })

  private get open(): Effect.Effect<Mailbox.Mailbox<AttemptEnded>> {
    return Effect.map(Mailbox.make<AttemptEnded>({ capacity: attemptsWaitingMax, strategy: "sliding" }), (listener) => {
      if (this.isClosed) listener.unsafeDone(Exit.void)
      this.listeners.add(listener)
      return listener
    })
  }
}
