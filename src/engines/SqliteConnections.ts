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

export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.unwrapScoped(
    Effect.map(Effect.all([open(filename), writing(filename)]), ([client, writer]) => {
      client.transaction = () => begin(writer)
      return LibsqlClient.layer({ liveClient: client })
    })
  )

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
  Promise.resolve({ url: `file:${filename}`, intMode: "bigint" } as const)
    .then(createClient)
    .then((client) =>
      client
        .execute("PRAGMA journal_mode = WAL")
        .then(() => client.execute("PRAGMA synchronous = FULL"))
        .then(() => client)
    )

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
