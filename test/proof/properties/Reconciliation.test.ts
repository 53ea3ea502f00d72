/**
 * A reconciliation against an oracle that has all rows in memory, looks at one handle after the other, and shares nothing
 * with the library: random books in any order, with any duplicates, in memory and in files.
 *
 * Where rows of one handle have other arguments, the oracle does not say which of them is compared: any will do, but
 * always the same, and one that the provider's record bears out if there is one.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe } from "@effect/vitest"
import { DateTime, Effect, FastCheck as fc, Option, Stream } from "effect"
import { Exposure, type Payout, PayoutError, type Payouts, Reconciliation } from "effect-billwerk-payouts"
import { counters, property } from "./property.js"

const minute = 60_000
const start = Date.UTC(2026, 0, 2, 12)
const clocks = { here: { min: -500, max: 500 }, later: { min: -500, max: 500 } }

type End = "Paid" | "Failed" | "Processing" | "Error" | "Lost"
type State = "paid" | "failed" | "processing" | "error"

interface Ours {
  readonly handle: number
  /** Only a row without an end may have another amount than the handle's own. */
  readonly amount: number
  readonly end: End | undefined
}

interface Theirs {
  readonly state: State
  readonly amount: number
  readonly currency: "DKK" | "EUR"
  readonly isListed: boolean
  /** Whether the list shows it on an earlier page, as it was before. */
  readonly isTwice: boolean
}

interface World {
  readonly ours: ReadonlyArray<Ours>
  readonly theirs: ReadonlyArray<Theirs | undefined>
  readonly isReachable: ReadonlyArray<boolean>
  /** When it is looked up, in minutes: before or after the arrival horizon. */
  readonly minutes: 10 | 400
  readonly order: ReadonlyArray<number>
  readonly heldMax: number
}

const handles = 4
const inMemory = 1_000_000
const ownAmount = (handle: number) => 100 * (handle + 1)

const ours: fc.Arbitrary<Ours> = fc
  .record({
    handle: fc.nat(handles - 1),
    isOther: fc.boolean(),
    end: fc.constantFrom<End | undefined>(undefined, undefined, "Paid", "Failed", "Processing", "Error", "Lost")
  })
  .map(({ end, handle, isOther }) => ({
    handle,
    end,
    amount: ownAmount(handle) + (isOther && end === undefined ? 1 : 0)
  }))

const theirs = (handle: number): fc.Arbitrary<Theirs> =>
  fc.record({
    state: fc.constantFrom("paid", "failed", "processing", "error"),
    amount: fc.constantFrom(ownAmount(handle), ownAmount(handle), ownAmount(handle), ownAmount(handle) + 1),
    currency: fc.constantFrom("DKK", "DKK", "DKK", "EUR"),
    isListed: fc.constantFrom(true, true, false),
    isTwice: fc.boolean()
  })

const worlds: fc.Arbitrary<World> = fc.record({
  ours: fc.array(ours, { maxLength: 12 }),
  theirs: fc.tuple(
    ...Array.from({ length: handles }, (_, handle) => fc.option(theirs(handle), { nil: undefined, freq: 2 }))
  ),
  isReachable: fc.array(fc.constantFrom(true, true, true, false), { minLength: handles, maxLength: handles }),
  minutes: fc.constantFrom(10, 400),
  order: fc.array(fc.nat(1_000), { minLength: 30, maxLength: 30 }),
  heldMax: fc.constantFrom(0, inMemory, inMemory, inMemory)
})

// --- the world, as the library sees it ------------------------------------------------------------------------------

const handleOf = (handle: number) => `p-${handle}`

const payout = (handle: number, amount: number, state: State, currency = "DKK"): Payout.Payout => ({
  handle: handleOf(handle),
  state: state === "error" ? "failed" : state,
  amount,
  currency,
  transactions: [
    {
      id: `t-${handle}`,
      amount,
      state: state === "error" ? "failed" : state,
      created: DateTime.unsafeMake(start),
      ...(state === "error" ? { errorState: "processing_error" } : {}),
      ...(state === "failed" ? { errorState: "hard_declined" } : {})
    }
  ]
})

const ends = {
  Paid: { standing: "Paid", state: "paid" },
  Failed: { standing: "NotMoved", state: "failed" },
  Processing: { standing: "Processing", state: "processing" },
  Error: { standing: "InDoubt", state: "error" },
  Lost: { standing: "InDoubt", state: undefined }
} as const

const expectation = ({ amount, end, handle }: Ours): Reconciliation.Expectation => {
  const row = Effect.runSync(Reconciliation.ofRow({ handle: handleOf(handle), amount, currency: "DKK" }))
  if (end === undefined) return row
  const { standing, state } = ends[end]
  const read = { clock: "here", at: start + minute }
  const create: Exposure.Create = {
    id: `c-${handle}`,
    count: 1,
    clock: "here",
    from: start,
    to: start,
    amount,
    before: [],
    guess: false
  }
  const evidence =
    state === undefined
      ? { ...Exposure.empty(handleOf(handle)), creates: [create] }
      : Exposure.ofPayout(handleOf(handle), payout(handle, amount, state), read)
  return { ...row, standing, evidence: { ...evidence, clocks } }
}

const listed = ({ theirs }: World): ReadonlyArray<Payout.Payout> =>
  theirs.flatMap((one, handle) =>
    one === undefined || !one.isListed
      ? []
      : [
          payout(handle, one.amount, one.state, one.currency),
          ...(one.isTwice ? [payout(handle, one.amount, "processing", one.currency)] : [])
        ]
  )

const assess =
  ({ isReachable, minutes, theirs }: World): Payouts.Payouts["Type"]["assess"] =>
  (of, { evidence = Exposure.empty(of) } = {}) =>
    Effect.suspend(() => {
      const handle = Number(of.slice(2))
      if (isReachable[handle] !== true) {
        return new PayoutError.LookupFailed({ handle: of, attempts: [], category: "RateLimited", why: "HTTP 429" })
      }
      const one = theirs[handle]
      const shown = one && payout(handle, one.amount, one.state, one.currency)
      const read = { clock: "later", at: start + minutes * minute }
      const seen = shown === undefined ? { ...Exposure.empty(of), read } : Exposure.ofPayout(of, shown, read)
      const all = Exposure.merge(evidence, { ...seen, clocks })
      const exposure = Exposure.exposure(all)
      const certainty = Exposure.certainty(exposure)
      return Effect.succeed({
        handle: of,
        payout: Option.fromNullable(shown),
        attempts: [],
        certainty,
        exposure,
        evidence: all
      })
    })

const shuffled = <A>(all: ReadonlyArray<A>, order: ReadonlyArray<number>): ReadonlyArray<A> =>
  all
    .map((one, index) => [order[index % order.length] ?? 0, one] as const)
    .sort(([one], [other]) => one - other)
    .map(([, one]) => one)

const report = (world: World, order: ReadonlyArray<number>) =>
  Reconciliation.reconcile({
    expected: Stream.fromIterable(shuffled(world.ours.map(expectation), order)),
    shown: Stream.fromIterable(shuffled(listed(world), order)),
    assess: assess(world),
    heldMax: world.heldMax
  }).pipe(
    Stream.runCollect,
    Effect.map((all) => [...all]),
    Effect.provide(NodeContext.layer),
    Effect.runPromise
  )

// --- the oracle -----------------------------------------------------------------------------------------------------

type Name = (typeof Reconciliation.classes)[number]
type Standing = End | "Expected"

/** What a row of our books and the provider's payout of the same arguments amount to, once it was looked up. */
const pairs: Readonly<Record<Standing, Readonly<Record<State, Name>>>> = {
  Expected: { paid: "Matched", failed: "Differs", processing: "Processing", error: "InDoubt" },
  Paid: { paid: "Matched", failed: "Differs", processing: "Differs", error: "Differs" },
  Failed: { paid: "Differs", failed: "NotPaid", processing: "Differs", error: "NotPaid" },
  Processing: { paid: "FinalSince", failed: "FinalSince", processing: "Processing", error: "InDoubt" },
  Error: { paid: "FinalSince", failed: "FinalSince", processing: "Processing", error: "InDoubt" },
  Lost: { paid: "FinalSince", failed: "FinalSince", processing: "Processing", error: "InDoubt" }
}

/** What a row amounts to that the provider has no payout for. */
const absences: Readonly<Record<Standing, Name>> = {
  Expected: "MissingThere",
  Paid: "MissingThere",
  Failed: "NotPaid",
  Processing: "MissingThere",
  Error: "InDoubt",
  Lost: "InDoubt"
}

/** What is known for certain counts, and then what is known at all. */
const standingOf = (all: ReadonlyArray<End | undefined>): Standing =>
  (["Paid", "Failed", "Error", "Processing", "Lost"] as const).find((end) => all.includes(end)) ?? "Expected"

const verdict = (world: World, row: Ours, standing: Standing): Name => {
  const one = world.theirs[row.handle]
  const canAsk = world.isReachable[row.handle] === true
  if (one === undefined || !one.isListed) {
    if (!canAsk) return standing === "Error" || standing === "Lost" ? "InDoubt" : "NotAsked"
    if (one === undefined) return standing === "Lost" && world.minutes === 400 ? "FinalSince" : absences[standing]
  }
  if (one.amount !== row.amount || one.currency !== "DKK") return "Differs"
  // A list has no time, so it does not show that the failure came after what was stored.
  if (standing === "Processing" && one.state === "failed" && !canAsk) return "InDoubt"
  return pairs[standing][one.state]
}

/** All that may be found about a handle, as sorted names. */
const oracle = (world: World, handle: number): ReadonlyArray<string> | "Anything" => {
  const rows = world.ours.filter((row) => row.handle === handle)
  const one = world.theirs[handle]
  if (rows.length === 0) return [one?.isListed === true ? "UnknownHere" : ""]
  const isBorneOut = (row: Ours) => one?.isListed === true && one.amount === row.amount
  const best = rows.some(isBorneOut) ? rows.filter(isBorneOut) : rows
  // Stored ends of other arguments have money of their own, which the oracle does not count.
  if (best.some(({ amount }) => amount !== ownAmount(handle)) && rows.some(({ end }) => end !== undefined)) {
    return "Anything"
  }
  return best.map((row) => {
    const alike = rows.filter(({ amount }) => amount === row.amount)
    const expected = alike.filter(({ end }) => end === undefined)
    const duplicates = Math.max(0, expected.length - 1) + rows.length - alike.length
    const found = verdict(world, row, standingOf(alike.map(({ end }) => end)))
    return [found, ...Array.from({ length: duplicates }, () => "Duplicate")].sort().join()
  })
}

/** What really left the account, if the world says so: an error may or may not have paid. */
const moved = (one: Theirs | undefined): number | undefined =>
  one === undefined ? 0 : one.state === "paid" ? one.amount : one.state === "error" ? undefined : 0

describe("A reconciliation", () => {
  const met = counters<Name | "Anything">()

  property(
    "finds what an oracle finds, the same in every order, and what left the account is within the exposure",
    300,
    worlds,
    async (world) => {
      const first = await report(world, world.order)
      assert.deepStrictEqual(await report({ ...world, heldMax: inMemory }, [...world.order].reverse()), first)
      const summary = first.at(-1)
      assert(summary?._tag === "Summary")
      const found = first.filter((one): one is Reconciliation.Difference => one._tag !== "Summary")
      const agreed = { Matched: 0, NotPaid: 0 }
      for (let handle = 0; handle < handles; handle++) {
        const own = found.filter((one) => one.handle === handleOf(handle))
        const names = own.map(({ _tag }) => _tag)
        const allowed = oracle(world, handle)
        if (allowed === "Anything") {
          met.count("Anything")
          continue
        }
        const isAllowed = (...more: ReadonlyArray<string>) => allowed.includes([...names, ...more].sort().join())
        const unsaid = (["Matched", "NotPaid"] as const).find((name) => isAllowed(name))
        if (!isAllowed()) {
          assert(unsaid !== undefined, `${handle}: ${names.join()} is none of ${allowed.join(" | ")}`)
          agreed[unsaid] += 1
          met.count(unsaid)
        }
        for (const { _tag } of own) met.count(_tag)
        const real = moved(world.theirs[handle])
        for (const one of own) {
          if (one._tag === "Duplicate" || "unasked" in one || real === undefined) continue
          // Money that was seen to have moved has moved, whatever the provider says now.
          if ("standing" in one && one.standing === "Paid" && one._tag !== "InDoubt") continue
          assert.isTrue(
            one.exposure.min <= real && real <= one.exposure.max,
            `${handle}: ${one._tag}, ${real} moved, and not ${one.exposure.min} to ${one.exposure.max}`
          )
        }
      }
      assert.isAtLeast(summary.classes.Matched.count, agreed.Matched)
      assert.isAtLeast(summary.classes.NotPaid.count, agreed.NotPaid)
      assert.strictEqual(summary.agrees, found.length === 0)
      for (const name of Reconciliation.classes) {
        if (name === "Matched" || name === "NotPaid") continue
        assert.strictEqual(summary.classes[name].count, found.filter(({ _tag }) => _tag === name).length)
      }
    },
    () => {
      for (const name of Reconciliation.classes) {
        assert.isAbove(met.of(name), 10, `${name} was met: ${JSON.stringify(met.all())}`)
      }
    }
  )
})
