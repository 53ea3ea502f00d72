import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Duration, Effect, Exit, Layer, Redacted, Schedule, Schema, TestClock } from "effect"
import { BillwerkClient, PayoutError, PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { layer } from "./support.js"

const request = requestOf()
const moved = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ ledger }) => ledger),
  (ledger) => Ledger.moved(ledger, request.handle)
)
const creates = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) => exchanges),
  (exchanges) => exchanges.filter(({ kind }) => kind === "Create").length
)

/** The end of the payout after a time; who waits for it asks every half a minute, and that costs more than all the rest. */
const later = (after: Duration.DurationInput) =>
  Effect.gen(function* () {
    const id = yield* PayoutWorkflow.submit(request)
    yield* inVirtualTime(Effect.sleep(after))
    const result = yield* PayoutWorkflow.poll(id)
    assert(result?._tag === "Complete")
    return yield* result.exit
  })

/** As an error comes back from a store. */
const reread = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Effect.flatMap(Schema.encode(Schema.parseJson(schema))(value), Schema.decode(Schema.parseJson(schema)))

type Engine = WorkflowEngine.WorkflowEngine["Type"]

/** The engine in memory, with some of its parts exchanged; the workflows that it runs have it, too. */
const engineWith = (parts: (engine: Engine, self: () => Engine) => Partial<Engine>) =>
  Layer.effect(
    WorkflowEngine.WorkflowEngine,
    Effect.map(WorkflowEngine.WorkflowEngine, (engine) => {
      const self: Engine = {
        ...engine,
        register: (workflow, execute) =>
          engine.register(workflow, (payload, id) =>
            Effect.provideService(execute(payload, id), WorkflowEngine.WorkflowEngine, self)
          ),
        ...parts(engine, () => self)
      }
      return self
    })
  ).pipe(Layer.provide(WorkflowEngine.layerMemory))

/** An engine that runs `send/1` twice, and forgets what came of the first time. */
const forgetful = (after: Effect.Effect<void>) =>
  engineWith((engine, self) => ({
    activityExecute: (activity, attempt) =>
      activity.name !== "send/1"
        ? engine.activityExecute(activity, attempt)
        : Effect.suspend(() =>
            Effect.ignore(Effect.scoped(activity.execute)).pipe(
              Effect.zipRight(after),
              Effect.zipRight(engine.activityExecute(activity, attempt)),
              Effect.zipLeft(after),
              Effect.provideService(WorkflowEngine.WorkflowEngine, self())
            )
          )
  }))

describe("A durable payout", () => {
  it.effect("is paid, once, however often it is asked for", () =>
    Effect.gen(function* () {
      const [one, other] = yield* inVirtualTime(
        Effect.all([PayoutWorkflow.execute(request), PayoutWorkflow.execute(request)], { concurrency: 2 })
      )
      assert.strictEqual(one._tag, "Paid")
      assert.deepStrictEqual(other, one)
      assert.deepStrictEqual(yield* inVirtualTime(PayoutWorkflow.execute(request)), one)
      assert.deepStrictEqual([yield* moved, yield* creates], [12_500, 1])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is settled by polls, with growing gaps", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const outcome = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual([outcome._tag, outcome.certainty], ["Paid", "Moved"])
      const [lookup, create, ...polls] = (yield* sandbox.exchanges).map(({ started }) => started.epochMillis / 1000)
      assert.deepStrictEqual([lookup, create], [0, 0])
      assert.deepStrictEqual(polls, [10, 30, 70, 150, 310])
      assert.deepStrictEqual(
        outcome.attempts.map(({ outcome }) => outcome),
        ["NotFound", "Processing", "Paid"]
      )
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing({ after: "5 minutes" }) })))
  )

  it.effect("is settled at once when a hint comes, and a hint too many is only a lookup", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      yield* inVirtualTime(Effect.sleep("1 minute"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("1 second"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("2 seconds"))
      const result = yield* PayoutWorkflow.poll(id)
      assert(result?._tag === "Complete")
      assert.strictEqual((yield* result.exit)._tag, "Paid")
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() })))
  )

  it.effect("is looked up a few times in a flood of hints, and is still woken by a later one", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      yield* inVirtualTime(Effect.sleep("1 hour"))
      const before = (yield* sandbox.exchanges).length
      const flood = Effect.repeatN(Effect.zipRight(PayoutWorkflow.hint(id), Effect.sleep("46 millis")), 149)
      yield* inVirtualTime(flood)
      // At once, and then after 2 and 4 s.
      assert.strictEqual((yield* sandbox.exchanges).length - before, 3)
      yield* inVirtualTime(Effect.sleep("1 minute"))
      assert.isAtMost((yield* sandbox.exchanges).length - before, 5)
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("1 minute"))
      const result = yield* PayoutWorkflow.poll(id)
      assert(result?._tag === "Complete")
      assert.strictEqual((yield* result.exit)._tag, "Paid")
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() })))
  )

  it.effect("is looked up once a minute at most where hints do not stop", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      yield* inVirtualTime(Effect.sleep("10 minutes"))
      const before = (yield* sandbox.exchanges).length
      yield* inVirtualTime(Effect.repeatN(Effect.zipRight(PayoutWorkflow.hint(id), Effect.sleep("20 seconds")), 29))
      const asked = (yield* sandbox.exchanges).slice(before).map(({ started }) => started.epochMillis)
      assert.isAtLeast(asked.length, 12)
      assert.isAtMost(asked.length, 16)
      asked.slice(10).forEach((at, index) => assert.isAtLeast(at - (asked[index + 9] ?? 0), 60_000))
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("1 minute"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Complete")
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() })))
  )

  it.effect("spends nothing of its schedule on hints", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      for (let count = 0; count < 5; count++) {
        yield* inVirtualTime(Effect.sleep("2 minutes"))
        yield* PayoutWorkflow.hint(id)
      }
      yield* inVirtualTime(Effect.sleep("1 minute"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
      yield* inVirtualTime(Effect.sleep("2 hours"))
      const result = yield* PayoutWorkflow.poll(id)
      assert(result?._tag === "Complete")
      assert.strictEqual((yield* result.exit)._tag, "Processing")
      assert.strictEqual((yield* sandbox.exchanges).length, 2 + 5 + 2)
    }).pipe(
      Effect.provide(
        layer({ outcome: Acquirer.processing() }, { pollSchedule: Schedule.fromDelays("1 hour", "1 hour") })
      )
    )
  )

  it.effect("is woken by the next hint where an earlier one was stored and did not wake it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const id = yield* PayoutWorkflow.submit(request)
      yield* inVirtualTime(Effect.sleep("1 hour"))
      yield* sandbox.settle(request.handle, Acquirer.paid)
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("2 seconds"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Suspended")
      yield* PayoutWorkflow.hint(id)
      yield* inVirtualTime(Effect.sleep("2 seconds"))
      assert.strictEqual((yield* PayoutWorkflow.poll(id))?._tag, "Complete")
    }).pipe(
      Effect.provide(
        PayoutWorkflow.layer.pipe(
          Layer.provide(Payouts.layer),
          Layer.provideMerge(silent),
          Layer.provideMerge(Sandbox.layerWith({ outcome: Acquirer.processing() }))
        )
      )
    )
  )

  it.effect("ends as what it is when it is not settled in time: processing", () =>
    Effect.gen(function* () {
      const outcome = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual([outcome._tag, outcome.certainty], ["Processing", "MayHaveMoved"])
    }).pipe(
      Effect.provide(
        layer({ outcome: Acquirer.processing() }, { pollSchedule: Schedule.fromDelays("1 minute", "1 hour") })
      )
    )
  )

  it.effect("that was processing and is declined for good says that no money has moved", () =>
    Effect.gen(function* () {
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      assert.deepStrictEqual([error._tag, error.certainty], ["HardDeclined", "NotMoved"])
      assert.strictEqual(yield* creates, 1)
    }).pipe(
      Effect.provide(layer({ outcome: Acquirer.processing({ after: "5 minutes", as: Acquirer.hardDeclined() }) }))
    )
  )

  it.effect("that is declined for good is never sent again, and its error survives a store", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hardDeclined("credit_card_expired"))
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      const again = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      assert.deepStrictEqual(again, error)
      assert(error._tag === "HardDeclined")
      assert.deepStrictEqual([error.certainty, error.exposure], ["NotMoved", { min: 0, max: 0 }])
      const reborn = yield* reread(PayoutError.PayoutError, error)
      assert.instanceOf(reborn, PayoutError.HardDeclined)
      assert.deepStrictEqual(
        [reborn._tag, reborn.message, reborn.attempts],
        [error._tag, error.message, error.attempts]
      )
      assert.deepStrictEqual([yield* creates, yield* moved], [1, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("waits for 1 and 5 minutes after processing errors, and gives up after three", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      assert.deepStrictEqual(
        [error._tag, error.certainty, error.exposure],
        ["ProcessingError", "MayHaveMoved", { min: 0, max: 37_500 }]
      )
      const sent = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create")
      assert.deepStrictEqual(
        sent.map(({ started }) => started.epochMillis),
        [0, 60_000, 360_000]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts the processing errors that others have caused: they are on the provider's record", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.processingError().pipe(Script.onCreate))
      const others = yield* anotherProcess({ policy: RetryPolicy.make({ processingError: Schedule.recurs(1) }) })
      yield* Effect.flip(others.create(request))
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      assert.strictEqual(error._tag, "ProcessingError")
      assert.strictEqual(yield* creates, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not taken for failed by a poll that lags behind, and shows an earlier attempt (29)", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(
        Script.processingError().pipe(Script.onCreate),
        Script.processing({ after: "15 seconds" }).pipe(Script.onCreate),
        Script.times(3)(Script.onLookup(Script.normal)),
        Script.staleRead
      )
      const end = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual([end._tag, yield* creates, yield* sandbox.scriptLeft], ["Paid", 2, 0])
      const asked = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Lookup")
      assert.deepStrictEqual(
        asked.map(({ started }) => started.epochMillis),
        [0, 60_000, 60_000, 70_000, 90_000]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is paid when a processing error is followed by a success", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.processingError().pipe(Script.onCreate))
      const outcome = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual([outcome._tag, outcome.exposure], ["Paid", { min: 12_500, max: 25_000 }])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is sent again after a soft decline only if the policy says so, and then as often as it says", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.softDeclined().pipe(Script.onCreate))
      const error = yield* Effect.flip(later("4 hours"))
      assert.deepStrictEqual([error._tag, error.certainty], ["SoftDeclined", "NotMoved"])
      assert.strictEqual(yield* creates, 3)
    }).pipe(
      Effect.provide(
        layer({}, { policy: RetryPolicy.make({ softDeclined: Schedule.fromDelays("1 hour", "2 hours") }) })
      )
    )
  )

  it.effect("outlasts an outage of hours", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal.pipe(Script.onLookup))
      yield* sandbox.always(Script.status(503))
      yield* PayoutWorkflow.submit(request)
      yield* inVirtualTime(Effect.sleep("90 minutes"))
      yield* sandbox.clear
      const outcome = yield* later("3 hours")
      assert.strictEqual(outcome._tag, "Paid")
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "whose every answer since its first create is lost ends as money that may have moved, where it does not pause",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(Script.normal.pipe(Script.onLookup))
        yield* sandbox.always(Script.dropBeforeCommit)
        const error = yield* Effect.flip(later("8 hours"))
        assert.deepStrictEqual([error._tag, error.certainty], ["CommunicationError", "MayHaveMoved"])
        const exchanges = yield* sandbox.exchanges
        assert.strictEqual(error.attempts.length, exchanges.length)
        assert.deepStrictEqual(error.exposure, { min: 0, max: 12_500 * (yield* creates) })
        assert.strictEqual(yield* creates, 1)
        const last = exchanges.at(-1)?.started.epochMillis ?? 0
        assert.isAbove(last, Duration.toMillis("7 hours"))
      }).pipe(Effect.provide(layer({}, { pauseSchedule: Schedule.stop })))
  )

  it.effect("whose every answer is lost, that of its first lookup too, sends nothing and says that nothing moved", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.dropAfterCommit)
      const error = yield* Effect.flip(later("8 hours"))
      assert.deepStrictEqual([error._tag, error.certainty], ["CommunicationError", "NotMoved"])
      assert.deepStrictEqual([yield* creates, yield* moved], [0, 0])
    }).pipe(Effect.provide(layer({}, { pauseSchedule: Schedule.stop })))
  )

  it.effect("with another amount under the same handle is a conflict, and never the first one's result", () =>
    Effect.gen(function* () {
      const other = requestOf({ amount: 20_000 })
      assert.notStrictEqual(yield* PayoutWorkflow.executionId(request), yield* PayoutWorkflow.executionId(other))
      const first = yield* inVirtualTime(PayoutWorkflow.execute(request))
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(other)))
      assert.deepStrictEqual([first._tag, error._tag], ["Paid", "HandleConflict"])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("with another amount at the same time: one is paid, the other a conflict", () =>
    Effect.gen(function* () {
      const ends = yield* inVirtualTime(
        Effect.forEach(
          [request, requestOf({ amount: 20_000 })],
          (one) => Effect.match(PayoutWorkflow.execute(one), { onSuccess: (a) => a._tag, onFailure: (e) => e._tag }),
          { concurrency: 2 }
        )
      )
      assert.deepStrictEqual([...ends].sort(), ["HandleConflict", "Paid"])
    }).pipe(Effect.provide(layer({ latency: "1 second" })))
  )
})

describe.each([
  ["never ends", Effect.uninterruptible(Effect.async<never>(() => {}))],
  ["dies", Effect.dieMessage("the schedule is broken")]
] as const)("A schedule of a durable payout whose step %s", (_, step) => {
  const schedule = Schedule.makeWithState(undefined, () => step)

  it.effect("is at its end: a failure that it was asked about is final", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.normal.pipe(Script.onLookup))
      yield* sandbox.always(Script.dropBeforeCommit)
      const error = yield* inVirtualTime(Effect.flip(PayoutWorkflow.execute(request)))
      assert.deepStrictEqual([error._tag, error.certainty], ["CommunicationError", "MayHaveMoved"])
      assert.strictEqual(yield* creates, 1)
    }).pipe(
      Effect.provide(layer({}, { policy: RetryPolicy.make({ communication: schedule }), pauseSchedule: Schedule.stop }))
    )
  )

  it.effect("is at its end: what is not settled by then is processing", () =>
    Effect.gen(function* () {
      const outcome = yield* inVirtualTime(PayoutWorkflow.execute(request))
      assert.deepStrictEqual([outcome._tag, outcome.certainty], ["Processing", "MayHaveMoved"])
    }).pipe(Effect.provide(layer({ outcome: Acquirer.processing() }, { pollSchedule: schedule })))
  )
})

describe("What is stored", () => {
  const stored = (one: PayoutRequest.PayoutRequest) =>
    Schema.encode(Schema.parseJson(PayoutWorkflow.DurableRequest))(one)

  it.effect("is no card token: it is refused before anything is stored or sent", () =>
    Effect.gen(function* () {
      const withToken = requestOf({ destination: Redacted.make("ct_0123456789abcdef"), customer: "cust-1" })
      for (const refused of [
        Effect.asVoid(PayoutWorkflow.execute(withToken)),
        Effect.asVoid(PayoutWorkflow.submit(withToken))
      ]) {
        const error = yield* Effect.flip<void, PayoutError.PayoutError, WorkflowEngine.WorkflowEngine>(refused)
        assert(error._tag === "InvalidRequest")
        assert.deepStrictEqual([error.field, error.certainty], ["destination", "NotMoved"])
        assert.notInclude(JSON.stringify(error) + error.message, "ct_0123456789abcdef")
      }
      const error = yield* Effect.flip(stored(withToken))
      assert.notInclude(error.message, "ct_0123456789abcdef")
      assert.strictEqual(yield* creates, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("are no personal data of a new customer", () =>
    Effect.gen(function* () {
      const refused = requestOf({ customer: { generateHandle: true, email: "winner@example.com" } })
      const error = yield* Effect.flip(PayoutWorkflow.execute(refused))
      assert(error._tag === "InvalidRequest")
      assert.strictEqual(error.field, "customer")
      assert.notInclude((yield* Effect.flip(stored(refused))).message, "winner@")
    }).pipe(Effect.provide(layer()))
  )
})

describe("A step that is run again in the same process", () => {
  it.effect("sends nothing, because the first run may have sent; the next step asks", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate))
      const seen: Array<number> = []
      const twice = forgetful(Effect.map(sandbox.exchanges, ({ length }) => void seen.push(length)))
      const outcome = yield* inVirtualTime(
        PayoutWorkflow.execute(request).pipe(
          Effect.provide(PayoutWorkflow.layer.pipe(Layer.provide(Payouts.layer), Layer.provideMerge(twice)))
        )
      )
      assert.deepStrictEqual([outcome._tag, outcome.certainty], ["Paid", "Moved"])
      assert.strictEqual(seen[0], seen[1])
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(Sandbox.layer))
  )
})

/** An engine that stores hints, and wakes nobody. */
const silent = engineWith((engine) => {
  const stored = new Map<string, Exit.Exit<unknown, unknown>>()
  return {
    deferredResult: (deferred) =>
      stored.has(deferred.name) ? Effect.succeed(Exit.void) : engine.deferredResult(deferred),
    deferredDone: (deferred, options) =>
      deferred.name.startsWith("hint/")
        ? Effect.sync(() => void stored.set(deferred.name, options.exit))
        : engine.deferredDone(deferred, options)
  }
})

/** An engine that begins `send/1` a minute late. */
const late = engineWith((engine) => ({
  activityExecute: (activity, attempt) =>
    Effect.zipRight(
      activity.name === "send/1" ? Effect.sleep("3 minutes") : Effect.void,
      engine.activityExecute(activity, attempt)
    )
}))

describe("A step that comes too late for its intent", () => {
  it.effect("sends nothing; the next one is stored anew, asks and sends", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const outcome = yield* inVirtualTime(
        PayoutWorkflow.execute(request).pipe(
          Effect.provide(PayoutWorkflow.layer.pipe(Layer.provide(Payouts.layer), Layer.provideMerge(late)))
        )
      )
      assert.deepStrictEqual([outcome._tag, outcome.exposure.max], ["Paid", 12_500])
      const exchanges = yield* sandbox.exchanges
      assert.deepStrictEqual(
        exchanges.map(({ kind, started }) => [kind, started.epochMillis]),
        [
          ["Lookup", 180_000],
          ["Create", 180_000]
        ]
      )
    }).pipe(Effect.provide(Sandbox.layer))
  )
})

describe("A step that dies of a defect while its create is under way", () => {
  const broken = Layer.effect(
    BillwerkClient.BillwerkClient,
    Effect.map(BillwerkClient.BillwerkClient, (client) => ({
      ...client,
      create: (one: PayoutRequest.PayoutRequest) =>
        Effect.zipRight(client.create(one), Effect.dieMessage("the host's client is broken"))
    }))
  )

  it.effect("is run again after a wait, and each create counts once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.dropBeforeCommit.pipe(Script.onCreate))
      const policy = RetryPolicy.make({ communication: Schedule.recurs(1) })
      const error = yield* inVirtualTime(
        Effect.flip(PayoutWorkflow.execute(request)).pipe(
          Effect.provide(
            PayoutWorkflow.layerWith({ policy, pauseSchedule: Schedule.stop }).pipe(
              Layer.provide(Payouts.layer),
              Layer.provide(broken),
              Layer.provideMerge(WorkflowEngine.layerMemory)
            )
          )
        )
      )
      assert.deepStrictEqual([error._tag, error.exposure], ["CommunicationError", { min: 0, max: 25_000 }])
      assert.strictEqual(yield* creates, 2)
    }).pipe(Effect.provide(Sandbox.layer))
  )
})

describe("A sweep", () => {
  it.effect("submits what was never stored, and leaves alone what is done", () =>
    Effect.gen(function* () {
      const first = yield* PayoutWorkflow.sweep([request])
      yield* TestClock.adjust("1 second")
      const second = yield* PayoutWorkflow.sweep([request])
      assert.deepStrictEqual(
        [first, second].map(([one]) => one?.status === "Complete"),
        [false, true]
      )
      assert.strictEqual(yield* creates, 1)
    }).pipe(Effect.provide(layer()))
  )
})
