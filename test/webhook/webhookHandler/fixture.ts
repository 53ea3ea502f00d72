/** What the tests of the webhook handler share. */
import { HttpApp, HttpServerRequest } from "@effect/platform"
import { Effect, Logger, Queue, Redacted } from "effect"
import * as Hints from "../../../src/webhook/Hints.js"
import * as Webhook from "../../../src/webhook/Webhook.js"
import * as WebhookHandler from "../../../src/webhook/WebhookHandler.js"

export const secret = Redacted.make("webhook-secret")

export const others = Redacted.make("others-secret")

export const url = "http://localhost/webhooks"

export type Body = string | Uint8Array<ArrayBuffer> | null

export const request = (body: Body, init: RequestInit = {}) => new Request(url, { method: "POST", body, ...init })

/** What the handler answers to a request, on this fiber and its clock. */
export const handle = <E, R>(app: HttpApp.Default<E, R>, request: Request) =>
  Effect.scoped(Effect.provideService(app, HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)))

/** The status of the answer to a body. */
export const post = <E, R>(app: HttpApp.Default<E, R>, body: Body) =>
  Effect.map(handle(app, request(body)), ({ status }) => status)

export const webhook = (content: Partial<Webhook.Content> = {}, by = secret) =>
  Webhook.body({ id: "w-1", payout: "p-1", ...content }, by)

export const make = <E = never, R = never>(options: Partial<WebhookHandler.Options<E, R>> = {}) =>
  WebhookHandler.make<E, R>({ secrets: [secret], ...options })

/** What those hear who listen for `p-1`. */
export const listening = Effect.flatMap(Hints.Hints, (hints) => hints.subscribe(["p-1"])).pipe(
  Effect.map((queue) => {
    const all: Array<string> = []
    return Effect.map(Queue.takeAll(queue), (latest) => {
      all.push(...[...latest].map(({ id }) => id))
      return all
    })
  })
)

export const withHints = Effect.provide(Hints.layer)

export const silently = Effect.provide(Logger.remove(Logger.defaultLogger))
