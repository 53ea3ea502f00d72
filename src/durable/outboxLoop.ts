/**
 * Passes of a relay, one after the other, for as long as the process lives. A failure is logged when it begins and when it is over,
 * not at each pass.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { log } from "../host/hostCode.js"

interface Loop<R> {
  readonly table: string
  readonly interval: Duration.Duration
  /** Waits until there may be something to do before the interval is over. */
  readonly poked: Effect.Effect<void>
  /** Whether there may be more to do at once; or why it failed. */
  readonly pass: Effect.Effect<boolean, string, R>
}

export const forever = <R>({ interval, pass, poked, table }: Loop<R>): Effect.Effect<never, never, R> => {
  const failed = (why: string) => {
    const line = `Outbox ${table}: ${why} It looks again every ${Duration.format(interval)}.`
    return log(Effect.logError(line))
  }
  const round = (wasWell: boolean) =>
    Effect.matchEffect(pass, {
      onFailure: (why) => Effect.as(wasWell ? failed(why) : Effect.void, { isWell: false, isFull: false }),
      onSuccess: (isFull) =>
        Effect.as(wasWell ? Effect.void : log(Effect.logInfo(`Outbox ${table}: relays again`)), {
          isWell: true,
          isFull
        })
    }).pipe(
      Effect.tap(({ isFull }) => (isFull ? Effect.void : Effect.race(poked, Effect.sleep(interval)))),
      Effect.map(({ isWell }) => isWell)
    )
  return Effect.iterate(true, { while: () => true, body: round }).pipe(Effect.zipRight(Effect.never))
}
