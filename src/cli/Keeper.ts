/**
 * Keeps the evidence of one call in a file. It stores each create before it is sent, and the result when the call ends.
 * A process that is killed in between leaves every create in the file that it may have sent.
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Exposure from "../domain/Exposure.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as BadInput from "./BadInput.js"
import * as EvidenceFile from "./EvidenceFile.js"
import * as ExitCode from "./ExitCode.js"
import { type Ended, isOutcome } from "./Summary.js"

export interface Keeper {
  /** The file. None in the sandbox, which is forgotten anyway, unless the caller names one. */
  readonly name: string | undefined
  /** The account that the evidence is of. None in the sandbox. */
  readonly account: string | undefined
  /** Stores the evidence of a create that is about to be sent: the hook of the service. */
  readonly beforeCreate: (evidence: Exposure.Evidence) => Effect.Effect<void, PlatformError.PlatformError>
  /** Stores the call's result if the next call needs it, and returns the file's name. */
  readonly conclude: (ended: Ended) => Effect.Effect<string | undefined>
}

/** Keeps nothing in a file. */
export const none = (account: string | undefined): Keeper => ({
  name: undefined,
  account,
  beforeCreate: () => Effect.void,
  conclude: () => Effect.succeed(undefined)
})

/** What a call begins with. */
export interface Basis {
  /** The evidence that the file had before, as far as the call counts it: all of it, unless said. */
  readonly kept?: Option.Option<Exposure.Evidence>
  /** The creates that the caller adds to it: a killed call must not leave a file without them. */
  readonly assumed?: ReadonlyArray<Exposure.Create>
}

/** `earlier` is what the file had before. */
export const make = (
  request: PayoutRequest,
  name: string,
  owner: EvidenceFile.Owner,
  earlier: Option.Option<EvidenceFile.Kept>,
  { assumed = [], kept = Option.map(earlier, ({ evidence }) => evidence) }: Basis = {}
): Effect.Effect<Keeper, BadInput.BadInput, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const write = (evidence: Exposure.Evidence) => Effect.provide(EvidenceFile.write(name, evidence, owner), context)
    const remove = Effect.provide(EvidenceFile.remove(name), context)
    const restore = Option.match(earlier, {
      onNone: () => remove,
      onSome: (before) => Effect.provide(EvidenceFile.restore(name, before), context)
    })
    const known = assumed.reduce(
      Exposure.withCreate,
      Option.getOrElse(kept, () => Exposure.empty(request.handle))
    )
    const withEarlier = (evidence: Exposure.Evidence) =>
      Option.match(kept, { onNone: () => evidence, onSome: (before) => Exposure.merge(before, evidence) })
    yield* Effect.mapError(write(known), (error) =>
      BadInput.make(
        `${name} cannot be written (${reasonOf(error)}), and nothing is sent before it is; or choose --evidence`
      )
    )

    const store = (ended: Ended): Effect.Effect<string | undefined, PlatformError.PlatformError> => {
      if (ended._tag === "InvalidRequest") return Effect.as(restore, undefined)
      const evidence = withEarlier(ended.evidence)
      const isOver = isOutcome(ended) ? ExitCode.ofOutcome(ended) === "paid" : ExitCode.ofError(ended) === "notMoved"
      return isOver && !Option.exists(earlier, ({ evidence }) => isWorthKeeping(evidence))
        ? Effect.as(remove, undefined)
        : Effect.as(write(evidence), name)
    }
    const outdated = (error: PlatformError.PlatformError) =>
      Console.error(
        `payout: ${name} could not be brought up to date (${reasonOf(error)}). It still counts every create that was sent.`
      )

    return {
      name,
      account: owner.account,
      beforeCreate: (evidence) =>
        Effect.tapError(write(withEarlier(evidence)), (error) =>
          Console.error(`payout: a create was not sent, because ${name} cannot be written (${reasonOf(error)})`)
        ),
      conclude: (ended) => Effect.catchAll(store(ended), (error) => Effect.as(outdated(error), name))
    }
  })

/** A file of this command that says nothing is left by a call that was killed before its first create. */
const isWorthKeeping = (evidence: Exposure.Evidence): boolean =>
  !EvidenceFile.isComplete(evidence) ||
  evidence.creates.length + evidence.transactions.length > 0 ||
  evidence.record !== undefined ||
  evidence.read !== undefined

const reasonOf = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" ? error.reason : error.module
