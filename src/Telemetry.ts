/**
 * The names of what this library reports, through Effect's own `Tracer` and `Metric`: one span per call, one per
 * attempt, and a few metrics. None holds a key, a destination, a customer or a body.
 */

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
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
  get: "Payouts.get",
  transactionDetails: "Payouts.transactionDetails",
  assess: "Payouts.assess"
} as const

/**
 * The span of one exchange, by its kind.
 *
 * @category spans
 * @since 0.1.0
 */
export const attemptSpan = {
  Create: "BillwerkClient.create",
  Lookup: "BillwerkClient.lookup",
  List: "BillwerkClient.list",
  Details: "BillwerkClient.transactionDetails",
  Account: "BillwerkClient.lookUpAccount"
} as const

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

/**
 * The metrics of this library. Labels are few and bounded: an outcome, a certainty, a kind of exchange, a category, a
 * currency, a webhook's ending; never a handle. Read them with `Metric.value`, or export them (`docs/operations.md`).
 *
 * - `outcomes`: how calls of `create`, `recover` and `awaitFinal` ended, by outcome and certainty.
 * - `attempts`: exchanges with the provider, by kind and outcome.
 * - `waits`: seconds waited before an exchange that a retry policy granted, by category.
 * - `turns`: seconds that an exchange waited for its turn within the provider's request limits, if it had to, by kind.
 * - `inDoubt`, `exposureInDoubt`: how many payouts that this process remembers may have moved money (those that are
 *   processing included), and the most that they can have moved, in minor units, by currency.
 * - `webhooks`: webhook requests, by ending.
 * - `finalAge`: seconds from a payout's creation at the provider until this process found it final, by outcome.
 *
 * @category metrics
 * @since 0.1.0
 */
export const metric = {
  outcomes: Metric.counter("payout.outcomes", { incremental: true }),
  attempts: Metric.counter("payout.attempts", { incremental: true }),
  waits: Metric.histogram("payout.waits", MetricBoundaries.exponential({ start: 0.5, factor: 2, count: 12 })),
  turns: Metric.histogram("payout.turns", MetricBoundaries.exponential({ start: 0.1, factor: 4, count: 10 })),
  inDoubt: Metric.gauge("payout.in_doubt"),
  webhooks: Metric.counter("payout.webhooks", { incremental: true }),
  exposureInDoubt: Metric.gauge("payout.in_doubt.exposure"),
  finalAge: Metric.histogram("payout.final_age", MetricBoundaries.exponential({ start: 1, factor: 4, count: 10 }))
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

type Labels = Readonly<Record<string, string>>

const labelled = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, labels: Labels): Metric.Metric<Type, In, Out> =>
  Metric.taggedWithLabels(
    metric,
    Object.entries(labels).map(([name, value]) => MetricLabel.make(name, value))
  )

/** @internal */
export const countAttempt = (kind: Kind, outcome: string): Effect.Effect<void> =>
  Metric.increment(labelled(metric.attempts, { [label.kind]: kind, [label.outcome]: outcome }))

/** @internal */
export const measureWait = (category: string, wait: Duration.Duration): Effect.Effect<void> =>
  Metric.update(labelled(metric.waits, { [label.category]: category }), Duration.toSeconds(wait))

/** @internal */
export const measureTurn = (kind: Kind, waited: Duration.Duration): Effect.Effect<void> =>
  Duration.toMillis(waited) > 0
    ? Metric.update(labelled(metric.turns, { [label.kind]: kind }), Duration.toSeconds(waited))
    : Effect.void

/** @internal */
export const measureFinalAge = (outcome: string, created: DateTime.Utc | undefined): Effect.Effect<void> =>
  created === undefined
    ? Effect.void
    : Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Metric.update(
          labelled(metric.finalAge, { [label.outcome]: outcome }),
          Math.max(0, now - created.epochMillis) / 1000
        )
      )

/** @internal */
export const countWebhook = (ending: string): Effect.Effect<void> =>
  Metric.increment(labelled(metric.webhooks, { [label.ending]: ending }))

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
    Metric.incrementBy(labelled(metric.exposureInDoubt, { [label.currency]: currency }), exposure)
  )

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
 * shown. A host's tracer that throws takes no result away, and keeps nothing from starting.
 *
 * @internal
 */
export const traced = <A, E, R>(self: Effect.Effect<A, E, R>, span: () => Span<A | E>): Effect.Effect<A, E, R> =>
  Effect.tracerWith((tracer) => (tracer === unseen ? self : spanned(self, span())))

const unseen = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const spanned = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  { begins, ended, kind = "internal", name }: Span<A | E>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let isBegun = false
    let exit: Exit.Exit<A, E> | undefined
    const begun = Effect.suspend(() => {
      isBegun = true
      return Effect.onExit(self, (end) =>
        Effect.sync(() => {
          exit = end
        })
      )
    })
    const annotate = (end: A | E) => Effect.annotateCurrentSpan(ended(end))
    return Effect.tapBoth(begun, { onFailure: annotate, onSuccess: annotate }).pipe(
      Effect.withSpan(name, { kind, attributes: begins, captureStackTrace: false }),
      Effect.catchAllCause((cause) => exit ?? (isBegun ? Effect.failCause(cause) : self))
    )
  })

/**
 * The span of a call about a payout.
 *
 * @internal
 */
export const ofCall =
  (name: string, handle: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    traced(self, () => ({ name, begins: { [attribute.handle]: handle }, ended: () => ({}) }))

/**
 * The span of a call that pays out or waits for a payout, and the count of its outcome.
 *
 * @internal
 */
export const ofPayout =
  (name: string, handle: string) =>
  <E extends PayoutError | LookupError>(self: Effect.Effect<Outcome, E>): Effect.Effect<Outcome, E> =>
    traced(Effect.tapBoth(self, { onFailure: countOutcome, onSuccess: countOutcome }), () => ({
      name,
      begins: { [attribute.handle]: handle },
      ended: (end) => ({ ...labelsOf(end), [attribute.attempts]: end.attempts.length })
    }))

const labelsOf = (end: Outcome | PayoutError | LookupError): Labels => ({
  [attribute.outcome]: end._tag,
  ...("certainty" in end ? { [attribute.certainty]: end.certainty } : {})
})

const countOutcome = (end: Outcome | PayoutError | LookupError): Effect.Effect<void> =>
  Metric.increment(labelled(metric.outcomes, labelsOf(end)))
