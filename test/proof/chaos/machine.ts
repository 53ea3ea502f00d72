/**
 * A machine: a process that runs durable payouts until it is killed. It obeys the orders that it is sent and reports what
 * becomes of them, as a backend that embeds the library would tell its own callers.
 */
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { WorkflowEngine } from "@effect/workflow"
import { Cause, Duration, Effect, Exit, Layer, Logger, LogLevel, Option, Queue, Redacted, Schedule } from "effect"
import { BillwerkClient, type Outcome, PayoutError, PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import * as Unfinished from "effect-billwerk-payouts/Unfinished"
import Pg from "pg"
import * as Mortal from "./Mortal.js"
import { type End, keyOf, type Order, type Report, type Setup, type Store } from "./Orders.js"
import * as wrong from "./wrong.js"

const [, , given = ""] = process.argv
const setup: Setup = JSON.parse(given)
const mortal = Mortal.make()

const report = (report: Report) => Effect.sync(() => process.send?.(report))

const engineOf = (store: Store) => {
  const quick = { entityMessagePollInterval: "200 millis", entityTerminationTimeout: "2 seconds" } as const
  if (store._tag === "Sqlite") {
    const { filename, submitOnly } = store
    return SqliteEngine.layer({ filename, submitOnly, sharding: quick })
  }
  const { lease, url } = store
  return PostgresEngine.layer({
    pool: Effect.acquireRelease(
      Effect.sync(() => new Pg.Pool({ connectionString: url, max: 8 })),
      (pool) => Effect.promise(() => pool.end())
    ),
    sharding: {
      ...quick,
      shardLockExpiration: lease,
      shardLockRefreshInterval: Duration.millis(lease / 3)
    }
  })
}

/** Impatient, and with waits on both clocks: those in memory and the durable ones. */
const options: PayoutWorkflow.Options = {
  policy: RetryPolicy.make({
    communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.spaced("300 millis")), Schedule.upTo("2 minutes")),
    processingError: Schedule.fromDelays("200 millis", "700 millis"),
    rateLimited: Schedule.spaced("300 millis").pipe(Schedule.upTo("2 minutes"))
  }),
  pollSchedule: Schedule.spaced("400 millis").pipe(Schedule.upTo("5 minutes")),
  pauseSchedule: Schedule.spaced("1 second"),
  isRestored: setup.isRestored,
  inMemoryThreshold: "250 millis"
}

const library = {
  live: PayoutWorkflow.layerWith(options),
  submit: PayoutWorkflow.submit,
  poll: (request: PayoutRequest.PayoutRequest) =>
    Effect.flatMap(PayoutWorkflow.executionId(request), PayoutWorkflow.poll)
}

const client = {
  library,
  forgets: library,
  "new handle": { ...wrong, live: wrong.newHandle },
  "assumes failure": { ...wrong, live: wrong.assumesFailure }
}[setup.client]

const engine = setup.client === "forgets" ? WorkflowEngine.layerMemory : engineOf(setup.store)

const live = client.live.pipe(
  Layer.provide(Payouts.layer),
  Layer.provide(BillwerkClient.layer({ requestLimits: "None", apiKey: Sandbox.apiKey, baseUrl: setup.provider })),
  Layer.provide(mortal.http.pipe(Layer.provide(FetchHttpClient.layer))),
  Layer.provideMerge(mortal.engine.pipe(Layer.provide(engine)))
)

// A database that is away is a defect for whoever asks just then; a caller asks again.
const persistently = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, never, R> =>
  Effect.orDie(Effect.retry(Effect.sandbox(self), Schedule.spaced("200 millis")))

const nameOf = ({ destination, handle }: PayoutRequest.PayoutRequest): string =>
  keyOf({ handle, destination: Redacted.value<string>(destination.reference) })

const pay = Effect.fn(function* (request: PayoutRequest.PayoutRequest) {
  yield* persistently(client.submit(request))
  yield* report({ _tag: "Stored", key: nameOf(request) })
  yield* watch(request)
})

const watch = Effect.fn(function* (request: PayoutRequest.PayoutRequest) {
  while (true) {
    const result = yield* persistently(client.poll(request))
    if (result?._tag === "Complete") {
      return yield* report({ _tag: "Ended", key: nameOf(request), end: endOf(result.exit) })
    }
    yield* Effect.sleep("1 second")
  }
})

const endOf = (exit: Exit.Exit<Outcome.Outcome, PayoutError.PayoutError>): End =>
  Exit.match(exit, {
    onSuccess: told,
    onFailure: (cause) => Option.match(Cause.failureOption(cause), { onNone: () => defect, onSome: told })
  })

const told = ({ _tag, certainty, exposure }: Outcome.Outcome | PayoutError.PayoutError): End => ({
  tag: _tag,
  certainty,
  min: exposure.min,
  max: exposure.max
})

const defect: End = { tag: "Defect", certainty: "none", min: 0, max: 0 }

const forEachId = <R>(
  requests: ReadonlyArray<PayoutRequest.PayoutRequest>,
  act: (executionId: string) => Effect.Effect<void, never, R>
) => Effect.forEach(requests, (request) => Effect.flatMap(PayoutWorkflow.executionId(request), act), { discard: true })

const reopen = (requests: ReadonlyArray<PayoutRequest.PayoutRequest>, how: typeof PayoutWorkflow.retry) =>
  Effect.forEach(requests, (request) => Effect.zipRight(persistently(how(request)), watch(request)), {
    concurrency: "unbounded",
    discard: true
  })

const obey = Effect.fn(function* (order: Order) {
  if (order._tag === "Die") return mortal.doom(order.step, order.nth, order.after)
  const requests = yield* Effect.forEach(order.requests, (input) => Effect.orDie(PayoutRequest.make(input)))
  switch (order._tag) {
    case "Pay":
      return yield* Effect.forEach(requests, pay, { concurrency: "unbounded", discard: true })
    case "Watch":
      return yield* Effect.forEach(requests, watch, { concurrency: "unbounded", discard: true })
    case "Sweep":
      return yield* Effect.asVoid(Effect.sandbox(PayoutWorkflow.sweep(requests)))
    case "Wake":
      return yield* forEachId(requests, PayoutWorkflow.wake)
    case "Retry":
      return yield* reopen(requests, PayoutWorkflow.retry)
    case "Assess":
      return yield* reopen(requests, PayoutWorkflow.assess)
    case "Hint":
      return yield* forEachId(requests, PayoutWorkflow.hint)
  }
})

/** As an operator's tool does, beside the engine that runs the payouts. */
const assessAll = Effect.suspend(() =>
  setup.store._tag === "Sqlite"
    ? Effect.provide(Unfinished.assessAll(), SqliteEngine.layer({ filename: setup.store.filename, submitOnly: true }))
    : Effect.void
)

const main = Effect.gen(function* () {
  if (setup.mustAssess) yield* persistently(assessAll)
  const orders = yield* Queue.unbounded<Order>()
  process.on("message", (order: Order) => orders.unsafeOffer(order))
  yield* report({ _tag: "Ready" })
  return yield* Queue.take(orders).pipe(
    Effect.flatMap((order) => Effect.forkScoped(Effect.ignoreLogged(Effect.sandbox(obey(order))))),
    Effect.forever
  )
}).pipe(Effect.scoped, Effect.provide(Layer.merge(live, Logger.minimumLogLevel(LogLevel.None))))

// Whoever started it is gone.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))

NodeRuntime.runMain(main)
