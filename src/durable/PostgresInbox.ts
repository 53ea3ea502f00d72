/**
 * The messages of a database that several processes share. A claim is a time in the message's row, as it is for the
 * engine. The reads use indices of their own, so they do not look at payouts that wait.
 */
import type * as MessageStorage from "@effect/cluster/MessageStorage"
import type * as ShardId from "@effect/cluster/ShardId"
import * as SqlClient from "@effect/sql/SqlClient"
import type * as Statement from "@effect/sql/Statement"
import * as Clock from "effect/Clock"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { type Id, idsOf, type Inbox, type IsHeld, readMax, type Shards, transaction } from "./Inbox.js"
import * as migrate from "./migrate.js"

export const make = (
  storage: MessageStorage.MessageStorage["Type"],
  prefix: string
): Effect.Effect<Inbox, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const messages = sql(`${prefix}_messages`)
    yield* migrate.indices(prefix, indicesOf(sql, prefix))

    const read = Effect.fnUntraced(function* (shards: Shards) {
      const own = Array.from(shards)
      if (own.length === 0) return []
      const taken = yield* claim(sql, messages, own, yield* Clock.currentTimeMillis)
      return taken.length === 0 ? [] : yield* storage.unprocessedMessagesById(taken)
    })

    const release = Effect.fnUntraced(function* (shards: Shards, isHeld: IsHeld) {
      const own = Array.from(shards)
      if (own.length === 0) return
      const claimed: ReadonlyArray<Id> = yield* idsOf(
        sql<{ id: string }>`
          SELECT id FROM ${messages}
          WHERE processed = FALSE AND last_read IS NOT NULL AND kind = 0 AND ${within(sql, own)}
        `.unprepared
      )
      const stray = claimed.filter((id) => !isHeld(id))
      if (stray.length === 0) return
      yield* idsOf(
        sql<{ id: string }>`
          UPDATE ${messages} SET last_read = NULL WHERE processed = FALSE AND id IN (${sql.literal(stray.join(","))})
        `.unprepared
      )
    })

    return {
      read,
      release,
      stored: () => {},
      atomically: transaction(sql)
    }
  })

const indicesOf = (sql: SqlClient.SqlClient, prefix: string) => {
  const messages = sql(`${prefix}_messages`)
  const index = (name: string) => sql(`${prefix}_messages_${name}_idx`)
  return [
    sql`CREATE INDEX IF NOT EXISTS ${index("ready")} ON ${messages} (rowid)
        WHERE processed = FALSE AND last_read IS NULL AND deliver_at IS NULL`,
    sql`CREATE INDEX IF NOT EXISTS ${index("due")} ON ${messages} (deliver_at)
        WHERE processed = FALSE AND last_read IS NULL AND deliver_at IS NOT NULL`,
    sql`CREATE INDEX IF NOT EXISTS ${index("claimed")} ON ${messages} (last_read)
        WHERE processed = FALSE AND last_read IS NOT NULL`
  ]
}

const within = (sql: SqlClient.SqlClient, shards: ReadonlyArray<ShardId.ShardId>) =>
  sql.literal(`shard_id IN (${shards.map((shard) => `'${String(shard).replaceAll("'", "''")}'`).join(",")})`)

const claim = (
  sql: SqlClient.SqlClient,
  messages: Statement.Identifier,
  shards: ReadonlyArray<ShardId.ShardId>,
  now: number
) => {
  const free = sql`processed = FALSE AND last_read IS NULL`
  return idsOf(
    sql<{ id: string }>`
          UPDATE ${messages} SET last_read = NOW()
          WHERE id = ANY(ARRAY(
            (SELECT id FROM ${messages} WHERE ${free} AND deliver_at IS NULL AND ${within(sql, shards)}
              ORDER BY rowid LIMIT ${sql.literal(String(readMax))})
            UNION ALL
            (SELECT id FROM ${messages} WHERE ${free} AND deliver_at <= ${sql.literal(String(now))} AND ${within(sql, shards)}
              ORDER BY deliver_at LIMIT ${sql.literal(String(readMax))})
          ))
          AND ${free}
          RETURNING id
        `.unprepared
  )
}
