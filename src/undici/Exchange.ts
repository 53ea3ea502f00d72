/**
 * One request and its answer, as undici reports them. The exchange knows whether the request was handed to a
 * connection, which decides whether money can have moved.
 */
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import * as BillwerkConfig from "../provider/BillwerkConfig.js"
import * as connectionError from "../provider/connectionError.js"
import type { Tracked } from "../provider/transmission.js"

/** How a body ended. */
export type End = "Complete" | "TooLarge" | connectionError.Failure

/** Headers in undici's form. This layer's own pools give the names in lower case. */
export type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

export class Exchange implements Dispatcher.DispatchHandler, Tracked {
  head: { readonly status: number; readonly headers: RawHeaders } | undefined
  readonly chunks: Array<Uint8Array> = []
  end: End | undefined
  private bytes = 0
  private controller: Dispatcher.DispatchController | undefined
  private isAborted = false
  private waiting: Array<() => void> = []

  /** `isOwn`: over this layer's own pool, whose reports are reliable. Another dispatcher may withhold them. */
  constructor(private readonly isOwn: boolean) {}

  get isWaiting(): boolean {
    return this.sent === "NotSent" && this.end === undefined && !this.isAborted
  }

  get hasBegun(): boolean {
    return this.controller !== undefined
  }

  /** Whether it is certain that no byte was sent. An exchange that is aborted before it was sent is never sent. */
  get sent(): "NotSent" | "Unknown" {
    return this.isOwn && !this.hasBegun ? "NotSent" : "Unknown"
  }

  /**
   * undici calls this synchronously, right before it writes the first byte. It would start a pipelined request again if
   * the exchange before it broke. Sending again is not undici's decision, so a second start is aborted.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isAborted || this.controller !== undefined) return controller.abort(abandoned)
    this.controller = controller
  }

  onResponseStart(_: unknown, status: number, headers: RawHeaders): void {
    // An informational response, such as 103, is not the answer.
    if (status < 200) return
    this.head = { status, headers: this.isOwn ? headers : inLowerCase(headers) }
    this.wake()
  }

  onResponseData(_: unknown, chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.bytes += chunk.byteLength
    if (this.bytes <= BillwerkConfig.bodyBytesMax) return this.wake()
    this.endAs("TooLarge")
    this.abort()
  }

  onResponseEnd(): void {
    this.endAs("Complete")
  }

  onResponseError(_: unknown, error: unknown): void {
    const sent = !this.isOwn && connectionError.isNotSent(error) ? "NotSent" : this.sent
    // undici's own error is not kept: it may hold received data.
    this.endAs(new connectionError.Failure({ code: connectionError.systemCode(error), sent }))
  }

  /** Closes the connection if the exchange is not over. */
  abort(): void {
    this.isAborted = true
    this.controller?.abort(abandoned)
  }

  /** Calls back at the next event: the head, more of the body, or the end. */
  next(listener: () => void): void {
    this.waiting.push(listener)
  }

  /** Waits for the next event. An interruption of the wait ends the exchange. */
  get more(): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.next(() => resume(Effect.void))
      return Effect.sync(() => this.abort())
    })
  }

  private endAs(end: End): void {
    this.end ??= end
    this.wake()
  }

  private wake(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const listener of waiting) listener()
  }
}

const abandoned = new Error("abandoned")

const inLowerCase = (headers: RawHeaders): RawHeaders =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** The bytes of a body. */
const bytesOf = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

const decoder = new TextDecoder()

/** The text of a body. */
export const textOf = (chunks: ReadonlyArray<Uint8Array>): string => decoder.decode(bytesOf(chunks))
