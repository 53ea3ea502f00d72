/** Everything at once, as chance has it: some of the toxics and some of the lies, and payouts that not everyone gets. */
import { describe } from "@effect/vitest"
import { Array as Arr } from "effect"
import { Script } from "effect-billwerk-payouts/testing"
import type { Wanted } from "./Batch.js"
import * as Dice from "./Dice.js"
import { Lie, type Told, told } from "./Lies.js"
import type { Faults } from "./Proxy.js"
import { downstream, type Placed, Toxic, upstream } from "./Toxics.js"
import { trial } from "./trial.js"

const { Bandwidth, Latency, LimitData, ResetPeer, Slicer, SlowClose, Timeout } = Toxic

const toxics = (dice: Dice.Dice): ReadonlyArray<Toxic> => [
  Latency({ latency: dice.between(10, 350), jitter: dice.between(0, 100) }),
  Bandwidth({ rate: dice.between(1, 8) }),
  SlowClose({ delay: dice.between(10, 100) }),
  Timeout({ timeout: dice.pick(0, 20, 350) }),
  ResetPeer({ timeout: dice.between(0, 60) }),
  Slicer({ averageSize: dice.between(8, 60), sizeVariation: 8, delay: dice.pick(0, 2) }),
  LimitData({ bytes: dice.between(1, 900) })
]

const lies = (dice: Dice.Dice, elsewhere: string): ReadonlyArray<Lie> => [
  Lie.Truncated({ body: dice.pick("Declared", "Chunked", "UntilClose"), end: dice.pick("Close", "Reset") }),
  Lie.Garbled(),
  Lie.Interim({ status: dice.pick(100, 102, 103) }),
  Lie.Doubled(),
  Lie.Crossed(),
  Lie.Redirected({ status: dice.pick(301, 302, 303, 307, 308), to: `${elsewhere}/v1/payout` }),
  Lie.Flood(),
  Lie.Gateway({ status: dice.pick(408, 500, 502, 503, 504) }),
  Lie.Reset({ commit: dice.pick("Before", "After"), kept: false })
]

/** A few of what there is, each on a tenth to a third of the connections or answers. */
const some = (dice: Dice.Dice, elsewhere: string): Faults => {
  const place = (toxic: Toxic): Placed => dice.pick(upstream, downstream)(toxic, dice.between(0.1, 0.35))
  const tell = (lie: Lie): Told => told(lie, dice.between(0.1, 0.35))
  return {
    toxics: toxics(dice)
      .filter(() => dice.chance(0.4))
      .map(place),
    lies: lies(dice, elsewhere)
      .filter(() => dice.chance(0.4))
      .map(tell)
  }
}

/** Most are paid. Some are declined, and some are called failed whether or not they paid. */
const wanted = (dice: Dice.Dice, size: number): ReadonlyArray<Wanted> =>
  Arr.makeBy(size, (index): Wanted => {
    const handle = `mix-${index + 1}`
    const amount = 20_000
    const step = (step: Script.Step) => step.pipe(Script.forHandle(handle), Script.times(1_000))
    return dice.pick<() => Wanted>(
      () => ({ handle, amount }),
      () => ({ handle, amount }),
      () => ({ handle, amount }),
      () => ({ handle, amount, script: step(Script.hardDeclined()), ends: "HardDeclined" }),
      () => ({
        handle,
        amount,
        script: step(Script.processingError({ moved: true })),
        hidden: 100,
        ends: "ProcessingError"
      })
    )()
  })

describe("Over each HTTP layer, what is said about the money is true when there is", () => {
  for (const round of [1, 2, 3, 4]) {
    trial({
      title: `a bit of everything, mixture ${round}`,
      faults: (elsewhere, seed) => some(Dice.make(seed, "mixture", round), elsewhere),
      wanted: (size, seed) => wanted(Dice.make(seed, "wanted", round), size),
      stalls: true,
      kept: round % 2 === 0,
      leaves: "Nothing"
    })
  }
})
