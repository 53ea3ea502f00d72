/**
 * Refuses an `HttpClient` whose runtime sends a POST again when its connection closes without an answer. Such a POST
 * may pay twice while the evidence has one create.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Predicate from "effect/Predicate"
import { liveClock, within } from "../host/deadline.js"
import * as connectionError from "./connectionError.js"

/**
 * The first Bun that sends once. Earlier ones repeat a POST over fetch, and node:http on kept connections (measured).
 */
const bunFirst = "1.3.14"

/**
 * The first Deno that sends once over a new connection. Over a kept connection its fetch repeats a POST, and 2.9.0 to
 * 2.9.5 repeat it over any connection (measured).
 */
const denoFirst = "2.9.6"

/** Fails if the client is known to send again, or runs on a runtime whose clients do. */
export const check = (client: HttpClient.HttpClient): Effect.Effect<void, ConfigError.ConfigError> =>
  Effect.suspend(() => {
    const bun = versionOf("Bun")
    if (bun !== undefined && isBefore(bun, bunFirst)) return refused(overBun(bun))
    const deno = versionOf("Deno")
    if (deno === undefined) return Effect.void
    return Effect.flatMap(isBareFetch(client, deno), (isBare) => (isBare ? refused(overDeno(deno)) : Effect.void))
  })

const refused = (message: string) => Effect.fail(ConfigError.Unsupported(["HttpClient"], message))

const repeats =
  "sends a POST again by itself when its connection closes without an answer, so a payout could be paid twice."

const overBun = (version: string): string =>
  `Bun before ${bunFirst} ${repeats} This is Bun ${version}: use ${bunFirst} or later.`

const overDeno = (version: string): string =>
  [
    `Deno's fetch ${repeats} This is Deno ${version}: use another HttpClient than FetchHttpClient.layer, which is`,
    "UndiciTransport.layer of this library, or NodeHttpClient.layer of @effect/platform-node (with its own agent: one that",
    "keeps connections sends again, too). Or",
    isBefore(version, denoFirst) ? `use Deno ${denoFirst} or later, and` : "",
    "provide FetchHttpClient.layer with a RequestInit of { client: Deno.createHttpClient({ poolMaxIdlePerHost: 0 }) }."
  ]
    .filter((part) => part !== "")
    .join(" ")

/** The version of the runtime with this global, if the program runs on it. */
const versionOf = (name: "Bun" | "Deno"): string | undefined => {
  const globals: object = globalThis
  const runtime = Predicate.hasProperty(globals, name) ? globals[name] : undefined
  if (!Predicate.hasProperty(runtime, "version")) return undefined
  const { version } = runtime
  const text = Predicate.hasProperty(version, "deno") ? version.deno : version
  return typeof text === "string" ? text : undefined
}

// A preview sorts before its version, and a text that is no version sorts before all.
const numbersOf = (version: string): ReadonlyArray<number> => {
  const [, major = "0", minor = "0", patch = "0", preview] = /^(\d+)\.(\d+)\.(\d+)(-)?/.exec(version) ?? []
  return [...[major, minor, patch].map(Number), preview === undefined ? 0 : -1]
}

const isBefore = Order.lessThan(Order.mapInput(Order.array(Order.number), numbersOf))

/**
 * Watches the fetch that `FetchHttpClient` takes from a request's context, and blocks a request that Deno would send
 * again. `check` has seen the layer's own `RequestInit`, but the caller's `RequestInit` replaces it.
 */
export const watch = (): ((context: Context.Context<never>) => Context.Context<never>) => {
  const deno = versionOf("Deno")
  if (deno === undefined) return (context) => context
  return (context) => {
    // A fetch of the host's own may call Deno's fetch.
    const send = Option.getOrElse(Context.getOption(context, FetchHttpClient.Fetch), () => globalThis.fetch)
    return Context.add(context, FetchHttpClient.Fetch, (input, init) =>
      sendsOnce(deno, init) ? send(input, init) : Promise.reject(notSent)
    )
  }
}

const notSent = new connectionError.Failure({ code: "ERR_FETCH_REPEATS", sent: "NotSent" })

/** Whether the `RequestInit` has a `client` of the host's own. Whether that client keeps connections is not visible. */
const sendsOnce = (deno: string, init: unknown): boolean =>
  !isBefore(deno, denoFirst) && Predicate.hasProperty(init, "client") && Predicate.isObject(init.client)

/**
 * Whether a client would send by Deno's fetch with kept connections. Only `FetchHttpClient` takes its fetch from the
 * context, so the check puts a fetch there that inspects and sends nothing. All other clients get a URL to which
 * nothing can be sent. Only what the layer itself brings counts, not the context in which it is built.
 */
const isBareFetch = (client: HttpClient.HttpClient, deno: string): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    let isBare = false
    const look = (_: unknown, init: unknown) => {
      isBare = !sendsOnce(deno, init)
      return Promise.resolve(new Response())
    }
    const looking = FiberRef.update(FiberRef.currentContext, Context.add(FetchHttpClient.Fetch, look))
    const asked = HttpClient.mapRequestEffect(client, () => Effect.as(looking, nowhere)).execute(nowhere)
    const alone = Effect.exit(Effect.mapInputContext(asked, (_: Context.Context<never>) => Context.empty())).pipe(
      Effect.withTracerEnabled(false)
    )
    return within(Effect.asVoid(alone), lookMax, constVoid).pipe(
      Effect.withClock(liveClock),
      Effect.map(() => isBare)
    )
  })

const nowhere = HttpClientRequest.get("data:,")

/** A client that does not reach its fetch in this time passes `check`, and `watch` still covers it. */
const lookMax = Duration.millis(200)
