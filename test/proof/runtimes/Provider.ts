/** A provider of sockets that pays, but loses the answers to the payouts that are called like a fault. */
import type { Effect, Scope } from "effect"
import type * as Net from "node:net"
import { answer, serve, type Received, type Server } from "../../servers.js"
import type { Fault } from "./Story.js"

const lose: Record<Fault, (socket: Net.Socket) => void> = {
  closed: (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
  "cut-off": (socket) => socket.end("HTTP/1.1 200 O"),
  unanswered: () => {}
}

const isFault = (handle: string): handle is Fault => Object.hasOwn(lose, handle)

export const provider = (): Effect.Effect<Server, never, Scope.Scope> =>
  serve((socket, { body, line }) => {
    if (!line.startsWith("POST")) return socket.write(answer(404, "{}"))
    const { handle }: { handle: string } = JSON.parse(body)
    if (isFault(handle)) return lose[handle](socket)
    const created = "2025-10-01T09:29:58.120+00:00"
    const transactions = [{ id: `t-${handle}`, state: "paid", payout: handle, amount: 12_500, created }]
    socket.write(answer(200, JSON.stringify({ handle, state: "paid", amount: 12_500, currency: "DKK", transactions })))
  })

/** How many POSTs came of each payout. */
export const posts = (received: ReadonlyArray<Received>): Readonly<Record<string, number>> => {
  const counted: Record<string, number> = {}
  for (const { body, line } of received) {
    if (!line.startsWith("POST")) continue
    const { handle }: { handle: string } = JSON.parse(body)
    counted[handle] = (counted[handle] ?? 0) + 1
  }
  return counted
}
