/**
 * The provider as an `HttpClient`, without a socket or a thread, and with Effect's clock only. A broken connection
 * looks as it does to a client on Node: the same errors, with the same codes in their causes.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Delivery, drip, half, type Message } from "./Delivery.js"
import type { Incoming } from "./Incoming.js"

type Receive = (incoming: Incoming) => Effect.Effect<Delivery>

/** Without a span and an abort controller, which cost more than everything else here. Interruption needs neither. */
export const httpClient = (receive: Receive): HttpClient.HttpClient =>
  HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    (preprocessed) => Effect.flatMap(preprocessed, (request) => execute(receive, request)),
    Effect.succeed
  )

const execute = (
  receive: Receive,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
  if (Either.isLeft(url)) {
    return Effect.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause: url.left }))
  }
  if (!/^https?:$/.test(url.right.protocol)) {
    return Effect.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl", description: "not HTTP" }))
  }
  const { pathname: path, search } = url.right
  const incoming = { method: request.method, path, query: search.slice(1), headers: request.headers }
  const send = (body: Uint8Array) =>
    Effect.flatMap(receive({ ...incoming, body }), (delivery) => arrive(request, delivery))
  const body = bytesOf(request)
  return Effect.isEffect(body) ? Effect.flatMap(body, send) : send(body)
}

const bytesOf = (
  request: HttpClientRequest.HttpClientRequest
): Uint8Array | Effect.Effect<Uint8Array, HttpClientError.RequestError> => {
  const body: HttpBody.HttpBody = request.body
  switch (body._tag) {
    case "Uint8Array":
      return body.body
    case "Raw":
      return body.body instanceof Uint8Array ? body.body : encoder.encode(String(body.body))
    case "Stream":
      return body.stream.pipe(
        Stream.runCollect,
        Effect.map(concat),
        Effect.mapError((cause) => new HttpClientError.RequestError({ request, reason: "Encode", cause }))
      )
    case "Empty":
    case "FormData":
      return nothing
  }
}

const arrive = (
  request: HttpClientRequest.HttpClientRequest,
  delivery: Delivery
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError> => {
  switch (delivery._tag) {
    case "Answered":
      return Effect.succeed(new Response(request, delivery.message))
    case "Truncated":
      return Effect.succeed(new Response(request, framed(delivery.message, delivery.chunked), "Ends"))
    case "Stalled":
      return Effect.succeed(new Response(request, delivery.message, "Stalls"))
    case "Dripping":
      return Effect.succeed(new Response(request, delivery.message, delivery.every))
    case "Dropped":
      return lost(request, delivery.reset ? systemError("read ECONNRESET", "ECONNRESET", "read") : hangUp())
    case "Refused":
      return lost(request, systemError("connect ECONNREFUSED 127.0.0.1:443", "ECONNREFUSED", "connect"))
  }
}

const lost = (request: HttpClientRequest.HttpClientRequest, cause: Error) =>
  Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))

const systemError = (message: string, code: string, syscall: string): Error =>
  Object.assign(new Error(message), { code, syscall })

const hangUp = (): Error => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })

const framed = (message: Message, chunked: boolean): Message => {
  if (!chunked) return message
  const { "content-length": _, ...headers } = message.headers
  return { ...message, headers: { ...headers, "transfer-encoding": "chunked" } }
}

/**
 * A response whose body is already there: a web `Response` would take many times as long to return it. It may also end
 * or stall in the middle of its body, or give it one byte at a time. It may have a status or a body that a web
 * `Response` refuses.
 */
class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers

  constructor(
    readonly request: HttpClientRequest.HttpClientRequest,
    private readonly message: Message,
    private readonly flaw?: "Ends" | "Stalls" | Duration.Duration
  ) {
    super()
    this.headers = Headers.unsafeFromRecord(message.headers)
  }

  get status(): number {
    return this.message.status
  }

  get cookies(): Cookies.Cookies {
    return Cookies.empty
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        try: (): unknown => (text === "" ? null : JSON.parse(text)),
        catch: (cause) => this.unreadable(cause)
      })
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.fail(this.unreadable("the sandbox answers no forms"))
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const { body } = this.message
    switch (this.flaw) {
      case undefined:
        return body.length === 0 ? Stream.empty : Stream.succeed(body)
      case "Ends":
        return Stream.concat(Stream.succeed(half(body)), Stream.fail(this.unreadable(terminated())))
      case "Stalls":
        return Stream.concat(Stream.succeed(half(body)), Stream.fromEffect(silence))
      default:
        return drip(body, this.flaw)
    }
  }

  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status, headers: this.headers }
  }

  private get bytes(): Effect.Effect<Uint8Array, HttpClientError.ResponseError> {
    switch (this.flaw) {
      case undefined:
        return Effect.succeed(this.message.body)
      case "Ends":
        return Effect.fail(this.unreadable(terminated()))
      case "Stalls":
        return silence
      default:
        return Effect.as(Stream.runDrain(this.stream), this.message.body)
    }
  }

  private unreadable(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({ request: this.request, response: this, reason: "Decode", cause })
  }
}

// `Effect.never` would keep a timer. This leaves nothing behind when its fiber is dropped without an interruption.
const silence: Effect.Effect<never> = Effect.async(() => {})

const terminated = (): Error =>
  new TypeError("terminated", { cause: Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" }) })

const concat = (chunks: Chunk.Chunk<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(Chunk.reduce(chunks, 0, (length, chunk) => length + chunk.length))
  Chunk.reduce(chunks, 0, (offset, chunk) => {
    whole.set(chunk, offset)
    return offset + chunk.length
  })
  return whole
}

const nothing = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()
