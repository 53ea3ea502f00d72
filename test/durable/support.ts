/** What the workflow's tests share: the workflow over the sandbox, on the in-memory engine. */
import { WorkflowEngine } from "@effect/workflow"
import { Layer } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"

/** The workflow on an engine, with a memory of its own of what it sent. */
export const process = (options: PayoutWorkflow.Options = {}) =>
  PayoutWorkflow.layerWith(options).pipe(Layer.provideMerge(Payouts.layer))

/** One process, in memory. */
export const layer = (sandbox: Sandbox.Options = {}, options?: PayoutWorkflow.Options) =>
  process(options).pipe(Layer.provideMerge(WorkflowEngine.layerMemory), Layer.provideMerge(Sandbox.layerWith(sandbox)))
