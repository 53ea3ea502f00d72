/**
 * An SQLite file that is open, watched: whether it is still the file of its name, and whether its statements succeed. What is
 * wrong for longer than a moment is logged once, by the name of the file, and so is the end of it.
 */
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { stat } from "node:fs/promises"
import { log } from "../host/hostCode.js"

/** How often to look. */
const interval = "2 seconds"

/** A moment's lock is nothing to say. */
const illAfter = 2

/** A full disk lets reads succeed: only after so many looks without a failure is it over. */
const wellAfter = 3

export interface SqliteFile {
  readonly filename: string
  /** Runs a statement, unless the file is no longer the one that was opened. Remembers how it went. */
  readonly run: <A>(statement: () => Promise<A>) => Promise<A>
  /** Fails if another file has taken the name, or none has it: SQLite would make an empty one. */
  readonly check: () => Promise<void>
  readonly state: State
}

interface State {
  /** The file that was opened; undefined where that cannot be known. */
  identity: string | undefined
  /** Why no statement may run. */
  refused: Error | undefined
  /** The code of the latest statement, if it failed. */
  failure: string | undefined
}

export const open = (filename: string): Effect.Effect<SqliteFile> =>
  Effect.map(
    Effect.promise(() => identityOf(filename)),
    (identity) => make(filename, { identity, refused: undefined, failure: undefined })
  )

const make = (filename: string, state: State): SqliteFile => ({
  filename,
  state,
  run: (statement) =>
    state.refused !== undefined
      ? Promise.reject(state.refused)
      : statement().then(
          (done) => {
            state.failure = undefined
            return done
          },
          (error: unknown) => {
            if (!codeOf(error).startsWith("SQLITE_CONSTRAINT")) state.failure = codeOf(error)
            return Promise.reject(error)
          }
        ),
  check: () =>
    identityOf(filename).then((found) =>
      state.refused === undefined && found === state.identity
        ? undefined
        : Promise.reject(state.refused ?? new Error(`${filename} was deleted or replaced while it was in use`))
    )
})

/** Undefined for a database in memory, and for a file that is not there. */
const identityOf = (filename: string): Promise<string | undefined> =>
  filename === ":memory:"
    ? Promise.resolve(undefined)
    : stat(filename, { bigint: true }).then(
        ({ dev, ino }) => `${dev}/${ino}`,
        () => undefined
      )

export const codeOf = (error: unknown): string => {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined
  return typeof code === "string" ? code : "no code"
}

export const isBusy = (error: unknown): boolean => codeOf(error).startsWith("SQLITE_BUSY")

interface Means {
  readonly keepPrivate: Effect.Effect<void, SqlError>
  /** Copies what is open to the file's name. */
  readonly copy: () => Promise<unknown>
  /** Closes the connections. The next statements open others. */
  readonly renew: () => void
}

/** Watches the file for as long as it is open. */
export const watch = (file: SqliteFile, means: Means): Effect.Effect<void> => {
  let said: string | undefined
  let well = 0
  let ill = 0
  const look = Effect.gen(function* () {
    const { filename, state } = file
    if (state.refused !== undefined) return
    const found = yield* Effect.promise(() => identityOf(filename))
    if (found !== state.identity) return yield* found === undefined ? rescue(file, means) : refuse(file)
    well = state.failure === undefined ? well + 1 : 0
    ill = state.failure === undefined ? 0 : ill + 1
    if (state.failure !== undefined && ill >= illAfter && said === undefined) {
      said = state.failure
      yield* log(Effect.logError(`${filename}: statements fail (${said}). They are tried again; what is stored stays.`))
    } else if (well >= wellAfter && said !== undefined) {
      said = undefined
      yield* log(Effect.logInfo(`${filename}: statements succeed again`))
    }
  })
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(interval)))
}

/** What is stored now would be lost with this process, and the other file may have other payouts. */
const refuse = ({ filename, state }: SqliteFile) =>
  Effect.suspend(() => {
    state.refused = new Error(`${filename} was replaced while it was in use`)
    return log(
      Effect.logFatal(
        `${filename} was replaced by another file while it was in use. Nothing more is read or stored: restart this process.`
      )
    )
  })

/**
 * The file was deleted, and its last bytes are in the connections that are open. They are written to its name again. Nothing is
 * stored meanwhile, so that nothing is left out.
 */
const rescue = (file: SqliteFile, { copy, keepPrivate, renew }: Means) =>
  Effect.gen(function* () {
    const { filename, state } = file
    state.refused = new Error(`${filename} was deleted while it was in use`)
    const copied = yield* Effect.either(
      Effect.zipRight(
        keepPrivate,
        Effect.tryPromise({ try: copy, catch: (cause) => new SqlError({ cause, message: "Failed to copy" }) })
      )
    )
    yield* Effect.sync(renew)
    if (copied._tag === "Left") {
      yield* log(
        Effect.logFatal(
          `${filename} was deleted while it was in use, and cannot be written anew (${codeOf(copied.left.cause)}). Nothing more is stored: restart this process.`
        )
      )
      return
    }
    state.identity = yield* Effect.promise(() => identityOf(filename))
    state.refused = undefined
    yield* log(
      Effect.logError(`${filename} was deleted while it was in use. It is written anew, with all that was stored.`)
    )
  })
