import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, TestClock } from "effect"
import * as Process from "../../src/execution/Process.js"

const made = Process.make(Duration.hours(2))

describe("Process", () => {
  it.effect("has a clock with a name that no other process has, and the horizon in milliseconds", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* made, yield* made]
      assert.notStrictEqual(one.clock, other.clock)
      assert.match(one.clock, /^-?[0-9a-z]+-[0-9a-z]+-[0-9a-z]+$/)
      assert.strictEqual(one.horizon, 2 * 60 * 60 * 1000)
    })
  )

  it.effect("names each create anew, after its clock", () =>
    Effect.gen(function* () {
      const { clock, newId } = yield* made
      assert.deepStrictEqual([newId().id, newId().id], [`${clock}/1`, `${clock}/2`])
    })
  )

  it.effect("has the wall clock of its first use, carried on by the monotonic clock, so that it never jumps", () =>
    Effect.gen(function* () {
      const process = yield* made
      let [millis, nanos] = [5_000, 1_000_000n]
      const clock: Clock.Clock = {
        ...(yield* Effect.clock),
        unsafeCurrentTimeMillis: () => millis,
        unsafeCurrentTimeNanos: () => nanos
      }
      const at = Effect.map(Effect.withClock(process.now, clock), (moment) => moment)
      assert.deepStrictEqual(yield* at, { clock: process.clock, at: 5_000 })
      // It was set, and a millisecond and a half has passed.
      ;[millis, nanos] = [9_000_000, 2_500_000n]
      assert.deepStrictEqual(yield* at, { clock: process.clock, at: 5_001.5 })
    })
  )

  it.effect("starts with the first use, not when it is made", () =>
    Effect.gen(function* () {
      const process = yield* made
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* process.now).at, 60_000)
    })
  )

  it.effect("keeps the best measure of its clock, and another that contradicts it", () =>
    Effect.gen(function* () {
      const { measure, offset } = yield* made
      const after = (min: number, max: number) => {
        measure({ min, max })
        return offset()
      }
      assert.isUndefined(offset())
      assert.deepStrictEqual(after(0, 1000), { min: 0, max: 1000 })
      assert.deepStrictEqual(after(-100, 1000), { min: 0, max: 1000 }, "it is known better")
      assert.deepStrictEqual(after(500, 1400), { min: 500, max: 1400 }, "it is quicker")
      assert.deepStrictEqual(after(600, 1500), { min: 600, max: 1500 }, "it is as quick, and later")
      assert.deepStrictEqual(after(1501, 9000), { min: 1501, max: 9000 }, "the clock was set back")
      assert.deepStrictEqual(after(-9000, 1500), { min: -9000, max: 1500 }, "the clock was set ahead")
      assert.deepStrictEqual(after(-20_000, -9000), { min: -9000, max: 1500 }, "they touch, and it is wider")
      assert.deepStrictEqual(after(1500, 19_000), { min: -9000, max: 1500 }, "they touch, and it is wider")
    })
  )
})
