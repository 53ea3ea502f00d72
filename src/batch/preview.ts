/**
 * What a file would do, before anything is sent.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { differences, type PayoutRequest } from "../domain/PayoutRequest.js"
import * as RequestLimits from "../provider/RequestLimits.js"
import type { Sums } from "./progress.js"
import type { Row } from "./rows.js"

/**
 * A row that is not paid, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  /** The line in which the row begins, from 1. */
  readonly line: number
  /** What is wrong with it, in words for a person; without the row's values. */
  readonly reason: string
}

/**
 * What a file would do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Preview {
  /** All rows, valid or not. */
  readonly rows: number
  /** The rows that can be paid: valid, and the only one with their handle. */
  readonly valid: ReadonlyArray<Row & { readonly request: Either.Right<string, PayoutRequest> }>
  /** The rows that are no valid request, by line. */
  readonly invalid: ReadonlyArray<Problem>
  /** The rows whose handle another row has as well. None of them is valid: the file does not say which one is meant. */
  readonly duplicates: ReadonlyArray<Problem>
  /** The valid rows and their amounts, by currency. */
  readonly sums: Sums
}

/**
 * What the rows of a file would do.
 *
 * @category reading
 * @since 0.1.0
 */
export const preview = (rows: ReadonlyArray<Row>): Preview => {
  const readable = rows.filter(isReadable)
  const byHandle = new Map<string, Array<Readable>>()
  for (const row of readable) {
    const { handle } = row.request.right
    const others = byHandle.get(handle)
    if (others === undefined) byHandle.set(handle, [row])
    else others.push(row)
  }
  const sharing = (row: Readable) => (byHandle.get(row.request.right.handle) ?? []).filter((other) => other !== row)
  const valid = readable.filter((row) => sharing(row).length === 0)
  return {
    rows: rows.length,
    valid,
    invalid: rows.flatMap(({ line, request }) => (Either.isLeft(request) ? [{ line, reason: request.left }] : [])),
    duplicates: readable.flatMap((row) => {
      const [other] = sharing(row)
      return other === undefined ? [] : [{ line: row.line, reason: shared(row, other) }]
    }),
    sums: sumsOf(valid.map(({ request }) => request.right))
  }
}

type Readable = Preview["valid"][number]

const isReadable = (row: Row): row is Readable => Either.isRight(row.request)

const shared = ({ request: { right } }: Readable, { line, request }: Readable): string => {
  const differs = differences(right, request.right)
  const how = differs.length === 0 ? "with the same arguments" : `with another ${differs.join(" and ")}`
  return `handle ${right.handle} is also in line ${line}, ${how}`
}

/**
 * The least time that so many creates take within the provider's request limits.
 *
 * @category reading
 * @since 0.1.0
 */
export const leastTime = (
  creates: number,
  { writes }: RequestLimits.Limits = RequestLimits.standard
): Duration.Duration => Duration.seconds(Math.max(0, creates - writes.burst) / writes.rate)

/** Requests and their amounts, by currency. */
export const sumsOf = (requests: ReadonlyArray<PayoutRequest>): Sums => {
  const sums: Record<string, { readonly rows: number; readonly amount: number }> = {}
  for (const { amount, currency } of requests) {
    const { amount: before, rows } = sums[currency] ?? { amount: 0, rows: 0 }
    sums[currency] = { rows: rows + 1, amount: before + amount }
  }
  return sums
}
