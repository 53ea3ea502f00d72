import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Random, Schema, Stream } from "effect"
import { Acquirer, Handle, Ledger, Money, Outcome, Payout, PayoutError, Sandbox, Script } from "effect-billwerk-payouts"
import * as Help from "../../src/cli/Help.js"
import { capturing, flags, live, payout, program } from "./support.js"

const sandboxLine = "SANDBOX: no money moves (it starts empty, and is forgotten when this command ends)"
const liveLine = "LIVE: real money, https://api.frisbii.com"

const moved = (sandbox: Sandbox.Service) => Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "prize-1"))
const kinds = (sandbox: Sandbox.Service) => Effect.map(sandbox.exchanges, (all) => all.map(({ kind }) => kind))
/** A duration, and the width that it takes. */
const took = (line: string) => line.replace(/ +(\d+ ms|took)/, " TOOK")

describe("payout, for people", () => {
  it.live("pays in a sandbox of its own unless told otherwise, and says so on standard error", () =>
    Effect.gen(function* () {
      const ran = yield* payout(["create", ...flags()])
      assert.deepStrictEqual(
        { ...ran, out: ran.out.map(took) },
        {
          code: 0,
          out: [
            "Paid prize-1, 12500 minor units of DKK",
            "#  exchange  answer  outcome TOOK  then",
            "1  Create    200     Paid TOOK  done: the money moved",
            "money     moved: 12500 minor units of DKK"
          ],
          err: [sandboxLine]
        }
      )
    })
  )

  it.live("stays in the sandbox although there is a key, as long as nobody said --live", () =>
    Effect.gen(function* () {
      const { err } = yield* payout(["create", ...flags()], { env: live })
      assert.deepStrictEqual(err, [sandboxLine])
    })
  )

  it.effect("pays real money with a key and --live, and says so on standard error", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const { code, err } = yield* payout(["create", ...flags(), "--live"], { sandbox, env: live })
      assert.deepStrictEqual([code, err, yield* moved(sandbox)], [0, [liveLine], 12_500])
    })
  )

  it.effect("says where it pays, if that is not the usual address", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const env = { ...live, BILLWERK_BASE_URL: "https://api.reepay.com/" }
      const { err } = yield* payout(["create", ...flags(), "--live"], { sandbox, env })
      assert.deepStrictEqual(err, ["LIVE: real money, https://api.reepay.com"])
    })
  )

  it.effect("shows what an error says to do next", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const { out } = yield* payout(["create", ...flags({ amount: 3001 }), "--live"], { sandbox, env: live })
      assert.deepStrictEqual(out.slice(0, 1), ["HardDeclined prize-1"])
      assert.deepStrictEqual(out.slice(3), [
        "money     not moved: 0 minor units of DKK",
        "message   Payout prize-1: declined for good (credit_card_expired). No money has moved. Ask the customer for",
        "          another payment method. Never send it again with the same arguments."
      ])
    })
  )

  it.effect("shows the provider's record and its transactions", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* payout(["create", ...flags({ amount: 1001 }), "--policy", "none", "--live"], { sandbox, env: live })
      const { out } = yield* payout(["get", "--handle", "prize-1", "--live"], { sandbox, env: live })
      assert.deepStrictEqual(out, [
        "failed prize-1, 1001 minor units of DKK",
        "transaction                       state   reason",
        "a0000000000000000000000000000001  failed  processing_error, acquirer_communication_error",
        "money     0 paid on record; 1001 more may have moved without the provider knowing"
      ])
    })
  )

  it.effect("writes warnings to standard error, where they cannot be taken for a result", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.htmlPage)
      const { code, err, out } = yield* payout(["create", ...flags(), "--live", "--json"], { sandbox, env: live })
      assert.deepStrictEqual([code, out.length, err.length, err[0]], [0, 1, 2, liveLine])
      assert.include(err[1], "Payout prize-1: HTTP 200, a body that is not JSON")
    })
  )

  it.effect("is coloured on a terminal, and not where NO_COLOR is set or nobody looks", () =>
    Effect.gen(function* () {
      const first = (env: Readonly<Record<string, string>>, isTTY: boolean) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          const { out } = yield* payout(["create", ...flags(), "--live"], { sandbox, isTTY, env: { ...live, ...env } })
          return out[0]
        })
      const plain = "Paid prize-1, 12500 minor units of DKK"
      assert.strictEqual(yield* first({}, true), "\u001b[32mPaid\u001b[0m prize-1, 12500 minor units of DKK")
      assert.strictEqual(yield* first({ NO_COLOR: "1" }, true), plain)
      assert.strictEqual(yield* first({}, false), plain)
    })
  )

  it.effect("prints one page of help for every command, with every option and every exit code", () =>
    Effect.gen(function* () {
      for (const args of [["--help"], ["-h"], ["create", "--help"], ["create", ...flags(), "--live", "--help"]]) {
        const { code, err, out } = yield* payout(args)
        assert.deepStrictEqual([code, err, out.join("\n")], [0, [], Help.page])
      }
      for (const name of [...Object.keys(Help.request), ...Object.keys(Help.call)]) {
        assert.include(Help.page, `  --${name} `)
      }
    })
  )

  it.effect("explains the standard policy", () =>
    Effect.gen(function* () {
      const { code, out } = yield* payout(["policy"])
      assert.deepStrictEqual([code, out.at(-2)], [0, "hardDeclined: never sent again."])
    })
  )
})

describe("exit codes", () => {
  const ends: ReadonlyArray<readonly [what: string, step: Script.Step, code: number]> = [
    ["paid", Script.paid, 0],
    ["processing", Script.processing(), 3],
    ["a hard decline", Script.hardDeclined(), 4],
    ["a soft decline", Script.softDeclined(), 4],
    ["a refusal", Script.apiError({ status: 404, code: 40 }), 4],
    ["a connection that was never made", Script.connectionRefused, 4],
    ["a processing error", Script.processingError(), 5],
    ["a lost answer", Script.dropAfterCommit.pipe(Script.and(Script.times(2)(Script.dropAfterCommit))), 5],
    ["an error_state that nobody knows", Script.unknownErrorState(), 5]
  ]
  for (const [what, step, code] of ends) {
    it.effect(`create ends with ${code} on ${what}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        yield* sandbox.script(step)
        const ran = yield* payout(["create", ...flags(), "--policy", "none", "--live"], { sandbox, env: live })
        assert.strictEqual(ran.code, code)
      })
    )
  }

  const records: ReadonlyArray<readonly [what: string, outcome: Acquirer.Outcome, code: number]> = [
    ["a paid payout", Acquirer.paid, 0],
    ["one that is processing", Acquirer.processing(), 3],
    ["one that was declined", Acquirer.hardDeclined(), 4],
    ["one with a processing error", Acquirer.processingError(), 5]
  ]
  for (const [what, outcome, code] of records) {
    it.effect(`get ends with ${code} on ${what}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make({ outcome })
        yield* payout(["create", ...flags(), "--policy", "none", "--live"], { sandbox, env: live })
        const ran = yield* payout(["get", "--handle", "prize-1", "--live"], { sandbox, env: live })
        assert.strictEqual(ran.code, code)
      })
    )
  }

  it.effect("get tells apart that there is no payout (6) and that nobody answered (7)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const get = ["get", "--handle", "prize-1", "--policy", "none", "--live"]
      assert.strictEqual((yield* payout(get, { sandbox, env: live })).code, 6)
      yield* sandbox.script(Script.apiError({ status: 500, code: 2 }))
      assert.strictEqual((yield* payout(get, { sandbox, env: live })).code, 7)
    })
  )
})

describe("resume", () => {
  it.effect("asks first, and sends nothing if the payout is paid", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate), Script.dropBeforeCommit)
      const first = yield* payout(["create", ...flags(), "--policy", "none", "--live"], { sandbox, env: live })
      const second = yield* payout(["resume", ...flags(), "--live"], { sandbox, env: live })
      assert.deepStrictEqual([first.code, second.code, yield* moved(sandbox)], [5, 0, 12_500])
      assert.deepStrictEqual(yield* kinds(sandbox), ["Create", "Lookup", "Lookup"])
    })
  )

  it.effect("counts what --unseen says in the exposure", () =>
    Effect.gen(function* () {
      const exposure = (args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate))
          const surroundings = { sandbox, env: live }
          const call = ["resume", ...flags(), "--policy", "none", "--live", "--json", ...args]
          const { out } = yield* payout(call, surroundings)
          return JSON.parse(out.join()).error.exposure
        })
      assert.deepStrictEqual(yield* exposure([]), { min: 0, max: 25_000 })
      assert.deepStrictEqual(yield* exposure(["--unseen", "0"]), { min: 0, max: 12_500 })
      assert.deepStrictEqual(yield* exposure(["--unseen", "3"]), { min: 0, max: 50_000 })
    })
  )
})

describe("--json", () => {
  const json = (args: ReadonlyArray<string>, step: Script.Step = Script.normal) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(step)
      const { code, out } = yield* payout([...args, "--policy", "none", "--live", "--json"], { sandbox, env: live })
      assert.strictEqual(out.length, 1)
      const report = JSON.parse(out.join())
      assert.deepStrictEqual([report.exitCode, report.mode], [code, "Live"])
      return report
    })

  it.effect("prints an outcome that the library's schema can read back", () =>
    Effect.gen(function* () {
      const report = yield* json(["create", ...flags()])
      const outcome = yield* Schema.decodeUnknown(Outcome.Outcome)(report.outcome)
      assert.deepStrictEqual([outcome._tag, outcome.exposure], ["Paid", { min: 12_500, max: 12_500 }])
    })
  )

  it.effect("prints an error that the library's schema can read back, and its message", () =>
    Effect.gen(function* () {
      const report = yield* json(["create", ...flags()], Script.processingError())
      const error = yield* Schema.decodeUnknown(PayoutError.PayoutError)(report.error)
      assert.deepStrictEqual([error._tag, error.message], ["ProcessingError", report.error.message])
    })
  )

  it.effect("prints the payout that get found, or why it found none", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* payout(["create", ...flags(), "--live"], { sandbox, env: live })
      const { out } = yield* payout(["get", "--handle", "prize-1", "--live", "--json"], { sandbox, env: live })
      const found = yield* Schema.decodeUnknown(Payout.Payout)(JSON.parse(out.join()).payout)
      assert.strictEqual(found.state, "paid")
      const none = yield* json(["get", "--handle", "prize-2"])
      assert.strictEqual((yield* Schema.decodeUnknown(PayoutError.LookupError)(none.error))._tag, "PayoutNotFound")
    })
  )

  it.effect("reports bad input as an object too", () =>
    Effect.gen(function* () {
      const refused = yield* payout(["create", ...flags({ amount: 0 }), "--json"])
      const report = JSON.parse(refused.out.join())
      const error = yield* Schema.decodeUnknown(PayoutError.PayoutError)(report.error)
      assert.deepStrictEqual([report.exitCode, error._tag, refused.err.length], [2, "InvalidRequest", 1])
      const misspelt = yield* payout(["create", ...flags(), "--lvie", "--json"])
      assert.deepStrictEqual(JSON.parse(misspelt.out.join()), {
        exitCode: 2,
        error: { _tag: "BadInput", message: "Received unknown argument: '--lvie' (see --help)" }
      })
    })
  )
})

describe("bad input", () => {
  // In the library's own words, whatever they are.
  const mustBe = (field: string, schema: Schema.Schema.All) =>
    `${field} ${PayoutError.InvalidRequest.mustBe(field, schema).reason}`
  const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, line: string, stdin?: string]> = [
    [[], "say create, resume, get or policy (see --help)"],
    [["pay"], "Invalid subcommand for payout - use one of 'create', 'resume', 'get', 'policy' (see --help)"],
    [["create"], "--handle, --destination, --amount, --currency missing; or give the whole request with --file"],
    [
      ["create", "--handle", "p-1"],
      "--destination, --amount, --currency missing; or give the whole request with --file"
    ],
    [["create", ...flags({ amount: 0 })], mustBe("amount", Money.Amount)],
    [["create", ...flags({ amount: "-5" })], mustBe("amount", Money.Amount)],
    [["create", ...flags({ amount: "125.00" })], mustBe("amount", Money.Amount)],
    [["create", ...flags({ amount: "1e3" })], mustBe("amount", Money.Amount)],
    [["create", ...flags({ currency: "dkk" })], mustBe("currency", Money.Currency)],
    [["create", ...flags({ handle: "a b" })], mustBe("handle", Handle.Handle)],
    [["get", "--handle", ".."], mustBe("handle", Handle.Handle)],
    [["get"], "Expected to find option: '--handle' (see --help)"],
    [["create", ...flags(), "--lvie"], "Received unknown argument: '--lvie' (see --help)"],
    [["create", ...flags(), "--amount", "1"], "Received unknown argument: '--amount' (see --help)"],
    [["create", ...flags(), "extra"], "Received unknown argument: 'extra' (see --help)"],
    [["create", ...flags(), "--policy", "often"], "Expected one of the following cases: standard, none (see --help)"],
    [["resume", ...flags(), "--unseen", "-1"], "--unseen must be a whole number from 0 to 999999"],
    [
      ["create", ...flags(), "--file", "-"],
      "--file has the whole request: leave --handle, --destination, --amount, --currency out"
    ],
    [["create", "--file", "/nowhere/request.json"], "/nowhere/request.json cannot be read (NotFound)"],
    [["create", "--file", "-"], "standard input is not JSON", '{"destination": ct_0123456789'],
    [["create", "--file", "-"], "request must be an object", "[]"],
    [["create", "--file", "-"], "iban is not a field of a payout request", '{"handle": "p-1", "iban": "DK"}'],
    [
      ["create", "--file", "-"],
      "standard input has more than 65536 bytes, which is no payout request",
      " ".repeat(65_537)
    ]
  ]
  for (const [args, line, stdin = ""] of refusals) {
    it.effect(`is one clear line and nothing sent: ${line.slice(0, 60)} (${args.slice(-2).join(" ")})`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const ran = yield* payout(args, { sandbox, env: live, stdin })
        assert.deepStrictEqual(ran, { code: 2, out: [], err: [`payout: ${line}`] })
        assert.deepStrictEqual(yield* sandbox.exchanges, [])
      })
    )
  }

  it.effect("is --live without a usable key or address, found before anything is sent", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const lineOf = (env: Readonly<Record<string, string>>) =>
        Effect.map(payout(["create", ...flags(), "--live"], { sandbox, env }), ({ code, err }) => [code, ...err])
      assert.deepStrictEqual(yield* lineOf({}), [
        2,
        "payout: --live needs the private key in the environment variable BILLWERK_API_KEY; nothing was sent"
      ])
      assert.deepStrictEqual(yield* lineOf({ BILLWERK_API_KEY: "priv:secret" }), [
        2,
        "payout: BILLWERK_API_KEY must be visible ASCII without a colon"
      ])
      assert.deepStrictEqual(yield* lineOf({ ...live, BILLWERK_BASE_URL: "http://example.com" }), [
        2,
        "payout: BILLWERK_BASE_URL must be https, or http to this machine itself: the key would travel in the clear"
      ])
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )
})

describe("card tokens", () => {
  const token = "ct_0123456789abcdef"
  const request = JSON.stringify({
    handle: "prize-1",
    destination: token,
    customer: { generateHandle: true },
    amount: 12_500,
    currency: "DKK"
  })

  it.effect("are refused on the command line, where the process list would show them", () =>
    Effect.gen(function* () {
      const ran = yield* payout(["create", ...flags({ destination: token })])
      assert.deepStrictEqual(ran, {
        code: 2,
        out: [],
        err: [
          "payout: --destination must not be a card token, which the process list would show: give the request with --file -"
        ]
      })
    })
  )

  it.effect("are taken from standard input and from a file, and never repeated", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const file = yield* files.makeTempFileScoped()
      yield* files.writeFileString(file, request)
      for (const source of ["-", file]) {
        for (const format of [[], ["--json"]]) {
          const sandbox = yield* Sandbox.make()
          const args = ["--log-level", "all", "create", "--file", source, "--live", ...format]
          const ran = yield* payout(args, { sandbox, env: live, stdin: request })
          assert.deepStrictEqual([ran.code, yield* moved(sandbox)], [0, 12_500])
          assert.notInclude([...ran.out, ...ran.err].join("\n"), token)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("are not repeated from where they do not belong", () =>
    Effect.gen(function* () {
      const misplaced = [
        ["create", ...flags(), token],
        ["create", ...flags(), `--${token}`],
        ["create", ...flags({ handle: token, amount: token })],
        ["create", "--file", token],
        ["get", "--handle", "p-1", "--policy", token]
      ]
      for (const args of misplaced) {
        const ran = yield* payout(args)
        assert.deepStrictEqual([ran.code, ran.err.length, ran.out], [2, 1, []])
        assert.notInclude(ran.err.join(), token)
      }
    })
  )
})

describe("cut short", () => {
  const interrupted = (args: ReadonlyArray<string>, sandbox: Sandbox.Service) =>
    Effect.gen(function* () {
      const { ran, run } = yield* capturing(program([...args, "--live"], { sandbox, env: live }))
      const fiber = yield* Effect.fork(run)
      while ((yield* sandbox.exchanges).length === 0) yield* Effect.yieldNow()
      return ran(yield* Fiber.interrupt(fiber))
    })

  it.effect("by an interruption, a payout may have moved money, and resume is what to do next", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hangAfterCommit)
      const ran = yield* interrupted(["create", ...flags(), "--json"], sandbox)
      const message =
        "interrupted: it is unclear whether payout prize-1 was made. Run resume with the same request, which asks the " +
        "provider first; never pay again under another handle."
      assert.deepStrictEqual([ran.code, ran.err], [5, [liveLine, `payout: ${message}`]])
      assert.deepStrictEqual(JSON.parse(ran.out.join()), {
        exitCode: 5,
        mode: "Live",
        error: { _tag: "CutShort", message }
      })
      assert.strictEqual(yield* moved(sandbox), 12_500)
    })
  )

  it.effect("by an interruption, a lookup says nothing about the money", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hangAfterCommit)
      const ran = yield* interrupted(["get", "--handle", "prize-1"], sandbox)
      assert.deepStrictEqual(ran, {
        code: 7,
        out: [],
        err: [liveLine, "payout: interrupted: payout prize-1 was not looked up"]
      })
    })
  )

  it.effect("by an interruption before anything was sent, that is all there is to say", () =>
    Effect.gen(function* () {
      const reading = yield* Deferred.make<void>()
      const stdin = Stream.drain(Stream.fromEffect(Deferred.succeed(reading, undefined))).pipe(
        Stream.concat(Stream.never)
      )
      const { ran, run } = yield* capturing(program(["create", "--file", "-"], { stdin }))
      const fiber = yield* Effect.fork(run)
      yield* Deferred.await(reading)
      assert.deepStrictEqual(ran(yield* Fiber.interrupt(fiber)), {
        code: 130,
        out: [],
        err: ["payout: interrupted before anything was sent"]
      })
    })
  )

  it.effect("by a defect, a payout may have moved money, and the defect's own text is not shown", () =>
    Effect.gen(function* () {
      // A client that dies is an exchange without an answer. Then the wait before the next one dies, which is no exchange.
      const died = Effect.die(new Error("ct_0123456789"))
      const broken = { ...(yield* Sandbox.make()), receive: () => died }
      const random: Random.Random = Object.create(Random.make("prize"), { next: { value: died } })
      const ran = yield* payout(["create", ...flags(), "--live"], { sandbox: broken, env: live }).pipe(
        Effect.withRandom(random)
      )
      assert.deepStrictEqual([ran.code, ran.out], [5, []])
      assert.deepStrictEqual(ran.err, [
        liveLine,
        "payout: broken off by a defect of this program: it is unclear whether payout prize-1 was made. Run resume " +
          "with the same request, which asks the provider first; never pay again under another handle."
      ])
    })
  )
})
