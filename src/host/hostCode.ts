/**
 * Runs code of the host, the application that uses this library: schedules, callbacks, loggers. That code may run
 * forever, die, throw, or refuse interruption. None of that may hold up a call or take its result away.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { within } from "./deadline.js"

/** Runs an effect of the host's. If it dies or misses the deadline, this logs it and returns `otherwise`. */
export const bounded = <A>(
  name: string,
  deadline: Duration.Duration,
  self: () => Effect.Effect<A>,
  otherwise: A
): Effect.Effect<A> =>
  Effect.suspend(() => {
    const failed = (how: string) => Effect.as(log(Effect.logError(`${name} ${how}`)), otherwise)
    const survived = Effect.matchCauseEffect(Effect.suspend(self), {
      onFailure: (cause) => Effect.succeed(failed(`died (${nameOf(cause)})`)),
      onSuccess: (a) => Effect.succeed(Effect.succeed(a))
    })
    return Effect.flatten(within(survived, deadline, () => failed(`did not end in ${Duration.format(deadline)}`)))
  })

/** Runs an effect of the host's that may fail, and returns whether it succeeded. A failure is logged. */
export const succeeds = <E>(name: string, self: Effect.Effect<void, E>): Effect.Effect<boolean> =>
  Effect.matchEffect(self, {
    onFailure: (error) => Effect.as(log(Effect.logError(`${name} failed (${nameOf(Cause.fail(error))})`)), false),
    onSuccess: () => Effect.succeed(true)
  })

/** Writes a line of our own log. If the host's logger throws, nothing else breaks. */
export const log = (line: Effect.Effect<void>): Effect.Effect<void> => Effect.catchAllCause(line, () => Effect.void)

/** The name of the error in a cause, if it is a plain name, or else its type: its other parts may hold anything. */
export const nameOf = (cause: Cause.Cause<unknown>): string => {
  const defect = Cause.squash(cause)
  return defect instanceof Error && /^[A-Z][A-Za-z]{2,63}$/.test(defect.name) ? defect.name : typeof defect
}

/** The limits of effects that run beside calls: how many at once, and how long each. */
export interface Beside {
  readonly atOnceMax: number
  readonly deadline: Duration.Duration
}

/**
 * Starts effects of the host's that no call waits for. When the scope closes, those under way may end within their
 * deadline. One more than `atOnceMax` is not started, and this logs it.
 */
export const beside = ({
  atOnceMax,
  deadline
}: Beside): Effect.Effect<(name: string, self: () => Effect.Effect<void>) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Set<Fiber.Fiber<void>>()),
    (underWay) => Effect.suspend(() => Fiber.awaitAll(underWay))
  ).pipe(
    Effect.map(
      (underWay) => (name, self) =>
        Effect.suspend(() => {
          if (underWay.size >= atOnceMax) {
            return log(Effect.logError(`${name} was not run: ${atOnceMax} of its kind are under way`))
          }
          return Effect.uninterruptible(
            Effect.map(Effect.forkDaemon(bounded(name, deadline, self, undefined)), (fiber) => {
              underWay.add(fiber)
              fiber.addObserver(() => underWay.delete(fiber))
            })
          )
        })
    )
  )
