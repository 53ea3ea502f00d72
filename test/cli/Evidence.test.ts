/** The evidence that one command leaves behind, and what the next one makes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schema, TestClock } from "effect"
import { Exposure, Outcome, type PayoutError } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { inVirtualTime } from "../disk.js"
import { capturing, flags, folderOf, live, payout, program } from "./support.js"

const name = "payout-prize-1.evidence.json"
const fileOf = (sandbox: Sandbox.Service, file = name) => path.join(folderOf(sandbox), file)
const filesOf = (sandbox: Sandbox.Service) => readdirSync(folderOf(sandbox))
const evidenceIn = (sandbox: Sandbox.Service, file = name) =>
  Schema.decodeSync(Schema.parseJson(Exposure.Evidence))(readFileSync(fileOf(sandbox, file), "utf8"))
const moved = (sandbox: Sandbox.Service) => Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "prize-1"))
const kinds = (sandbox: Sandbox.Service) => Effect.map(sandbox.exchanges, (all) => all.map(({ kind }) => kind))

const run = (sandbox: Sandbox.Service, command: "create" | "recover" | "await", ...args: ReadonlyArray<string>) =>
  payout([command, ...flags(), "--live", ...args], { sandbox, env: live })

const heading = "Paid prize-1, 12500 minor units of DKK"
const liveLine = "LIVE: real money, https://api.frisbii.com"
const withoutLive = (err: ReadonlyArray<string>) => err.filter((line) => line !== liveLine)

describe("create --live", () => {
  it.effect("keeps the error's evidence in a file that only its owner can read, and says where", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processingError())
      const { code, out } = yield* run(sandbox, "create", "--policy", "none", "--json")
      const report: { readonly error: PayoutError.ProcessingError; readonly evidenceFile: string } = JSON.parse(
        out.join()
      )
      assert.deepStrictEqual([code, report.evidenceFile, filesOf(sandbox)], [5, name, [name]])
      assert.deepStrictEqual(evidenceIn(sandbox), { ...report.error.evidence, by: "the payout command" })
      assert.strictEqual(statSync(fileOf(sandbox)).mode & 0o777, 0o600)
    })
  )

  it.effect("says where the evidence is, for people too, in the file that --evidence names", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processing())
      const { code, out } = yield* run(sandbox, "create", "--evidence", "mine.json")
      assert.deepStrictEqual([code, out.at(-1)], [3, "evidence  in mine.json, for recover --evidence mine.json"])
      assert.deepStrictEqual(filesOf(sandbox), ["mine.json"])
    })
  )

  const certain: ReadonlyArray<readonly [what: string, step: Script.Step, code: number]> = [
    ["paid", Script.paid, 0],
    ["declined", Script.softDeclined(), 4],
    ["refused", Script.apiError({ status: 404, code: 40 }), 4]
  ]
  for (const [what, step, code] of certain) {
    it.effect(`leaves no file behind when it is certainly ${what}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        yield* sandbox.script(step)
        assert.deepStrictEqual([(yield* run(sandbox, "create")).code, filesOf(sandbox)], [code, []])
      })
    )
  }

  it.effect("has each create in the file before it sends it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const before: Array<number> = []
      const watched: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          if (incoming.method === "POST") before.push(evidenceIn(watched).creates.length)
          return sandbox.receive(incoming)
        }
      }
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate))
      assert.strictEqual((yield* run(watched, "create")).code, 0)
      assert.deepStrictEqual(before, [1, 2])
    })
  )

  it.effect("sends nothing again that it cannot write down", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const watched: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          // The folder is gone after the first create.
          rmSync(folderOf(watched), { recursive: true, force: true })
          return sandbox.receive(incoming)
        }
      }
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate))
      const { code, err } = yield* inVirtualTime(run(watched, "create"))
      assert.strictEqual(code, 5)
      assert.include(err, `payout: a create was not sent, because ${name} cannot be written (NotFound)`)
      assert.strictEqual((yield* kinds(sandbox)).filter((kind) => kind === "Create").length, 1)
    })
  )

  it.effect("ends with 5 if it is paid after a processing error that may have paid too, and keeps the file", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processingError())
      const paid = yield* inVirtualTime(run(sandbox, "create"))
      const said = (out: ReadonlyArray<string>) => out.slice(out.findIndex((line) => line.startsWith("money")))
      const expected = [
        "money     moved: 12500 to 25000 minor units of DKK",
        "message   It is paid, and up to 12500 minor units more may have moved: book the payment, ask the acquirer",
        "          about the rest, never pay again.",
        `evidence  in ${name}: keep it until the acquirer has answered`
      ]
      assert.deepStrictEqual([paid.code, paid.out[0], ...said(paid.out)], [5, heading, ...expected])
      assert.deepStrictEqual(Exposure.exposure(evidenceIn(sandbox)), { min: 12_500, max: 25_000 })
      for (const command of ["recover", "await"] as const) {
        const again = yield* inVirtualTime(run(sandbox, command))
        assert.deepStrictEqual([again.code, ...said(again.out)], [5, ...expected])
      }
      const { code, out } = yield* inVirtualTime(run(sandbox, "recover", "--json"))
      const report = JSON.parse(out.join())
      assert.deepStrictEqual([code, report.exitCode, report.outcome._tag, report.evidenceFile], [5, 5, "Paid", name])
      assert.match(report.outcome.message, /^It is paid, and up to 12500 minor units more may have moved: book/)
      assert.strictEqual((yield* Schema.decodeUnknown(Outcome.Outcome)(report.outcome)).exposure.max, 25_000)
    })
  )

  it.effect("leaves no file behind when there is no connection to begin with, and an earlier one as it was", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const env = { ...live, BILLWERK_BASE_URL: "http://example.com" }
      const refused = (command: "create" | "recover") => payout([command, ...flags(), "--live"], { sandbox, env })
      for (const command of ["create", "recover"] as const) {
        assert.deepStrictEqual([(yield* refused(command)).code, filesOf(sandbox)], [2, []])
      }
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate))
      yield* run(sandbox, "create", "--policy", "none")
      const before = evidenceIn(sandbox)
      assert.deepStrictEqual([before.creates.length, (yield* refused("recover")).code], [1, 2])
      assert.deepStrictEqual(evidenceIn(sandbox), before)
      // Another program's is not complete, before or after.
      writeFileSync(fileOf(sandbox), JSON.stringify({ ...before, by: "backend" }))
      assert.strictEqual((yield* refused("recover")).code, 2)
      assert.deepStrictEqual(evidenceIn(sandbox), { ...before, by: "backend" })
    })
  )

  it.effect("removes the empty file of a call that was killed before its first create, once it is over", () =>
    Effect.gen(function* () {
      const empty = JSON.stringify({ ...Exposure.empty("prize-1"), by: "the payout command" })
      const ends = [
        [Script.paid, 0, []],
        [Script.connectionRefused, 4, []],
        [Script.processing(), 3, [name]],
        [Script.processingError(), 5, [name]]
      ] as const
      for (const [step, code, files] of ends) {
        const sandbox = yield* Sandbox.make()
        writeFileSync(fileOf(sandbox), empty)
        yield* sandbox.script(step)
        const ran = yield* run(sandbox, "create", "--policy", "none")
        assert.deepStrictEqual([ran.code, filesOf(sandbox)], [code, files])
      }
    })
  )

  it.effect("does not overwrite a file that leaves money in doubt, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processingError())
      yield* run(sandbox, "create", "--policy", "none")
      const before = readFileSync(fileOf(sandbox), "utf8")
      const again = yield* run(sandbox, "create")
      assert.deepStrictEqual(again, {
        code: 2,
        out: [],
        err: [
          liveLine,
          `payout: ${name} says that this payout may have been sent before: run recover with the same request; nothing was sent`
        ]
      })
      assert.deepStrictEqual([readFileSync(fileOf(sandbox), "utf8"), yield* kinds(sandbox)], [before, ["Create"]])
    })
  )

  it.effect("keeps what a file of an earlier, settled call has", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.softDeclined(), Script.softDeclined())
      writeFileSync(fileOf(sandbox), JSON.stringify(Exposure.empty("prize-1")))
      assert.strictEqual((yield* run(sandbox, "create")).code, 4)
      assert.strictEqual((yield* run(sandbox, "create")).code, 4)
      assert.strictEqual(evidenceIn(sandbox).transactions.length, 2)
    })
  )

  it.effect("refuses a file that is no evidence, or is another payout's, and repeats nothing of it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const lineFor = (text: string) => {
        writeFileSync(fileOf(sandbox), text)
        return Effect.map(run(sandbox, "create"), ({ code, err }) => [code, ...withoutLive(err)])
      }
      const none = [2, `payout: ${name} does not hold the evidence of a payout`]
      assert.deepStrictEqual(yield* lineFor("ct_0123456789abcdef"), none)
      assert.deepStrictEqual(yield* lineFor('{"handle": "ct_0123456789abcdef"}'), none)
      assert.deepStrictEqual(yield* lineFor(JSON.stringify(Exposure.empty("prize-2"))), [
        2,
        `payout: ${name} holds the evidence of a payout with another handle`
      ])
      assert.deepStrictEqual(yield* lineFor(" ".repeat(1024 * 1024 + 1)), [
        2,
        `payout: ${name} has more than 1048576 bytes, which is no evidence of a payout`
      ])
      rmSync(fileOf(sandbox))
      mkdirSync(fileOf(sandbox))
      const folder = yield* run(sandbox, "create")
      assert.deepStrictEqual([folder.code, folder.out], [2, []])
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.live("keeps no file in the sandbox, unless one is named", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const folder = folderOf(sandbox)
      const call = ["create", ...flags({ amount: 1001 }), "--test-amounts", "--policy", "none"]
      assert.strictEqual((yield* payout(call, { folder })).code, 15)
      assert.deepStrictEqual(filesOf(sandbox), [])
      assert.strictEqual((yield* payout([...call, "--evidence", name], { folder })).code, 15)
      assert.deepStrictEqual(filesOf(sandbox), [name])
    })
  )

  it.live("does not mix what is simulated with what is real", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const folder = folderOf(sandbox)
      const simulated = ["create", ...flags({ amount: 1001 }), "--test-amounts", "--policy", "none", "--evidence", name]
      yield* payout(simulated, { folder })
      const asReal = yield* run(sandbox, "recover", "--evidence", name)
      assert.deepStrictEqual(
        [asReal.code, ...withoutLive(asReal.err)],
        [
          2,
          `payout: ${name} holds simulated evidence, which says nothing about real money: delete it, or name another file`
        ]
      )
      rmSync(fileOf(sandbox))
      yield* sandbox.script(Script.processingError())
      yield* run(sandbox, "create", "--policy", "none")
      const before = readFileSync(fileOf(sandbox), "utf8")
      const asSimulated = yield* payout(["recover", ...flags(), "--evidence", name], { folder })
      assert.deepStrictEqual(
        [asSimulated.code, asSimulated.err.at(-1)],
        [2, `payout: ${name} may be about real money, so the sandbox does not write it: name another file`]
      )
      assert.strictEqual(readFileSync(fileOf(sandbox), "utf8"), before)
    })
  )

  it.effect("has no secret in its file", () =>
    Effect.gen(function* () {
      const canaries = {
        key: Redacted.value(Sandbox.apiKey),
        saved: "ca_C4n4ryS4ved0123456789abcdef012345",
        customer: "c4n4ry-customer",
        text: "C4n4ry text",
        statement: "C4N4RY STATEMENT",
        reference: "C4N4RY-REFERENCE"
      }
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processingError())
      const request = flags({
        destination: canaries.saved,
        customer: canaries.customer,
        text: canaries.text,
        "text-on-statement": canaries.statement,
        "acquirer-reference": canaries.reference
      })
      yield* payout(["create", ...request, "--live", "--policy", "none"], { sandbox, env: live })
      const text = readFileSync(fileOf(sandbox), "utf8")
      for (const canary of Object.values(canaries)) assert.notInclude(text, canary)

      const token = "ct_C4n4ry70ken0123456789abcdef"
      const email = "canary.winner@example.com"
      const another = yield* Sandbox.make()
      yield* another.script(Script.processingError())
      const stdin = JSON.stringify({
        handle: "prize-1",
        destination: token,
        customer: { generateHandle: true, email },
        amount: 12_500,
        currency: "DKK"
      })
      yield* payout(["create", "--file", "-", "--live", "--policy", "none"], { sandbox: another, env: live, stdin })
      const written = readFileSync(fileOf(another), "utf8")
      for (const canary of [canaries.key, token, email]) assert.notInclude(written, canary)
    })
  )
})

describe("recover --live", () => {
  it.effect("stays in doubt with the file while the first create is under way, and says so twice (E7)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.executeLater("20 minutes").pipe(Script.onCreate), Script.hardDeclined())
      assert.strictEqual((yield* run(sandbox, "create")).code, 5)
      assert.deepStrictEqual(yield* kinds(sandbox), ["Create", "Lookup", "Create"])
      yield* TestClock.adjust("1 minute")
      const again = yield* run(sandbox, "recover", "--evidence", name)
      assert.deepStrictEqual(
        [again.code, again.err],
        [5, [liveLine, `payout: the evidence is in ${name}, and no other create is outstanding`]]
      )
      assert.strictEqual((yield* run(sandbox, "recover")).code, 5)
      assert.strictEqual(yield* moved(sandbox), 0)
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual([(yield* run(sandbox, "recover")).code, yield* moved(sandbox)], [0, 12_500])
      assert.strictEqual(evidenceIn(sandbox).record?.state, "paid")
    })
  )

  it.effect("ends the doubt with the file when the arrival horizon has passed", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate), Script.hardDeclined())
      assert.strictEqual((yield* run(sandbox, "create")).code, 5)
      yield* TestClock.adjust("6 hours")
      assert.strictEqual((yield* run(sandbox, "recover")).code, 5)
      yield* TestClock.adjust("11 minutes")
      assert.strictEqual((yield* run(sandbox, "recover")).code, 4)
    })
  )

  it.effect("asks first, and sends nothing if the payout is paid", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate), Script.dropBeforeCommit)
      const first = yield* run(sandbox, "create", "--policy", "none")
      const second = yield* run(sandbox, "recover")
      assert.deepStrictEqual([first.code, second.code, yield* moved(sandbox)], [5, 0, 12_500])
      assert.deepStrictEqual(yield* kinds(sandbox), ["Create", "Lookup", "Lookup"])
    })
  )

  it.effect("says on standard error what it assumes without a file", () =>
    Effect.gen(function* () {
      const said = (...args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          yield* TestClock.setTime(Date.UTC(2026, 0, 31, 12))
          const { err } = yield* run(sandbox, "recover", ...args)
          return withoutLive(err)[0]
        })
      const one = (until: string) =>
        `payout: there is no evidence, and one create is assumed to be outstanding that was sent until ${until}: what does ` +
        "not end as paid stays in doubt until 6 hours after that. --outstanding-creates 0 says that there is none"
      assert.strictEqual(yield* said(), one("now"))
      assert.strictEqual(yield* said("--last-sent-at", "2026-01-31T10:00:00+01:00"), one("2026-01-31T09:00:00.000Z"))
      assert.strictEqual(
        yield* said("--outstanding-creates", "0"),
        "payout: there is no evidence, and no other create is outstanding"
      )
      assert.strictEqual(
        yield* said("--outstanding-creates", "2"),
        "payout: there is no evidence, and 2 other creates may be outstanding that were sent until now"
      )
    })
  )

  it.effect("counts in the exposure what --outstanding-creates and --last-sent-at say", () =>
    Effect.gen(function* () {
      const exposure = (...args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          yield* TestClock.setTime(Date.UTC(2026, 0, 31, 12))
          yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate))
          const { out } = yield* run(sandbox, "recover", "--policy", "none", "--json", ...args)
          return JSON.parse(out.join()).error.exposure
        })
      assert.deepStrictEqual(yield* exposure(), { min: 0, max: 25_000 })
      assert.deepStrictEqual(yield* exposure("--outstanding-creates", "0"), { min: 0, max: 12_500 })
      assert.deepStrictEqual(yield* exposure("--outstanding-creates", "3"), { min: 0, max: 50_000 })
      assert.deepStrictEqual(yield* exposure("--last-sent-at", "2026-01-31T01:00:00Z"), { min: 0, max: 12_500 })
    })
  )

  it.effect("adds what --outstanding-creates says to the evidence, and the next one has it in its file", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate))
      yield* run(sandbox, "create", "--policy", "none")
      const most = (...args: ReadonlyArray<string>) =>
        Effect.map(run(sandbox, "recover", "--policy", "none", "--json", ...args), ({ out }) => {
          const { error } = JSON.parse(out.join())
          return error.exposure.max / 12_500
        })
      // One of create, one of each recover, and the two that it is told of.
      assert.deepStrictEqual([yield* most("--outstanding-creates", "2"), yield* most()], [4, 5])
    })
  )

  it.effect("keeps a number that a run was told which was killed, beside that of the next one", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.always(Script.hangAfterCommit.pipe(Script.onLookup))
      for (const [run, told] of ["3", "1"].entries()) {
        const args = ["recover", ...flags(), "--live", "--outstanding-creates", told]
        const fiber = yield* Effect.fork((yield* capturing(program(args, { sandbox, env: live }))).run)
        while ((yield* sandbox.exchanges).length <= run) yield* Effect.yieldNow()
        const killed = readFileSync(fileOf(sandbox))
        yield* Fiber.interrupt(fiber)
        // As a process that is killed leaves it.
        writeFileSync(fileOf(sandbox), killed)
      }
      assert.strictEqual(Exposure.exposure(evidenceIn(sandbox)).max, 4 * 12_500)
    })
  )

  it.effect("keeps no guess in the file, once a number was told instead", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.always(Script.softDeclined())
      const recover = (...args: ReadonlyArray<string>) =>
        Effect.map(run(sandbox, "recover", "--policy", "none", ...args), ({ code }) => code)
      assert.deepStrictEqual([yield* recover(), Exposure.exposure(evidenceIn(sandbox)).max], [5, 12_500])
      assert.deepStrictEqual([yield* recover("--outstanding-creates", "0"), yield* recover()], [4, 4])
      assert.strictEqual(Exposure.exposure(evidenceIn(sandbox)).max, 0)
    })
  )

  it.effect("takes no time for creates of which there are none", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      writeFileSync(fileOf(sandbox), JSON.stringify({ ...Exposure.empty("prize-1"), by: "the payout command" }))
      assert.deepStrictEqual(yield* run(sandbox, "recover", "--last-sent-at", "1970-01-01T00:00:00Z"), {
        code: 2,
        out: [],
        err: [liveLine, "payout: --last-sent-at is about outstanding creates, and there are none"]
      })
    })
  )

  it.effect("goes on assuming what it assumed, of the same time, so that its doubt ends", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hardDeclined())
      const codes: Array<number> = []
      const recover = Effect.map(run(sandbox, "recover"), ({ code }) => codes.push(code))
      yield* recover
      yield* TestClock.adjust("5 hours")
      yield* recover
      yield* TestClock.adjust("71 minutes")
      yield* recover
      assert.deepStrictEqual(codes, [5, 5, 4])
    })
  )

  it.effect("assumes a create that another program sent after it had stated the evidence", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hardDeclined())
      const { out } = yield* run(sandbox, "create", "--json")
      writeFileSync(fileOf(sandbox, "from-backend.json"), JSON.stringify(JSON.parse(out.join()).error.evidence))
      const foreign = ["recover", "--evidence", "from-backend.json"] as const
      const { code, err } = yield* run(sandbox, ...foreign, "--outstanding-creates", "0")
      assert.deepStrictEqual(
        [code, withoutLive(err)[0]],
        [4, "payout: the evidence is in from-backend.json, and no other create is outstanding"]
      )
      writeFileSync(fileOf(sandbox, "from-backend.json"), JSON.stringify(JSON.parse(out.join()).error.evidence))
      const first = yield* run(sandbox, ...foreign)
      const second = yield* run(sandbox, ...foreign)
      assert.deepStrictEqual([first.code, second.code], [5, 5])
      assert.include(first.err[1], "and one create is assumed to be outstanding that was sent until now")
    })
  )

  it.effect("takes an error as it is: as --json prints it, or as it is encoded", () =>
    Effect.gen(function* () {
      for (const errorIn of [
        (report: { readonly error: unknown }) => report,
        (report: { readonly error: unknown }) => report.error
      ]) {
        const sandbox = yield* Sandbox.make()
        yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate), Script.dropBeforeCommit)
        const { code, out } = yield* run(sandbox, "create", "--policy", "none", "--json", "--evidence", "mine.json")
        assert.strictEqual(code, 5)
        rmSync(fileOf(sandbox, "mine.json"))
        writeFileSync(fileOf(sandbox, "error.json"), JSON.stringify(errorIn(JSON.parse(out.join()))))
        const recovered = yield* run(sandbox, "recover", "--evidence", "error.json")
        assert.deepStrictEqual([recovered.code, yield* moved(sandbox)], [0, 12_500])
        assert.include(recovered.err[1], "the evidence is in error.json, and one create is assumed to be outstanding")
        assert.strictEqual(evidenceIn(sandbox, "error.json").record?.state, "paid")
      }
    })
  )

  it.effect("has the doubt of an error that it is given: the same exposure, and no other arguments", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.always(Script.dropBeforeCommit)
      const { out } = yield* run(sandbox, "create", "--policy", "none", "--json", "--evidence", "mine.json")
      writeFileSync(fileOf(sandbox, "error.json"), out.join())
      const told = ["--evidence", "error.json", "--policy", "none", "--json", "--outstanding-creates", "0"]
      const again = yield* run(sandbox, "recover", ...told)
      assert.deepStrictEqual(JSON.parse(again.out.join()).error.exposure.max >= 12_500, true)
      const other = yield* payout(["recover", ...flags({ amount: 1 }), "--live", ...told], { sandbox, env: live })
      assert.deepStrictEqual(
        [other.code, other.err.at(-1)?.slice(0, 53)],
        [2, "payout: error.json is about other arguments, which ma"]
      )
    })
  )

  it.live("refuses the report of a simulated payout as evidence of a real one", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const folder = folderOf(sandbox)
      const simulated = yield* payout(
        ["create", ...flags({ amount: 1001 }), "--test-amounts", "--policy", "none", "--json"],
        { folder }
      )
      writeFileSync(fileOf(sandbox, "error.json"), simulated.out.join())
      const { code, err } = yield* run(sandbox, "recover", "--evidence", "error.json")
      assert.deepStrictEqual(
        [code, err.at(-1)],
        [
          2,
          "payout: error.json holds simulated evidence, which says nothing about real money: delete it, or name another file"
        ]
      )
    })
  )

  it.effect("does not try another card while the first one is in doubt", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate))
      yield* run(sandbox, "create", "--policy", "none")
      const another = ["recover", ...flags({ destination: "ca_2" }), "--live"]
      const { code, err } = yield* payout(another, { sandbox, env: live })
      assert.deepStrictEqual(
        [code, ...withoutLive(err)],
        [
          2,
          `payout: ${name} is about other arguments, which may have moved money: recover these first, with the request as ` +
            "it was; nothing was sent"
        ]
      )
      // What was declined is over, and another card may be tried.
      yield* TestClock.adjust("7 hours")
      yield* sandbox.script(Script.softDeclined())
      assert.strictEqual((yield* run(sandbox, "recover")).code, 4)
      assert.strictEqual((yield* payout(another, { sandbox, env: live })).code, 0)
    })
  )

  it.effect("leaves no file behind that it made itself, when the payout is certainly over", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      assert.deepStrictEqual([(yield* run(sandbox, "recover")).code, existsSync(fileOf(sandbox))], [0, false])
    })
  )

  it.effect("leaves a file that assumes as much as it did, when it is interrupted", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hangAfterCommit.pipe(Script.onLookup))
      const { ran, run: running } = yield* capturing(program(["recover", ...flags(), "--live"], { sandbox, env: live }))
      const fiber = yield* Effect.fork(running)
      while ((yield* sandbox.exchanges).length === 0) yield* Effect.yieldNow()
      assert.strictEqual(ran(yield* Fiber.interrupt(fiber)).code, 5)
      assert.deepStrictEqual(Exposure.exposure(evidenceIn(sandbox)), { min: 0, max: 12_500 })
    })
  )
})
