/**
 * Keeps the evidence of one call in a file. It stores each create before it is sent, and the result when the call ends.
 * A process that is killed in between leaves every create in the file that it may have sent.
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as BillwerkClient from "../provider/BillwerkClient.js"
import * as Exposure from "../domain/Exposure.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as BadInput from "./BadInput.js"
import type { Mode } from "./Connection.js"
import * as EvidenceFile from "./EvidenceFile.js"
import * as ExitCode from "./ExitCode.js"
import { type Ended, isOutcome } from "./Summary.js"

export interface Keeper {
  /** The file. None in the sandbox, which is forgotten anyway, unless the caller names one. */
  readonly name: string | undefined
  /** Stores that one more create may be carried out from now on. */
  readonly intend: Effect.Effect<void, PlatformError.PlatformError>
  /** Stores the call's result if the next call needs it, and returns the file's name. */
  readonly conclude: (ended: Ended) => Effect.Effect<string | undefined>
}

/** Keeps nothing. */
export const none: Keeper = {
  name: undefined,
  intend: Effect.void,
  conclude: () => Effect.succeed(undefined)
}

/**
 * `earlier` is the evidence that the file had before. `assumed` are the creates that the caller adds to it: a killed
 * call must not leave a file without them.
 */
export const make = (
  request: PayoutRequest,
  name: string,
  mode: Mode,
  earlier: Option.Option<Exposure.Evidence>,
  assumed: ReadonlyArray<Exposure.Create> = []
): Effect.Effect<Keeper, BadInput.BadInput, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const write = (evidence: Exposure.Evidence) => Effect.provide(EvidenceFile.write(name, evidence, mode), context)
    const restore = Effect.provide(
      Option.match(earlier, { onNone: () => EvidenceFile.remove(name), onSome: write }),
      context
    )
    let known = assumed.reduce(
      Exposure.withCreate,
      Option.getOrElse(earlier, () => Exposure.empty(request.handle))
    )
    yield* Effect.mapError(write(known), (error) =>
      BadInput.make(
        `${name} cannot be written (${reasonOf(error)}), and nothing is sent before it is; or choose --evidence`
      )
    )

    const store = (ended: Ended): Effect.Effect<string | undefined, PlatformError.PlatformError> => {
      if (ended._tag === "InvalidRequest") return Effect.as(restore, undefined)
      const evidence = Option.match(earlier, {
        onNone: () => ended.evidence,
        onSome: (before) => Exposure.merge(before, ended.evidence)
      })
      const isOver = isOutcome(ended) ? ended._tag === "Paid" : ExitCode.ofError(ended) === "notMoved"
      return isOver && Option.isNone(earlier) ? Effect.as(restore, undefined) : Effect.as(write(evidence), name)
    }

    return {
      name,
      intend: Effect.suspend(() =>
        Effect.flatMap(intent(request, known), (next) => {
          known = next
          return write(next)
        })
      ),
      conclude: (ended) =>
        Effect.catchAll(store(ended), (error) =>
          Effect.as(
            Console.error(
              `payout: ${name} could not be brought up to date (${reasonOf(error)}). It still counts every create that was sent.`
            ),
            name
          )
        )
    }
  })

/**
 * Evidence with one more create, which is about to be sent. Its clock has a unique name without a measured offset, so a
 * process that takes the evidence over knows only that the create was sent before that.
 */
export const intent = (
  request: PayoutRequest,
  evidence: Exposure.Evidence = Exposure.empty(request.handle)
): Effect.Effect<Exposure.Evidence> =>
  Effect.gen(function* () {
    const at = yield* Clock.currentTimeMillis
    const words = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 2)
    const clock = ["intent", at, ...words].map((word) => word.toString(36)).join("-")
    const { method, request: all } = fingerprints(request)
    return Exposure.withCreate(evidence, {
      id: `${clock}/1`,
      count: 1,
      clock,
      from: at,
      to: at,
      amount: request.amount,
      request: all,
      ...(method === undefined ? {} : { method }),
      before: Exposure.over(evidence),
      guess: false
    })
  })

/** The client, which stores each create before it sends it. If it cannot store a create, it does not send it. */
export const around =
  ({ intend, name }: Keeper) =>
  (client: BillwerkClient.BillwerkClient["Type"]): BillwerkClient.BillwerkClient["Type"] =>
    BillwerkClient.BillwerkClient.of({
      ...client,
      create: (request) => {
        const send = client.create(request)
        return Effect.matchEffect(intend, {
          onFailure: (error) =>
            Effect.as(
              Console.error(`payout: a create was not sent, because ${name} cannot be written (${reasonOf(error)})`),
              unsent
            ),
          onSuccess: () => send
        })
      }
    })

const unsent: Reply = { _tag: "NoResponse", reason: "Transport", sent: "NotSent", systemCode: "EVIDENCE" }

const reasonOf = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" ? error.reason : error.module
