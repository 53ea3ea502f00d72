/**
 * `npm run demo`: every row of the table, over a real socket, in a few seconds.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as DemoProgram from "./DemoProgram.js"
import * as ExitCode from "./ExitCode.js"
import { tableScenarios } from "./TableScenarios.js"

DemoProgram.run(tableScenarios).pipe(
  Effect.provide(NodeTerminal.layer),
  Effect.tapDefect(Effect.logFatal),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true, teardown: ExitCode.teardown })
)
