/**
 * CSV as RFC 4180 has it: quoted cells with doubled quotes, and line breaks inside them. Each record has the line in
 * which it begins. A record that is not CSV has a problem in place of cells, and the next line is read all the same.
 */

import * as Either from "effect/Either"

/** One record. */
export interface Record {
  /** From 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
  /** What is wrong with it, if anything. */
  readonly problem?: string
}

/** What separates cells. Spreadsheets in countries with a decimal comma write semicolons. */
export type Delimiter = "," | ";" | "\t"

/** The delimiter of a file, by its first line: a comma, unless the line has none and has another one. */
export const delimiterOf = (text: string): Delimiter => {
  const [first = ""] = text.split(lineEnd, 1)
  if (first.includes(",")) return ","
  return first.includes(";") ? ";" : first.includes("\t") ? "\t" : ","
}

/** The records of a text. Empty lines are none. */
export const records = (text: string, delimiter: Delimiter): ReadonlyArray<Record> => {
  const found: Array<Record> = []
  let line = 1
  for (let at = 0; at < text.length;) {
    const { end, ...record } = recordAt(text, at, line, delimiter)
    if (record.problem !== undefined || record.cells.length > 1 || record.cells[0] !== "") found.push(record)
    line += text.slice(at, end).match(lineEnds)?.length ?? 0
    at = end
  }
  return found
}

const lineEnd = /\r\n|\n|\r/
const lineEnds = new RegExp(lineEnd, "g")

interface Cell {
  readonly text: string
  /** The position behind it. */
  readonly end: number
  readonly problem?: string
}

const recordAt = (
  text: string,
  start: number,
  line: number,
  delimiter: Delimiter
): Record & { readonly end: number } => {
  const cells: Array<string> = []
  for (let at = start; ;) {
    const cell = text[at] === '"' ? quotedAt(text, at) : plainAt(text, at, delimiter)
    const isBroken = cell.problem === undefined && !isEnded(text, cell.end, delimiter)
    const problem = isBroken ? "has text behind a closing quote" : cell.problem
    if (problem !== undefined) return { line, cells, problem, end: nextLine(text, cell.end) }
    cells.push(cell.text)
    if (text[cell.end] !== delimiter) return { line, cells, end: nextLine(text, cell.end) }
    at = cell.end + 1
  }
}

const isEnded = (text: string, at: number, delimiter: Delimiter): boolean =>
  at >= text.length || text[at] === delimiter || text[at] === "\n" || text[at] === "\r"

const plainAt = (text: string, at: number, delimiter: Delimiter): Cell => {
  let end = at
  while (!isEnded(text, end, delimiter)) end += 1
  const cell = text.slice(at, end)
  return cell.includes('"')
    ? { text: cell, end, problem: "has a quote inside a cell without quotes" }
    : { text: cell, end }
}

const quotedAt = (text: string, at: number): Cell => {
  let cell = ""
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from)
    if (quote === -1) return { text: cell, end: text.length, problem: "has a quote that is never closed" }
    cell += text.slice(from, quote)
    if (text[quote + 1] !== '"') return { text: cell, end: quote + 1 }
    cell += '"'
    from = quote + 2
  }
}

/** The position behind the end of the line at or after `at`. */
const nextLine = (text: string, at: number): number => {
  let end = at
  while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end += 1
  return text.startsWith("\r\n", end) ? end + 2 : Math.min(end + 1, text.length)
}

/** The cells of a text that is one record, or what is wrong with it. */
export const cellsOf = (text: string, delimiter: Delimiter): Either.Either<ReadonlyArray<string>, string> => {
  const [record, ...others] = records(text, delimiter)
  if (record === undefined || others.length > 0) return Either.left("is not one line")
  return record.problem === undefined ? Either.right(record.cells) : Either.left(record.problem)
}

/** A cell as a number. Anything but a plain one stays as it is, so that validation refuses it in the field's own words. */
export const wholeNumber = (cell: string): string | number => (/^\d{1,15}$/.test(cell) ? Number(cell) : cell)

/** One record as text. */
export const line = (cells: ReadonlyArray<string | number | undefined>): string =>
  cells.map((cell) => quoted(String(cell ?? ""))).join(",")

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)
