/**
 * A payout request from options, a file, or standard input. A card token becomes `Redacted` as soon as it is read. It
 * is never accepted as an option, because every process on the machine could see it there.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import { isCardToken } from "../domain/Destination.js"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import * as BadInput from "./BadInput.js"
import * as csv from "../table/csv.js"
import * as SmallText from "./SmallText.js"

/** Standard input. It has a tag of its own, so that tests can provide one. */
export class StandardInput extends Context.Tag("effect-billwerk-payouts/cli/StandardInput")<
  StandardInput,
  Stream.Stream<Uint8Array>
>() {}

/** The options that make a request, by their names on the command line. */
export interface Flags {
  readonly handle: Option.Option<string>
  readonly destination: Option.Option<string>
  readonly amount: Option.Option<string>
  readonly currency: Option.Option<string>
  readonly customer: Option.Option<string>
  readonly text: Option.Option<string>
  readonly "text-on-statement": Option.Option<string>
  readonly "acquirer-reference": Option.Option<string>
}

/** The largest request that is read, in bytes. A payout is far smaller. */
export const requestBytesMax = 65_536

/** Reads and validates the request. */
export const read = (
  flags: Flags,
  file: Option.Option<string>
): Effect.Effect<PayoutRequest.PayoutRequest, BadInput.BadInput, FileSystem.FileSystem | StandardInput> =>
  Effect.gen(function* () {
    const input = Option.isSome(file) ? yield* fromFile(file.value, flags) : yield* fromFlags(flags)
    return yield* Effect.mapError(PayoutRequest.fromUnknown(input), BadInput.fromRefusal)
  })

const required = ["handle", "destination", "amount", "currency"] as const

const fromFlags = (flags: Flags): Effect.Effect<unknown, BadInput.BadInput> => {
  const missing = required.filter((name) => Option.isNone(flags[name]))
  if (missing.length > 0) return BadInput.make(`${dashed(missing)} missing; or give the whole request with --file`)
  if (Option.exists(flags.destination, isCardToken)) {
    return BadInput.make(
      "--destination must not be a card token, which the process list would show: give the request with --file -"
    )
  }
  const { amount, "acquirer-reference": acquirerReference, "text-on-statement": textOnStatement, ...same } = flags
  const texts = { ...same, acquirerReference, textOnStatement }
  return Effect.succeed({ ...present(texts), amount: Option.getOrUndefined(Option.map(amount, csv.wholeNumber)) })
}

const fromFile = (name: string, flags: Flags) =>
  Effect.gen(function* () {
    const given = Object.entries(flags).flatMap(([flag, value]) => (Option.isSome(value) ? [flag] : []))
    if (given.length > 0) return yield* BadInput.make(`--file holds the whole request: leave ${dashed(given)} out`)
    const source = name === "-" ? "standard input" : name
    const text = yield* name === "-" ? fromStandardInput : readFile(name)
    const value = yield* Effect.mapError(parseJson(text), () => BadInput.make(`${source} is not JSON`))
    return redactCardToken(value)
  })

const limit: SmallText.Limit = { bytesMax: requestBytesMax, what: "payout request" }

const fromStandardInput = Effect.flatMap(StandardInput, (stream) =>
  SmallText.fromStream("standard input", stream, limit)
)

const readFile = (name: string) =>
  Effect.catchIf(
    SmallText.fromFile(name, limit),
    (error) => error._tag !== "BadInput",
    (error) => BadInput.fromPlatform(name, error)
  )

// JSON.parse quotes text that it could not read, which may be a card token. So only the failure itself is kept.
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const redactCardToken = (value: unknown): unknown =>
  Predicate.isReadonlyRecord(value) && typeof value["destination"] === "string" && isCardToken(value["destination"])
    ? { ...value, destination: Redacted.make(value["destination"]) }
    : value

const present = (options: Readonly<Record<string, Option.Option<string>>>) =>
  Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) => (Option.isSome(value) ? [[key, value.value]] : []))
  )

const dashed = (names: ReadonlyArray<string>): string => names.map((name) => `--${name}`).join(", ")
