/** What the tests of one exchange share. They run in memory and in virtual time; what sockets do is in `transports`. */
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Duration, Effect, Redacted, Stream } from "effect"
import { BillwerkClient, type BillwerkConfig, type Reply } from "effect-billwerk-payouts"
import { requestOf } from "../../support.js"

export const request = requestOf()

export const { handle } = request

export const body = JSON.stringify({ handle, state: "paid", amount: 12_500, currency: "DKK" })

export const payout: Reply.Body = {
  _tag: "PayoutBody",
  payout: {
    handle,
    state: "paid",
    amount: 12_500,
    currency: "DKK",
    customer: undefined,
    created: undefined,
    paid: undefined,
    failed: undefined,
    transactions: []
  }
}

export const requestId = "f1988fc2374b4a26a51ebd876b478428"

export const responded = (status: number, body: Reply.Body, more: Partial<Reply.Response> = {}): Reply.Reply => ({
  _tag: "Response",
  status,
  requestId: undefined,
  retryAfter: undefined,
  date: undefined,
  isCached: false,
  body,
  ...more
})

export type Respond = (
  request: HttpClientRequest.HttpClientRequest,
  signal: AbortSignal
) => Effect.Effect<Response, HttpClientError.HttpClientError>

/** An `HttpClient` that is a function. */
export const httpClient = (respond: Respond) =>
  HttpClient.make((request, _, signal) =>
    Effect.map(respond(request, signal), (web) => HttpClientResponse.fromWeb(request, web))
  )

export const clientOf = (respond: Respond, options: Partial<BillwerkConfig.Options> = {}) =>
  BillwerkClient.make({ apiKey: Redacted.make("priv_12051dfac75143fc827cf63a87f46df3"), ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, httpClient(respond))
  )

export const answering = (text: string | null, init: ResponseInit = {}) =>
  clientOf(() => Effect.sync(() => new Response(text, init)))

/** A body that comes piece by piece, by the clock of whoever reads it; without an end, unless it is said to have one. */
export const pieces = (pieces: ReadonlyArray<Uint8Array>, every: Duration.DurationInput, ends: boolean) =>
  Effect.map(Effect.runtime(), (runtime) =>
    Stream.fromIterable(pieces).pipe(
      Stream.tap(() => Effect.sleep(every)),
      Stream.rechunk(1),
      Stream.concat(ends ? Stream.empty : Stream.never),
      Stream.toReadableStreamRuntime(runtime)
    )
  )

export const bytesOf = (text: string) => Array.from(new TextEncoder().encode(text), (byte) => Uint8Array.of(byte))
