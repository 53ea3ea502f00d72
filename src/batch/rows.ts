/**
 * The rows of a file, as requests with their lines. The file is CSV with a line of names, or NDJSON, which has one JSON
 * object per line. A row that is no valid request has the reason in its place, without its values.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { isCardToken } from "../domain/Destination.js"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import * as csv from "../table/csv.js"

/**
 * One row of a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  /** The line in which it begins, from 1. */
  readonly line: number
  /** The request, or why there is none: `amount must be an integer from 1 to ...`. */
  readonly request: Either.Either<PayoutRequest.PayoutRequest, string>
}

/**
 * Reads the rows of a file: NDJSON if the text begins with a brace, or else CSV (RFC 4180: quotes, CRLF, also with
 * semicolons or tabs in place of commas). A BOM is skipped, and so are empty lines.
 *
 * The names of CSV columns and of NDJSON fields are those of `PayoutRequest.make`, or the provider's own: upper case,
 * underscores, hyphens and spaces make no difference. With an unknown, doubled or missing column, the line of names is
 * the only row, and refused. An empty cell is an absent field. A CSV has existing customers only, by their handle; a new
 * customer needs NDJSON. A card token becomes `Redacted` as it is read.
 *
 * @example
 * ```ts
 * import { Batch } from "effect-billwerk-payouts"
 *
 * const rows = Batch.rows("handle,destination,amount,currency\nprize-1,ca_1,12500,DKK\n")
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const rows = (text: string): ReadonlyArray<Row> => {
  const plain = text.startsWith(byteOrderMark) ? text.slice(byteOrderMark.length) : text
  return /^\s*\{/.test(plain) ? ofNdjson(plain) : ofCsv(plain)
}

const byteOrderMark = "\ufeff"

const ofNdjson = (text: string): ReadonlyArray<Row> =>
  text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return []
    const value = parseJson(line)
    const request = Option.isNone(value) ? Either.left("is not JSON") : Either.flatMap(renamed(value.value), requestOf)
    return [{ line: index + 1, request }]
  })

// JSON.parse quotes text that it could not read, which may be a card token. So only the failure itself is kept.
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const renamed = (value: unknown): Either.Either<unknown, string> => {
  if (!Predicate.isReadonlyRecord(value)) return Either.right(value)
  const named = Object.entries(value).map(([name, field]) => [fieldOf(name) ?? name, field] as const)
  const doubled = doubledIn(named.map(([name]) => name))
  return doubled === undefined ? Either.right(Object.fromEntries(named)) : Either.left(`has ${doubled} twice`)
}

const ofCsv = (text: string): ReadonlyArray<Row> => {
  const [head, ...body] = csv.records(text, csv.delimiterOf(text))
  if (head === undefined) return []
  const names = head.cells.map((name) => fieldOf(name))
  const problem = head.problem ?? problemOf(head.cells, names)
  if (problem !== undefined) return [{ line: head.line, request: Either.left(problem) }]
  return body.map((record) => ({ line: record.line, request: Either.flatMap(inputOf(names, record), requestOf) }))
}

const problemOf = (cells: ReadonlyArray<string>, names: ReadonlyArray<Field | undefined>): string | undefined => {
  const unknown = names.indexOf(undefined)
  if (unknown !== -1) return `has an unknown name in column ${unknown + 1}: ${known} are known`
  const doubled = doubledIn(names)
  if (doubled !== undefined) return `has ${doubled} twice`
  const missing = required.filter((name) => !names.includes(name))
  return missing.length === 0 || cells.length === 0 ? undefined : `has no column ${missing.join(", ")}`
}

const doubledIn = <A>(names: ReadonlyArray<A>): A | undefined =>
  names.find((name, index) => names.indexOf(name) !== index)

const inputOf = (
  names: ReadonlyArray<Field | undefined>,
  { cells, problem }: csv.Record
): Either.Either<unknown, string> => {
  if (problem !== undefined) return Either.left(problem)
  if (cells.length !== names.length) return Either.left(`has ${cells.length} cells, and ${names.length} are named`)
  const fields = names.flatMap((name, index) => {
    const cell = cells[index] ?? ""
    return name === undefined || cell === "" ? [] : [[name, name === "amount" ? csv.wholeNumber(cell) : cell] as const]
  })
  return Either.right(Object.fromEntries(fields))
}

const requestOf = (input: unknown): Row["request"] =>
  hasReplacement(input)
    ? Either.left("is not UTF-8")
    : Either.mapLeft(PayoutRequest.fromUnknown(redacted(input)), ({ field, reason }) => `${field} ${reason}`)

// What stands for bytes that are no UTF-8: a name on a bank statement would be sent with it.
const hasReplacement = (input: unknown): boolean =>
  Predicate.isReadonlyRecord(input) &&
  Object.values(input).some((field) => typeof field === "string" && field.includes("\ufffd"))

const redacted = (input: unknown): unknown =>
  Predicate.isReadonlyRecord(input) && typeof input["destination"] === "string" && isCardToken(input["destination"])
    ? { ...input, destination: Redacted.make(input["destination"]) }
    : input

const fields = [
  "handle",
  "destination",
  "amount",
  "currency",
  "customer",
  "text",
  "textOnStatement",
  "acquirerReference"
] as const satisfies ReadonlyArray<keyof PayoutRequest.Input>

type Field = (typeof fields)[number]

const required: ReadonlyArray<Field> = ["handle", "destination", "amount", "currency"]

const known = fields.join(", ")

const plainName = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, "")

// The provider calls an existing customer by another name than a new one.
const byPlainName = new Map<string, Field>([
  ...fields.map((field) => [plainName(field), field] as const),
  ["customerhandle", "customer"]
])

const fieldOf = (name: string): Field | undefined => byPlainName.get(plainName(name))
