/** `payout reconcile`, for people and for programs, and how it ends. */
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Sink, Stream, TestClock } from "effect"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { inVirtualTime } from "../disk.js"
import { folderOf, live, payout, type Surroundings } from "./support.js"

const past = (handle: string, amount: number, outcome: Acquirer.Outcome = Acquirer.paid): Sandbox.PastPayout => ({
  handle,
  amount,
  customer: "anna",
  transactions: [{ created: DateTime.unsafeMake("2026-10-01T08:00:00Z"), destination: "ca_1", outcome }]
})

const sandboxOf = (...history: ReadonlyArray<Sandbox.PastPayout>) =>
  Effect.zipRight(TestClock.setTime(Date.UTC(2026, 10, 2)), Sandbox.make({ history }))

const csv = (...rows: ReadonlyArray<string>) => ["handle,amount,currency,note", ...rows, ""].join("\r\n")

const window = ["--from", "2026-10-01", "--to", "2026-11-01"]

/** Compares a file of the sandbox's folder with the sandbox. */
const reconcile = (
  sandbox: Sandbox.Service,
  text: string,
  args: ReadonlyArray<string> = window,
  surroundings: Surroundings = {}
) =>
  Effect.suspend(() => {
    writeFileSync(path.join(folderOf(sandbox), "expected.csv"), text)
    return payout(["reconcile", "--file", "expected.csv", "--live", ...args], { sandbox, env: live, ...surroundings })
  })

describe("payout reconcile", () => {
  it.effect("ends with 0 and one line if the books agree, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500), past("prize-2", 700))
      const { code, out } = yield* reconcile(sandbox, csv("prize-2,700,DKK,x", "prize-1,12500,DKK,"))
      assert.deepStrictEqual([code, out], [0, ["2 payouts match: 13200 minor units of DKK."]])
      const exchanges = yield* sandbox.exchanges
      assert.deepStrictEqual(
        exchanges.filter(({ kind }) => kind === "Create"),
        []
      )
    })
  )

  it.effect("ends with 9 and a report if they do not", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500), past("prize-2", 700), past("prize-4", 5))
      const { code, out } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,", "prize-2,701,DKK,", "prize-3,1,DKK,"))
      assert.strictEqual(code, 9)
      assert.deepStrictEqual([...out].slice(0, 3).sort(), [
        "Differs       prize-2: ours 701 minor units of DKK, expected; the provider's 700 minor units of DKK, paid; differs in amount; left the account: 700 minor units of DKK",
        "MissingThere  prize-3: ours 1 minor units of DKK, expected; the provider has no such payout; left the account: 0 to 1 minor units of DKK",
        "UnknownHere   prize-4: not in our books; the provider's 5 minor units of DKK, paid; left the account: 5 minor units of DKK"
      ])
      assert.include(out, "The books do not agree: 3 rows of ours, 3 records of the provider.")
    })
  )

  for (const results of ["results.csv", "results.ndjson"]) {
    it.effect(`agrees about the ${results} of a batch with rows that were declined, with and without a window`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const rows = Array.from({ length: 60 }, (_, index) => `prize-${index + 1},ca_1,${100 + index},DKK`)
        writeFileSync(
          path.join(folderOf(sandbox), "prizes.csv"),
          ["handle,destination,amount,currency", ...rows].join("\n")
        )
        yield* sandbox.script(
          ...[7, 42].map((index) => Script.forHandle(`prize-${index}`)(Script.onCreate(Script.hardDeclined())))
        )
        const run = (...args: ReadonlyArray<string>) =>
          inVirtualTime(payout([...args, "--live"], { sandbox, env: live }))
        const batch = yield* run("batch", "--file", "prizes.csv", "--yes", "--results", results)
        assert.strictEqual(batch.code, 4)
        const sent = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length
        const always = ["--from", "1969-12-01", "--to", "1970-02-01"]
        for (const given of [always, []]) {
          const { code, out } = yield* run("reconcile", "--file", results, ...given)
          assert.deepStrictEqual(
            [code, out],
            [0, ["58 payouts match: 7523 minor units of DKK. 2 not paid, on both sides."]]
          )
        }
        assert.strictEqual((yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length, sent)
      })
    )
  }

  it.effect("says nothing of payouts that --handle-prefix and --currency do not select", () =>
    Effect.gen(function* () {
      const euro = { ...past("prize-2", 5), currency: "EUR" }
      const sandbox = yield* sandboxOf(past("prize-1", 12_500), euro, past("refund-1", 7))
      const named = (...selection: ReadonlyArray<string>) =>
        Effect.map(reconcile(sandbox, csv("prize-1,12500,DKK,"), [...window, ...selection]), ({ code, out }) => [
          code,
          ...out.filter((line) => /^UnknownHere .*:/.test(line)).map((line) => line.split(/\s+|:/)[1])
        ])
      assert.deepStrictEqual((yield* named()).sort(), [9, "prize-2", "refund-1"])
      assert.deepStrictEqual(yield* named("--handle-prefix", "prize-"), [9, "prize-2"])
      assert.deepStrictEqual(yield* named("--currency", "DKK"), [9, "refund-1"])
      assert.deepStrictEqual(yield* named("--currency", "EUR", "--currency", "DKK", "--handle-prefix", "prize-1"), [0])
    })
  )

  it.effect("ends with 2 if a selection has no window, and on one that cannot be", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      const need = "payout: --currency and --handle-prefix select from a window: give --from and --to"
      for (const selection of [
        ["--handle-prefix", "prize-"],
        ["--currency", "DKK"]
      ]) {
        const { code, err } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), selection)
        assert.deepStrictEqual([code, err.at(-1)], [2, need])
      }
      const wrong = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), [...window, "--currency", "dkk"])
      assert.deepStrictEqual([wrong.code, wrong.out], [2, []])
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.effect("keeps a row of the results in doubt that the provider does not have", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      const results = "handle,amount,currency,outcome,certainty\nprize-1,12500,DKK,OutcomeUnknown,MayHaveMoved\n"
      const { code, out } = yield* reconcile(sandbox, results)
      assert.deepStrictEqual(
        [code, out[0]],
        [
          9,
          "InDoubt       prize-1: ours 12500 minor units of DKK, in doubt; the provider shows none; left the account: 0 to 12500 minor units of DKK"
        ]
      )
    })
  )

  it.effect("looks up what is outside of the window", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      const november = ["--from", "2026-11-01", "--to", "2026-12-01"]
      const { code } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), november)
      assert.deepStrictEqual([code, (yield* sandbox.exchanges).filter(({ kind }) => kind === "Lookup").length], [0, 1])
    })
  )

  it.effect("looks up each row without a window, from standard input too", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500), past("prize-2", 700))
      const stdin = '{"handle":"prize-1","amount":12500,"currency":"DKK"}\n'
      const { code, out } = yield* payout(["reconcile", "--file", "-", "--live"], { sandbox, env: live, stdin })
      assert.deepStrictEqual([code, out], [0, ["1 payout matches: 12500 minor units of DKK."]])
    })
  )

  it.effect("prints one JSON object a difference and line with --json, and the summary last", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      const { code, out } = yield* reconcile(sandbox, csv("prize-1,1,DKK,"), [...window, "--json"])
      const [difference, summary, ...more] = out.map((line) => JSON.parse(line))
      assert.deepStrictEqual([code, more], [9, []])
      assert.deepStrictEqual(difference, {
        _tag: "Differs",
        handle: "prize-1",
        currency: "DKK",
        exposure: { min: 12_500, max: 12_500 },
        booked: 1,
        standing: "Expected",
        shown: { state: "paid", amount: 12_500, currency: "DKK" },
        in: ["amount"]
      })
      assert.deepStrictEqual(
        [summary._tag, summary.agrees, summary.classes.Differs],
        ["Summary", false, { count: 1, totals: { DKK: { booked: "1", least: "12500", most: "12500" } } }]
      )
    })
  )

  it.effect("ends with 2 on a row that cannot be read, by its line, and compares nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      const { code, err, out } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,", "ct_0123456789abcdef,1,DKK,"))
      assert.deepStrictEqual([code, out], [2, []])
      assert.include(err.at(-1) ?? "", "payout: expected.csv: Line 3 has a wrong handle")
      assert.notInclude(err.join(), "ct_0")
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.effect("ends with 2 without a file, and with half a window", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      const absent = yield* payout(["reconcile", "--file", "no.csv", "--live", ...window], { sandbox, env: live })
      assert.deepStrictEqual([absent.code, absent.err.at(-1)], [2, "payout: no.csv cannot be read (NotFound)"])
      const half = yield* reconcile(sandbox, csv(), ["--from", "2026-10-01"])
      assert.deepStrictEqual([half.code, half.err.at(-1)], [2, "payout: --from and --to must be given together"])
    })
  )

  it.effect("ends with 7 if the list fails, and says nothing of the payouts", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      yield* sandbox.always(Script.apiError({ status: 401, code: 6 }))
      const { code, out } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), [...window, "--json"])
      assert.deepStrictEqual([code, out.map((line) => JSON.parse(line).error._tag)], [7, ["ListFailed"]])
    })
  )

  it.effect("ends with 9 if a lookup fails, and never says that the payout is missing", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      yield* sandbox.always(Script.apiError({ status: 401, code: 6 }))
      const { code, out } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), [])
      assert.deepStrictEqual(
        [code, out[0]],
        [
          9,
          "NotAsked      prize-1: ours 12500 minor units of DKK, expected; not in the list; not asked about (RequestRejected)"
        ]
      )
    })
  )

  it.effect("ends with 141 if its reader has gone", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(past("prize-1", 12_500))
      const gone = new SystemError({ reason: "Unknown", module: "Stream", method: "stdout", description: "EPIPE" })
      const { code, out } = yield* reconcile(sandbox, csv("prize-1,12500,DKK,"), window, { output: Sink.fail(gone) })
      assert.deepStrictEqual([code, out], [141, []])
    })
  )

  it.live("ends with 10 or 19 in the sandbox, whose payouts are none", () =>
    Effect.gen(function* () {
      const one = yield* payout(["reconcile", "--file", "-"], { stdin: '{"handle":"p","amount":1,"currency":"DKK"}' })
      const none = yield* payout(["reconcile", "--file", "-"], { stdin: Stream.empty })
      assert.deepStrictEqual([one.code, none.code, none.out], [19, 10, ["No payouts were paid, on either side."]])
    })
  )
})
