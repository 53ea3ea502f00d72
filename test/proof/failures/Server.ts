/** A PostgreSQL server of this harness's own, which it may stop, break and starve: in a temporary folder, on loopback. */
import { Config, Effect, Option, Schedule, type Scope } from "effect"
import { execFile, spawnSync } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import Pg from "pg"

const run = promisify(execFile)

/** How it is stopped: `fast` cuts its clients off, `immediate` is a crash. */
export type Mode = "fast" | "immediate"

export interface Server {
  /** The database of the engines, for a role that owns its tables and nothing else. */
  readonly url: string
  readonly role: string
  readonly stop: (mode: Mode) => Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** As its superuser, in the engines' database. */
  readonly query: (text: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>
}

/** PostgreSQL refuses to run as root. */
export const unprivileged = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout))
  return uid === undefined || gid === undefined || uid === 0 ? {} : { uid, gid }
}

/** The folder of `initdb` and `pg_ctl`, if they are installed. */
const programs = (): Option.Option<string> => {
  const versions = "/usr/lib/postgresql"
  const known = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : []
  const path = Effect.runSync(Effect.orElseSucceed(Config.string("PATH"), () => ""))
  const folders = [...path.split(":"), ...known]
  return Option.fromNullable(folders.find((one) => ["initdb", "pg_ctl"].every((name) => existsSync(join(one, name)))))
}

export const isInstalled = Option.isSome(programs())

const freePort = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const role = "payouts"

export const make: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const bin = Option.getOrThrow(programs())
  const user = unprivileged()
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const made = mkdtempSync(join(tmpdir(), "payouts-postgres-"))
      chmodSync(made, 0o700)
      if (user.uid !== undefined && user.gid !== undefined) chownSync(made, user.uid, user.gid)
      return made
    }),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const port = yield* freePort
  const data = join(folder, "data")
  const does = (program: string, ...args: ReadonlyArray<string>) =>
    Effect.promise(() => run(join(bin, program), [...args], { ...user, cwd: folder }))
  yield* does("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
  const settings = `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories='' -c max_connections=60`
  const pgCtl = (...args: ReadonlyArray<string>) => does("pg_ctl", "-D", data, "-w", "-t", "60", ...args)
  const start = Effect.asVoid(pgCtl("start", "-l", join(folder, "log"), "-o", settings))
  const stop = (mode: Mode) => Effect.asVoid(pgCtl("stop", "-m", mode))
  yield* Effect.acquireRelease(start, () => Effect.ignore(Effect.sandbox(stop("immediate"))))

  const urlOf = (who: string, database: string) => `postgres://${who}@127.0.0.1:${port}/${database}`
  const queryOf = (database: string) => (text: string) =>
    Effect.tryPromise(async () => {
      const client = new Pg.Client({ connectionString: urlOf("postgres", database) })
      client.on("error", () => undefined)
      await client.connect()
      const { rows } = await client.query<Record<string, unknown>>(text).finally(() => client.end())
      return rows
      // The server may be starting.
    }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }), Effect.orDie)
  yield* queryOf("postgres")(`CREATE ROLE ${role} LOGIN`)
  yield* queryOf("postgres")(`CREATE DATABASE payouts OWNER ${role}`)
  return { url: urlOf(role, "payouts"), role, stop, start, query: queryOf("payouts") }
})
