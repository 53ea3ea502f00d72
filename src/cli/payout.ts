/**
 * The command line on this machine: `npx effect-billwerk-payouts`, and `npm run payout` in a clone.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as ExitCode from "./ExitCode.js"
import * as PayoutCommand from "./PayoutCommand.js"
import { StandardInput } from "./RequestInput.js"
import { StandardOutput } from "./StandardOutput.js"

// Only its first line may be read. If it stays open then, it must not keep the process alive.
const stdin = Stream.ensuring(
  NodeStream.stdin,
  Effect.sync(() => {
    process.stdin.pause()
    if ("unref" in process.stdin) process.stdin.unref()
  })
)

const machine = Layer.mergeAll(
  NodeContext.layer,
  NodeHttpClient.layerUndici,
  Layer.succeed(StandardInput, stdin),
  Layer.succeed(StandardOutput, NodeSink.stdout)
)

PayoutCommand.run(process.argv).pipe(
  Effect.provide(machine),
  // Outermost, so that nothing between here and the command loses the exit code: see Call.ts.
  Effect.uninterruptible,
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true, teardown: ExitCode.teardown })
)
