/** What befalls machines: each mishap is an effect that brings it about, and ends with what to call it. */
import { Effect, Option } from "effect"
import type { Chance } from "../simulation/Chance.js"
import type { Database } from "./Database.js"
import type { Machine } from "./Machines.js"
import { type Step, steps } from "./Orders.js"

export type Mishap = (machine: Machine, chance: Chance) => Effect.Effect<string>

/** How long a machine gets to have something to tell, to reach the step that it is to die at, and to end after SIGTERM. */
const idleMax = "10 seconds"
const stepMax = "6 seconds"
const terminationMax = "20 seconds"

export const kill = (machine: Machine): Effect.Effect<void> => Effect.zipRight(machine.signal("SIGKILL"), machine.gone)

const hasGone = (machine: Machine, within: typeof stepMax | typeof terminationMax) =>
  Effect.map(Effect.timeoutOption(machine.gone, within), Option.isSome)

/** Some time into its work, which begins with what others have left; or, now and then, before it has begun. */
const beginning = ({ hasBegun }: Machine, chance: Chance) =>
  chance.happens(0.2)
    ? Effect.sleep(chance.between(0, 500))
    : Effect.zipRight(Effect.timeoutOption(hasBegun, idleMax), Effect.sleep(chance.between(0, 700)))

/** Dies when it reaches a step for the nth time. */
const at = (step: Step, nth: number, machine: Machine, chance: Chance) =>
  Effect.gen(function* () {
    yield* machine.order({ _tag: "Die", step, nth, after: chance.between(0, 30) })
    if (yield* hasGone(machine, stepMax)) return `SIGKILL ${step}`
    // It has not come by there so often.
    yield* kill(machine)
    return "SIGKILL at random"
  })

/** Dies at this step, always. */
export const atStep =
  (step: Step): Mishap =>
  (machine, chance) =>
    at(step, chance.between(1, 3), machine, chance)

const atAnyStep: Mishap = (machine, chance) => at(chance.pick(...steps), chance.between(1, 6), machine, chance)

export const atRandom: Mishap = (machine, chance) =>
  beginning(machine, chance).pipe(Effect.zipRight(kill(machine)), Effect.as("SIGKILL at random"))

/** A deploy: it may finish what it is at. */
const deploy: Mishap = (machine, chance) =>
  Effect.gen(function* () {
    yield* beginning(machine, chance)
    yield* machine.signal("SIGTERM")
    if (yield* hasGone(machine, terminationMax)) return "SIGTERM"
    yield* kill(machine)
    return `SIGTERM, and SIGKILL after ${terminationMax}`
  })

/** A machine that does not know that it was away, nor that others have taken over. */
const pause =
  (lease: number): Mishap =>
  (machine, chance) =>
    beginning(machine, chance).pipe(
      Effect.zipRight(machine.signal("SIGSTOP")),
      Effect.zipRight(Effect.sleep(lease + 1_000)),
      Effect.zipRight(machine.signal("SIGCONT")),
      Effect.as("SIGSTOP beyond the lease, SIGCONT")
    )

const outage =
  (database: Database): Mishap =>
  (machine, chance) =>
    beginning(machine, chance).pipe(
      Effect.zipRight(database.outage(chance.between(300, 2_500))),
      Effect.as("the database was away")
    )

/** Mishaps that can be made to befall machines more often than the rest. */
export const frequent = ["death", "deploy", "outage", "pause"] as const

/** One of them, at random. */
export const any = (database: Database, lease: number, often: (typeof frequent)[number] = "death"): Mishap => {
  const weight = (name: typeof often, usual: number) => (often === name ? 60 : usual)
  const mishaps = [
    [atAnyStep, weight("death", 30)],
    [atRandom, 25],
    [deploy, weight("deploy", 8)],
    [outage(database), weight("outage", 3)],
    [pause(lease), weight("pause", 2)]
  ] as const
  return (machine, chance) => (chance.weighted<Mishap>(mishaps) ?? atRandom)(machine, chance)
}
