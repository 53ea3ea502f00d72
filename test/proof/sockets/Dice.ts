/** Chance that can be had again: what falls depends on the seed and on what it is thrown for, and on nothing else. */
import { Hash } from "effect"
import { PCGRandom } from "effect/Utils"

export interface Dice {
  /** Whether something happens that happens so often: 1 is always, 0 is never. */
  readonly chance: (probability: number) => boolean
  /** A number from `least` up to, and without, `most`. */
  readonly between: (least: number, most: number) => number
  readonly pick: <A>(first: A, ...others: ReadonlyArray<A>) => A
}

/** Dice for a purpose. Each purpose has its own, so that one more throw for one shifts nothing in another. */
export const make = (seed: number, ...purpose: ReadonlyArray<string | number>): Dice => {
  const random = new PCGRandom(Hash.string([seed, ...purpose].join("/")))
  const between = (least: number, most: number) => least + random.number() * (most - least)
  return {
    chance: (probability) => random.number() < probability,
    between,
    pick: (first, ...others) => others[Math.floor(between(-1, others.length))] ?? first
  }
}
