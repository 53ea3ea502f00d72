import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Queue, Redacted, Schedule, TestClock, TestServices } from "effect"
import * as Http from "node:http"
import { inspect } from "node:util"
import * as Hints from "../../src/webhook/Hints.js"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as SandboxWebhooks from "../../src/sandbox/SandboxWebhooks.js"
import * as Script from "../../src/sandbox/Script.js"
import * as WebhookScript from "../../src/sandbox/WebhookScript.js"
import * as Webhook from "../../src/webhook/Webhook.js"
import * as WebhookHandler from "../../src/webhook/WebhookHandler.js"
import { create as createOverHttp, gist, handle, type Json, lookup } from "./fixture.js"
import { everything } from "../everything.js"

const secret = Redacted.make("webhook-secret")

/** Whoever receives: what came, and what it is answered, one after the other and then always the last. */
const receiver = (...answers: ReadonlyArray<number | Effect.Effect<number>>) => {
  const received: Array<{ readonly body: string; readonly at: number }> = []
  const receive: SandboxWebhooks.Receiver = (body) =>
    Effect.flatMap(TestClock.currentTimeMillis, (at) => {
      const answer = answers[Math.min(received.length, answers.length - 1)] ?? 200
      received.push({ body, at })
      return typeof answer === "number" ? Effect.succeed(answer) : answer
    })
  return { received, receive, json: () => received.map(({ body }): Json => JSON.parse(body)) }
}

const live = <E>(receive: SandboxWebhooks.Receiver<E>, options: Sandbox.Options = {}) =>
  SandboxWebhooks.layer({ secret, receiver: receive }).pipe(Layer.provideMerge(Sandbox.layerHttpClientWith(options)))

const create = (changes: Json = {}) => createOverHttp({ customer_handle: "c-1", ...changes })

const webhooks = SandboxWebhooks.SandboxWebhooks

const script = (...steps: ReadonlyArray<WebhookScript.Step>) =>
  Effect.flatMap(webhooks, (webhooks) => webhooks.script(...steps))

const sent = (count: number) => Effect.flatMap(webhooks, (webhooks) => webhooks.awaitSent(count))

const summary = (count: number) =>
  Effect.map(sent(count), (all) =>
    all.map(({ handle, kind, status, when }) => [handle, kind, when.epochMillis, status])
  )

/** Lets everything happen that needs no time but the machine's own. */
const settled = TestServices.provideLive(Effect.sleep("20 millis"))

const minutes = (count: number) => Duration.toMillis(Duration.minutes(count))

describe("A payout that ends", () => {
  it.effect("is told of, signed, in the provider's words", () => {
    const { json, receive, received } = receiver()
    return Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      yield* create()
      assert.deepStrictEqual(yield* summary(1), [[handle, "Genuine", 1_000, 200]])
      const [body] = json()
      const id = "d0000000000000000000000000000001"
      const timestamp = "1970-01-01T00:00:01.000Z"
      assert.deepStrictEqual(body, {
        id,
        timestamp,
        signature: yield* Webhook.sign({ id, timestamp, secret }),
        event_id: "e0000000000000000000000000000001",
        event_type: "payout_settled",
        payout: handle,
        customer: "c-1",
        transaction: "a0000000000000000000000000000001"
      })
      const hint = yield* Webhook.verify(received[0]?.body ?? "", { secrets: [secret] })
      assert.deepStrictEqual(hint.references, [handle, "c-1", "a0000000000000000000000000000001"])
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is told of at the moment when it is settled, although nobody looks", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create()), [200, "processing"])
      yield* TestClock.adjust("59 minutes")
      yield* settled
      assert.deepStrictEqual(json(), [])
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(yield* summary(1), [[handle, "Genuine", minutes(60), 200]])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
      assert.deepStrictEqual(json()[0]?.["event_type"], "payout_settled")
    }).pipe(Effect.provide(live(receive, { outcome: Acquirer.processing({ after: "1 hour" }) })))
  })

  it.effect("is told of when it fails, at once or later, and when a test settles it", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(
        Script.hardDeclined(),
        Script.processing({ after: "1 minute", as: Acquirer.softDeclined() }),
        Script.processing()
      )
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      yield* create({ handle: "p-3" })
      yield* TestClock.adjust("1 minute")
      yield* sandbox.settle("p-3", Acquirer.paid)
      yield* sent(3)
      assert.deepStrictEqual(
        json().map((body) => [body["payout"], body["event_type"]]),
        [
          ["p-1", "payout_failed"],
          ["p-2", "payout_failed"],
          ["p-3", "payout_settled"]
        ]
      )
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is told of before its own answer, where that takes longer (91)", () => {
    const { receive, received } = receiver()
    return Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal.pipe(Script.delayAnswer("1 minute")))
      const fiber = yield* Effect.fork(create())
      yield* sent(1)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ ending }) => ending),
        ["Pending"]
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(gist(yield* fiber), [200, "paid"])
      assert.strictEqual(received.length, 1)
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is told of once: neither a repeat nor a lookup is an event", () => {
    const { receive, received } = receiver()
    return Effect.gen(function* () {
      yield* create()
      yield* create()
      yield* lookup()
      yield* sent(1)
      yield* TestClock.adjust("1 day")
      yield* settled
      assert.strictEqual(received.length, 1)
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is told of to nobody, and costs no fiber, unless somebody asked for it", () =>
    Effect.gen(function* () {
      yield* create()
      assert.strictEqual([...(yield* TestClock.sleeps())].length, 0)
    }).pipe(Effect.provide(Sandbox.layerHttpClientWith({ outcome: Acquirer.processing({ after: "1 hour" }) })))
  )

  it.effect("is told of no more when the scope has closed", () => {
    const { receive, received } = receiver()
    return Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* Effect.scoped(
        Effect.gen(function* () {
          const service = yield* SandboxWebhooks.make({ secret, receiver: receive })
          yield* service.script(WebhookScript.duplicate({ after: "1 hour" }), WebhookScript.delay("1 hour"))
          yield* create({ handle: "p-1" })
          yield* create({ handle: "p-2" })
          yield* service.awaitSent(1)
          yield* settled
        })
      )
      const queue = yield* Queue.unbounded<Sandbox.Change>()
      yield* Effect.scoped(sandbox.tell(queue))
      yield* create({ handle: "p-3" })
      assert.strictEqual(yield* queue.size, 0)
      yield* TestClock.adjust("1 day")
      yield* settled
      assert.strictEqual(received.length, 1)
      assert.isAbove((yield* sandbox.exchanges).length, 0)
    }).pipe(Effect.provide(Sandbox.layerHttpClient))
  })
})

describe("A payout of the history", () => {
  it.effect("is told of when it ends later, although nobody looks", () => {
    const { receive } = receiver()
    const outcome = Acquirer.processing({ after: "90 minutes" })
    const history: Sandbox.Options["history"] = [
      { handle, amount: 1, transactions: [{ created: { age: "1 hour" }, destination: "ca_1", outcome }] }
    ]
    return Effect.gen(function* () {
      const told = yield* Effect.fork(summary(1))
      yield* settled
      yield* TestClock.adjust("30 minutes")
      assert.deepStrictEqual(yield* told, [[handle, "Genuine", minutes(30), 200]])
    }).pipe(Effect.provide(live(receive, { history })))
  })
})

describe("A webhook's timestamp", () => {
  it.effect("is by the provider's clock, which may be ahead", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      yield* create()
      yield* sent(1)
      assert.strictEqual(json()[0]?.["timestamp"], "1970-01-01T00:10:00.000Z")
    }).pipe(Effect.provide(live(receive, { clockAhead: "10 minutes" })))
  })
})

describe("A webhook that is not answered with 2xx", () => {
  it.effect("comes again after 2, 5, 10, 20 and 30 minutes, then every hour for three days, and then no more", () => {
    const { json, receive, received } = receiver(500)
    return Effect.gen(function* () {
      yield* create()
      for (const wait of [2, 5, 10, 20, 30, ...Array.from({ length: 71 }, () => 60)]) {
        yield* settled
        yield* TestClock.adjust(Duration.minutes(wait))
      }
      yield* settled
      // Nothing is left to come.
      yield* TestClock.adjust("30 days")
      yield* settled
      const at = received.map(({ at }) => at / 60_000)
      assert.deepStrictEqual(at.slice(0, 8), [0, 2, 7, 17, 37, 67, 127, 187])
      assert.deepStrictEqual([at.length, at.at(-1)], [77, 67 + 71 * 60])
      // The same one: the same id, the same timestamp, the same signature.
      assert.strictEqual(new Set(received.map(({ body }) => body)).size, 1)
      assert.strictEqual(json()[0]?.["timestamp"], "1970-01-01T00:00:00.000Z")
    }).pipe(Effect.provide(live(receive)))
  })

  for (const [what, answer] of [
    ["a redirect", 302],
    ["a refusal", 401],
    ["no answer within 10 seconds", Effect.never],
    ["a lost connection", Effect.die("lost")]
  ] as const) {
    it.effect(`comes again after ${what}, until it is taken`, () => {
      const { receive, received } = receiver(answer, 204)
      return Effect.gen(function* () {
        yield* create()
        yield* settled
        yield* TestClock.adjust("10 seconds")
        const [first] = yield* sent(1)
        assert.strictEqual(first?.status, typeof answer === "number" ? answer : undefined)
        yield* settled
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(
          (yield* sent(2)).map(({ status }) => status),
          [first?.status, 204]
        )
        yield* TestClock.adjust("1 day")
        yield* settled
        assert.strictEqual(received.length, 2)
      }).pipe(Effect.provide(live(receive)))
    })
  }

  it.effect("holds back the later ones of its customer, and nobody else's", () => {
    const { json, receive } = receiver(500, 200)
    return Effect.gen(function* () {
      yield* create({ handle: "p-1" })
      yield* sent(1)
      yield* create({ handle: "p-2" })
      yield* create({ handle: "p-3", customer_handle: "c-2" })
      yield* create({ handle: "p-4" })
      yield* sent(2)
      yield* settled
      assert.deepStrictEqual(
        json().map((body) => body["payout"]),
        ["p-1", "p-3"]
      )
      yield* TestClock.adjust("2 minutes")
      yield* sent(5)
      assert.deepStrictEqual(
        json().map((body) => body["payout"]),
        ["p-1", "p-3", "p-1", "p-2", "p-4"]
      )
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is one of at most 10 requests at a time", () => {
    let open = 0
    let most = 0
    const gate = Deferred.unsafeMake<void>(Effect.runSync(Effect.fiberId))
    const receive = () =>
      Effect.suspend(() => {
        open += 1
        most = Math.max(most, open)
        return Effect.as(Deferred.await(gate), 200)
      }).pipe(Effect.ensuring(Effect.sync(() => (open -= 1))))
    return Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 25 }, (_, index) => index),
        (index) => create({ handle: `p-${index}`, customer_handle: `c-${index}` })
      )
      yield* Effect.repeat(settled, { until: () => open === 10, schedule: Schedule.recurs(100) })
      yield* settled
      assert.deepStrictEqual([open, most], [10, 10])
      yield* Deferred.succeed(gate, undefined)
      yield* sent(25)
      assert.deepStrictEqual([open, most], [0, 10])
    }).pipe(Effect.provide(live(receive)))
  })
})

describe("The script", () => {
  const verified = (body: string | undefined) =>
    Effect.match(Webhook.verify(body ?? "", { secrets: [secret] }), {
      onFailure: ({ reason }): string => reason,
      onSuccess: ({ references }) => references.join()
    })

  it.effect("delays a webhook, and those of its customer behind it", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      yield* script(WebhookScript.delay("1 hour"))
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      yield* settled
      assert.deepStrictEqual(json(), [])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* summary(2), [
        ["p-1", "Genuine", minutes(60), 200],
        ["p-2", "Genuine", minutes(60), 200]
      ])
      // It was made when it was sent.
      assert.deepStrictEqual(json()[0]?.["timestamp"], "1970-01-01T01:00:00.000Z")
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("lets a later one overtake (93)", () => {
    const { receive } = receiver()
    return Effect.gen(function* () {
      yield* script(WebhookScript.delay("1 hour").pipe(WebhookScript.and(WebhookScript.unordered)))
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      assert.deepStrictEqual(yield* summary(1), [["p-2", "Genuine", 0, 200]])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual((yield* summary(2))[1], ["p-1", "Genuine", minutes(60), 200])
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("loses one for ever (97)", () => {
    const { receive } = receiver()
    return Effect.gen(function* () {
      yield* script(WebhookScript.lost.pipe(WebhookScript.times(2)))
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      yield* create({ handle: "p-3" })
      assert.deepStrictEqual(yield* summary(1), [["p-3", "Genuine", 0, 200]])
      yield* TestClock.adjust("3 days")
      yield* settled
      assert.strictEqual((yield* sent(1)).length, 1)
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("sends one again, as it was, at once or later (92)", () => {
    const { receive, received } = receiver()
    return Effect.gen(function* () {
      yield* script(WebhookScript.duplicate({ times: 2 }), WebhookScript.duplicate({ after: "1 hour" }))
      yield* create({ handle: "p-1" })
      assert.deepStrictEqual(
        (yield* summary(3)).map(([, kind]) => kind),
        ["Genuine", "Copy", "Copy"]
      )
      yield* create({ handle: "p-2" })
      yield* sent(4)
      yield* settled
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual((yield* summary(5))[4], ["p-2", "Copy", minutes(60), 200])
      assert.strictEqual(new Set(received.map(({ body }) => body)).size, 2)
      assert.strictEqual(yield* verified(received[4]?.body), "Stale")
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("has somebody forge one, before the true one or instead of it (94)", () => {
    const { json, receive, received } = receiver(401, 200)
    return Effect.gen(function* () {
      yield* script(WebhookScript.forged, WebhookScript.forged.pipe(WebhookScript.and(WebhookScript.lost)))
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      assert.deepStrictEqual(yield* summary(3), [
        ["p-1", "Forged", 0, 401],
        ["p-1", "Genuine", 0, 200],
        ["p-2", "Forged", 0, 200]
      ])
      assert.deepStrictEqual(yield* Effect.forEach(received, ({ body }) => verified(body)), [
        "WrongSignature",
        "p-1,c-1,a0000000000000000000000000000001",
        "WrongSignature"
      ])
      // Nobody repeats a forgery for the forger.
      yield* TestClock.adjust("3 days")
      yield* settled
      assert.strictEqual(received.length, 3)
      assert.strictEqual(new Set(json().map((body) => body["id"])).size, 3)
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("alters what is not signed (95)", () => {
    const { json, receive, received } = receiver()
    return Effect.gen(function* () {
      yield* script(WebhookScript.altered({ payout: "p-9", eventType: "invoice_settled" }))
      yield* create()
      yield* sent(1)
      assert.deepStrictEqual([json()[0]?.["payout"], json()[0]?.["event_type"]], ["p-9", "invoice_settled"])
      assert.strictEqual(yield* verified(received[0]?.body), "p-9,c-1,a0000000000000000000000000000001")
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("sets the timestamp back or ahead (96)", () => {
    const { receive, received } = receiver()
    return Effect.gen(function* () {
      yield* script(
        WebhookScript.stale("6 minutes"),
        WebhookScript.early("6 minutes"),
        WebhookScript.stale("5 minutes")
      )
      for (const handle of ["p-1", "p-2", "p-3"]) yield* create({ handle, customer_handle: handle })
      yield* sent(3)
      const found = yield* Effect.forEach(received, ({ body }) => verified(body))
      assert.deepStrictEqual(found.sort().slice(0, 2), ["Stale", "TooEarly"])
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is for whom it says, in its order, and then come the standing steps", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      const service = yield* webhooks
      yield* service.always(WebhookScript.altered({ invoice: "i-1" }))
      yield* service.script(
        WebhookScript.altered({ invoice: "i-2" }).pipe(WebhookScript.forHandle("p-2"), WebhookScript.times(2)),
        WebhookScript.normal
      )
      assert.strictEqual(yield* service.scriptLeft, 3)
      for (const handle of ["p-1", "p-2", "p-3"]) yield* create({ handle })
      yield* sent(3)
      assert.deepStrictEqual(
        json().map((body) => body["invoice"]),
        [undefined, "i-2", "i-1"]
      )
      assert.strictEqual(yield* service.scriptLeft, 1)
    }).pipe(Effect.provide(live(receive)))
  })

  it.effect("is for the webhooks of other events too (98)", () => {
    const { json, receive } = receiver()
    return Effect.gen(function* () {
      const { send } = yield* webhooks
      yield* script(WebhookScript.normal, WebhookScript.lost)
      yield* send({ eventType: "customer_created", customer: "c-1" })
      yield* send({ eventType: "customer_changed", customer: "c-1" })
      yield* send({ eventType: "customer_deleted", eventId: "e-1", customer: "c-1" })
      yield* sent(2)
      assert.deepStrictEqual(
        json().map((body) => [body["event_type"], body["event_id"], body["customer"]]),
        [
          ["customer_created", "e0000000000000000000000000000001", "c-1"],
          ["customer_deleted", "e-1", "c-1"]
        ]
      )
    }).pipe(Effect.provide(live(receive)))
  })
})

describe("The receiver", () => {
  const handlerLayer = Layer.unwrapEffect(
    Effect.map(WebhookHandler.make({ secrets: [secret] }), (handler) => live(SandboxWebhooks.toApp(handler)))
  ).pipe(Layer.provideMerge(Hints.layer))

  it.scoped("is a handler in memory, which is not blocked by what it refuses, and wakes who waits (92, 94, 98)", () =>
    Effect.gen(function* () {
      const hints = yield* Hints.Hints
      const queue = yield* hints.subscribe(["p-2"])
      const { send } = yield* webhooks
      yield* script(
        WebhookScript.forged,
        WebhookScript.stale("1 hour"),
        WebhookScript.normal,
        WebhookScript.duplicate()
      )
      yield* create({ handle: "p-1" })
      yield* create({ handle: "p-2" })
      yield* send({ eventType: "customer_changed", customer: "c-1" })
      yield* send({ eventType: "unheard_of", customer: "c-1", payout: "p-2" })
      const all = yield* sent(6)
      assert.deepStrictEqual(
        all.map(({ eventType, kind, status }) => [eventType, kind, status]),
        [
          ["payout_settled", "Forged", 401],
          ["payout_settled", "Genuine", 200],
          ["payout_settled", "Genuine", 200],
          ["customer_changed", "Genuine", 200],
          ["unheard_of", "Genuine", 200],
          ["unheard_of", "Copy", 200]
        ]
      )
      assert.strictEqual((yield* queue.take).eventType, "unheard_of")
      assert.strictEqual(yield* queue.size, 0)
    }).pipe(Effect.provide(handlerLayer))
  )

  it.scopedLive("is a URL, over a real socket", () =>
    Effect.gen(function* () {
      const bodies: Array<string> = []
      const traces: Array<string | undefined> = []
      const app = Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        traces.push(request.headers["traceparent"], request.headers["content-type"])
        bodies.push(yield* request.text)
        // The second time it is a redirect, which would bring it here again.
        return HttpServerResponse.empty(
          bodies.length === 1 ? { status: 202 } : { status: 307, headers: { location: "/again" } }
        )
      })
      const server = yield* NodeHttpServer.make(() => Http.createServer(), { host: "127.0.0.1", port: 0 })
      yield* server.serve(Effect.orDie(app))
      assert(server.address._tag === "TcpAddress")
      const receive = SandboxWebhooks.toUrl(`http://127.0.0.1:${server.address.port}/`)
      const service = yield* SandboxWebhooks.make({ secret, receiver: receive })
      yield* create()
      yield* service.send({ customer: "c-1" })
      assert.deepStrictEqual(
        (yield* service.awaitSent(2)).map(({ handle, status }) => [handle, status]),
        [
          [handle, 202],
          [undefined, 307]
        ]
      )
      assert.strictEqual(bodies.length, 2)
      const hint = yield* Webhook.verify(bodies[0] ?? "", { secrets: [secret] })
      assert.strictEqual(hint.references[0], handle)
      assert.deepStrictEqual(traces.slice(0, 2), [undefined, "application/json"])
    }).pipe(Effect.provide(Sandbox.layerHttpClient))
  )

  it.effect("is the only one who is told the signature: nothing else shows a secret", () => {
    const { receive } = receiver()
    return Effect.gen(function* () {
      yield* create()
      const service = yield* webhooks
      const shown = [yield* service.sent, yield* sent(1), service, SandboxWebhooks.layer({ secret, receiver: receive })]
      for (const one of shown) {
        const text = inspect(one, everything)
        assert.notInclude(text, "webhook-secret")
        assert.notMatch(text, /[0-9a-f]{64}/)
      }
    }).pipe(Effect.provide(live(receive)))
  })
})
