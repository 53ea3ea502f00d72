/**
 * A whole exchange as one step, which a layer of this library offers to `BillwerkClient` and a plain `HttpClient`
 * cannot. It holds the deadline by itself, makes no span, adds no header and follows no redirect. It needs no fiber of
 * its own, which saves a good part of an exchange's cost. At the deadline it knows whether anything was sent.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as transport from "./connectionError.js"

/** All that came back. */
export interface Received {
  /** Undefined if no answer began. */
  readonly head: Head | undefined
  readonly end: "Complete" | "TooLarge" | "Deadline" | transport.Failure
  /** Whether it is certain that no byte of the request was sent. */
  readonly sent: "NotSent" | "Unknown"
  /** The body as received, not unpacked. Empty if the body is not complete. */
  readonly body: Uint8Array
}

export interface Head {
  readonly status: number
  /** The header of this name, in lower case. Repeated headers are one text. */
  readonly header: (name: string) => string | undefined
}

/** Runs one exchange. It uses the machine's timers, so it is only for callers with the live clock. */
export type Exchange = <A>(
  request: HttpClientRequest.HttpClientRequest,
  deadline: Duration.Duration,
  read: (received: Received) => A
) => Effect.Effect<A>

const exchanges = new WeakMap<HttpClient.HttpClient, Exchange>()

/** Registers the exchange of a client. A client derived from it (`mapRequest`, `retry`) does not have the exchange. */
export const offer = (client: HttpClient.HttpClient, exchange: Exchange): HttpClient.HttpClient => {
  exchanges.set(client, exchange)
  return client
}

export const of = (client: HttpClient.HttpClient): Exchange | undefined => exchanges.get(client)
