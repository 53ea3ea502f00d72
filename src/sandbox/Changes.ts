/**
 * What happens in the sandbox, told to whoever acts on it, such as `SandboxWebhooks`. Nobody listens as a rule, and then
 * it costs nothing.
 */
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Ledger from "./Ledger.js"

/**
 * - `Planned`: something is due at a moment, in epoch milliseconds. It happens when somebody next looks at the sandbox.
 * - `Ended`: an attempt was paid or failed, at once or later. The payout is as it then was on record.
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

  /** `planned` is what the listener missed: when something is due already. */
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
