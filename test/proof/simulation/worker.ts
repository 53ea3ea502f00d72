/** A thread that runs worlds. */
import { WorkerRunner } from "@effect/platform"
import { NodeRuntime, NodeWorkerRunner } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { simulate } from "./Summary.js"

// Errors are made by the million here, and nobody reads where.
Error.stackTraceLimit = 0

const runner = WorkerRunner.layer((seeds: ReadonlyArray<number>) => Effect.sync(() => simulate(seeds)))

NodeRuntime.runMain(WorkerRunner.launch(runner.pipe(Layer.provide(NodeWorkerRunner.layer))))
