/** What can fail below durable payouts: each failure is brought about, and ends after a while. */
import { Effect, Schedule, type Scope } from "effect"
import { createClient } from "@libsql/client"
import { chmodSync, chownSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as smallDisk from "../../smallDisk.js"
import * as Server from "./Server.js"
import type { Failure, Field } from "./Trial.js"

const seconds = (count: number) => Effect.sleep(count * 1_000)

// --- PostgreSQL -------------------------------------------------------------------------------------------------------

const onPostgres = (name: string, act: (server: Server.Server, field: Field) => Effect.Effect<void>): Failure => ({
  name: `PostgreSQL: ${name}`,
  below: Effect.map(Server.make, (server) => ({
    store: { _tag: "Postgres", url: server.url, lease: 0 },
    machines: 2,
    act: (field) => act(server, field)
  }))
})

const restarted = (mode: Server.Mode, away: number) => (server: Server.Server) =>
  server.stop(mode).pipe(Effect.zipRight(seconds(away)), Effect.zipRight(server.start))

const cut = ({ query, role }: Server.Server) =>
  query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`).pipe(
    Effect.repeat(Schedule.spaced("300 millis").pipe(Schedule.upTo("20 seconds"))),
    Effect.asVoid
  )

const withoutRights = (count: number) => (server: Server.Server) =>
  server
    .query(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${server.role}`)
    .pipe(
      Effect.zipRight(seconds(count)),
      Effect.zipRight(server.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${server.role}`)),
      Effect.asVoid
    )

const jumped = (hours: number) => (field: Field) => {
  const [machine] = field.machines
  const jump = machine?.order({ _tag: "Clock", offset: hours * 3_600_000 }) ?? Effect.void
  return Effect.zipRight(jump, seconds(10))
}

// --- SQLite -----------------------------------------------------------------------------------------------------------

interface Disk {
  readonly folder: string
  readonly filename: string
}

const disk = (size?: string): Effect.Effect<Disk, never, Scope.Scope> =>
  Effect.map(smallDisk.folder(size), (folder) => {
    const { gid, uid } = Server.unprivileged()
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
    chmodSync(folder, 0o700)
    return { folder, filename: join(folder, "payouts.sqlite") }
  })

const onSqlite = (
  name: string,
  act: (disk: Disk, field: Field) => Effect.Effect<void>,
  more: Partial<Failure> & { readonly size?: string } = {}
): Failure => ({
  ...more,
  name: `SQLite: ${name}`,
  below: Effect.map(disk(more.size), (disk) => ({
    store: { _tag: "Sqlite", filename: disk.filename },
    machines: 1,
    user: Server.unprivileged(),
    act: (field) => act(disk, field)
  }))
})

const locked =
  (count: number) =>
  ({ filename }: Disk) =>
    Effect.acquireUseRelease(
      Effect.promise(async () => {
        const client = createClient({ url: `file:${filename}` })
        await client.execute("PRAGMA busy_timeout = 5000")
        await client.execute("BEGIN EXCLUSIVE")
        return client
      }),
      () => seconds(count),
      (client) => Effect.promise(() => client.execute("ROLLBACK").then(() => client.close()))
    )

const full =
  (count: number) =>
  ({ folder }: Disk) =>
    Effect.gen(function* () {
      smallDisk.fill(folder)
      yield* seconds(count)
      smallDisk.empty(folder)
    })

const deleted = ({ filename }: Disk) =>
  Effect.gen(function* () {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${filename}${end}`, { force: true })
    yield* seconds(15)
  })

/** The machine is started anew with what it may not write to, until it has ended by itself twice. */
const whileStarting = (field: Field, take: () => void, giveBack: () => void) =>
  Effect.gen(function* () {
    const [machine] = field.machines
    if (machine === undefined) return
    yield* machine.signal("SIGKILL")
    yield* machine.gone
    take()
    const before = field.ends()
    yield* Effect.sync(() => field.ends() - before).pipe(
      Effect.repeat({ until: (ends) => ends >= 3, schedule: Schedule.spaced("100 millis") }),
      Effect.timeoutOption("30 seconds")
    )
    giveBack()
  })

const readOnlyFile = ({ filename }: Disk, field: Field) =>
  whileStarting(
    field,
    () => chmodSync(filename, 0o400),
    () => chmodSync(filename, 0o600)
  )

const readOnlyFolder = ({ folder }: Disk, field: Field) =>
  whileStarting(
    field,
    () => chmodSync(folder, 0o500),
    () => chmodSync(folder, 0o700)
  )

const readOnlyDisk = ({ folder }: Disk, field: Field) =>
  whileStarting(
    field,
    () => smallDisk.command("mount", "-o", "remount,ro", folder),
    () => smallDisk.command("mount", "-o", "remount,rw", folder)
  )

const small = { size: "12m" }

export const postgres: ReadonlyArray<Failure> = [
  onPostgres("restarted (fast), away for 3 s", restarted("fast", 3)),
  onPostgres("restarted (immediate: a crash), away for 3 s", restarted("immediate", 3)),
  onPostgres("away for 45 s", restarted("fast", 45)),
  onPostgres("every connection cut each 0.3 s, for 20 s", cut),
  onPostgres("no rights to its tables for 10 s", withoutRights(10)),
  onPostgres("no rights to its tables for 45 s", withoutRights(45)),
  onPostgres("the clock of one of two machines jumps forward by an hour", (_, field) => jumped(1)(field)),
  onPostgres("the clock of one of two machines jumps back by an hour", (_, field) => jumped(-1)(field))
]

export const sqlite: ReadonlyArray<Failure> = [
  onSqlite("locked by another process for 10 s", locked(10)),
  onSqlite("locked by another process for 45 s", locked(45)),
  onSqlite("deleted while in use", deleted, { isStoreLost: true }),
  onSqlite("read-only file at a start", readOnlyFile),
  onSqlite("the clock jumps forward by an hour", (_, field) => jumped(1)(field)),
  onSqlite("the clock jumps back by an hour", (_, field) => jumped(-1)(field))
]

/** These need a disk of their own. */
export const onOwnDisk: ReadonlyArray<Failure> = [
  onSqlite("disk full for 10 s", full(10), small),
  onSqlite("disk full for 45 s", full(45), small),
  onSqlite("read-only folder at a start", readOnlyFolder, small),
  onSqlite("read-only disk at a start", readOnlyDisk, small)
]
