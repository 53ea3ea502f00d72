/**
 * Makes one process the owner of the payouts in a SQLite file. The owner holds an exclusive lock on an empty database
 * beside the file. The operating system ends the lock with the process, also after SIGKILL or a power cut.
 */
import { type Client, createClient } from "@libsql/client/node"
import { SqlError } from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { realpath } from "node:fs/promises"
import * as path from "node:path"
import { keepPrivate, urlPath } from "./SqliteConnections.js"

/** Another engine runs the payouts of this file. */
export class FileOwned extends Data.TaggedError("FileOwned")<{ readonly filename: string; readonly lock: string }> {
  override get message(): string {
    return (
      `Another engine runs the payouts in ${this.filename}, and holds ${this.lock}. Use submitOnly here, or end that ` +
      "process first. Do not delete its files: the lock ends with the process."
    )
  }
}

/** Owns the payouts under `prefix` in the file for as long as the layer lives. Fails at once if another engine does. */
export const layer = (filename: string, suffix: string): Layer.Layer<never, FileOwned | SqlError> =>
  filename === ":memory:" ? Layer.empty : Layer.scopedDiscard(own(filename, suffix))

const own = (filename: string, suffix: string) =>
  Effect.gen(function* () {
    const lock = `${yield* realPath(filename)}${suffix}`
    yield* keepPrivate(lock)
    const client = yield* Effect.acquireRelease(
      Effect.try({ try: () => createClient({ url: `file:${urlPath(lock)}` }), catch: failed }),
      // libSQL closes a connection only when its statements are collected as garbage, so the lock is ended first.
      (client) =>
        Effect.zipRight(
          Effect.ignore(Effect.tryPromise(() => client.execute("ROLLBACK"))),
          Effect.sync(() => client.close())
        )
    )
    yield* Effect.tryPromise({
      try: () => take(client),
      catch: (cause) => (isBusy(cause) ? new FileOwned({ filename, lock }) : failed(cause))
    })
  })

// No busy timeout, and nothing is written: no journal is left behind.
const take = (client: Client): Promise<unknown> => client.execute("BEGIN EXCLUSIVE")

const failed = (cause: unknown) => new SqlError({ cause, message: "Failed to lock the file" })

const isBusy = (cause: unknown): boolean => Predicate.hasProperty(cause, "code") && cause.code === "SQLITE_BUSY"

/** Two names of one file have one owner. A file that does not exist yet has the name of its folder. */
const realPath = (filename: string): Effect.Effect<string, SqlError> =>
  Effect.tryPromise(() => realpath(filename)).pipe(
    Effect.orElse(() =>
      Effect.tryPromise({
        try: () => realpath(path.dirname(filename)).then((folder) => path.join(folder, path.basename(filename))),
        catch: (cause) => new SqlError({ cause, message: "Failed to open the file" })
      })
    )
  )
