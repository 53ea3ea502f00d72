/**
 * The results of a batch in a file, one line per row, as they end. The journal is the record; this is for people and for
 * books, and each run writes it anew.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Result } from "../batch/Batch.js"
import * as csv from "../batch/csv.js"
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
    const files = yield* FileSystem.FileSystem
    const isCsv = /\.csv$/i.test(name)
    const file = yield* files.open(name, { flag: "w", mode: 0o600 })
    const write = (line: string) => file.writeAll(new TextEncoder().encode(`${line}\n`))
    if (isCsv) yield* write(csv.line(columns))
    let hasFailed = false
    const results: Results = {
      add: (line, result) =>
        Effect.suspend(() => {
          if (hasFailed) return Effect.void
          const row = rowOf(line, result)
          return Effect.catchAll(
            write(isCsv ? csv.line(columns.map((name) => row[name])) : JSON.stringify(row)),
            (error) => {
              hasFailed = true
              return Console.error(
                `payout: ${name} cannot be written any more (${reasonOf(error)}); the journal goes on`
              )
            }
          )
        })
    }
    return results
  }).pipe(Effect.mapError((error) => BadInput.make(`${name} cannot be written (${reasonOf(error)}); nothing was sent`)))

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
