/**
 * The page of a sandbox that is watched: the ledger, the timeline of each payout, and faults to script by a click. What
 * the page can do, a program in any language can do as well, by JSON under `/sandbox`.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Acquirer from "../Acquirer.js"
import type * as Sandbox from "../Sandbox.js"
import type * as SandboxWebhooks from "../SandboxWebhooks.js"
import * as Script from "../Script.js"
import { behaviour } from "./behaviour.js"
import { document, icon } from "./document.js"
import { byName, faults } from "./faults.js"
import { isJson, refusal } from "./guard.js"
import { known, overview, rowOf } from "./picture.js"
import { style } from "./style.js"
import { timelineOf } from "./timeline.js"

export interface Options {
  /** Host names that the server goes by, beside those of loopback and its addresses. Default: none. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** The webhooks that timelines show. Default: none. */
  readonly webhooks?: Pick<SandboxWebhooks.Service, "sent"> | undefined
  /** What the page says of this server, in its own words. */
  readonly settings?: ReadonlyArray<readonly [name: string, value: string]> | undefined
}

/** An app with the page at `/` and its requests under `/sandbox`. All else goes to the provider, unless another page asks. */
export const around = (provider: HttpApp.Default, sandbox: Sandbox.Service, options: Options): HttpApp.Default => {
  const routes = routesOf(sandbox, options)
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refused = refusal(request, options.hosts ?? [])
    if (refused !== undefined) return failed(403, refused)
    const path = request.originalUrl.split("?")[0] ?? ""
    const route = routes.get(`${request.method} ${path}`)
    if (route !== undefined) {
      if (request.method === "POST" && !isJson(request)) return failed(415, "Content-Type must be application/json")
      return yield* route
    }
    return path.startsWith("/sandbox") ? failed(404, "there is nothing here") : yield* provider
  }).pipe(HttpIncomingMessage.withMaxBodySize(Option.some(bodyMax)))
}

/** A payout has some hundred bytes. */
const bodyMax = FileSystem.MiB(1)

const routesOf = (sandbox: Sandbox.Service, options: Options): ReadonlyMap<string, HttpApp.Default> =>
  new Map<string, HttpApp.Default>([
    ["GET /", Effect.succeed(text(document, "text/html; charset=utf-8"))],
    ["GET /sandbox/page.css", Effect.succeed(text(style, "text/css; charset=utf-8"))],
    ["GET /sandbox/page.js", Effect.succeed(text(behaviour, "text/javascript; charset=utf-8"))],
    ["GET /sandbox/icon.svg", Effect.succeed(text(icon, "image/svg+xml"))],
    ["GET /favicon.ico", Effect.succeed(text(icon, "image/svg+xml"))],
    ["GET /sandbox/settings", Effect.succeed(json(options.settings ?? []))],
    ["GET /sandbox/faults", Effect.succeed(json(faults.map(({ step: _, ...fault }) => fault)))],
    ["GET /sandbox/ledger", Effect.map(overview(sandbox), json)],
    ["GET /sandbox/payout", payoutOf(sandbox, options)],
    ["GET /sandbox/events", Effect.succeed(eventsOf(sandbox))],
    ["POST /sandbox/faults", scriptFault(sandbox)],
    ["DELETE /sandbox/faults", Effect.as(sandbox.clear, done)],
    ["POST /sandbox/settle", settle(sandbox)],
    ["POST /sandbox/reset", Effect.as(sandbox.reset, done)]
  ])

// --- what is shown ---

const payoutOf = (sandbox: Sandbox.Service, { webhooks }: Options): HttpApp.Default =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const handle = new URLSearchParams(request.originalUrl.split("?")[1] ?? "").get("handle") ?? ""
    const found = yield* known(sandbox, handle)
    if (Option.isNone(found)) return failed(404, "there is no such payout")
    const sent = webhooks === undefined ? [] : yield* webhooks.sent
    const own = sent.filter((one) => one.handle === handle)
    return json({ row: rowOf(handle, found.value), timeline: timelineOf(found.value, own) })
  })

/** How often the ledger is looked at for a page that is open. */
const pace = "300 millis"

/** How often a page that is open hears that the server is still there. */
const heartbeat = "15 seconds"

/** Server-sent events: the ledger, each time that it has changed. */
const eventsOf = (sandbox: Sandbox.Service): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.stream(
    Stream.repeatEffectWithSchedule(
      Effect.map(overview(sandbox), (seen) => `data: ${JSON.stringify(seen)}\n\n`),
      Schedule.spaced(pace)
    ).pipe(
      Stream.changes,
      Stream.merge(Stream.as(Stream.fromSchedule(Schedule.spaced(heartbeat)), ": still here\n\n")),
      Stream.encodeText
    ),
    { contentType: "text/event-stream", headers }
  )

// --- what can be done ---

const Wanted = Schema.Struct({
  fault: Schema.String,
  /** The payout that it is for. Default: the next one. */
  handle: Schema.optional(Schema.String.pipe(Schema.maxLength(255))),
  /** For how many requests in a row. Default: 1. */
  times: Schema.optional(Schema.Int.pipe(Schema.between(1, 1000)))
})

const scriptFault = (sandbox: Sandbox.Service): HttpApp.Default =>
  Effect.gen(function* () {
    const { fault, handle = "", times = 1 } = yield* HttpServerRequest.schemaBodyJson(Wanted)
    const found = byName.get(fault)
    if (found === undefined) return failed(400, "there is no such fault: GET /sandbox/faults names them all")
    const step = found.step.pipe(Script.named(found.name), Script.times(times))
    yield* sandbox.script(handle === "" ? step : Script.forHandle(handle)(step))
    return done
  }).pipe(
    Effect.catchAll(() =>
      Effect.succeed(failed(400, "the body must be { fault, handle?, times? }, times from 1 to 1000"))
    )
  )

const Settlement = Schema.Struct({ handle: Schema.String, as: Schema.Literal("paid", "declined") })

const settle = (sandbox: Sandbox.Service): HttpApp.Default =>
  Effect.gen(function* () {
    const { as, handle } = yield* HttpServerRequest.schemaBodyJson(Settlement)
    yield* sandbox.settle(handle, as === "paid" ? Acquirer.paid : Acquirer.hardDeclined())
    return done
  }).pipe(
    Effect.catchTag("NotProcessing", () => Effect.succeed(failed(409, "this payout is not processing"))),
    Effect.catchAll(() => Effect.succeed(failed(400, "the body must be { handle, as: paid or declined }")))
  )

// --- answers ---

/** Nothing from elsewhere, nothing inline, in no frame, and kept nowhere. */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
} as const

const text = (body: string, contentType: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { contentType, headers })

const json = (value: unknown): HttpServerResponse.HttpServerResponse => text(JSON.stringify(value), "application/json")

const failed = (status: number, error: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setStatus(json({ error }), status)

const done: HttpServerResponse.HttpServerResponse = HttpServerResponse.empty({ status: 204, headers })
