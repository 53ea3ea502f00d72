/**
 * The rows of both sides, split by a hash of their handle, so that one part at a time is enough to compare. Rows beyond
 * a size go to files in a temporary folder that only its owner can read. The folder goes with the scope.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { fingerprint } from "../domain/Fingerprint.js"

/** Into how many parts the rows are split. A part is a few thousand rows of a million. */
export const partitionsMax = 256

export type Side = "expected" | "shown"

/** A row: its handle, and its text without line breaks. */
export type Row = readonly [handle: string, text: string]

export interface Partitions {
  /** The numbers of the parts that have rows. */
  readonly filled: () => ReadonlyArray<number>
  readonly put: (side: Side, rows: Iterable<Row>) => Effect.Effect<void, PlatformError>
  /** The texts of one part. */
  readonly read: (side: Side, index: number) => Effect.Effect<ReadonlyArray<string>, PlatformError>
}

/** `heldMax`: how many characters of rows stay in memory. */
export const make = Effect.fnUntraced(function* (
  heldMax: number
): Effect.fn.Return<Partitions, never, FileSystem.FileSystem | Scope.Scope> {
  const files = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const held = { expected: emptyParts(), shown: emptyParts() }
  const filled = new Set<number>()
  const written = new Set<string>()
  let size = 0
  const temporary = yield* Effect.cached(
    Scope.extend(files.makeTempDirectoryScoped({ prefix: "payout-reconciliation-" }), scope)
  )
  const nameOf = (side: Side, index: number) => Effect.map(temporary, (folder) => `${folder}/${side}-${index}`)

  const write = Effect.fnUntraced(function* (side: Side, index: number) {
    const rows = held[side][index] ?? []
    if (rows.length === 0) return
    const name = yield* nameOf(side, index)
    yield* files.writeFileString(name, `${rows.join("\n")}\n`, { flag: "a", mode: 0o600 })
    written.add(name)
    held[side][index] = []
  })

  const writeAll = Effect.gen(function* () {
    for (let index = 0; index < partitionsMax; index++) {
      yield* write("expected", index)
      yield* write("shown", index)
    }
    size = 0
  })

  const put = (side: Side, rows: Iterable<Row>) =>
    Effect.suspend(() => {
      for (const [handle, text] of rows) {
        const index = partitionOf(handle)
        held[side][index]?.push(text)
        filled.add(index)
        size += text.length
      }
      return size > heldMax ? writeAll : Effect.void
    })

  const read = Effect.fnUntraced(function* (side: Side, index: number) {
    const rest = held[side][index] ?? []
    held[side][index] = []
    if (written.size === 0) return rest
    const name = yield* nameOf(side, index)
    if (!written.has(name)) return rest
    const text = yield* files.readFileString(name)
    return [...text.split("\n").filter((line) => line !== ""), ...rest]
  })

  return { filled: () => [...filled].sort((one, other) => one - other), put, read }
})

const emptyParts = (): Array<Array<string>> => Array.from({ length: partitionsMax }, () => [])

const partitionOf = (handle: string): number => Number.parseInt(fingerprint(handle).slice(-2), 16)
