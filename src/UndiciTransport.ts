/**
 * HTTP for Node over undici, as an `HttpClient` that does the least it can. It knows of every request whether it was handed
 * to a connection, which is what decides whether money can have moved; and it follows, unpacks and sends again nothing.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { setMaxListeners } from "node:events"
import { Readable } from "node:stream"
import type { ConnectionOptions } from "node:tls"
import { type Dispatcher, Pool } from "undici"
import * as BillwerkConfig from "./BillwerkConfig.js"
import * as transport from "./internal/transport.js"

/** @category models */
export interface Options {
  /**
   * How many connections an origin may have. Default: as many as there are requests under way. A request that waits for
   * one spends its deadline, and a deadline cannot tell that nothing was sent: rather limit how many payouts run at a time.
   */
  readonly connections?: number | undefined
  /**
   * How many requests a connection may have under way. Default: 1, because an answer that does not come keeps back all
   * those behind it. More is for lookups: a request that moves money never goes behind another one.
   */
  readonly pipelining?: number | undefined
  /** The longest that it may take to make a connection, TLS included. Default: 10 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** How long an idle connection is kept, unless the server asks for another time. Default: 4 seconds. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** How a connection is made, as `tls.connect` takes it: `ca`, `cert` and `key`, for example. */
  readonly connect?: Omit<ConnectionOptions, "host" | "path" | "port" | "socket" | "timeout"> | undefined
}

/**
 * The client, whose connections end with the scope.
 *
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.map(makePools(options), (poolOf) =>
    // `HttpClient.make` would add a span and an abort controller, which cost more than everything here.
    HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
      (preprocessed) => Effect.flatMap(preprocessed, (request) => execute(poolOf, request)),
      Effect.succeed
    )
  )

/**
 * The client as a layer. Beside other layers it has no span of its own and sends no trace headers, because
 * `BillwerkClient` has both in hand; it reads each answer into memory, and no more than `BillwerkConfig.bodyBytesMax` of it.
 *
 * @example
 * ```ts
 * import { Config, Layer } from "effect"
 * import { BillwerkClient } from "effect-billwerk-payouts"
 * import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
 *
 * const live = BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") }).pipe(
 *   Layer.provide(UndiciTransport.layer({ connectTimeout: "5 seconds" }))
 * )
 * ```
 *
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))

type PoolOf = (origin: string) => Dispatcher

/** One pool an origin for as long as the scope. An `Agent` would drop a pool, and what waits in it, between connections. */
const makePools = (options: Options): Effect.Effect<PoolOf, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ pools: new Map<string, Pool>(), end: new AbortController() })),
      ({ end, pools }) =>
        Effect.promise(() => {
          const closed = Promise.all(Array.from(pools.values(), (pool) => pool.destroy()))
          end.abort()
          return closed
        })
    ),
    ({ end, pools }) => {
      // A pool forgets connections that are still being made, and clients that once failed to make one. The signal does not.
      setMaxListeners(0, end.signal)
      const settings: Pool.Options = {
        connections: options.connections ?? null,
        pipelining: options.pipelining ?? 1,
        connectTimeout: Duration.toMillis(options.connectTimeout ?? "10 seconds"),
        keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? "4 seconds"),
        connect: { ...options.connect, signal: end.signal }
      }
      return (origin) => {
        const pool = pools.get(origin) ?? new Pool(origin, settings)
        pools.set(origin, pool)
        return pool
      }
    }
  )

const execute = (
  poolOf: PoolOf,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
  if (Either.isLeft(url) || !/^https?:$/.test(url.right.protocol))
    return refuse(request, "InvalidUrl", "not an http: or https: URL")
  const { origin, pathname, search } = url.right
  const body = bodyOf(request.body)
  if (body === undefined) return refuse(request, "Encode", "neither text, nor bytes, nor a stream")
  const { headers, method } = request
  const path = pathname + search
  return Effect.map(
    Effect.async<UndiciResponse, HttpClientError.RequestError>((resume) => {
      const exchange = new Exchange(request, resume)
      // The deadline is the caller's, who has a clock of his own.
      poolOf(origin).dispatch({ path, method, headers, body, headersTimeout: 0, bodyTimeout: 0 }, exchange)
      return Effect.sync(() => exchange.abort())
    }),
    heeded
  )
}

const refuse = (request: HttpClientRequest.HttpClientRequest, reason: "InvalidUrl" | "Encode", description: string) =>
  Effect.fail(new HttpClientError.RequestError({ request: bare(request), reason, description }))

/** What an error may show of a request: neither the key in its headers nor its body. */
const bare = ({ method, url }: HttpClientRequest.HttpClientRequest) => HttpClientRequest.make(method)(url)

/** `undefined` for what is not sent. */
const bodyOf = (body: HttpBody.HttpBody): Dispatcher.DispatchOptions["body"] => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "Stream":
      return Readable.from(Stream.toAsyncIterable(body.stream), { objectMode: false })
    case "Raw": {
      const raw = body.body
      return typeof raw === "string" || raw instanceof Uint8Array || raw instanceof Readable ? raw : undefined
    }
    case "FormData":
      return undefined
  }
}

/** How a body ended. */
type End = "Complete" | "TooLarge" | transport.Failure

/** One request and what comes of it, as undici tells it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly chunks: Array<Uint8Array> = []
  end: End | undefined
  private bytes = 0
  private isAborted = false
  private controller: Dispatcher.DispatchController | undefined
  private waiting: Array<() => void> = []

  constructor(
    private readonly request: HttpClientRequest.HttpClientRequest,
    private resume: ((head: Effect.Effect<UndiciResponse, HttpClientError.RequestError>) => void) | undefined
  ) {}

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
    if (status >= 200) this.begin(Effect.succeed(new UndiciResponse(this.request, status, headers, this)))
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
    // undici's own error is not kept: it may hold what was received.
    const sent = this.controller === undefined ? "NotSent" : "Unknown"
    const cause = new transport.Failure({ code: transport.systemCode(error), sent })
    if (this.resume === undefined) return this.endAs(cause)
    this.begin(
      Effect.fail(new HttpClientError.RequestError({ request: bare(this.request), reason: "Transport", cause }))
    )
  }

  /** Closes the connection, if the exchange is not over. What has not been sent is never sent. */
  abort(): void {
    this.isAborted = true
    this.controller?.abort(abandoned)
  }

  /** Waits for more of the body, or for its end. */
  get more(): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.waiting.push(() => resume(Effect.void))
      return Effect.sync(() => this.abort())
    })
  }

  private begin(head: Effect.Effect<UndiciResponse, HttpClientError.RequestError>): void {
    this.resume?.(head)
    // Whoever holds the exchange must not hold the response: see `unheeded`.
    this.resume = undefined
  }

  private endAs(end: End): void {
    this.end ??= end
    this.wake()
  }

  private wake(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resume of waiting) resume()
  }
}

type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

const abandoned = new Error("abandoned")

/** Ends the exchanges whose responses were dropped unread: nobody else would, and their connections would stay open. */
const unheeded = new FinalizationRegistry<Exchange>((exchange) => exchange.abort())

const heeded = (response: UndiciResponse): UndiciResponse => {
  // Most bodies come with their head, and need no watch.
  if (response.exchange.end === undefined) unheeded.register(response, response.exchange)
  return response
}

/** A response whose body is read whether it is asked for or not, and is in memory by the time that it is, most often. */
class UndiciResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers

  constructor(
    readonly request: HttpClientRequest.HttpClientRequest,
    readonly status: number,
    private readonly raw: RawHeaders,
    readonly exchange: Exchange
  ) {
    super()
    this.headers = Headers.fromInput(raw)
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.raw["set-cookie"] ?? [])
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        try: (): unknown => (text === "" ? null : JSON.parse(text)),
        // The parser's own error quotes the text.
        catch: () => this.unreadable({ description: "not JSON" })
      })
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    const headers = { "content-type": this.headers["content-type"] ?? "" }
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new Response(bytes, { headers }).formData(),
        catch: () => this.unreadable({ description: "not a form" })
      })
    )
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  /** As it comes. Whoever stops reading closes the connection. */
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const { exchange } = this
    return Stream.suspend(() => {
      let read = 0
      const next: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<HttpClientError.ResponseError>> = Effect.suspend(
        () => {
          const { chunks, end, more } = exchange
          if (read < chunks.length)
            return Effect.succeed(Chunk.unsafeFromArray(chunks.slice(read, (read = chunks.length))))
          if (end === undefined) return Effect.zipRight(more, next)
          return Effect.fail(end === "Complete" ? Option.none() : Option.some(this.cutOff(end)))
        }
      )
      return Stream.repeatEffectChunkOption(next)
    }).pipe(Stream.ensuring(Effect.sync(() => exchange.abort())))
  }

  /** No body and no headers: what a body says is the caller's to show. */
  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status }
  }

  private get bytes(): Effect.Effect<Uint8Array, HttpClientError.ResponseError> {
    return Effect.suspend(() => {
      const { chunks, end, more } = this.exchange
      if (end === undefined) return Effect.zipRight(more, this.bytes)
      if (end !== "Complete") return Effect.fail(this.cutOff(end))
      const [first] = chunks
      return Effect.succeed(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks))
    })
  }

  private cutOff(end: "TooLarge" | transport.Failure): HttpClientError.ResponseError {
    return end === "TooLarge"
      ? this.unreadable({ description: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` })
      : this.unreadable({ cause: end })
  }

  private unreadable(
    why: { readonly description: string } | { readonly cause: unknown }
  ): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({ request: bare(this.request), response: this, reason: "Decode", ...why })
  }
}

const decoder = new TextDecoder()
