/** Every transport, against real sockets whose every byte is decided here: what it makes of an answer. */
import * as Undici from "@effect/platform-node/Undici"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Net from "node:net"
import { answer, serve } from "../../servers.js"
import { requestOf } from "../../support.js"
import {
  transports,
  request,
  bodyOf,
  body,
  clientTo,
  paidReply,
  lost,
  cases,
  leavesNothing,
  lowered
} from "./fixture.js"

const otherRequest = requestOf({ handle: "prize-2026-0043" })

// The built-in fetch sends by the dispatcher of the undici that was loaded first, and each version names failures in its
// own way.
const dispatcher = Undici.getGlobalDispatcher()
beforeAll(() => Undici.setGlobalDispatcher(new Undici.Agent()))
afterAll(() => Undici.setGlobalDispatcher(dispatcher))

for (const transport of transports) {
  const { kept, layer, name } = transport

  describe(`${name}, when it is answered,`, () => {
    leavesNothing()

    for (const { act, reply, title } of cases) {
      it.scopedLive(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server)
          assert.deepStrictEqual(yield* client.create(request), typeof reply === "function" ? reply(name) : reply)
          assert.strictEqual(server.received.length, 1)
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("sends the request that the provider documents, and nothing else", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(404, '{"code":137}')))
        const client = yield* clientTo(server)
        yield* client.create(request)
        yield* client.lookup(requestOf({ handle: "a@b_c.d-e" }).handle)
        const [create, lookup] = server.received
        const common = {
          authorization: "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo=",
          accept: "application/json",
          "accept-encoding": "identity",
          "user-agent": "effect-billwerk-payouts/0.1.0"
        }
        const sent = `{"handle":"prize-2026-0042","destination":"ca_fcfac2016614418f969fa5697383e47c","amount":12500,"currency":"DKK"}`
        const fromFetch = { "accept-language": "*", "sec-fetch-mode": "cors", pragma: "no-cache" }
        assert.deepStrictEqual(create && { ...create, headers: lowered(create) }, {
          line: "POST /v1/payout HTTP/1.1",
          headers: {
            ...common,
            "content-type": "application/json",
            "content-length": String(sent.length),
            ...(name === "fetch" ? { ...fromFetch, "cache-control": "no-cache" } : {})
          },
          body: sent
        })
        assert.deepStrictEqual(lookup && { ...lookup, headers: lowered(lookup) }, {
          line: "GET /v1/payout/a%40b_c.d-e HTTP/1.1",
          headers: {
            ...common,
            "cache-control": "no-store",
            ...(name === "fetch" ? fromFetch : {})
          },
          body: ""
        })
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("sends the very same bytes when a create is run again", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(500, "")))
        const client = yield* clientTo(server)
        const create = client.create(requestOf({ text: "Præmie 🥧" }))
        yield* create
        yield* create
        assert.strictEqual(server.received.length, 2)
        assert.deepStrictEqual(server.received[0], server.received[1])
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive(
      "stays unclear when a connection that was kept is reset, and sends nothing again by itself (13)",
      () =>
        Effect.gen(function* () {
          const sockets = new Set<Net.Socket>()
          const server = yield* serve((socket, _, ordinal) => {
            sockets.add(socket)
            if (ordinal === 1) socket.write(answer(200, body))
            else socket.resetAndDestroy()
          })
          const client = yield* clientTo(server)
          assert.deepStrictEqual(yield* client.create(request), paidReply())
          // undici's pool takes another connection if this one is not yet free.
          yield* Effect.sleep("20 millis")
          assert.deepStrictEqual(yield* client.create(otherRequest), lost("ECONNRESET"))
          assert.deepStrictEqual([server.received.length, sockets.size], [2, 1])
        }).pipe(Effect.provide(kept))
    )

    it.scopedLive("does not take an answer that came twice for the next one (23)", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket, received) => {
          const paid = answer(200, bodyOf(received.body.includes(otherRequest.handle) ? otherRequest : request))
          socket.write(Buffer.concat([paid, paid]))
        })
        const client = yield* clientTo(server)
        assert.deepStrictEqual(yield* client.create(request), paidReply())
        assert.deepStrictEqual(yield* client.create(otherRequest), paidReply(otherRequest))
        assert.deepStrictEqual(yield* client.create(request), paidReply())
        assert.strictEqual(server.received.length, 3)
      }).pipe(Effect.provide(kept))
    )
  })
}
