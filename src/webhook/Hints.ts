/**
 * Passes hints from a webhook handler, which publishes them, to `Payouts.awaitFinal`, which listens. It works in
 * memory, in one process. A hint without a listener is lost, and costs nothing but the time until the next poll.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Hint } from "../domain/Hint.js"

/**
 * The channel for hints in this process. Give its layer to `Payouts.layer` and to the webhook handler, and hints wake
 * `awaitFinal` early.
 *
 * @category tags
 * @since 0.1.0
 */
export class Hints extends Context.Tag("effect-billwerk-payouts/Hints")<
  Hints,
  {
    /** Wakes all listeners for any of the hint's references. Never waits, and never fails. */
    readonly publish: (hint: Hint) => Effect.Effect<void>
    /**
     * Listens for hints about any of these references, until the scope closes. The queue holds one hint: many hints
     * about the same thing are one reason to look.
     */
    readonly subscribe: (references: Iterable<string>) => Effect.Effect<Queue.Dequeue<Hint>, never, Scope.Scope>
  }
>() {}

/**
 * Hints within one process. For several processes, let `onHint` of the webhook handler pass them on, and publish them
 * in each.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Hints["Type"]> = Effect.sync(() => {
  const listeners = new Map<string, Set<Queue.Queue<Hint>>>()

  const listen = (references: ReadonlySet<string>, queue: Queue.Queue<Hint>) =>
    Effect.sync(() => {
      for (const reference of references) {
        const others = listeners.get(reference)
        if (others === undefined) listeners.set(reference, new Set([queue]))
        else others.add(queue)
      }
    })

  const leave = (references: ReadonlySet<string>, queue: Queue.Queue<Hint>) =>
    Effect.sync(() => {
      for (const reference of references) {
        const others = listeners.get(reference)
        others?.delete(queue)
        if (others?.size === 0) listeners.delete(reference)
      }
    })

  return {
    publish: (hint) =>
      Effect.sync(() => {
        const woken = new Set(hint.references.flatMap((reference) => Array.from(listeners.get(reference) ?? [])))
        for (const queue of woken) queue.unsafeOffer(hint)
      }),
    subscribe: (references) =>
      Effect.gen(function* () {
        const unique = new Set(references)
        const queue = yield* Effect.acquireRelease(Queue.dropping<Hint>(1), Queue.shutdown)
        yield* Effect.acquireRelease(listen(unique, queue), () => leave(unique, queue))
        return queue
      })
  }
})

/**
 * Hints within one process: give the same layer to `Payouts` and to the webhook handler.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Hints, Payouts } from "effect-billwerk-payouts"
 *
 * // One `Hints` for both: what handles webhooks wakes what awaits an end.
 * const payouts = Payouts.layer.pipe(Layer.provideMerge(Hints.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Hints> = Layer.effect(Hints, make)
