/**
 * Evidence in a file, from one run of the command line to the next. The file is plain JSON of `Exposure.Evidence`, with
 * the account that it is of, and is replaced as a whole. Only its owner can read it. The JSON of an error or outcome,
 * which has its evidence inside, is read as well: as `--json` prints it, or as `Schema.encode` gives it.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { isOfAnother, ofAnother } from "../batch/store.js"
import * as Exposure from "../domain/Exposure.js"
import type { Handle } from "../domain/Handle.js"
import * as BadInput from "./BadInput.js"
import type { Mode } from "./Connection.js"
import * as SmallText from "./SmallText.js"

/** In the current folder, unless `--evidence` says otherwise. */
export const defaultName = (handle: Handle): string => `payout-${handle}.evidence.json`

const statedBy = { Live: "the payout command", Sandbox: "the payout command, simulated" } as const

/**
 * Whether this command wrote the file. Then it has every create that was sent with it. Evidence from another program
 * does not have what that program sent afterwards.
 */
export const isComplete = ({ by }: Exposure.Evidence): boolean => by === statedBy.Live || by === statedBy.Sandbox

const limit: SmallText.Limit = { bytesMax: 1024 * 1024, what: "evidence of a payout" }

/** Whose evidence a call reads and writes. */
export interface Owner {
  readonly mode: Mode
  /** The client's name for the account. The sandbox has none: each command simulates a new provider. */
  readonly account: string | undefined
  /** Whether the account in the file is this one, with another key. */
  readonly otherAccount: boolean
}

/** Evidence, and the account that it is of: none in a simulation, or if another program stated it. */
export interface Kept {
  readonly evidence: Exposure.Evidence
  readonly account: string | undefined
}

const account = Schema.optional(Schema.String)
const Written = Schema.Struct({ ...Exposure.Evidence.fields, account })
const encode = Schema.encode(Schema.parseJson(Written))

const Holder = Schema.Struct({ evidence: Exposure.Evidence })
const mode = Schema.optional(Schema.Literal("Live", "Sandbox"))

/** All that a file may hold. Evidence itself has no field named so, so each has one reading. */
const Held = Schema.Union(
  Written,
  Holder,
  Schema.Struct({ mode, account, error: Holder }),
  Schema.Struct({ mode, account, outcome: Holder })
)
const decode = Schema.decode(Schema.parseJson(Held))

/** The evidence in it, and its account. A report of the sandbox counts as simulated, as a file of the sandbox does. */
const keptIn = (held: typeof Held.Type): Kept => {
  if ("handle" in held) {
    const { account, ...evidence } = held
    return { evidence, account }
  }
  if ("evidence" in held) return { evidence: held.evidence, account: undefined }
  const { evidence } = "error" in held ? held.error : held.outcome
  return {
    evidence: held.mode === "Sandbox" ? { ...evidence, by: statedBy.Sandbox } : evidence,
    account: held.account
  }
}

/**
 * The evidence of a handle in a file, or none without a file. Simulated evidence says nothing about real money, and
 * that of one account says nothing about another one: each would settle a real doubt.
 */
export const read = (
  name: string,
  handle: Handle,
  owner: Owner
): Effect.Effect<Option.Option<Kept>, BadInput.BadInput, FileSystem.FileSystem> =>
  Effect.flatMap(
    SmallText.fromFileIfAny(name, limit),
    Effect.transposeMapOption((text) => Effect.tap(parse(name, handle, text), refuseOther(name, owner)))
  )

// A ParseError prints the text that it could not read.
const parse = (name: string, handle: Handle, text: string) =>
  Effect.filterOrFail(
    Effect.mapBoth(decode(text), {
      onFailure: () => BadInput.make(`${name} does not hold the evidence of a payout`),
      onSuccess: keptIn
    }),
    ({ evidence }) => evidence.handle === handle,
    () => BadInput.make(`${name} holds the evidence of a payout with another handle`)
  )

const refuseOther =
  (name: string, { account: given, mode, otherAccount }: Owner) =>
  ({ account: found, evidence: { by } }: Kept): Effect.Effect<void, BadInput.BadInput> => {
    const isSimulated = by === statedBy.Sandbox
    if (isSimulated === (mode === "Sandbox")) {
      return isOfAnother({ found, given, otherAccount }) ? refuseAnother(name) : Effect.void
    }
    return BadInput.make(
      isSimulated
        ? `${name} holds simulated evidence, which says nothing about real money: delete it, or name another file`
        : `${name} may be about real money, so the sandbox does not write it: name another file`
    )
  }

const refuseAnother = (name: string) =>
  BadInput.make(
    `${name} was not used: ${ofAnother("--other-account")}. Otherwise give the key and the address of the account that ` +
      "it is of (BILLWERK_API_KEY, BILLWERK_BASE_URL); nothing was sent"
  )

/** Replaces the file. It is on the disk when this returns, so the file has every create that is sent afterwards. */
export const write = (
  name: string,
  evidence: Exposure.Evidence,
  { account, mode }: Owner
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  restore(name, { evidence: { ...evidence, by: statedBy[mode] }, account })

/** Replaces the file with evidence that it had, which may be another program's and is not complete then. */
export const restore = (
  name: string,
  { account, evidence }: Kept
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Effect.orDie(encode({ ...evidence, account })), (text) => replace(name, text))

/** Replaces a file that only its owner can read. It is on the disk when this returns. */
export const replace = (
  name: string,
  text: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const draft = `${name}.${yield* Random.nextIntBetween(0, 2 ** 32)}.tmp`
    const written = Effect.flatMap(files.open(draft, { flag: "wx", mode: 0o600 }), (file) =>
      Effect.zipRight(file.writeAll(new TextEncoder().encode(`${text}\n`)), file.sync)
    )
    yield* Effect.scoped(written).pipe(
      Effect.zipRight(files.rename(draft, name)),
      Effect.tapError(() => Effect.ignore(files.remove(draft)))
    )
    // Not every system can do this. Without it, the new name is on the disk a little later.
    const folder = Effect.flatMap(files.open(path.dirname(name), { flag: "r" }), (opened) => opened.sync)
    yield* Effect.ignore(Effect.scoped(folder))
  }).pipe(Effect.uninterruptible)

export const remove = (name: string): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.remove(name, { force: true }))
