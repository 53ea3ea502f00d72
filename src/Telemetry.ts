/**
 * The names of what this library reports, through Effect's own `Tracer` and `Metric`: one span per call, one per
 * attempt, and a few metrics. None holds a key, a destination, a customer or a body.
 */

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Kind } from "./domain/Attempt.js"
import type { Outcome } from "./domain/Outcome.js"
import type { LookupError, PayoutError } from "./domain/PayoutError.js"

/**
 * The span of one call, by the method.
 *
 * @category spans
 * @since 0.1.0
 */
export const payoutSpan = {
  create: "Payouts.create",
  recover: "Payouts.recover",
  awaitFinal: "Payouts.awaitFinal",
  get: "Payouts.get"
} as const

/**
 * The span of one exchange, by its kind.
 *
 * @category spans
 * @since 0.1.0
 */
export const attemptSpan = { Create: "BillwerkClient.create", Lookup: "BillwerkClient.lookup" } as const

/**
 * Attribute names. The HTTP ones are OpenTelemetry's.
 *
 * @category attributes
 * @since 0.1.0
 */
export const attribute = {
  handle: "payout.handle",
  status: "http.response.status_code",
  method: "http.request.method",
  code: "billwerk.error_code",
  requestId: "billwerk.request_id",
  reply: "billwerk.reply",
  attempts: "payout.attempts",
  outcome: "payout.outcome",
  certainty: "payout.certainty"
} as const

const key = {
  outcomes: MetricKey.counter("payout.outcomes", { incremental: true }),
  attempts: MetricKey.counter("payout.attempts", { incremental: true }),
  waits: MetricKey.histogram("payout.waits", MetricBoundaries.exponential({ start: 0.5, factor: 2, count: 12 })),
  inDoubt: MetricKey.gauge("payout.in_doubt"),
  webhooks: MetricKey.counter("payout.webhooks", { incremental: true }),
  exposureInDoubt: MetricKey.gauge("payout.in_doubt.exposure"),
  finalAge: MetricKey.histogram("payout.final_age", MetricBoundaries.exponential({ start: 1, factor: 4, count: 10 }))
} as const

/**
 * The metrics of this library. Labels are few and bounded: an outcome, a certainty, a kind of exchange, a category, a
 * currency, a webhook's ending; never a handle. Read them with `Metric.value`, or export them (see the README).
 *
 * - `outcomes`: how calls of `create`, `recover` and `awaitFinal` ended, by outcome and certainty.
 * - `attempts`: exchanges with the provider, by kind and outcome.
 * - `waits`: seconds waited before an exchange that a retry policy granted, by category.
 * - `inDoubt`, `exposureInDoubt`: how many payouts that this process remembers may have moved money (those that are
 *   processing included), and the most that they can have moved, in minor units, by currency.
 * - `webhooks`: webhook requests, by ending.
 * - `finalAge`: seconds from a payout's creation at the provider until this process found it final, by outcome.
 *
 * @category metrics
 * @since 0.1.0
 */
export const metric = {
  outcomes: Metric.fromMetricKey(key.outcomes),
  attempts: Metric.fromMetricKey(key.attempts),
  waits: Metric.fromMetricKey(key.waits),
  inDoubt: Metric.fromMetricKey(key.inDoubt),
  webhooks: Metric.fromMetricKey(key.webhooks),
  exposureInDoubt: Metric.fromMetricKey(key.exposureInDoubt),
  finalAge: Metric.fromMetricKey(key.finalAge)
} as const

/**
 * The label names of the metrics.
 *
 * @category metrics
 * @since 0.1.0
 */
export const label = {
  ...attribute,
  kind: "payout.attempt_kind",
  category: "payout.category",
  currency: "payout.currency",
  ending: "payout.webhook_ending"
}

/** @internal */
export type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** @internal */
export const countAttempt = (kind: Kind, outcome: string): Effect.Effect<void> =>
  Metric.increment(
    attemptsOf(`${kind} ${outcome}`, () => [
      MetricLabel.make(label.kind, kind),
      MetricLabel.make(label.outcome, outcome)
    ])
  )

// `Metric.increment` without its effect of five steps, because each payout is counted twice.
const increment = (fiber: AnyFiber, counter: Metric.Metric.Counter<number>): void =>
  counter.unsafeUpdate(1, fiber.getFiberRef(FiberRef.currentMetricLabels))

/** @internal */
export const measureWait = (category: string, wait: Duration.Duration): Effect.Effect<void> =>
  Metric.update(
    waitsOf(category, () => [MetricLabel.make(label.category, category)]),
    Duration.toSeconds(wait)
  )

/** @internal */
export const measureFinalAge = (outcome: string, created: DateTime.Utc | undefined): Effect.Effect<void> =>
  created === undefined
    ? Effect.void
    : Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Metric.update(
          agesOf(outcome, () => [MetricLabel.make(label.outcome, outcome)]),
          Math.max(0, now - created.epochMillis) / 1000
        )
      )

/** @internal */
export const countWebhook = (ending: string): Effect.Effect<void> =>
  Metric.increment(webhooksOf(ending, () => [MetricLabel.make(label.ending, ending)]))

/**
 * A change in what may have moved.
 *
 * @internal
 */
export interface Doubt {
  readonly payouts: number
  readonly currency: string
  readonly exposure: number
}

/** @internal */
export const countDoubt = ({ currency, exposure, payouts }: Doubt): Effect.Effect<void> =>
  Effect.zipRight(
    Metric.incrementBy(metric.inDoubt, payouts),
    Metric.incrementBy(
      exposuresOf(currency, () => [MetricLabel.make(label.currency, currency)]),
      exposure
    )
  )

// Makes a labelled metric once, from a key with its labels: one that is tagged later (`Metric.taggedWithLabels`) looks
// itself up again each time.
const labelled = <M>(make: (labels: ReadonlyArray<MetricLabel.MetricLabel>) => M) => {
  const made = new Map<string, M>()
  return (of: string, labels: () => ReadonlyArray<MetricLabel.MetricLabel>): M => {
    const known = made.get(of)
    if (known !== undefined) return known
    const one = make(labels())
    made.set(of, one)
    return one
  }
}

const webhooksOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.webhooks, labels)))
const outcomesOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.outcomes, labels)))
const attemptsOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.attempts, labels)))
const waitsOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.waits, labels)))
const exposuresOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.exposureInDoubt, labels)))
const agesOf = labelled((labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key.finalAge, labels)))

/**
 * The name, kind and attributes of a span: those at its beginning, and those at its end.
 *
 * @internal
 */
export interface Span<A> {
  readonly name: string
  readonly kind?: Tracer.SpanKind
  readonly begins: Record<string, unknown>
  readonly ended: (end: A) => Record<string, unknown>
}

/**
 * Runs an effect in one span, if the host has installed a tracer: Effect's default one makes spans that are never
 * shown. `self` receives the fiber that it runs in.
 *
 * @internal
 */
export const traced = <A, E, R>(
  self: (fiber: AnyFiber) => Effect.Effect<A, E, R>,
  span: () => Span<A | E>
): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) => {
    if (Context.get(fiber.currentDefaultServices, Tracer.Tracer) === unseen) return self(fiber)
    const { begins, ended, kind = "internal", name } = span()
    const annotate = (end: A | E) => Effect.annotateCurrentSpan(ended(end))
    let isBegun = false
    let exit: Exit.Exit<A, E> | undefined
    const begun = Effect.withFiberRuntime<A, E, R>((inner) => {
      isBegun = true
      return Effect.onExit(self(inner), (end) =>
        Effect.sync(() => {
          exit = end
        })
      )
    })
    return Effect.tapBoth(begun, { onFailure: annotate, onSuccess: annotate }).pipe(
      Effect.withSpan(name, { kind, attributes: begins, captureStackTrace: false }),
      // A host's tracer that throws takes no result away, and keeps nothing from starting.
      Effect.catchAllCause((cause) => exit ?? (isBegun ? Effect.failCause(cause) : self(fiber)))
    )
  })

const unseen = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * The span of a call about a payout.
 *
 * @internal
 */
export const ofCall =
  (name: string, handle: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    traced(
      () => self,
      () => ({ name, begins: { [attribute.handle]: handle }, ended: () => ({}) })
    )

/**
 * The span of a call that pays out or waits for a payout, and the count of its outcome.
 *
 * @internal
 */
export const ofPayout =
  (name: string, handle: string) =>
  <E extends PayoutError | LookupError>(self: Effect.Effect<Outcome, E>): Effect.Effect<Outcome, E> =>
    traced(
      (fiber) => counted(fiber, self),
      () => ({
        name,
        begins: { [attribute.handle]: handle },
        ended: (end) => ({ ...labelsOf(end), [attribute.attempts]: end.attempts.length })
      })
    )

const labelsOf = (end: Outcome | PayoutError | LookupError): Record<string, string> => ({
  [attribute.outcome]: end._tag,
  ...("certainty" in end ? { [attribute.certainty]: end.certainty } : {})
})

const counted = <E extends PayoutError | LookupError>(
  fiber: AnyFiber,
  self: Effect.Effect<Outcome, E>
): Effect.Effect<Outcome, E> =>
  Effect.matchCauseEffect(self, {
    onFailure: (cause) => {
      Option.map(Cause.failureOption(cause), (error) => countOutcome(fiber, error))
      return Effect.failCause(cause)
    },
    onSuccess: (outcome) => {
      countOutcome(fiber, outcome)
      return Effect.succeed(outcome)
    }
  })

const countOutcome = (fiber: AnyFiber, end: Outcome | PayoutError | LookupError): void =>
  increment(
    fiber,
    outcomesOf("certainty" in end ? `${end._tag} ${end.certainty}` : end._tag, () =>
      Object.entries(labelsOf(end)).map(([key, value]) => MetricLabel.make(key, value))
    )
  )
