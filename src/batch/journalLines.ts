/**
 * The lines of a journal, and what they say together. The first line says what the journal is about. Each run then
 * writes a line with its name, its opening, and its name is in each of its entries.
 *
 * The openings are the fence. A run that was stopped in a write can lose the lock meanwhile, and its line then lands
 * behind those of the run that took over. That line knows nothing of what the new run sent. So an entry whose run is not
 * the latest to open is late: it never ends doubt. A late begin counts beside what the new run knows, until a run opens
 * that has read it. A late end is ignored.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import { Begun, Ended, type Entry } from "./entries.js"
import { StoreFailed } from "./store.js"

/** The first line. */
const Head = Schema.TaggedStruct("Batch", { version: Schema.Literal(1), about: Schema.String })

/** From here on, the store is this run's. */
const Opening = Schema.TaggedStruct("Opening", { owner: Schema.String, account: Schema.optional(Schema.String) })

const owned = { owner: Schema.String }

const Line = Schema.Union(
  Opening,
  Schema.Struct({ ...Begun.fields, ...owned }),
  Schema.Struct({ ...Ended.fields, ...owned })
)

const headJson = Schema.parseJson(Head)
const lineJson = Schema.parseJson(Line)
const encodeHead = Schema.encode(headJson)
const encodeLine = Schema.encode(lineJson)
const decodeHead = Schema.decodeOption(headJson)
const decodeLine = Schema.decodeOption(lineJson)

export const headLine = (about: string): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encodeHead(Head.make({ version: 1, about }))), ended)

export const openingLine = (owner: string, account: string | undefined): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encodeLine(Opening.make(account === undefined ? { owner } : { owner, account }))), ended)

export const entryLine = (owner: string, entry: Entry): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encodeLine({ ...entry, owner })), ended)

const ended = (line: string): string => `${line}\n`

/** What was read of a journal so far. Reading goes on where it ended. */
export interface Reading {
  readonly file: string
  readonly about: string
  /** How many bytes of whole lines, and how many of these lines. */
  bytes: number
  lines: number
  /** The latest run to open. */
  owner: string | undefined
  /** The account of the latest run that had one. */
  account: string | undefined
  /** The entries of each owner, as long as it was the latest. */
  readonly timely: Map<string, Entry>
  /** What late entries say in addition, until the next opening. */
  readonly late: Map<string, Begun>
}

export const begin = (file: string, about: string): Reading => ({
  file,
  about,
  bytes: 0,
  lines: 0,
  owner: undefined,
  account: undefined,
  timely: new Map(),
  late: new Map()
})

/**
 * Reads what a file has more than when it was read last. A line without its end was being written when its process was
 * killed: it is left out. Nothing that relied on it was done.
 */
export const readOn = (reading: Reading, all: Uint8Array): Effect.Effect<void, StoreFailed> =>
  Effect.gen(function* () {
    const whole = all.lastIndexOf(lineFeed) + 1
    if (whole === 0) return yield* checkTornHead(reading, all)
    const lines = new TextDecoder().decode(all.subarray(reading.bytes, whole)).split("\n").slice(0, -1)
    for (const line of lines) {
      reading.lines += 1
      if (reading.lines === 1) yield* checkHead(reading, line)
      else yield* take(reading, line)
    }
    reading.bytes = whole
  })

const lineFeed = 10

/** The latest entry of each handle. */
export const entriesOf = ({ late, timely }: Reading): Map<string, Entry> => {
  const entries = new Map(timely)
  for (const [handle, begun] of late) entries.set(handle, withLate(timely.get(handle), begun))
  return entries
}

const noJournal = (file: string) => new StoreFailed({ store: file, reason: "it is no journal of a batch" })

/** A file of one line without an end is a journal only if that is the beginning of its first line. */
const checkTornHead = ({ about, file }: Reading, all: Uint8Array): Effect.Effect<void, StoreFailed> =>
  Effect.flatMap(headLine(about), (line) => {
    const head = new TextEncoder().encode(line)
    return all.every((byte, index) => byte === head[index]) ? Effect.void : noJournal(file)
  })

const checkHead = ({ about, file }: Reading, line: string): Effect.Effect<void, StoreFailed> => {
  const head = decodeHead(line)
  if (Option.isNone(head)) return noJournal(file)
  if (head.value.about === about) return Effect.void
  return new StoreFailed({ store: file, reason: `it is about ${head.value.about}, and not about ${about}` })
}

const take = (reading: Reading, line: string): Effect.Effect<void, StoreFailed> =>
  Effect.suspend(() => {
    const decoded = decodeLine(line)
    if (Option.isNone(decoded)) {
      return new StoreFailed({ store: reading.file, reason: `line ${reading.lines} is damaged` })
    }
    if (decoded.value._tag === "Opening") open(reading, decoded.value)
    else add(reading, decoded.value)
    return Effect.void
  })

/** Who opens reads all that is there, so its entries know of what was late. */
const open = (reading: Reading, { account, owner }: typeof Opening.Type): void => {
  reading.owner = owner
  reading.account = account ?? reading.account
  for (const [handle, begun] of reading.late) reading.timely.set(handle, withLate(reading.timely.get(handle), begun))
  reading.late.clear()
}

const add = (
  { late, owner: latest, timely }: Reading,
  { owner, ...entry }: Entry & { readonly owner: string }
): void => {
  if (owner === latest) timely.set(entry.handle, entry)
  else if (entry._tag === "Begun") late.set(entry.handle, withLate(late.get(entry.handle), entry))
}

/** All that both know of. The row is open again, also if it had ended: only the provider can say so now. */
const withLate = (entry: Entry | undefined, late: Begun): Begun => {
  if (entry === undefined) return late
  const evidence = entry.evidence === undefined ? late.evidence : Exposure.merge(entry.evidence, late.evidence)
  return { _tag: "Begun", handle: entry.handle, request: entry.request, evidence }
}
