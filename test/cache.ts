/**
 * An `HttpClient` behind a careless shared cache: it answers a GET with what it heard before at that URL, whoever asks
 * and whatever the status was. Time is Effect's.
 */
import { type Headers, HttpClient, HttpClientResponse, UrlParams } from "@effect/platform"
import { Duration, Effect, Either } from "effect"

export interface Options {
  /** How long an answer is kept. */
  readonly maxAge: Duration.DurationInput
  /** What `cache-control: no-store` means to it, in a request and in an answer. */
  readonly noStore: "Honoured" | "Ignored"
  /** Whether an answer that was kept says how old it is, in whole seconds. */
  readonly age: "Sent" | "Absent"
}

interface Kept {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: ArrayBuffer
  /** Epoch milliseconds. */
  readonly heard: number
}

/** A client that has a cache of its own between itself and what `client` reaches. */
export const careless =
  (options: Options) =>
  (client: HttpClient.HttpClient): HttpClient.HttpClient => {
    const kept = new Map<string, Kept>()
    const maxAge = Duration.toMillis(options.maxAge)
    const forbids = (headers: Headers.Headers) =>
      options.noStore === "Honoured" && /\bno-store\b/i.test(headers["cache-control"] ?? "")

    return HttpClient.transform(client, (send, request) =>
      Effect.clockWith((clock) => {
        const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
        if (request.method !== "GET" || Either.isLeft(url) || forbids(request.headers)) return send
        const { href } = url.right
        const before = kept.get(href)
        const age = clock.unsafeCurrentTimeMillis() - (before?.heard ?? -Infinity)
        if (before !== undefined && age < maxAge) {
          const seconds = String(Math.floor(age / 1000))
          const headers = options.age === "Sent" ? { ...before.headers, age: seconds } : before.headers
          return Effect.succeed(HttpClientResponse.fromWeb(request, web(before, headers)))
        }
        return Effect.flatMap(send, (response) => {
          const { headers, status } = response
          // What a web `Response` cannot be is not kept.
          if (status < 200 || status > 599 || forbids(headers)) return Effect.succeed(response)
          return Effect.map(response.arrayBuffer, (body) => {
            const heard = { status, headers, body, heard: clock.unsafeCurrentTimeMillis() }
            kept.set(href, heard)
            return HttpClientResponse.fromWeb(request, web(heard, headers))
          })
        })
      })
    )
  }

const web = ({ body, status }: Kept, headers: Headers.Headers): Response =>
  new Response(bodiless.has(status) ? null : body, { status, headers })

const bodiless = new Set([204, 205, 304])
