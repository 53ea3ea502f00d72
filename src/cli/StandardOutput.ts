/**
 * Standard output as a sink, for results that come one after another. It fails when its reader has gone, which
 * ends the command. It has a tag of its own, so that tests can provide one.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as Context from "effect/Context"
import type * as Sink from "effect/Sink"

export class StandardOutput extends Context.Tag("effect-billwerk-payouts/cli/StandardOutput")<
  StandardOutput,
  Sink.Sink<void, string, never, PlatformError.PlatformError>
>() {}
