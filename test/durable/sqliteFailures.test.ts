/** The connections to a SQLite file, while the file fails: locked, deleted, replaced, read-only. */
import { assert, describe, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import { createClient } from "@libsql/client"
import { Effect, Layer, Logger, Schedule } from "effect"
import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as SqliteConnections from "../../src/durable/SqliteConnections.js"

const filename = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-below-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  ),
  (made) => path.join(made, "payouts.sqlite")
)

/** Another process's connection: what it sees was committed. */
const other = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => createClient({ url: `file:${filename}` })),
    (client) => Effect.sync(() => client.close())
  )

const logged = (lines: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void lines.push(String(message)))
  )

const add = (id: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`INSERT INTO notes ${sql.insert({ id })}`)
const table = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE TABLE notes (id INTEGER PRIMARY KEY)`)
const ids = Effect.flatMap(SqlClient.SqlClient, (sql) => sql<{ id: bigint }>`SELECT id FROM notes ORDER BY id`)

const soon = Schedule.spaced("100 millis")

describe("The connections to a SQLite file", () => {
  for (const [name, locked] of [
    ["a statement", add(1)],
    [
      "an update",
      Effect.flatMap(SqlClient.SqlClient, (sql) => sql`UPDATE notes SET id = 1 WHERE id IN (SELECT id FROM notes)`)
    ],
    [
      "a statement that returns rows",
      Effect.flatMap(SqlClient.SqlClient, (sql) => sql`INSERT INTO notes (id) VALUES (1) RETURNING id`)
    ],
    ["a transaction", Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(add(1)))]
  ] as const) {
    it.scopedLive(
      `commit what is written after ${name} that another process's lock refused, and see what that wrote`,
      () =>
        Effect.gen(function* () {
          const name = yield* filename
          yield* Effect.gen(function* () {
            yield* table
            const another = yield* other(name)
            const run = (statement: string) => Effect.promise(() => another.execute(statement))
            yield* run("BEGIN IMMEDIATE")
            assert.strictEqual((yield* Effect.exit(locked))._tag, "Failure")
            yield* run("ROLLBACK")
            yield* run("INSERT INTO notes VALUES (2)")
            yield* add(3)
            yield* run("INSERT INTO notes VALUES (4)")
            const { rows } = yield* run("SELECT id FROM notes ORDER BY id")
            assert.deepStrictEqual(
              rows.map(({ id }) => id),
              [2, 3, 4]
            )
            assert.deepStrictEqual(yield* ids, [{ id: 2n }, { id: 3n }, { id: 4n }])
          }).pipe(Effect.provide(SqliteConnections.layer(name)))
        })
    )
  }

  it.scopedLive("write a file anew that is deleted, with all that was committed, for its owner alone", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const name = yield* filename
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* table
        yield* add(1)
        for (const end of ["", "-wal", "-shm"]) rmSync(`${name}${end}`, { force: true })
        yield* Effect.ignore(sql.withTransaction(add(2)))
        yield* Effect.sync(() => lines.length).pipe(Effect.repeat({ until: (count) => count > 0, schedule: soon }))
        yield* Effect.retry(add(3), soon)
        const found = yield* ids
        assert.deepStrictEqual([found.at(0), found.at(-1)], [{ id: 1n }, { id: 3n }])
        const { rows } = yield* Effect.flatMap(other(name), (client) =>
          Effect.promise(() => client.execute("SELECT id FROM notes ORDER BY id"))
        )
        assert.deepStrictEqual(
          rows.map(({ id }) => BigInt(Number(id))),
          found.map(({ id }) => id)
        )
        assert.strictEqual(statSync(name).mode & 0o777, 0o600)
        assert.match(lines.join(), new RegExp(`${name} was deleted while it was in use. It is written anew`))
      }).pipe(Effect.provide(SqliteConnections.layer(name)))
    }).pipe(Effect.provide(logged(lines)))
  })

  it.scopedLive("store nothing more when another file has taken the name, and say so once", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const name = yield* filename
      yield* Effect.gen(function* () {
        yield* table
        writeFileSync(`${name}.other`, "")
        renameSync(`${name}.other`, name)
        yield* Effect.sync(() => lines.length).pipe(Effect.repeat({ until: (count) => count > 0, schedule: soon }))
        assert.match(String((yield* Effect.flip(add(1))).cause), /was replaced while it was in use/)
        assert.strictEqual(statSync(name).size, 0)
        assert.deepStrictEqual(lines, [
          `${name} was replaced by another file while it was in use. Nothing more is read or stored: restart this process.`
        ])
      }).pipe(Effect.provide(SqliteConnections.layer(name)))
    }).pipe(Effect.provide(logged(lines)))
  })

  it.scopedLive("say once that statements fail, and when they succeed again", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const name = yield* filename
      yield* Effect.gen(function* () {
        yield* table
        const another = yield* other(name)
        yield* Effect.promise(() => another.execute("BEGIN IMMEDIATE"))
        yield* Effect.ignore(add(1)).pipe(Effect.repeat({ until: () => lines.length > 0, schedule: soon }))
        yield* Effect.promise(() => another.execute("ROLLBACK"))
        yield* add(1)
        yield* Effect.sync(() => lines.length).pipe(Effect.repeat({ until: (count) => count > 1, schedule: soon }))
        assert.deepStrictEqual(lines, [
          `${name}: statements fail (SQLITE_BUSY). They are tried again; what is stored stays.`,
          `${name}: statements succeed again`
        ])
      }).pipe(Effect.provide(SqliteConnections.layer(name)))
    }).pipe(Effect.provide(logged(lines)))
  })

  // Root may write to anything: it becomes somebody else for a moment.
  it.scopedLive("fail to open a file that may not be written to, and name it", () =>
    Effect.gen(function* () {
      const name = yield* filename
      yield* Effect.provide(table, SqliteConnections.layer(name))
      chmodSync(name, 0o400)
      const isRoot = process.getuid?.() === 0
      if (isRoot) for (const one of [name, path.dirname(name)]) chownSync(one, 65_534, 65_534)
      yield* Effect.acquireRelease(
        Effect.sync(() => isRoot && process.seteuid?.(65_534)),
        () => Effect.sync(() => isRoot && process.seteuid?.(0))
      )
      const refused = yield* Effect.flip(Effect.scoped(Layer.build(SqliteConnections.layer(name))))
      assert.include(refused.message, `${name} (SQLITE_`)
      assert.match(refused.message, /^(Cannot write to|Failed to open) .*(READONLY|CANTOPEN)\)$/)
    })
  )
})
