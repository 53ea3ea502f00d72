/**
 * A batch's store in a file: NDJSON, one entry per line, appended. All entries that wait are written at once and share
 * one sync, so a sync takes as long for many rows as for one.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Entry } from "./entries.js"
import * as journalLines from "./journalLines.js"
import * as lease from "./lease.js"
import { checkAccount, failed, type Opened, type Store, type StoreFailed } from "./store.js"

export interface Settings {
  readonly file: string
  readonly files: FileSystem.FileSystem
  readonly path: Path.Path
  readonly about: string
  readonly otherAccount: boolean
  readonly lease: Duration.Duration
}

/** The most entries that share one sync. */
const entriesPerSync = 10_000

/** Readable by its owner only. */
const mode = 0o600

export const make = (settings: Settings): Store => ({
  peek: () =>
    Effect.gen(function* () {
      const reading = journalLines.begin(settings.file, settings.about)
      yield* journalLines.readOn(reading, yield* load(settings))
      return journalLines.entriesOf(reading)
    }),
  open: Effect.fnUntraced(function* (given) {
    const { check, name } = yield* lease.acquire(lockOf(settings), settings.lease)
    const reading = journalLines.begin(settings.file, settings.about)
    const found = yield* load(settings)
    yield* journalLines.readOn(reading, found)
    const { file, otherAccount } = settings
    yield* checkAccount(file, { found: reading.account, given, otherAccount })
    yield* check
    const isTorn = found.length > reading.bytes
    const opening = yield* journalLines.openingLine(name, given)
    const opened = yield* Effect.mapError(openFile(settings, reading.bytes, isTorn, opening), failed(file))
    yield* check
    // Lines that an earlier owner wrote until its lock was taken over are before the opening: now all of them are read.
    yield* journalLines.readOn(reading, yield* load(settings))
    const entries = journalLines.entriesOf(reading)
    const append = yield* appending(settings, opened, name, check)
    const store: Opened = { find: (handle) => Effect.succeed(entries.get(handle)), append }
    return store
  })
})

/** The file's bytes. Without a file there are none. */
const load = ({ file, files }: Settings): Effect.Effect<Uint8Array, StoreFailed> =>
  files.readFile(file).pipe(
    Effect.catchIf(
      (error) => error._tag === "SystemError" && error.reason === "NotFound",
      () => Effect.succeed(new Uint8Array())
    ),
    Effect.mapError(failed(file))
  )

interface Waiting {
  readonly line: string
  readonly written: Deferred.Deferred<void, StoreFailed>
}

/** Starts the one fiber that writes to the file. */
const appending = (
  { file }: Settings,
  opened: FileSystem.File,
  name: string,
  check: Effect.Effect<void, StoreFailed>
) =>
  Effect.gen(function* () {
    const waiting = yield* Queue.unbounded<Waiting>()
    let failure: StoreFailed | undefined

    const write = Effect.fnUntraced(function* (lines: string) {
      if (failure !== undefined) return yield* failure
      yield* check
      const synced = Effect.zipRight(opened.writeAll(new TextEncoder().encode(lines)), opened.sync)
      yield* Effect.mapError(synced, failed(file))
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
        const line = yield* journalLines.entryLine(name, entry)
        const written = yield* Deferred.make<void, StoreFailed>()
        yield* Queue.offer(waiting, { line, written })
        yield* Deferred.await(written)
      })
  })

/** Opens the file behind its last whole line, and writes that it is this run's from there on. */
const openFile = ({ about, file, files, path }: Settings, bytes: number, isTorn: boolean, opening: string) =>
  Effect.gen(function* () {
    const opened = yield* files.open(file, { flag: "a", mode })
    // Only where it must: a run that is stopped here and goes on later would cut off what others wrote meanwhile.
    if (isTorn) yield* opened.truncate(bytes)
    const head = bytes === 0 ? yield* journalLines.headLine(about) : ""
    yield* opened.writeAll(new TextEncoder().encode(head + opening))
    yield* opened.sync
    if (bytes > 0) return opened
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
    return files.writeFileString(draft, text, { mode }).pipe(
      Effect.zipRight(files.rename(draft, name)),
      Effect.onError(() => Effect.ignore(files.remove(draft, { force: true }))),
      Effect.mapError(failed(name))
    )
  }
  return { name, read, write, remove: Effect.mapError(files.remove(name, { force: true }), failed(name)) }
}
