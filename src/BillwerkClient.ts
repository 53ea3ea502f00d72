/**
 * One exchange with the provider and no retry, over whatever `HttpClient` the host provides. Whatever happens comes back
 * as a `Reply`: this is the only place where HTTP's errors are seen, because they hold requests, and requests hold keys.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { constTrue } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as BillwerkConfig from "./BillwerkConfig.js"
import type * as Attempt from "./domain/Attempt.js"
import * as Customer from "./domain/Customer.js"
import * as Destination from "./domain/Destination.js"
import type { Handle } from "./domain/Handle.js"
import type { PayoutRequest } from "./domain/PayoutRequest.js"
import type * as Reply from "./domain/Reply.js"
import { within } from "./internal/deadline.js"
import * as transport from "./internal/transport.js"
import * as wire from "./internal/wire.js"
import * as words from "./internal/words.js"
import * as Telemetry from "./Telemetry.js"

/**
 * The provider, one exchange at a time.
 *
 * @category tags
 */
export class BillwerkClient extends Context.Tag("effect-billwerk-payouts/BillwerkClient")<
  BillwerkClient,
  {
    /**
     * `POST /v1/payout`. The body is made once, when this is called: the effect may be run again, and sends the very
     * same bytes. **It may move money each time**: `Payouts.create` knows when it must not be run again.
     */
    readonly create: (request: PayoutRequest) => Effect.Effect<Reply.Reply>
    /**
     * `GET /v1/payout/{handle}`. Moves nothing. With the request that made the payout, whatever the answer repeats of its
     * secrets is taken out; without it, only the key is.
     */
    readonly lookup: (handle: Handle, request?: PayoutRequest) => Effect.Effect<Reply.Reply>
    /** The longest that one create may take. */
    readonly createDeadline: Duration.Duration
    /** The longest that one lookup may take. */
    readonly lookupDeadline: Duration.Duration
  }
>() {}

/**
 * The client over the `HttpClient` in the context.
 *
 * @category constructors
 */
export const make = Effect.fnUntraced(function* (options: BillwerkConfig.Options) {
  const config = yield* BillwerkConfig.make(options)
  const http = HttpClient.mapRequestEffect(yield* HttpClient.HttpClient, (request) => Effect.as(privately, request))
  const key = Redacted.value(config.apiKey)
  const credentials = Encoding.encodeBase64(`${key}:`)
  const headers = {
    authorization: `Basic ${credentials}`,
    accept: "application/json",
    // What is compressed can be far larger than it looks, and not every layer would unpack it.
    "accept-encoding": "identity",
    "user-agent": config.userAgent
  }
  const url = `${config.baseUrl}${wire.payoutPath}`
  const post = HttpClientRequest.post(url, { headers })
  const get = HttpClientRequest.get(url, { headers })
  const keys = words.ofKey(key)
  const clean = words.cleaner(keys)
  const cleanerOf = ({ customer, destination, handle }: PayoutRequest) =>
    words.cleaner(
      keys,
      [Destination.unwrap(destination), emailOf(customer) ?? ""],
      [handle, Customer.expectedHandle(customer) ?? ""]
    )

  return BillwerkClient.of({
    createDeadline: config.createDeadline,
    lookupDeadline: config.lookupDeadline,
    create: (request) => {
      const body = HttpClientRequest.bodyText(post, wire.encodeCreate(request), json)
      return exchange(http, body, "Create", request.handle, config.createDeadline, cleanerOf(request))
    },
    lookup: (handle, request) => {
      const asked = HttpClientRequest.appendUrl(get, `/${encodeURIComponent(handle)}`)
      const cleanLookup = request === undefined ? clean : cleanerOf(request)
      return exchange(http, asked, "Lookup", handle, config.lookupDeadline, cleanLookup)
    }
  })
})

const emailOf = (customer: PayoutRequest["customer"]) => (typeof customer === "object" ? customer.email : undefined)

const json = "application/json"

/**
 * The client as a layer. Fails while it is built, with a `ConfigError`, if an option is not in order.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 * import { BillwerkClient } from "effect-billwerk-payouts"
 *
 * const live = BillwerkClient.layer({ apiKey: Redacted.make("priv_...") }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @category layers
 */
export const layer = (
  options: BillwerkConfig.Options
): Layer.Layer<BillwerkClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(BillwerkClient, make(options))

/**
 * The client as a layer, with options from Effect's `Config`.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { BillwerkClient } from "effect-billwerk-payouts"
 *
 * const live = BillwerkClient.layerConfig({ apiKey: Config.redacted("BILLWERK_API_KEY") })
 * ```
 *
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<BillwerkConfig.Options>
): Layer.Layer<BillwerkClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(BillwerkClient, Effect.flatMap(Config.unwrap(options), make))

/**
 * No platform span (its URL holds the handle), and no trace headers to a third party. And no redirects: a followed 307
 * would send the destination to whoever answers. node:http and undici follow none; fetch does unless it is told. A
 * RequestInit that was given to the fetch layer itself (a proxy, say) can only be seen, and kept, from inside the client's own
 * context. The fiber of the exchange is gone after it, and what is set here with it.
 */
const privately = Effect.updateFiberRefs((id, refs) =>
  FiberRefs.updateManyAs(refs, {
    entries: [
      [HttpClient.currentTracerDisabledWhen, [[id, constTrue]]],
      [HttpClient.currentTracerPropagation, [[id, false]]],
      [FiberRef.currentContext, [[id, manually(FiberRefs.getOrDefault(refs, FiberRef.currentContext))]]]
    ]
  })
)

const manually = (context: Context.Context<never>): Context.Context<never> =>
  Context.add(context, FetchHttpClient.RequestInit, {
    ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
    redirect: "manual"
  })

const exchange = (
  http: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  kind: Attempt.Kind,
  handle: Handle,
  deadline: Duration.Duration,
  clean: words.Clean
): Effect.Effect<Reply.Reply> =>
  Effect.suspend(() => {
    let head: Head | undefined
    const receive = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Reply.Reply> => {
      const retryAfter = response.headers["retry-after"]
      // Nearly no answer has one, and only a date needs the time.
      return retryAfter === undefined
        ? read(response, undefined)
        : Effect.flatMap(Clock.currentTimeMillis, (now) => read(response, retryAfterFrom(retryAfter, now)))
    }
    const read = (response: HttpClientResponse.HttpClientResponse, retryAfter: Duration.Duration | undefined) => {
      const { headers, status } = response
      const arrived = (head = { status, requestId: requestIdFrom(headers["request-id"], clean), retryAfter })
      return Effect.match(textOf(response), {
        onFailure: (error) => withBody(arrived, error.reason === "EmptyBody" ? "" : cutOff, kind, clean),
        onSuccess: (text) => withBody(arrived, text, kind, clean)
      })
    }
    const answered = Effect.matchEffect(http.execute(request), {
      // A host's client may make errors of statuses. They are still answers.
      onFailure: (error) =>
        error._tag === "ResponseError" && error.reason === "StatusCode"
          ? receive(error.response)
          : Effect.succeed(fromFailure(error)),
      onSuccess: receive
    })
    return within(answered, deadline, (): Reply.Reply =>
      // The status counts even if the rest never came: a 502 without its page is a 502.
      head === undefined
        ? { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
        : { _tag: "Response", ...head, body: { _tag: "CutOff", reason: "Deadline" } }
    )
  }).pipe(
    Telemetry.traced<Reply.Reply, never>({
      name: Telemetry.attemptSpan[kind],
      kind: "client",
      begins: () => ({ [Telemetry.attribute.handle]: handle, [Telemetry.attribute.method]: request.method }),
      ended: annotationsOf
    })
  )

const annotationsOf = (reply: Reply.Reply): Record<string, unknown> =>
  reply._tag === "NoResponse"
    ? { [Telemetry.attribute.reply]: reply.reason }
    : {
        [Telemetry.attribute.reply]: reply.body._tag,
        [Telemetry.attribute.status]: reply.status,
        ...(reply.requestId === undefined ? {} : { [Telemetry.attribute.requestId]: reply.requestId }),
        ...(reply.body._tag === "ApiError" ? { [Telemetry.attribute.code]: reply.body.code } : {})
      }

const fromFailure = (error: HttpClientError.HttpClientError): Reply.Reply => {
  // Encode and InvalidUrl come before anything is sent; so does whatever the transport can prove.
  const before = error._tag === "RequestError" && (error.reason !== "Transport" || transport.isNotSent(error.cause))
  return {
    _tag: "NoResponse",
    reason: transport.isCertificate(error.cause) ? "Certificate" : "Transport",
    sent: before ? "NotSent" : "Unknown",
    systemCode: transport.systemCode(error.cause)
  }
}

interface Head {
  readonly status: number
  readonly requestId: string | undefined
  readonly retryAfter: Duration.Duration | undefined
}

const requestIdFrom = (text: string | undefined, clean: words.Clean): string | undefined =>
  text !== undefined && /^[\w.:-]{1,128}$/.test(text) ? clean(text) : undefined

// Three centuries: past every deadline, and still a number that can be encoded.
const retryAfterSecondsMax = 1e10

// Seconds or a date in GMT. A date that has passed means now; what is neither is left to the policy's own backoff.
const retryAfterFrom = (text: string, now: number): Duration.Duration | undefined => {
  if (/^\d+$/.test(text)) return Duration.seconds(Math.min(Number(text), retryAfterSecondsMax))
  const date = /^[A-Z][a-z]{2,8}, .{5,30} GMT$/.test(text) ? DateTime.make(text.replace(/ GMT$/, "Z")) : Option.none()
  return Option.getOrUndefined(
    Option.map(date, (until) => Duration.millis(Math.max(0, DateTime.toEpochMillis(until) - now)))
  )
}

/** The body's text; or why there is none. */
type Text = string | Extract<Reply.Body, { readonly _tag: "CutOff" | "Unreadable" }>

const textOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Text, HttpClientError.ResponseError> =>
  isBounded(response) ? response.text : readCapped(response)

const cutOff: Text = { _tag: "CutOff", reason: "Transport" }

// Every HTTP parser holds a body to its declared length, so a small declared length needs no counting of our own; but it
// says nothing of what a compressed body grows into.
const isBounded = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  headers["content-encoding"] === undefined &&
  Number(headers["content-length"] ?? Infinity) <= BillwerkConfig.bodyBytesMax

const readCapped = ({ stream }: HttpClientResponse.HttpClientResponse) =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let bytes = 0
    return stream.pipe(
      Stream.takeUntil((chunk) => {
        bytes += chunk.byteLength
        if (bytes <= BillwerkConfig.bodyBytesMax) text += decoder.decode(chunk, { stream: true })
        return bytes > BillwerkConfig.bodyBytesMax
      }),
      Stream.runDrain,
      Effect.map((): Text => (bytes > BillwerkConfig.bodyBytesMax ? tooLarge : text + decoder.decode()))
    )
  })

const tooLarge: Text = { _tag: "Unreadable", why: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` }

const withBody = (head: Head, body: Text, kind: Attempt.Kind, clean: words.Clean): Reply.Response =>
  typeof body === "string" ? parse(head, body, kind, clean) : { _tag: "Response", ...head, body }

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const parse = (head: Head, text: string, kind: Attempt.Kind, clean: words.Clean): Reply.Response => {
  if (text.trim() === "") return { _tag: "Response", ...head, body: { _tag: "Unreadable", why: "an empty body" } }
  const value = parseJson(text)
  if (Option.isNone(value)) {
    return { _tag: "Response", ...head, body: { _tag: "Unreadable", why: "a body that is not JSON" } }
  }
  const payout = head.status === 200 ? wire.readPayout(value.value, clean) : undefined
  if (payout !== undefined) return { _tag: "Response", ...head, body: { _tag: "PayoutBody", payout } }
  const answer = wire.readError(value.value, clean)
  if (answer === undefined) {
    return { _tag: "Response", ...head, body: { _tag: "Unreadable", why: `a body that is no ${kind} answer` } }
  }
  return {
    _tag: "Response",
    ...head,
    requestId: head.requestId ?? requestIdFrom(answer.requestId, clean),
    body: answer.error
  }
}
