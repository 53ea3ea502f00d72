/** What a collector gets to see of a payout. */
import { assert, it } from "@effect/vitest"
import { AggregationTemporality, InMemoryMetricExporter } from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, type ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer, Redacted } from "effect"
import { Payouts, Telemetry } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { destination, requestOf } from "./support.js"
import { telemetry } from "./docs/telemetry.js"

/** Keeps what it was given: the SDK's own forgets it at the shutdown. */
class KeptSpans extends InMemorySpanExporter {
  readonly kept: Array<ReadableSpan> = []
  override export(spans: Array<ReadableSpan>, done: Parameters<InMemorySpanExporter["export"]>[1]): void {
    this.kept.push(...spans)
    super.export(spans, done)
  }
}

class KeptMetrics extends InMemoryMetricExporter {
  readonly kept: Array<string> = []
  override export(...[metrics, done]: Parameters<InMemoryMetricExporter["export"]>): void {
    this.kept.push(JSON.stringify(metrics.scopeMetrics))
    super.export(metrics, done)
  }
}

it("OpenTelemetry gets one span a payout and one an attempt, the metrics, and no secret (I8)", async () => {
  const spans = new KeptSpans()
  const metrics = new KeptMetrics(AggregationTemporality.CUMULATIVE)
  const program = Effect.flatMap(Payouts.Payouts, (payouts) => payouts.create(requestOf()))
  const layer = Layer.merge(Layer.provideMerge(Payouts.layer, Sandbox.layer), telemetry(spans, metrics))
  await program.pipe(Effect.provide(layer), Effect.runPromise)
  const [attempt, payout] = spans.kept
  assert.deepStrictEqual([attempt?.name, payout?.name], ["BillwerkClient.create", "Payouts.create"])
  assert.strictEqual(attempt?.parentSpanContext?.spanId, payout?.spanContext().spanId)
  assert.strictEqual(payout?.attributes[Telemetry.attribute.outcome], "Paid")
  const exported = metrics.kept.join("\n")
  for (const name of ["payout.outcomes", "payout.attempts"]) assert.include(exported, name)
  const all = exported + JSON.stringify(spans.kept.map(({ attributes, events, name }) => [name, attributes, events]))
  for (const secret of [destination, Redacted.value(Sandbox.apiKey)]) assert.notInclude(all, secret)
})
