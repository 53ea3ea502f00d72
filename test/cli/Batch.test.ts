/** A batch on the command line: what it shows, asks, refuses, writes and ends with. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { inVirtualTime } from "../disk.js"
import { capturing, folderOf, live, payout, program, type Surroundings } from "./support.js"

const head = "handle,destination,amount,currency"
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `prize-${index + 1},ca_1,${10_001 + index},DKK`)
const fileOf = (sandbox: Sandbox.Service, name = "prizes.csv") => path.join(folderOf(sandbox), name)
const write = (sandbox: Sandbox.Service, rows: ReadonlyArray<string>, name = "prizes.csv") =>
  writeFileSync(fileOf(sandbox, name), [head, ...rows].join("\n"))
const linesIn = (sandbox: Sandbox.Service, name: string) =>
  readFileSync(fileOf(sandbox, name), "utf8").trimEnd().split("\n")
const moved = (sandbox: Sandbox.Service, count: number) =>
  Effect.map(sandbox.ledger, (ledger) => rowsOf(count).map((_, index) => Ledger.moved(ledger, `prize-${index + 1}`)))
const amounts = (count: number) => rowsOf(count).map((_, index) => 10_001 + index)

/** Its create is carried out, and neither that nor the lookup after it is answered. */
const unclear = (number: number): ReadonlyArray<Script.Step> =>
  [Script.dropAfterCommit.pipe(Script.onCreate), Script.dropBeforeCommit.pipe(Script.onLookup)].map(
    Script.forHandle(`prize-${number}`)
  )

const args = (...more: ReadonlyArray<string>) => ["batch", "--file", "prizes.csv", "--live", ...more]
const run = (sandbox: Sandbox.Service, ...more: ReadonlyArray<string>) =>
  inVirtualTime(payout(args(...more), { sandbox, env: live }))
const runWith = (sandbox: Sandbox.Service, surroundings: Surroundings, ...more: ReadonlyArray<string>) =>
  inVirtualTime(payout(args(...more), { sandbox, env: live, ...surroundings }))

describe("payout batch", () => {
  it.effect("shows what the file would do, pays each row, and says how they ended", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(2))
      const { code, err, out } = yield* run(sandbox, "--yes")
      assert.deepStrictEqual(err, [
        "2 rows: 2 valid, 0 invalid, 0 with a handle that another row has",
        "sum       20003 minor units of DKK in 2 rows",
        "send      2 rows, at once within the provider's request limits",
        "LIVE: real money, https://api.frisbii.com"
      ])
      assert.deepStrictEqual(
        [code, ...out],
        [
          0,
          "2 rows: 2 paid, 0 processing, 0 not paid, 0 in doubt, 0 not begun",
          "paid      20003 minor units of DKK in 2 rows",
          "journal   in prizes.csv.journal.ndjson: keep it until the batch is booked",
          "results   in prizes.csv.results.csv"
        ]
      )
      assert.deepStrictEqual(yield* moved(sandbox, 2), amounts(2))
      const files = readdirSync(folderOf(sandbox)).sort()
      assert.deepStrictEqual(files, ["prizes.csv", "prizes.csv.journal.ndjson", "prizes.csv.results.csv"])
      for (const name of files.slice(1)) assert.strictEqual(statSync(fileOf(sandbox, name)).mode & 0o777, 0o600)
      const [names, ...results] = linesIn(sandbox, "prizes.csv.results.csv")
      assert.strictEqual(
        names,
        "line,handle,amount,currency,outcome,certainty,exposureMin,exposureMax,transaction,status,code"
      )
      assert.match(results.sort()[0] ?? "", /^2,prize-1,10001,DKK,Paid,Moved,10001,10001,\w+,,$/)
    })
  )

  it.effect("skips what is done, recovers what is in doubt, and writes the results of all rows anew", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(3))
      yield* sandbox.script(...unclear(2), Script.forHandle("prize-3")(Script.hardDeclined()))
      const first = yield* run(sandbox, "--yes", "--policy", "none", "--json")
      const report = JSON.parse(first.out.join())
      assert.deepStrictEqual(
        [first.code, report.exitCode, report.summary.inDoubt],
        [5, 5, { DKK: { rows: 1, amount: 10_002 } }]
      )
      assert.deepStrictEqual([report.journal, report.results], ["prizes.csv.journal.ndjson", "prizes.csv.results.csv"])
      const second = yield* run(sandbox, "--yes")
      assert.deepStrictEqual(second.err.slice(2, 5), [
        "record    2 are done and skipped, 1 were begun and are recovered first",
        "in doubt  at most 10002 minor units of DKK in 1 row",
        "send      no new row"
      ])
      assert.deepStrictEqual(
        [second.code, second.out[0]],
        [4, "3 rows: 2 paid, 0 processing, 1 not paid, 0 in doubt, 0 not begun"]
      )
      assert.strictEqual(linesIn(sandbox, "prizes.csv.results.csv").length, 4)
      assert.deepStrictEqual(yield* moved(sandbox, 3), [10_001, 10_002, 0])
    })
  )

  it.effect("sends nothing without --yes or an answer", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(1))
      const plain = yield* run(sandbox)
      assert.deepStrictEqual(
        [plain.code, plain.err.at(-1)],
        [2, "payout: give --yes, where there is no terminal to answer at; nothing was sent"]
      )
      for (const stdin of ["no\n", "", "y\n", "yes please\n"]) {
        const refused = yield* runWith(sandbox, { isTTY: true, stdin })
        assert.deepStrictEqual(
          [refused.code, ...refused.err.slice(-2)],
          [
            2,
            "Pay real money? 0 to recover, 1 to send. Type yes to go on:",
            "payout: the answer was not yes; nothing was sent"
          ]
        )
      }
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
      assert.isFalse(existsSync(fileOf(sandbox, "prizes.csv.journal.ndjson")))
      const typed = yield* runWith(sandbox, { isTTY: true, stdin: "yes\n" })
      assert.deepStrictEqual([typed.code, yield* moved(sandbox, 1)], [0, [10_001]])
    })
  )

  it.effect("names the line of each row that cannot be paid, and pays the others only if told to", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, [...rowsOf(2), "prize-3,ca_1,0,DKK", "prize-2,ca_1,1,DKK", "prize-4,ca_1,7,DKK"])
      const problems = [
        "5 rows: 2 valid, 1 invalid, 2 with a handle that another row has",
        "line 3: handle prize-2 is also in line 5, with another amount",
        "line 4: amount must be an integer from 1 to 2147483647, in the currency's smallest unit",
        "line 5: handle prize-2 is also in line 3, with another amount"
      ]
      const refused = yield* run(sandbox, "--yes")
      assert.deepStrictEqual(refused.err.slice(0, 4), problems)
      assert.deepStrictEqual(
        [refused.code, refused.err.at(-1)],
        [2, "payout: 3 rows cannot be paid: correct them, or leave them out with --skip-invalid; nothing was sent"]
      )
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
      const skipped = yield* run(sandbox, "--yes", "--skip-invalid")
      assert.deepStrictEqual(
        [skipped.code, skipped.out[0]],
        [4, "2 rows: 2 paid, 0 processing, 0 not paid, 0 in doubt, 0 not begun; 3 more were left out"]
      )
      assert.deepStrictEqual(yield* moved(sandbox, 2), [10_001, 0])
    })
  )

  it.effect("refuses a row that was changed since, with its line, and pays nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(2))
      yield* run(sandbox, "--yes")
      const received = (yield* sandbox.exchanges).length
      write(sandbox, ["prize-9,ca_1,5,DKK", "prize-2,ca_2,10002,DKK"])
      const changed = yield* run(sandbox, "--yes")
      assert.deepStrictEqual(
        [changed.code, ...changed.err.slice(-2)],
        [
          2,
          "line 3: has other arguments than an earlier run recorded for prize-2: give it as it was, or leave it out",
          "payout: 1 row is not what was on record; nothing was sent"
        ]
      )
      assert.strictEqual((yield* sandbox.exchanges).length, received)
    })
  )

  it.effect("leaves the results as they are if another run is at work, or the file is refused", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(3))
      yield* sandbox.script(Script.forHandle("prize-3")(Script.delayAnswer("25 seconds")(Script.normal)))
      const results = () => linesIn(sandbox, "prizes.csv.results.csv").join("\n")
      yield* inVirtualTime(
        Effect.gen(function* () {
          const command = payout(args("--yes"), { sandbox, env: live })
          const first = yield* Effect.fork(command)
          while ((yield* sandbox.exchanges).length < 3) yield* Effect.sleep("1 second")
          yield* Effect.sleep("1 second")
          const before = results()
          assert.strictEqual(before.split("\n").length, 3)
          const { code, err } = yield* command
          assert.deepStrictEqual([code, results()], [2, before])
          assert.include(err.at(-1), "Another run of this batch")
          assert.strictEqual((yield* Fiber.join(first)).code, 0)
        })
      )
      const whole = results()
      assert.strictEqual(whole.split("\n").length, 4)
      write(sandbox, ["prize-2,ca_2,10002,DKK"])
      assert.deepStrictEqual([(yield* run(sandbox, "--yes")).code, results()], [2, whole])
      const files = ["prizes.csv", "prizes.csv.journal.ndjson", "prizes.csv.results.csv"]
      assert.deepStrictEqual(readdirSync(folderOf(sandbox)).sort(), files)
    })
  )

  it.effect("warns of rows in doubt that the file lacks", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(2))
      yield* sandbox.script(...unclear(2))
      yield* run(sandbox, "--yes", "--policy", "none")
      write(sandbox, rowsOf(1))
      const { err } = yield* run(sandbox, "--yes")
      const missing = err.filter((line) => /^(missing|   )/.test(line)).map((line) => line.slice(10))
      assert.strictEqual(
        missing.join(" "),
        "1 row on record was left unclear, and is not in the file. Put it back: only this journal has its evidence. prize-2"
      )
    })
  )

  it.effect("ends with 5 and sends nothing new while the file lacks a row in doubt, unless that is left", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(2))
      yield* sandbox.script(...unclear(2))
      yield* run(sandbox, "--yes", "--policy", "none")
      write(sandbox, [...rowsOf(1), "prize-2b,ca_1,10002,DKK"])
      const held = yield* run(sandbox, "--yes")
      assert.strictEqual(held.code, 5)
      assert.match(held.out.join("\n"), /^missing +1 row on record in doubt/m)
      assert.match(held.out.join("\n"), /^stopped +1 row on record in doubt/m)
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-2b"), 0)
      const left = yield* run(sandbox, "--yes", "--leave-missing")
      assert.strictEqual(left.code, 5)
      assert.match(left.out.join("\n"), /^missing +1 row on record in doubt/m)
      assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "prize-2b"), 10_002)
    })
  )

  it.effect("stops by its rules, and says why", () =>
    Effect.gen(function* () {
      const said = (step: Script.Step, ...more: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          write(sandbox, rowsOf(60))
          yield* sandbox.always(step)
          const { code, out } = yield* run(sandbox, "--yes", "--policy", "none", ...more)
          assert.notInclude(out[0], " 0 not begun")
          return [code, ...out.filter((line) => /^(stopped|   )/.test(line))].join(" ")
        })
      assert.match(
        yield* said(Script.dropAfterCommit, "--stop-in-doubt", "DKK=30000"),
        /^5 stopped   \d+ minor units of DKK are in doubt, and 30000 are the limit: find out what happened to them first$/
      )
      assert.match(
        yield* said(Script.dropAfterCommit, "--stop-in-doubt", "30000"),
        /^5 stopped   \d+ minor units of DKK are in doubt/
      )
      assert.match(
        yield* said(Script.softDeclined(), "--stop-after-failures", "3"),
        /^4 stopped   \d+ rows failed one after the other: find out why first$/
      )
      assert.strictEqual(
        yield* said(Script.apiError({ status: 401, code: 6 })),
        "4 stopped   the provider refused the key or what it may do (HTTP 401): correct it first"
      )
    })
  )

  it.effect("says to run it again if a refused key kept its last rows from being sent, and not after declines", () =>
    Effect.gen(function* () {
      const next = "next      run the same command again; never pay a row in doubt under another handle"
      const said = (step: Script.Step) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          write(sandbox, rowsOf(3))
          yield* sandbox.always(step)
          const { code, out } = yield* run(sandbox, "--yes", "--json")
          const { out: lines } = yield* run(sandbox, "--yes")
          const { notBegun, toSendAgain } = JSON.parse(out.join()).summary
          return [code, notBegun, toSendAgain, lines.includes(next)]
        })
      assert.deepStrictEqual(yield* said(Script.apiError({ status: 401, code: 6 })), [4, 0, 3, true])
      assert.deepStrictEqual(yield* said(Script.hardDeclined()), [4, 0, 0, false])
    })
  )

  it.effect(
    "does not say to run it again for a row that is paid and may have paid twice, but to ask the acquirer",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        write(sandbox, rowsOf(2))
        yield* sandbox.script(Script.processingError().pipe(Script.forHandle("prize-1")))
        const first = yield* run(sandbox, "--yes")
        const again = yield* run(sandbox, "--yes")
        const next = [
          "in doubt  at most 10001 minor units of DKK in 1 row",
          "next      a row that is paid and in doubt stays so, if you run the command again: book the payment, ask the",
          "          acquirer about the rest, never pay it again"
        ]
        for (const { code, out } of [first, again]) {
          assert.strictEqual(out[0], "2 rows: 2 paid, 0 processing, 0 not paid, 1 in doubt, 0 not begun")
          assert.deepStrictEqual([code, ...out.slice(2, 5)], [5, ...next])
        }
        write(sandbox, rowsOf(3))
        yield* sandbox.script(...unclear(3))
        const { code, out } = yield* run(sandbox, "--yes", "--policy", "none")
        assert.strictEqual(code, 5)
        assert.include(out, "next      run the same command again; never pay a row in doubt under another handle")
        for (const line of next.slice(1)) assert.include(out, line)
      })
  )

  it.effect("ends with 5 when another run has taken its journal over, and says to run it again", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.apiError({ status: 429, code: 122, retryAfter: "9" }))
      const robbed: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) =>
          Effect.tap(sandbox.receive(incoming), () =>
            Effect.sync(() => writeFileSync(fileOf(robbed, "prizes.csv.journal.ndjson.lock"), "another 0"))
          )
      }
      write(robbed, rowsOf(2))
      const { code, out } = yield* run(robbed, "--yes", "--stop-after-failures", "9")
      assert.strictEqual(code, 5)
      assert.include(out[0], "0 not paid")
      assert.match(out.join("\n"), /^stopped +the journal failed \(another run has taken the lock over/m)
      assert.match(out.join("\n"), /^next +run the same command again/m)
    })
  )

  it.effect("refuses options that make no sense, before it reads anything", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const lineFor = (...more: ReadonlyArray<string>) =>
        Effect.map(run(sandbox, "--yes", ...more), ({ code, err }) => `${code} ${err.join(" ")}`)
      for (const limit of ["DKK", "dkk=5", "DKK=5=6", "-5", "1.5", ""]) {
        assert.include(yield* lineFor("--stop-in-doubt", limit), "2 payout: ")
      }
      assert.include(yield* lineFor("--stop-after-failures", "0"), "2 payout: --stop-after-failures must be")
      assert.include(
        yield* lineFor("--journal", "prizes.csv"),
        "2 payout: --file, --journal and --results must be three"
      )
      assert.include(yield* lineFor("--journal", "ct_0123456789"), "no card token or key")
      assert.include(yield* lineFor(), "2 payout: prizes.csv cannot be read (NotFound)")
      const piped = yield* payout(["batch", "--file", "-", "--live", "--yes"], { sandbox, env: live })
      assert.include(piped.err.join(), "--file - has no name: say with --journal where the batch keeps its record")
    })
  )

  it.effect("reads NDJSON with card tokens from standard input, and keeps no secret in any of its files", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const canaries = [
        "ct_C4n4ry70ken0123456789abcdef",
        "ca_C4n4ryS4ved0123456789abcdef012345",
        "c4n4ry-anna",
        "C4n4ry text"
      ]
      const [token, saved, customer, text] = canaries
      const rows = [
        { handle: "prize-1", destination: token, customer, amount: 1, currency: "DKK" },
        { handle: "prize-2", destination: saved, text, amount: 2, currency: "DKK" }
      ]
      yield* sandbox.script(Script.processingError())
      const { code, err, out } = yield* inVirtualTime(
        payout(["batch", "--file", "-", "--live", "--yes", "--journal", "j", "--policy", "none"], {
          sandbox,
          env: live,
          stdin: rows.map((row) => JSON.stringify(row)).join("\n")
        })
      )
      assert.strictEqual(code, 5)
      const written = ["j", "batch.results.ndjson"].flatMap((name) => linesIn(sandbox, name))
      assert.strictEqual(JSON.parse(written.at(-1) ?? "").line > 0, true)
      for (const canary of [...canaries, Redacted.value(Sandbox.apiKey)]) {
        assert.notInclude([...written, ...err, ...out].join(), canary)
      }
    })
  )

  it.effect("says how far it is, on lines where there is no terminal", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(200))
      yield* sandbox.script(...unclear(1))
      const { err } = yield* run(sandbox, "--yes", "--policy", "none")
      const lines = err.filter((line) => line.includes(" per second"))
      assert.isAtLeast(lines.length, 1)
      assert.match(lines[0] ?? "", /^\d+ of 200 done, \d+\.\d per second, 1 in doubt \(at most 10001 DKK\), \d+s left$/)
    })
  )

  it.effect("says how far it is on one line of a terminal, and clears that before it says how the rows ended", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(60))
      const shown: Array<string> = []
      const { code } = yield* runWith(sandbox, { isTTY: true, onDisplay: (text) => void shown.push(text) }, "--yes")
      assert.strictEqual(code, 0)
      const clear = "\r\u001b[2K"
      assert.match(shown.at(-2) ?? "", /^\r\u001b\[2K\d+ of 60 done, /)
      assert.strictEqual(shown.at(-1), clear)
    })
  )

  it.live("keeps no file in the sandbox, unless one is named", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const folder = folderOf(sandbox)
      write(sandbox, rowsOf(3))
      const { code } = yield* payout(["batch", "--file", "prizes.csv", "--yes"], { folder })
      assert.deepStrictEqual([code, readdirSync(folder)], [10, ["prizes.csv"]])
      // Each run has a simulated provider of its own, and goes on with the journal all the same.
      for (const _ of ["first", "second"]) {
        const named = ["batch", "--file", "prizes.csv", "--yes", "--journal", "j", "--results", "r"]
        assert.strictEqual((yield* payout(named, { folder })).code, 10)
        assert.deepStrictEqual(readdirSync(folder).sort(), ["j", "prizes.csv", "r"])
      }
      const asReal = yield* payout([...args("--yes"), "--journal", "j"], { sandbox, env: live })
      assert.deepStrictEqual(
        [asReal.code, asReal.err.at(-1)],
        [
          2,
          "payout: The batch's record (j) cannot be relied on: it is about simulated payouts, and not about live payouts. " +
            "Nothing more is sent."
        ]
      )
    })
  )

  it.live("ends on Ctrl-C with 5, and pays each row once when it is run again", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      write(sandbox, rowsOf(3))
      yield* sandbox.script(Script.forHandle("prize-2")(Script.hangAfterCommit))
      const first = yield* capturing(program(args("--yes"), { sandbox, env: live }))
      const fiber = yield* Effect.fork(first.run)
      while ((yield* sandbox.exchanges).length < 3) yield* Effect.sleep("5 millis")
      const { code, err } = first.ran(yield* Fiber.interrupt(fiber))
      assert.deepStrictEqual(
        [code, err.at(-1)],
        [
          5,
          "payout: interrupted: rows that were under way are in prizes.csv.journal.ndjson as begun, and may have been " +
            "paid. Run the same command again, which recovers them; never pay them under another handle."
        ]
      )
      const second = yield* payout(args("--yes"), { sandbox, env: live })
      assert.deepStrictEqual([second.code, yield* moved(sandbox, 3)], [0, amounts(3)])
    })
  )

  it.effect("says so when it is interrupted before it sends anything", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const first = yield* capturing(
        program(["batch", "--file", "-", "--journal", "j", "--live", "--yes"], {
          sandbox,
          env: live,
          stdin: Stream.never
        })
      )
      const fiber = yield* Effect.fork(first.run)
      yield* Effect.yieldNow()
      const { code, err } = first.ran(yield* Fiber.interrupt(fiber))
      assert.deepStrictEqual([code, err.at(-1)], [130, "payout: interrupted before anything was sent"])
      rmSync(folderOf(sandbox), { recursive: true })
    })
  )
})
