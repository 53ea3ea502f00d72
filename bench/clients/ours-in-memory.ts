/**
 * Ours over its own transport, and nothing behind it: what is left is what this library and Effect cost by themselves, and the
 * making of the answer. Nothing goes wrong in here.
 */
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { createHash } from "node:crypto"
import { Dispatcher } from "undici"
import * as Provider from "../provider.js"
import { openWith } from "./ours.js"

const decoder = new TextDecoder()

const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {}
}

let answers = 0
const nextId = (): string => createHash("md5").update(String(answers++)).digest("hex")

/** Answers as a connection would: later, but at once. */
class Loopback extends Dispatcher {
  override dispatch({ body }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    queueMicrotask(() => {
      if (!(body instanceof Uint8Array)) throw new Error("a request without a body")
      const reply = Provider.make(false).post(JSON.parse(decoder.decode(body)))
      if (reply === "reset") throw new Error("nothing goes wrong in here")
      const answer = Buffer.from(reply.body)
      handler.onRequestStart?.(controller, {})
      const length = String(answer.byteLength)
      handler.onResponseStart?.(controller, reply.status, { "content-length": length, "request-id": nextId() })
      handler.onResponseData?.(controller, answer)
      handler.onResponseEnd?.(controller, {})
    })
    return true
  }
}

export const open = openWith(UndiciTransport.layerWith({ dispatcher: new Loopback() }))
