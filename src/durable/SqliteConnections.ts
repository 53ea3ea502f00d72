/**
 * The two connections to an SQLite file while it is open: one for transactions and one for all else. libSQL's own
 * client opens a connection for each transaction and leaves closing it to the garbage collector, so a process with a
 * small heap runs out of file descriptors first. The `PRAGMA` settings of such a connection are lost with it.
 */
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import type * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { type Client, createClient, type InStatement, type Transaction } from "@libsql/client"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { chmod, open as openFile, stat } from "node:fs/promises"
import { log } from "../host/hostCode.js"

export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.unwrapScoped(
    Effect.map(
      Effect.zipRight(keepPrivate(filename), Effect.all([open(filename), writing(filename)])),
      ([client, writer]) => {
        client.transaction = () => begin(writer)
        return LibsqlClient.layer({ liveClient: client })
      }
    )
  )

const ownerOnly = 0o600

/**
 * Creates the file for its owner alone before SQLite opens it, because SQLite gives `-wal` and `-shm` the rights of the
 * file. Wider rights from an earlier process are narrowed. If that is refused (another user's file), the file is not
 * opened.
 */
const keepPrivate = (filename: string): Effect.Effect<void, SqlError> =>
  filename === ":memory:" || process.platform === "win32"
    ? Effect.void
    : // An existing file is not opened here: closing it would end SQLite's locks on it in this process.
      Effect.tryPromise(() =>
        openFile(filename, "ax", ownerOnly).then((made) => made.chmod(ownerOnly).then(() => made.close()))
      ).pipe(
        Effect.ignore,
        Effect.zipRight(Effect.forEach([filename, `${filename}-wal`, `${filename}-shm`], narrow, { discard: true }))
      )

const narrow = (path: string): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const mode = yield* Effect.tryPromise(() => stat(path)).pipe(
      Effect.map((stats) => stats.mode & 0o777),
      // SQLite creates a missing file.
      Effect.orElseSucceed(() => ownerOnly)
    )
    if ((mode & ~ownerOnly) === 0) return
    yield* Effect.tryPromise({
      try: () => chmod(path, ownerOnly),
      catch: (cause) =>
        new SqlError({ cause, message: `Refusing to open ${path}: its rights are ${mode.toString(8)}, not 600` })
    })
    yield* log(Effect.logWarning(`Narrowed the rights of ${path} from ${mode.toString(8)} to 600`))
  })

const open = (filename: string) =>
  Effect.acquireRelease(
    attempt(() => connect(filename)),
    (client) => Effect.sync(() => client.close())
  )

/** The connection for transactions. It is replaced when a transaction could not begin. */
const writing = (filename: string) =>
  Effect.acquireRelease(
    attempt(() =>
      connect(filename).then((client): Writer => {
        const writer: Writer = {
          client,
          renew: () => {
            writer.client.close()
            return connect(filename).then((renewed) => {
              writer.client = renewed
            })
          }
        }
        return writer
      })
    ),
    (writer) => Effect.sync(() => writer.client.close())
  )

interface Writer {
  client: Client
  readonly renew: () => Promise<void>
}

const attempt = <A>(evaluate: () => Promise<A>): Effect.Effect<A, SqlError> =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new SqlError({ cause, message: "Failed to open the file" }) })

// A commit is on the disk when it returns, and readers do not block the writer.
const connect = (filename: string): Promise<Client> =>
  // The engine's message ids are 64-bit integers.
  Promise.resolve({ url: `file:${urlPath(filename)}`, intMode: "bigint" } as const)
    .then(createClient)
    .then((client) =>
      client
        .execute("PRAGMA journal_mode = WAL")
        .then(() => client.execute("PRAGMA synchronous = FULL"))
        .then(() => client)
    )

// libSQL reads the name as a URL. Special characters are escaped, so that it opens the file whose rights were set.
const urlPath = (filename: string): string => encodeURI(filename).replaceAll("?", "%3F").replaceAll("#", "%23")

/**
 * Effect's client makes sure that there is one transaction at a time. It does not expect that a transaction cannot
 * begin (another process has the file), and would then let no other begin. So in that case `begin` returns a
 * transaction that fails. The connection is replaced, because libSQL leaves the failed statement open, and no later
 * transaction could commit.
 */
const begin = (writer: Writer): Promise<Transaction> =>
  writer.client.execute("BEGIN IMMEDIATE").then(
    () => transaction(writer.client),
    (error: unknown) => {
      const failed = () => transaction(writer.client, { error })
      return writer.renew().then(failed, failed)
    }
  )

/** `over` is the error that ended the transaction: SQLite itself rolls back when the disk is full, for example. */
const transaction = (client: Client, over?: { readonly error: unknown }): Transaction => {
  let ended = over
  const execute = (statement: InStatement) =>
    ended === undefined
      ? client.execute(statement).catch((error: unknown) => isOver(client).then((is) => refuse(error, is)))
      : Promise.reject(ended.error)
  const refuse = (error: unknown, isOver: boolean) => {
    if (isOver) ended = { error }
    return Promise.reject(error)
  }
  const rollback = () => (ended === undefined ? client.execute("ROLLBACK").then(nothing) : Promise.resolve())
  return {
    execute,
    batch: (statements) => Promise.all(statements.map(execute)),
    // It would roll back.
    executeMultiple: () => Promise.reject(new SqlError({ cause: undefined, message: "Not for a transaction" })),
    // A transaction that cannot commit is over all the same.
    commit: () =>
      execute("COMMIT").then(nothing, (error: unknown) => {
        const refused = () => refuse(error, true)
        return rollback().then(refused, refused)
      }),
    rollback,
    close: nothing,
    closed: false
  }
}

/** Whether no transaction is open: only then can one begin. Later statements would then be committed one by one. */
const isOver = (client: Client): Promise<boolean> =>
  client.execute("BEGIN").then(
    () => client.execute("ROLLBACK").then(() => true),
    () => false
  )

const nothing = (): void => {}
