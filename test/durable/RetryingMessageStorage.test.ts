/** The storage under the engines, where the database does what it was told and its answer is lost. */
import {
  ClusterError,
  EntityAddress,
  EntityId,
  EntityType,
  Message,
  MessageStorage,
  Reply,
  ShardId,
  Snowflake
} from "@effect/cluster"
import { Headers } from "@effect/platform"
import { Rpc } from "@effect/rpc"
import { assert, describe, it } from "@effect/vitest"
import { Workflow } from "@effect/workflow"
import { Clock, Context, Effect, Exit, Fiber, Option, Schema, TestClock } from "effect"
import * as RetryingMessageStorage from "../../src/durable/RetryingMessageStorage.js"
import { inVirtualTime } from "../support.js"

const away = new ClusterError.PersistenceError({ cause: "the connection was cut" })

type Storage = MessageStorage.MessageStorage["Type"]

/** A storage of which only what a test is about does anything. */
const storage = (over: Partial<Storage>): Storage => ({ ...MessageStorage.noop, ...over })

/** A request in the database: whether it is claimed, and its reply. */
interface Row {
  readonly id: bigint
  readonly tag: string
  readonly name?: string
  isClaimed?: boolean
  reply?: "Suspended" | "Done"
}

const address = new EntityAddress.EntityAddress({
  shardId: ShardId.make("default", 1),
  entityType: EntityType.EntityType.make("Workflow/Test"),
  entityId: EntityId.EntityId.make("execution")
})
const rpc = Rpc.make("run", { success: Schema.Unknown })

const replyTo = (id: bigint, value: unknown) =>
  new Reply.ReplyWithContext({
    reply: new Reply.WithExit<typeof rpc>({
      id: Snowflake.Snowflake(id + 1000n),
      requestId: Snowflake.Snowflake(id),
      exit: Exit.succeed(value)
    }),
    context: Context.empty(),
    rpc
  })
const suspended = new Workflow.Suspended()

/** A storage of these rows, whose reads claim, as on PostgreSQL. `onSave` runs after a reply is stored. */
const database = (rows: Array<Row>, onSave: (row: Row) => Effect.Effect<void> = () => Effect.void) => {
  const reads: Array<ReadonlyArray<bigint>> = []
  const answers: Array<"given" | "lost"> = []
  const messageOf = (row: Row) =>
    new Message.IncomingRequest<typeof rpc>({
      envelope: {
        _tag: "Request",
        requestId: Snowflake.Snowflake(row.id),
        address,
        tag: row.tag,
        payload: row.name === undefined ? {} : { name: row.name },
        headers: Headers.empty
      },
      lastSentReply: Option.none(),
      respond: ({ reply }) =>
        Effect.sync(() => {
          const isSuspended = reply._tag === "WithExit" && Exit.isSuccess(reply.exit) && reply.exit.value === suspended
          row.reply = isSuspended ? "Suspended" : "Done"
        }).pipe(Effect.zipRight(onSave(row)))
    })
  const clear = (id: bigint) =>
    Effect.sync(() => {
      for (const row of rows) {
        if (row.id !== id) continue
        delete row.reply
        row.isClaimed = false
      }
    })
  const steady = RetryingMessageStorage.steady(storage({ clearReplies: clear }), {
    read: () =>
      Effect.suspend(() => {
        const found = rows.filter((row) => row.reply === undefined && row.isClaimed !== true)
        for (const row of found) row.isClaimed = true
        const answer = answers.shift() ?? "given"
        if (answer === "lost") return away
        reads.push(found.map(({ id }) => id))
        return Effect.succeed(found.map(messageOf))
      }),
    release: (_, isHeld) =>
      Effect.sync(() => {
        for (const row of rows) if (!isHeld(Snowflake.Snowflake(row.id))) row.isClaimed = false
      }),
    stored: () => {},
    atomically: (effect) => effect
  })
  const read = Effect.map(steady.unprocessedMessages([]), (messages) =>
    messages.flatMap((message) => (message._tag === "IncomingRequest" ? [message] : []))
  )
  return { answers, clear, read, reads, rows, steady }
}

/** At which reads, one a second, the only row is given. */
const givenAt = (answers: ReadonlyArray<"given" | "lost">) => {
  const one = database([{ id: 1n, tag: "run" }])
  one.answers.push(...answers)
  const given = (): ReadonlyArray<number> => one.reads.flatMap((ids, index) => (ids.length > 0 ? [index + 1] : []))
  return { ...one, given }
}

/** The test's clock, whose wall time can be set back. What it measures goes on. */
const wallClock = Effect.map(Effect.clock, (clock) => {
  let behind = 0
  const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() - behind
  const set: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
  return {
    clock: set,
    setBack: (millis: number) => {
      behind += millis
    }
  }
})

const reply = Reply.ReplyWithContext.interrupt({ id: Snowflake.Snowflake(2n), requestId: Snowflake.Snowflake(1n) })
const exit = { _tag: "Failure", cause: { _tag: "Empty" } } as const

describe("RetryingMessageStorage", () => {
  it.effect("reads again what it has claimed by a read whose answer was lost", () =>
    Effect.gen(function* () {
      const { given, read } = givenAt(["lost", "given"])
      yield* inVirtualTime(read)
      assert.deepStrictEqual(given(), [1])
    })
  )

  it.effect("takes claims back after a while, because who made them may not work on them", () =>
    Effect.gen(function* () {
      const { given, read } = givenAt([])
      for (let second = 0; second < 40; second++) {
        yield* read
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(given(), [1, 16, 31])
    })
  )

  it.effect("takes claims back after a while although the wall clock was set back by an hour", () =>
    Effect.gen(function* () {
      const { given, read } = givenAt([])
      const { clock, setBack } = yield* wallClock
      for (let second = 0; second < 40; second++) {
        if (second === 5) setBack(3_600_000)
        yield* Effect.withClock(read, clock)
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(given(), [1, 16, 31])
    })
  )

  it.effect.each([
    ["forward", -3_600_000],
    ["back", 3_600_000]
  ] as const)(
    "stands an outage of half a minute, and no longer one, although the wall clock was set %s by an hour",
    ([, millis]) =>
      Effect.gen(function* () {
        const { clock, setBack } = yield* wallClock
        const began = yield* Clock.currentTimeNanos
        const steady = (outage: number) =>
          RetryingMessageStorage.steady(
            storage({
              clearReplies: () =>
                Effect.flatMap(Clock.currentTimeNanos, (now) =>
                  now - began < BigInt(outage) * 1_000_000n ? away : Effect.void
                )
            })
          )
        const requestId = Snowflake.Snowflake(1n)
        const short = yield* Effect.fork(Effect.withClock(Effect.either(steady(25_000).clearReplies(requestId)), clock))
        const long = yield* Effect.fork(Effect.withClock(Effect.either(steady(120_000).clearReplies(requestId)), clock))
        yield* TestClock.adjust("2 seconds")
        setBack(millis)
        yield* TestClock.adjust("40 seconds")
        assert.deepStrictEqual([(yield* Fiber.poll(short))._tag, (yield* Fiber.poll(long))._tag], ["Some", "Some"])
        assert.deepStrictEqual([(yield* Fiber.join(short))._tag, (yield* Fiber.join(long))._tag], ["Right", "Left"])
      })
  )

  it.effect("stores an answer once, where the first time was not heard of", () =>
    Effect.gen(function* () {
      let isStored = false
      let saves = 0
      const steady = RetryingMessageStorage.steady(
        storage({
          saveReply: () =>
            Effect.suspend(() => {
              saves += 1
              isStored = true
              // The first time the connection is cut; after that the key is taken.
              return away
            }),
          repliesForUnfiltered: () =>
            saves === 1 ? away : Effect.succeed(isStored ? [{ _tag: "WithExit", id: "2", requestId: "1", exit }] : [])
        })
      )
      yield* inVirtualTime(steady.saveReply(reply))
      assert.strictEqual(saves, 2)
    })
  )

  it.effect("gives a request again that was reset while its reply was being stored, within the time for strays", () =>
    Effect.gen(function* () {
      const storing = yield* Effect.makeLatch()
      const one = database([{ id: 1n, tag: "run" }], () => storing.await)
      const [run] = yield* one.read
      assert(run !== undefined)
      const responding = yield* Effect.fork(run.respond(replyTo(1n, suspended)))
      yield* Effect.yieldNow()
      // The row has its reply, and the engine does not know it yet: it skips what it is given now.
      yield* one.clear(1n)
      yield* one.read
      yield* storing.open
      yield* Fiber.join(responding)
      for (let second = 0; second < 4; second++) {
        yield* TestClock.adjust("1 second")
        yield* one.read
      }
      assert.deepStrictEqual(one.reads, [[1n], [1n], [], [1n], [], []])
    })
  )

  describe("when a deferred is completed around the moment in which its workflow suspends", () => {
    const rows = (): Array<Row> => [{ id: 1n, tag: "run" }]
    const wake: Row = { id: 2n, tag: "deferred", name: "hint/1" }
    const looksFor = (name: string) => ({ address, tag: "deferred", id: name })

    it.effect("runs the workflow again, if the deferred was stored before `Suspended`", () =>
      Effect.gen(function* () {
        const one = database(rows())
        const [run] = yield* one.read
        yield* one.steady.requestIdForPrimaryKey(looksFor("hint/1"))
        one.rows.push({ ...wake })
        const [hint] = yield* one.read
        assert(run !== undefined && hint !== undefined)
        yield* hint.respond(replyTo(2n, undefined))
        yield* run.respond(replyTo(1n, suspended))
        yield* TestClock.adjust("2 seconds")
        yield* one.read
        assert.deepStrictEqual(one.reads, [[1n], [2n], [1n]])
      })
    )

    it.effect("runs the workflow again, if the deferred had been read before `Suspended` was stored", () =>
      Effect.gen(function* () {
        const one = database(rows())
        const [run] = yield* one.read
        yield* one.steady.requestIdForPrimaryKey(looksFor("hint/1"))
        one.rows.push({ ...wake })
        const [hint] = yield* one.read
        assert(run !== undefined && hint !== undefined)
        yield* run.respond(replyTo(1n, suspended))
        assert.strictEqual(one.rows[0]?.reply, "Suspended")
        yield* hint.respond(replyTo(2n, undefined))
        yield* one.read
        assert.deepStrictEqual(one.reads, [[1n], [2n], [1n]])
      })
    )

    it.effect("lets it suspend, if it did not look for that deferred, or completed it itself", () =>
      Effect.gen(function* () {
        const one = database(rows())
        const [run] = yield* one.read
        yield* one.steady.requestIdForPrimaryKey(looksFor("hint/2"))
        one.rows.push({ ...wake })
        const [hint] = yield* one.read
        assert(run !== undefined && hint !== undefined)
        yield* hint.respond(replyTo(2n, undefined))
        yield* run.respond(replyTo(1n, suspended))
        assert.deepStrictEqual(
          one.rows.map(({ reply }) => reply),
          ["Suspended", "Done"]
        )
      })
    )
  })
})
