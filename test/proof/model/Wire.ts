/**
 * The provider over an `HttpClient`, for one process; and what that process saw of it, which is all that it can know.
 */
import {
  Cookies,
  Headers,
  HttpClient,
  HttpClientError,
  HttpClientResponse,
  HttpIncomingMessage
} from "@effect/platform"
import type { HttpClientRequest } from "@effect/platform"
import { DateTime, Effect, Inspectable, Option, Schema, Stream } from "effect"
import { type Fate, handle, type Provider, type Reading, type Response } from "./Provider.js"

/** A transaction as a record showed it. */
export interface Shown {
  readonly id: string
  readonly created: number
  readonly state: string
  readonly errorState: string | undefined
  readonly card: string | undefined
}

/** What an answer says about the payout. */
export type Answer =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Record"; readonly transactions: ReadonlyArray<Shown> }
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Claim"; readonly code: number }
  | { readonly _tag: "Foreign" }

/** One exchange, as the process saw it. Without an end, the process died before it. */
export interface Exchange {
  readonly kind: "create" | "lookup"
  /** Of a create. */
  readonly card: string
  readonly sent: number
  done: number | undefined
  answer: Answer
}

/** Decides what becomes of each request of a process. */
export interface Weather {
  /** Who is dead sees no answer. */
  readonly isAlive: () => boolean
  readonly post: (handle: string, card: string) => Fate
  readonly get: () => Reading
}

const Sent = Schema.parseJson(Schema.Struct({ handle: Schema.String, destination: Schema.String }))

const Body = Schema.Struct({
  handle: Schema.String,
  transactions: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      created: Schema.DateTimeUtc,
      state: Schema.String,
      error_state: Schema.optional(Schema.String),
      card: Schema.optional(Schema.Struct({ id: Schema.String }))
    })
  )
})

const Refused = Schema.Struct({ code: Schema.Number })

const isRefused = Schema.is(Refused)
const decodeSent = Schema.decodeUnknownSync(Sent)
const decodeBody = Schema.decodeUnknownSync(Body)

/** The provider as one process reaches it. */
export const httpClient = (
  provider: Provider,
  process: string,
  weather: Weather,
  seen: (exchange: Exchange) => void
): HttpClient.HttpClient => {
  let requests = 0
  return HttpClient.make((request, url) =>
    Effect.async<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
      const isCreate = request.method === "POST"
      const sent = isCreate ? decodeSent(textOf(request)) : undefined
      const exchange: Exchange = {
        kind: isCreate ? "create" : "lookup",
        card: sent?.destination ?? "",
        sent: provider.now,
        done: undefined,
        answer: { _tag: "Nothing" }
      }
      const done = (response: Response | undefined) => {
        if (!weather.isAlive()) return
        exchange.done = provider.now
        if (response === undefined) {
          resume(new HttpClientError.RequestError({ request, reason: "Transport", cause: reset }))
          return
        }
        exchange.answer = answerOf(response)
        resume(Effect.succeed(new Answered(request, response, provider.now, `${process}-${++requests}`)))
      }
      // What becomes of it is decided on what was seen before it.
      if (sent === undefined) {
        const reading = weather.get()
        seen(exchange)
        provider.get(decodeURIComponent(url.pathname.split("/").at(-1) ?? ""), reading, done)
      } else {
        const fate = weather.post(sent.handle, sent.destination)
        seen(exchange)
        provider.post(sent.destination, process, fate, done)
      }
    })
  )
}

/** What a response says, to who reads no more than what is written. */
export const answerOf = ({ body, status }: Response): Answer => {
  if (status !== 200) {
    if (!isRefused(body)) return { _tag: "Nothing" }
    if (body.code === 137) return { _tag: "Unknown" }
    return body.code === 133 || body.code === 134 ? { _tag: "Claim", code: body.code } : { _tag: "Nothing" }
  }
  const record = decodeBody(body)
  if (record.handle !== handle) return { _tag: "Foreign" }
  return {
    _tag: "Record",
    transactions: record.transactions.map(({ card, created, error_state, id, state }) => ({
      id,
      created: DateTime.toEpochMillis(created),
      state,
      errorState: error_state,
      card: card?.id
    }))
  }
}

const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })

const textOf = ({ body }: HttpClientRequest.HttpClientRequest): string =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

/** A response that is read at once: a web `Response` takes a turn of the real event loop, which virtual time never has. */
class Answered extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies = Cookies.empty
  readonly remoteAddress = Option.none<string>()
  readonly text: Effect.Effect<string>
  readonly json: Effect.Effect<unknown>
  readonly arrayBuffer: Effect.Effect<ArrayBuffer>
  readonly stream: Stream.Stream<Uint8Array>
  readonly formData = Effect.die("a payout is no form")
  readonly urlParamsBody = Effect.die("a payout is no form")

  constructor(
    readonly request: HttpClientRequest.HttpClientRequest,
    response: Response,
    now: number,
    requestId: string
  ) {
    super()
    const text = JSON.stringify(response.body)
    const bytes = new TextEncoder().encode(text)
    this.status = response.status
    this.headers = Headers.fromInput({
      "content-type": "application/json",
      "content-length": String(bytes.length),
      // Whole seconds, as HTTP has it.
      date: DateTime.toDateUtc(DateTime.unsafeMake(now)).toUTCString(),
      "request-id": requestId
    })
    this.text = Effect.succeed(text)
    this.json = Effect.succeed(response.body)
    this.arrayBuffer = Effect.succeed(bytes.slice().buffer)
    this.stream = Stream.make(bytes)
  }

  toJSON(): unknown {
    return { _id: "Answered", status: this.status }
  }
}
