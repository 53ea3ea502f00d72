/**
 * All worlds of a size, and one of them by name.
 */
import { enumerate, replay } from "./Choices.js"
import type { Subject } from "./Client.js"
import type { Violation } from "./Judge.js"
import { standard } from "./Knowledge.js"
import { type World, worldOf } from "./World.js"

/** A world that breaks a law. */
export interface Found {
  readonly world: World
  readonly violation: Violation
  /** What happens in it that is not usual: it can be replayed from that. */
  readonly oddities: ReadonlyArray<string>
  /** How many worlds were run up to this one. */
  readonly after: number
}

export interface Summary {
  readonly worlds: number
  readonly statements: number
  readonly lessCertain: number
  readonly found: ReadonlyArray<Found>
}

/** Runs all worlds up to a size, or up to so many that break a law; halts after every hundred, so that others may go on. */
export function* exploring(
  subject: Subject,
  size: number,
  foundMax = Infinity,
  assumptions = standard
): Generator<void, Summary, void> {
  const total = { worlds: 0, statements: 0, lessCertain: 0 }
  const found: Array<Found> = []
  for (const { oddities, world } of enumerate(size, worldOf(subject, assumptions))) {
    total.worlds += 1
    total.statements += world.statements
    total.lessCertain += world.lessCertain
    if (world.violation !== undefined) found.push({ world, violation: world.violation, oddities, after: total.worlds })
    if (found.length >= foundMax) break
    if (total.worlds % 100 === 0) yield
  }
  return { ...total, found }
}

/** The same, in one go. */
export const explore = (...options: Parameters<typeof exploring>): Summary => {
  const worlds = exploring(...options)
  for (;;) {
    const { done, value } = worlds.next()
    if (done === true) return value
  }
}

/** Runs the world in which these things happen, in this order, and nothing else out of the usual. */
export const tell = (subject: Subject, oddities: ReadonlyArray<string>, assumptions = standard): World => {
  const { left, world } = replay(oddities, worldOf(subject, assumptions))
  if (left.length > 0) throw new Error(`there is no such world: ${left[0]} never happens`)
  return world
}
