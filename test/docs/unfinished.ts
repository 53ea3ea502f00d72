import { Console, Effect, Layer, Schedule, Stream } from "effect"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"

/** What a person must know in the morning: the payouts that may have been paid, ended ones too, and how much at most. */
export const inDoubt = Unfinished.inDoubt().pipe(
  Stream.runForEach(({ currency, exposure, handle, state }) =>
    Console.log(`${handle}: at most ${exposure.max} ${currency} (${state})`)
  )
)

/** Wakes what waits, so that nothing stays stuck. It needs no list of its own, and outlives an outage of the database. */
export const sweeper = Unfinished.sweep().pipe(
  Effect.catchAllCause((cause) => Effect.logWarning("The sweep failed", cause)),
  Effect.repeat(Schedule.spaced("5 minutes"))
)

/** For a second process on the same file, which lists, submits and wakes while the first one pays. */
export const Tool = SqliteEngine.layer({ filename: "payouts.sqlite", submitOnly: true })

export const report = inDoubt.pipe(Effect.provide(Layer.orDie(Tool)))
