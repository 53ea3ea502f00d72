/**
 * A deadline that holds whatever becomes of the caller: one fiber for what has to end in time, and one timer, by the
 * fiber's clock.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * Runs an effect until it ends, or else interrupts it and answers instead of it. What is gone at once is waited for; what
 * cannot be interrupted, or takes its time to go, is left behind, whether time is up or the caller is interrupted: nothing
 * below may hold the deadline up. The deadline must hold where the caller cannot be interrupted, as in a finalizer; and there the caller's interruption must not cut it
 * off, which would make a doubt of an answer that was on its way. But a fiber's interruption reaches its children at once,
 * so this is no child of the caller's. What it sets in its own `FiberRef`s stays there.
 */
export const within = <A>(self: Effect.Effect<A>, deadline: Duration.Duration, onDeadline: () => A): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(self)), (fiber) => {
      const tooLate = Effect.zipRight(leave(fiber), Effect.sync(onDeadline))
      const awaited = Effect.clockWith((clock) =>
        clock === liveClock ? orTimeout(fiber, deadline, tooLate) : orAsleep(fiber, clock.sleep(deadline), tooLate)
      )
      return Effect.catchAllCause(restore(awaited), (cause) => Effect.zipRight(leave(fiber), Effect.failCause(cause)))
    })
  )

/** How many turns of the scheduler a fiber may take to go: what it has to close, it closes in the first of them. */
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

/** The clock that everybody has. */
export const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** What the live clock itself waits by: a fiber of its own to wait costs far more than the timer. */
export const startTimer = (after: Duration.Duration, fire: () => void): (() => void) => {
  const millis = Duration.toMillis(after)
  // What is longer than a timer can wait for is for ever, as for Effect.
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
  // Not interruptible before it is awaited: whoever starts a timer also sees to it that it ends.
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
