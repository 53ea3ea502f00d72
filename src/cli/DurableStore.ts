/**
 * The database of durable payouts that a command is about: its options, and the engines' modules, which are loaded for
 * these commands alone. The drivers of the databases are optional.
 */
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Unfinished from "../durable/Unfinished.js"
import * as BadInput from "./BadInput.js"
import * as Help from "./Help.js"

export const flags = {
  sqlite: Options.optional(Options.withDescription(Options.text("sqlite"), Help.durable.sqlite)),
  postgres: Options.withDescription(Options.boolean("postgres"), Help.durable.postgres),
  prefix: Options.optional(Options.withDescription(Options.text("prefix"), Help.durable.prefix)),
  json: Options.withDescription(Options.boolean("json"), Help.call.json)
}

/** What the options say. */
export interface Given {
  readonly sqlite: Option.Option<string>
  readonly postgres: boolean
  readonly prefix: Option.Option<string>
}

/** What a command works with. Building a layer opens the database; `waking` is an engine that runs nothing. */
export interface Store {
  readonly options: Unfinished.Options
  readonly unfinished: typeof Unfinished
  readonly reading: Layer.Layer<SqlClient, SqlError>
  readonly waking: Layer.Layer<SqlClient | WorkflowEngine, SqlError | ConfigError.ConfigError>
}

/** What the module of an engine offers. */
interface Opened extends Omit<Store, "options"> {
  readonly checkPrefix: (prefix: string) => Effect.Effect<void, ConfigError.ConfigError>
}

const address = "PAYOUTS_POSTGRES_URL"

/** The store that the options name. It is not opened yet. */
export const storeOf = (given: Given) =>
  Effect.gen(function* () {
    const prefix = Option.getOrUndefined(given.prefix)
    const { checkPrefix, ...store } = yield* opened(given, prefix)
    if (prefix !== undefined) yield* Effect.mapError(checkPrefix(prefix), BadInput.fromConfig)
    return { ...store, options: { prefix } } satisfies Store
  })

const opened = (
  { postgres, sqlite }: Given,
  prefix: string | undefined
): Effect.Effect<Opened, BadInput.BadInput, FileSystem.FileSystem> => {
  if (Option.isSome(sqlite) === postgres)
    return BadInput.make("say where the payouts are: --sqlite <file> or --postgres")
  return Option.match(sqlite, {
    onNone: () => Effect.flatMap(urlOf, (url) => onPostgres(url, prefix)),
    onSome: (filename) => Effect.zipRight(exists(filename), onSqlite(filename, prefix))
  })
}

const onSqlite = (filename: string, prefix: string | undefined) =>
  Effect.map(
    loaded(() => import("./DurableSqlite.js"), "@libsql/client@0.12"),
    ({ open }) => open(filename, prefix)
  )

const onPostgres = (url: Redacted.Redacted, prefix: string | undefined) =>
  Effect.map(
    loaded(() => import("./DurablePostgres.js"), "pg@8"),
    ({ open }) => open(url, prefix)
  )

// The engines are in the bundle; the database's driver is not (Bundle.ts).
const loaded = <A>(load: () => Promise<A>, driver: string): Effect.Effect<A, BadInput.BadInput> =>
  Effect.tryPromise({
    try: load,
    catch: () =>
      BadInput.make(
        `this command needs the database's driver: npm install effect-billwerk-payouts ${driver}, ` +
          `or without a project npx -p effect-billwerk-payouts -p ${driver} effect-billwerk-payouts durable ...`
      )
  })

/** SQLite would make a missing file, and the list would be empty. */
const exists = (filename: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.stat(filename)).pipe(
    Effect.mapError((error) => BadInput.fromPlatform(filename, error))
  )

const urlOf = Config.redacted(address).pipe(
  Effect.mapError((error) =>
    ConfigError.isMissingData(error)
      ? BadInput.make(
          `--postgres needs the database's URL in the environment variable ${address}, ` +
            "never on the command line: other users of this machine can read that"
        )
      : BadInput.fromConfig(error)
  ),
  Effect.filterOrFail(
    (url) => isDatabase(Redacted.value(url)),
    () => BadInput.make(`${address} must be the URL of a PostgreSQL database (postgres:...)`)
  )
)

/** A URL of a database, or the folder of its socket. The driver would take any other text for a host's name. */
const isDatabase = (url: string): boolean => /^(?:postgres|postgresql|socket):|^\//i.test(url)

/** What a database's error says, without its text, which may hold anything: its code alone. */
export const codeOf = (error: unknown): string | undefined => {
  if (!Predicate.isRecord(error)) return undefined
  const { cause, code } = error
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : codeOf(cause)
}

/** Whether a database lacks the engine's tables. */
export const hasNoTables = (error: unknown): boolean =>
  Predicate.isRecord(error) &&
  (error["code"] === "42P01" || /no such table/.test(String(error["message"])) || hasNoTables(error["cause"]))
