/**
 * Makes one server the owner of a state file: it touches a lock beside the file all the time. A lock that nothing touches,
 * or whose process is gone, has no owner any more, so it ends with its process, also after SIGKILL. It compares no
 * clocks, and works between containers that share a folder.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as os from "node:os"
import * as process from "node:process"
import * as BadInput from "./BadInput.js"
import * as EvidenceFile from "./EvidenceFile.js"

/** A state file that this server owns. */
export interface Owned {
  /** Its real path: two names of one file have one owner. */
  readonly file: string
  /** Fails if another server has taken the file over. */
  readonly check: Effect.Effect<void, BadInput.BadInput>
  /** Keeps the lock, and fails when another server has taken the file over. */
  readonly beating: Effect.Effect<never, BadInput.BadInput>
}

const beat = "500 millis"

/** How many beats a lock is watched. A server that is busy may miss some of them. */
const beatsWatched = 6

/** How long a server waits for a rival that saw no owner either. The last one to write has the lock. */
const settle = "250 millis"

const Lock = Schema.parseJson(Schema.Struct({ host: Schema.String, pid: Schema.Int, nonce: Schema.Number }))
const encodeLock = Schema.encodeSync(Lock)
const decodeLock = Schema.decodeOption(Lock)

/** Owns a file until the scope closes. `name` is its name in messages. */
export const own = (
  name: string
): Effect.Effect<Owned, BadInput.BadInput, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const file = yield* Effect.mapError(realPath(name), unwritable(name))
    const lock = `${file}.lock`
    const nonce = yield* Random.nextIntBetween(0, 2 ** 32)
    const text = `${encodeLock({ host: os.hostname(), pid: process.pid, nonce })}\n`
    const isOwn = Effect.mapBoth(files.readFileString(lock), {
      onFailure: (error) => BadInput.fromPlatform(`${name}.lock`, error),
      onSuccess: (found) => found === text
    })
    yield* Effect.acquireReleaseInterruptible(take(name, lock, text), () =>
      Effect.ignore(Effect.whenEffect(files.remove(lock), isOwn))
    )
    yield* ifOwn(isOwn, () => inUse(name))
    yield* Effect.ignore(removeDrafts(file))
    const check = ifOwn(isOwn, () => takenOver(name))
    const touch = Effect.flatMap(DateTime.nowAsDate, (now) => Effect.ignore(files.utimes(lock, now, now)))
    return { file, check, beating: Effect.forever(Effect.delay(Effect.zipRight(check, touch), beat)) }
  })

const ifOwn = (isOwn: Effect.Effect<boolean, BadInput.BadInput>, otherwise: () => BadInput.BadInput) =>
  Effect.asVoid(Effect.filterOrFail(isOwn, (isOwn) => isOwn, otherwise))

/** Writes the lock, unless it has another owner. */
const take = (name: string, lock: string, text: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const isNew = yield* files.writeFileString(lock, text, { flag: "wx", mode: 0o600 }).pipe(
      Effect.as(true),
      Effect.catchIf(isThere, () => Effect.succeed(false)),
      Effect.mapError(unwritable(name))
    )
    if (isNew) return
    yield* abandoned(name, lock)
    yield* Effect.mapError(EvidenceFile.replace(lock, text.trim()), unwritable(name))
    yield* Effect.sleep(settle)
  })

/** Fails if a lock has an owner. */
const abandoned = (name: string, lock: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const read = Effect.map(Effect.option(files.readFileString(lock)), Option.getOrUndefined)
    const touched = Effect.map(Effect.option(files.stat(lock)), (found) =>
      Option.getOrUndefined(Option.flatMap(found, ({ mtime }) => mtime))?.getTime()
    )
    const [text, then] = [yield* read, yield* touched]
    if (text === undefined || (yield* isGone(text))) return
    for (let left = beatsWatched; left > 0; left--) {
      yield* Effect.sleep(beat)
      const [textNow, now] = [yield* read, yield* touched]
      if (textNow === undefined) return
      if (textNow !== text || now !== then) return yield* inUse(name)
    }
  })

/** Whether its process ran on this machine, and runs no more. The number of one that runs may be another's by now. */
const isGone = (text: string): Effect.Effect<boolean> =>
  Option.match(decodeLock(text), {
    onNone: () => Effect.succeed(false),
    onSome: ({ host, pid }) => (host === os.hostname() ? Effect.negate(isRunning(pid)) : Effect.succeed(false))
  })

const isRunning = (pid: number): Effect.Effect<boolean> =>
  Effect.match(
    Effect.try(() => process.kill(pid, 0)),
    {
      // Any other refusal is about a process that is there.
      onFailure: ({ error }) => !(Predicate.hasProperty(error, "code") && error.code === "ESRCH"),
      onSuccess: (isRunning) => isRunning
    }
  )

/** What a killed server had begun to write, each with the whole state. Only for the owner: no other server is writing. */
const removeDrafts = (file: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const [folder, own] = [path.dirname(file), path.basename(file)]
    for (const found of yield* files.readDirectory(folder)) {
      const isDraft = found.startsWith(own) && /^(\.lock)?\.\d+\.tmp$/.test(found.slice(own.length))
      if (isDraft) yield* files.remove(path.join(folder, found), { force: true })
    }
  })

/** A file that is not there yet has the name of its folder. */
const realPath = (name: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* Effect.orElse(files.realPath(name), () =>
      Effect.map(files.realPath(path.dirname(name)), (folder) => path.join(folder, path.basename(name)))
    )
  })

const isThere = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "AlreadyExists"

const inUse = (name: string): BadInput.BadInput =>
  BadInput.make(`${name} is in use by another sandbox server: end that one, or name another file`)

const takenOver = (name: string): BadInput.BadInput =>
  BadInput.make(`${name} belongs to another sandbox server now: its lock is not this server's any more`)

/** A file that cannot be written. `name` is its name in messages. */
export const unwritable =
  (name: string) =>
  (error: PlatformError.PlatformError): BadInput.BadInput =>
    BadInput.make(`${name} cannot be written (${error._tag === "SystemError" ? error.reason : error.module})`)
