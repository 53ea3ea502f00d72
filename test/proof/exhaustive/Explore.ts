/**
 * Every script up to a length. Many of them come to the same, because a step that no exchange meets changes nothing: it
 * stands behind the end of the call, or is for creates where only lookups are left. What counts is what the exchanges
 * meet; so each of these sequences is played once, and the scripts that come to it are counted. That they do is not taken
 * on trust: one in so many of them is played itself, and has to end as its sequence did.
 */
import { core, isFor, names, usual, type Kind, type Name } from "./Behaviours.js"

export interface Played {
  /** How the call ended, and how it came about: `Paid Moved 1..1 CLC 3000 ms`. */
  readonly said: string
  /** The exchanges of the call. */
  readonly kinds: ReadonlyArray<Kind>
  readonly violations: ReadonlyArray<string>
}

export interface Bounds {
  /** The longest script. */
  readonly length: number
  /** The longest one that the variants take part in. */
  readonly variants: number
}

export interface Found {
  readonly script: ReadonlyArray<Name>
  readonly violations: ReadonlyArray<string>
}

const probeEvery = 50

export class Exploration {
  scripts = 0
  /** Of the scripts that come to another sequence than their own, how many were played themselves. */
  probed = 0
  /** How many scripts ended in which way. */
  readonly outcomes = new Map<string, number>()
  readonly found: Array<Found> = []
  private readonly sequences = new Map<string, Played>()

  constructor(
    private readonly play: (script: ReadonlyArray<Name>) => Played,
    private readonly bounds: Bounds
  ) {}

  /** How many sequences were played. */
  get played(): number {
    return this.sequences.size
  }

  /** Every script within the bounds that begins so. */
  explore(...script: ReadonlyArray<Name>): void {
    if (!isWithin(this.bounds, script)) return
    this.scripts += 1
    const met = this.met(script)
    const { said } = this.once(met)
    const [tag, certainty] = said.split(" ")
    const outcome = `${tag} ${certainty}`
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    if (this.scripts % probeEvery === 0 && met.join() !== script.join()) this.probe(script, said)
    for (const name of names) this.explore(...script, name)
  }

  /** What the exchanges meet, one after the other: the first step left that is for them, or the provider as usual. */
  private met(script: ReadonlyArray<Name>): ReadonlyArray<Name> {
    const left = [...script]
    const met: Array<Name> = []
    let { kinds } = this.once(met)
    for (let kind = kinds[0]; kind !== undefined && left.length > 0; kind = kinds[met.length]) {
      const exchange = kind
      const index = left.findIndex((name) => isFor(name, exchange))
      const [name = usual] = index === -1 ? [] : left.splice(index, 1)
      met.push(name)
      if (name !== usual) kinds = this.once(met).kinds
    }
    while (met.at(-1) === usual) met.pop()
    return met
  }

  private once(sequence: ReadonlyArray<Name>): Played {
    const key = sequence.join()
    const before = this.sequences.get(key)
    if (before !== undefined) return before
    const played = this.play(sequence)
    this.sequences.set(key, played)
    if (played.violations.length > 0) {
      this.found.push({ script: sequence.length > 0 ? [...sequence] : [usual], violations: played.violations })
    }
    return played
  }

  private probe(script: ReadonlyArray<Name>, expected: string): void {
    this.probed += 1
    const { said } = this.play(script)
    if (said !== expected) this.found.push({ script, violations: [`should end in ${expected}, and ends in ${said}`] })
  }
}

const isWithin = ({ length, variants }: Bounds, script: ReadonlyArray<Name>): boolean =>
  script.length <= (script.every((name) => core.includes(name)) ? length : Math.min(length, variants))

/** How many scripts there are within the bounds. */
export const total = ({ length, variants }: Bounds): number => {
  let sum = 0
  for (let one = 1; one <= length; one++) sum += (one <= variants ? names : core).length ** one
  return sum
}
