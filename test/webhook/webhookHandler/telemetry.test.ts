import { HttpApp } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Logger, LogLevel, Metric, Redacted } from "effect"
import { inspect } from "node:util"
import * as Telemetry from "../../../src/Telemetry.js"
import { tracing } from "../../tracing.js"
import { secret, others, url, request, handle, post, webhook, make, withHints, silently } from "./fixture.js"
import { everything } from "../../everything.js"

describe("What is said of a webhook", () => {
  const canaries = ["webhook-secret", "others-secret", "C4n4ry"]

  it.scoped("shows nothing of it, nor a secret: not in logs, spans, metrics or answers (94, 110)", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const logger = Logger.make<unknown, void>((entry) => {
        const shown = [Logger.jsonLogger, Logger.logfmtLogger, Logger.stringLogger].map((one) => one.log(entry))
        written.push(inspect(entry, everything), ...shown.map(String))
      })
      const loggers = Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
      const { spans, tracer } = tracing()
      const app = yield* make({
        secrets: [secret, others],
        onHint: (hint) => Effect.fail(inspect(hint))
      })
      assert.isTrue([app, make()].every((one) => !inspect(one, everything).includes("webhook-secret")))
      const content = { customer: "C4n4ry", eventType: "C4n4ry", payout: "C4n4ry" }
      const genuine = yield* webhook(content)
      const late = yield* webhook({ ...content, timestamp: DateTime.unsafeMake(-1e9) })
      const forged = yield* webhook(content, Redacted.make("C4n4ry"))
      const bodies = [
        genuine,
        late,
        forged,
        "C4n4ry",
        `{"C4n4ry":"C4n4ry"}`,
        "C4n4ry".repeat(100_000),
        `${genuine}C4n4ry`
      ]
      const statuses: Array<number> = []
      const web = HttpApp.toWebHandlerRuntime(yield* Effect.provide(Effect.runtime<never>(), loggers))
      for (const body of bodies) {
        const answer = yield* handle(app, request(body, { headers: { "content-type": "application/json" } })).pipe(
          Effect.withSpan("request"),
          Effect.withTracer(tracer),
          Effect.provide(loggers)
        )
        statuses.push(answer.status)
        const response = yield* Effect.promise(() => web(Effect.withTracer(app, tracer))(request(body)))
        const answered = [inspect(answer, everything), JSON.stringify(answer), inspect([...response.headers])]
        const text = yield* Effect.promise(() => response.text())
        for (const canary of canaries) assert.notInclude([...answered, text].join("\n"), canary)
      }
      assert.deepStrictEqual(statuses, [500, 200, 401, 400, 400, 413, 400])
      const taking = yield* make()
      for (let turn = 0; turn < 2; turn++) {
        const taken = post(taking, genuine).pipe(Effect.withTracer(tracer), Effect.provide(loggers))
        assert.strictEqual(yield* taken, 200)
      }
      const metrics = inspect(yield* Metric.snapshot, everything)
      const traced = spans.map(({ attributes, events, links, name, status }) =>
        inspect({ attributes, events, links, name, status }, everything)
      )
      assert.isAtLeast(written.length, 20)
      assert.isAtLeast(traced.length, bodies.length)
      assert.include(metrics, "payout.webhooks")
      for (const text of [...written, ...traced, metrics]) {
        for (const canary of canaries) assert.notInclude(text, canary)
      }
      assert.isTrue(written.some((text) => text.includes("HookFailed")))
    }).pipe(withHints)
  )

  it.scoped("is counted by its ending (98)", () =>
    Effect.gen(function* () {
      const app = yield* make()
      const counts = Effect.forEach(["Accepted", "Duplicate", "WrongSignature", "Malformed", "NotPost"], (ending) =>
        Effect.map(
          Metric.value(Metric.tagged(Telemetry.metric.webhooks, Telemetry.label.ending, ending)),
          ({ count }) => count
        )
      )
      const before = yield* counts
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook())
      yield* post(app, yield* webhook({}, others))
      yield* post(app, "")
      yield* Effect.asVoid(handle(app, new Request(url)))
      assert.deepStrictEqual(
        (yield* counts).map((count, index) => count - (before[index] ?? 0)),
        [1, 2, 1, 1, 1]
      )
    }).pipe(withHints, silently)
  )
})
