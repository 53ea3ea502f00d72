/**
 * The two connections to an SQLite file, one for transactions and one for all else, for as long as it is open. libSQL's
 * client by itself makes a connection for each transaction, and leaves it to the garbage collector to close it: a process
 * whose heap is small runs out of file descriptors before that. What such a connection was told by a `PRAGMA` goes with it, too.
 */
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import type * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { type Client, createClient, type Transaction } from "@libsql/client"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.unwrapScoped(
    Effect.map(Effect.all([open(filename), open(filename)]), ([client, writer]) => {
      client.transaction = () => begin(writer)
      return LibsqlClient.layer({ liveClient: client })
    })
  )

const open = (filename: string) =>
  Effect.acquireRelease(
    attempt(() => Promise.resolve(createClient({ url: `file:${filename}`, intMode }))),
    (client) => Effect.sync(() => client.close())
  ).pipe(Effect.tap((client) => Effect.forEach(pragmas, (pragma) => attempt(() => client.execute(pragma)))))

const attempt = <A>(evaluate: () => Promise<A>): Effect.Effect<A, SqlError> =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => new SqlError({ cause, message: "Failed to open the file" }) })

// The engine names its messages by integers of 64 bits.
const intMode = "bigint"

// What is committed is on the disk, and readers do not stand in the way of the writer.
const pragmas = ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]

/** There is never more than one at a time: the client of Effect sees to that. */
const begin = (writer: Client): Promise<Transaction> => {
  const start = () => writer.execute("BEGIN IMMEDIATE")
  const undo = () => writer.execute("ROLLBACK")
  // What an earlier one left open, because it could not even be rolled back, would be in the way of all later ones.
  return start()
    .catch(() => undo().then(start, start))
    .then(() => transaction(writer, undo))
}

const transaction = (writer: Client, undo: () => Promise<unknown>): Transaction => ({
  execute: (statement) => writer.execute(statement),
  batch: (statements) => Promise.all(statements.map((statement) => writer.execute(statement))),
  // It would roll back.
  executeMultiple: () => Promise.reject(new SqlError({ cause: undefined, message: "Not for a transaction" })),
  // One that cannot be committed is over all the same.
  commit: () =>
    writer.execute("COMMIT").then(
      () => {},
      (error: unknown) =>
        undo().then(
          () => Promise.reject(error),
          () => Promise.reject(error)
        )
    ),
  rollback: () => undo().then(() => {}),
  close: () => {},
  closed: false
})
