/**
 * The provider's API over the host's `HttpClient`: one exchange per call, without retries. Every outcome is a `Reply`.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
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
import type * as readReply from "./readReply.js"
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
  /** An e-mail address in the record is kept only if it is this handle. */
  readonly customerHandle: string
}

/**
 * One page of a list, to be asked for. The window is in the account's local time. Without a `token`, it is the first
 * page.
 *
 * @category models
 * @since 0.1.0
 */
export interface PageRequest extends wire.PageRequest {}

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
     * make the request. `within` cuts the client's own deadline short.
     */
    readonly create: (request: PayoutRequest, within?: Duration.Duration) => Effect.Effect<Reply.Reply>
    /**
     * `GET /v1/payout/{handle}`. Moves no money. With the payout's request, the reply keeps nothing that the answer
     * repeats of it. Without it, the reply keeps no free text, and keeps an e-mail address as the customer handle only
     * if it is the known one. `within` cuts the client's own deadline short.
     */
    readonly lookup: (
      handle: Handle,
      about?: PayoutRequest | KnownCustomer,
      within?: Duration.Duration
    ) => Effect.Effect<Reply.Reply>
    /**
     * One page of `GET /v1/list/payout`. The reply keeps no free text of the payouts, as a lookup without its request.
     * The card of a filter is in the URL, and nowhere else.
     */
    readonly list: (page: PageRequest) => Effect.Effect<Reply.Reply<Reply.PageBody>>
    /** `GET /v1/payout/{handle}/transaction/{transaction}/details`. */
    readonly transactionDetails: (
      handle: Handle,
      transactionId: string
    ) => Effect.Effect<Reply.Reply<Reply.DetailsBody>>
    /** `GET /v1/account`. */
    readonly lookUpAccount: Effect.Effect<Reply.Reply<Reply.AccountBody>>
    /** Names the account without its key. Two clients of one account have the same name. */
    readonly account?: string | undefined
    /** The longest time for one create. */
    readonly createDeadline: Duration.Duration
    /** The longest time for one lookup, or any other exchange that only reads. */
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
  const shared = yield* Effect.serviceOption(RequestLimits.RequestLimits)
  const limits = Option.getOrUndefined(shared) ?? (yield* own(config))
  const wordsOf = words.reading({ apiKey: key, keepTexts: config.keepProviderTexts })
  const get = (path: string) =>
    // A cache on the way would answer in the provider's place.
    HttpClientRequest.get(`${config.baseUrl}${path}`, { headers: { ...headers, "cache-control": "no-store" } })
  const read = <Of extends Reply.Content>(
    request: HttpClientRequest.HttpClientRequest,
    contents: readReply.Contents<Of>,
    about: words.About,
    within = config.lookupDeadline
  ) => {
    const deadline = Duration.min(config.lookupDeadline, within)
    return traced(contents.kind, about.handle, send(request, deadline, contents, wordsOf(about)))
  }

  return BillwerkClient.of({
    account: fingerprint(`${url} ${key}`),
    createDeadline: config.createDeadline,
    lookupDeadline: config.lookupDeadline,
    limits,
    create: (request, within = config.createDeadline) => {
      if (!isPayoutRequest(request)) return notARequest
      const body = HttpClientRequest.bodyText(post, wire.encodeCreate(request), json)
      const said = wordsOf({ handle: request.handle, request })
      return traced("Create", request.handle, send(body, Duration.min(config.createDeadline, within), created, said))
    },
    lookup: (handle, about, within) => {
      const known = knownOf(about)
      if (known === undefined) return notARequest
      return read(get(`${wire.payoutPath}/${encodeURIComponent(handle)}`), shown, { handle, ...known }, within)
    },
    list: (page) => {
      const { card, customer } = page.filter
      const request = HttpClientRequest.setUrlParams(get(wire.listPath), wire.pageQuery(page))
      return read(request, listed, { customer, secrets: card === undefined ? [] : [Redacted.value(card)] })
    },
    transactionDetails: (handle, transactionId) =>
      read(get(`${wire.payoutPath}${wire.detailsPath(handle, transactionId)}`), detailed, { handle }),
    lookUpAccount: read(get(wire.accountPath), accounted, {})
  })
})

const own = ({ requestLimits }: BillwerkConfig.BillwerkConfig) =>
  requestLimits === "None" ? Effect.succeed(undefined) : RequestLimits.make(requestLimits)

const payoutOf = (json: unknown, said: words.Words): Reply.PayoutBody | undefined => {
  const payout = wire.readPayout(json, said)
  return payout === undefined ? undefined : { _tag: "PayoutBody", payout }
}

const created: readReply.Contents<Reply.PayoutBody> = { kind: "Create", read: payoutOf }
const shown: readReply.Contents<Reply.PayoutBody> = { kind: "Lookup", read: payoutOf }
const listed: readReply.Contents<Reply.PageBody> = { kind: "List", read: wire.readPage }
const detailed: readReply.Contents<Reply.DetailsBody> = { kind: "Details", read: wire.readDetails }
const accounted: readReply.Contents<Reply.AccountBody> = { kind: "Account", read: wire.readAccount }

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

const traced = <Of extends Reply.Content>(
  kind: Attempt.Kind,
  handle: string | undefined,
  self: Effect.Effect<Reply.Reply<Of>>
): Effect.Effect<Reply.Reply<Of>> =>
  Telemetry.traced(self, () => ({
    name: Telemetry.attemptSpan[kind],
    kind: "client",
    begins: {
      ...(handle === undefined ? {} : { [Telemetry.attribute.handle]: handle }),
      [Telemetry.attribute.method]: kind === "Create" ? "POST" : "GET"
    },
    ended: annotationsOf
  }))

const annotationsOf = (reply: Reply.Reply<Reply.Content>): Record<string, unknown> =>
  reply._tag === "NoResponse"
    ? { [Telemetry.attribute.reply]: reply.reason }
    : {
        [Telemetry.attribute.reply]: reply.body._tag,
        [Telemetry.attribute.status]: reply.status,
        ...(reply.requestId === undefined ? {} : { [Telemetry.attribute.requestId]: reply.requestId }),
        ...(reply.body._tag === "ApiError" ? { [Telemetry.attribute.code]: reply.body.code } : {})
      }
