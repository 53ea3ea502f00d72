/**
 * A batch's store in a file: NDJSON, one entry per line, appended. All entries that wait are written at once and share
 * one sync, so a sync takes as long for many rows as for one.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { Entry } from "./entries.js"
import * as lease from "./lease.js"
import { failed, type Opened, type Store, StoreFailed } from "./store.js"

export interface Settings {
  readonly file: string
  readonly files: FileSystem.FileSystem
  readonly path: Path.Path
  readonly about: string
  readonly lease: Duration.Duration
}

/** The most entries that share one sync. */
const entriesPerSync = 10_000

/** Readable by its owner only. */
const mode = 0o600

/** The first line. */
const Head = Schema.TaggedStruct("Batch", { version: Schema.Literal(1), about: Schema.String })

const headJson = Schema.parseJson(Head)
const entryJson = Schema.parseJson(Entry)
const encodeHead = Schema.encode(headJson)
const encodeEntry = Schema.encode(entryJson)
const decodeHead = Schema.decodeOption(headJson)
const decodeEntry = Schema.decodeOption(entryJson)

export const make = (settings: Settings): Store => ({
  peek: () => Effect.map(read(settings), ({ entries }) => entries),
  open: Effect.gen(function* () {
    const { check } = yield* lease.acquire(lockOf(settings), settings.lease)
    const { bytes, entries } = yield* read(settings)
    const append = yield* appending(settings, bytes, check)
    const opened: Opened = { find: (handle) => Effect.succeed(entries.get(handle)), append }
    return opened
  })
})

/** What a file holds, and how many bytes of it are whole lines. */
interface Read {
  readonly entries: ReadonlyMap<string, Entry>
  readonly bytes: number
}

/** The file's entries. Without a file there are none. */
const read = ({ about, file, files }: Settings): Effect.Effect<Read, StoreFailed> =>
  Effect.gen(function* () {
    const all = yield* files.readFile(file).pipe(
      Effect.catchIf(
        (error) => error._tag === "SystemError" && error.reason === "NotFound",
        () => Effect.succeed(new Uint8Array())
      ),
      Effect.mapError(failed(file))
    )
    // A line without its end was being written when its process was killed. Nothing that relied on it was done.
    const bytes = all.lastIndexOf(lineFeed) + 1
    const entries = new Map<string, Entry>()
    const lines = new TextDecoder().decode(all.subarray(0, bytes)).split("\n").slice(0, -1)
    for (const [index, line] of lines.entries()) {
      if (index === 0) {
        yield* checkHead(file, about, line)
        continue
      }
      const entry = decodeEntry(line)
      if (Option.isNone(entry)) return yield* new StoreFailed({ store: file, reason: `line ${index + 1} is damaged` })
      entries.set(entry.value.handle, entry.value)
    }
    return { entries, bytes }
  })

const lineFeed = 10

const checkHead = (file: string, about: string, line: string): Effect.Effect<void, StoreFailed> => {
  const head = decodeHead(line)
  if (Option.isNone(head)) return new StoreFailed({ store: file, reason: "it is no journal of a batch" })
  if (head.value.about === about) return Effect.void
  return new StoreFailed({ store: file, reason: `it is about ${head.value.about}, and not about ${about}` })
}

interface Waiting {
  readonly line: string
  readonly written: Deferred.Deferred<void, StoreFailed>
}

/** Opens the file behind its last whole line, and starts the one fiber that writes to it. */
const appending = (settings: Settings, bytes: number, check: Effect.Effect<void, StoreFailed>) =>
  Effect.gen(function* () {
    const opened = yield* Effect.mapError(openFile(settings, bytes), failed(settings.file))
    const waiting = yield* Queue.unbounded<Waiting>()
    let failure: StoreFailed | undefined

    const write = Effect.fnUntraced(function* (lines: string) {
      if (failure !== undefined) return yield* failure
      yield* check
      const synced = Effect.zipRight(opened.writeAll(new TextEncoder().encode(lines)), opened.sync)
      yield* Effect.mapError(synced, failed(settings.file))
      yield* check
    })
    const writeAll = Effect.gen(function* () {
      const some = yield* Queue.takeBetween(waiting, 1, entriesPerSync)
      const lines = Array.from(some, ({ line }) => line).join("")
      const exit = yield* Effect.exit(
        Effect.tapError(write(lines), (error) => Effect.sync(() => void (failure = error)))
      )
      for (const { written } of some) yield* Deferred.done(written, exit)
    })
    yield* Effect.forkScoped(Effect.forever(writeAll))

    return (entry: Entry) =>
      Effect.gen(function* () {
        const line = yield* Effect.orDie(encodeEntry(entry))
        const written = yield* Deferred.make<void, StoreFailed>()
        yield* Queue.offer(waiting, { line: `${line}\n`, written })
        yield* Deferred.await(written)
      })
  })

const openFile = ({ about, file, files, path }: Settings, bytes: number) =>
  Effect.gen(function* () {
    const opened = yield* files.open(file, { flag: "a", mode })
    yield* opened.truncate(bytes)
    if (bytes > 0) return opened
    const head = yield* Effect.orDie(encodeHead(Head.make({ version: 1, about })))
    yield* opened.writeAll(new TextEncoder().encode(`${head}\n`))
    yield* opened.sync
    // Not every system can do this. Without it, the new name is on the disk a little later.
    const folder = Effect.flatMap(files.open(path.dirname(file), { flag: "r" }), (folder) => folder.sync)
    yield* Effect.ignore(Effect.scoped(folder))
    return opened
  })

/** The lock beside the file. A rename replaces it as a whole. */
const lockOf = ({ file, files }: Settings): lease.Cell => {
  const name = `${file}.lock`
  const read = files.readFileString(name).pipe(
    Effect.catchIf(
      (error) => error._tag === "SystemError" && error.reason === "NotFound",
      () => Effect.succeed(undefined)
    ),
    Effect.mapError(failed(name))
  )
  const write = (text: string) => {
    // Each owner has a draft of its own.
    const draft = `${name}.${text.split(" ")[0]}`
    return Effect.mapError(
      Effect.zipRight(files.writeFileString(draft, text, { mode }), files.rename(draft, name)),
      failed(name)
    )
  }
  return { name, read, write, remove: Effect.mapError(files.remove(name, { force: true }), failed(name)) }
}
