/** `payout probe`: it finds out how each switch of the Sandbox is set, and its observations set a Sandbox in the same way. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Acquirer, Observations, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime } from "../disk.js"
import { live, payout } from "./support.js"

const probe = (sandbox: Sandbox.Service, ...args: ReadonlyArray<string>) =>
  inVirtualTime(payout(["probe", "--payment-method", "ca_canary", "--live", ...args], { sandbox, env: live }))

const decode = Schema.decodeSync(Schema.parseJson(Observations.Observations))

const observed = (options: Sandbox.Options, ...steps: ReadonlyArray<Script.Step>) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.make({ testAmounts: true, ...options })
    yield* sandbox.script(...steps)
    const { code, out } = yield* probe(sandbox)
    assert.strictEqual(code, 0)
    const text = out.join("\n")
    for (const secret of ["canary", live.BILLWERK_API_KEY]) assert.notInclude(text, secret)
    const { observed: _, ...seen } = decode(text)
    return seen
  })

const usual = {
  repeatOfPaid: "Error",
  repeatOfFailed: "Accept",
  changedAmount: "Accept",
  testAmounts: true,
  transactionsOrder: "OldestFirst",
  transactionDates: "Distinct",
  card: "Shown",
  date: "Sent",
  cached: false,
  longHandle: "Accept",
  readLag: 0
} as const

type Seen = Partial<Record<keyof Observations.Observations, unknown>>

const switches: ReadonlyArray<readonly [options: Sandbox.Options, seen: Seen]> = [
  [{}, {}],
  [{ repeatOfPaid: "Replay" }, { repeatOfPaid: "Replay" }],
  [{ changedAmount: "Refuse" }, { changedAmount: "Refuse" }],
  [{ transactionsOrder: "NewestFirst" }, { transactionsOrder: "NewestFirst" }],
  [{ transactionDates: "Equal" }, { transactionDates: "Equal", transactionsOrder: undefined }],
  [{ transactionDates: "Missing" }, { transactionDates: "Missing", transactionsOrder: undefined }],
  [{ card: "Hidden" }, { card: "Hidden" }],
  [{ date: "Absent" }, { date: "Absent" }]
]

const withoutUndefined = (seen: object) =>
  Object.fromEntries(Object.entries(seen).filter(([, value]) => value !== undefined))

describe("payout probe", () => {
  for (const [options, changes] of switches) {
    it.effect(`finds out ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const seen = yield* observed(options)
        assert.deepStrictEqual(withoutUndefined(seen), withoutUndefined({ ...usual, ...changes }))
        // The observations make a Sandbox that the probe sees in the same way.
        const rules = Observations.rules({ ...decode('{"observed":"2026-01-01T00:00:00Z","cached":false}'), ...seen })
        assert.deepStrictEqual(yield* observed(rules), seen)
      })
    )
  }

  it.effect("finds out how a processing payout is repeated", () =>
    Effect.gen(function* () {
      for (const repeatOfProcessing of ["Error", "Replay"] as const) {
        const seen = yield* observed({ outcome: Acquirer.processing(), repeatOfProcessing })
        assert.deepStrictEqual([seen.repeatOfProcessing, seen.repeatOfPaid], [repeatOfProcessing, undefined])
      }
    })
  )

  it.effect("says that amounts decide nothing, and then sees no failed payout", () =>
    Effect.gen(function* () {
      const { changedAmount, repeatOfFailed, testAmounts } = yield* observed({ testAmounts: false })
      assert.deepStrictEqual([testAmounts, repeatOfFailed, changedAmount], [false, undefined, undefined])
    })
  )

  it.effect("measures how long a read lags behind, and what a limit asks for", () =>
    Effect.gen(function* () {
      const lagging = Script.laggingRead
      const { readLag } = yield* observed({}, lagging, lagging, lagging)
      assert.strictEqual(readLag, 750)
      const limited = Script.apiError({ status: 429, code: 122, retryAfter: "7" })
      const { longHandle, retryAfter } = yield* observed({}, Script.onCreate(limited))
      assert.deepStrictEqual([retryAfter, longHandle], [7000, "Accept"])
    })
  )

  it.effect("pays on a test account only, and asks first", () =>
    Effect.gen(function* () {
      for (const accountState of ["live", "closed"] as const) {
        const sandbox = yield* Sandbox.make({ accountState })
        const { code, err, out } = yield* probe(sandbox)
        assert.deepStrictEqual([code, out], [2, []])
        assert.include(err.at(-1), `probe pays on test accounts only, and this is a ${accountState} account`)
        assert.deepStrictEqual(
          (yield* sandbox.exchanges).map(({ kind }) => kind),
          ["Account"]
        )
      }
      const silent = yield* Sandbox.make()
      yield* silent.script(Script.htmlPage)
      assert.strictEqual((yield* probe(silent)).code, 2)
      assert.strictEqual((yield* silent.exchanges).length, 1)
    })
  )
})
