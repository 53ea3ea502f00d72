import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Redacted, Schedule } from "effect"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { readFileSync } from "node:fs"
import * as Http from "node:http"
import { RetryPolicy } from "effect-billwerk-payouts"
import { byName, faults } from "../../../src/sandbox/page/faults.js"
import { destination, requestOf } from "../../support.js"
import { ask, authorization, createOnce, fault, json, page, pageOf, payouts } from "./fixture.js"

const handle = "prize-2026-0042"

const row = Effect.map(json("/sandbox/ledger"), ({ rows }) =>
  rows.find((one: { handle: string }) => one.handle === handle)
)

const pay = Effect.flatMap(payouts(), (payouts) => Effect.either(payouts.create(requestOf())))

/** What the ledger's row says after one create, which met the fault. Amounts in units of the payout. */
const expected: Readonly<Record<string, readonly [state: string | undefined, moved: number, inDoubt: number]>> = {
  dropAfterCommit: ["paid", 1, 1],
  dropBeforeCommit: [undefined, 0, 0],
  executeLater: [undefined, 0, 1],
  hangAfterCommit: ["paid", 1, 1],
  truncated: ["paid", 1, 1],
  apiError500: [undefined, 0, 0],
  apiError500AfterCommit: ["paid", 1, 1],
  reply503: [undefined, 0, 0],
  apiError429: [undefined, 0, 0],
  htmlPage: ["paid", 1, 1],
  hardDeclined: ["failed", 0, 0],
  softDeclined: ["failed", 0, 0],
  processingError: ["failed", 0, 0],
  processingErrorMoved: ["failed", 1, 1],
  processingThenPaid: ["processing", 0, 1],
  processingThenDeclined: ["processing", 0, 1],
  processing: ["processing", 0, 1],
  laggingRead: ["paid", 1, 0],
  staleRead: ["paid", 1, 0]
}

describe("The sandbox's page, with a fault by its name", () => {
  for (const { name } of faults) {
    it.live(`shows the ledger's truth after ${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* fault(name)).status, 204)
        yield* createOnce({})
        const { inDoubt, moved, state } = yield* row
        const [stateThen, movedThen, inDoubtThen] = expected[name] ?? assert.fail(name)
        assert.deepStrictEqual([state, moved / 12_500, inDoubt / 12_500], [stateThen, movedThen, inDoubtThen])
      }).pipe(Effect.scoped, Effect.provide(page))
    )
  }

  it.live("lets the library pay once behind a lost answer, and shows how", () =>
    Effect.gen(function* () {
      yield* fault("dropAfterCommit")
      const service = yield* payouts(RetryPolicy.interactive)
      const { _tag, attempts } = yield* service.create(requestOf())
      assert.deepStrictEqual([_tag, attempts.length], ["Paid", 2])
      const { row, timeline } = yield* json(`/sandbox/payout?handle=${handle}`)
      assert.deepStrictEqual([row.moved, row.inDoubt, row.creates, row.lookups], [12_500, 0, 1, 1])
      assert.deepStrictEqual(
        timeline.map(({ lines, title }: { lines: ReadonlyArray<ReadonlyArray<string>>; title: string }) => [
          title,
          ...lines
        ]),
        [
          [
            "Create",
            ["Fault", "Carried out, then lost"],
            ["Provider", "Carried out: paid."],
            ["Answer", "None: the connection was closed."]
          ],
          ["Money moved"],
          ["Lookup", ["Provider", "Looked up: paid. Nothing changed."], ["Answer", "HTTP 200."]]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("shows what is still to come, for which handle and how often, and removes it", () =>
    Effect.gen(function* () {
      yield* fault("hardDeclined", { handle: "another", times: 3 })
      yield* fault("reply503")
      const { coming } = yield* json("/sandbox/ledger")
      assert.deepStrictEqual(coming, [
        { title: "hard_declined", handle: "another", left: 3 },
        { title: "503", left: 1 }
      ])
      assert.strictEqual((yield* ask("/sandbox/faults", { method: "DELETE" })).status, 204)
      assert.deepStrictEqual((yield* json("/sandbox/ledger")).coming, [])
      assert.strictEqual((yield* pay)._tag, "Right")
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("refuses what is no fault, and scripts nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const secret = "ct_0123456789abcdef"
      for (const body of [{ fault: secret }, { fault: "paid" }, {}, { fault: "reply503", times: 0 }, [secret]]) {
        const { status, text } = yield* ask("/sandbox/faults", { body })
        assert.strictEqual(status, 400)
        assert.notInclude(text, secret)
      }
      assert.strictEqual(yield* sandbox.scriptLeft, 0)
    }).pipe(Effect.provide(page))
  )

  it("has its own name for each, which docs/sandbox.md explains", () => {
    assert.strictEqual(byName.size, faults.length)
    const shown = readFileSync("docs/sandbox.md", "utf8")
    for (const { name } of faults) assert.include(shown, `\`${name}\``)
  })
})

describe("The sandbox's page", () => {
  it.live("settles a payout that is processing, and no other", () =>
    Effect.gen(function* () {
      yield* fault("processing")
      yield* pay
      assert.strictEqual((yield* ask("/sandbox/settle", { body: { handle, as: "paid" } })).status, 204)
      assert.deepInclude(yield* row, { state: "paid", moved: 12_500 })
      assert.strictEqual((yield* ask("/sandbox/settle", { body: { handle, as: "declined" } })).status, 409)
      assert.strictEqual((yield* ask("/sandbox/settle", { body: { handle, as: "lost" } })).status, 400)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("says so when money moved twice", () =>
    Effect.gen(function* () {
      yield* fault("processingErrorMoved")
      yield* pay
      const { create } = yield* payouts()
      yield* create(requestOf())
      assert.deepInclude(yield* row, { state: "paid", moved: 25_000, movements: 2, inDoubt: 12_500 })
      assert.deepStrictEqual((yield* json("/sandbox/ledger")).sums, [
        { currency: "DKK", onRecord: 12_500, moved: 25_000, inDoubt: 12_500 }
      ])
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("forgets everything when it is told to", () =>
    Effect.gen(function* () {
      yield* pay
      assert.strictEqual((yield* ask("/sandbox/reset", { body: {} })).status, 204)
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(Ledger.payouts(yield* sandbox.ledger), [])
      assert.deepStrictEqual((yield* json("/sandbox/ledger")).rows, [])
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("tells of a change as an event while it happens, and not again without one", () =>
    Effect.gen(function* () {
      const { port } = yield* SandboxServer.SandboxServer
      const events: Array<string> = []
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          Http.get({ port, path: "/sandbox/events", agent: false }, (response) => {
            assert.strictEqual(response.headers["content-type"], "text/event-stream")
            response.setEncoding("utf8").on("data", (chunk: string) => events.push(chunk))
          }).on("error", () => {})
        ),
        (request) => Effect.sync(() => request.destroy())
      )
      const count = (count: number) =>
        Effect.repeat(
          Effect.sync(() => events.length),
          { until: (length) => length >= count, schedule: Schedule.spaced("20 millis") }
        ).pipe(Effect.timeout("10 seconds"))
      yield* count(1)
      yield* pay
      yield* count(2)
      yield* Effect.sleep("1 second")
      assert.isAtMost(events.length, 3) // the exchange may be seen before its end
      assert.match(events.at(-1) ?? "", /^data: \{.*"handle":"prize-2026-0042","state":"paid".*\}\n\n$/)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("looks at the ledger for no page that has gone", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      let looks = 0
      const counting = { ...sandbox, ledger: Effect.tap(sandbox.ledger, () => void (looks += 1)) }
      const { port } = yield* Effect.provideService(SandboxServer.make({ page: {} }), Sandbox.Sandbox, counting)
      yield* Effect.async<void>((resume) => {
        const request = Http.get({ port, path: "/sandbox/events", agent: false }, (response) => {
          response.once("data", () => {
            request.destroy()
            resume(Effect.void)
          })
        }).on("error", () => {})
      })
      yield* Effect.sleep("600 millis")
      const then = looks
      assert.isAbove(then, 0)
      yield* Effect.sleep("1 second")
      assert.strictEqual(looks, then)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("leaves the provider as it is: the same answers as without a page", () =>
    Effect.gen(function* () {
      const paths = ["/v1/payout/nothing", "/v1/account", "/v2", "/v1/payout/%"]
      for (const path of paths) {
        const answer = yield* ask(path, { headers: { authorization: "Basic nobody" } })
        assert.deepStrictEqual([answer.status, JSON.parse(answer.text).code], [401, 6])
        assert.isUndefined(answer.headers["content-security-policy"])
      }
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* sandbox.exchanges).length, paths.length)
    }).pipe(Effect.provide(page))
  )
})

describe("The sandbox's page, in doubt", () => {
  const look = ask(`/v1/payout/${handle}`, { headers: { authorization } })

  it.live("counts a create that arrives after a later one was declined", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.executeLater("200 millis"), Script.hardDeclined())
      yield* createOnce({})
      yield* createOnce({})
      assert.deepInclude(yield* row, { state: "failed", moved: 0, inDoubt: 12_500 })
      yield* Effect.sleep("250 millis")
      assert.deepInclude(yield* row, {
        state: "paid",
        moved: 12_500,
        inDoubt: 12_500,
        doubts: ["Carried out, and the answer was lost."]
      })
      yield* look
      assert.deepInclude(yield* row, { moved: 12_500, inDoubt: 0, doubts: [] })
    }).pipe(Effect.provide(page))
  )

  it.live("counts what was settled as paid, until an answer says so", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* fault("processing")
      yield* createOnce({})
      yield* look
      yield* sandbox.settle(handle, Acquirer.paid)
      assert.deepInclude(yield* row, { inDoubt: 12_500, doubts: ["Paid later, and no answer has said so yet."] })
      // Refused, since it is paid: that tells it as well.
      yield* createOnce({})
      assert.deepInclude(yield* row, { inDoubt: 0 })
    }).pipe(Effect.provide(page))
  )

  it.live("counts what no remembered answer told, and not what a forgotten one did", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* fault("dropAfterCommit")
      yield* createOnce({})
      yield* createOnce({ handle: "told" })
      yield* sandbox.script(Script.executeLater("1 hour"))
      yield* createOnce({ handle: "on its way" })
      const { exchangesBegan, toldPaid } = yield* sandbox.state
      assert.deepStrictEqual([exchangesBegan, toldPaid], [3, []])
      for (let count = 0; count < 4; count++) yield* ask("/v1/payout/p-1", { headers: { authorization } })
      const rows: ReadonlyArray<Record<string, unknown>> = (yield* json("/sandbox/ledger")).rows
      // The order is that of their latest exchanges, which may have ended in the same millisecond.
      assert.deepStrictEqual(
        Object.fromEntries(rows.map(({ doubts, handle, inDoubt }) => [handle, [inDoubt, doubts]])),
        {
          "on its way": [12_500, ["A create is on its way, and is carried out when it arrives."]],
          told: [0, []],
          [handle]: [12_500, ["Carried out, and no answer that is remembered said so."]]
        }
      )
      // The same after a restart.
      const next = yield* Sandbox.make({ exchangesMax: 3 })
      yield* next.restore(yield* sandbox.state)
      assert.deepStrictEqual((yield* next.state).toldPaid, ["told"])
    }).pipe(Effect.provide(pageOf({}, { exchangesMax: 3 })))
  )
})

describe("The sandbox's page, of too much", () => {
  it.live("reads no body of more than a MiB, and remembers no handle longer than one can be", () =>
    Effect.gen(function* () {
      const long = "a".repeat(2 ** 21)
      // The server may close the connection before all of it was sent.
      const refused = yield* Effect.either(ask("/sandbox/faults", { body: { fault: "reply503", handle: long } }))
      assert.isTrue(refused._tag === "Left" || refused.right.status === 400)
      yield* createOnce({ handle: long })
      yield* createOnce({ handle: "b".repeat(100_000) })
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ handle }) => handle),
        ["b".repeat(256)]
      )
      assert.strictEqual(yield* sandbox.scriptLeft, 0)
    }).pipe(Effect.provide(page))
  )
})

describe("The sandbox's page, to other web pages", () => {
  const body = { fault: "hardDeclined" }
  const other = "a page of another origin may not send requests here"

  for (const [what, path, asked, status, says] of [
    [
      "a script of another origin",
      "/sandbox/faults",
      { body, headers: { origin: "https://evil.example" } },
      403,
      other
    ],
    ["a sandboxed frame", "/sandbox/faults", { body, headers: { origin: "null" } }, 403, other],
    [
      "another port of this machine",
      "/sandbox/faults",
      { body, headers: { origin: "http://127.0.0.1:9" } },
      403,
      other
    ],
    [
      "a form, which cannot send JSON",
      "/sandbox/faults",
      { body, headers: { "content-type": "text/plain" } },
      415,
      "application/json"
    ],
    ["a form without an Origin", "/sandbox/reset", { method: "POST" }, 415, "application/json"],
    ["an image of another site", "/v1/payout/p-1", { headers: { "sec-fetch-site": "cross-site" } }, 403, other],
    ["another port, as its browser says", "/v1/payout/p-1", { headers: { "sec-fetch-site": "same-site" } }, 403, other],
    [
      "a frame of another site",
      "/",
      { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" } },
      403,
      other
    ],
    [
      "a name that was pointed here",
      "/sandbox/ledger",
      { headers: { host: "evil.example:8080" } },
      403,
      "evil.example is none of"
    ],
    ["the same, for the provider", "/v1/payout/p-1", { headers: { host: "evil.example" } }, 403, "--allow-host"],
    ["a name that only ends like ours", "/", { headers: { host: "localhost.evil.example" } }, 403, "none of"],
    ["a Host that is none", "/", { headers: { host: "a b" } }, 403, "none of"]
  ] as const) {
    it.live(`refuses ${what}, and the sandbox sees nothing`, () =>
      Effect.gen(function* () {
        const answer = yield* ask(path, asked)
        assert.strictEqual(answer.status, status)
        assert.include(JSON.parse(answer.text).error, says)
        assert.isUndefined(answer.headers["access-control-allow-origin"])
        const sandbox = yield* Sandbox.Sandbox
        assert.deepStrictEqual([yield* sandbox.scriptLeft, yield* sandbox.exchanges], [0, []])
      }).pipe(Effect.provide(page))
    )
  }

  it.live("answers its own page, a program, and a person who follows a link", () =>
    Effect.gen(function* () {
      const { port } = yield* SandboxServer.SandboxServer
      for (const name of ["127.0.0.1", "localhost", "app.localhost", "[::1]", "192.168.1.5"]) {
        const host = `${name}:${port}`
        const headers = { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" }
        assert.strictEqual((yield* ask("/sandbox/faults", { body, headers })).status, 204)
      }
      const followed = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }
      assert.strictEqual((yield* ask("/", { headers: followed })).status, 200)
      assert.strictEqual((yield* ask("/", { headers: { host: "Sandbox:1" } })).status, 200)
    }).pipe(Effect.provide(pageOf({ hosts: ["sandbox"] })))
  )

  it.live("takes a cross-site request of no other method than GET for a followed link", () =>
    Effect.gen(function* () {
      const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }
      assert.strictEqual((yield* ask("/sandbox/reset", { body: {}, headers })).status, 403)
    }).pipe(Effect.provide(page))
  )

  it.live("sends a strict policy with each of its answers, and keeps none in a cache", () =>
    Effect.gen(function* () {
      const paths = [
        "/",
        "/sandbox/page.css",
        "/sandbox/page.js",
        "/sandbox/icon.svg",
        "/favicon.ico",
        "/sandbox/settings"
      ]
      for (const path of [...paths, "/sandbox/faults", "/sandbox/ledger", "/sandbox/payout", "/sandbox/nothing"]) {
        const { headers } = yield* ask(path)
        assert.match(
          String(headers["content-security-policy"]),
          /^default-src 'none'; script-src 'self'; [^*]*frame-ancestors 'none'$/
        )
        assert.notInclude(String(headers["content-security-policy"]), "unsafe")
        assert.deepStrictEqual(
          ["x-content-type-options", "cache-control", "referrer-policy"].map((name) => headers[name]),
          ["nosniff", "no-store", "no-referrer"]
        )
      }
    }).pipe(Effect.provide(page))
  )
})

describe("The sandbox's page, of secrets", () => {
  it.live("shows no key, no card, no token, no customer and no text", () =>
    Effect.gen(function* () {
      const token = "ct_0123456789abcdef0123456789abcdef"
      const service = yield* payouts()
      const text = "for Ada Lovelace"
      yield* service.create(requestOf({ text }))
      yield* service.create(
        requestOf({ handle: "by-token", destination: Redacted.make(token), customer: { handle: "customer-ada" } })
      )
      // A mistake of the caller, which the provider takes for a handle.
      const key = Redacted.value(Sandbox.apiKey)
      for (const wrong of [token, key]) {
        yield* createOnce({ handle: wrong })
      }
      const sandbox = yield* Sandbox.Sandbox
      const [, byToken] = Ledger.payouts(yield* sandbox.ledger)
      const saved = Redacted.value(byToken?.transactions[0]?.card ?? assert.fail("no card"))
      const paths = ["/", "/sandbox/page.js", "/sandbox/ledger", "/sandbox/settings", "/sandbox/faults"]
      for (const path of [...paths, `/sandbox/payout?handle=${handle}`, "/sandbox/payout?handle=by-token"]) {
        const answer = yield* ask(path)
        assert.strictEqual(answer.status, 200)
        const all = JSON.stringify(answer)
        for (const secret of [key, authorization, token, saved, destination, text, "customer-ada"]) {
          assert.notInclude(all, secret, path)
        }
      }
      const { rows } = yield* json("/sandbox/ledger")
      assert.deepStrictEqual(rows.map(({ handle }: { handle: string }) => handle).sort(), [
        "<redacted>",
        "<redacted>",
        "by-token",
        handle
      ])
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("has no value in its HTML: a handle that is markup arrives as JSON alone", () =>
    Effect.gen(function* () {
      const before = yield* ask("/")
      const markup = `<script>alert(1)</script>`
      yield* createOnce({ handle: markup })
      const ledger = yield* ask("/sandbox/ledger")
      assert.deepStrictEqual(
        [ledger.headers["content-type"], JSON.parse(ledger.text).rows[0].handle],
        ["application/json", markup]
      )
      assert.strictEqual((yield* ask("/")).text, before.text)
    }).pipe(Effect.provide(page))
  )
})

describe("The sandbox's timeline", () => {
  it.live("shows a settlement and a late arrival at their own times", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* fault("processing")
      yield* pay
      yield* Effect.sleep("20 millis")
      yield* sandbox.settle(handle, Acquirer.hardDeclined())
      const { timeline } = yield* json(`/sandbox/payout?handle=${handle}`)
      assert.deepStrictEqual(
        timeline.map(({ title }: { title: string }) => title),
        ["Create", "Settled: failed"]
      )
      assert.deepStrictEqual(timeline[1].lines, [["Reason", "hard_declined, declined_by_acquirer"]])
      assert.isAtLeast(Date.parse(timeline[1].at) - Date.parse(timeline[0].at), 15)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("shows the webhooks of its payout", () =>
    Effect.gen(function* () {
      yield* pay
      const { timeline } = yield* json(`/sandbox/payout?handle=${handle}`)
      assert.deepStrictEqual(timeline.at(-1).lines, [["Answer", "HTTP 204."]])
      assert.strictEqual(timeline.at(-1).title, "Webhook payout_settled")
      assert.strictEqual(timeline.length, 3)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        pageOf({
          webhooks: {
            sent: Effect.map(DateTime.now, (when) => {
              const sent = { id: "d1", eventType: "payout_settled", kind: "Genuine", status: 204, when } as const
              return [
                { ...sent, handle },
                { ...sent, handle: "another" }
              ]
            })
          }
        })
      )
    )
  )
})
