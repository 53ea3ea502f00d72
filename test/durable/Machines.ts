/** Machines with one store between them, in memory: each can be killed at a named step, and then does nothing more. */
import {
  ClusterError,
  ClusterWorkflowEngine,
  Message,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig
} from "@effect/cluster"
import type { Rpc } from "@effect/rpc"
import type { WorkflowEngine } from "@effect/workflow"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { type BillwerkClient, Handle, Payouts } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as RetryingMessageStorage from "../../src/durable/RetryingMessageStorage.js"

/**
 * A step of the engine: `Request send/1` stores that an activity is to run, `Reply send/1` what it came to, and `Look hint/1` looks
 * whether there was a hint.
 */
export interface Death {
  readonly step: string
  /**
   * Whether the step itself is still stored. `Outage`: no death, but the store fails some times, and is well again; `Defect`:
   * it dies of it, twice. `Held`: no death either, but this step never ends.
   */
  readonly when: "Before" | "After" | "Outage" | "Defect" | "Held"
}

const another = Handle.Handle.make("another-payout")

type Store = Context.Context<MessageStorage.MessageStorage | RunnerStorage.RunnerStorage>

const config = ShardingConfig.layer({
  entityMessagePollInterval: "20 millis",
  entityReplyPollInterval: "20 millis",
  entityTerminationTimeout: "1 second",
  refreshAssignmentsInterval: "20 millis"
})

/** What outlives the machines. */
export const store: Effect.Effect<Store, never, Scope.Scope> = Layer.build(
  Layer.mergeAll(MessageStorage.layerMemory, RunnerStorage.layerMemory).pipe(Layer.provide(config))
)

/** Whether the machine has had an answer of the provider's before, which tells how far its clock is from the provider's. */
export type ClockIs = "Measured" | "NotMeasured"

/** A machine that runs durable payouts until it dies. */
export const start = (
  store: Store,
  death: Death | undefined,
  options: PayoutWorkflow.Options = {},
  clock: ClockIs = "Measured"
): Effect.Effect<
  {
    readonly context: Context.Context<WorkflowEngine.WorkflowEngine>
    readonly steps: ReadonlyArray<string>
    /** Ends it in order, as a deploy does. */
    readonly stop: Effect.Effect<void>
  },
  never,
  BillwerkClient.BillwerkClient | Scope.Scope
> =>
  Effect.gen(function* () {
    // What is killed is not asked to finish first; only when the test is over it is cleared away, and nobody waits for it.
    const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Effect.forkDaemon(Scope.close(made, Exit.void)))
    const mortal = mortalStorage(Context.get(store, MessageStorage.MessageStorage), death)
    const engine = ClusterWorkflowEngine.layer.pipe(
      Layer.provideMerge(Sharding.layer),
      Layer.provide(Runners.layerNoop),
      Layer.provideMerge(Layer.succeed(MessageStorage.MessageStorage, RetryingMessageStorage.steady(mortal.storage))),
      Layer.provide(Layer.succeed(RunnerStorage.RunnerStorage, Context.get(store, RunnerStorage.RunnerStorage))),
      Layer.provide([RunnerHealth.layerNoop, config])
    )
    const context = yield* PayoutWorkflow.layerWith(options).pipe(
      Layer.provideMerge(Payouts.layer),
      Layer.provideMerge(engine),
      Layer.buildWithScope(scope)
    )
    if (clock === "Measured") yield* Effect.ignore(Context.get(context, Payouts.Payouts).get(another))
    return { context, steps: mortal.steps, stop: Scope.close(scope, Exit.void) }
  })

const mortalStorage = (storage: MessageStorage.MessageStorage["Type"], death: Death | undefined) => {
  let isDead = false
  let failures = 0
  const steps: Array<string> = []

  const step = <A, E, R>(
    name: string,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | ClusterError.PersistenceError, R> =>
    Effect.suspend((): Effect.Effect<A, E | ClusterError.PersistenceError, R> => {
      if (isDead) return Effect.never
      steps.push(name)
      if (death?.step !== name) return effect
      if (death.when === "Outage") {
        failures += 1
        return failures > 6 ? effect : new ClusterError.PersistenceError({ cause: "the database is away" })
      }
      if (death.when === "Defect") {
        failures += 1
        return failures > 2 ? effect : Effect.dieMessage("the store is broken")
      }
      if (death.when === "Held") return Effect.never
      isDead = true
      return death.when === "Before" ? Effect.never : Effect.zipRight(effect, Effect.never)
    })

  const nameOf = (envelope: { readonly tag: string; readonly payload: unknown }) => {
    const { payload, tag } = envelope
    const isNamed = typeof payload === "object" && payload !== null && "name" in payload
    return isNamed ? String(payload.name) : tag
  }

  // An answer is given to the message that it answers.
  const mortalMessage = (message: Message.Incoming<Rpc.Any>): Message.Incoming<Rpc.Any> =>
    message._tag === "IncomingRequest"
      ? new Message.IncomingRequest({
          ...message,
          respond: (reply) => step(`Reply ${nameOf(message.envelope)}`, message.respond(reply))
        })
      : message
  const alive = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.suspend(() => (isDead ? Effect.never : effect))

  const mortal: MessageStorage.MessageStorage["Type"] = {
    ...storage,
    saveRequest: (message) => step(`Request ${nameOf(message.envelope)}`, storage.saveRequest(message)),
    unprocessedMessages: (shards) =>
      alive(Effect.map(storage.unprocessedMessages(shards), (messages) => messages.map(mortalMessage))),
    unprocessedMessagesById: (ids) =>
      alive(Effect.map(storage.unprocessedMessagesById(ids), (messages) => messages.map(mortalMessage))),
    requestIdForPrimaryKey: (key) => step(`Look ${key.id}`, storage.requestIdForPrimaryKey(key)),
    repliesFor: (messages) => alive(storage.repliesFor(messages)),
    repliesForUnfiltered: (ids) => alive(storage.repliesForUnfiltered(ids))
  }
  return { storage: mortal, steps }
}
