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
import { Client, type Dispatcher, Pool } from "undici"
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

/** One pool an origin for as long as the scope. An `Agent` would drop a pool, and what waits in it, between connections. */
const makePools = (options: Options): Effect.Effect<(origin: string) => Dispatcher, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ pools: new Map<string, Dispatcher>(), end: new AbortController() })),
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
        // A pool of one is a client, which never makes another one.
        const pool = pools.get(origin) ?? new (options.connections === 1 ? Client : Pool)(origin, settings)
        pools.set(origin, pool)
        return pool
      }
    }
  )

const execute = (
  poolOf: (origin: string) => Dispatcher,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<UndiciResponse, HttpClientError.RequestError> => {
  const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
  if (Either.isLeft(url) || !/^https?:$/.test(url.right.protocol)) return refuse(request, "InvalidUrl", "not HTTP")
  const body = bodyOf(request.body)
  if (body === undefined) return refuse(request, "Encode", "neither text, nor bytes, nor a stream")
  const { origin, pathname, search } = url.right
  const { headers, method } = request
  // The deadline is the caller's, who has a clock of his own.
  const asked = { path: pathname + search, method, headers, body, headersTimeout: 0, bodyTimeout: 0 }
  return Effect.async((resume) => {
    const exchange = new Exchange(request, resume)
    poolOf(origin).dispatch(asked, exchange)
    return Effect.sync(() => exchange.abort())
  })
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

type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

/** One request and what comes of it, as undici tells it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly chunks: Array<Uint8Array> = []
  end: End | undefined
  private bytes = 0
  private controller: Dispatcher.DispatchController | undefined
  private isAborted = false
  private readonly waiting: Array<() => void> = []

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
    if (status < 200) return
    // Made by the fiber, so that it is watched, or else the fiber was interrupted and closes the connection.
    this.begin(Effect.sync(() => heeded(new UndiciResponse(this.request, status, headers, this))))
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
    const sent = this.controller === undefined ? "NotSent" : "Unknown"
    // undici's own error is not kept: it may hold what was received.
    const cause = new transport.Failure({ code: transport.systemCode(error), sent })
    if (this.resume === undefined) return this.endAs(cause)
    const request = bare(this.request)
    this.begin(Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause })))
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
    for (const resume of this.waiting.splice(0)) resume()
  }
}

const abandoned = new Error("abandoned")

/** Ends the exchanges whose responses were dropped unread: nobody else would, and their connections would stay open. */
const unheeded = new FinalizationRegistry<Exchange>((exchange) => exchange.abort())

const heeded = (response: UndiciResponse): UndiciResponse => {
  // Most bodies come with their head, and need no watch.
  if (response.exchange.end === undefined) unheeded.register(response, response.exchange)
  return response
}

type Reading<A> = Effect.Effect<A, HttpClientError.ResponseError>

/** A response whose body is read whether it is asked for or not, and most often has come by then. */
class UndiciResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()

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

  get text(): Reading<string> {
    return Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  // Neither here nor in the next is the parser's own error kept: it quotes the body.
  get json(): Reading<unknown> {
    const parse = (text: string): unknown => (text === "" ? null : JSON.parse(text))
    return Effect.flatMap(this.text, (text) =>
      Effect.try({ try: () => parse(text), catch: () => this.unreadable({ description: "not JSON" }) })
    )
  }

  get formData(): Reading<FormData> {
    const headers = { "content-type": this.headers["content-type"] ?? "" }
    const parse = (bytes: Uint8Array) => new Response(bytes, { headers }).formData()
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({ try: () => parse(bytes), catch: () => this.unreadable({ description: "not a form" }) })
    )
  }

  get urlParamsBody(): Reading<UrlParams.UrlParams> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get arrayBuffer(): Reading<ArrayBuffer> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  /** As it comes. Whoever stops reading closes the connection. */
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const { exchange } = this
    if (exchange.end === "Complete") return Stream.fromChunk(Chunk.unsafeFromArray(exchange.chunks))
    return Stream.suspend(() => {
      let read = 0
      const next: Effect.Effect<Uint8Array, Option.Option<HttpClientError.ResponseError>> = Effect.suspend(() => {
        const { chunks, end } = exchange
        const chunk = chunks[read]
        if (chunk !== undefined) {
          read += 1
          return Effect.succeed(chunk)
        }
        if (end === undefined) return Effect.zipRight(exchange.more, next)
        return Effect.fail(end === "Complete" ? Option.none() : Option.some(this.cutOff(end)))
      })
      return Stream.repeatEffectOption(next)
    }).pipe(Stream.ensuring(Effect.sync(() => exchange.abort())))
  }

  /** Neither the body nor the headers: those are the caller's to show. */
  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status }
  }

  private get bytes(): Reading<Uint8Array> {
    return Effect.suspend(() => {
      const { chunks, end } = this.exchange
      if (end === undefined) return Effect.zipRight(this.exchange.more, this.bytes)
      return end === "Complete" ? Effect.succeed(Buffer.concat(chunks)) : Effect.fail(this.cutOff(end))
    })
  }

  private cutOff(end: "TooLarge" | transport.Failure): HttpClientError.ResponseError {
    if (end !== "TooLarge") return this.unreadable({ cause: end })
    return this.unreadable({ description: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` })
  }

  private unreadable(why: { readonly description: string } | { readonly cause: unknown }) {
    return new HttpClientError.ResponseError({ request: bare(this.request), response: this, reason: "Decode", ...why })
  }
}

const decoder = new TextDecoder()
