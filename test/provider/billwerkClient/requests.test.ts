import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schedule } from "effect"
import { type BillwerkConfig } from "effect-billwerk-payouts"
import { requestOf } from "../../support.js"
import { request, body, clientOf } from "./fixture.js"

describe("The account of a client", () => {
  it.effect("is the same for the same key and address, and does not show the key", () =>
    Effect.gen(function* () {
      const account = (options: Partial<BillwerkConfig.Options> = {}) =>
        Effect.map(
          clientOf(() => Effect.never, options),
          (client) => client.account
        )
      const [one, same] = [yield* account(), yield* account()]
      const others = [
        yield* account({ apiKey: Redacted.make("priv_another_00000000000000000000") }),
        yield* account({ baseUrl: "https://example.com" })
      ]
      assert.match(one ?? "", /^[0-9a-f]{16}$/)
      assert.strictEqual(same, one)
      assert.strictEqual(new Set([one, ...others]).size, 3)
    })
  )
})

describe("A create", () => {
  it.effect("is written once, and sends the same bytes however often it is run", () =>
    Effect.gen(function* () {
      const sent: Array<unknown> = []
      const client = yield* clientOf((request) => {
        sent.push([request.method, request.url, { ...request.headers }, request.body.toJSON(), request.body])
        return Effect.sync(() => new Response("", { status: 500 }))
      })
      const create = client.create(request)
      yield* Effect.repeat(create, Schedule.recurs(2))
      assert.strictEqual(sent.length, 3)
      assert.deepStrictEqual(sent[1], sent[0])
      assert.deepStrictEqual(sent[2], sent[0])
      const [method, url, headers] = Array.isArray(sent[0]) ? sent[0] : []
      assert.deepStrictEqual(
        [method, url, headers],
        [
          "POST",
          "https://api.frisbii.com/v1/payout",
          {
            authorization: "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo=",
            accept: "application/json",
            "accept-encoding": "identity",
            "user-agent": "effect-billwerk-payouts/0.1.0",
            "content-type": "application/json",
            "content-length": "112"
          }
        ]
      )
    })
  )

  it.effect("sends nothing until it is run", () =>
    Effect.gen(function* () {
      let sent = 0
      const client = yield* clientOf(() => {
        sent += 1
        return Effect.sync(() => new Response(body))
      })
      const create = client.create(request)
      assert.strictEqual(sent, 0)
      yield* create
      assert.strictEqual(sent, 1)
    })
  )
})

describe("A lookup", () => {
  it.effect("escapes the handle, whatever a handle may have in it", () =>
    Effect.gen(function* () {
      const urls: Array<string> = []
      const client = yield* clientOf((request) => {
        urls.push(`${request.method} ${request.url}`)
        return Effect.sync(() => new Response(body))
      })
      for (const handle of ["a@b_c.d-e", "...", "-"]) yield* client.lookup(requestOf({ handle }).handle)
      assert.deepStrictEqual(urls, [
        "GET https://api.frisbii.com/v1/payout/a%40b_c.d-e",
        "GET https://api.frisbii.com/v1/payout/...",
        "GET https://api.frisbii.com/v1/payout/-"
      ])
    })
  )
})
