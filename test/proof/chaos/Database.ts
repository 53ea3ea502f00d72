/** Where the machines of a campaign keep what has to outlive them; made for it, and gone after it. */
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { Effect, type Scope } from "effect"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import Pg from "pg"
import type { Store } from "./Orders.js"

export interface Database {
  /** What the next machine is given. */
  readonly store: Effect.Effect<Store>
  /** How many machines may run on it at once. */
  readonly machinesMax: number
  /** Puts it back to an earlier state, if it can be, and the next time that it is asked for to this one. Nobody uses it. */
  readonly restore: Effect.Effect<boolean>
  readonly isRestored: () => boolean
  /** Whether nobody has found out anew yet how the payouts of the copy ended. */
  readonly mustAssess: () => boolean
  readonly assessed: () => void
  /** Takes the database away from everybody for some milliseconds. */
  readonly outage: (millis: number) => Effect.Effect<void>
}

const files = (filename: string) => [filename, `${filename}-wal`, `${filename}-shm`]

/** A file, for one machine at a time. While it is away, another process has locked it. */
export const sqlite: Effect.Effect<Database, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "payouts-chaos-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const filename = join(directory, "payouts.sqlite")
  const copy = join(directory, "copy")
  let isRestored = false
  let mustAssess = false
  return {
    restore: Effect.sync(() => {
      const hasCopy = existsSync(copy)
      if (hasCopy) {
        isRestored = true
        mustAssess = true
        for (const name of files(filename)) rmSync(name, { force: true })
        for (const name of files(filename))
          if (existsSync(join(copy, basename(name)))) cpSync(join(copy, basename(name)), name)
      }
      rmSync(copy, { recursive: true, force: true })
      mkdirSync(copy)
      for (const name of files(filename)) if (existsSync(name)) cpSync(name, join(copy, basename(name)))
      return hasCopy
    }),
    isRestored: () => isRestored,
    mustAssess: () => mustAssess,
    assessed: () => {
      mustAssess = false
    },
    store: Effect.succeed({ _tag: "Sqlite", filename } as const),
    machinesMax: 1,
    outage: (millis) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.unsafe("BEGIN EXCLUSIVE")
        yield* Effect.sleep(millis)
        yield* sql.unsafe("ROLLBACK")
      }).pipe(
        Effect.provide(LibsqlClient.layer({ url: `file:${filename}` })),
        // The machine was writing just then.
        Effect.catchAllCause(() => Effect.void)
      )
  }
})

/**
 * A database of its own on a server. While it is away, every connection to it is cut and none is let in: to its clients, a
 * restart.
 */
export const postgres = (url: string, lease: number): Effect.Effect<Database, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => new Pg.Pool({ connectionString: url, max: 2 })),
      (pool) => Effect.promise(() => pool.end())
    )
    const query = (text: string) => Effect.promise(() => server.query(text))
    const [millis, nanos] = process.hrtime()
    const name = `payouts_chaos_${process.pid}_${millis}_${nanos}`
    yield* Effect.acquireRelease(query(`CREATE DATABASE ${name}`), () =>
      query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    )
    const own = new URL(url)
    own.pathname = `/${name}`
    return {
      restore: Effect.succeed(false),
      isRestored: () => false,
      mustAssess: () => false,
      assessed: () => {},
      store: Effect.succeed({ _tag: "Postgres", url: own.href, lease } as const),
      machinesMax: Infinity,
      outage: (millis) =>
        query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`).pipe(
          Effect.zipRight(query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)),
          Effect.zipRight(Effect.sleep(millis)),
          Effect.ensuring(query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`))
        )
    }
  })
