/**
 * The two connections to an SQLite file, one for transactions and one for all else, for as long as it is open. libSQL's
 * client by itself makes a connection for each transaction, and leaves it to the garbage collector to close it: a process
 * whose heap is small runs out of file descriptors before that. What such a connection was told by a `PRAGMA` goes with it, too.
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
 * Makes the file for its owner alone before SQLite opens it, because SQLite gives `-wal` and `-shm` the rights of the file. What
 * an earlier process left with wider rights is narrowed; where that is refused (another user's file), the file is not opened.
 */
const keepPrivate = (filename: string): Effect.Effect<void, SqlError> =>
  filename === ":memory:" || process.platform === "win32"
    ? Effect.void
    : // A file that is there is not opened: to close it would end the locks that SQLite has on it in this process.
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
      // What is not there is made by SQLite.
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

/** The connection for transactions, which is made anew if one could not even begin. */
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

// What is committed is on the disk, and readers do not stand in the way of the writer.
const connect = (filename: string): Promise<Client> =>
  // The engine names its messages by integers of 64 bits.
  Promise.resolve({ url: `file:${urlPath(filename)}`, intMode: "bigint" } as const)
    .then(createClient)
    .then((client) =>
      client
        .execute("PRAGMA journal_mode = WAL")
        .then(() => client.execute("PRAGMA synchronous = FULL"))
        .then(() => client)
    )

// libSQL takes the name for a URL: what means something there is escaped, so that the file is the one whose rights were set.
const urlPath = (filename: string): string => encodeURI(filename).replaceAll("?", "%3F").replaceAll("#", "%23")

/**
 * There is never more than one at a time: the client of Effect sees to that. It does not expect that one cannot begin (somebody
 * else has the file), and would let nobody else begin after that; so what cannot begin is a transaction that fails. The connection
 * is given up then, because libSQL leaves the statement that failed open, and no later one could be committed.
 */
const begin = (writer: Writer): Promise<Transaction> =>
  writer.client.execute("BEGIN IMMEDIATE").then(
    () => transaction(writer.client),
    (error: unknown) => {
      const failed = () => transaction(writer.client, { error })
      return writer.renew().then(failed, failed)
    }
  )

/** `over` is why there is none any more: SQLite itself rolls back when the disk is full, for example. */
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
    // One that cannot be committed is over all the same.
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

/** Statements after it would be committed one by one. Only where there is no transaction can one begin. */
const isOver = (client: Client): Promise<boolean> =>
  client.execute("BEGIN").then(
    () => client.execute("ROLLBACK").then(() => true),
    () => false
  )

const nothing = (): void => {}
