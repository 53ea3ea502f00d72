/**
 * While the answer to one create is missing, nothing but the provider's record of the payout makes a failure of it
 * (50, 55, I3).
 */
import { assert, describe } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { type Attempt } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { requestOf } from "../../support.js"
import { ended } from "../simulation/VirtualTime.js"
import {
  type Behaviour,
  behaviours,
  policies,
  policyNames,
  rules,
  silentOnes,
  stepOf,
  unclearOnes
} from "./behaviours.js"
import { counters, property } from "./property.js"
import { aDay, assertTrue, type Said, World } from "./World.js"

const isUnclear = ({ bearing, kind }: Attempt.Attempt) => kind === "Create" && bearing === "Unclear"

// --- from end to end ---

const request = requestOf()
const { handle } = request

const calls = fc.array(
  fc.record({ method: fc.constantFrom("create" as const, "recover" as const), policy: policyNames }),
  {
    minLength: 1,
    maxLength: 3
  }
)

interface Call {
  readonly method: "create" | "recover"
  readonly policy: string
}

/** What is said after each call. */
const play = function* (world: World, [, ...again]: ReadonlyArray<Call>, first: string): Generator<Said> {
  yield world.create(request, { policy: policies[first] })
  for (const { method, policy } of again) {
    yield ended(world.run(Effect.merge(world.payouts[method](request, { policy: policies[policy] }))))
  }
}

const script = (world: World, first: Behaviour, then: ReadonlyArray<Behaviour>) =>
  world.script(Script.onCreate(stepOf(first)), ...then.map(stepOf))

describe("After a create whose answer is missing", () => {
  const met = counters<string>()

  property(
    "no refusal, claim or silence of the provider is taken for the failure of the payout (50, 55, I3)",
    60,
    fc.record({ rules, first: unclearOnes, then: fc.array(silentOnes, { maxLength: 6 }), last: silentOnes, calls }),
    ({ calls, first, last, rules, then }) => {
      const world = new World(rules)
      script(world, first, then)
      world.always(stepOf(last))
      for (const said of play(world, calls, calls[0]?.policy ?? "none")) {
        met.count(said._tag)
        assert.include(["CommunicationError", "ServerError", "UnexpectedResponse"], said._tag)
        assert.strictEqual(said.certainty, "MayHaveMoved")
        assert.isAtLeast(said.exposure.max, request.amount)
        assertTrue(said, world.moved(handle))
      }
      world.assertQuiet()
    },
    () => {
      const tags = ["CommunicationError", "ServerError", "UnexpectedResponse"]
      for (const tag of tags) assert.isAbove(met.of(tag), 0, tag)
    }
  )

  property(
    "a failure is certain only with the record of it, and then nothing has moved, nor does it later (I3)",
    80,
    fc.record({ rules, first: unclearOnes, then: fc.array(behaviours, { maxLength: 6 }), calls }),
    ({ calls, first, rules, then }) => {
      const world = new World(rules)
      script(world, first, then)
      let last: Said | undefined
      for (const said of play(world, calls, calls[0]?.policy ?? "none")) {
        last = said
        assertTrue(said, world.moved(handle))
        const unclear = said.attempts.filter(isUnclear).length
        if (said.certainty !== "NotMoved" || unclear === 0) continue
        met.count("certain")
        const records = said.attempts.flatMap(({ recorded }) => recorded?.transactions ?? [])
        assert.isAtLeast(Math.max(0, ...records), unclear)
      }
      world.time.pass(aDay)
      if (last !== undefined) assert.isAtMost(world.moved(handle), last.exposure.max)
    },
    () => assert.isAbove(met.of("certain"), 0, "no failure was ever certain")
  )
})
