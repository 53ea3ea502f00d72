/**
 * The provider's API over the host's `HttpClient`: one exchange per call, without retries. Every outcome is a `Reply`.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as BillwerkConfig from "./BillwerkConfig.js"
import type * as Attempt from "../domain/Attempt.js"
import { fingerprint } from "../domain/Fingerprint.js"
import type { Handle } from "../domain/Handle.js"
import { InvalidRequest } from "../domain/InvalidRequest.js"
import { isPayoutRequest, type PayoutRequest } from "../domain/PayoutRequest.js"
import type * as Reply from "../domain/Reply.js"
import { over } from "./send.js"
import * as RequestLimits from "./RequestLimits.js"
import * as sendsOnce from "./sendsOnce.js"
import * as wire from "./wire.js"
import * as words from "./words.js"
import * as Telemetry from "../Telemetry.js"

/**
 * What is known of a payout when its request is not at hand.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownCustomer {
  readonly customerHandle: string
}

/**
 * The provider's API, one exchange per call.
 *
 * @category tags
 * @since 0.1.0
 */
export class BillwerkClient extends Context.Tag("effect-billwerk-payouts/BillwerkClient")<
  BillwerkClient,
  {
    /**
     * `POST /v1/payout`. The call makes the body once, so each run of the effect sends the same bytes. **Each run may
     * move money**: `Payouts.create` knows when a create must not be sent again. Dies if `PayoutRequest.make` did not
     * make the request.
     */
    readonly create: (request: PayoutRequest) => Effect.Effect<Reply.Reply>
    /**
     * `GET /v1/payout/{handle}`. Moves no money. With the payout's request, the reply keeps nothing that the answer
     * repeats of it. Without it, the reply keeps no free text, and keeps an e-mail address as the customer handle only
     * if it is the known one.
     */
    readonly lookup: (handle: Handle, about?: PayoutRequest | KnownCustomer) => Effect.Effect<Reply.Reply>
    /** Names the account without its key. Two clients of one account have the same name. */
    readonly account?: string | undefined
    /** The longest time for one create. */
    readonly createDeadline: Duration.Duration
    /** The longest time for one lookup. */
    readonly lookupDeadline: Duration.Duration
    /** The account's request limits. `Payouts` waits for a turn before each exchange; the calls here do not wait. */
    readonly limits?: RequestLimits.RequestLimits["Type"] | undefined
  }
>() {}

/**
 * Makes the client over the `HttpClient` in the context. Fails with a `ConfigError` if an option is invalid, or if the
 * `HttpClient` is known to send a POST again by itself (measured). That is `FetchHttpClient.layer` on Deno, unless its
 * `RequestInit` has a `client` that keeps no connections, and every client on Bun before 1.3.14. On Deno, `make`
 * requests `data:,` once to find out whether the client is fetch. It cannot recognise a client of your own that calls
 * Deno's fetch, or `node:http` with an agent that keeps connections.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: BillwerkConfig.Options) {
  const config = yield* BillwerkConfig.make(options)
  const http = yield* HttpClient.HttpClient
  yield* sendsOnce.check(http)
  const send = over(http)
  const key = Redacted.value(config.apiKey)
  const credentials = Encoding.encodeBase64(`${key}:`)
  const headers = {
    authorization: `Basic ${credentials}`,
    accept: "application/json",
    // A compressed body can be far larger than it looks, and not every layer would unpack it.
    "accept-encoding": "identity",
    "user-agent": config.userAgent
  }
  const url = `${config.baseUrl}${wire.payoutPath}`
  const post = HttpClientRequest.post(url, { headers })
  // A cache on the way would answer in the provider's place.
  const get = HttpClientRequest.get(url, { headers: { ...headers, "cache-control": "no-store" } })
  const shared = yield* Effect.serviceOption(RequestLimits.RequestLimits)
  const limits = Option.getOrUndefined(shared) ?? (yield* own(config))
  const wordsOf = words.reading({ apiKey: key, keepTexts: config.keepProviderTexts })

  return BillwerkClient.of({
    account: fingerprint(`${url} ${key}`),
    createDeadline: config.createDeadline,
    lookupDeadline: config.lookupDeadline,
    limits,
    create: (request) => {
      if (!isPayoutRequest(request)) return notARequest
      const body = HttpClientRequest.bodyText(post, wire.encodeCreate(request), json)
      const said = wordsOf({ handle: request.handle, request })
      return traced("Create", request.handle, send(body, config.createDeadline, "Create", said))
    },
    lookup: (handle, about) => {
      const known = knownOf(about)
      if (known === undefined) return notARequest
      const asked = HttpClientRequest.appendUrl(get, `/${encodeURIComponent(handle)}`)
      const said = wordsOf({ handle, ...known })
      return traced("Lookup", handle, send(asked, config.lookupDeadline, "Lookup", said))
    }
  })
})

const own = ({ requestLimits }: BillwerkConfig.BillwerkConfig) =>
  requestLimits === "None" ? Effect.succeed(undefined) : RequestLimits.make(requestLimits)

const knownOf = (about: PayoutRequest | KnownCustomer | undefined): Omit<words.About, "handle"> | undefined => {
  if (about === undefined || isPayoutRequest(about)) return { request: about }
  return typeof about.customerHandle === "string" ? { customer: about.customerHandle } : undefined
}

// A value that only looks like a request is not validated, and `Reply` has no error for it. So nothing is sent.
const notARequest = Effect.die(new InvalidRequest({ field: "request", reason: "must be made by PayoutRequest.make" }))

const json = "application/json"

/**
 * The client as a layer. Building it fails with a `ConfigError`, as `make` does.
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
 * @since 0.1.0
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
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Config.Wrap<BillwerkConfig.Options>
): Layer.Layer<BillwerkClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(BillwerkClient, Effect.flatMap(Config.unwrap(options), make))

const traced = (kind: Attempt.Kind, handle: Handle, self: Effect.Effect<Reply.Reply>): Effect.Effect<Reply.Reply> =>
  Telemetry.traced(self, () => ({
    name: Telemetry.attemptSpan[kind],
    kind: "client",
    begins: {
      [Telemetry.attribute.handle]: handle,
      [Telemetry.attribute.method]: kind === "Create" ? "POST" : "GET"
    },
    ended: annotationsOf
  }))

const annotationsOf = (reply: Reply.Reply): Record<string, unknown> =>
  reply._tag === "NoResponse"
    ? { [Telemetry.attribute.reply]: reply.reason }
    : {
        [Telemetry.attribute.reply]: reply.body._tag,
        [Telemetry.attribute.status]: reply.status,
        ...(reply.requestId === undefined ? {} : { [Telemetry.attribute.requestId]: reply.requestId }),
        ...(reply.body._tag === "ApiError" ? { [Telemetry.attribute.code]: reply.body.code } : {})
      }
