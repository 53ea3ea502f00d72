/**
 * What the caller says about a batch besides its rows: which files belong to it, and when it stops.
 */
import type { StopRules } from "../batch/Batch.js"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isCurrency } from "../domain/Money.js"
import * as BadInput from "./BadInput.js"
import type { Mode } from "./Connection.js"

/** The files of a batch. */
export interface Files {
  /** The rows. `-` is standard input. */
  readonly file: string
  /** None in the sandbox, which is forgotten anyway, unless the caller names one. */
  readonly journal: string | undefined
  readonly results: string | undefined
}

interface Named {
  readonly file: string
  readonly journal: Option.Option<string>
  readonly results: Option.Option<string>
}

export const filesOf = ({ file, journal, results }: Named, mode: Mode): Effect.Effect<Files, BadInput.BadInput> => {
  const names = [file, ...Option.toArray(journal), ...Option.toArray(results)]
  if (names.some((name) => /(^|[\\/])(ct|priv)_/.test(name))) {
    return BadInput.make("--file, --journal and --results must be the names of files, and no card token or key")
  }
  if (new Set(names).size < names.length) return BadInput.make("--file, --journal and --results must be three files")
  // Two batches from standard input are not one batch.
  if (mode === "Live" && file === "-" && Option.isNone(journal)) {
    return BadInput.make("--file - has no name: say with --journal where the batch keeps its record; nothing was sent")
  }
  const base = file === "-" ? "batch" : file
  const format = /\.csv$/i.test(file) ? "csv" : "ndjson"
  const or = (named: Option.Option<string>, name: string) =>
    Option.getOrElse(named, () => (mode === "Live" ? name : undefined))
  return Effect.succeed({
    file,
    journal: or(journal, `${base}.journal.ndjson`),
    results: or(results, `${base}.results.${format}`)
  })
}

/** Reads `--stop-in-doubt` and `--stop-after-failures`. */
export const rulesOf = (flags: {
  readonly stopInDoubt: Option.Option<string>
  readonly stopAfterFailures: Option.Option<string>
}): Effect.Effect<StopRules, BadInput.BadInput> =>
  Effect.gen(function* () {
    const { stopAfterFailures, stopInDoubt } = flags
    if (Option.exists(stopAfterFailures, (text) => !/^[1-9]\d{0,5}$/.test(text))) {
      return yield* BadInput.make("--stop-after-failures must be a whole number from 1 to 999999")
    }
    return {
      failuresInARow: Option.getOrUndefined(Option.map(stopAfterFailures, Number)),
      inDoubt: Option.isSome(stopInDoubt) ? yield* limitsOf(stopInDoubt.value) : undefined
    }
  })

const limitsOf = (text: string): Effect.Effect<NonNullable<StopRules["inDoubt"]>, BadInput.BadInput> => {
  if (isAmount(text)) return Effect.succeed(Number(text))
  const limits = text.split(",").map((limit) => limit.split("="))
  const isValid = limits.every(
    ([currency, amount, ...rest]) =>
      isCurrency(currency) && amount !== undefined && isAmount(amount) && rest.length === 0
  )
  return isValid
    ? Effect.succeed(Object.fromEntries(limits.map(([currency = "", amount]) => [currency, Number(amount)])))
    : BadInput.make("--stop-in-doubt must be minor units, for each currency alike or by currency: DKK=500000,EUR=70000")
}

const isAmount = (text: string): boolean => /^\d{1,15}$/.test(text)
