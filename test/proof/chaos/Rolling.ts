/**
 * Processes that come and go, as in deploys, while payouts stream in: 1, 3, 2 and 1 at once, ended by SIGTERM and by
 * SIGKILL. The question is how long the slowest payout takes.
 */
import { Clock, Context, Effect, Fiber, Layer, Queue, Schedule, type Scope } from "effect"
import { PayoutRequest } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as PostgresEngine from "effect-billwerk-payouts/PostgresEngine"
import Pg from "pg"
import { destination } from "../../support.js"
import * as Database from "./Database.js"
import { bundle, type Machine, type Reported, start } from "./Machines.js"

export interface Plan {
  readonly rounds: number
  /** New payouts a second. Every other one is processing for a while, and a hint says when it is final. */
  readonly perSecond: number
  /** How long a shard belongs to a process that shows no sign of life, in milliseconds. */
  readonly lease: number
  /** How long each number of processes runs, in milliseconds. */
  readonly stay: number
}

export interface Summary {
  /** Milliseconds from submit to end, in ascending order. */
  readonly took: ReadonlyArray<number>
  readonly doubled: number
}

/**
 * How long a payout may take beyond the lease, in milliseconds, on a busy machine: the others see the death, take the
 * shards over, read what was claimed, and look the payout up.
 */
export const recoveryMax = 13_000

const processing = 2

const provider = SandboxServer.layer.pipe(
  Layer.orDie,
  Layer.provideMerge(
    Layer.effect(
      Sandbox.Sandbox,
      Sandbox.make({
        testAmounts: false,
        latency: "20 millis",
        outcome: ({ amount }) => (amount === processing ? Acquirer.processing() : Acquirer.paid)
      })
    )
  )
)

/** A process that submits payouts and waits for them, and runs none. */
const submitter = (url: string) =>
  Layer.orDie(
    PostgresEngine.layer({
      pool: Effect.acquireRelease(
        Effect.sync(() => new Pg.Pool({ connectionString: url, max: 8 })),
        (pool) => Effect.promise(() => pool.end())
      ),
      submitOnly: true
    })
  )

const pay = Effect.fn(function* (sandbox: Sandbox.Service, index: number) {
  const amount = index % 2 === 0 ? processing : processing + 1
  const request = yield* Effect.orDie(
    PayoutRequest.make({ handle: `pay-${index}`, destination, amount, currency: "DKK" })
  )
  const began = yield* Clock.currentTimeMillis
  const executionId = yield* Effect.orDie(PayoutWorkflow.submit(request))
  if (amount === processing) {
    // As soon as the provider has it: the workflow is about to wait.
    yield* sandbox
      .settle(request.handle, Acquirer.paid)
      .pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.sandbox, Effect.ignore)
    yield* PayoutWorkflow.hint(executionId)
  }
  // `execute` would look again only after a while, if the payout once had to wait.
  yield* PayoutWorkflow.poll(executionId).pipe(
    Effect.repeat({ until: (result) => result?._tag === "Complete", schedule: Schedule.spaced("200 millis") })
  )
  return (yield* Clock.currentTimeMillis) - began
})

export const run = (url: string, plan: Plan): Effect.Effect<Summary, never, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Database.postgres(url, plan.lease)
    const store = yield* database.store
    if (store._tag !== "Postgres") return yield* Effect.dieMessage("PostgreSQL only")
    const context = yield* Layer.build(provider)
    const sandbox = Context.get(context, Sandbox.Sandbox)
    const setup = {
      store,
      provider: Context.get(context, SandboxServer.SandboxServer).url,
      client: "library",
      isRestored: false,
      mustAssess: false
    } as const
    const program = yield* bundle(".")
    const reports = yield* Queue.sliding<Reported>(1)
    const engage = (name: string) => Effect.tap(start(program, name, setup, reports), ({ ready }) => ready)

    const first = yield* engage("first")
    const engine = yield* Layer.build(submitter(store.url))
    const paying: Array<Fiber.RuntimeFiber<number>> = []
    const stream = yield* Effect.suspend(() => Effect.forkDaemon(pay(sandbox, paying.length))).pipe(
      Effect.tap((fiber) => Effect.sync(() => paying.push(fiber))),
      Effect.repeat(Schedule.fixed(1000 / plan.perSecond)),
      Effect.provide(engine),
      Effect.fork
    )
    let only: Machine = first
    for (let round = 0; round < plan.rounds; round++) {
      yield* Effect.sleep(plan.stay)
      const [second, third] = yield* Effect.all([engage(`second-${round}`), engage(`third-${round}`)])
      yield* Effect.sleep(plan.stay)
      yield* only.signal("SIGTERM")
      yield* only.gone
      yield* Effect.sleep(plan.stay)
      yield* second.signal("SIGKILL")
      yield* second.gone
      only = third
    }
    yield* Effect.sleep(plan.stay)
    yield* Fiber.interrupt(stream)
    const took = yield* Effect.forEach(paying, Fiber.join)
    return {
      took: took.sort((one, other) => one - other),
      doubled: Ledger.movedTwice(yield* sandbox.ledger).length
    }
  })
