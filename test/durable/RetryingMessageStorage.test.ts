/** The storage under the engines, where the database does what it was told and its answer is lost. */
import { ClusterError, MessageStorage, Reply, Snowflake } from "@effect/cluster"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import * as RetryingMessageStorage from "../../src/durable/RetryingMessageStorage.js"
import { inVirtualTime } from "../support.js"

const away = new ClusterError.PersistenceError({ cause: "the connection was cut" })

type Storage = MessageStorage.MessageStorage["Type"]

/** A storage of which only what a test is about does anything. */
const storage = (over: Partial<Storage>): Storage => ({ ...MessageStorage.noop, ...over })

/** Messages that are given to whoever reads them first, and to nobody else until the claim is taken back. */
const claims = (answers: ReadonlyArray<"given" | "lost">) => {
  let isClaimed = false
  let reads = 0
  const given: Array<number> = []
  const steady = RetryingMessageStorage.steady(
    storage({
      unprocessedMessages: () =>
        Effect.suspend(() => {
          const isFound = !isClaimed
          isClaimed = true
          const answer = answers[reads++] ?? "given"
          if (isFound && answer === "given") given.push(reads)
          return answer === "lost" ? away : Effect.succeed([])
        }),
      resetShards: () =>
        Effect.sync(() => {
          isClaimed = false
        })
    })
  )
  return { given, read: steady.unprocessedMessages([]) }
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
      const { given, read } = claims(["lost", "given"])
      yield* inVirtualTime(read)
      assert.deepStrictEqual(given, [2])
    })
  )

  it.effect("takes claims back after a while, because who made them may not work on them", () =>
    Effect.gen(function* () {
      const { given, read } = claims([])
      for (let second = 0; second < 40; second++) {
        yield* read
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(given, [1, 16, 31])
    })
  )

  it.effect("takes claims back after a while although the wall clock was set back by an hour", () =>
    Effect.gen(function* () {
      const { given, read } = claims([])
      const { clock, setBack } = yield* wallClock
      for (let second = 0; second < 40; second++) {
        if (second === 5) setBack(3_600_000)
        yield* Effect.withClock(read, clock)
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(given, [1, 16, 31])
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
})
