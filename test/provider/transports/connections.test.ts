/** Every transport, against real sockets whose every byte is decided here: what a failed connection says. */
import { NodeHttpClient } from "@effect/platform-node"
import * as Undici from "@effect/platform-node/Undici"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { BillwerkClient, type Reply } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { answer, eventually, serve, serveTls } from "../../servers.js"
import { anotherProcess } from "../../support.js"
import { expired, selfSigned, wrongName } from "../../testCertificates.js"
import {
  nodeWith,
  madeOf,
  transports,
  request,
  body,
  clientTo,
  paidReply,
  lost,
  deadline,
  leavesNothing
} from "./fixture.js"

const undiciWith = (options: Undici.Agent.Options) =>
  NodeHttpClient.layerUndiciWithoutDispatcher.pipe(
    Layer.provide(
      Layer.scoped(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.sync(() => new Undici.Agent(options)),
          (agent) => Effect.promise(() => agent.destroy())
        )
      )
    )
  )

const notSent = (systemCode: string): Reply.Reply => ({
  ...lost(systemCode),
  _tag: "NoResponse",
  reason: "Transport",
  sent: "NotSent"
})

for (const transport of transports) {
  const { layer, name } = transport

  describe(`${name}, when there is no connection,`, () => {
    leavesNothing()

    it.scopedLive("knows that nothing was sent to a port where nobody listens (2)", () =>
      Effect.gen(function* () {
        const port = yield* Effect.scoped(
          Effect.map(
            serve(() => {}),
            ({ port }) => port
          )
        )
        const client = yield* clientTo({ url: `http://127.0.0.1:${port}` })
        assert.deepStrictEqual(yield* client.create(request), notSent("ECONNREFUSED"))
        // A name of two addresses, if this machine has IPv6: each was tried.
        const named = yield* clientTo({ url: `http://localhost:${port}` })
        assert.deepStrictEqual(yield* named.create(request), notSent("ECONNREFUSED"))
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("knows that nothing was sent to a name that nobody has (1)", () =>
      Effect.gen(function* () {
        // Longer than a label may be, so that no name server needs to be asked.
        const client = yield* clientTo({ url: `https://${"x".repeat(64)}.invalid` })
        assert.deepStrictEqual(yield* client.create(request), notSent("ENOTFOUND"))
      }).pipe(Effect.provide(layer))
    )

    const certificate = (systemCode: string): Reply.Reply => ({
      _tag: "NoResponse",
      reason: "Certificate",
      sent: "NotSent",
      systemCode
    })

    for (const maxVersion of [undefined, "TLSv1.2"] as const) {
      it.scopedLive(`sends nothing to a server that vouches for itself, over ${maxVersion ?? "TLSv1.3"} (5)`, () =>
        Effect.gen(function* () {
          const server = yield* serveTls(
            { cert: selfSigned, ...(maxVersion === undefined ? {} : { maxVersion }) },
            (socket) => socket.write(answer(200, body))
          )
          const client = yield* clientTo(server)
          for (let turn = 0; turn < 5; turn++) {
            assert.deepStrictEqual(yield* client.create(request), certificate("DEPTH_ZERO_SELF_SIGNED_CERT"))
          }
          assert.isTrue(yield* eventually(() => server.open() === 0))
          assert.deepStrictEqual([server.connections(), server.bytes(), server.received.length], [5, 0, 0])
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("makes one attempt at a certificate and no more, and says what to do (5)", () =>
      Effect.gen(function* () {
        const server = yield* serveTls({ cert: selfSigned }, (socket) => socket.write(answer(200, body)))
        const client = yield* clientTo(server)
        const payouts = yield* anotherProcess().pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
        const error = yield* Effect.flip(payouts.create(request))
        assert.strictEqual(error._tag === "CommunicationError" && error.reason, "Certificate")
        assert.deepStrictEqual(
          error.attempts.map(({ bearing, decision, kind, sent }) => ({ bearing, decision, kind, sent })),
          [{ bearing: "None", decision: "Fail", kind: "Create", sent: "NotSent" }]
        )
        assert.deepStrictEqual([error.certainty, error.exposure], ["NotMoved", { min: 0, max: 0 }])
        assert.match(error.message, /certificate was not accepted.*never switch verification off/)
        assert.strictEqual(server.connections(), 1)
      }).pipe(Effect.provide(layer))
    )

    const trusting = (ca: string) => {
      switch (name) {
        case "fetch":
          return undefined
        case "node:http":
          return nodeWith({ ca })
        case "undici":
          return undiciWith({ connect: { ca } })
        case "UndiciTransport":
          return UndiciTransport.layerWith({ connect: { ca } })
        case "a client made of UndiciTransport":
          return madeOf({ connect: { ca } })
      }
    }
    const judged = [
      ["is right over TLS where the certificate is trusted", selfSigned, paidReply(), 1],
      ["sends nothing to a server of another name (5)", wrongName, certificate("ERR_TLS_CERT_ALTNAME_INVALID"), 0],
      ["sends nothing to a server whose certificate has run out (5)", expired, certificate("CERT_HAS_EXPIRED"), 0]
    ] as const
    for (const [title, cert, reply, received] of judged) {
      const layer = trusting(cert)
      if (layer !== undefined) {
        it.scopedLive(title, () =>
          Effect.gen(function* () {
            const server = yield* serveTls({ cert }, (socket) => socket.write(answer(200, body)))
            const client = yield* clientTo(server)
            assert.deepStrictEqual(yield* client.create(request), reply)
            assert.deepStrictEqual([server.received.length, server.bytes() > 0], [received, received > 0])
          }).pipe(Effect.provide(layer))
        )
      }
    }

    it.scopedLive("stays unclear when the port does not speak TLS", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.end(answer(200, body)))
        const plain = yield* serve(() => {})
        const client = yield* clientTo({ url: plain.url.replace("http:", "https:") }, "100 millis")
        // Our own transport knows that the request was still waiting for its connection, also under a derived client.
        const waiting = name.endsWith("UndiciTransport") ? { ...deadline, sent: "NotSent" as const } : deadline
        assert.deepStrictEqual<Reply.Reply>(yield* client.create(request), waiting)
        const speaking = yield* clientTo({ url: server.url.replace("http:", "https:") }, "200 millis")
        const reply = yield* speaking.create(request)
        assert.strictEqual(reply._tag, "NoResponse")
        assert.strictEqual(server.received.length + plain.received.length, 0)
      }).pipe(Effect.provide(layer))
    )
  })
}
