/**
 * The layout of text for people: aligned columns, wrapped lines and amounts of money.
 */
import type { Exposure } from "../domain/Exposure.js"

/** The width at which lines are wrapped. */
export const widthMax = 110

export interface Column {
  readonly title: string
  readonly isNumber?: true
}

/** Rows under a line of titles. The last column takes the rest of the width, and wraps under itself. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): readonly [head: string, ...body: ReadonlyArray<string>] => {
  const head = columns.map(({ title }) => title)
  const widths = columns.map((_, index) => Math.max(...[head, ...rows].map((row) => (row[index] ?? "").length)))
  const before = (row: ReadonlyArray<string>) =>
    columns
      .slice(0, -1)
      .map(({ isNumber }, index) =>
        isNumber === true
          ? (row[index] ?? "").padStart(widths[index] ?? 0)
          : (row[index] ?? "").padEnd(widths[index] ?? 0)
      )
      .map((cell) => `${cell}  `)
      .join("")
  return [`${before(head)}${head.at(-1) ?? ""}`, ...rows.flatMap((row) => hang(before(row), row.at(-1) ?? ""))]
}

const lastWidthMin = 30

const hang = (before: string, text: string): ReadonlyArray<string> =>
  wrap(text, Math.max(widthMax - before.length, lastWidthMin)).map((line, index) =>
    `${index === 0 ? before : " ".repeat(before.length)}${line}`.trimEnd()
  )

/** The distance from the edge to the text next to a label. */
export const labelWidth = 10

/** A label, with its text wrapped under itself. */
export const labelled = (label: string, text: string): ReadonlyArray<string> => hang(label.padEnd(labelWidth), text)

/** Breaks text at its blanks. */
export const wrap = (text: string, width: number): ReadonlyArray<string> =>
  text.split(" ").reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    if (last === undefined) return [word]
    return last.length + 1 + word.length > width ? [...lines, word] : [...lines.slice(0, -1), `${last} ${word}`]
  }, [])

/** Lines of prose, each wrapped, with its continuation indented. */
export const paragraphs = (text: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line) => wrap(line, widthMax - 2).map((part, index) => (index === 0 ? part : `  ${part}`)))

export const indent = (lines: ReadonlyArray<string>, by = 4): ReadonlyArray<string> =>
  lines.map((line) => (line === "" ? line : " ".repeat(by) + line))

/** Minor units; a range only if the two ends differ. */
export const between = ({ max, min }: Exposure): string => (min === max ? String(max) : `${min} to ${max}`)
