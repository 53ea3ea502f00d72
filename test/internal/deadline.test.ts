import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Fiber, Option, Supervisor, TestClock } from "effect"
import { within } from "../../src/internal/deadline.js"

const minute = Duration.minutes(1)

/** Interrupts whoever starts a fiber, in the act of starting the second one. */
class Interrupting extends Supervisor.AbstractSupervisor<void> {
  private started = 0
  override value: Effect.Effect<void> = Effect.void
  override onStart<A, E, R>(
    _: unknown,
    __: Effect.Effect<A, E, R>,
    parent: Option.Option<Fiber.RuntimeFiber<unknown, unknown>>
  ): void {
    this.started += 1
    if (this.started === 2 && Option.isSome(parent)) parent.value.unsafeInterruptAsFork(parent.value.id())
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
})
