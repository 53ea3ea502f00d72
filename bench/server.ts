/**
 * The other side of the bench: a process of its own. It speaks just enough HTTP/1.1 over raw sockets (keep-alive, bodies
 * of a declared length) to cost a fraction of node:http, because a server that is slower than a client would be what is
 * measured. How busy it was in each measurement is asked for, and printed.
 *
 * Its control is the IPC channel, so that no control request is ever among those that are counted.
 */
import { DateTime } from "effect"
import { createServer, type Socket } from "node:net"
import { performance } from "node:perf_hooks"
import { type Entry, nextId } from "./ledger.js"
import * as Provider from "./provider.js"

/** Begins a new book; `finish` is answered with what came of it. */
export type Control = { readonly kind: "begin"; readonly faulty: boolean } | { readonly kind: "finish" }

export type Report =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "begun" }
  | {
      readonly kind: "finished"
      readonly requests: number
      /** How many were opened for them: a client that keeps none open pays for it. */
      readonly connections: number
      /** User and system time, all threads. */
      readonly cpuMicros: number
      /** The share of the time in which its event loop was not waiting for something to do. */
      readonly busy: number
      readonly entries: ReadonlyArray<Entry>
    }

const send = (report: Report): void => void process.send?.(report)

let provider = Provider.make(false)
let requests = 0
let connections = 0
let cpu = process.cpuUsage()
let loop = performance.eventLoopUtilization()

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable"
}

// Longer than any measurement, so that no idle connection is closed under a client that is about to use it.
const keepAliveSeconds = 3_600

// A text a second, so that it costs nothing.
let today = { second: 0, text: "" }
const date = (): string => {
  const second = Math.floor((performance.timeOrigin + performance.now()) / 1_000)
  if (second !== today.second) {
    today = { second, text: DateTime.toDateUtc(DateTime.unsafeMake(second * 1_000)).toUTCString() }
  }
  return today.text
}

const answer = (socket: Socket, reply: Provider.Reply): void => {
  if (reply === "reset") return void socket.resetAndDestroy()
  // All that is sent is ASCII, so characters are bytes.
  socket.write(
    `HTTP/1.1 ${reply.status} ${reasons[reply.status]}\r\ncontent-type: application/json\r\n` +
      `content-length: ${reply.body.length}\r\nrequest-id: ${nextId()}\r\ndate: ${date()}\r\n` +
      `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n\r\n${reply.body}`,
    "latin1"
  )
}

/** stripe-node sends forms to /v1; all others send JSON. */
const inputOf = (body: string): unknown => {
  if (body.startsWith("{")) return JSON.parse(body)
  const form = new URLSearchParams(body)
  return { ...Object.fromEntries(form), amount: Number(form.get("amount")) }
}

const isInput = (value: unknown): value is Parameters<Provider.Provider["post"]>[0] =>
  typeof value === "object" && value !== null && "handle" in value && typeof value.handle === "string"

const handle = (socket: Socket, head: string, body: string): void => {
  requests += 1
  if (head.startsWith("POST /v1/payout ")) {
    const input = inputOf(body)
    if (!isInput(input)) throw new Error(`no payout: ${body}`)
    return answer(socket, provider.post(input))
  }
  const asked = /^GET \/v1\/payout\/([^ ]+) /.exec(head)?.[1]
  if (asked === undefined) throw new Error(`an unexpected request: ${head}`)
  answer(socket, provider.get(decodeURIComponent(asked)))
}

const lengthOf = (head: string): number => Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)

const server = createServer({ noDelay: true }, (socket) => {
  connections += 1
  let pending = ""
  socket.on("error", () => {}) // clients close their sockets as they like
  socket.on("data", (chunk) => {
    pending += chunk.toString("latin1")
    for (;;) {
      const end = pending.indexOf("\r\n\r\n")
      if (end < 0) return
      const head = pending.slice(0, end)
      const total = end + 4 + lengthOf(head)
      if (pending.length < total) return
      const body = pending.slice(end + 4, total)
      pending = pending.slice(total)
      handle(socket, head, body)
    }
  })
})

process.on("message", (control: Control) => {
  if (control.kind === "begin") {
    provider = Provider.make(control.faulty)
    globalThis.gc?.() // the last book's garbage is not this one's
    requests = 0
    connections = 0
    cpu = process.cpuUsage()
    loop = performance.eventLoopUtilization()
    return send({ kind: "begun" })
  }
  const { system, user } = process.cpuUsage(cpu)
  const busy = performance.eventLoopUtilization(loop).utilization
  send({ kind: "finished", requests, connections, cpuMicros: system + user, busy, entries: provider.entries() })
})

server.listen(0, "127.0.0.1", 1_024, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") send({ kind: "listening", port: address.port })
})
process.on("disconnect", () => process.exit(0))
