/** A program that pays a batch until it is killed: what an operator would start again. */
import { FetchHttpClient } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Logger, LogLevel, Schedule } from "effect"
import { Batch, BatchStore, BillwerkClient, PayoutRequest, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { inputsOf, type Keeper, type Setup, type Told } from "./Told.js"

const [, , given = ""] = process.argv
const setup: Setup = JSON.parse(given)

const tell = (told: Told) => Effect.async<void>((resume) => void process.send?.(told, () => resume(Effect.void)))

/** Impatient, so that a batch of thousands takes minutes. */
const policy = RetryPolicy.make({
  communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("100 millis", "300 millis"))),
  processingError: Schedule.fromDelays("50 millis"),
  rateLimited: Schedule.spaced("200 millis").pipe(Schedule.upTo("1 minute"))
})

/** The store of those who are wrong: what was begun is on record with its result, or never. */
const wrong = (keeper: Exclude<Keeper, "library">, store: BatchStore.Store): BatchStore.Store => ({
  ...store,
  open: (account) =>
    Effect.map(store.open(account), (opened) => ({
      ...opened,
      append: (entry) => (keeper === "not at all" || entry._tag === "Begun" ? Effect.void : opened.append(entry))
    }))
})

const store = BatchStore.layerFile(setup.journal, { lease: setup.lease })

const kept = setup.keeper

const keptStore =
  kept === "library"
    ? store
    : Layer.effect(
        BatchStore.BatchStore,
        Effect.map(BatchStore.BatchStore, (right) => BatchStore.BatchStore.of(wrong(kept, right)))
      ).pipe(Layer.provide(store))

const main = Effect.gen(function* () {
  const requests = yield* Effect.forEach(inputsOf(setup.rows), PayoutRequest.make)
  yield* tell({ _tag: "Ready" })
  const { notBegun, stopped } = yield* Batch.run(requests, {
    policy,
    concurrency: setup.concurrency,
    onResult: ({ recorded: { certainty, exposure, outcome }, request: { handle }, result }) =>
      tell({ _tag: "Ended", handle, outcome, certainty, ...exposure, isEarlier: result === undefined })
  })
  yield* tell({ _tag: "Summary", notBegun, stopped: stopped?._tag })
}).pipe(
  Effect.provide(
    Layer.mergeAll(
      keptStore,
      BillwerkClient.layer({
        apiKey: Sandbox.apiKey,
        baseUrl: setup.provider,
        createDeadline: setup.deadline,
        lookupDeadline: setup.deadline,
        requestLimits: "None"
      })
    ).pipe(
      Layer.provide(Layer.mergeAll(FetchHttpClient.layer, NodeContext.layer)),
      Layer.provideMerge(Logger.minimumLogLevel(LogLevel.None))
    )
  )
)

// Whoever started it is gone.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))

NodeRuntime.runMain(
  Effect.ensuring(
    main,
    Effect.sync(() => process.disconnect?.())
  ),
  {
    disableErrorReporting: true
  }
)
