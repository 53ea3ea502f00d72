/**
 * Reports what happens in the sandbox to its listeners, such as `SandboxWebhooks`. Without a listener, which is the
 * usual case, it costs nothing.
 */
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Ledger from "./Ledger.js"

/**
 * A change in the sandbox.
 *
 * - `Planned`: a task is due at a time, in epoch milliseconds. It happens at the next access to the sandbox.
 * - `Ended`: an attempt was paid or failed, at once or later. The payout is as it was then on record.
 *
 * @category models
 * @since 0.1.0
 */
export type Change =
  { readonly _tag: "Planned"; readonly due: number } | { readonly _tag: "Ended"; readonly payout: Ledger.Recorded }

export class Changes {
  private readonly listeners = new Set<Queue.Enqueue<Change>>()

  happened(change: Change): void {
    for (const listener of this.listeners) listener.unsafeOffer(change)
  }

  /** `planned` gives the due times that were planned before the listener came. */
  tell(listener: Queue.Enqueue<Change>, planned: () => ReadonlyArray<number>): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        this.listeners.add(listener)
        for (const due of planned()) listener.unsafeOffer({ _tag: "Planned", due })
      }),
      () => Effect.sync(() => this.listeners.delete(listener))
    )
  }
}
