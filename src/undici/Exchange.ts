/**
 * One request and what comes of it, as undici tells it. It knows whether the request was handed to a connection, which is
 * what decides whether money can have moved.
 */
import * as Effect from "effect/Effect"
import type { Dispatcher } from "undici"
import * as BillwerkConfig from "../provider/BillwerkConfig.js"
import * as transport from "../provider/connectionError.js"

/** How a body ended. */
export type End = "Complete" | "TooLarge" | transport.Failure

/** As undici has them: by names in lower case. */
export type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

export class Exchange implements Dispatcher.DispatchHandler {
  head: { readonly status: number; readonly headers: RawHeaders } | undefined
  readonly chunks: Array<Uint8Array> = []
  end: End | undefined
  private bytes = 0
  private controller: Dispatcher.DispatchController | undefined
  private isAborted = false
  private waiting: Array<() => void> = []

  /** `isOwn`: over a pool of ours, whose word can be relied on. What stands between another dispatcher and us may keep it back. */
  constructor(private readonly isOwn: boolean) {}

  /** Whether it is certain that no byte of it was sent. What has not been sent when it is aborted is never sent. */
  get sent(): "NotSent" | "Unknown" {
    return this.isOwn && this.controller === undefined ? "NotSent" : "Unknown"
  }

  /**
   * Right before the first byte is written, in the same breath. What undici had pipelined behind an exchange that broke, it
   * would start again: whether to send again is not for it to decide.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isAborted || this.controller !== undefined) return controller.abort(abandoned)
    this.controller = controller
  }

  onResponseStart(_: unknown, status: number, headers: RawHeaders): void {
    // 103 and its kind are not the answer yet.
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
    const sent = !this.isOwn && transport.isNotSent(error) ? "NotSent" : this.sent
    // undici's own error is not kept: it may hold what was received.
    this.endAs(new transport.Failure({ code: transport.systemCode(error), sent }))
  }

  /** Closes the connection, if the exchange is not over. */
  abort(): void {
    this.isAborted = true
    this.controller?.abort(abandoned)
  }

  /** Calls back when the head has come, when more of the body has, or when it has ended: whichever is next. */
  next(listener: () => void): void {
    this.waiting.push(listener)
  }

  /** Waits for whichever is next. Whoever stops waiting ends the exchange. */
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

/** What came of a body. */
export const bytesOf = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

const decoder = new TextDecoder()

/** What came of a body, as text. */
export const textOf = (chunks: ReadonlyArray<Uint8Array>): string => decoder.decode(bytesOf(chunks))
