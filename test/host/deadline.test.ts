import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Fiber, Option, Supervisor, TestClock } from "effect"
import { within } from "../../src/host/deadline.js"

const minute = Duration.minutes(1)

/** `Effect.never` has a timer of its own. */
const silent = Effect.async<never>(() => {})

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length

/** Interrupts whoever starts a fiber, in the act of starting the second one (or the first). */
class Interrupting extends Supervisor.AbstractSupervisor<void> {
  private started = 0
  constructor(private readonly nth = 2) {
    super()
  }
  override value: Effect.Effect<void> = Effect.void
  override onStart<A, E, R>(
    _: unknown,
    __: Effect.Effect<A, E, R>,
    parent: Option.Option<Fiber.RuntimeFiber<unknown, unknown>>
  ): void {
    this.started += 1
    if (this.started === this.nth && Option.isSome(parent)) parent.value.unsafeInterruptAsFork(parent.value.id())
  }
}

describe("A deadline", () => {
  it.effect("answers instead of what does not end, and interrupts it", () =>
    Effect.gen(function* () {
      let isGone = false
      const hanging = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          isGone = true
        })
      )
      const fiber = yield* Effect.fork(Effect.uninterruptible(within(hanging, minute, () => "too late")))
      yield* TestClock.adjust(minute)
      assert.strictEqual(yield* Fiber.join(fiber), "too late")
      assert.isTrue(isGone)
    })
  )

  it.effect("leaves no timer behind when it was in time, or was not awaited", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* within(Effect.succeed("in time"), minute, () => "too late"), "in time")
      const caller = within(Effect.never, minute, () => "too late").pipe(Effect.supervised(new Interrupting()))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(yield* Effect.fork(caller))))
      yield* Effect.yieldNow()
      assert.strictEqual(Chunk.size(yield* TestClock.sleeps()), 0)
    })
  )

  it.live("is kept by the live clock, which waits by its own timers", () =>
    Effect.gen(function* () {
      let isGone = false
      const hanging = Effect.onInterrupt(silent, () =>
        Effect.sync(() => {
          isGone = true
        })
      )
      const late = Effect.uninterruptible(within(hanging, Duration.millis(20), () => "too late"))
      assert.strictEqual(yield* late, "too late")
      assert.isTrue(isGone)

      // From here on it is one turn of the machine's own clock, so no timer but ours comes or goes.
      const before = timers()
      const soon = Effect.yieldNow().pipe(Effect.repeatN(5))
      assert.strictEqual(yield* within(Effect.succeed("in time"), minute, () => "too late"), "in time")
      assert.strictEqual(timers(), before)
      const caller = within(silent, minute, () => "too late").pipe(Effect.supervised(new Interrupting(1)))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(yield* Effect.fork(caller))))
      assert.strictEqual(timers(), before)
      const awaiting = yield* Effect.fork(within(silent, minute, () => "too late"))
      yield* soon
      assert.strictEqual(timers(), before + 1)
      yield* Fiber.interrupt(awaiting)
      assert.strictEqual(timers(), before)
    })
  )

  it.effect("leaves behind what cannot be interrupted, and so does the caller's interruption (D9)", () =>
    Effect.gen(function* () {
      const stuck = within(Effect.uninterruptible(silent), minute, () => "too late")
      const late = yield* Effect.fork(stuck)
      yield* TestClock.adjust(minute)
      assert.strictEqual(yield* Fiber.join(late), "too late")
      const gone = yield* Effect.fork(stuck)
      yield* Effect.yieldNow()
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(gone)))
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(minute))
      const slowly = yield* Effect.fork(within(slow, minute, () => "too late"))
      yield* TestClock.adjust(minute)
      assert.strictEqual(yield* Fiber.join(slowly), "too late")
    })
  )

  it.live("of more than a timer can wait for is none", () =>
    Effect.gen(function* () {
      const slow = Effect.as(Effect.sleep(Duration.millis(20)), "in time")
      assert.strictEqual(yield* within(slow, Duration.days(30), () => "too late"), "in time")
    })
  )
})
