/**
 * An undici answer as an `HttpClientResponse`. Its body is read whether or not the caller asks for it, and has usually
 * arrived by then.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as BillwerkConfig from "../provider/BillwerkConfig.js"
import { type End, type Exchange, type RawHeaders, textOf } from "./Exchange.js"

/** The part of a request that an error may show: without the key in its headers, and without its body. */
export const bare = ({ method, url }: HttpClientRequest.HttpClientRequest) => HttpClientRequest.make(method)(url)

/** Ends the exchanges whose responses were dropped unread. Otherwise their connections would stay open. */
const unheeded = new FinalizationRegistry<Exchange>((exchange) => exchange.abort())

/** The response to a request whose head has arrived. The fiber that will read the response must make it. */
export const make = (
  request: HttpClientRequest.HttpClientRequest,
  { headers, status }: NonNullable<Exchange["head"]>,
  exchange: Exchange
): HttpClientResponse.HttpClientResponse => {
  const response = new UndiciResponse(request, status, headers, exchange)
  // Most bodies come with their head, and need no watch.
  if (exchange.end === undefined) unheeded.register(response, exchange)
  return response
}

type Reading<A> = Effect.Effect<A, HttpClientError.ResponseError>

class UndiciResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()

  constructor(
    readonly request: HttpClientRequest.HttpClientRequest,
    readonly status: number,
    private readonly raw: RawHeaders,
    private readonly exchange: Exchange
  ) {
    super()
    this.headers = Headers.fromInput(raw)
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.raw["set-cookie"] ?? [])
  }

  get text(): Reading<string> {
    return Effect.map(this.chunks, textOf)
  }

  // Neither this nor `formData` keeps the parser's own error: it quotes the body.
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

  /** The body as it comes. A reader that stops early closes the connection. */
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

  /** Without the body and the headers: only the caller may show those. */
  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status }
  }

  private get bytes(): Reading<Uint8Array> {
    return Effect.map(this.chunks, (chunks) => Buffer.concat(chunks))
  }

  private get chunks(): Reading<ReadonlyArray<Uint8Array>> {
    return Effect.suspend(() => {
      const { chunks, end, more } = this.exchange
      if (end === undefined) return Effect.zipRight(more, this.chunks)
      return end === "Complete" ? Effect.succeed(chunks) : Effect.fail(this.cutOff(end))
    })
  }

  private cutOff(end: Exclude<End, "Complete">): HttpClientError.ResponseError {
    if (end !== "TooLarge") return this.unreadable({ cause: end })
    return this.unreadable({ description: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` })
  }

  private unreadable(why: { readonly description: string } | { readonly cause: unknown }) {
    return new HttpClientError.ResponseError({ request: bare(this.request), response: this, reason: "Decode", ...why })
  }
}
