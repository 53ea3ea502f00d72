/** `payout doctor`: what it finds, for each way in which an account can be set. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime } from "../disk.js"
import { live, payout } from "./support.js"

const agreement: Sandbox.Agreement = {
  provider: "nets",
  state: "active",
  payout: true,
  test: true,
  currencies: ["DKK", "EUR"]
}

const reference = "ca_canary0123456789"

type Row = readonly [
  says: string,
  options: Sandbox.Options,
  args: ReadonlyArray<string>,
  steps: ReadonlyArray<Script.Step>,
  code: number,
  findings: ReadonlyArray<string>
]

const account = "account Right: a test account, in DKK"
const zone = "time zone Right: Europe/Copenhagen"
const pays = "agreements Right: test pays out in DKK, EUR, NOK, SEK, USD"
const hooks = "webhooks Right: one URL, with https"
const method = ["--payment-method", reference]
const forbidden = Script.apiError({ status: 403, code: 7 })

const rows: ReadonlyArray<Row> = [
  ["an account that can pay out", {}, [], [], 0, [account, zone, pays, hooks]],
  [
    "a payment method that is active",
    {},
    method,
    [],
    0,
    [account, zone, pays, "payment method Right: active, a card", hooks]
  ],
  [
    "a payment method that is pending",
    { methods: { [reference]: "Pending" } },
    method,
    [],
    20,
    [account, zone, pays, "payment method Wrong: its state is pending, so a payout to it is refused", hooks]
  ],
  [
    "a payment method that does not exist",
    { methods: { [reference]: "NotFound" } },
    method,
    [],
    20,
    [account, zone, pays, "payment method Wrong: the account has no such payment method (HTTP 404)", hooks]
  ],
  [
    "a closed account",
    { accountState: "closed", agreements: [{ ...agreement, test: false }] },
    [],
    [],
    20,
    ["account Wrong: the account is closed", zone, "agreements Right: nets pays out in DKK, EUR", hooks]
  ],
  [
    "agreements of which none is for payouts",
    { agreements: [{ ...agreement, payout: false }] },
    [],
    [],
    20,
    [account, zone, "agreements Wrong: none of 1 card agreements is for payouts, so creates end with code 135", hooks]
  ],
  [
    "an agreement for payouts that is not active",
    { agreements: [{ ...agreement, state: "pending" }] },
    [],
    [],
    20,
    [account, zone, "agreements Wrong: not active: nets", hooks]
  ],
  [
    "a currency that no agreement for payouts has",
    { agreements: [agreement] },
    ["--currency", "SEK"],
    [],
    20,
    [account, zone, "agreements Wrong: no agreement that pays out has SEK, so creates end with code 139: nets", hooks]
  ],
  [
    "a test gateway beside a live one, on a live account",
    { accountState: "live", agreements: [agreement, { ...agreement, provider: "clearhaus", test: false }] },
    ["--currency", "EUR"],
    [],
    0,
    [
      "account Right: a live account, in DKK",
      zone,
      "agreements Note: not of the account's kind (test or live): nets",
      "agreements Right: clearhaus pays out in DKK, EUR",
      hooks
    ]
  ],
  [
    "a live gateway alone, on a test account",
    { agreements: [{ ...agreement, test: false }] },
    [],
    [],
    20,
    [account, zone, "agreements Wrong: not of the account's kind (test or live): nets", hooks]
  ],
  [
    "a time zone that this machine does not know",
    { timezone: "Mars/Olympus" },
    [],
    [],
    20,
    [account, "time zone Wrong: this machine does not know Mars/Olympus", pays, hooks]
  ],
  [
    "webhooks without a URL",
    { webhookSettings: { urls: [], disabled: false } },
    [],
    [],
    0,
    [account, zone, pays, "webhooks Note: no URL is set: awaitFinal polls, and no webhook for payouts is documented"]
  ],
  [
    "webhooks that are switched off",
    { webhookSettings: { urls: ["https://example.com"], disabled: true } },
    [],
    [],
    0,
    [
      account,
      zone,
      pays,
      "webhooks Note: webhooks are switched off: awaitFinal polls, and no webhook for payouts is documented"
    ]
  ],
  [
    "webhooks in the clear",
    { webhookSettings: { urls: ["https://example.com", "http://canary.example.com"], disabled: false } },
    [],
    [],
    20,
    [account, zone, pays, "webhooks Wrong: 1 of 2 URLs are not https"]
  ],
  [
    "a key that is refused",
    { apiKey: Redacted.make("priv_another") },
    [],
    [],
    20,
    ["account Wrong: the provider refuses the key (HTTP 401)"]
  ],
  [
    "a key that may not read agreements",
    {},
    [],
    [Script.normal, forbidden],
    7,
    [account, zone, "agreements NotAsked: the key may not read this (HTTP 403)", hooks]
  ],
  [
    "a provider that fails",
    {},
    [],
    [Script.normal, Script.normal, ...Array.from({ length: 9 }, () => Script.apiError({ status: 500, code: 2 }))],
    7,
    [account, zone, pays, "webhooks NotAsked: ServerError: HTTP 500, Internal error"]
  ]
]

interface Report {
  readonly exitCode: number
  readonly mode: string
  readonly findings: ReadonlyArray<Record<"about" | "is" | "says", string> & { readonly todo?: string }>
}

describe("payout doctor finds", () => {
  for (const [says, options, args, steps, code, findings] of rows) {
    it.effect(says, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make(options)
        yield* sandbox.script(...steps)
        const ran = yield* inVirtualTime(payout(["doctor", ...args, "--live", "--json"], { sandbox, env: live }))
        const report: Report = JSON.parse(ran.out.join("\n"))
        assert.deepStrictEqual(
          report.findings.map(({ about, is, says }) => `${about} ${is}: ${says}`),
          findings
        )
        assert.deepStrictEqual([ran.code, report.exitCode, report.mode], [code, code, "Live"])
        for (const { is, todo } of report.findings) {
          if (is === "Wrong" || is === "NotAsked") assert.isDefined(todo)
        }
        const kinds = new Set((yield* sandbox.exchanges).map(({ kind }) => kind))
        assert.deepStrictEqual([...kinds], ["Account"], "it only reads")
        for (const secret of [live.BILLWERK_API_KEY, "canary"])
          assert.notInclude([...ran.out, ...ran.err].join(), secret)
      })
    )
  }
})

describe("payout doctor", () => {
  it.effect("prints a table for people, with what to do", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ agreements: [] })
      const { code, out } = yield* payout(["doctor", "--live"], { sandbox, env: live })
      assert.deepStrictEqual(
        [code, ...out],
        [
          20,
          "about       is     what the provider says",
          "account     Right  a test account, in DKK",
          "time zone   Right  Europe/Copenhagen",
          "agreements  Wrong  none of 0 card agreements is for payouts, so creates end with code 135: have the provider",
          "                   enable payouts on an agreement whose acquirer supports them",
          "webhooks    Right  one URL, with https"
        ]
      )
    })
  )

  it.live("asks the sandbox without a key, with an exit code of its own", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* payout(["doctor"])).code, 10)
      assert.strictEqual((yield* payout(["doctor", "--currency", "ISK"])).code, 30)
    })
  )

  for (const args of [
    ["--payment-method", "ct_canary"],
    ["--payment-method", "4111111111111111"],
    ["--currency", "dkk"]
  ]) {
    it.effect(`refuses ${args.join(" ")}, and asks nothing`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const { code, err, out } = yield* payout(["doctor", "--live", ...args], { sandbox, env: live })
        assert.deepStrictEqual([code, out, yield* sandbox.exchanges], [2, [], []])
        for (const value of ["canary", "4111", "dkk"]) assert.notInclude(err.join(), value)
      })
    )
  }
})
