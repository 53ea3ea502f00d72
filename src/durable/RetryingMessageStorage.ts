/**
 * A message storage that survives short outages of its database. The engine would treat an outage as a defect, so the
 * storage first retries a failed operation for half a minute.
 */
import type { PersistenceError } from "@effect/cluster/ClusterError"
import * as Message from "@effect/cluster/Message"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import type * as Rpc from "@effect/rpc/Rpc"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"

/** How long a database may be unavailable before the engine sees the failure. */
export const outageMax = Duration.seconds(30)

const outage = Schedule.exponential("50 millis", 1.5).pipe(
  Schedule.union(Schedule.spaced("1 second")),
  Schedule.jittered,
  // TestClock's nanoseconds cannot be read after a fraction of a millisecond.
  Schedule.modifyDelay((_, delay) => Duration.millis(Math.ceil(Duration.toMillis(delay))))
)

/**
 * How long a message may stay with a machine that does not work on it. A machine claims a message for ten minutes when
 * it reads it. But the answer to the read may be lost with its connection, and a machine that was stopped may read
 * messages that are no longer its own. A message that a machine works on does not begin again.
 */
export const claimMax = Duration.seconds(15)

// Nanoseconds of the Clock, which is never set back or forward. `Schedule.upTo` would measure by the wall clock.
const outageNanos = Duration.unsafeToNanos(outageMax)
const claimNanos = Duration.unsafeToNanos(claimMax)

type Storage = MessageStorage.MessageStorage["Type"]
type Shards = Parameters<Storage["unprocessedMessages"]>[0]
type Saved = Parameters<Storage["saveReply"]>[0]

/** The same storage, with retries. A retry after a lost answer stores nothing twice: each entry has its own key. */
export const steady = (storage: Storage): Storage => {
  let claimed: bigint | undefined

  const read = (shards: Shards) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeNanos
      if (claimed === undefined || now - claimed >= claimNanos) {
        yield* storage.resetShards(shards)
        claimed = now
      }
      return yield* storage.unprocessedMessages(shards)
    }).pipe(
      Effect.tapError(() =>
        Effect.sync(() => {
          claimed = undefined
        })
      )
    )

  const save = <E, R>(reply: Saved, effect: Effect.Effect<void, E | PersistenceError, R>) =>
    patiently(
      Effect.catchIf(effect, isPersistenceError, (error) =>
        storage
          .repliesForUnfiltered([reply.reply.requestId])
          .pipe(
            Effect.flatMap((replies) =>
              replies.some(({ id }) => id === String(reply.reply.id)) ? Effect.void : Effect.fail(error)
            )
          )
      )
    )

  // A reply is stored through the message that it answers. If that failed, the payout would not go on until the process
  // restarts.
  const answered = <R extends Rpc.Any>(message: Message.Incoming<R>): Message.Incoming<R> =>
    message._tag === "IncomingRequest"
      ? new Message.IncomingRequest({ ...message, respond: (reply) => save(reply, message.respond(reply)) })
      : message

  return {
    ...storage,
    saveRequest: (message) => patiently(storage.saveRequest(message)),
    saveEnvelope: (message) => patiently(storage.saveEnvelope(message)),
    saveReply: (reply) => save(reply, storage.saveReply(reply)),
    clearReplies: (id) => patiently(storage.clearReplies(id)),
    repliesFor: (messages) => patiently(storage.repliesFor(Array.from(messages))),
    repliesForUnfiltered: (ids) => patiently(storage.repliesForUnfiltered(Array.from(ids))),
    requestIdForPrimaryKey: (key) => patiently(storage.requestIdForPrimaryKey(key)),
    unprocessedMessages: (shards) =>
      Effect.map(patiently(read(Array.from(shards))), (messages) => messages.map(answered)),
    unprocessedMessagesById: (ids) =>
      Effect.map(patiently(storage.unprocessedMessagesById(Array.from(ids))), (messages) => messages.map(answered))
  }
}

const patiently = <A, E, R>(
  effect: Effect.Effect<A, E | PersistenceError, R>
): Effect.Effect<A, E | PersistenceError, R> =>
  Effect.flatMap(Clock.currentTimeNanos, (began) =>
    Effect.retry(effect, {
      schedule: outage,
      while: (error) =>
        isPersistenceError(error)
          ? Effect.map(Clock.currentTimeNanos, (now) => now - began < outageNanos)
          : Effect.succeed(false)
    })
  )

const isPersistenceError = (error: unknown): error is PersistenceError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "PersistenceError"

/** Adds retries to the storage in the context. */
export const layer: Layer.Layer<MessageStorage.MessageStorage, never, MessageStorage.MessageStorage> = Layer.effect(
  MessageStorage.MessageStorage,
  Effect.map(MessageStorage.MessageStorage, steady)
)
