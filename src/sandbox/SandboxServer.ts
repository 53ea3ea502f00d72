/**
 * The sandbox on a real socket, of the loopback interface unless told otherwise, for what only a socket shows: half a body, a reset
 * connection, an answer that never comes. It makes no log and no span, so no request appears in either.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Net from "node:net"
import { type Delivery, drip, half, type Message } from "./Delivery.js"
import * as Page from "./page/Page.js"
import * as Sandbox from "./Sandbox.js"

/**
 * Where the server listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The client's `baseUrl`, such as `http://127.0.0.1:49152`. */
  readonly url: string
  /** The port that it listens on. */
  readonly port: number
}

/**
 * The settings of the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The port to listen on. Default: a free one. */
  readonly port?: number
  /** The address to listen on. Any other than the default lets other machines in. Default: `127.0.0.1`. */
  readonly host?: string
  /**
   * Also serves a page at `/`, which shows the ledger and scripts faults, and the same as JSON under `/sandbox`. Requests of
   * other web pages are then refused. Default: no page.
   */
  readonly page?: Page.Options
}

/**
 * The sandbox behind a socket of this machine, for clients that need one.
 *
 * @category tags
 * @since 0.1.0
 */
export class SandboxServer extends Context.Tag("effect-billwerk-payouts/testing/server")<SandboxServer, Service>() {}

/**
 * Starts the server. When the scope ends, it closes every connection at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<Service, HttpServerError.ServeError, Sandbox.Sandbox | Scope.Scope> =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const node = Http.createServer()
    const { host = loopback, page } = options
    const server = yield* NodeHttpServer.make(() => node, { host, port: options.port ?? 0 })
    yield* Effect.addFinalizer(() => close(node))
    const provider = app(sandbox)
    yield* server.serve(page === undefined ? provider : Page.around(provider, sandbox, page)).pipe(
      HttpMiddleware.withTracerDisabledWhenEffect(constTrue),
      // Every lost connection would be a line in the log.
      Effect.withUnhandledErrorLogLevel(Option.none())
    )
    const port = server.address._tag === "TcpAddress" ? server.address.port : 0
    return { url: `http://${Net.isIPv6(host) ? `[${host}]` : host}:${port}`, port }
  })

/**
 * A server for the sandbox in the context: `Sandbox.layerSandbox`, which an in-memory client may share.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Sandbox } from "effect-billwerk-payouts/testing"
 * import * as SandboxServer from "effect-billwerk-payouts/testing/server"
 *
 * const live = SandboxServer.layer.pipe(Layer.provideMerge(Sandbox.layerSandboxWith({ repeatOfPaid: "Replay" })))
 *
 * const program = Effect.gen(function* () {
 *   const { url } = yield* SandboxServer.SandboxServer
 *   yield* Effect.log(`Listening at ${url}`)
 * }).pipe(Effect.provide(live))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SandboxServer, HttpServerError.ServeError, Sandbox.Sandbox> = Layer.scoped(
  SandboxServer,
  Effect.suspend(() => make())
)

/**
 * The same, with other options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<SandboxServer, HttpServerError.ServeError, Sandbox.Sandbox> =>
  Layer.scoped(SandboxServer, make(options))

const loopback = "127.0.0.1"

// In this order: a connection made after the others were closed would delay the server's end.
const close = (node: Http.Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    node.close(() => resume(Effect.void))
    node.closeAllConnections()
  })

const app = (sandbox: Sandbox.Service): HttpApp.Default =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = yield* request.arrayBuffer
    const [path = "", ...query] = request.originalUrl.split("?")
    const delivery = yield* sandbox.receive({
      method: request.method,
      path,
      query: query.join("?"),
      headers: request.headers,
      body: new Uint8Array(body)
    })
    return yield* deliver(NodeHttpServerRequest.toServerResponse(request), delivery)
  }).pipe(
    // The client left before its request was complete.
    Effect.catchTag("RequestError", () => Effect.succeed(HttpServerResponse.empty({ status: 400 }))),
    // The platform interrupts a request whose connection has ended, but by default runs it uninterruptibly.
    Effect.interruptible
  )

const deliver = (
  response: Http.ServerResponse,
  delivery: Delivery
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  // Node would add its own date. The sandbox's clock may differ, and its answer may have no date.
  response.sendDate = false
  switch (delivery._tag) {
    case "Answered": {
      const { body, headers, status } = delivery.message
      return Effect.succeed(HttpServerResponse.raw(body, { status, headers }))
    }
    case "Dripping": {
      const { body, headers, status } = delivery.message
      return Effect.succeed(HttpServerResponse.stream(drip(body, delivery.every), { status, headers }))
    }
    case "Truncated":
      // Node 26 sends a chunk at the end of the tick. The connection ends after that, or the half would not be sent.
      return instead(() =>
        writeHalf(response, delivery.message, delivery.chunked, () => response.socket?.destroySoon())
      )
    case "Stalled":
      return instead(() => writeHalf(response, delivery.message, false))
    case "Dropped":
      return instead(() => (delivery.reset ? response.socket?.resetAndDestroy() : response.socket?.destroy()))
    case "Refused":
      return instead(() => response.socket?.destroy())
  }
}

// There is nothing to answer after that: the end of the connection interrupts it.
const instead = (act: () => void): Effect.Effect<never> => Effect.zipRight(Effect.sync(act), Effect.never)

const writeHalf = (response: Http.ServerResponse, message: Message, chunked: boolean, onWritten?: () => void): void => {
  const { "content-length": length, ...headers } = message.headers
  // Without a length, Node sends chunks.
  response.writeHead(message.status, chunked || length === undefined ? headers : message.headers)
  response.flushHeaders()
  response.write(half(message.body), onWritten)
}
