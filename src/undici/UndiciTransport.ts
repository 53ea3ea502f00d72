/**
 * A minimal `HttpClient` for Node over undici. It knows whether each request was handed to a connection, which decides
 * whether money can have moved. It follows no redirect, unpacks nothing and sends nothing again.
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Socket } from "node:net"
import { Readable } from "node:stream"
import type { ConnectionOptions } from "node:tls"
import { buildConnector, Client, type Dispatcher, Pool } from "undici"
import * as connectionError from "../provider/connectionError.js"
import { current as currentTransmission } from "../provider/transmission.js"
import { Exchange } from "./Exchange.js"
import * as UndiciResponse from "./Response.js"

/**
 * The settings of the transport. Each has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The most connections to one origin. Default: as many as there are requests under way. A request that waits for a
   * connection spends its deadline. If the deadline comes first, the attempt is known to be not sent. That also holds
   * for a client that is derived from this one, as by `HttpClient.mapRequest`, if it keeps the request's body and sends
   * the request nowhere else.
   */
  readonly connections?: number | undefined
  /**
   * How many requests a connection may have under way. Default: 1, because a missing answer holds up all those behind
   * it. A higher number only helps lookups: a request that moves money never goes behind another one.
   */
  readonly pipelining?: number | undefined
  /** The longest time to make a connection, TLS included. Default: 10 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** How long an idle connection is kept, unless the server asks for another time. Default: 4 seconds. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** How a connection is made, as for `tls.connect`: `ca`, `cert` and `key`, for example. */
  readonly connect?: Omit<ConnectionOptions, "host" | "path" | "port" | "socket" | "timeout"> | undefined
  /**
   * A dispatcher that sends in place of this layer's own connections, for example a `ProxyAgent`. It then has all other
   * options itself, and its owner closes it. Never use one that sends anything again by itself, or elsewhere, like
   * `RetryAgent` and the interceptor for redirects. With a dispatcher, only the error can show whether a request was
   * sent, as over the other layers.
   */
  readonly dispatcher?: Dispatcher | undefined
}

/**
 * Makes the client. Its connections end with the scope. Fails with a `ConfigError` if `undici` is a stub that sends
 * nothing, as on Bun.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<HttpClient.HttpClient, ConfigError.ConfigError, Scope.Scope> =>
  Effect.map(Effect.zipRight(checkUndici(options), dispatchers(options)), (dispatcherOf) => {
    const toOrder = ordering(dispatcherOf)
    // `HttpClient.make` would add a span and an abort controller, which cost more than everything here.
    return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
      (preprocessed) => Effect.flatMap(preprocessed, (request) => execute(toOrder(request), request)),
      Effect.succeed
    )
  })

const checkUndici = ({ dispatcher = Pool.prototype }: Options): Effect.Effect<void, ConfigError.ConfigError> =>
  // The types say that it is always there, but a stub has classes without methods.
  Predicate.hasProperty(dispatcher, "dispatch") && Predicate.isFunction(dispatcher.dispatch)
    ? Effect.void
    : Effect.fail(ConfigError.Unsupported(["UndiciTransport"], noUndici))

const noUndici =
  "The undici of this runtime is a stub that sends nothing, as Bun's is: use FetchHttpClient.layer or NodeHttpClient.layer"

type DispatcherOf = (origin: string) => Pick<Order, "dispatcher" | "isOwn">

const dispatchers = ({ dispatcher, ...options }: Options): Effect.Effect<DispatcherOf, never, Scope.Scope> =>
  dispatcher === undefined
    ? Effect.map(makePools(options), (poolOf) => (origin) => ({ dispatcher: poolOf(origin), isOwn: true }))
    : Effect.succeed(() => ({ dispatcher, isOwn: false }))

/**
 * The client as a layer. Unlike other layers, it makes no span and sends no trace headers, because `BillwerkClient`
 * handles both. It reads each answer into memory, up to `BillwerkConfig.bodyBytesMax`.
 *
 * @example
 * ```ts
 * import { Config, Layer } from "effect"
 * import { BillwerkClient } from "effect-billwerk-payouts"
 * import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
 *
 * const live = BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") }).pipe(
 *   Layer.provide(UndiciTransport.layerWith({ connectTimeout: "5 seconds" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> =>
  Layer.scoped(HttpClient.HttpClient, make(options))

/**
 * `layerWith` with the default options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> = Layer.scoped(
  HttpClient.HttpClient,
  Effect.suspend(() => make())
)

/** One pool per origin, until the scope ends. An `Agent` would drop a pool and its queue between connections. */
const makePools = (options: Options): Effect.Effect<(origin: string) => Dispatcher, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ pools: new Map<string, Dispatcher>(), sockets: new Set<Socket>() })),
      ({ pools, sockets }) =>
        Effect.promise(() => {
          const closed = Promise.all(Array.from(pools.values(), (pool) => pool.destroy()))
          for (const socket of sockets) socket.destroy(ended)
          return closed
        })
    ),
    ({ pools, sockets }) => {
      const settings: Pool.Options = {
        connections: options.connections ?? null,
        pipelining: options.pipelining ?? 1,
        keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? "4 seconds"),
        connect: connecting(options, sockets)
      }
      return (origin) => {
        // For one connection a `Client` is enough, and it never makes another one.
        const pool = pools.get(origin) ?? new (options.connections === 1 ? Client : Pool)(origin, settings)
        pools.set(origin, pool)
        return pool
      }
    }
  )

const ended = new Error("the client's scope ended")

/**
 * Makes connections and tracks them, open or being made. A pool forgets the latter, and also the clients that once
 * failed to make one. An abort signal would do as well, but each connection leaves its listener on it.
 */
const connecting = (options: Options, sockets: Set<Socket>): buildConnector.connector => {
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  const connect = buildConnector({ ...options.connect, timeout })
  return (asked, connected) => {
    const socket: unknown = connect(asked, connected)
    if (!(socket instanceof Socket)) return
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  }
}

interface Order {
  readonly dispatcher: Dispatcher
  readonly isOwn: boolean
  readonly asked: Dispatcher.DispatchOptions
}

/** Why a request is not sent. */
interface Refusal {
  readonly reason: "InvalidUrl" | "Encode"
  readonly description: string
}

const ordering = (dispatcherOf: DispatcherOf) => {
  // Nearly all requests have the same URL as the last one.
  let last: { readonly text: string; readonly url: URL } | undefined
  const urlOf = ({ hash, url, urlParams }: HttpClientRequest.HttpClientRequest): URL | undefined => {
    if (last?.text === url && urlParams.length === 0 && Option.isNone(hash)) return last.url
    const made = Either.getOrUndefined(UrlParams.makeUrl(url, urlParams, hash))
    if (made === undefined || !/^https?:$/.test(made.protocol)) return undefined
    if (urlParams.length === 0 && Option.isNone(hash)) last = { text: url, url: made }
    return made
  }
  return (request: HttpClientRequest.HttpClientRequest): Either.Either<Order, Refusal> => {
    const url = urlOf(request)
    if (url === undefined) return Either.left({ reason: "InvalidUrl", description: "not HTTP" })
    const body = bodyOf(request.body)
    if (body === undefined)
      return Either.left({ reason: "Encode", description: "neither text, nor bytes, nor a stream" })
    const { origin, pathname, search } = url
    const { headers, method } = request
    // The caller holds the deadline, with its own clock.
    const asked = { origin, path: pathname + search, method, headers, body, headersTimeout: 0, bodyTimeout: 0 }
    const { dispatcher, isOwn } = dispatcherOf(origin)
    // A proxy may write into the headers that it gets.
    return Either.right({ dispatcher, isOwn, asked: isOwn ? asked : { ...asked, headers: { ...headers } } })
  }
}

const execute = (
  order: Either.Either<Order, Refusal>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError> => {
  const failed = (why: Refusal | { readonly reason: "Transport"; readonly cause: connectionError.Failure }) =>
    Effect.fail(new HttpClientError.RequestError({ request: UndiciResponse.bare(request), ...why }))
  if (Either.isLeft(order)) return failed(order.left)
  return Effect.flatMap(FiberRef.get(currentTransmission), (transmission) =>
    Effect.async((resume) => {
      const exchange = new Exchange(order.right.isOwn)
      transmission?.track(request.body, exchange)
      const heed = () => {
        const { end, head } = exchange
        // The fiber makes the response, so that it is watched. An interrupted fiber closes the connection instead.
        if (head !== undefined) resume(Effect.sync(() => UndiciResponse.make(request, head, exchange)))
        else if (end instanceof connectionError.Failure) resume(failed({ reason: "Transport", cause: end }))
        else exchange.next(heed)
      }
      dispatch(order.right, exchange)
      heed()
      return Effect.sync(() => exchange.abort())
    })
  )
}

// Other dispatchers, and interceptors before them, may throw and not report to the exchange.
const dispatch = ({ asked, dispatcher }: Order, exchange: Exchange): void => {
  const dispatched = Either.try(() => dispatcher.dispatch(asked, exchange))
  if (Either.isLeft(dispatched)) exchange.onResponseError(undefined, dispatched.left)
}

/** `undefined` for a body that is not sent. */
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
