/** A payout that has ended and is taken up again: it asks first, sends only what may be sent, and no earlier end is told any more. */
import { assert, describe, it } from "@effect/vitest"
import { Activity, DurableClock, Workflow } from "@effect/workflow"
import { Effect, Exit, Layer, Schedule, Schema } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { start, store } from "./Machines.js"
import { layer } from "./support.js"

const request = requestOf()
const sandboxed = Effect.flatMap(Sandbox.Sandbox, Effect.succeed)
const creates = Effect.flatMap(sandboxed, ({ exchanges }) =>
  Effect.map(exchanges, (all) => all.filter(({ kind }) => kind === "Create").length)
)
const moved = Effect.flatMap(sandboxed, ({ ledger }) =>
  Effect.map(ledger, (ledger) => Ledger.moved(ledger, request.handle))
)
const pass = (duration: Parameters<typeof Effect.sleep>[0]) => inVirtualTime(Effect.sleep(duration))

/** What `poll` says of a payout. */
const told = Effect.fn(function* (one = request) {
  const result = yield* PayoutWorkflow.poll(yield* PayoutWorkflow.executionId(one))
  if (result?._tag !== "Complete") return [result?._tag ?? "None"]
  const { _tag, certainty, exposure } = yield* Effect.merge(result.exit)
  return [_tag, certainty, exposure.min, exposure.max]
})

const ended = (options: PayoutWorkflow.Options = {}, sandbox: Sandbox.Options = {}) =>
  layer(sandbox, { pauseSchedule: Schedule.stop, policy: RetryPolicy.none, ...options })

describe("PayoutWorkflow.retry (D18)", () => {
  it.effect.each([
    ["a key that was refused", Script.apiError({ status: 401, code: 1 }), "RequestRejected"],
    ["a payment method that was not allowed", Script.apiError({ status: 400, code: 135 }), "PaymentMethodNotAllowed"],
    ["a rate limit", Script.apiError({ status: 429, code: 122 }), "RateLimited"],
    ["a soft decline", Script.softDeclined(), "SoftDeclined"],
    ["an outage", Script.dropBeforeCommit, "CommunicationError"]
  ] as const)("pays after %s, once, and asks first", ([, step, tag]) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(step.pipe(Script.onCreate))
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.strictEqual((yield* told())[0], tag)
      yield* sandbox.clear
      const before = (yield* sandbox.exchanges).length
      assert.deepStrictEqual(yield* PayoutWorkflow.retry(request), { executionId: id, status: "Reopened" })
      yield* pass("1 second")
      assert.strictEqual((yield* told())[0], "Paid")
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).slice(before).map(({ kind }) => kind),
        ["Lookup", "Create"]
      )
      assert.strictEqual(yield* moved, 12_500)
      assert.deepStrictEqual(yield* PayoutWorkflow.retry(request), { executionId: id, status: "Final" })
      // Whoever waits for it, or submits it anew, gets the same.
      const again = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.strictEqual(again._tag, "Paid")
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(ended()))
  )

  it.effect("finds out that the payout was paid meanwhile, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.apiError({ status: 401, code: 1 }).pipe(Script.onCreate))
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      const other = yield* anotherProcess()
      yield* other.create(request)
      yield* PayoutWorkflow.retry(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["Paid", "Moved", 12_500, 12_500])
      assert.deepStrictEqual([yield* creates, yield* moved], [2, 12_500])
    }).pipe(Effect.provide(ended()))
  )

  it.effect("grants one more create after processing errors, each time, and counts what each may have moved", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.processingError({ moved: true }).pipe(Script.onCreate))
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["ProcessingError", "MayHaveMoved", 0, 12_500])
      for (const nth of [2, 3]) {
        assert.strictEqual((yield* PayoutWorkflow.retry(request)).status, "Reopened")
        yield* pass("1 second")
        assert.deepStrictEqual(yield* told(), ["ProcessingError", "MayHaveMoved", 0, nth * 12_500])
        assert.deepStrictEqual([yield* creates, yield* moved], [nth, nth * 12_500])
      }
    }).pipe(Effect.provide(ended()))
  )

  it.effect("never sends again after a hard decline", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hardDeclined())
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.strictEqual((yield* PayoutWorkflow.retry(request)).status, "Final")
      yield* pass("1 hour")
      assert.deepStrictEqual(yield* told(), ["HardDeclined", "NotMoved", 0, 0])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(ended()))
  )

  it.effect("is one, however many ask for it at once, and none while the payout is under way", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined())
      yield* PayoutWorkflow.submit(request)
      assert.strictEqual((yield* PayoutWorkflow.retry(request)).status, "Underway")
      yield* pass("1 second")
      yield* Effect.all(
        Array.from({ length: 5 }, () => PayoutWorkflow.retry(request)),
        { concurrency: 5 }
      )
      yield* pass("1 second")
      assert.deepStrictEqual([yield* told(), yield* creates], [["Paid", "Moved", 12_500, 12_500], 2])
    }).pipe(Effect.provide(ended({}, { latency: "100 millis" })))
  )

  it.effect("goes on watching what was processing for longer than the schedule", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* PayoutWorkflow.submit(request)
      yield* pass("3 minutes")
      assert.strictEqual((yield* told())[0], "Processing")
      yield* PayoutWorkflow.retry(request)
      yield* pass("1 second")
      assert.strictEqual((yield* told())[0], "Suspended")
      // Hints find the execution that goes on, by the id of the first one.
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.hint(yield* PayoutWorkflow.executionId(request))
      yield* pass("1 second")
      assert.deepStrictEqual([yield* told(), yield* creates], [["Paid", "Moved", 12_500, 12_500], 1])
    }).pipe(
      Effect.provide(ended({ pollSchedule: Schedule.fromDelays("1 minute") }, { outcome: Acquirer.processing() }))
    )
  )

  it.effect("keeps the attempts of all executions", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined())
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      yield* PayoutWorkflow.retry(request)
      const outcome = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual(
        outcome.attempts.map(({ kind, ordinal, outcome }) => [ordinal, kind, outcome]),
        [
          [1, "Lookup", "NotFound"],
          [2, "Create", "SoftDeclined"],
          [3, "Lookup", "SoftDeclined"],
          [4, "Create", "Paid"]
        ]
      )
    }).pipe(Effect.provide(ended()))
  )
})

describe("PayoutWorkflow.assess", () => {
  /** The first lookup finds nothing; the answers to the create and to the lookup after it are lost. */
  const answersLost = [
    Script.normal.pipe(Script.onLookup),
    Script.dropAfterCommit.pipe(Script.onCreate),
    Script.dropBeforeCommit.pipe(Script.onLookup)
  ]

  const lost = Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.normal.pipe(Script.onLookup))
    yield* sandbox.always(Script.dropBeforeCommit)
    yield* PayoutWorkflow.submit(request)
    yield* pass("1 second")
    yield* sandbox.clear
    assert.deepStrictEqual(yield* told(), ["CommunicationError", "MayHaveMoved", 0, 12_500])
  })

  it.effect("sends nothing, and ends a doubt once the horizon has passed", () =>
    Effect.gen(function* () {
      yield* lost
      assert.strictEqual((yield* PayoutWorkflow.assess(request)).status, "Reopened")
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["CommunicationError", "MayHaveMoved", 0, 12_500])
      yield* pass("7 hours")
      yield* PayoutWorkflow.assess(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["CommunicationError", "NotMoved", 0, 0])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(ended()))
  )

  it.effect("finds what was paid", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(...answersLost)
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      assert.strictEqual((yield* told())[1], "MayHaveMoved")
      yield* PayoutWorkflow.assess(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["Paid", "Moved", 12_500, 12_500])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(ended()))
  )

  it.effect("watches what it finds processing to its end, and does not send it again when it fails", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(...answersLost)
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      yield* PayoutWorkflow.assess(request)
      yield* pass("10 minutes")
      assert.strictEqual((yield* told())[0], "Suspended")
      yield* sandbox.settle(request.handle, Acquirer.softDeclined())
      yield* pass("2 hours")
      assert.deepStrictEqual(yield* told(), ["SoftDeclined", "NotMoved", 0, 0])
      assert.strictEqual(yield* creates, 1)
    }).pipe(
      Effect.provide(
        ended(
          { policy: { ...RetryPolicy.none, softDeclined: Schedule.spaced("10 hours") } },
          { outcome: Acquirer.processing() }
        )
      )
    )
  )

  it.effect("does not take another card's payment under the handle for its own", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined())
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      const other = requestOf({ destination: "ca_another" })
      yield* PayoutWorkflow.submit(other)
      yield* pass("1 second")
      assert.strictEqual((yield* told(other))[0], "Paid")
      yield* PayoutWorkflow.assess(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["HandleConflict", "NotMoved", 0, 0])
      yield* PayoutWorkflow.retry(request)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["HandleConflict", "NotMoved", 0, 0])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(ended()))
  )

  it.effect("pauses while the provider cannot be asked, and can be woken", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(...answersLost)
      const id = yield* PayoutWorkflow.submit(request)
      yield* pass("1 second")
      yield* sandbox.always(Script.apiError({ status: 503, code: 1 }))
      yield* PayoutWorkflow.assess(request)
      yield* pass("1 minute")
      assert.strictEqual((yield* told())[0], "Suspended")
      yield* sandbox.clear
      yield* PayoutWorkflow.wake(id)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* told(), ["Paid", "Moved", 12_500, 12_500])
    }).pipe(Effect.provide(ended({ pauseSchedule: Schedule.fromDelays("1 day") })))
  )

  it.effect("says that a final end without doubt needs none", () =>
    Effect.gen(function* () {
      yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.strictEqual((yield* PayoutWorkflow.assess(request)).status, "Final")
    }).pipe(Effect.provide(ended()))
  )
})

describe("The mark of a payout that is taken up", () => {
  it.scopedLive(
    "is stored before anything is sent, though the process that stores it hangs: no earlier end is told beside a payment",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(Script.softDeclined())
        const options = { pauseSchedule: Schedule.stop, policy: RetryPolicy.none }
        const machine = yield* start(yield* store, { step: "Reply reopened/1", when: "Held" }, options)
        yield* Effect.gen(function* () {
          const id = yield* PayoutWorkflow.submit(request)
          yield* Effect.sleep("1 second")
          yield* PayoutWorkflow.retry(request)
          yield* Effect.sleep("2 seconds")
          const result = yield* PayoutWorkflow.poll(id)
          const said = result?._tag === "Complete" ? yield* Effect.merge(result.exit) : undefined
          assert.deepStrictEqual([said?.certainty, yield* moved], ["NotMoved", 0])
        }).pipe(Effect.provide(machine.context))
      }).pipe(Effect.provide(Sandbox.layer))
  )
})

describe("A workflow of the host's", () => {
  /** It tells an end once, and hears it again an hour later. */
  const Host = Workflow.make({
    name: "Host",
    payload: { request: PayoutWorkflow.DurableRequest },
    success: Schema.Array(Schema.String),
    idempotencyKey: PayoutWorkflow.idempotencyKey
  })
  const heard: Array<string> = []
  const hosted = Host.toLayer(
    Effect.fn(function* ({ request }) {
      const { _tag } = yield* Effect.merge(PayoutWorkflow.execute(request))
      yield* Activity.make({ name: `told ${_tag}`, execute: Effect.sync(() => void heard.push(_tag)) })
      yield* DurableClock.sleep({ name: "later", duration: "1 hour", inMemoryThreshold: 0 })
      return [_tag, (yield* Effect.merge(PayoutWorkflow.execute(request)))._tag]
    })
  )

  it.effect("that runs again hears the end that it was told, although the payout was taken up since (D22)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined())
      const id = yield* Host.execute({ request }, { discard: true })
      yield* pass("1 minute")
      yield* PayoutWorkflow.retry(request)
      yield* pass("1 minute")
      assert.strictEqual((yield* told())[0], "Paid")
      yield* pass("2 hours")
      const result = yield* Host.poll(id)
      assert(result?._tag === "Complete" && Exit.isSuccess(result.exit))
      assert.deepStrictEqual([result.exit.value, heard], [["SoftDeclined", "SoftDeclined"], ["SoftDeclined"]])
    }).pipe(Effect.provide(hosted.pipe(Layer.provideMerge(ended()))))
  )

  it.effect("that begins after the payout was taken up hears the latest end", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.softDeclined())
      yield* PayoutWorkflow.submit(request)
      yield* pass("1 minute")
      yield* PayoutWorkflow.retry(request)
      const id = yield* Host.execute({ request }, { discard: true })
      yield* Effect.repeatN(pass("1 minute"), 180)
      const result = yield* Host.poll(id)
      assert(result?._tag === "Complete" && Exit.isSuccess(result.exit))
      assert.deepStrictEqual(result.exit.value, ["Paid", "Paid"])
    }).pipe(Effect.provide(hosted.pipe(Layer.provideMerge(ended()))))
  )
})
