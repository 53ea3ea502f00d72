/**
 * How a process finds the messages that it is to work on. The engine's own read looks at every unprocessed message of
 * the process, and each payout that waits has one: its clock. So the engines of this package have narrower reads.
 */
import { PersistenceError } from "@effect/cluster/ClusterError"
import type * as MessageStorage from "@effect/cluster/MessageStorage"
import * as Snowflake from "@effect/cluster/Snowflake"
import type * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"

type Storage = MessageStorage.MessageStorage["Type"]

export type Shards = Parameters<Storage["unprocessedMessages"]>[0]

/** The id of a row of messages. */
export type Id = Snowflake.Snowflake

export type IsHeld = (id: Id) => boolean

export interface Inbox {
  /** Reads the messages that may be worked on now, and claims them: the next read does not return them again. */
  readonly read: (shards: Shards, isHeld: IsHeld) => ReturnType<Storage["unprocessedMessages"]>
  /** Ends the claims on requests that the process does not hold. Then they are read again. */
  readonly release: (shards: Shards, isHeld: IsHeld) => Effect.Effect<void, PersistenceError>
  /** Takes note of a message that this process stored, or that is to be run again. */
  readonly stored: (id: Id) => void
  /** Stores all that an effect stores, or nothing of it. */
  readonly atomically: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | PersistenceError, R>
}

/** The most messages of one read. */
export const readMax = 1000

/** The storage's own reads, for one without SQL. */
export const ofStorage = (storage: Storage): Inbox => ({
  read: (shards) => storage.unprocessedMessages(shards),
  release: (shards) => storage.resetShards(shards),
  stored: () => {},
  atomically: identity
})

/** One transaction around an effect. */
export const transaction =
  (sql: SqlClient.SqlClient): Inbox["atomically"] =>
  (effect) =>
    Effect.mapError(sql.withTransaction(effect), (error) =>
      error instanceof SqlError ? new PersistenceError({ cause: error }) : error
    )

/** The ids in the rows of a statement. */
export const idsOf = <E>(
  rows: Effect.Effect<ReadonlyArray<{ readonly id: bigint | string }>, E>
): Effect.Effect<Array<Id>, PersistenceError> =>
  Effect.map(rows, (rows) => rows.map(({ id }) => Snowflake.Snowflake(id))).pipe(
    PersistenceError.refail,
    Effect.withTracerEnabled(false)
  )
