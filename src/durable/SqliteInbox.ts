/**
 * The messages of a file, which belongs to one process. The process knows what it stored, so it looks only for durable
 * clocks that ring. Its claims are in its memory: no read writes to the file.
 */
import type * as MessageStorage from "@effect/cluster/MessageStorage"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { type Id, idsOf, type Inbox, type IsHeld, readMax, type Shards, transaction } from "./Inbox.js"
import * as migrate from "./migrate.js"

/** How late a durable clock may ring because of this. The engine's own poll is slower. */
const dueGap = Duration.unsafeToNanos(Duration.millis(200))

export const make = (
  storage: MessageStorage.MessageStorage["Type"],
  prefix: string
): Effect.Effect<Inbox, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const messages = sql(`${prefix}_messages`)
    // Without these, a read would look at every payout that waits.
    yield* migrate.indices(prefix, indicesOf(sql, prefix))

    const ready = new Set<Id>()
    let isRead = false
    let looked: bigint | undefined

    const unprocessed = idsOf(
      sql<{ id: bigint }>`SELECT id FROM ${messages} WHERE processed = 0 AND deliver_at IS NULL AND kind = 0`
    )
    const due = (millis: number) =>
      idsOf(sql<{ id: bigint }>`SELECT id FROM ${messages} WHERE processed = 0 AND deliver_at <= ${millis}`)

    const notice = (found: ReadonlyArray<Id>, isHeld: IsHeld) => {
      for (const id of found) if (!isHeld(id)) ready.add(id)
    }

    const look = Effect.fnUntraced(function* (isHeld: IsHeld) {
      const now = yield* Clock.currentTimeNanos
      if (looked !== undefined && now - looked < dueGap) return
      notice(yield* due(yield* Clock.currentTimeMillis), isHeld)
      looked = now
    })

    const read = Effect.fnUntraced(function* (shards: Shards, isHeld: IsHeld) {
      if (Array.from(shards).length === 0) return []
      // What an earlier process left.
      if (!isRead) notice(yield* unprocessed, isHeld)
      isRead = true
      yield* look(isHeld)
      // The engine would skip a message that it works on. It is read again when that is over.
      const taken = Array.from(ready)
        .filter((id) => !isHeld(id))
        .slice(0, readMax)
      if (taken.length === 0) return []
      const found = yield* storage.unprocessedMessagesById(taken)
      for (const id of taken) ready.delete(id)
      return found
    })

    return {
      read,
      release: (_, isHeld) => Effect.map(unprocessed, (found) => notice(found, isHeld)),
      stored: (id) => {
        ready.add(id)
      },
      atomically: transaction(sql)
    }
  })

const indicesOf = (sql: SqlClient.SqlClient, prefix: string) => {
  const messages = sql(`${prefix}_messages`)
  return [
    sql`CREATE INDEX IF NOT EXISTS ${sql(`${prefix}_messages_ready_idx`)} ON ${messages} (kind)
        WHERE processed = 0 AND deliver_at IS NULL`,
    sql`CREATE INDEX IF NOT EXISTS ${sql(`${prefix}_messages_due_idx`)} ON ${messages} (deliver_at)
        WHERE processed = 0 AND deliver_at IS NOT NULL`
  ]
}
