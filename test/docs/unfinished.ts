import { Console, Effect, Layer, Schedule, Stream } from "effect"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"

/** What a person must know in the morning: the payouts that may have been paid, and how much that is at most. */
export const inDoubt = Unfinished.list().pipe(
  Stream.filter(({ certainty }) => certainty === "MayHaveMoved"),
  Stream.runForEach(({ currency, exposure, handle, nextLook }) =>
    Console.log(`${handle}: at most ${exposure.max} ${currency}, next look ${nextLook?.toJSON() ?? "now"}`)
  )
)

/** Wakes what waits, so that nothing stays stuck. It needs no list of its own. */
export const sweeper = Effect.repeat(Unfinished.sweep(), Schedule.spaced("5 minutes"))

/** For a second process on the same file, which lists, submits and wakes while the first one pays. */
export const Tool = SqliteEngine.layer({ filename: "payouts.sqlite", submitOnly: true })

export const report = inDoubt.pipe(Effect.provide(Layer.orDie(Tool)))
