/**
 * The last step of `npm run build`: bundles the command line of the package in the current folder.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Bundle from "./Bundle.js"

Bundle.write(".").pipe(Effect.provide(NodeContext.layer), NodeRuntime.runMain())
