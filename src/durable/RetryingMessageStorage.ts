/**
 * The engine's message storage, without the stalls that are known of it. It retries an operation that failed for half a
 * minute, because the engine would treat an outage as a defect. It reads requests again that are claimed and that
 * no process works on (Effect-TS/effect#8312 and #6248), and `Wakes` keeps a wake from being lost (#6318).
 */
import type { PersistenceError } from "@effect/cluster/ClusterError"
import type { EntityAddress } from "@effect/cluster/EntityAddress"
import type * as Envelope from "@effect/cluster/Envelope"
import * as Message from "@effect/cluster/Message"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import type * as Rpc from "@effect/rpc/Rpc"
import { WorkflowInstance } from "@effect/workflow/WorkflowEngine"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Inbox from "./Inbox.js"
import * as Wakes from "./Wakes.js"

/** How long a database may be unavailable before the engine sees the failure. */
export const outageMax = Duration.seconds(30)

const outage = Schedule.exponential("50 millis", 1.5).pipe(
  Schedule.union(Schedule.spaced("1 second")),
  Schedule.jittered,
  // TestClock's nanoseconds cannot be read after a fraction of a millisecond.
  Schedule.modifyDelay((_, delay) => Duration.millis(Math.ceil(Duration.toMillis(delay))))
)

/**
 * How long a request may stay claimed in the database by a process that does not hold it: the engine skipped it,
 * because it was still storing the reply to the same request (Effect-TS/effect#8312); the answer to the read was lost
 * with its connection; or a process that was stopped read messages that are no longer its own.
 */
export const strayMax = Duration.seconds(2)

/**
 * How long a request may stay with this process if the engine dropped it for a reason that is not known here
 * (Effect-TS/effect#6248). A request that the engine works on does not begin again.
 */
export const claimMax = Duration.seconds(15)

// Nanoseconds of the Clock, which is never set back or forward. `Schedule.upTo` would measure by the wall clock.
const outageNanos = Duration.unsafeToNanos(outageMax)
const strayNanos = Duration.unsafeToNanos(strayMax)
const claimNanos = Duration.unsafeToNanos(claimMax)

type Storage = MessageStorage.MessageStorage["Type"]
type Saved = Parameters<Storage["saveReply"]>[0]

/**
 * The same storage, with retries, reads through an inbox, and no lost wakes. A retry after a lost answer stores nothing
 * twice: each entry has its own key.
 */
export const steady = (storage: Storage, inbox: Inbox.Inbox = Inbox.ofStorage(storage)): Storage => {
  const wakes = Wakes.make()
  const claims = claimsOf(inbox, wakes)
  const save = saverOf(storage)
  const store = storerOf(storage, inbox)

  // A reply is stored through the message that it answers. If that failed, the payout would not go on until the process
  // restarts.
  const taken = <R extends Rpc.Any>(message: Message.Incoming<R>): Message.Incoming<R> => {
    if (message._tag !== "IncomingRequest") return message
    const { envelope, respond } = message
    const id = envelope.requestId
    claims.take(envelope)
    return new Message.IncomingRequest({
      ...message,
      respond: (reply) =>
        Effect.zipLeft(
          wakes.answer(envelope, reply.reply, (storing) => store(id, reply, respond(reply), storing)),
          reply.reply._tag === "WithExit" ? claims.settle(id) : Effect.void
        )
    })
  }

  return {
    ...storage,
    saveRequest: (message) =>
      Effect.zipRight(completesOwn(wakes, message.envelope), patiently(storage.saveRequest(message))).pipe(
        Effect.tap(() => Effect.sync(() => inbox.stored(message.envelope.requestId)))
      ),
    saveEnvelope: (message) =>
      patiently(storage.saveEnvelope(message)).pipe(
        Effect.tap(() => Effect.sync(() => inbox.stored(message.envelope.id)))
      ),
    saveReply: (reply) => save(reply, storage.saveReply(reply)),
    clearReplies: (id) => Effect.tap(patiently(storage.clearReplies(id)), () => Effect.sync(() => inbox.stored(id))),
    repliesFor: (messages) => patiently(storage.repliesFor(Array.from(messages))),
    repliesForUnfiltered: (ids) => patiently(storage.repliesForUnfiltered(Array.from(ids))),
    requestIdForPrimaryKey: (key) =>
      Effect.suspend(() => {
        if (key.tag === "deferred") wakes.sought(key.address, key.id)
        return patiently(storage.requestIdForPrimaryKey(key))
      }),
    unprocessedMessages: (shards) =>
      Effect.map(patiently(claims.read(Array.from(shards))), (messages) => messages.map(taken)),
    unprocessedMessagesById: (ids) =>
      Effect.map(patiently(storage.unprocessedMessagesById(Array.from(ids))), (messages) => messages.map(taken)),
    // The engine asks for both when it does not work on these messages. The next read releases them.
    resetShards: (shards) => claims.forget(areOf(shards)),
    resetAddress: (address) =>
      claims.forget((one) => one.entityType === address.entityType && one.entityId === address.entityId)
  }
}

/** What the process has read and not answered, and when it last looked for claims that nobody works on. */
const claimsOf = (inbox: Inbox.Inbox, wakes: ReturnType<typeof Wakes.make>) => {
  const held = new Map<Inbox.Id, EntityAddress>()
  /** What was answered since the last read began. */
  const answered = new Set<Inbox.Id>()
  let released: { readonly all: bigint; readonly stray: bigint } | undefined
  const isHeld = (id: Inbox.Id) => held.has(id)

  const release = Effect.fnUntraced(function* (shards: Inbox.Shards) {
    const now = yield* Clock.currentTimeNanos
    if (released === undefined || now - released.all >= claimNanos) {
      yield* inbox.release(shards, () => false)
      released = { all: now, stray: now }
    } else if (now - released.stray >= strayNanos) {
      yield* inbox.release(shards, isHeld)
      released = { ...released, stray: now }
    }
  })

  return {
    read: (shards: Inbox.Shards) =>
      Effect.sync(() => answered.clear()).pipe(
        Effect.zipRight(release(shards)),
        Effect.zipRight(inbox.read(shards, isHeld)),
        Effect.tapError(() =>
          Effect.sync(() => {
            released = undefined
          })
        )
      ),
    take: (envelope: Envelope.Request.PartialEncoded): void => {
      // The engine skips what it has just answered. So it does not hold that, and it is read again.
      if (answered.has(envelope.requestId)) return
      held.set(envelope.requestId, envelope.address)
      wakes.read(envelope)
    },
    settle: (id: Inbox.Id) =>
      Effect.sync(() => {
        held.delete(id)
        answered.add(id)
      }),
    forget: (isGone: (address: EntityAddress) => boolean) =>
      Effect.sync(() => {
        released = undefined
        for (const [id, address] of held) {
          if (!isGone(address)) continue
          held.delete(id)
          wakes.forget(address)
        }
      })
  }
}

/** Stores a reply, alone or together with the end of a `Suspended`, or not at all. */
const storerOf = (storage: Storage, inbox: Inbox.Inbox) => {
  const save = saverOf(storage)
  return <E>(
    id: Inbox.Id,
    reply: Saved,
    respond: Effect.Effect<void, E | PersistenceError>,
    storing: Wakes.Storing
  ) => {
    if (storing._tag === "Drop") return Effect.sync(() => inbox.stored(id))
    const { wakes: run } = storing
    if (run === undefined) return save(reply, respond)
    return Effect.zipRight(
      save(reply, inbox.atomically(Effect.zipLeft(respond, storage.clearReplies(run)))),
      Effect.sync(() => inbox.stored(run))
    )
  }
}

const saverOf =
  (storage: Storage) =>
  <E, R>(reply: Saved, effect: Effect.Effect<void, E | PersistenceError, R>) =>
    patiently(
      Effect.catchIf(effect, isPersistenceError, (error) =>
        storage.repliesForUnfiltered([reply.reply.requestId]).pipe(
          Effect.flatMap((replies) =>
            // Another owner of the shard, for a moment, may have answered: its answer stands.
            replies.some(({ _tag, id }) => id === String(reply.reply.id) || _tag === "WithExit")
              ? Effect.void
              : Effect.fail(error)
          )
        )
      )
    )

const areOf = (shards: Inbox.Shards) => {
  const names = new Set(Array.from(shards, String))
  return ({ shardId }: EntityAddress): boolean => names.has(String(shardId))
}

/** Takes note of a deferred that a run completes itself: it does not miss that. */
const completesOwn = (wakes: ReturnType<typeof Wakes.make>, { address, payload, tag }: Envelope.Request.Any) =>
  Effect.map(Effect.serviceOption(WorkflowInstance), (instance) => {
    const isOwn = Option.exists(instance, ({ executionId }) => executionId === address.entityId)
    if (isOwn && tag === "deferred") wakes.completes(address, Wakes.nameOf(payload))
  })

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

/** The storage of the context, with an inbox over the same tables. */
export const layer = <E, R>(
  inbox: (storage: Storage) => Effect.Effect<Inbox.Inbox, E, R>
): Layer.Layer<MessageStorage.MessageStorage, E, MessageStorage.MessageStorage | R> =>
  Layer.effect(
    MessageStorage.MessageStorage,
    Effect.flatMap(MessageStorage.MessageStorage, (storage) =>
      Effect.map(inbox(storage), (inbox) => steady(storage, inbox))
    )
  )
