/**
 * The results of a batch in a file, one line per row, as they end. The journal is the record; this is for people and for
 * books, and each run writes it anew. It replaces the file of an earlier run with its first row, which only a run has
 * that has taken the batch: a run that is refused leaves the file as it is.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Result } from "../batch/Batch.js"
import * as csv from "../table/csv.js"
import * as BadInput from "./BadInput.js"

export interface Results {
  /** Adds a row. If that fails, it says so once. */
  readonly add: (line: number, result: Result) => Effect.Effect<void>
}

/** Keeps none. */
export const none: Results = { add: () => Effect.void }

const columns = [
  "line",
  "handle",
  "amount",
  "currency",
  "outcome",
  "certainty",
  "exposureMin",
  "exposureMax",
  "transaction",
  "status",
  "code"
] as const

type Columns = Readonly<Record<(typeof columns)[number], string | number | undefined>>

/** A file that only its owner can read: CSV if its name ends so, or else NDJSON. */
export const open = (name: string): Effect.Effect<Results, BadInput.BadInput, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const isCsv = /\.csv$/i.test(name)
    const { replace, write } = yield* draftOf(name)
    if (isCsv) yield* write(csv.line(columns))
    let isFirst = true
    let hasFailed = false
    const results: Results = {
      add: (line, result) =>
        Effect.gen(function* () {
          if (hasFailed) return
          if (isFirst) yield* replace
          isFirst = false
          const row = rowOf(line, result)
          yield* write(isCsv ? csv.line(columns.map((name) => row[name])) : JSON.stringify(row))
        }).pipe(
          Effect.catchAll((error) => {
            hasFailed = true
            return Console.error(`payout: ${name} cannot be written any more (${reasonOf(error)}); the journal goes on`)
          })
        )
    }
    return results
  }).pipe(Effect.mapError((error) => BadInput.make(`${name} cannot be written (${reasonOf(error)}); nothing was sent`)))

/** A new file beside the named one, which it replaces later. It is removed if it did not. */
const draftOf = Effect.fnUntraced(function* (name: string) {
  const files = yield* FileSystem.FileSystem
  const draft = `${name}.${yield* Random.nextIntBetween(0, 2 ** 32)}.tmp`
  let isDraft = true
  const file = yield* Effect.acquireRelease(files.open(draft, { flag: "wx", mode: 0o600 }), () =>
    isDraft ? Effect.ignore(files.remove(draft)) : Effect.void
  )
  return {
    write: (line: string) => file.writeAll(new TextEncoder().encode(`${line}\n`)),
    replace: Effect.uninterruptible(
      Effect.map(files.rename(draft, name), () => {
        isDraft = false
      })
    )
  }
})

const rowOf = (line: number, { recorded, request }: Result): Columns => ({
  line,
  handle: request.handle,
  amount: request.amount,
  currency: request.currency,
  outcome: recorded.outcome,
  certainty: recorded.certainty,
  exposureMin: recorded.exposure.min,
  exposureMax: recorded.exposure.max,
  transaction: recorded.transaction,
  status: recorded.status,
  code: recorded.code
})

const reasonOf = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" ? error.reason : error.module
