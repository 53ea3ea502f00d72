/** Every transport, against real sockets whose every byte is decided here: how much of an answer it takes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { type Reply } from "effect-billwerk-payouts"
import type * as Net from "node:net"
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { answer, chunk, eventually, head, serve } from "../../servers.js"
import {
  transports,
  request,
  body,
  clientTo,
  paidReply,
  unreadable,
  cutOff,
  declared,
  chunked,
  leavesNothing
} from "./fixture.js"

/** The most by which an effect made the buffers of this process grow, in bytes. */
const memory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = process.memoryUsage().arrayBuffers
    let most = before
    const look = Effect.sync(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    })
    const looking = yield* Effect.fork(Effect.repeat(look, Schedule.spaced("1 millis")))
    const value = yield* effect
    yield* look
    yield* Fiber.interrupt(looking)
    return { value, grown: most - before }
  })

for (const transport of transports) {
  const { layer, name } = transport

  describe(`${name}, when it is answered too much,`, () => {
    leavesNothing()
    const limit = 1024 * 1024
    const padded = (bytes: number) => body.padEnd(bytes, " ")

    it.scopedLive("reads 1 MiB to its last byte, and not a byte more (59)", () =>
      Effect.gen(function* () {
        let text = ""
        let isChunked = false
        const server = yield* serve((socket) =>
          socket.write(
            isChunked ? Buffer.concat([head(200, chunked), chunk(text), Buffer.from("0\r\n\r\n")]) : answer(200, text)
          )
        )
        const client = yield* clientTo(server)
        for (isChunked of [false, true]) {
          text = padded(limit)
          assert.deepStrictEqual(yield* client.create(request), paidReply())
          text = padded(limit + 1)
          assert.deepStrictEqual(yield* client.create(request), unreadable(200, "a body of more than 1048576 bytes"))
        }
      }).pipe(Effect.provide(layer))
    )

    for (const [title, length] of [
      ["that never ends", chunked],
      ["of 32 MiB", declared(32 * 1024 * 1024)]
    ] as const) {
      it.scopedLive(`hangs up on a body ${title}, and stays small (59)`, () =>
        Effect.gen(function* () {
          const block = "x".repeat(64 * 1024)
          const piece = "transfer-encoding" in length ? chunk(block) : Buffer.from(block)
          let written = 0
          const server = yield* serve((socket) => {
            socket.write(head(200, length))
            const more = () => {
              while (!socket.destroyed && written < 32 * 1024 * 1024) {
                written += block.length
                if (!socket.write(piece)) break
              }
            }
            socket.on("drain", more)
            more()
          })
          const client = yield* clientTo(server)
          const { grown, value } = yield* memory(client.create(request))
          assert.deepStrictEqual(value, unreadable(200, "a body of more than 1048576 bytes"))
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
          assert.isBelow(written, 16 * 1024 * 1024)
          assert.isBelow(grown, 24 * 1024 * 1024)
        }).pipe(Effect.provide(layer))
      )
    }

    for (const [packing, packed] of Object.entries({ gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync })) {
      it.scopedLive(`stays small when little grows into much, by ${packing} (59, F7)`, () =>
        Effect.gen(function* () {
          const bomb = packed(Buffer.alloc(64 * 1024 * 1024, " "))
          assert.isBelow(bomb.length, 128 * 1024)
          const server = yield* serve((socket) => socket.write(answer(200, bomb, { "content-encoding": packing })))
          const client = yield* clientTo(server)
          const { grown, value } = yield* memory(client.create(request))
          assert.deepStrictEqual(value, unreadable(200, "a body of more than 1048576 bytes"))
          assert.isBelow(grown, 24 * 1024 * 1024)
        }).pipe(Effect.provide(layer))
      )
    }

    it.scopedLive("understands what is packed all the same, and a mark of the byte order (F7)", () =>
      Effect.gen(function* () {
        const marked = `\ufeff${body}`
        const packings: ReadonlyArray<readonly [packing: string | undefined, bytes: string | Uint8Array]> = [
          [undefined, marked],
          ["identity", marked],
          ["gzip", gzipSync(body)],
          ["gzip", gzipSync(marked)],
          ["GZIP", gzipSync(body)],
          ["x-gzip", gzipSync(body)],
          ["deflate", deflateSync(body)],
          ["deflate", deflateRawSync(body)],
          ["br", brotliCompressSync(body)],
          ["gzip, br", brotliCompressSync(gzipSync(body))],
          ["gzip", gzipSync(body.padEnd(1024 * 1024))]
        ]
        let next = (_: Net.Socket): void => {}
        const server = yield* serve((socket) => next(socket))
        const client = yield* clientTo(server)
        for (const [packing, bytes] of packings) {
          const headers = packing === undefined ? {} : { "content-encoding": packing }
          next = (socket) => socket.write(answer(200, bytes, headers))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, of a length`)
          next = (socket) =>
            socket.write(Buffer.concat([head(200, { ...chunked, ...headers }), chunk(bytes), Buffer.from("0\r\n\r\n")]))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, in chunks`)
          next = (socket) => socket.end(Buffer.concat([head(200, headers), Buffer.from(bytes)]))
          assert.deepStrictEqual(yield* client.create(request), paidReply(), `${packing}, to the end`)
        }
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("says the same of what is packed and is no answer (25, F7)", () =>
      Effect.gen(function* () {
        const page = "<html>502</html>"
        const notJson = unreadable(200, "a body that is not JSON")
        const broken = Buffer.from(gzipSync(body))
        broken.fill(0xff, 12, 20)
        const cases: ReadonlyArray<readonly [packing: string, bytes: Uint8Array, reply: Reply.Reply]> = [
          ["gzip", gzipSync(page), notJson],
          ["br", brotliCompressSync(page), notJson],
          ["deflate", deflateSync(page), notJson],
          ["gzip", gzipSync(body).subarray(0, -12), notJson],
          ["gzip", broken, cutOff(200, "Transport")],
          ["rot13", gzipSync(body), notJson],
          ["gzip", gzipSync(""), unreadable(200, "an empty body")]
        ]
        let next = (_: Net.Socket): void => {}
        const server = yield* serve((socket) => next(socket))
        const client = yield* clientTo(server)
        for (const [index, [packing, bytes, reply]] of cases.entries()) {
          next = (socket) => socket.write(answer(200, bytes, { "content-encoding": packing }))
          assert.deepStrictEqual(yield* client.create(request), reply, `#${index}`)
        }
      }).pipe(Effect.provide(layer))
    )

    it.scopedLive("stays unclear when what says it is packed is not (25)", () =>
      Effect.gen(function* () {
        const server = yield* serve((socket) => socket.write(answer(200, body, { "content-encoding": "gzip" })))
        const client = yield* clientTo(server)
        assert.deepStrictEqual(yield* client.create(request), name === "fetch" ? cutOff(200, "Transport") : paidReply())
      }).pipe(Effect.provide(layer))
    )
  })
}
