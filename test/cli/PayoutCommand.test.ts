import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { type Clock, Deferred, Effect, Fiber, Schema, Stream, TestClock } from "effect"
import { Handle, Money, Outcome, Payout, PayoutError } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as Help from "../../src/cli/Help.js"
import { capturing, flags, live, payout, program } from "./support.js"

const sandboxLine = "SANDBOX: no money moves (it starts empty and ends with this command)"
const liveLine = "LIVE: real money, https://api.frisbii.com"

const moved = (sandbox: Sandbox.Service) => Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "prize-1"))
/** A duration, and the width that it takes. */
const took = (line: string) => line.replace(/ +(\d+ ms|took)/, " TOOK")

describe("payout, for people", () => {
  it.live("pays in a sandbox of its own unless told otherwise, and says so on standard error", () =>
    Effect.gen(function* () {
      const ran = yield* payout(["create", ...flags()])
      assert.deepStrictEqual(
        { ...ran, out: ran.out.map(took) },
        {
          code: 10,
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

  it.effect("says that the key goes to an address on this machine, where a simulated provider may be", () =>
    Effect.gen(function* () {
      for (const host of ["http://127.0.0.1:8080", "http://localhost:8080", "https://[::1]"]) {
        const sandbox = yield* Sandbox.make()
        const env = { ...live, BILLWERK_BASE_URL: host }
        const { err } = yield* payout(["create", ...flags(), "--live"], { sandbox, env })
        const line = `LIVE: the key goes to ${host} on this machine: real money, unless a simulated provider runs there`
        assert.deepStrictEqual(err, [line])
      }
    })
  )

  it.effect("says of --policy none what it does: one create, and a lookup if it is unclear", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.always(Script.dropBeforeCommit)
      yield* payout(["create", ...flags(), "--policy", "none", "--live"], { sandbox, env: live })
      const kinds = (yield* sandbox.exchanges).map(({ kind }) => kind)
      assert.deepStrictEqual(kinds, ["Create", "Lookup"])
      assert.match(Help.call.policy, /none: one create, and a lookup if it is unclear/)
    })
  )

  it.effect("shows what an error says to do next", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ testAmounts: true })
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
      const sandbox = yield* Sandbox.make({ testAmounts: true })
      yield* payout(["create", ...flags({ amount: 1001 }), "--policy", "none", "--live"], { sandbox, env: live })
      const { out } = yield* payout(["get", "--handle", "prize-1", "--live"], { sandbox, env: live })
      assert.deepStrictEqual(out, [
        "failed prize-1, 1001 minor units of DKK",
        "created 1970-01-01T00:00:00Z, failed 1970-01-01T00:00:00Z, customer customer-79723d1dd9b1a2b7",
        "transaction                       created               state   reason",
        "a0000000000000000000000000000001  1970-01-01T00:00:00Z  failed  processing_error, acquirer_communication_error",
        "record    shows 0 to 1001 minor units that have moved or may have",
        "          It does not show a create that is still under way: recover tells what became of a payout."
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
      const { rows: _, ...batchOptions } = Help.batch
      for (const name of [
        Help.request,
        Help.list,
        Help.reconcile,
        Help.call,
        Help.evidence,
        Help.durable,
        Help.sandbox,
        batchOptions
      ].flatMap((options) => Object.keys(options))) {
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

  const records: ReadonlyArray<readonly [what: string, outcome: Acquirer.Outcome]> = [
    ["a paid payout", Acquirer.paid],
    ["one that is processing", Acquirer.processing()],
    ["one that was declined", Acquirer.hardDeclined()],
    ["one with a processing error", Acquirer.processingError()]
  ]
  for (const [what, outcome] of records) {
    it.effect(`get ends with 8 on ${what}: a look at the record is no end of a payout`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make({ outcome })
        yield* payout(["create", ...flags(), "--policy", "none", "--live"], { sandbox, env: live })
        const ran = yield* payout(["get", "--handle", "prize-1", "--live"], { sandbox, env: live })
        assert.strictEqual(ran.code, 8)
      })
    )
  }

  it.effect("get does not say that no money has moved while a create is under way that the record does not show", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.executeLater("1 hour"), Script.hardDeclined())
      const first = yield* payout(["create", ...flags(), "--live"], { sandbox, env: live })
      const look = yield* payout(["get", "--handle", "prize-1", "--live"], { sandbox, env: live })
      assert.deepStrictEqual([first.code, look.code], [5, 8])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* moved(sandbox), 12_500)
    })
  )

  it.effect("get tells apart that there is no payout (6) and that nobody answered (7)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const get = ["get", "--handle", "prize-1", "--policy", "none", "--live"]
      assert.strictEqual((yield* payout(get, { sandbox, env: live })).code, 6)
      yield* sandbox.script(Script.apiError({ status: 500, code: 2 }))
      assert.strictEqual((yield* payout(get, { sandbox, env: live })).code, 7)
    })
  )

  const simulated: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number]> = [
    [["create", ...flags()], 10],
    [["create", ...flags({ amount: 3001 })], 10],
    [["create", ...flags({ amount: 3001 }), "--test-amounts"], 14],
    [["create", ...flags({ amount: 1001 }), "--test-amounts", "--policy", "none"], 15],
    [["recover", ...flags()], 10],
    [["get", "--handle", "prize-1"], 16]
  ]
  for (const [args, code] of simulated) {
    it.live(`${args.join(" ")} ends with ${code} in the sandbox, which is no code of a real call`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* payout(args)).code, code)
      })
    )
  }

  for (const args of [
    ["create", ...flags()],
    ["recover", ...flags()],
    ["get", "--handle", "prize-1"]
  ]) {
    it.effect(`${args[0]} asks for --live or --sandbox where there is a key`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const line =
          "BILLWERK_API_KEY is set: give --live to use it for real money, or --sandbox to simulate; nothing was sent"
        assert.deepStrictEqual(yield* payout(args, { sandbox, env: live }), {
          code: 2,
          out: [],
          err: [`payout: ${line}`]
        })
        const both = yield* payout([...args, "--live", "--sandbox"], { sandbox, env: live })
        assert.deepStrictEqual(both.err, ["payout: --live and --sandbox exclude each other; nothing was sent"])
        assert.deepStrictEqual(yield* sandbox.exchanges, [])
      })
    )
  }

  it.live("a key and --sandbox is the sandbox", () =>
    Effect.gen(function* () {
      const { code, err } = yield* payout(["create", ...flags(), "--sandbox"], { env: live })
      assert.deepStrictEqual([code, err], [10, [sandboxLine]])
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
    [
      [],
      "name a command: demo, create, recover, await, batch, get, list, reconcile, durable, doctor, probe, sandbox or policy (see --help)"
    ],
    [
      ["pay"],
      "Invalid subcommand for payout - use one of 'demo', 'create', 'recover', 'await', 'batch', 'get', 'list', 'reconcile', 'durable', 'doctor', 'probe', 'sandbox', 'policy' (see --help)"
    ],
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
    [["get"], "--handle missing (see --help)"],
    [["list"], "--from, --to missing (see --help)"],
    [["create", ...flags(), "--lvie"], "Received unknown argument: '--lvie' (see --help)"],
    [["create", ...flags(), "--amount", "1"], "--amount is given more than once (see --help)"],
    [["create", ...flags(), "--amount=1"], "--amount is given more than once (see --help)"],
    [["create", ...flags().slice(2), "--handle="], "--handle= has no value (see --help)"],
    [["create", ...flags(), "--lvie", "--lvie"], "Received unknown argument: '--lvie' (see --help)"],
    [["durable", "bogus"], "name a command: durable list, show, wake, retry or assess (see --help)"],
    [["create", ...flags(), "extra"], "Received unknown argument: 'extra' (see --help)"],
    [
      ["create", ...flags(), "--policy", "often"],
      "Expected one of the following cases: standard, interactive, none (see --help)"
    ],
    [
      ["recover", ...flags(), "--outstanding-creates", "-1"],
      "--outstanding-creates must be a whole number from 0 to 999999"
    ],
    ...["yesterday", "2026-01-31", "2026-01-31T23:59:00", "2026-13-01T00:00:00Z", "2999-01-01T00:00:00Z"].map(
      (time) =>
        [
          ["recover", ...flags(), "--last-sent-at", time],
          "--last-sent-at must be a time that has passed, such as 2026-01-31T23:59:00Z"
        ] as const
    ),
    [["recover", ...flags(), "--evidence", "nowhere.json"], "nowhere.json does not exist"],
    [
      ["create", ...flags(), "--evidence", "/nowhere/evidence.json"],
      "/nowhere/evidence.json cannot be written (NotFound), and nothing is sent before it is; or choose --evidence"
    ],
    [
      ["create", ...flags(), "--evidence", "ct_0123456789abcdef"],
      "--evidence must be the name of a file, and no card token or key"
    ],
    [
      ["create", ...flags(), "--file", "-"],
      "--file holds the whole request: leave --handle, --destination, --amount, --currency out"
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
        const ran = yield* payout(/^(create|recover|get)$/.test(args[0] ?? "") ? [...args, "--live"] : args, {
          sandbox,
          env: live,
          stdin
        })
        // It may have said already whom it would talk to.
        const said = ran.err.filter((one) => one !== liveLine)
        assert.deepStrictEqual({ ...ran, err: said }, { code: 2, out: [], err: [`payout: ${line}`] })
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

describe("an argument that no command takes", () => {
  const secrets = [
    "postgres://u:CANARY16@localhost/x",
    "postgres://u:CANARY 16@localhost/x",
    "postgres://u:CANARY'16@localhost/x",
    "u:CANARY16@localhost",
    "CANARY16.winner@example.com",
    "CANARY160123456789abcdef01234567",
    "--password=CANARY16",
    "--CANARY16CANARY16",
    "ct_CANARY16",
    "priv_CANARY16"
  ]
  for (const secret of secrets) {
    it.effect(`is not repeated if it may be a secret: ${secret}`, () =>
      Effect.gen(function* () {
        for (const args of [
          ["durable", "list", "--postgres", secret],
          ["durable", "list", secret],
          // The name of a file is shown; a database's URL is none.
          ...(secret.includes("://") ? [["durable", "list", "--sqlite", secret]] : []),
          ["create", ...flags(), secret],
          ["list", secret],
          ["sandbox", "--port", secret],
          [secret]
        ]) {
          const ran = yield* payout([...args, "--json"])
          assert.deepStrictEqual([ran.code, ran.err.length], [2, 1], args.join(" "))
          assert.notMatch([...ran.out, ...ran.err].join("\n"), /CANARY/, args.join(" "))
        }
      })
    )
  }

  it.effect("is named if it is a plain word, or by its name if it is an option", () =>
    Effect.gen(function* () {
      const said = (argument: string) => Effect.map(payout(["create", ...flags(), argument]), ({ err }) => err.join())
      assert.strictEqual(yield* said("prize-2"), "payout: Received unknown argument: 'prize-2' (see --help)")
      assert.strictEqual(yield* said("--reason=x1"), "payout: Received unknown argument: '--reason' (see --help)")
      assert.strictEqual(yield* said("a@b.example"), "payout: Received unknown argument: <redacted> (see --help)")
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

  it.effect("by an interruption, a payout may have moved money, and recover is what to do next", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.hangAfterCommit)
      const ran = yield* interrupted(["create", ...flags(), "--json"], sandbox)
      const message =
        "interrupted: it is unclear whether payout prize-1 was made. Run recover with the same request and --evidence " +
        "payout-prize-1.evidence.json, which asks the provider first; never pay again under another handle."
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
      const clock: Clock.Clock = Object.create(yield* Effect.clock, { sleep: { value: () => died } })
      const ran = yield* payout(["create", ...flags(), "--live"], { sandbox: broken, env: live }).pipe(
        Effect.withClock(clock)
      )
      assert.deepStrictEqual([ran.code, ran.out], [5, []])
      assert.deepStrictEqual(ran.err, [
        liveLine,
        "payout: stopped by a defect of this program: it is unclear whether payout prize-1 was made. Run recover " +
          "with the same request and --evidence payout-prize-1.evidence.json, which asks the provider first; never pay " +
          "again under another handle."
      ])
    })
  )
})
