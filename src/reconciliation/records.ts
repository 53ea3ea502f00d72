/**
 * Splits a stream of text into records, with the line in which each begins. A CSV record may have line breaks inside its
 * quotes (RFC 4180), so it may take several lines.
 */
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** One record as text, without its line end. */
export interface Record {
  /** From 1. */
  readonly line: number
  readonly text: string
}

/** The longest record that is read, in characters. A longer one is no row: it has a quote that is never closed. */
export const recordMax = 1024 * 1024

interface Reading {
  /** The beginning of a record that has not ended. */
  readonly rest: string
  readonly line: number
  /** Whether the text is NDJSON, once its first sign was read. */
  readonly isNdjson?: boolean
}

/** Whether a text is NDJSON, by its first sign. */
export const isNdjson = (text: string): boolean => /^\ufeff?\s*\{/.test(text)

/**
 * The records of a text that comes in parts. A byte order mark is skipped, and so are empty lines. Quotes hide line
 * breaks in CSV; in NDJSON they do not.
 */
export const split = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<Record, E, R> =>
  text.pipe(
    Stream.map(Option.some),
    Stream.concat(Stream.succeed(Option.none<string>())),
    Stream.mapAccum<Reading, Option.Option<string>, ReadonlyArray<Record>>({ rest: "", line: 1 }, read),
    Stream.mapConcat((found) => found)
  )

// After the last part, what is left is a record as well.
function read(reading: Reading, part: Option.Option<string>): readonly [Reading, ReadonlyArray<Record>] {
  const text = reading.rest + Option.getOrElse(part, () => "")
  const ndjson = reading.isNdjson ?? (text.replace("\ufeff", "").trim() === "" ? undefined : isNdjson(text))
  const found: Array<Record> = []
  let { line } = reading
  let begin = 0
  let isOpen = false
  const add = (end: number) => {
    const record = text.slice(begin, end)
    const plain = record.replace(/^\ufeff/, "").replace(/\r$/, "")
    if (plain.trim() !== "") found.push({ line, text: plain })
    line += count(record, "\n", 0, record.length) + 1
    begin = end + 1
    isOpen = false
  }
  for (let from = 0, end = text.indexOf("\n"); end !== -1; from = end + 1, end = text.indexOf("\n", from)) {
    // An escaped quote is two quotes, so it changes nothing.
    if (ndjson === false && count(text, '"', from, end) % 2 === 1) isOpen = !isOpen
    if (!isOpen || end - begin > recordMax) add(end)
  }
  if (Option.isNone(part) || text.length - begin > recordMax) add(text.length)
  return [{ rest: text.slice(begin), line, ...(ndjson === undefined ? {} : { isNdjson: ndjson }) }, found]
}

const count = (text: string, sign: string, from: number, to: number): number => {
  let found = 0
  for (let at = text.indexOf(sign, from); at !== -1 && at < to; at = text.indexOf(sign, at + 1)) found += 1
  return found
}
