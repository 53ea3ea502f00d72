/** What the page's tests share: a server with the page, and requests of which each header is the test's own. */
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, Redacted } from "effect"
import { BillwerkClient, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as Http from "node:http"
import { destination } from "../../support.js"

export const pageOf = (options: SandboxServer.Options["page"] = {}, rules: Sandbox.Options = {}) =>
  SandboxServer.layerWith({ page: options }).pipe(Layer.provideMerge(Sandbox.layerSandboxWith(rules)))

export const page = pageOf()

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless the headers say something else. */
  readonly body?: unknown
}

export interface Answered {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
}

export const ask = (path: string, { body, headers = {}, method }: Asked = {}) =>
  Effect.flatMap(SandboxServer.SandboxServer, ({ port }) =>
    Effect.async<Answered, Error>((resume) => {
      const content = body === undefined ? {} : { "content-type": "application/json" }
      const options = {
        agent: false,
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: { ...content, ...headers }
      }
      const request = Http.request(`http://127.0.0.1:${port}${path}`, options, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
        response.on("error", (error) => resume(Effect.fail(error)))
        response.on("end", () =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
        )
      })
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end(body === undefined ? undefined : JSON.stringify(body))
      return Effect.sync(() => request.destroy())
    })
  )

export const json = (path: string) => Effect.map(ask(path), ({ text }) => JSON.parse(text))

/** Scripts a fault as a program in any language does. */
export const fault = (name: string, more: Readonly<Record<string, unknown>> = {}) =>
  ask("/sandbox/faults", { body: { fault: name, ...more } })

export const authorization = `Basic ${Buffer.from(`${Redacted.value(Sandbox.apiKey)}:`).toString("base64")}`

/** One create of a client that does not ask again, and waits for half a second. */
export const createOnce = (body: Readonly<Record<string, unknown>>) =>
  ask("/v1/payout", {
    body: { handle: "prize-2026-0042", destination, amount: 12_500, currency: "DKK", ...body },
    headers: { authorization }
  }).pipe(Effect.timeout("500 millis"), Effect.either)

/** The library over the server. */
export const payouts = (policy: RetryPolicy.RetryPolicy = RetryPolicy.none) =>
  Effect.gen(function* () {
    const { url } = yield* SandboxServer.SandboxServer
    const client = yield* BillwerkClient.make({ apiKey: Sandbox.apiKey, baseUrl: url, createDeadline: "2 seconds" })
    return yield* Effect.provideService(Payouts.make({ policy }), BillwerkClient.BillwerkClient, client)
  }).pipe(Effect.provide(FetchHttpClient.layer))
