/**
 * Text from a file or a stream, up to a size.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as PlatformError from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as BadInput from "./BadInput.js"

export interface Limit {
  readonly bytesMax: number
  /** What a larger text cannot be, such as `payout request`. */
  readonly what: string
}

/** `source` is its name in messages. */
export const fromStream = <E>(
  source: string,
  stream: Stream.Stream<Uint8Array, E>,
  { bytesMax, what }: Limit
): Effect.Effect<string, E | BadInput.BadInput> =>
  stream.pipe(
    Stream.mapAccum(0, (before, chunk) => [before + chunk.length, { chunk, bytes: before + chunk.length }]),
    Stream.mapEffect(({ bytes, chunk }) =>
      bytes > bytesMax
        ? BadInput.make(`${source} has more than ${bytesMax} bytes, which is no ${what}`)
        : Effect.succeed(chunk)
    ),
    Stream.decodeText(),
    Stream.mkString
  )

export const fromFile = (
  name: string,
  limit: Limit
): Effect.Effect<string, PlatformError.PlatformError | BadInput.BadInput, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => fromStream(name, files.stream(name), limit))

/** None if there is no such file. */
export const fromFileIfAny = (
  name: string,
  limit: Limit
): Effect.Effect<Option.Option<string>, BadInput.BadInput, FileSystem.FileSystem> =>
  Effect.matchEffect(fromFile(name, limit), {
    onFailure: (error) => {
      if (error._tag === "BadInput") return error
      return error._tag === "SystemError" && error.reason === "NotFound"
        ? Effect.succeedNone
        : BadInput.fromPlatform(name, error)
    },
    onSuccess: Effect.succeedSome
  })
