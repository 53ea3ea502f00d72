/**
 * Receives the provider's webhooks over HTTP, and wakes the calls that wait for their references. **The provider
 * documents no webhook for payouts**: polling finds out that a payout is final, and a webhook that comes all the same
 * is a shortcut.
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Hint } from "../domain/Hint.js"
import { Hints } from "./Hints.js"
import { bounded, log } from "../host/hostCode.js"
import * as webhookBody from "./webhookBody.js"
import * as Telemetry from "../Telemetry.js"
import * as Webhook from "./Webhook.js"

/**
 * How long a body may take to arrive. The provider hangs up 10 seconds after it began.
 *
 * @category limits
 * @since 0.1.0
 */
export const bodyDeadline = Duration.seconds(3)

/**
 * The longest `hookDeadline`, so that the answer is always in time.
 *
 * @category limits
 * @since 0.1.0
 */
export const hookDeadlineMax = Duration.seconds(6)

/**
 * How many ids of handled webhooks are remembered, by default. A repeated webhook that is older than these is handled
 * once more, which is safe: it is a reason to look.
 *
 * @category defaults
 * @since 0.1.0
 */
export const idsMaxDefault = 10_000

/**
 * How many verified webhooks are handled at a time. The provider sends at most 10 (documented).
 *
 * @category defaults
 * @since 0.1.0
 */
export const concurrencyDefault = 32

/**
 * How many bodies are read at a time. One more ends the oldest read, so that slow senders do not keep fast ones out.
 *
 * @category limits
 * @since 0.1.0
 */
export const bodiesMax = 256

/**
 * How long `onHint` may take, by default: 3 seconds.
 *
 * @category defaults
 * @since 0.1.0
 */
export const hookDeadlineDefault = Duration.seconds(3)

/**
 * The settings of the handler: the secret is yours, everything else has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> extends Webhook.Options {
  /**
   * Runs before the handler answers, to store hints or to pass them on to other processes. The handler answers 2xx only
   * after it succeeded, and a failure with 500. Then the provider repeats the webhook, **and holds back that customer's
   * other webhooks meanwhile**. It may run more than once for one webhook. Its failure is not logged here, because it
   * may show what the webhook said.
   */
  readonly onHint?: ((hint: Hint) => Effect.Effect<void, E, R>) | undefined
  /** How long `onHint` may take; longer is a failure. Default: 3 seconds, and at most 6. */
  readonly hookDeadline?: Duration.DurationInput | undefined
  /** How many verified webhooks are handled at a time; more are answered with 503. Default: 32. */
  readonly concurrency?: number | undefined
  /** How many of the latest ids are remembered, so that a repeated webhook wakes nothing. Default: 10,000. */
  readonly idsMax?: number | undefined
}

/**
 * How a request ended.
 *
 * - `Accepted`: it woke the calls that wait for its references.
 * - `Duplicate`: it was accepted before.
 * - `Stale`, `TooEarly`: correctly signed, at the wrong time. The handler answers 2xx, because a refused webhook would
 *   hold back that customer's later ones. It wakes nothing.
 * - the other reasons of `Webhook.WebhookRejected`: it was refused.
 * - `NotPost`, `TooSlow`, `BrokenOff`: it was no POST, or its body did not arrive (in time, or before 256 newer ones).
 * - `HookFailed`: `onHint` failed, or took too long.
 * - `Busy`: too many other verified webhooks were being handled. An unsigned request takes no place.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending =
  Webhook.Reason | "Accepted" | "Duplicate" | "NotPost" | "TooSlow" | "BrokenOff" | "HookFailed" | "Busy"

/**
 * The HTTP status for each ending. The provider repeats a webhook that is answered with anything but 2xx.
 *
 * @category constants
 * @since 0.1.0
 */
export const statuses = {
  Accepted: 200,
  Duplicate: 200,
  Stale: 200,
  TooEarly: 200,
  Malformed: 400,
  BrokenOff: 400,
  Unsigned: 401,
  WrongSignature: 401,
  NotPost: 405,
  TooSlow: 408,
  TooLarge: 413,
  HookFailed: 500,
  Busy: 503
} as const satisfies Record<Ending, number>

/**
 * The handler, with its own memory of ids: make it once. Mount it where the provider's webhook settings point to. Once
 * the body is there, it answers within a second unless `onHint` takes longer. It keeps no more of a body than
 * `Webhook.bodyBytesMax`, and logs nothing of it: only each reason for not accepting one, at most once a minute.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServer } from "@effect/platform"
 * import { Config, Effect, Layer } from "effect"
 * import { WebhookHandler } from "effect-billwerk-payouts"
 *
 * const webhooks = Layer.unwrapEffect(
 *   Effect.gen(function* () {
 *     const secret = yield* Config.redacted("BILLWERK_WEBHOOK_SECRET")
 *     const handler = yield* WebhookHandler.make({ secrets: [secret] })
 *     return HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.post("/webhooks/billwerk", handler)))
 *   })
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never, R = never>(
  options: Options<E, R>
): Effect.Effect<HttpApp.Default<never, R>, ConfigError.ConfigError, Hints> =>
  Effect.gen(function* () {
    const hints = yield* Hints
    const { hookDeadline, secrets } = yield* check(options)
    const accept = acceptor(options, hints, hookDeadline)
    const report = reporter()
    const read = webhookBody.reader({ bodiesMax, deadline: bodyDeadline })
    const permits = yield* Effect.makeSemaphore(options.concurrency ?? concurrencyDefault)
    const inItsPlace = permits.withPermitsIfAvailable(1)

    const handle = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Ending, never, R> =>
      Effect.gen(function* () {
        if (request.method !== "POST") return "NotPost"
        const body = yield* read(request)
        if (typeof body === "string") return body
        const hint = yield* Effect.either(Webhook.verify(body, { ...options, secrets }))
        if (hint._tag === "Left") return hint.left.reason
        // After the signature: a sender without a secret could fill all places with bodies that do not end.
        return Option.getOrElse(yield* inItsPlace(accept(hint.right)), (): Ending => "Busy")
      })

    return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      handle(request).pipe(
        Effect.tap(report),
        Effect.map(answer),
        // The platform runs requests uninterruptibly. Nothing stays half done: what was not accepted comes again.
        Effect.interruptible
      )
    )
  })

interface Checked {
  readonly hookDeadline: Duration.Duration
  readonly secrets: Webhook.Options["secrets"]
}

const check = <E, R>(options: Options<E, R>): Either.Either<Checked, ConfigError.ConfigError> => {
  const { concurrency = concurrencyDefault, idsMax = idsMaxDefault } = options
  const hookDeadline = Duration.decode(options.hookDeadline ?? hookDeadlineDefault)
  // The reasons do not show the value: it may be a secret in the wrong place.
  const given: unknown = options.secrets
  const [first, ...others] = Array.isArray(given) ? given.map(ownSecret) : []
  if (first === undefined) return invalid("secrets", "must be one at least, and Redacted")
  const secrets: Checked["secrets"] = [first, ...others]
  if (!secrets.every((secret) => /^[\x21-\x7E]{1,255}$/.test(Redacted.value(secret)))) {
    return invalid("secrets", "must be 1 to 255 visible ASCII characters each")
  }
  for (const [name, count] of Object.entries({ concurrency, idsMax })) {
    if (!Number.isSafeInteger(count) || count < 1) return invalid(name, "must be an integer of 1 or more")
  }
  return Duration.between(hookDeadline, { minimum: Duration.millis(1), maximum: hookDeadlineMax })
    ? Either.right({ hookDeadline, secrets })
    : invalid("hookDeadline", "must be 1 millisecond to 6 seconds")
}

// A copy, because the caller may wipe its own. What is not a secret becomes an empty one, which `check` refuses.
const ownSecret = (secret: unknown): Redacted.Redacted<string> => {
  const text = Redacted.isRedacted(secret) ? revealed(secret) : Option.none()
  return Redacted.make(Option.getOrElse(Option.filter(text, Predicate.isString), () => ""))
}

const revealed = Option.liftThrowable((secret: Redacted.Redacted<unknown>) => Redacted.value(secret))

const invalid = (name: string, reason: string) => Either.left(ConfigError.InvalidData([name], reason))

/** Passes each hint on first, and then wakes the calls that wait for it, once. */
const acceptor = <E, R>(
  { idsMax = idsMaxDefault, onHint }: Options<E, R>,
  hints: Hints["Type"],
  hookDeadline: Duration.Duration
) => {
  const accepted = memory(idsMax)
  const passOn = (hint: Hint): Effect.Effect<boolean, never, R> =>
    onHint === undefined
      ? Effect.succeed(true)
      : succeeds(
          Effect.suspend(() => onHint(hint)),
          hookDeadline
        )
  return (hint: Hint): Effect.Effect<Ending, never, R> =>
    Effect.gen(function* () {
      if (accepted.has(hint.id)) return "Duplicate"
      if (!(yield* passOn(hint))) return "HookFailed"
      // The same webhook may have been accepted meanwhile.
      if (!accepted.add(hint.id)) return "Duplicate"
      yield* bounded("Hints.publish", hookDeadline, () => hints.publish(hint), undefined)
      return "Accepted"
    })
}

/** Whether an effect succeeds in time, even if it dies or cannot be interrupted. */
const succeeds = <E, R>(
  effect: Effect.Effect<void, E, R>,
  deadline: Duration.Duration
): Effect.Effect<boolean, never, R> =>
  // As a value, because Effect logs the failure of a fiber.
  Effect.disconnect(Effect.exit(effect)).pipe(
    Effect.timeoutTo({ duration: deadline, onSuccess: Exit.isSuccess, onTimeout: () => false })
  )

// --- the answer ---

const answer = (ending: Ending): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({ status: statuses[ending], headers: headers(ending) })

const headers = (ending: Ending): Headers.Headers => {
  switch (ending) {
    case "NotPost":
      return Headers.fromInput({ allow: "POST" })
    case "TooLarge":
    case "TooSlow":
    case "BrokenOff":
    case "Busy":
      // The handler does not wait for the rest of the body.
      return Headers.fromInput({ connection: "close" })
    default:
      return Headers.empty
  }
}

// --- what is remembered ---

/** The latest ids. `add` returns whether one is new. */
const memory = (idsMax: number) => {
  const ids = new Set<string>()
  return {
    has: (id: string) => ids.has(id),
    add: (id: string) => {
      if (ids.has(id)) return false
      ids.add(id)
      for (const oldest of ids) {
        if (ids.size <= idsMax) break
        ids.delete(oldest)
      }
      return true
    }
  }
}

const logEvery = Duration.toMillis("1 minute")

/** Counts each ending, and logs those that a person may have to look into, each at most once a minute. */
const reporter = () => {
  const quiet = new Map<Ending, { readonly until: number; readonly more: number }>()
  return (ending: Ending): Effect.Effect<void> =>
    Effect.gen(function* () {
      yield* Telemetry.countWebhook(ending)
      if (ending === "Accepted" || ending === "Duplicate") return
      const now = yield* Clock.currentTimeMillis
      const { more, until } = quiet.get(ending) ?? { more: 0, until: -Infinity }
      if (now < until) {
        quiet.set(ending, { until, more: more + 1 })
        return
      }
      quiet.set(ending, { until: now + logEvery, more: 0 })
      const before = more === 0 ? "" : `, as were ${more} others since the last such line`
      yield* log(Effect.logWarning(`A webhook request was answered with ${statuses[ending]}: ${ending}${before}`))
    })
}
