/** A schedule that is stepped by hand: what it grants, and how it ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Option, Schedule } from "effect"
import { PollPolicy } from "effect-billwerk-payouts"
import { stepper } from "../../src/policy/scheduleStepper.js"

describe("scheduleStepper", () => {
  it.effect("grants the delays of a schedule, and then no more", () =>
    Effect.gen(function* () {
      const step = stepper(Schedule.fromDelays("1 second", "2 seconds"))
      const delays = [yield* step(0, undefined), yield* step(1000, undefined), yield* step(3000, undefined)]
      assert.deepStrictEqual(delays.map(Option.map(String)).map(Option.getOrNull), [
        "Duration(1s)",
        "Duration(2s)",
        null
      ])
    })
  )

  it.effect("grants nothing more after a step that died, and logs whose step it was", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      let steps = 0
      const dies = Schedule.forever.pipe(
        Schedule.tapOutput(() => {
          steps += 1
          return steps === 1 ? Effect.dieMessage("broken") : Effect.void
        })
      )
      const step = stepper(dies)
      const delays = yield* Effect.forEach([1, 2, 3], () => step(0, undefined)).pipe(
        Effect.provide(
          Logger.replace(
            Logger.defaultLogger,
            Logger.make(({ message }) => void lines.push(String(message)))
          )
        )
      )
      assert.deepStrictEqual(delays, [Option.none(), Option.none(), Option.none()])
      assert.strictEqual(steps, 1)
      assert.deepStrictEqual(lines, ["A step of a schedule died (RuntimeException)"])
    })
  )
})

describe("PollPolicy", () => {
  it("is the standard one where nothing is said", () => {
    assert.deepStrictEqual(PollPolicy.make(), PollPolicy.standard)
    assert.deepStrictEqual(PollPolicy.make({ deadline: undefined }).deadline, PollPolicy.standard.deadline)
  })
})
