/** `payout list`, for people and for programs, and how it ends. */
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Console, DateTime, Effect, Fiber, Sink, TestClock } from "effect"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { capturing, live, payout, program } from "./support.js"

const past = (handle: string, created: string, amount: number, outcome: Acquirer.Outcome): Sandbox.PastPayout => ({
  handle,
  amount,
  customer: "anna",
  transactions:
    outcome._tag === "Failed"
      ? [{ created: DateTime.unsafeMake(created), destination: "ca_1", outcome }]
      : [{ created: DateTime.unsafeMake(created), destination: "ca_1", outcome }]
})

const history = [
  past("prize-1", "2026-10-01T08:00:00Z", 12_500, Acquirer.paid),
  past("prize-2", "2026-10-31T22:59:59.500Z", 700, Acquirer.hardDeclined()),
  past("prize-3", "2026-10-31T23:00:00Z", 900, Acquirer.paid)
]

const october = ["list", "--from", "2026-10-01", "--to", "2026-11-01", "--live"]

const sandboxOf = (past: ReadonlyArray<Sandbox.PastPayout> = history) =>
  Effect.zipRight(TestClock.setTime(Date.UTC(2026, 10, 2)), Sandbox.make({ history: past }))

describe("payout list", () => {
  it.effect("prints a table, newest first, and says that it is complete", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      const { code, out } = yield* payout(october, { sandbox, env: live })
      assert.deepStrictEqual(
        [code, ...out],
        [
          8,
          "created               state           amount  currency  customer          handle",
          "2026-10-31T22:59:59Z  failed             700  DKK       anna              prize-2",
          "2026-10-01T08:00:00Z  paid             12500  DKK       anna              prize-1",
          "2 payouts; the list is complete"
        ]
      )
    })
  )

  it.effect("prints one JSON object a payout and line with --json", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      const { code, out } = yield* payout([...october, "--json"], { sandbox, env: live })
      const rows: ReadonlyArray<{ handle: string; state: string; amount: number }> = out.map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        [code, ...rows.map(({ amount, handle, state }) => [handle, state, amount])],
        [8, ["prize-2", "failed", 700], ["prize-1", "paid", 12_500]]
      )
    })
  )

  it.effect("takes moments, and selects by state, customer, currency and beginning of the handle", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      const handles = (...args: ReadonlyArray<string>) =>
        Effect.map(payout(["list", ...args, "--live", "--json"], { sandbox, env: live }), ({ out }) =>
          out.map((line) => JSON.parse(line).handle)
        )
      const moments = ["--from", "2026-10-31T23:00:00Z", "--to", "2026-11-01T01:00:00+01:00"]
      assert.deepStrictEqual(yield* handles(...moments), ["prize-3"])
      const all = ["--from", "2026-10-01", "--to", "2026-12-01"]
      assert.deepStrictEqual(yield* handles(...all, "--state", "failed", "--state", "created"), ["prize-2"])
      assert.deepStrictEqual(yield* handles(...all, "--handle-prefix", "prize-1"), ["prize-1"])
      assert.deepStrictEqual(yield* handles(...all, "--customer", "bert"), [])
      assert.deepStrictEqual(yield* handles(...all, "--currency", "EUR"), [])
      assert.strictEqual(
        (yield* handles(...all, "--currency", "EUR", "--currency", "DKK", "--customer", "anna")).length,
        3
      )
    })
  )

  it.effect("refuses a window that makes no sense, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      for (const [from, to] of [
        ["2026-10-01", "2026-10-01"],
        ["2026-10-01T00:00:00Z", "2026-10-02"],
        ["yesterday", "today"]
      ]) {
        const { code, err, out } = yield* payout(["list", "--from", from ?? "", "--to", to ?? "", "--live"], {
          sandbox,
          env: live
        })
        assert.deepStrictEqual([code, out], [2, []])
        assert.match(err.at(-1) ?? "", /^payout: (from|to) must be/)
      }
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.effect("ends with 7 if the list is not complete, after what it has shown", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      yield* sandbox.script(Script.apiError({ status: 400, code: 144 }).pipe(Script.times(2)))
      const text = yield* payout(october, { sandbox, env: live })
      assert.strictEqual(text.code, 7)
      assert.include(text.out.join("\n"), "ListFailed")
      assert.include(text.out.join(" ").replace(/\s+/g, " "), "list of payouts is not complete")
      const { code, out } = yield* payout([...october, "--json"], { sandbox, env: live })
      const { error, exitCode } = JSON.parse(out[0] ?? "")
      assert.deepStrictEqual([code, exitCode, error._tag, error.code, error.listed], [7, 7, "ListFailed", 144, 0])
    })
  )

  it.effect("ends quietly with 141 if its reader closes standard output, and asks for nothing more", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf(
        Array.from({ length: 250 }, (_, index) => past(`p-${index}`, "2026-10-05T00:00:00Z", 1, Acquirer.paid))
      )
      const gone = new SystemError({ reason: "Unknown", module: "Stream", method: "write", description: "EPIPE" })
      const output = Sink.forEach((line: string) =>
        Effect.zipRight(Console.log(line.trimEnd()), line.includes("p-249") ? Effect.fail(gone) : Effect.void)
      )
      const { code, err, out } = yield* payout([...october, "--json"], { sandbox, env: live, output })
      assert.deepStrictEqual([code, out.length, err], [141, 1, ["LIVE: real money, https://api.frisbii.com"]])
      assert.strictEqual((yield* sandbox.exchanges).length, 1)
    })
  )

  it.effect("ends with 7 if it is interrupted, and says so on standard error alone", () =>
    Effect.gen(function* () {
      const sandbox = yield* sandboxOf()
      yield* sandbox.script(Script.hangAfterCommit)
      const { ran, run } = yield* capturing(program([...october, "--json"], { sandbox, env: live }))
      const fiber = yield* Effect.fork(run)
      yield* TestClock.adjust("1 second")
      const { code, err } = ran(yield* Fiber.interrupt(fiber))
      assert.strictEqual(code, 7)
      assert.strictEqual(err.at(-1), "payout: interrupted: the list is not complete")
    })
  )

  it.live("is empty in a sandbox of its own, with a code that is no code of a real call", () =>
    Effect.gen(function* () {
      const { code, out } = yield* payout(["list", "--from", "2026-10-01", "--to", "2026-11-01"])
      assert.deepStrictEqual([code, out.length, out.at(-1)], [18, 2, "0 payouts; the list is complete"])
    })
  )
})
