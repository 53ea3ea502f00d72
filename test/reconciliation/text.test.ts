/** The report as text. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Reconciliation } from "effect-billwerk-payouts"
import { create, failed, lookups, payout, processing, reconcile, row, stored } from "./fixture.js"

const linesOf = (report: ReadonlyArray<Reconciliation.Difference | Reconciliation.Summary>) =>
  Effect.map(Stream.runCollect(Reconciliation.lines(Stream.fromIterable(report))), (lines) => [...lines])

describe("The text of a reconciliation", () => {
  it.effect("is one line if the books agree, in minor units", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 1_000 }, (_, index) => row({ handle: `p-${index}`, amount: 1_234_567 }))
      const listed = rows.map(({ amount, handle }) => payout({ handle, amount }))
      const { summary } = yield* reconcile(rows, listed)
      assert.deepStrictEqual(yield* linesOf([summary]), ["1,000 payouts match: 1234567000 minor units of DKK."])
    })
  )

  it.effect("names each currency, and the payouts that were not paid", () =>
    Effect.gen(function* () {
      const { summary } = yield* reconcile(
        [row(), row({ handle: "prize-2", currency: "ISK" }), { ...stored("NotMoved", failed()), handle: handleOf(3) }],
        [payout(), payout({ handle: "prize-2", currency: "ISK" }), { ...failed(), handle: "prize-3" }]
      )
      assert.deepStrictEqual(yield* linesOf([summary]), [
        "2 payouts match: 12500 minor units of DKK, 12500 minor units of ISK. 1 not paid, on both sides."
      ])
    })
  )

  it.effect("says that nothing was paid", () =>
    Effect.gen(function* () {
      const { summary } = yield* reconcile([], [])
      assert.deepStrictEqual(yield* linesOf([summary]), ["No payouts were paid, on either side."])
    })
  )

  it.effect("has a line for each difference, a table, and what each class means", () =>
    Effect.gen(function* () {
      const of = (number: number) => ({ handle: handleOf(number) })
      const error = { ...failed("processing_error"), ...of(5) }
      const ours = [
        row(of(1)),
        row(of(2)),
        row(of(3)),
        { ...stored("InDoubt", error, [create]), ...of(5) },
        { ...stored("Processing", processing), ...of(6) },
        row(of(7)),
        row(of(8)),
        row({ ...of(8), amount: 1_000_000 }),
        { ...stored("NotMoved", failed()), ...of(9) }
      ]
      const listed = [
        payout(of(1)),
        payout({ ...of(2), amount: 12_600, currency: "EUR" }),
        payout({ ...of(4), amount: 2_000_000 }),
        error,
        payout(of(6)),
        { ...processing, ...of(7) },
        payout(of(8)),
        { ...failed(), ...of(9) }
      ]
      const { differences, summary } = yield* reconcile(ours, listed, { assess: lookups([error]) })
      const text = yield* linesOf([...differences.sort((one, other) => (one.handle < other.handle ? -1 : 1)), summary])
      assert.deepStrictEqual(text, [
        "Differs       prize-2: ours 12500 minor units of DKK, expected; the provider's 12600 minor units of EUR, paid; differs in amount, currency; left the account: 12600 minor units of EUR",
        "MissingThere  prize-3: ours 12500 minor units of DKK, expected; the provider has no such payout; left the account: 0 to 12500 minor units of DKK",
        "UnknownHere   prize-4: not in our books; the provider's 2000000 minor units of DKK, paid; left the account: 2000000 minor units of DKK",
        "InDoubt       prize-5: ours 12500 minor units of DKK, in doubt; the provider's 12500 minor units of DKK, failed; left the account: 0 to 12500 minor units of DKK",
        "FinalSince    prize-6: ours 12500 minor units of DKK, processing; the provider's 12500 minor units of DKK, paid; now paid",
        "Processing    prize-7: ours 12500 minor units of DKK, expected; the provider's 12500 minor units of DKK, processing; left the account: 0 to 12500 minor units of DKK",
        "Duplicate     prize-8: ours 1000000 minor units of DKK, expected; our books have the handle already, with other arguments",
        "",
        "class         payouts  currency  in our books  left at least  left at most",
        "Matched             2  DKK              25000          25000         25000",
        "NotPaid             1  DKK              12500              0             0",
        "Differs             1  DKK              12500              0             0",
        "                       EUR                  0          12600         12600",
        "MissingThere        1  DKK              12500              0         12500",
        "UnknownHere         1  DKK                  0        2000000       2000000",
        "InDoubt             1  DKK              12500              0         12500",
        "FinalSince          1  DKK              12500          12500         12500",
        "Processing          1  DKK              12500              0         12500",
        "Duplicate           1  DKK            1000000              0             0",
        "",
        "Matched       Both sides say that it is paid.",
        "NotPaid       Both sides say that no money moved.",
        "Differs       The provider's record contradicts our books. Find out which side is right.",
        "MissingThere  The provider has no such payout. Recover it before paying it again, under the same handle.",
        "UnknownHere   Our books do not have it. Find out who paid it.",
        "InDoubt       Money may have moved. Do not pay it again, and recover it.",
        "FinalSince    It is final now. Book it.",
        "Processing    The provider has accepted it. It is not final yet.",
        "Duplicate     Our books have the handle more than once. It pays once: remove what is too much.",
        "",
        "The books do not agree: 9 rows of ours, 8 records of the provider.",
        "All amounts are in minor units, as the provider counts them."
      ])
    })
  )
})

const handleOf = (number: number) => row({ handle: `prize-${number}` }).handle
