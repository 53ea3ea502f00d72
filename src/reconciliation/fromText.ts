/**
 * Reads our books from a file's text: CSV with a line of names, or NDJSON, which has one JSON object per line.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import { hiddenClass } from "../domain/schemaMessages.js"
import { type Expectation, ofEnd, ofRow, type Standing } from "./Expectation.js"
import * as csv from "../table/csv.js"
import * as records from "./records.js"

/**
 * A row that cannot be read. Books that are not read whole are not compared, so it ends the reconciliation. It never
 * shows a value of the row.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadRow extends Schema.TaggedError<BadRow>("effect-billwerk-payouts/BadRow")(
  "BadRow",
  {
    /** The line in which the row begins, from 1. */
    line: Schema.Number,
    /** What is wrong with it, without the row's values. */
    reason: Schema.String
  },
  hiddenClass("a bad row")
) {
  override get message(): string {
    return `Line ${this.line} ${this.reason}. Nothing was compared: correct the file.`
  }
}

/**
 * Our books from the text of a file, in parts of any size.
 *
 * CSV (RFC 4180; also with semicolons or tabs) begins with a line of names. `handle`, `amount` (minor units) and
 * `currency` are needed, and `customer` (`customer_handle`) is compared if it is there. `certainty` and `outcome` say how
 * a row ended, as the results of `payout batch` do; without a certainty, it is expected. Other columns are ignored. NDJSON
 * has one object per line: the same fields, or a stored end of a call as its Schema encodes it (`Outcome.Outcome`,
 * `PayoutError.PayoutError`), also as the `result` of `createAll`.
 *
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { Effect, Stream } from "effect"
 * import { Reconciliation } from "effect-billwerk-payouts"
 *
 * const expected = Stream.unwrap(
 *   Effect.map(FileSystem.FileSystem, (files) => files.stream("expected.csv"))
 * ).pipe(Stream.decodeText(), Reconciliation.fromText)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromText = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<Expectation, E | BadRow, R> =>
  records.split(text).pipe(
    Stream.mapAccumEffect("Unread", (format: Format, record) =>
      Effect.mapError(read(format, record), (reason) => new BadRow({ line: record.line, reason }))
    ),
    Stream.filterMap((row) => row)
  )

/** How the records of a file are read: as JSON, or by the columns that its first record names. */
type Format = "Unread" | "Ndjson" | { readonly delimiter: csv.Delimiter; readonly columns: Columns }

interface Columns {
  readonly count: number
  readonly handle: number
  readonly amount: number
  readonly currency: number
  /** -1 if there is none, as the two that follow. */
  readonly customer: number
  readonly outcome: number
  readonly certainty: number
}

type Row = Either.Either<Expectation, string>

/** A record, and how the next one is read. The names of CSV are no row. */
const read = (
  format: Format,
  { text }: records.Record
): Either.Either<readonly [Format, Option.Option<Expectation>], string> => {
  // What stands for bytes that are no UTF-8, and what UTF-16 is full of: a handle may be another than it seems.
  if (text.includes("\ufffd") || text.includes("\0")) return Either.left("is not UTF-8")
  if (format !== "Unread" || records.isNdjson(text)) {
    const known = format === "Unread" ? "Ndjson" : format
    return Either.map(rowOf(known, text), (row) => [known, Option.some(row)])
  }
  const delimiter = csv.delimiterOf(text)
  return Either.flatMap(csv.cellsOf(text, delimiter), (cells) =>
    Either.map(columnsOf(cells), (columns) => [{ delimiter, columns }, Option.none()])
  )
}

const columnsOf = (cells: ReadonlyArray<string>): Either.Either<Columns, string> => {
  const names = cells.map(nameOf)
  const columns = {
    handle: names.indexOf("handle"),
    amount: names.indexOf("amount"),
    currency: names.indexOf("currency"),
    customer: names.indexOf("customer"),
    outcome: names.indexOf("outcome"),
    certainty: names.indexOf("certainty")
  }
  const missing = (["handle", "amount", "currency"] as const).filter((name) => columns[name] === -1)
  const doubled = Object.keys(columns).filter((name) => names.indexOf(name) !== names.lastIndexOf(name))
  if (missing.length > 0) return Either.left(`names no column ${missing.join(", ")}`)
  return doubled.length > 0
    ? Either.left(`names the column ${doubled.join(", ")} twice`)
    : Either.right({ ...columns, count: names.length })
}

// The provider calls an existing customer by another name than a new one.
const nameOf = (cell: string): string => {
  const name = cell.trim().toLowerCase()
  return /^customer[\s_-]?handle$/.test(name) ? "customer" : name
}

const rowOf = (format: Exclude<Format, "Unread">, text: string): Row => {
  if (format === "Ndjson") return ofJson(text)
  const { columns, delimiter } = format
  return Either.flatMap(csv.cellsOf(text, delimiter), (cells) => {
    if (cells.length > columns.count) return Either.left(`has ${cells.length} cells, and ${columns.count} are named`)
    const filled = (column: number) => (cells[column] === "" ? undefined : cells[column])
    const row = checked({
      handle: cells[columns.handle],
      amount: csv.wholeNumber(cells[columns.amount] ?? ""),
      currency: cells[columns.currency],
      customer: filled(columns.customer)
    })
    return ended(row, filled(columns.outcome), filled(columns.certainty))
  })
}

const checked = (fields: Parameters<typeof ofRow>[0]): Row =>
  Either.mapLeft(ofRow(fields), ({ field, reason }) => `has a wrong ${field}: it ${reason}`)

/** The row with its end, as the results of a batch name it. */
const ended = (row: Row, outcome: unknown, certainty: unknown): Row => {
  if (certainty === undefined) return row
  const standing = standingOf(outcome, certainty)
  return standing === undefined
    ? Either.left("has a wrong certainty: it must be Moved, MayHaveMoved or NotMoved")
    : Either.map(row, (expected): Expectation => ({ ...expected, standing }))
}

const standingOf = (outcome: unknown, certainty: unknown): Standing | undefined => {
  switch (certainty) {
    case "Moved":
      return "Paid"
    case "NotMoved":
      return "NotMoved"
    case "MayHaveMoved":
      return outcome === "Processing" ? "Processing" : "InDoubt"
    default:
      return undefined
  }
}

// --- NDJSON ---

// JSON.parse quotes text that it could not read. So only the failure itself is kept.
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const ofJson = (text: string): Row => {
  const value = Option.getOrUndefined(parseJson(text))
  if (!Predicate.isReadonlyRecord(value)) return Either.left("is not a JSON object")
  if (Predicate.isReadonlyRecord(value["result"])) return ofStoredResult(value, value["result"])
  if (typeof value["_tag"] === "string") return ofStoredEnd(value, value)
  return fieldsOf(value)
}

const fieldsOf = (value: object): Row => {
  const { amount, certainty, currency, handle, outcome, ...rest }: Readonly<Record<string, unknown>> = { ...value }
  const customer = rest["customer"] ?? rest["customer_handle"]
  // A customer to create is an object, with a handle or without.
  const isHandle = typeof customer === "string"
  return ended(checked({ handle, amount, currency, ...(isHandle ? { customer } : {}) }), outcome, certainty)
}

/** A result of `createAll`: an `Either`, as JSON has it, or the end itself. */
const ofStoredResult = (value: object, result: Readonly<Record<string, unknown>>): Row => {
  const end = result["_tag"] === "Right" ? result["right"] : result["_tag"] === "Left" ? result["left"] : result
  return Predicate.isReadonlyRecord(end) ? ofStoredEnd(end, { ...value }) : Either.left("has a result that is none")
}

const decodeEnd = Schema.decodeUnknownEither(Schema.Union(Outcome, PayoutError))

const ofStoredEnd = (end: object, beside: Readonly<Record<string, unknown>>): Row =>
  Either.match(decodeEnd(end), {
    onLeft: () => Either.left("is neither an outcome nor an error of a payout"),
    onRight: (decoded) => {
      if (decoded._tag !== "InvalidRequest") return Either.right(ofEnd(decoded))
      const { request } = beside
      if (!Predicate.isReadonlyRecord(request)) return Either.left("is a refused request without the request")
      return Either.map(fieldsOf(request), (row): Expectation => ({ ...row, standing: "NotMoved" }))
    }
  })
