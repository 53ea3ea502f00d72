/**
 * The least that a payout can cost in Node: one TCP connection for each payout in flight, HTTP written by hand, JSON.parse.
 * It never sends again and checks nothing. Nobody should pay money out like this.
 */
import { connect } from "node:net"
import { answerOf, answerOfStatus, headers } from "./shared.mjs"

/** @typedef {{ socket: import("node:net").Socket, received: string, settle: (answer: Answer) => void }} Connection */
/** @typedef {import("./shared.mjs").Answer} Answer */

const fixed = Object.entries(headers)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join("")

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const { host, hostname, port } = new URL(baseUrl)
  const head = `POST /v1/payout HTTP/1.1\r\nhost: ${host}\r\n${fixed}content-length: `
  /** @type {Array<Connection>} */
  const idle = []

  const dial = () => {
    /** @type {Connection} */
    const connection = {
      socket: connect({ host: hostname, port: Number(port), noDelay: true }),
      received: "",
      settle: () => {}
    }
    connection.socket.on("data", (chunk) => {
      connection.received += chunk.toString("latin1")
      const end = connection.received.indexOf("\r\n\r\n")
      if (end < 0) return
      const length = Number(/\r\ncontent-length: (\d+)/.exec(connection.received)?.[1])
      if (connection.received.length < end + 4 + length) return
      const status = Number(connection.received.slice(9, 12))
      const body = connection.received.slice(end + 4)
      connection.received = ""
      idle.push(connection)
      connection.settle(status === 200 ? answerOf(JSON.parse(body)) : answerOfStatus(status))
    })
    connection.socket.on("error", () => {})
    connection.socket.on("close", () => connection.settle("unclear"))
    return connection
  }

  return {
    pay: (input) =>
      new Promise((resolve) => {
        const connection = idle.pop() ?? dial()
        connection.settle = resolve
        const body = JSON.stringify(input)
        connection.socket.write(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`)
      }),
    close: async () => idle.forEach(({ socket }) => socket.destroy())
  }
}
