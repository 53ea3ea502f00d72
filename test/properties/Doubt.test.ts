/**
 * While the answer to one create is missing, nothing but the provider's record of the payout makes a failure of it
 * (50, 55, I3).
 */
import { assert, describe } from "@effect/vitest"
import { Arbitrary, Effect, FastCheck as fc } from "effect"
import { Attempt, Script } from "effect-billwerk-payouts"
import { requestOf } from "../support.js"
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

const amount = 100

// --- attempts, as their types allow them ---

const recorded: fc.Arbitrary<Attempt.Recorded> = fc.record(
  {
    state: fc.constantFrom("paid", "processing", "failed", "created", "on_hold"),
    transactions: fc.nat(5),
    processingErrors: fc.nat(5),
    errorState: fc.constantFrom("hard_declined", "soft_declined", "processing_error", "pending"),
    earlier: fc.nat(5),
    paid: fc.constantFrom(0, amount, 2 * amount),
    open: fc.nat(3).map((count) => count * amount)
  },
  { requiredKeys: ["state", "transactions", "processingErrors", "paid", "open"] }
)

/** Any attempt at all, sensible or not; only its amounts are amounts. */
const attempts = fc
  .tuple(Arbitrary.make(Attempt.Attempt), fc.option(recorded, { nil: undefined }))
  .map(([attempt, record]): Attempt.Attempt => ({ ...attempt, recorded: record }))

const isEvidence = ({ bearing, kind, recorded }: Attempt.Attempt) =>
  recorded !== undefined && (bearing === "Recorded" || (bearing === "Claimed" && kind === "Lookup"))
const isUnclear = ({ bearing, kind }: Attempt.Attempt) => kind === "Create" && bearing === "Unclear"

const silent = attempts.map((one): Attempt.Attempt => (isEvidence(one) ? { ...one, bearing: "None" } : one))
const unclear = attempts.map((one): Attempt.Attempt => ({ ...one, kind: "Create", bearing: "Unclear" }))

const some = <A>(one: fc.Arbitrary<A>) => fc.array(one, { maxLength: 6 })
const fold = (attempts: ReadonlyArray<Attempt.Attempt>, unseen: number) => {
  const exposure = Attempt.exposure({ amount, attempts, unseen })
  return { exposure, certainty: Attempt.certainty(exposure) }
}

describe("By the fold", () => {
  property(
    "an unclear create is never a failure, whatever came before it, until the payout is shown (I3)",
    300,
    fc.record({ before: some(attempts), unclear, after: some(silent), unseen: fc.nat(3) }),
    ({ after, before, unclear, unseen }) => {
      const all = [...before, unclear, ...after]
      const { certainty, exposure } = fold(all, unseen)
      const isPaid = all.some((one) => isEvidence(one) && one.recorded?.state === "paid")
      assert.strictEqual(certainty, isPaid ? "Moved" : "MayHaveMoved")
      const open = [unclear, ...after.filter(isUnclear)].length
      assert.isAtLeast(exposure.max, isPaid ? amount : open * amount)
    }
  )

  property(
    "a failure has a transaction on record for each create that was unclear, and nobody's claim as the last word (I3)",
    300,
    fc.record({ all: some(attempts), unseen: fc.nat(1) }),
    ({ all, unseen }) => {
      if (fold(all, unseen).certainty !== "NotMoved") return
      const records = all.flatMap((one) => (isEvidence(one) && one.recorded !== undefined ? [one.recorded] : []))
      const shown = Math.max(0, ...records.map(({ transactions }) => transactions))
      assert.isAtMost(all.filter(isUnclear).length + unseen, shown)
      const words = all.filter((one) => one.bearing === "Claimed" || one.bearing === "Foreign" || isEvidence(one))
      assert.notStrictEqual(words.at(-1)?.bearing, "Claimed")
    }
  )
})

// --- from end to end ---

const request = requestOf()
const { handle } = request

const calls = fc.array(
  fc.record({ method: fc.constantFrom("create" as const, "resume" as const), policy: policyNames }),
  {
    minLength: 1,
    maxLength: 3
  }
)

interface Call {
  readonly method: "create" | "resume"
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
