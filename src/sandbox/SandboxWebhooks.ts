/**
 * The simulated provider's webhooks, for tests of a receiver. **The real provider documents none for payouts**: that a
 * paid or failed payout has one, its name and its references are made up here. How webhooks are signed, queued and
 * repeated is documented.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constTrue, identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Webhook from "../webhook/Webhook.js"
import type { Change } from "./Changes.js"
import { Playbook } from "./Playbook.js"
import { identifier } from "./Provider.js"
import { Sandbox } from "./Sandbox.js"
import { normal, type Parts, type Step } from "./WebhookScript.js"

/**
 * The event names of a payout's webhooks. Made up, after those of invoices.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventTypes = { paid: "payout_settled", failed: "payout_failed" } as const

/**
 * When a webhook without a 2xx answer is sent again: after 2, 5, 10, 20 and 30 minutes, then every hour for three days.
 * Source: a third party's account of the provider's documentation.
 *
 * @category constants
 * @since 0.1.0
 */
export const repeats: Schedule.Schedule<unknown> = Schedule.fromDelays(
  "2 minutes",
  "5 minutes",
  "10 minutes",
  "20 minutes",
  "30 minutes"
).pipe(Schedule.andThen(Schedule.spaced("1 hour")), Schedule.upTo("3 days"))

/**
 * How long the provider waits for an answer (documented).
 *
 * @category constants
 * @since 0.1.0
 */
export const answerDeadline = Duration.seconds(10)

/**
 * How many requests the provider makes at a time (documented).
 *
 * @category constants
 * @since 0.1.0
 */
export const concurrencyMax = 10

/**
 * How many of the latest requests are remembered.
 *
 * @category constants
 * @since 0.1.0
 */
export const sentMax = 10_000

/**
 * Receives a webhook's body, and returns the status of the answer. See `toApp` and `toUrl`.
 *
 * @category models
 * @since 0.1.0
 */
export type Receiver<E = never, R = never> = (body: string) => Effect.Effect<number, E, R>

/**
 * Who receives the webhooks, and the secret that they are signed with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /** The account's webhook secret. */
  readonly secret: Redacted.Redacted<string>
  /** Who gets them: `toApp`, `toUrl`, or a function of your own. */
  readonly receiver: Receiver<E, R>
}

/**
 * A webhook request that was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  /** The webhook's `id`. */
  readonly id: string
  /** The webhook's `event_type`, if it had one. */
  readonly eventType: string | undefined
  /** The payout's handle, as the provider meant it. */
  readonly handle: string | undefined
  /** From the provider, from a sender without the secret, or a repeat of one of the provider's. */
  readonly kind: "Genuine" | "Forged" | "Copy"
  /** When it left. */
  readonly when: DateTime.Utc
  /** The status of the answer. Undefined if none came in time. */
  readonly status: number | undefined
}

/**
 * What a test does with the webhooks: arrange failures of their delivery, and look at what was sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Appends steps, each for the next webhook that it matches. Others get the standing steps, or are normal. */
  readonly script: (...steps: ReadonlyArray<Step>) => Effect.Effect<void>
  /** How many webhooks the script still has steps for. */
  readonly scriptLeft: Effect.Effect<number>
  /** Replaces the standing steps, for each webhook without a step in the script. Without steps, it removes them. */
  readonly always: (...steps: ReadonlyArray<Step>) => Effect.Effect<void>
  /** Sends a webhook of any other event, with an id of its own, in the same way as those of payouts. */
  readonly send: (content: Omit<Webhook.Content, "id">) => Effect.Effect<void>
  /** The finished requests, in the order of their end. */
  readonly sent: Effect.Effect<ReadonlyArray<Sent>>
  /** Waits until `count` requests have finished, and returns them. */
  readonly awaitSent: (count: number) => Effect.Effect<ReadonlyArray<Sent>>
}

/**
 * The webhooks of the sandbox, for tests: the script, and the sent requests.
 *
 * @category tags
 * @since 0.1.0
 */
export class SandboxWebhooks extends Context.Tag("effect-billwerk-payouts/SandboxWebhooks")<
  SandboxWebhooks,
  Service
>() {}

/**
 * Sends a webhook for each attempt that ends in the sandbox, until the scope closes. Each customer's are in order: the
 * next one waits until the one before was answered with 2xx or given up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E, R>(options: Options<E, R>): Effect.Effect<Service, never, Sandbox | Scope.Scope | R> =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox
    const scope = yield* Effect.scope
    const playbook = new Playbook(isFor, normal.parts)
    const { request, sent } = yield* requests(options.receiver)
    const inbox = yield* Queue.unbounded<Event>()
    const turnOf = turns()
    let ids = 0

    // Interruptible even if the layer is built uninterruptibly, or its scope would never close.
    const background = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkIn(Effect.interruptible(effect), scope)
    const dispatch = (content: Omit<Webhook.Content, "id">) =>
      Effect.suspend(() => {
        ids += 1
        const named = { eventId: identifier("e", ids), ...content, id: identifier("d", ids) }
        const parts = playbook.next(content.payout)
        const carried = Scope.extend(carry(request, options.secret, sandbox.now, named, parts), scope)
        return background(parts.unordered === true ? carried : turnOf(content.customer)(carried))
      })

    const next = Effect.flatMap(Queue.take(inbox), (event) =>
      event._tag === "Planned" ? background(look(sandbox.ledger, event.due)) : dispatch(contentOf(event))
    )
    yield* background(Effect.forever(next))
    yield* sandbox.tell(inbox)

    return {
      script: (...steps) => Effect.sync(() => playbook.append(steps)),
      scriptLeft: Effect.sync(() => playbook.left),
      always: (...steps) => Effect.sync(() => playbook.stand(steps)),
      send: (content) => Effect.asVoid(Queue.offer(inbox, { _tag: "Any", content })),
      sent: SubscriptionRef.get(sent),
      awaitSent: (count) =>
        sent.changes.pipe(
          Stream.filter((all) => all.length >= count),
          Stream.runHead,
          Effect.flatMap(() => SubscriptionRef.get(sent))
        )
    }
  })

/**
 * Sends the sandbox's webhooks to a receiver for as long as the layer lives.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { Hints, WebhookHandler } from "effect-billwerk-payouts"
 * import { Sandbox, SandboxWebhooks } from "effect-billwerk-payouts/testing"
 *
 * const secret = Redacted.make("webhook-secret")
 *
 * // A sandbox whose webhooks reach a handler in memory, which wakes whoever listens to the `Hints`.
 * const webhooks = Layer.unwrapEffect(
 *   Effect.map(WebhookHandler.make({ secrets: [secret] }), (handler) =>
 *     SandboxWebhooks.layer({ secret, receiver: SandboxWebhooks.toApp(handler) })
 *   )
 * ).pipe(Layer.provideMerge(Layer.mergeAll(Hints.layer, Sandbox.layer)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(options: Options<E, R>): Layer.Layer<SandboxWebhooks, never, Sandbox | R> =>
  Layer.scoped(SandboxWebhooks, make(options))

/**
 * Delivers webhooks to an app, in memory.
 *
 * @category receivers
 * @since 0.1.0
 */
export const toApp =
  <E, R>(
    app: HttpApp.Default<E, R>
  ): Receiver<
    E,
    Exclude<Exclude<R | HttpServerRequest.HttpServerRequest, Scope.Scope>, HttpServerRequest.HttpServerRequest>
  > =>
  (body) =>
    app.pipe(
      Effect.map(({ status }) => status),
      Effect.scoped,
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromWeb(
          new Request("http://localhost/", { method: "POST", body, headers: { "content-type": "application/json" } })
        )
      )
    )

/**
 * Posts webhooks to a URL by `fetch`: the `HttpClient` is often the sandbox's. Follows no redirects (documented).
 *
 * @category receivers
 * @since 0.1.0
 */
export const toUrl =
  (url: string): Receiver<HttpClientError.HttpClientError> =>
  (body) =>
    Effect.flatMap(HttpClient.HttpClient, (client) =>
      HttpClientRequest.post(url).pipe(
        HttpClientRequest.bodyText(body, "application/json"),
        HttpClient.withTracerDisabledWhen(client, constTrue).execute,
        Effect.map(({ status }) => status)
      )
    ).pipe(
      Effect.provide(FetchHttpClient.layer),
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
    )

/** All events go through one queue, so that each customer's are in order. */
type Event = Change | { readonly _tag: "Any"; readonly content: Omit<Webhook.Content, "id"> }

/** Makes one request, and returns whether it was answered with 2xx. */
type Request = (kind: Sent["kind"], content: Webhook.Content, body: string) => Effect.Effect<boolean>

/** Makes requests, and remembers them. */
const requests = <E, R>(receiver: Receiver<E, R>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const sent = yield* SubscriptionRef.make<ReadonlyArray<Sent>>([])
    const connections = yield* Effect.makeSemaphore(concurrencyMax)

    const post = (body: string) =>
      Effect.suspend(() => receiver(body)).pipe(
        Effect.provide(context),
        Effect.timeoutTo({ duration: answerDeadline, onSuccess: identity, onTimeout: () => undefined }),
        Effect.catchAllCause(() => Effect.succeed(undefined))
      )

    const request: Request = (kind, { eventType, id, payout }, body) =>
      Effect.gen(function* () {
        const when = yield* DateTime.now
        const status = yield* post(body)
        const one: Sent = { id, eventType, handle: payout, kind, when, status }
        yield* SubscriptionRef.update(sent, (all) => [...all, one].slice(-sentMax))
        return status !== undefined && status >= 200 && status < 300
      }).pipe(connections.withPermits(1))

    return { request, sent }
  })

/** Everything for one webhook: the part that delays its customer's next one, and then its copies. */
const carry = (
  request: Request,
  secret: Redacted.Redacted<string>,
  clock: Effect.Effect<DateTime.Utc>,
  content: Webhook.Content,
  parts: Parts
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (parts.delay !== undefined) yield* Effect.sleep(parts.delay)
    if (parts.forged === true) {
      const forged = { ...content, id: `${content.id}0` }
      yield* request("Forged", forged, yield* Webhook.body(forged, nobodysSecret))
    }
    if (parts.lost === true) return
    const timestamp = DateTime.add(yield* clock, { millis: parts.aheadMillis ?? 0 })
    const body = yield* Webhook.body({ timestamp, ...content, ...parts.alteration }, secret)
    const isTaken = Effect.filterOrFail(request("Genuine", content, body), identity)
    yield* Effect.ignore(Effect.retry(isTaken, repeats))
    for (const after of parts.copies ?? [])
      yield* Effect.forkScoped(Effect.delay(request("Copy", content, body), after))
  })

/** Runs each customer's webhooks one after the other, first come, first served. */
const turns = () => {
  const queues = new Map<string, Effect.Semaphore>()
  return (customer = "") => {
    const queue = queues.get(customer) ?? Effect.unsafeMakeSemaphore(1)
    queues.set(customer, queue)
    return queue.withPermits(1)
  }
}

const isFor = ({ handle }: Parts, asked: string | undefined): boolean => handle === undefined || handle === asked

const nobodysSecret = Redacted.make("nobody's secret")

const contentOf = (event: Exclude<Event, { readonly _tag: "Planned" }>): Omit<Webhook.Content, "id"> => {
  if (event._tag === "Any") return event.content
  const { customer, handle, state, transactions } = event.payout
  return {
    eventType: state === "paid" ? eventTypes.paid : eventTypes.failed,
    payout: handle,
    customer,
    transaction: transactions.at(-1)?.id
  }
}

// Due changes happen only when the sandbox is accessed. A timer may fire slightly before its time by the clock.
const look = (ledger: Effect.Effect<unknown>, due: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let now = yield* Clock.currentTimeMillis; now < due; now = yield* Clock.currentTimeMillis) {
      yield* Effect.sleep(due - now)
    }
    yield* ledger
  })
