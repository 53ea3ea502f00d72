/** Each class of finding by a small example, and what must be asked before it is said. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Handle, Outcome, Payouts, type Payout, Reconciliation, RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { anotherProcess, inVirtualTime, layer, requestOf } from "../support.js"
import {
  clocks,
  create,
  failed,
  handle,
  lookups,
  payout,
  processing,
  reconcile,
  row,
  stored,
  tx,
  unreachable
} from "./fixture.js"

const line = { handle, currency: "DKK", booked: 12_500 }
const paid = { min: 12_500, max: 12_500 }
const none = { min: 0, max: 0 }
const perhaps = { min: 0, max: 12_500 }
const shown = (state: string, amount = 12_500) => ({ state, amount, currency: "DKK" })

describe("Reconciliation.reconcile", () => {
  it.effect("says nothing but a summary of payouts that are paid on both sides", () =>
    Effect.gen(function* () {
      const { differences, summary } = yield* reconcile(
        [row(), row({ handle: "prize-2", amount: 5, currency: "EUR" }), stored("Paid", payout())].slice(0, 2),
        [payout(), payout({ handle: "prize-2", amount: 5, currency: "EUR" })]
      )
      assert.deepStrictEqual(differences, [])
      assert.deepStrictEqual([summary.agrees, summary.expected, summary.shown], [true, 2, 2])
      assert.deepStrictEqual(summary.classes.Matched, {
        count: 2,
        totals: {
          DKK: { booked: 12_500n, least: 12_500n, most: 12_500n },
          EUR: { booked: 5n, least: 5n, most: 5n }
        }
      })
    })
  )

  it.effect("agrees about empty books", () =>
    Effect.gen(function* () {
      const { counts, summary } = yield* reconcile([], [])
      assert.deepStrictEqual([counts, summary.agrees], [{}, true])
    })
  )

  const others: ReadonlyArray<readonly [field: string, listed: Payout.Payout, exposure: number]> = [
    ["amount", payout({ amount: 12_600 }), 12_600],
    ["currency", payout({ currency: "EUR" }), 12_500],
    ["customer", payout({ customer: "another" }), 12_500]
  ]
  for (const [field, listed, amount] of others) {
    it.effect(`shows a payout with another ${field}`, () =>
      Effect.gen(function* () {
        const { differences } = yield* reconcile([row({ customer: "customer-1" })], [listed])
        assert.deepStrictEqual(differences, [
          {
            _tag: "Differs",
            ...line,
            standing: "Expected",
            exposure: { min: amount, max: amount },
            shown: { state: "paid", amount: listed.amount, currency: listed.currency ?? "" },
            in: [field === "amount" ? "amount" : field === "currency" ? "currency" : "customer"]
          }
        ])
      })
    )
  }

  it.effect("compares no field that one side leaves out", () =>
    Effect.gen(function* () {
      const { counts } = yield* reconcile(
        [row({ customer: "customer-1" }), row({ handle: "prize-2" })],
        [payout({ currency: undefined }), payout({ handle: "prize-2", customer: "customer-2" })]
      )
      assert.deepStrictEqual(counts, { Matched: 2 })
    })
  )

  it.effect("shows a payout that failed although our books expect it, after a lookup", () =>
    Effect.gen(function* () {
      const assess = lookups([failed()])
      const { differences } = yield* reconcile([row()], [failed()], { assess })
      assert.deepStrictEqual(differences, [
        { _tag: "Differs", ...line, standing: "Expected", exposure: none, shown: shown("failed"), in: ["state"] }
      ])
    })
  )

  it.effect("takes the lookup's word where the list lags behind", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const assess = lookups([payout()], 10, asked)
      const { counts } = yield* reconcile([stored("Paid", payout())], [failed()], { assess })
      assert.deepStrictEqual([counts, asked], [{ Matched: 1 }, [handle]])
    })
  )

  it.effect("keeps a payment that was stored as paid, if the provider now shows it as failed", () =>
    Effect.gen(function* () {
      const assess = lookups([failed()])
      const { differences } = yield* reconcile([stored("Paid", payout())], [failed()], { assess })
      assert.deepStrictEqual(differences, [
        { _tag: "Differs", ...line, standing: "Paid", exposure: paid, shown: shown("failed"), in: ["state"] }
      ])
    })
  )

  it.effect("shows a payout that is paid although our outcome said that no money moved", () =>
    Effect.gen(function* () {
      const assess = lookups([payout()])
      const { differences } = yield* reconcile([stored("NotMoved", failed())], [payout()], { assess })
      assert.deepStrictEqual(differences, [
        { _tag: "Differs", ...line, standing: "NotMoved", exposure: paid, shown: shown("paid"), in: ["state"] }
      ])
    })
  )

  it.effect("shows a payout that our books do not have, with what left the account for it", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([], [payout(), { ...failed(), handle: "prize-2", currency: undefined }])
      assert.deepStrictEqual(
        differences.sort((one, other) => (one.handle < other.handle ? -1 : 1)),
        [
          { _tag: "UnknownHere", handle, currency: "DKK", exposure: paid, shown: shown("paid") },
          {
            _tag: "UnknownHere",
            handle: "prize-2",
            currency: "unknown",
            exposure: none,
            shown: { state: "failed", amount: 12_500 }
          }
        ]
      )
    })
  )

  it.effect("agrees about a payout that was not paid, also if the provider does not have it", () =>
    Effect.gen(function* () {
      const listed = yield* reconcile([stored("NotMoved", failed())], [failed()])
      const absent = yield* reconcile([stored("NotMoved", undefined)], [], { assess: lookups([]) })
      assert.deepStrictEqual([listed.counts, listed.summary.agrees], [{ NotPaid: 1 }, true])
      assert.deepStrictEqual([absent.counts, absent.summary.agrees], [{ NotPaid: 1 }, true])
    })
  )

  it.effect("shows a payout that is processing still", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([stored("Processing", processing)], [processing])
      assert.deepStrictEqual(differences, [
        { _tag: "Processing", ...line, standing: "Processing", exposure: perhaps, shown: shown("processing") }
      ])
    })
  )

  it.effect("shows a payout that was processing when it was stored, and is paid since", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([stored("Processing", processing)], [payout()])
      assert.deepStrictEqual(differences, [
        { _tag: "FinalSince", ...line, standing: "Processing", exposure: paid, shown: shown("paid"), now: "Paid" }
      ])
    })
  )

  it.effect("shows a payout that was processing when it was stored, and failed since, after a lookup", () =>
    Effect.gen(function* () {
      const assess = lookups([failed()])
      const { differences } = yield* reconcile([stored("Processing", processing)], [failed()], { assess })
      assert.deepStrictEqual(
        differences.map((one) => [one._tag, one._tag === "FinalSince" && one.now, one.exposure]),
        [["FinalSince", "NotMoved", none]]
      )
    })
  )

  it.effect("writes differences and the summary as a Schema, with the sums as text", () =>
    Effect.gen(function* () {
      const { differences, summary } = yield* reconcile([row()], [payout({ amount: 1 })])
      const encoded = yield* Schema.encode(Reconciliation.Summary)(summary)
      assert.deepStrictEqual(encoded.classes.Differs, {
        count: 1,
        totals: { DKK: { booked: "12500", least: "1", most: "1" } }
      })
      const json = Schema.parseJson(Schema.Array(Reconciliation.Difference))
      assert.deepStrictEqual(yield* Schema.decode(json)(yield* Schema.encode(json)(differences)), differences)
    })
  )

  it.effect("sums a million of the largest amounts, and more than 2^53, to the unit", () =>
    Effect.gen(function* () {
      const largest = 2_147_483_647
      const many = 3
      const rows = Array.from({ length: many }, (_, index) => row({ handle: `p-${index}`, amount: largest }))
      const huge = Array.from({ length: many }, (_, index) =>
        payout({ handle: `p-${index}`, amount: Number.MAX_SAFE_INTEGER, transactions: [] })
      )
      const { summary } = yield* reconcile(rows, huge)
      assert.deepStrictEqual(summary.classes.Differs.totals, {
        DKK: {
          booked: 3n * BigInt(largest),
          least: 3n * BigInt(Number.MAX_SAFE_INTEGER),
          most: 3n * BigInt(Number.MAX_SAFE_INTEGER)
        }
      })
    })
  )

  it.effect("dies of a concurrency that is no number of lookups", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(reconcile([row()], [], { concurrency: 0 }))
      assert.include(String(exit), "concurrency must be an integer of 1 or more: 0")
    })
  )
})

describe("A payout that the list does not show", () => {
  it.effect("is missing only if a lookup proves it, and one create may be under way if nothing is stored", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([row()], [], { assess: lookups([]) })
      assert.deepStrictEqual(differences, [{ _tag: "MissingThere", ...line, standing: "Expected", exposure: perhaps }])
    })
  )

  it.effect("is missing also if it was stored as paid, and the payment stays", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([stored("Paid", payout())], [], { assess: lookups([]) })
      assert.deepStrictEqual(differences, [{ _tag: "MissingThere", ...line, standing: "Paid", exposure: paid }])
    })
  )

  it.effect("is compared with what the lookup shows", () =>
    Effect.gen(function* () {
      const assess = lookups([payout(), payout({ handle: "prize-2", amount: 1 })])
      const { counts } = yield* reconcile([row(), row({ handle: "prize-2" })], [], { assess })
      assert.deepStrictEqual(counts, { Matched: 1, Differs: 1 })
    })
  )

  it.effect("is not missing if the lookup fails, and nothing is said about its money", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([row()], [], { assess: unreachable })
      assert.deepStrictEqual(differences, [
        { _tag: "NotAsked", ...line, standing: "Expected", exposure: perhaps, unasked: "ServerError" }
      ])
    })
  )

  it.effect("is not missing if nothing was looked up", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([row()], [])
      assert.deepStrictEqual(
        differences.map((one) => [one._tag, one._tag === "NotAsked" && one.unasked]),
        [["NotAsked", "NoLookup"]]
      )
    })
  )

  it.effect("is looked up with no more than so many others at once", () =>
    Effect.gen(function* () {
      let underWay = 0
      const most: Array<number> = []
      const assess: Payouts.Payouts["Type"]["assess"] = (of, options) =>
        Effect.acquireUseRelease(
          Effect.sync(() => void most.push(++underWay)),
          () => Effect.delay(lookups([])(of, options), "1 second"),
          () => Effect.sync(() => void underWay--)
        )
      const rows = Array.from({ length: 40 }, (_, index) => row({ handle: `p-${index}` }))
      const { counts } = yield* inVirtualTime(reconcile(rows, [], { assess, concurrency: 3 }))
      assert.deepStrictEqual([counts, Math.max(...most)], [{ MissingThere: 40 }, 3])
    })
  )
})

describe("A doubt", () => {
  const inDoubt = stored("InDoubt", undefined, [create])

  it.effect("stays about a payout that the provider does not have, until the arrival horizon", () =>
    Effect.gen(function* () {
      const soon = yield* reconcile([inDoubt], [], { assess: lookups([], 300) })
      assert.deepStrictEqual(soon.differences, [{ _tag: "InDoubt", ...line, standing: "InDoubt", exposure: perhaps }])
      const late = yield* reconcile([inDoubt], [], { assess: lookups([], 400) })
      assert.deepStrictEqual(late.differences, [
        { _tag: "FinalSince", ...line, standing: "InDoubt", exposure: none, now: "NotMoved" }
      ])
    })
  )

  it.effect("stays by another arrival horizon, if the service has another one", () =>
    Effect.gen(function* () {
      const { counts } = yield* reconcile([inDoubt], [], { assess: lookups([], 400), arrivalHorizon: "12 hours" })
      assert.deepStrictEqual(counts, { InDoubt: 1 })
    })
  )

  it.effect("is not ended by a list alone, whatever time has passed: a list has no measured time", () =>
    Effect.gen(function* () {
      const earlier = {
        ...failed(),
        transactions: [{ ...tx({ state: "failed", errorState: "hard_declined" }), created: undefined }]
      }
      const listed = yield* reconcile([inDoubt], [earlier])
      assert.deepStrictEqual(
        listed.differences.map((one) => [one._tag, one.exposure, "unasked" in one && one.unasked]),
        [["InDoubt", perhaps, "NoLookup"]]
      )
      const late = yield* reconcile([inDoubt], [earlier], { assess: lookups([earlier], 400) })
      assert.deepStrictEqual(late.counts, { FinalSince: 1 })
    })
  )

  it.effect("ends with a transaction of the list that is the create's doing", () =>
    Effect.gen(function* () {
      const { declined, settled } = {
        declined: yield* reconcile(
          [inDoubt],
          [{ ...failed(), transactions: [{ ...tx({ state: "failed", errorState: "hard_declined" }) }] }]
        ),
        settled: yield* reconcile([inDoubt], [payout()])
      }
      assert.deepStrictEqual([declined.counts, settled.counts], [{ FinalSince: 1 }, { FinalSince: 1 }])
    })
  )

  it.effect("stays after a processing error, and the exposure says how much", () =>
    Effect.gen(function* () {
      const error = failed("processing_error")
      const { differences } = yield* reconcile([stored("InDoubt", error)], [error], { assess: lookups([error], 400) })
      assert.deepStrictEqual(differences, [
        { _tag: "InDoubt", ...line, standing: "InDoubt", exposure: perhaps, shown: shown("failed") }
      ])
    })
  )

  it.effect("is shown of a payment that may have been made twice, also if our books only expect it", () =>
    Effect.gen(function* () {
      const twice = payout({
        transactions: [tx(), tx({ id: "t0", state: "failed", errorState: "processing_error" })]
      })
      const { differences } = yield* reconcile([row()], [twice], { assess: lookups([twice]) })
      assert.deepStrictEqual(differences, [
        {
          _tag: "InDoubt",
          ...line,
          standing: "Expected",
          exposure: { min: 12_500, max: 25_000 },
          shown: shown("paid")
        }
      ])
    })
  )

  it.effect("stays if the lookup fails", () =>
    Effect.gen(function* () {
      const { differences } = yield* reconcile([inDoubt], [], { assess: unreachable })
      assert.deepStrictEqual(differences, [
        { _tag: "InDoubt", ...line, standing: "InDoubt", exposure: perhaps, unasked: "ServerError" }
      ])
    })
  )

  it.effect("is opened by a state that nobody knows", () =>
    Effect.gen(function* () {
      const odd = payout({ state: "parked", transactions: [] })
      const { counts } = yield* reconcile([row()], [odd], { assess: lookups([odd]) })
      assert.deepStrictEqual(counts, { InDoubt: 1 })
    })
  )
})

describe("An end that is stored without its evidence", () => {
  const bare = (standing: Reconciliation.Standing): Reconciliation.Expectation => ({ ...row(), standing })
  const absent = [
    ["InDoubt", "InDoubt"],
    ["Paid", "MissingThere"],
    ["Processing", "MissingThere"]
  ] as const
  for (const [standing, tag] of absent) {
    it.effect(`leaves all of the amount open, if it was ${standing} and the provider does not have it`, () =>
      Effect.gen(function* () {
        const { differences } = yield* reconcile([bare(standing)], [], { assess: lookups([], 1_000_000) })
        assert.deepStrictEqual(differences, [{ _tag: tag, ...line, standing, exposure: perhaps }])
      })
    )
  }

  const denied = [
    ["InDoubt", "InDoubt"],
    ["Paid", "Differs"],
    ["Processing", "InDoubt"]
  ] as const
  for (const [standing, tag] of denied) {
    it.effect(`leaves all of the amount open, if it was ${standing} and the provider shows it as failed`, () =>
      Effect.gen(function* () {
        const { differences } = yield* reconcile([bare(standing)], [failed()], { assess: lookups([failed()], 400) })
        assert.deepStrictEqual(
          differences.map((one) => [one._tag, one.exposure]),
          [[tag, perhaps]]
        )
      })
    )
  }

  it.effect("agrees about a payout that was not paid, and is final of one that is paid since", () =>
    Effect.gen(function* () {
      const none = yield* reconcile([bare("NotMoved")], [], { assess: lookups([]) })
      const refused = yield* reconcile([bare("NotMoved")], [failed()])
      const since = yield* reconcile([bare("InDoubt")], [payout()])
      assert.deepStrictEqual([none.counts, refused.counts], [{ NotPaid: 1 }, { NotPaid: 1 }])
      assert.deepStrictEqual(
        since.differences.map((one) => [one._tag, one.exposure]),
        [["FinalSince", paid]]
      )
    })
  )

  it.effect("stays in doubt beside another end, whatever that one says of no money", () =>
    Effect.gen(function* () {
      for (const other of [bare("InDoubt"), bare("NotMoved"), stored("NotMoved", failed()), row()]) {
        const { differences } = yield* reconcile([other, bare("InDoubt")], [], { assess: lookups([]) })
        assert.deepStrictEqual(differences, [{ _tag: "InDoubt", ...line, standing: "InDoubt", exposure: perhaps }])
      }
    })
  )

  it.effect("keeps the amount open if it could not be asked about", () =>
    Effect.gen(function* () {
      for (const standing of ["InDoubt", "Paid", "Processing"] as const) {
        const { differences } = yield* reconcile([bare(standing)], [])
        assert.deepStrictEqual(
          differences.map((one) => [one._tag, one.exposure]),
          [[standing === "InDoubt" ? "InDoubt" : "NotAsked", perhaps]]
        )
      }
    })
  )
})

describe("A handle that is there more than once", () => {
  it.effect("counts once, and each further row of our books is a duplicate", () =>
    Effect.gen(function* () {
      const { differences, summary } = yield* reconcile([row(), row(), row()], [payout()])
      const duplicate = { _tag: "Duplicate" as const, ...line, standing: "Expected" as const, exposure: none }
      assert.deepStrictEqual(differences, [
        { ...duplicate, arguments: "Same" },
        { ...duplicate, arguments: "Same" }
      ])
      assert.deepStrictEqual([summary.classes.Matched.count, summary.agrees], [1, false])
    })
  )

  it.effect("is compared by the row that the provider's record bears out", () =>
    Effect.gen(function* () {
      const wrong = row({ amount: 1 })
      for (const rows of [
        [row(), wrong],
        [wrong, row()]
      ]) {
        const { counts, differences } = yield* reconcile(rows, [payout()])
        assert.deepStrictEqual(counts, { Matched: 1, Duplicate: 1 })
        assert.deepStrictEqual(
          differences.map((one) => [one._tag, "booked" in one && one.booked, "arguments" in one && one.arguments]),
          [["Duplicate", 1, "Other"]]
        )
      }
    })
  )

  it.effect("is no duplicate if it is the row that expects a payout, and the ends that were stored of it", () =>
    Effect.gen(function* () {
      const rows = [stored("InDoubt", undefined, [create]), row(), stored("Paid", payout())]
      const { counts } = yield* reconcile(rows, [payout()])
      assert.deepStrictEqual(counts, { Matched: 1 })
    })
  )

  it.effect("is one payout if the list shows it twice, as the further one", () =>
    Effect.gen(function* () {
      for (const listed of [
        [processing, payout()],
        [payout(), processing]
      ]) {
        const { counts, summary } = yield* reconcile([row()], listed)
        assert.deepStrictEqual([counts, summary.shown], [{ Matched: 1 }, 2])
      }
    })
  )
})

describe("What is stored", () => {
  it("says where a payout stands", () => {
    const end = (over: Partial<Outcome.Paid>): Outcome.Paid => ({
      ...requestOf(),
      _tag: "Paid",
      payout: payout(),
      attempts: [],
      certainty: "Moved",
      exposure: paid,
      evidence: { handle, creates: [], transactions: [], clocks },
      ...over
    })
    const standing = (one: Reconciliation.End) => Reconciliation.ofEnd(one).standing
    assert.deepStrictEqual(standing(end({})), "Paid")
    assert.deepStrictEqual(standing(end({ exposure: { min: 12_500, max: 25_000 } })), "InDoubt")
    const pending = { ...end({ certainty: "MayHaveMoved", exposure: perhaps }), _tag: "Processing" as const }
    assert.deepStrictEqual(standing(pending), "Processing")
    assert.deepStrictEqual(standing({ ...pending, exposure: { min: 0, max: 25_000 } }), "InDoubt")
  })

  it("keeps no destination, no customer and no text of a request", () => {
    const request = requestOf({ customer: "customer-secret", text: "a text", textOnStatement: "a statement" })
    const kept = JSON.stringify(Reconciliation.ofRequest(request))
    for (const secret of ["ca_", "customer-secret", "a text", "a statement"]) assert.notInclude(kept, secret)
    assert.include(kept, '"customer":')
  })
})

describe("A reconciliation of a whole day", () => {
  it.effect("finds what really happened, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const payouts = yield* Payouts.Payouts
      const requestOfDay = (name: string) => requestOf({ handle: `day-${name}` })
      yield* sandbox.script(
        Script.forHandle("day-declined")(Script.hardDeclined()),
        Script.forHandle("day-error")(Script.processingError({ moved: true })),
        Script.forHandle("day-lost")(Script.dropAfterCommit),
        Script.forHandle("day-lost")(Script.status(502)),
        Script.forHandle("day-lost")(Script.status(502))
      )
      const names = ["paid", "declined", "error", "lost"]
      const results = yield* payouts
        .createAll(Stream.fromIterable(names.map(requestOfDay)), { policy: RetryPolicy.none, concurrency: 1 })
        .pipe(Stream.runCollect, inVirtualTime)
      const ledger = yield* sandbox.ledger
      const elsewhere = yield* anotherProcess()
      yield* elsewhere.create(requestOfDay("elsewhere"))
      const listed = yield* Effect.forEach(["paid", "declined", "error", "elsewhere"], (name) =>
        payouts.get(requestOfDay(name).handle)
      )
      const { assess } = yield* anotherProcess()
      const { counts, differences } = yield* inVirtualTime(
        reconcile([...results].map(Reconciliation.ofResult), listed, { assess })
      )
      assert.deepStrictEqual(counts, { Matched: 1, NotPaid: 1, UnknownHere: 1, InDoubt: 1, FinalSince: 1 })
      assert.deepStrictEqual(
        differences.map(({ _tag, exposure, handle }) => [_tag, handle, exposure.min, exposure.max]).sort(),
        [
          ["FinalSince", "day-lost", 12_500, 12_500],
          ["InDoubt", "day-error", 0, 12_500],
          ["UnknownHere", "day-elsewhere", 12_500, 12_500]
        ]
      )
      const after = yield* sandbox.ledger
      for (const name of names) {
        const of = Handle.Handle.make(`day-${name}`)
        assert.strictEqual(Ledger.moved(after, of), Ledger.moved(ledger, of), "nothing was sent")
      }
    }).pipe(Effect.provide(layer()))
  )
})
