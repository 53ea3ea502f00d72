/**
 * Runs an effect with a deadline that also holds in an uninterruptible caller, and against an effect that ignores its
 * interruption. It takes one fiber for the work and one timer, by the fiber's clock.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"

/**
 * Runs an effect until it ends, or interrupts it at the deadline and returns `onDeadline` instead. After an
 * interruption it waits for an effect that stops at once. It leaves behind one that cannot be interrupted or stops
 * slowly, so that nothing holds the deadline up. It does the same when the caller is interrupted. `atDeadline` runs
 * before the interruption.
 *
 * The effect is no child of the caller, because a fiber's interruption reaches its children at once. Where the caller
 * cannot be interrupted, as in a finalizer, the deadline must still hold, and an interruption of the caller must not
 * cut off an answer on its way: that would put it in doubt. What the effect sets in its own `FiberRef`s stays there.
 */
export const within = <A>(
  self: Effect.Effect<A>,
  deadline: Duration.Duration,
  onDeadline: () => A,
  atDeadline: () => void = constVoid
): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(self)), (fiber) => {
      const tooLate = Effect.sync(atDeadline).pipe(
        Effect.zipRight(leave(fiber)),
        Effect.zipRight(Effect.sync(onDeadline))
      )
      const awaited = Effect.clockWith((clock) =>
        clock === liveClock ? orTimeout(fiber, deadline, tooLate) : orAsleep(fiber, clock.sleep(deadline), tooLate)
      )
      return Effect.catchAllCause(restore(awaited), (cause) => Effect.zipRight(leave(fiber), Effect.failCause(cause)))
    })
  )

/** How many scheduler turns a fiber may take to stop: it closes what it has to close in the first of them. */
const turnsMax = 32

const leave = (fiber: Fiber.RuntimeFiber<unknown>): Effect.Effect<void> =>
  Effect.fiberIdWith((id) => {
    fiber.unsafeInterruptAsFork(id)
    return gone(fiber, turnsMax)
  })

const gone = (fiber: Fiber.RuntimeFiber<unknown>, turns: number): Effect.Effect<void> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit) || turns === 0 ? Effect.void : Effect.zipRight(Effect.yieldNow(), gone(fiber, turns - 1))
  )

/** Effect's default clock. */
export const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** A timer, as the live clock itself uses it: a fiber that sleeps costs far more. */
const startTimer = (after: Duration.Duration, fire: () => void): (() => void) => {
  const millis = Duration.toMillis(after)
  // Longer than a timer can wait means forever, as in Effect.
  // @effect-diagnostics-next-line globalTimers:off
  const timer = millis > timerMax ? undefined : setTimeout(fire, millis)
  return () => clearTimeout(timer)
}

const timerMax = 2 ** 31 - 1

const orTimeout = <A>(fiber: Fiber.RuntimeFiber<A>, deadline: Duration.Duration, tooLate: Effect.Effect<A>) =>
  Effect.async<A>((resume) => {
    const stop = startTimer(deadline, () => resume(tooLate))
    fiber.addObserver((exit) => {
      stop()
      resume(exit)
    })
  })

const orAsleep = <A>(fiber: Fiber.RuntimeFiber<A>, sleep: Effect.Effect<void>, tooLate: Effect.Effect<A>) =>
  // Not interruptible until the await, so that a timer that was started is always ended.
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(sleep)), (timer) => {
      fiber.addObserver(() => timer.unsafeInterruptAsFork(fiber.id()))
      const awaited = Effect.async<A>((resume) => {
        fiber.addObserver(resume)
        timer.addObserver((exit) => {
          if (Exit.isSuccess(exit)) resume(tooLate)
        })
      })
      return restore(awaited)
    })
  )
