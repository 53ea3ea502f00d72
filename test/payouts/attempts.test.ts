/** The attempts of a service, as its calls make them. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Fiber, Scope, Stream, TestClock } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Script } from "effect-billwerk-payouts/testing"
import { attemptsWaitingMax } from "../../src/execution/AttemptFeed.js"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { create, handle, script, story } from "./fixture.js"

const line = ({ attempt: { decision, delay, kind, outcome, status }, handle }: Payouts.AttemptEnded) =>
  [handle, kind, status, outcome, decision, delay && Duration.format(delay)]
    .filter((word) => word !== undefined)
    .join(" ")

/** Listens beside a program, and returns what the listener has when asked. */
const listening = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const heard: Array<string> = []
  const fiber = yield* Effect.fork(
    Stream.runForEach(payouts.attempts, (one) => Effect.sync(() => heard.push(line(one))))
  )
  yield* Effect.yieldNow()
  return { heard, fiber }
})

describe("Payouts.attempts", () => {
  it.effect("emits each attempt before the wait that follows it", () =>
    Effect.gen(function* () {
      const { heard } = yield* listening
      yield* script(Script.processingError().pipe(Script.onCreate))
      const payouts = yield* Payouts.Payouts
      const call = yield* Effect.fork(payouts.create(requestOf()))
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(heard, [`${handle} Create 200 ProcessingError LookUp 1m`])
      yield* TestClock.adjust("1 second")
      const end = yield* Fiber.join(call)
      assert.deepStrictEqual(heard.slice(1), [
        `${handle} Lookup 200 ProcessingError SendAgain 0`,
        `${handle} Create 200 Paid Succeed`
      ])
      assert.strictEqual(end.attempts.length, heard.length)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("emits what awaitFinal, get and an interruption made", () =>
    Effect.gen(function* () {
      const { heard } = yield* listening
      const payouts = yield* Payouts.Payouts
      const accepted = yield* create(requestOf())
      assert(accepted._tag === "Processing")
      yield* inVirtualTime(payouts.awaitFinal(accepted))
      yield* payouts.get(requestOf().handle)
      yield* script(Script.hangBeforeCommit)
      const call = yield* Effect.fork(payouts.create(requestOf({ handle: "prize-2" })))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(call)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(heard, [
        `${handle} Create 200 Processing Succeed`,
        `${handle} Lookup 200 Paid Succeed`,
        `${handle} Lookup 200 Paid Succeed`,
        "prize-2 Create Interrupted Interrupted"
      ])
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing({ after: "1 second" }) })))
  )

  it.effect("neither waits for a consumer that hangs nor fails with one that dies", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const hangs = yield* Effect.fork(Stream.runForEach(payouts.attempts, () => Effect.never))
      const dies = yield* Effect.fork(Stream.runForEach(payouts.attempts, () => Effect.dieMessage("a consumer")))
      yield* Effect.yieldNow()
      const end = yield* create(requestOf())
      assert.deepStrictEqual(story(end), ["Create 200 Paid -> Succeed"])
      assert.isTrue(Exit.isFailure(yield* Fiber.await(dies)))
      yield* Fiber.interrupt(hangs)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps the latest for a consumer that is too slow", () =>
    Effect.gen(function* () {
      const payouts = yield* Payouts.Payouts
      const late = attemptsWaitingMax + 10
      const seen = yield* Effect.fork(
        payouts.attempts.pipe(
          Stream.tap(({ handle }) => (handle === "first" ? Effect.sleep("1 hour") : Effect.void)),
          Stream.map(({ handle }) => handle),
          Stream.takeUntil((handle) => handle === `prize-${late}`),
          Stream.runCollect
        )
      )
      yield* Effect.yieldNow()
      yield* payouts.create(requestOf({ handle: "first" }))
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach(
        Array.from({ length: late }, (_, index) => index + 1),
        (number) => payouts.create(requestOf({ handle: `prize-${number}` }))
      )
      yield* TestClock.adjust("1 hour")
      const handles = Chunk.toReadonlyArray(yield* Fiber.join(seen))
      assert.deepStrictEqual(handles.slice(0, 2), ["first", "prize-11"])
      assert.strictEqual(handles.length, 1 + attemptsWaitingMax)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("ends with the service, and at once when the service has ended", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const payouts = yield* Scope.extend(Payouts.make(), scope)
      const seen = yield* Effect.fork(Stream.runCollect(payouts.attempts))
      yield* Effect.yieldNow()
      yield* payouts.create(requestOf())
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(seen)).length, 1)
      assert.strictEqual((yield* Stream.runCollect(payouts.attempts)).length, 0)
    }).pipe(Effect.provide(layer()))
  )
})
