/**
 * The host's own code that runs inside ours: schedules, callbacks, loggers. It may never end, die, throw, or refuse to be
 * interrupted. None of that may hold up a call or take its result away.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { within } from "./deadline.js"

/** Runs an effect of the host's. If it dies, or has not ended at the deadline, the answer is `otherwise`, and that is logged. */
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

/** A line of our own log. A logger of the host's that throws takes nothing with it. */
export const log = (line: Effect.Effect<void>): Effect.Effect<void> => Effect.catchAllCause(line, () => Effect.void)

/** What a cause died of, by its name only, if that is one: all else of it may say anything. */
export const nameOf = (cause: Cause.Cause<unknown>): string => {
  const defect = Cause.squash(cause)
  return defect instanceof Error && /^[A-Z][A-Za-z]{2,63}$/.test(defect.name) ? defect.name : typeof defect
}

/** How many run beside the calls that they are about, and how long each of them may. */
export interface Beside {
  readonly atOnceMax: number
  readonly deadline: Duration.Duration
}

/**
 * Starts effects of the host's that no call waits for. What is under way when the scope closes may end, within its deadline;
 * what is one too many is not started, and that is logged.
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
