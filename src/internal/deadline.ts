/**
 * A deadline that holds whatever becomes of the caller: one fiber for what has to end in time, and one timer, by the
 * fiber's clock.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect until it ends, or else interrupts it, waits until it is gone, and answers instead of it. The deadline must
 * hold where the caller cannot be interrupted, as in a finalizer; and there the caller's interruption must not cut it
 * off, which would make a doubt of an answer that was on its way. But a fiber's interruption reaches its children at once,
 * so this is no child of the caller's. What it sets in its own `FiberRef`s stays there.
 */
export const within = <A>(self: Effect.Effect<A>, deadline: Duration.Duration, onDeadline: () => A): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(self)), (fiber) =>
      Effect.flatMap(Effect.forkDaemon(Effect.interruptible(Effect.sleep(deadline))), (timer) => {
        // Here, and not where it is awaited: a caller that is interrupted before it awaits leaves no timer either.
        fiber.addObserver(() => timer.unsafeInterruptAsFork(fiber.id()))
        return Effect.onInterrupt(restore(first(fiber, timer, onDeadline)), () => Fiber.interrupt(fiber))
      })
    )
  )

const first = <A>(
  fiber: Fiber.RuntimeFiber<A>,
  timer: Fiber.RuntimeFiber<void>,
  onDeadline: () => A
): Effect.Effect<A> =>
  Effect.async((resume) => {
    fiber.addObserver(resume)
    timer.addObserver((exit) => {
      if (Exit.isSuccess(exit)) resume(Effect.zipRight(Fiber.interrupt(fiber), Effect.sync(onDeadline)))
    })
  })
