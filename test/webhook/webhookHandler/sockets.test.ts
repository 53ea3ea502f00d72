import { HttpApp, HttpRouter, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Fiber, Layer, Schedule } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Payouts from "../../../src/Payouts.js"
import * as Acquirer from "../../../src/sandbox/Acquirer.js"
import * as Sandbox from "../../../src/sandbox/Sandbox.js"
import * as SandboxWebhooks from "../../../src/sandbox/SandboxWebhooks.js"
import { PayoutsWithHintsLive } from "../../docs/webhook.js"
import { requestOf } from "../../support.js"
import { secret, others, webhook, make, listening, withHints, silently } from "./fixture.js"

describe("Over a real socket", () => {
  interface Answer {
    readonly status: number | undefined
    readonly headers: Http.IncomingHttpHeaders
    readonly body: string
  }

  const send = (port: number, body: string, options: Http.RequestOptions = {}) =>
    Effect.async<Answer, Error>((resume) => {
      const request = Http.request(
        { host: "127.0.0.1", port, path: "/webhooks", method: "POST", agent: false, ...options },
        (response) => {
          let text = ""
          response.on("data", (chunk) => (text += chunk))
          response.on("end", () =>
            resume(Effect.succeed({ status: response.statusCode, headers: response.headers, body: text }))
          )
        }
      )
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end(body)
      return Effect.sync(() => request.destroy())
    })

  const server = <R>(app: HttpApp.Default<never, R>) =>
    Effect.gen(function* () {
      const node = Http.createServer()
      const server = yield* NodeHttpServer.make(() => node, { host: "127.0.0.1", port: 0 })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          node.closeAllConnections()
        })
      )
      const router = HttpRouter.empty.pipe(HttpRouter.post("/webhooks", app), HttpRouter.all("/all", app))
      yield* server.serve(Effect.orDie(router))
      assert(server.address._tag === "TcpAddress")
      return { port: server.address.port }
    })

  /** Everything that a raw connection is told until it is closed, and whether it was. */
  const raw = (port: number, write: (socket: Net.Socket) => void) =>
    Effect.async<string>((resume) => {
      const socket = Net.connect(port, "127.0.0.1", () => write(socket))
      let text = ""
      socket.on("data", (chunk) => (text += chunk))
      socket.on("error", () => resume(Effect.succeed(text)))
      socket.on("close", () => resume(Effect.succeed(text)))
      return Effect.sync(() => socket.destroy())
    })

  it.scopedLive("webhooks are taken, and everything else is refused", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const heard = yield* listening
      const { port } = yield* server(app)
      const body = yield* webhook()
      const taken = yield* send(port, body)
      assert.deepStrictEqual([taken.status, taken.body], [200, ""])
      assert.deepStrictEqual(yield* heard, ["w-1"])
      assert.strictEqual((yield* send(port, body)).status, 200)
      assert.strictEqual((yield* send(port, yield* webhook({}, others))).status, 401)
      assert.strictEqual((yield* send(port, "C4n4ry")).status, 400)
      assert.strictEqual((yield* send(port, "", { path: "/all", method: "GET" })).status, 405)
      assert.deepStrictEqual(yield* heard, ["w-1"])
    }).pipe(withHints, silently)
  )

  it.scopedLive("what is too large is told so, and its connection is closed (99)", () =>
    Effect.gen(function* () {
      const { port } = yield* server(yield* make())
      const head = "POST /webhooks HTTP/1.1\r\nhost: localhost\r\n"
      const declared = yield* raw(port, (socket) => socket.write(`${head}content-length: 1000000\r\n\r\n{`))
      assert.match(declared, /^HTTP\/1\.1 413 [^]*connection: close/i)
      const chunk = `1000\r\n${" ".repeat(4096)}\r\n`
      const chunked = yield* raw(port, (socket) => {
        socket.write(`${head}transfer-encoding: chunked\r\n\r\n`)
        // Just too much, and then no end.
        for (let index = 0; index <= 16; index++) socket.write(chunk)
      })
      assert.match(chunked, /^HTTP\/1\.1 413 [^]*connection: close/i)
    }).pipe(withHints, silently)
  )

  it.scopedLive("what does not come is told so, and its connection is closed (99)", () =>
    Effect.gen(function* () {
      const { port } = yield* server(yield* make())
      const slow = yield* raw(port, (socket) =>
        socket.write("POST /webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
      )
      assert.match(slow, /^HTTP\/1\.1 408 [^]*connection: close/i)
    }).pipe(withHints, silently)
  )

  it.scopedLive(
    "bodies that do not come keep no genuine webhook out, and are ended when there are too many (D12)",
    () =>
      Effect.gen(function* () {
        const { port } = yield* server(yield* make({ concurrency: 2 }))
        const half = "POST /webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
        const slow = Array.from({ length: 300 }, () => raw(port, (socket) => socket.write(half)))
        const flood = yield* Effect.fork(Effect.all(slow, { concurrency: "unbounded" }))
        yield* Effect.sleep("300 millis")
        for (let turn = 0; turn < 20; turn++) {
          assert.strictEqual((yield* send(port, yield* webhook({ id: `w-${turn}` }))).status, 200)
        }
        const told = yield* Fiber.join(flood)
        for (const text of told) assert.match(text, /^HTTP\/1\.1 408 [^]*connection: close/i)
      }).pipe(withHints, silently)
  )

  it.scopedLive("forgeries take no place of a genuine webhook, however long its hook takes (D12)", () =>
    Effect.gen(function* () {
      let begun = 0
      const hook = Effect.suspend(() => (begun++ === 0 ? Effect.never : Effect.void))
      const { port } = yield* server(yield* make({ concurrency: 1, onHint: () => hook }))
      const first = yield* Effect.fork(send(port, yield* webhook({ id: "w-1" })))
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => begun === 1 })
      // Refused for what they are, and not for want of a place.
      assert.strictEqual((yield* send(port, yield* webhook({}, others))).status, 401)
      assert.strictEqual((yield* send(port, "no webhook")).status, 400)
      assert.strictEqual((yield* send(port, yield* webhook({ id: "w-2" }))).status, 503)
      yield* Fiber.interrupt(first)
    }).pipe(withHints, silently)
  )

  it.scopedLive("whoever goes away leaves room for others (99)", () =>
    Effect.gen(function* () {
      let begun = 0
      const { port } = yield* server(
        yield* make({ concurrency: 1, onHint: () => (begun++ === 0 ? Effect.never : Effect.void) })
      )
      const body = yield* webhook()
      const fiber = yield* Effect.fork(send(port, body))
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => begun === 1 })
      assert.strictEqual((yield* send(port, body)).status, 503)
      yield* Fiber.interrupt(fiber)
      const again = yield* send(port, body).pipe(
        Effect.repeat({ until: ({ status }) => status === 200, schedule: Schedule.spaced("10 millis") }),
        Effect.timeout("2 seconds"),
        Effect.either
      )
      assert.isTrue(Either.isRight(again))
    }).pipe(withHints, silently)
  )
})

describe("The wiring that the page about processing shows", () => {
  it.scopedLive("settles a payout as soon as its webhook comes", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const sandbox = yield* Sandbox.Sandbox
      const address = yield* HttpServer.addressFormattedWith(Effect.succeed)
      const webhooks = yield* SandboxWebhooks.make({
        secret,
        receiver: SandboxWebhooks.toUrl(`${address}/webhooks/billwerk`)
      })
      const outcome = yield* payouts.create(requestOf())
      assert.strictEqual(outcome._tag, "Processing")
      // Without the webhook it would be asked for the first time in an hour.
      const waiting = yield* Effect.fork(payouts.awaitFinal(outcome, { schedule: Schedule.spaced("1 hour") }))
      yield* Effect.sleep("50 millis")
      yield* sandbox.settle("prize-2026-0042", Acquirer.paid)
      const final = yield* Effect.timeout(Fiber.join(waiting), "5 seconds")
      assert.deepStrictEqual([final._tag, final.certainty], ["Paid", "Moved"])
      assert.deepStrictEqual(
        (yield* webhooks.awaitSent(1)).map(({ eventType, status }) => [eventType, status]),
        [["payout_settled", 200]]
      )
    }).pipe(
      Effect.provide(
        PayoutsWithHintsLive.pipe(
          Layer.provideMerge(Sandbox.layerWith({ outcome: Acquirer.processing() })),
          Layer.provideMerge(NodeHttpServer.layer(Http.createServer, { host: "127.0.0.1", port: 0 })),
          Layer.provide(
            Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["BILLWERK_WEBHOOK_SECRET", "webhook-secret"]])))
          )
        )
      ),
      silently
    )
  )
})
