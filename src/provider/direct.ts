/**
 * What a layer of our own can do for `BillwerkClient` that no `HttpClient` can: a whole exchange as one step, whose deadline
 * it holds by itself, and which makes no span, adds no header and follows no redirect. It needs no fiber for itself, which is a
 * good part of what an exchange costs; and when time is up it knows whether anything was sent.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as transport from "./connectionError.js"

/** All that came back. */
export interface Received {
  /** None, if no answer began. */
  readonly head: Head | undefined
  readonly end: "Complete" | "TooLarge" | "Deadline" | transport.Failure
  /** Whether it is certain that no byte of the request was sent. */
  readonly sent: "NotSent" | "Unknown"
  /** The body, if it is complete; as it came, and not unpacked. */
  readonly body: Uint8Array
}

export interface Head {
  readonly status: number
  /** By its name, in lower case. What came more than once is one text. */
  readonly header: (name: string) => string | undefined
}

/** Waits by the machine's own timers, so it is for those whose clock does, too. */
export type Exchange = <A>(
  request: HttpClientRequest.HttpClientRequest,
  deadline: Duration.Duration,
  read: (received: Received) => A
) => Effect.Effect<A>

const exchanges = new WeakMap<HttpClient.HttpClient, Exchange>()

/** Says of a client that it can do this, too. A client that is made of it (`mapRequest`, `retry`) cannot. */
export const offer = (client: HttpClient.HttpClient, exchange: Exchange): HttpClient.HttpClient => {
  exchanges.set(client, exchange)
  return client
}

export const of = (client: HttpClient.HttpClient): Exchange | undefined => exchanges.get(client)
