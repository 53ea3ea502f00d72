/**
 * The options of `payout reconcile`: the file with our books, and the window of the provider's list.
 */
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as PayoutFilter from "../domain/PayoutFilter.js"
import * as Reconciliation from "../reconciliation/Reconciliation.js"
import * as BadInput from "./BadInput.js"
import * as Help from "./Help.js"
import * as ListCommand from "./ListCommand.js"
import { StandardInput } from "./RequestInput.js"

const text = (name: keyof typeof Help.reconcile) => Options.withDescription(Options.text(name), Help.reconcile[name])

export const flags = {
  file: text("file"),
  from: Options.optional(text("from")),
  to: Options.optional(text("to")),
  currency: Options.repeated(text("currency")),
  "handle-prefix": Options.optional(text("handle-prefix"))
}

/** What the options say. */
export interface Given {
  readonly file: string
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
  readonly currency: ReadonlyArray<string>
  readonly "handle-prefix": Option.Option<string>
}

/** The window of the list, or none: then each row is looked up. */
export const filterOf = ({
  from,
  to,
  ...selection
}: Given): Effect.Effect<PayoutFilter.Input | undefined, BadInput.BadInput> => {
  if (Option.isNone(from) && Option.isNone(to)) {
    return selection.currency.length === 0 && Option.isNone(selection["handle-prefix"])
      ? Effect.succeed(undefined)
      : BadInput.make("--currency and --handle-prefix select from a window: give --from and --to")
  }
  if (Option.isNone(from) || Option.isNone(to)) return BadInput.make("--from and --to must be given together")
  return ListCommand.filterOf({ from: from.value, to: to.value, state: [], customer: Option.none(), ...selection })
}

/** Our books, read as they are compared. `-` is standard input. */
export const expected = ({
  file
}: Given): Stream.Stream<Reconciliation.Expectation, BadInput.BadInput, FileSystem.FileSystem | StandardInput> => {
  const source = file === "-" ? "standard input" : file
  return bytesOf(file).pipe(
    Stream.decodeText(),
    Reconciliation.fromText,
    Stream.mapError((error) => (error._tag === "BadInput" ? error : BadInput.make(`${source}: ${error.message}`)))
  )
}

const bytesOf = (file: string): Stream.Stream<Uint8Array, BadInput.BadInput, FileSystem.FileSystem | StandardInput> =>
  file === "-"
    ? Stream.unwrap(StandardInput)
    : Stream.unwrap(Effect.map(FileSystem.FileSystem, (files) => files.stream(file))).pipe(
        Stream.mapError((error) => BadInput.fromPlatform(file, error))
      )
