/**
 * Whatever the ledger, the window, the page size, the provider's tokens, the faults on the way and the payouts that are
 * created meanwhile: a list that ends without an error has each payout of its window that was there when it began, once.
 */
import { assert, describe } from "@effect/vitest"
import { Cause, Chunk, DateTime, Effect, Exit, FastCheck as fc, Stream } from "effect"
import { Acquirer, Ledger, type Sandbox, Script } from "effect-billwerk-payouts/testing"
import { requestOf } from "../../support.js"
import { counters, property } from "./property.js"
import { World } from "./World.js"

const hour = 3_600_000
/** When every world begins. */
const begin = Date.UTC(2026, 0, 1)

const faults = {
  none: Script.normal,
  "an outage": Script.status(502),
  "a limit": Script.apiError({ status: 429, code: 122 }),
  "a lost answer": Script.dropAfterCommit,
  "half a page": Script.halfJson,
  "an answer that is cut off": Script.truncated,
  "a page of a proxy": Script.htmlPage
} as const

type Fault = keyof typeof faults

const isFault = (name: string): name is Fault => Object.hasOwn(faults, name)
const faultNames = Object.keys(faults).filter(isFault)

interface Scenario {
  /** Hours before the list begins, in halves, so that several payouts have the same time. */
  readonly ages: ReadonlyArray<number>
  readonly from: number
  readonly length: number
  readonly pageSize: number
  readonly pageTokens: Sandbox.Rules["pageTokens"]
  readonly timezone: string
  readonly faults: ReadonlyArray<Fault>
  /** After so many payouts of the list, so many are created. */
  readonly created: ReadonlyArray<readonly [after: number, count: number]>
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  ages: fc.array(
    fc.integer({ min: 0, max: 96 }).map((halves) => halves / 2),
    { maxLength: 70, size: "max" }
  ),
  // Hours before the list begins; the end may be in the future.
  from: fc.integer({ min: 1, max: 60 }),
  length: fc.integer({ min: 1, max: 80 }),
  pageSize: fc.integer({ min: 10, max: 30 }),
  pageTokens: fc.constantFrom("Position", "Offset"),
  timezone: fc.constantFrom("Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "UTC"),
  faults: fc.array(fc.constantFrom(...faultNames), { maxLength: 4 }),
  created: fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 20 })), { maxLength: 3 })
})

const worldOf = ({ ages, pageTokens, timezone }: Scenario): World =>
  new World({
    pageTokens,
    timezone,
    history: ages.map((age, index) => ({
      handle: `old-${index}`,
      amount: 100,
      // By the world's time: the sandbox is made before its clock is there.
      transactions: [{ created: DateTime.unsafeMake(begin - age * hour), destination: "ca_1", outcome: Acquirer.paid }]
    }))
  })

/** Lists, and creates others on the way. Gives the handles in their order, or the error. */
const listIn = (world: World, { created, from, length, pageSize }: Scenario) => {
  const begun = world.time.now
  let seen = 0
  const window = {
    from: DateTime.unsafeMake(begun - from * hour),
    to: DateTime.unsafeMake(begun - from * hour + length * hour)
  }
  const creating = Effect.gen(function* () {
    seen += 1
    for (const [after, count] of created) {
      if (after !== seen) continue
      for (let index = 0; index < count; index++) {
        yield* Effect.sleep("1 milli")
        yield* Effect.orDie(world.payouts.create(requestOf({ handle: `new-${seen}-${index}` })))
      }
    }
  })
  const listed = world.payouts.list({ ...window, pageSize }).pipe(
    Stream.tap(() => creating),
    Stream.map(({ handle }) => handle),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )
  return { window, exit: world.run(listed) }
}

describe("A list that ends without an error", () => {
  const met = counters<
    Fault | "listed" | "failed" | "created meanwhile" | "several pages" | Sandbox.Rules["pageTokens"]
  >()

  property(
    "has each payout of its window that was there when it began, once, and no other",
    150,
    scenarios,
    (scenario) => {
      const world = worldOf(scenario)
      assert.strictEqual(world.time.now, begin)
      const before = Ledger.payouts(world.ledger)
      world.script(...scenario.faults.map((name) => Script.onList(faults[name])))
      const { exit, window } = listIn(world, scenario)
      if (Exit.isFailure(exit)) {
        const error = Cause.squash(exit.cause)
        assert.strictEqual(error instanceof Error && error.name, "ListFailed")
        return met.count("failed")
      }
      const { value: handles } = exit
      const isInside = ({ created }: Ledger.Recorded) =>
        created.epochMillis >= window.from.epochMillis && created.epochMillis < window.to.epochMillis
      const expected = before.filter(isInside).map(({ handle }) => handle)
      assert.deepStrictEqual(handles.filter((handle) => handle.startsWith("old-")).sort(), expected.sort())
      assert.strictEqual(new Set(handles).size, handles.length, "a payout came twice")
      const inside = new Set(
        Ledger.payouts(world.ledger)
          .filter(isInside)
          .map(({ handle }) => handle)
      )
      for (const handle of handles) assert.isTrue(inside.has(handle), `${handle} is not in the window`)
      met.count("listed")
      met.count(scenario.pageTokens)
      for (const name of scenario.faults) met.count(name)
      if (Ledger.payouts(world.ledger).length > before.length) met.count("created meanwhile")
      if (handles.length > scenario.pageSize) met.count("several pages")
      world.assertQuiet()
    },
    () => {
      for (const name of [...faultNames, "Position", "Offset", "created meanwhile", "several pages"] as const) {
        assert.isAbove(met.of(name), 0, name)
      }
      assert.isAbove(met.of("listed"), 10 * met.of("failed"))
    }
  )
})
