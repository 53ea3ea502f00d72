/**
 * A call that is interrupted at any moment leaves nothing behind, and loses no evidence (27, 82, 84, I7, I12).
 */
import { assert, describe } from "@effect/vitest"
import { type Cause, Effect, Exit, FastCheck as fc, type Fiber, FiberId } from "effect"
import type { Attempt } from "effect-billwerk-payouts"
import type { Sandbox } from "effect-billwerk-payouts/testing"
import { Ledger } from "effect-billwerk-payouts/testing"
import { requestOf } from "../../support.js"
import { type Behaviour, behaviours, policies, policyNames, rules, stepOf } from "./behaviours.js"
import { counters, property } from "./property.js"
import { assertTrue, type Said, World } from "./World.js"

const request = requestOf()
const { handle } = request

/** When, in milliseconds, and whether before or after whatever else is due at that moment. */
interface Instant {
  readonly after: number
  readonly order: "First" | "Last"
}

const millis = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 20, 999, 1_000, 30_000, 60_000, 90_000, 90_001, 120_000) },
  { weight: 2, arbitrary: fc.nat(3_000) },
  { weight: 2, arbitrary: fc.nat(200_000) },
  { weight: 1, arbitrary: fc.nat(1_000_000) }
)
const instants: fc.Arbitrary<Instant> = fc.record({
  after: millis,
  order: fc.constantFrom("First" as const, "Last" as const)
})

interface Scenario {
  readonly rules: Sandbox.Options
  readonly steps: ReadonlyArray<Behaviour>
  readonly policy: string
  /** How long after it the payout is called for again. */
  readonly gap: number
}

const scenario = {
  rules,
  steps: fc.array(behaviours, { maxLength: 6 }),
  policy: policyNames,
  gap: fc.constantFrom(0, 1, 90_000, 2 * 60 * 60 * 1000)
}

const worldOf = ({ rules, steps }: Scenario): World => {
  const world = new World(rules)
  world.script(...steps.map(stepOf))
  return world
}

const attemptsOf = (said: Said) => said.attempts.map(({ kind }) => kind)

/** A refusal is forgotten, where nothing else was in doubt. */
const isForgettable = ({ ending, kind, status }: Sandbox.Exchange) =>
  kind === "Lookup" || ending === "Refused" || (status !== undefined && status >= 400 && status < 500 && status !== 408)

/** What is on record is what the provider saw: all of it, but for refusals of calls that left nothing in doubt. */
const assertAccounted = (said: Said, world: World): void => {
  const kept = said.attempts.length
  const seen = world.exchanges
  assert.deepStrictEqual(
    attemptsOf(said),
    seen.slice(seen.length - kept).map(({ kind }) => kind),
    "another account"
  )
  const forgotten = seen.slice(0, seen.length - kept)
  assert.deepStrictEqual(
    forgotten.filter((one) => !isForgettable(one)),
    [],
    "exchanges were forgotten"
  )
}

/** Each exchange that was cut off is on record as such, and was followed by a question. */
const assertCutsKept = (said: Said, world: World): void => {
  const seen = world.exchanges
  const forgotten = seen.length - said.attempts.length
  for (const { begun, kind } of world.cuts) {
    const attempt = said.attempts[begun - 1 - forgotten]
    const { bearing, decision, outcome } = attempt ?? {}
    assert.deepStrictEqual(
      [attempt?.kind, outcome, decision, bearing],
      [kind, "Interrupted", "Interrupted", kind === "Create" ? "Unclear" : "None"]
    )
    assert.strictEqual(seen[begun]?.kind, "Lookup", "it was sent again without asking")
  }
  const interrupted = said.attempts.filter(({ decision }) => decision === "Interrupted")
  assert.strictEqual(interrupted.length, world.cuts.length)
}

/** Calls for the payout once more, and holds what is said against what happened. */
const assertNothingLost = (world: World, { gap, policy }: Scenario): Said => {
  world.time.pass(gap)
  const said = world.create(request, { policy: policies[policy] })
  assertTrue(said, world.moved(handle))
  assertAccounted(said, world)
  assertCutsKept(said, world)
  world.assertQuiet()
  assert.isAtMost(world.moved(handle), said.exposure.max, "what was under way arrived, and was not counted")
  assert.deepStrictEqual(Ledger.paidTwice(world.ledger), [])
  assert.isAtMost(world.bodies(handle), 1)
  assert.isAtMost(world.underWayMost, 1)
  return said
}

/** A call that never fails, and what had moved when it ended. */
const callOf = (world: World, policy: string) =>
  Effect.gen(function* () {
    const said: Said = yield* Effect.merge(world.payouts.create(request, { policy: policies[policy] }))
    return { said, moved: Ledger.moved(yield* world.sandbox.ledger, handle) }
  })

type Call = ReturnType<typeof callOf>

describe("Interruption at any moment", () => {
  const met = counters<Attempt.Kind | "Waiting" | "Ended">()

  property(
    "leaves nothing behind, and the next call asks first and knows all that was done (27, 82, I7, I12)",
    150,
    fc.record({ ...scenario, instant: instants }),
    ({ instant: { after, order }, ...scenario }) => {
      const world = worldOf(scenario)
      const { time } = world
      const due = time.now + after
      const interrupt = () => fiber.unsafeInterruptAsFork(FiberId.none)
      const cancel = order === "First" ? time.plan(due, interrupt) : () => {}
      const fiber = world.fork(callOf(world, scenario.policy))
      if (order === "Last") {
        time.pass(after)
        interrupt()
      }
      const exit = time.await(fiber)
      cancel()
      met.count(world.cuts[0]?.kind ?? (Exit.isInterrupted(exit) ? "Waiting" : "Ended"))
      assert.isAtMost(time.now, due, "the interruption took time")
      if (Exit.isSuccess(exit)) assertTrue(exit.value.said, exit.value.moved)
      else assert.isTrue(Exit.isInterrupted(exit))
      world.assertQuiet()
      assertNothingLost(world, scenario)
    },
    () => {
      for (const what of ["Create", "Lookup", "Waiting", "Ended"] as const) assert.isAbove(met.of(what), 0, what)
    }
  )

  property(
    "again and again is no different: each exchange that was cut off stays on record",
    60,
    fc.record({ ...scenario, instants: fc.array(instants, { minLength: 2, maxLength: 5 }) }),
    ({ instants, ...scenario }) => {
      const world = worldOf(scenario)
      for (const { after } of instants) {
        const fiber = world.fork(callOf(world, scenario.policy))
        world.time.pass(after)
        fiber.unsafeInterruptAsFork(FiberId.none)
        world.time.await(fiber)
        assert.strictEqual(world.time.pending, 0)
      }
      assertNothingLost(world, scenario)
    }
  )
})

type Left = Cause.TimeoutException | "another"

/** How callers leave a call behind, or try to, after so many milliseconds. */
const ways: Readonly<Record<string, (call: Call, after: number) => Effect.Effect<unknown, Left>>> = {
  timeout: (call, after) => Effect.timeout(call, after),
  race: (call, after) => Effect.race(call, Effect.sleep(after)),
  raceFirst: (call, after) => Effect.raceFirst(call, Effect.sleep(after)),
  aSiblingFails: (call, after) =>
    Effect.all([call, Effect.zipRight(Effect.sleep(after), Effect.fail("another" as const))], { concurrency: 2 }),
  aScopeCloses: (call, after) => Effect.scoped(Effect.zipRight(Effect.forkScoped(call), Effect.sleep(after))),
  theParentEnds: (call, after) => Effect.zipRight(Effect.fork(call), Effect.sleep(after)),
  disconnect: (call, after) => Effect.timeout(Effect.disconnect(call), after),
  uninterruptible: (call, after) => Effect.timeout(Effect.uninterruptible(call), after),
  acquire: (call, after) =>
    Effect.timeout(
      Effect.acquireUseRelease(call, Effect.succeed, () => Effect.void),
      after
    ),
  finalizer: (call, after) => Effect.timeout(Effect.ensuring(Effect.never, call), after)
}
const stubborn: ReadonlyArray<string> = ["uninterruptible", "acquire", "finalizer"]

describe("However a call is left behind", () => {
  const met = counters<string>()
  property(
    "by a timeout, a race, a sibling, a scope: nothing is left, or it comes to its end where it cannot be interrupted",
    120,
    fc.record({ ...scenario, way: fc.constantFrom(...Object.keys(ways)), after: millis }),
    ({ after, way, ...scenario }) => {
      const world = worldOf(scenario)
      let ended: Effect.Effect.Success<Call> | undefined
      const call = Effect.tap(callOf(world, scenario.policy), (end) =>
        Effect.sync(() => {
          ended = end
        })
      )
      const due = world.time.now + after
      world.run(Effect.exit(ways[way]?.(call, after) ?? Effect.void))
      if (stubborn.includes(way)) {
        assert.isTrue(ended !== undefined || world.exchanges.length === 0, "what cannot be interrupted was")
      } else assert.isAtMost(world.time.now, due, "leaving took time")
      if (ended !== undefined) assertTrue(ended.said, ended.moved)
      met.count(`${way} ${world.cuts.length > 0 ? "cut" : "whole"}`)
      world.assertQuiet()
      assertNothingLost(world, scenario)
    },
    () => {
      for (const way of Object.keys(ways)) {
        assert.isAbove(met.of(`${way} ${stubborn.includes(way) ? "whole" : "cut"}`), 0, way)
        if (stubborn.includes(way)) assert.strictEqual(met.of(`${way} cut`), 0, way)
      }
    }
  )
})

interface Caller {
  readonly begins: number
  readonly leaves: number | null
}

const callers: fc.Arbitrary<Caller> = fc.record({
  begins: fc.oneof(fc.constant(0), fc.constant(1), millis),
  leaves: fc.oneof({ weight: 2, arbitrary: millis }, { weight: 1, arbitrary: fc.constant(null) })
})

/** Lets callers come and go, and gives what became of each. */
const play = (world: World, policy: string, all: ReadonlyArray<Caller>) => {
  const { time } = world
  const fibers = new Map<Caller, Fiber.RuntimeFiber<Effect.Effect.Success<Call>>>()
  const plans: Array<() => void> = []
  for (const caller of all) {
    const begins = time.now + caller.begins
    time.plan(begins, () => fibers.set(caller, world.fork(callOf(world, policy))))
    if (caller.leaves === null) continue
    plans.push(time.plan(begins + caller.leaves, () => fibers.get(caller)?.unsafeInterruptAsFork(FiberId.none)))
  }
  const ends = () => all.map((caller) => fibers.get(caller)?.unsafePoll() ?? undefined)
  time.run(() => ends().every((exit) => exit !== undefined))
  for (const cancel of plans) cancel()
  return ends()
}

describe("Callers for the same payout", () => {
  const met = counters<"carried on" | "all left" | "some left">()

  property(
    "may all be interrupted or some: one exchange at a time, no evidence lost, and whoever stays is told the truth (84)",
    100,
    fc.record({ ...scenario, callers: fc.array(callers, { minLength: 2, maxLength: 4 }) }),
    ({ callers, ...scenario }) => {
      const world = worldOf(scenario)
      const exits = play(world, scenario.policy, callers)
      let left = 0
      for (const [index, exit] of exits.entries()) {
        assert.isDefined(exit, "a caller waits for ever")
        if (exit !== undefined && Exit.isSuccess(exit)) assertTrue(exit.value.said, exit.value.moved)
        else {
          left += 1
          assert.isNotNull(callers[index]?.leaves, "a caller was interrupted with another")
        }
      }
      const isCarriedOn = world.cuts.length > 0 && left < exits.length
      met.count(isCarriedOn ? "carried on" : left === exits.length ? "all left" : "some left")
      world.assertQuiet()
      assertNothingLost(world, scenario)
    },
    () => {
      for (const what of ["carried on", "all left", "some left"] as const) assert.isAbove(met.of(what), 0, what)
    }
  )

  property(
    "who join and leave do not disturb the first: the same exchanges, to the same end (84)",
    40,
    fc.record({ ...scenario, joins: fc.nat(100_000), leaves: millis }),
    ({ joins, leaves, ...scenario }) => {
      const first = { begins: 0, leaves: null }
      const alone = worldOf(scenario)
      const [expected] = play(alone, scenario.policy, [first])
      const lasts = alone.time.now - new World().time.now
      fc.pre(joins < lasts)
      const joined = worldOf(scenario)
      // Whoever stays until after the end has joined all the same.
      const [end] = play(joined, scenario.policy, [first, { begins: joins, leaves: Math.min(leaves, lasts - joins) }])
      assert.deepStrictEqual(joined.exchanges, alone.exchanges)
      assert.deepStrictEqual(encoded(end), encoded(expected))
      joined.assertQuiet()
    }
  )
})

const encoded = (exit: Exit.Exit<Effect.Effect.Success<Call>> | undefined): string => JSON.stringify(exit)
