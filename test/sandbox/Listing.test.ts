/** The provider's lists, a transaction's details and the account, as a bare client sees them. */
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, TestClock } from "effect"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as SandboxServer from "../../src/sandbox/SandboxServer.js"
import * as Script from "../../src/sandbox/Script.js"
import { content, create, get, gist, lookup, transactions } from "./fixture.js"

const noon = Date.UTC(2026, 9, 15, 12)

const past = (handle: string, created: string, more: Partial<Sandbox.PastPayout> = {}): Sandbox.PastPayout => ({
  handle,
  amount: 100,
  customer: "anna",
  ...more,
  transactions: [{ created: DateTime.unsafeMake(created), destination: "ca_1", outcome: Acquirer.paid }]
})

const minutes = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    past(`p-${index}`, DateTime.formatIso(DateTime.unsafeMake(noon - (count - index) * 60_000)))
  )

const provided = (options: Sandbox.Options = {}) => Effect.provide(Sandbox.layerHttpClientWith(options))

const list = (query = "") => get(`/v1/list/payout${query}`)

describe("GET /v1/list/payout", () => {
  it.effect("shows 20 payouts of the last month by default, newest first", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const answer = yield* list()
      assert.deepStrictEqual(content(answer).slice(0, 2), ["p-24", "p-23"])
      assert.deepStrictEqual(
        [answer.json["size"], answer.json["count"], answer.json["from"], answer.json["to"]],
        [20, 20, "2026-09-15T14:00:00.000", "2026-10-15T14:00:00.000"]
      )
      const next = yield* list(`?next_page_token=${String(answer.json["next_page_token"])}`)
      assert.deepStrictEqual(content(next), ["p-4", "p-3", "p-2", "p-1", "p-0"])
      assert.isFalse("next_page_token" in next.json)
    }).pipe(provided({ history: [past("old", "2026-09-15T11:59:59Z"), ...minutes(25)] }))
  )

  it.effect("shows older payouts of a customer, and with a window", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      assert.deepStrictEqual(content(yield* list()), [])
      assert.deepStrictEqual(content(yield* list("?customer=anna")), ["old"])
      assert.deepStrictEqual(content(yield* list("?from=2020-01-01")), ["old"])
    }).pipe(provided({ history: [past("old", "2024-09-15T11:59:59Z")] }))
  )

  it.effect("counts in the account's time zone, from inclusive and to exclusive", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      assert.deepStrictEqual(content(yield* list("?from=2026-10-01&to=2026-10-02")), ["last", "first"])
      assert.deepStrictEqual(content(yield* list("?from=2026-10-01T00:00:01&to=2026-10-02T00:00")), ["last"])
    }).pipe(
      provided({
        timezone: "America/New_York",
        history: [
          past("before", "2026-10-01T03:59:59.999Z"),
          past("first", "2026-10-01T04:00:00Z"),
          past("last", "2026-10-02T03:59:59.999Z"),
          past("after", "2026-10-02T04:00:00Z")
        ]
      })
    )
  )

  it.effect("refuses what makes no sense", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      for (const query of ["size=9", "size=101", "size=x", "from=yesterday", "to=2026-10-01T00:00:00Z", "amount=5"]) {
        assert.deepStrictEqual(gist(yield* list(`?${query}`)), [400, 1], query)
      }
      assert.deepStrictEqual(gist(yield* list("?next_page_token=nonsense")), [400, 1])
      assert.deepStrictEqual(gist(yield* list("?from=2026-10-02&to=2026-10-01")), [400, 23])
      assert.deepStrictEqual(gist(yield* get("/v1/list/payout", { key: "priv_wrong" })), [401, 6])
    }).pipe(provided())
  )

  it.effect("shows a payout again on the next page if the tokens are offsets and another one is created", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const first = yield* list("?size=10&to=2026-10-16")
      yield* create({ handle: "new" })
      const second = yield* list(`?size=10&to=2026-10-16&next_page_token=${String(first.json["next_page_token"])}`)
      assert.deepStrictEqual([content(first).at(-1), content(second)[0]], ["p-15", "p-15"])
    }).pipe(provided({ pageTokens: "Offset", history: minutes(25) }))
  )

  it.effect("obeys the script", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.onList(Script.status(502)), Script.onDetails(Script.status(503)))
      assert.strictEqual((yield* lookup()).status, 404)
      assert.strictEqual((yield* list()).status, 502)
      assert.strictEqual((yield* get("/v1/payout/p-1/transaction/a/details")).status, 503)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ handle, kind }) => [kind, handle]),
        [
          ["Lookup", "p-1"],
          ["List", undefined],
          ["Details", "p-1"]
        ]
      )
    }).pipe(provided())
  )

  it.live("gets the query on a socket, too", () =>
    Effect.gen(function* () {
      const { url } = yield* SandboxServer.SandboxServer
      const ofServer = (query: string) => Effect.map(get(`/v1/list/payout?${query}`, { url }), content)
      assert.deepStrictEqual(yield* ofServer("from=2026-10-01&to=2026-11-01&handle_prefix=p-"), ["p-1"])
      assert.deepStrictEqual(yield* ofServer("from=2026-10-01&to=2026-11-01&amount=%5B100%3B101)"), ["q-1", "p-1"])
      assert.deepStrictEqual(yield* ofServer("from=2026-10-03&to=2026-11-01&state=failed&state=paid"), ["q-1"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          SandboxServer.layer.pipe(
            Layer.provide(
              Sandbox.layerSandboxWith({
                history: [past("p-1", "2026-10-02T00:00:00Z"), past("q-1", "2026-10-03T00:00:00Z")]
              })
            )
          ),
          FetchHttpClient.layer
        )
      )
    )
  )
})

describe("GET /v1/payout/{handle}/transaction/{transaction}/details", () => {
  it.effect("shows a map for a transaction of the payout, and refuses others", () =>
    Effect.gen(function* () {
      const [transaction] = transactions(yield* create())
      const details = (handle: string, id: unknown) => get(`/v1/payout/${handle}/transaction/${String(id)}/details`)
      const answer = yield* details("p-1", transaction?.["id"])
      assert.deepStrictEqual([answer.status, answer.json["transaction_id"]], [200, transaction?.["id"]])
      assert.deepStrictEqual(gist(yield* details("p-1", "other")), [404, 70])
      assert.deepStrictEqual(gist(yield* details("p-2", transaction?.["id"])), [404, 137])
    }).pipe(provided())
  )
})

describe("GET /v1/account", () => {
  it.effect("shows a test account with its currency and time zone", () =>
    Effect.gen(function* () {
      const { json, status } = yield* get("/v1/account")
      assert.deepStrictEqual(
        [status, json["currency"], json["timezone"], json["state"]],
        [200, "EUR", "Europe/Copenhagen", "test"]
      )
    }).pipe(provided({ currency: "EUR" }))
  )
})
