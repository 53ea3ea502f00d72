/**
 * A machine as a backend would build it: the engine with its own settings, its log on stderr, and an exit code that tells
 * whether it ended by an error. What is below it fails, and it is never told.
 */
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect, Exit, Layer, Logger, LogLevel, Option, Queue, Redacted, Schedule } from "effect"
import {
  BillwerkClient,
  type Outcome,
  type PayoutError,
  PayoutRequest,
  Payouts,
  RetryPolicy
} from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import Pg from "pg"
import { type End, keyOf, type Store } from "../chaos/Orders.js"
import type { Order, Report, Setup } from "./Words.js"

const [, , given = ""] = process.argv
const setup: Setup = JSON.parse(given)

// The system's clock, for everything in this process.
let offset = 0
const now = Date.now
Date.now = () => now() + offset

const report = (report: Report) => Effect.sync(() => process.send?.(report))

const engineOf = (store: Store) =>
  store._tag === "Sqlite"
    ? SqliteEngine.layer({ filename: store.filename })
    : PostgresEngine.layer({
        pool: Effect.acquireRelease(
          Effect.sync(() => new Pg.Pool({ connectionString: store.url, max: 8 })),
          (pool) => Effect.promise(() => pool.end())
        )
      })

const payouts = PayoutWorkflow.layerWith({
  policy: RetryPolicy.make({
    communication: Schedule.spaced("500 millis").pipe(Schedule.upTo("10 minutes")),
    processingError: Schedule.fromDelays("200 millis", "700 millis"),
    rateLimited: Schedule.spaced("500 millis").pipe(Schedule.upTo("10 minutes"))
  }),
  pollSchedule: Schedule.spaced("1 second").pipe(Schedule.upTo("1 hour")),
  inMemoryThreshold: "250 millis"
})

const live = payouts.pipe(
  Layer.provide(Payouts.layer),
  Layer.provide(BillwerkClient.layer({ requestLimits: "None", apiKey: Sandbox.apiKey, baseUrl: setup.provider })),
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(engineOf(setup.store))
)

// Who asks while the database is away gets a defect, and asks again.
const persistently = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, never, R> =>
  Effect.orDie(Effect.retry(Effect.sandbox(self), Schedule.spaced("500 millis")))

const nameOf = ({ destination, handle }: PayoutRequest.PayoutRequest): string =>
  keyOf({ handle, destination: Redacted.value<string>(destination.reference) })

const watch = Effect.fn(function* (request: PayoutRequest.PayoutRequest) {
  const executionId = yield* Effect.orDie(PayoutWorkflow.executionId(request))
  while (true) {
    const result = yield* persistently(PayoutWorkflow.poll(executionId))
    if (result?._tag === "Complete") {
      return yield* report({ _tag: "Ended", key: nameOf(request), end: endOf(result.exit) })
    }
    yield* Effect.sleep("500 millis")
  }
})

const pay = (request: PayoutRequest.PayoutRequest) =>
  persistently(PayoutWorkflow.submit(request)).pipe(
    Effect.zipRight(report({ _tag: "Stored", key: nameOf(request) })),
    Effect.zipRight(watch(request))
  )

const told = ({ _tag, certainty, exposure }: Outcome.Outcome | PayoutError.PayoutError): End => ({
  tag: _tag,
  certainty,
  min: exposure.min,
  max: exposure.max
})

const defect: End = { tag: "Defect", certainty: "none", min: 0, max: 0 }

const endOf = (exit: Exit.Exit<Outcome.Outcome, PayoutError.PayoutError>): End =>
  Exit.match(exit, {
    onSuccess: told,
    onFailure: (cause) => Option.match(Cause.failureOption(cause), { onNone: () => defect, onSome: told })
  })

const obey = Effect.fn(function* (order: Order) {
  if (order._tag === "Clock") {
    offset = order.offset
    return
  }
  const requests = yield* Effect.forEach(order.requests, (input) => Effect.orDie(PayoutRequest.make(input)))
  yield* Effect.forEach(requests, order._tag === "Pay" ? pay : watch, { concurrency: "unbounded", discard: true })
})

const main = Effect.gen(function* () {
  const orders = yield* Queue.unbounded<Order>()
  process.on("message", (order: Order) => orders.unsafeOffer(order))
  yield* report({ _tag: "Ready" })
  return yield* Effect.forever(Effect.flatMap(Queue.take(orders), (order) => Effect.forkScoped(obey(order))))
}).pipe(Effect.scoped, Effect.provide(live))

// Whoever started it is gone.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))

const onStderr = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

main.pipe(
  Effect.provide(Layer.merge(onStderr, Logger.minimumLogLevel(LogLevel.Info))),
  NodeRuntime.runMain({ disablePrettyLogger: true })
)
