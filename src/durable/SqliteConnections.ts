/**
 * The connections to an SQLite file while it is open: one for transactions, one for all else, and an idle one, which
 * keeps what is in a file that is deleted. libSQL's own client opens a connection for each transaction and leaves closing
 * it to the garbage collector, so a process with a small heap runs out of file descriptors first. The `PRAGMA` settings
 * of such a connection are lost with it.
 */
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import type * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
// Deno resolves the package itself to a client without files.
import { type Client, createClient, type InStatement, type ResultSet, type Transaction } from "@libsql/client/node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { chmod, open as openFile, stat } from "node:fs/promises"
import { log } from "../host/hostCode.js"
import * as SqliteFile from "./SqliteFile.js"

export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      yield* keepPrivate(filename)
      const file = yield* SqliteFile.open(filename)
      const [plain, writer, idle] = yield* Effect.all([connection(file), connection(file), connection(file)])
      yield* canWrite(file, writer)
      const closed = () => Promise.reject(new SqlError({ cause: undefined, message: "Not for this client" }))
      yield* Effect.forkScoped(
        SqliteFile.watch(file, {
          keepPrivate: keepPrivate(filename),
          // The others may have been closed by a failure.
          copy: () => idle.use((client) => client.execute({ sql: "VACUUM INTO ?", args: [filename] })),
          renew: () => {
            plain.renew()
            writer.renew()
            idle.renew()
          }
        })
      )
      const liveClient: Client = {
        execute: (statement: InStatement) => plain.use((client) => file.run(() => client.execute(statement))),
        transaction: () => begin(file, writer),
        batch: closed,
        migrate: closed,
        executeMultiple: closed,
        sync: closed,
        close: nothing,
        closed: false,
        protocol: "file"
      }
      return LibsqlClient.layer({ liveClient })
    })
  )

const ownerOnly = 0o600

/**
 * Creates the file for its owner alone before SQLite opens it, because SQLite gives `-wal` and `-shm` the rights of the
 * file. Wider rights from an earlier process are narrowed. If that is refused (another user's file), the file is not
 * opened.
 */
export const keepPrivate = (filename: string): Effect.Effect<void, SqlError> =>
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

/** A connection that is opened again for the next statement after one that failed. */
interface Connection {
  readonly use: <A>(work: (client: Client) => Promise<A>) => Promise<A>
  /** Closes it. The next statement opens another one. */
  readonly renew: () => void
}

/**
 * libSQL leaves a statement that failed open, until the garbage collector ends it. The connection then stays in that
 * statement's transaction: it reads what was so before, and what it writes later is not committed. So another one is
 * opened after each failure.
 */
const connection = (file: SqliteFile.SqliteFile) => {
  let current: Promise<Client> | undefined
  const renew = () => {
    current?.then((client) => client.close(), nothing)
    current = undefined
  }
  const opened = (): Promise<Client> => {
    const mine = (current ??= file.check().then(() => connect(file.filename)))
    return mine.then(
      (client) => (client.closed ? opened() : client),
      (error: unknown) => {
        if (current === mine) current = undefined
        return Promise.reject(error)
      }
    )
  }
  const use: Connection["use"] = (work) =>
    opened().then((client) =>
      work(client).catch((error: unknown) => {
        if (!client.closed) renew()
        return Promise.reject(error)
      })
    )
  return Effect.acquireRelease(Effect.as(attempt(file.filename, opened), { use, renew } satisfies Connection), () =>
    Effect.sync(renew)
  )
}

const attempt = <A>(filename: string, evaluate: () => Promise<A>): Effect.Effect<A, SqlError> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new SqlError({ cause, message: `Failed to open ${filename} (${SqliteFile.codeOf(cause)})` })
  })

/** SQLite opens what it may not write to without a word, and begins a transaction. That another one writes is no failure. */
const canWrite = ({ filename }: SqliteFile.SqliteFile, writer: Connection): Effect.Effect<void, SqlError> =>
  Effect.tryPromise({
    try: () =>
      writer.use((client) =>
        client
          .execute("BEGIN IMMEDIATE")
          .then(() => client.execute("CREATE TABLE effectBillwerkPayouts (id INTEGER)"))
          .then(() => client.execute("ROLLBACK"))
      ),
    catch: (cause) => new SqlError({ cause, message: `Cannot write to ${filename} (${SqliteFile.codeOf(cause)})` })
  }).pipe(
    Effect.catchIf(
      ({ cause }) => SqliteFile.isBusy(cause),
      () => Effect.void
    ),
    Effect.asVoid
  )

// A commit is on the disk when it returns, and readers do not block the writer.
const connect = (filename: string): Promise<Client> =>
  // The engine's message ids are 64-bit integers.
  Promise.resolve({ url: `file:${urlPath(filename)}`, intMode: "bigint" } as const)
    .then(createClient)
    .then((client) =>
      client
        .execute("PRAGMA journal_mode = WAL")
        .then(() => client.execute("PRAGMA synchronous = FULL"))
        .then(
          () => client,
          (error: unknown) => {
            client.close()
            return Promise.reject(error)
          }
        )
    )

// libSQL reads the name as a URL. Special characters are escaped, so that it opens the file whose rights were set.
export const urlPath = (filename: string): string => encodeURI(filename).replaceAll("?", "%3F").replaceAll("#", "%23")

/**
 * Effect's client makes sure that there is one transaction at a time. It does not expect that a transaction cannot
 * begin (another process has the file), and would then let no other begin. So in that case `begin` returns a
 * transaction that fails.
 */
const begin = (file: SqliteFile.SqliteFile, writer: Connection): Promise<Transaction> =>
  writer
    .use((client) => file.run(() => client.execute("BEGIN IMMEDIATE")).then(() => client))
    .then(
      (client) => transaction(file, writer, client.execute.bind(client)),
      (error: unknown) => transaction(file, writer, () => Promise.reject(error), { error })
    )

type Execute = (statement: InStatement) => Promise<ResultSet>

/** `over` is the error that ended the transaction: SQLite itself rolls back when the disk is full, for example. */
const transaction = (
  file: SqliteFile.SqliteFile,
  writer: Connection,
  run: Execute,
  over?: { readonly error: unknown }
): Transaction => {
  let ended = over
  let hasFailed = false
  const execute = (statement: InStatement): Promise<ResultSet> =>
    ended === undefined
      ? file
          .run(() => run(statement))
          .catch((error: unknown) => {
            hasFailed = true
            return isOver(run).then((is) => refuse(error, is))
          })
      : Promise.reject(ended.error)
  const refuse = (error: unknown, isOver: boolean) => {
    if (isOver) ended = { error }
    return Promise.reject(error)
  }
  // A statement that failed is still open: the next transaction begins on another connection.
  const end = () => {
    if (hasFailed) writer.renew()
  }
  const rollback = () => (ended === undefined ? run("ROLLBACK").then(end) : Promise.resolve(end()))
  return {
    execute,
    batch: (statements) => Promise.all(statements.map(execute)),
    // It would roll back.
    executeMultiple: () => Promise.reject(new SqlError({ cause: undefined, message: "Not for a transaction" })),
    // A transaction that cannot commit is over all the same.
    commit: () =>
      execute("COMMIT").then(end, (error: unknown) => {
        const refused = () => refuse(error, true)
        return rollback().then(refused, refused)
      }),
    rollback,
    close: nothing,
    closed: false
  }
}

/** Whether no transaction is open: only then can one begin. Later statements would then be committed one by one. */
const isOver = (run: Execute): Promise<boolean> =>
  run("BEGIN").then(
    () => run("ROLLBACK").then(() => true),
    // Neither could a closed one go on.
    (error: unknown) => SqliteFile.codeOf(error) === "CLIENT_CLOSED"
  )

const nothing = (): void => {}
