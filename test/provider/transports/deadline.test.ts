/** Every transport, against real sockets whose every byte is decided here: what it does at the deadline. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import type * as Net from "node:net"
import { answer, chunk, eventually, head, serve } from "../../servers.js"
import {
  transports,
  request,
  body,
  half,
  clientTo,
  cutOff,
  deadline,
  type Case,
  declared,
  chunked,
  leavesNothing
} from "./fixture.js"

/** What leaves an exchange waiting until its deadline. */
const stalls: ReadonlyArray<Case> = [
  { title: "nothing comes (15)", act: () => {}, reply: deadline },
  { title: "half a head comes (15)", act: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-le"), reply: deadline },
  {
    title: "half a body comes (16)",
    act: (socket) => socket.write(Buffer.concat([head(200, declared(body.length)), Buffer.from(half)])),
    reply: cutOff(200, "Deadline")
  },
  {
    title: "half a body comes, in chunks (16)",
    act: (socket) => socket.write(Buffer.concat([head(200, chunked), chunk(half)])),
    reply: cutOff(200, "Deadline")
  },
  {
    title: "the head of a 502 comes (16)",
    act: (socket) => socket.write(head(502, declared(100))),
    reply: cutOff(502, "Deadline")
  },
  {
    title: "the body comes one byte at a time (17)",
    act: (socket) => drip(socket, Buffer.from(body), head(200, declared(body.length))),
    reply: cutOff(200, "Deadline")
  },
  { title: "the head comes one byte at a time (17)", act: (socket) => drip(socket, answer(200, body)), reply: deadline }
]

/** A byte every 20 ms, after what comes at once. */
const drip = (socket: Net.Socket, bytes: Buffer, atOnce: Uint8Array = Buffer.alloc(0)): void => {
  let sent = 0
  socket.write(atOnce)
  // @effect-diagnostics-next-line globalTimers:off
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 20)
  socket.on("close", () => clearInterval(timer))
}

for (const transport of transports) {
  const { layer, name } = transport

  describe(`${name}, when it has to wait,`, () => {
    leavesNothing()

    for (const { act, reply, title } of stalls) {
      it.scopedLive(`ends at the deadline and closes the connection when ${title}`, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server, "500 millis")
          const [took, replied] = yield* Effect.timed(client.create(request))
          assert.deepStrictEqual(replied, reply)
          assert.isAtLeast(Duration.toMillis(took), 495)
          assert.isAtMost(Duration.toMillis(took), 5_000)
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
          assert.strictEqual(server.received.length, 1)
        }).pipe(Effect.provide(layer))
      )
    }

    for (const [where, act] of [
      ["for the head", () => {}],
      ["for the body", (socket: Net.Socket) => socket.write(Buffer.concat([head(200, chunked), chunk(half)]))]
    ] as const) {
      it.scopedLive(`closes the connection at once when it is interrupted while it waits ${where} (82)`, () =>
        Effect.gen(function* () {
          const server = yield* serve(act)
          const client = yield* clientTo(server, "1 hour")
          const fiber = yield* Effect.fork(client.create(request))
          assert.isTrue(yield* eventually(() => server.received.length === 1))
          yield* Effect.sleep("30 millis")
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
          assert.isTrue(yield* eventually(() => server.busy() === 0), "the connection is still open")
        }).pipe(Effect.provide(layer))
      )
    }
  })
}
