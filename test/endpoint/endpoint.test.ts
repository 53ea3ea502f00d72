/** The recipe of docs/endpoint.md, over a real socket: validate, store, answer 202, pay behind it, report the state. */
import { FetchHttpClient, HttpApiBuilder, HttpClient, HttpClientRequest, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Option, Schedule } from "effect"
import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { createServer } from "node:http"
import { requestOf } from "../support.js"
import { ApiLive, type Order, Orders } from "../docs/endpoint.js"

const rows = (given: ReadonlyArray<Order> = []) => {
  const table = new Map<string, Order>(given.map((order) => [order.request.handle, order]))
  const orders: Orders["Type"] = {
    add: (order) =>
      Effect.sync(() => {
        const known = table.get(order.request.handle) ?? order
        table.set(order.request.handle, known)
        return known
      }),
    find: (handle) => Effect.sync(() => Option.fromNullable(table.get(handle))),
    keep: (evidence, state) =>
      Effect.sync(() => {
        const order = table.get(evidence.handle)
        if (order === undefined) return
        table.set(evidence.handle, { ...order, state: state ?? order.state, evidence: Option.some(evidence) })
      }),
    open: Effect.sync(() =>
      [...table.values()].filter(({ state }) => state.state !== "Paid" && state.state !== "NotPaid")
    )
  }
  return { table, orders }
}

const server = (orders: Orders["Type"], options: Sandbox.Options = {}) => over(orders, Sandbox.layerWith(options))

const over = <E>(orders: Orders["Type"], provider: Layer.Layer<BillwerkClient.BillwerkClient | Sandbox.Sandbox, E>) =>
  HttpApiBuilder.serve().pipe(
    Layer.provide(ApiLive),
    Layer.provide(Layer.succeed(Orders, orders)),
    Layer.provideMerge(provider),
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.merge(FetchHttpClient.layer)
  )

const url = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}` : ""
)

/** An order that waits, and the recipe without a socket. */
const open: Order = {
  request: requestOf({ handle: "prize-1", destination: "ca_1" }),
  state: { handle: "prize-1", state: "Accepted" },
  evidence: Option.none()
}
const cashierOf = (orders: Orders["Type"]) => Layer.provide(ApiLive, Layer.succeed(Orders, orders))

/** Status and body. */
const execute = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const client = (yield* HttpClient.HttpClient).pipe(HttpClient.mapRequest(HttpClientRequest.prependUrl(yield* url)))
    const response = yield* client.execute(request)
    return [response.status, yield* response.json] as const
  })

const post = (body: unknown) => execute(HttpClientRequest.post("/payouts").pipe(HttpClientRequest.bodyUnsafeJson(body)))
const get = (handle: string) => execute(HttpClientRequest.get(`/payouts/${handle}`))

/** Asks until the state is this one. */
const until = (handle: string, state: string) =>
  get(handle).pipe(
    Effect.filterOrFail(([, body]) => JSON.stringify(body).includes(`"state":"${state}"`)),
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.intersect(Schedule.recurs(200)))),
    Effect.map(([, body]) => body)
  )

const prize = { handle: "prize-1", destination: "ca_1", amount: 12_500, currency: "DKK" }

const moved = Effect.flatMap(Sandbox.Sandbox, ({ ledger }) =>
  Effect.map(ledger, (ledger) => Ledger.moved(ledger, prize.handle))
)
const creates = Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) =>
  Effect.map(exchanges, (all) => all.filter(({ kind }) => kind === "Create").length)
)

describe("The endpoint of the recipe", () => {
  it.live("answers 202 at once, pays behind it, and reports the state", () =>
    Effect.gen(function* () {
      const accepted = { handle: prize.handle, state: "Accepted" }
      assert.deepStrictEqual(yield* post(prize), [202, accepted])
      assert.deepStrictEqual(yield* until(prize.handle, "Paid"), { handle: prize.handle, state: "Paid" })
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(server(rows().orders, { latency: "100 millis" })), Effect.scoped)
  )

  it.live("pays once however often it is asked, and refuses other arguments under the handle", () =>
    Effect.gen(function* () {
      yield* Effect.all(
        Array.from({ length: 10 }, () => post(prize)),
        { concurrency: "unbounded" }
      )
      const [status] = yield* post({ ...prize, amount: 1 })
      assert.strictEqual(status, 409)
      yield* until(prize.handle, "Paid")
      assert.deepStrictEqual([yield* moved, yield* creates], [12_500, 1])
      assert.deepStrictEqual(yield* post(prize), [202, { handle: prize.handle, state: "Paid" }])
    }).pipe(Effect.provide(server(rows().orders, { latency: "50 millis" })), Effect.scoped)
  )

  it.live("names every wrong field in a 400, and shows no value", () =>
    Effect.gen(function* () {
      const [status, body] = yield* post({ ...prize, handle: "a canary", amount: 0, destination: "4111111111111111" })
      const text = JSON.stringify(body)
      assert.strictEqual(status, 400)
      for (const field of ["handle", "amount", "destination"]) assert.include(text, `"path":["${field}"]`)
      for (const value of ["canary", "4111"]) assert.notInclude(text, value)
      const [refused, why] = yield* post({ ...prize, destination: "ct_canary", customer: "c-1" })
      assert.strictEqual(refused, 400)
      assert.include(JSON.stringify(why), "give a saved payment method")
      assert.notInclude(JSON.stringify(why), "canary")
      assert.strictEqual((yield* get("prize-2"))[0], 404)
    }).pipe(Effect.provide(server(rows().orders)), Effect.scoped)
  )

  it.live("says of a decline that it is not paid, and of an asynchronous payout when it is", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hardDeclined().pipe(Script.forHandle("prize-2")))
      yield* post({ ...prize, handle: "prize-2" })
      const notPaid = { handle: "prize-2", state: "NotPaid", reason: "HardDeclined" }
      assert.deepStrictEqual(yield* until("prize-2", "NotPaid"), notPaid)
      yield* post(prize)
      yield* until(prize.handle, "Processing")
      yield* until(prize.handle, "Paid")
    }).pipe(
      Effect.provide(server(rows().orders, { outcome: Acquirer.processing({ after: "500 millis" }) })),
      Effect.scoped
    )
  )

  for (const [what, step, reason] of [
    ["without a connection", Script.connectionRefused, "CommunicationError"],
    ["over the limit", Script.apiError({ status: 429, code: 122 }), "RateLimited"],
    ["with a refused key", Script.apiError({ status: 401, code: 6 }), "RequestRejected"]
  ] as const) {
    it.effect(`keeps an order open ${what}, and pays it an hour later`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const { orders, table } = rows([open])
        yield* sandbox.always(step)
        yield* Effect.gen(function* () {
          yield* Sandbox.inVirtualTime(Effect.sleep("50 minutes"))
          assert.deepStrictEqual(table.get(prize.handle)?.state, { handle: prize.handle, state: "Accepted", reason })
          yield* sandbox.clear
          yield* Sandbox.inVirtualTime(Effect.sleep("1 hour"))
          assert.deepStrictEqual(table.get(prize.handle)?.state, { handle: prize.handle, state: "Paid" })
        }).pipe(Effect.provide(cashierOf(orders)))
        assert.strictEqual(yield* moved, 12_500)
      }).pipe(Effect.provide(Sandbox.layer))
    )
  }

  it.effect("keeps an order in doubt whose handle another payout has taken", () =>
    Effect.gen(function* () {
      const { orders, table } = rows([open])
      yield* Effect.flatMap(Payouts.Payouts, (payouts) =>
        payouts.create(requestOf({ ...prize, destination: "ca_2" }))
      ).pipe(Effect.provide(Payouts.layer))
      yield* Sandbox.inVirtualTime(Effect.sleep("1 minute")).pipe(Effect.provide(cashierOf(orders)))
      const state = { handle: prize.handle, state: "InDoubt", reason: "HandleConflict" } as const
      assert.deepStrictEqual(table.get(prize.handle)?.state, state)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.live("pays nothing of which it has said that it is not paid, although the pass read it before that", () => {
    const { orders, table } = rows()
    // The pass reads the order while it is new, and gets to it when it has ended.
    const added = Effect.runSync(Deferred.make<ReadonlyArray<Order>>())
    const isNew = () => table.get(prize.handle)?.state.state === "Accepted"
    const busy: Orders["Type"] = {
      ...orders,
      add: (order) => Effect.tap(orders.add(order), (one) => Deferred.succeed(added, [one])),
      open: Effect.zipLeft(
        Deferred.await(added),
        Effect.repeat(Effect.sync(isNew), { schedule: Schedule.spaced("10 millis"), while: (is) => is })
      )
    }
    return Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined().pipe(Script.onCreate))
      yield* post(prize)
      const notPaid = { handle: prize.handle, state: "NotPaid", reason: "SoftDeclined" }
      assert.deepStrictEqual(yield* until(prize.handle, "NotPaid"), notPaid)
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* get(prize.handle), [200, notPaid])
      assert.deepStrictEqual([yield* moved, yield* creates], [0, 1])
    }).pipe(Effect.provide(server(busy)), Effect.scoped)
  })

  it.live("goes on after a crash with what was stored, and pays nothing twice", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const provider = BillwerkClient.layer({ apiKey: Sandbox.apiKey, requestLimits: "None" }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, Sandbox.httpClient(sandbox))),
        Layer.merge(Layer.succeed(Sandbox.Sandbox, sandbox))
      )
      const request = requestOf(prize)
      const state = { handle: prize.handle, state: "Accepted" } as const
      const { orders, table } = rows([{ request, state, evidence: Option.none() }])
      // The provider pays, and the process is gone before the answer comes.
      yield* sandbox.script(Script.hangAfterCommit.pipe(Script.onCreate))
      yield* Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(request)).pipe(
        Effect.timeout("100 millis"),
        Effect.ignore,
        Effect.provide(
          Layer.provide(Payouts.layerWith({ beforeCreate: (evidence) => orders.keep(evidence) }), provider)
        )
      )
      assert.strictEqual(table.get(prize.handle)?.evidence._tag, "Some")
      yield* Effect.gen(function* () {
        yield* until(prize.handle, "Paid")
        assert.deepStrictEqual([yield* moved, yield* creates], [12_500, 1])
      }).pipe(Effect.provide(over(orders, provider)), Effect.scoped)
    })
  )
})
