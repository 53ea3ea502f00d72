/**
 * The simulated provider, for tests of payment workflows. It has the rules of the real one, a script for failures on
 * the way, and a ledger that knows what really happened to the money. It takes the time from Effect's `Clock`, so a
 * test's clock drives it, and nothing in it is random.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as BillwerkClient from "../provider/BillwerkClient.js"
import * as RequestLimits from "../provider/RequestLimits.js"
import { type Change, Changes } from "./Changes.js"
import type { Delivery } from "./Delivery.js"
import type { Exchange } from "./Exchange.js"
import type { Incoming } from "./Incoming.js"
import * as InMemory from "./InMemory.js"
import type * as Ledger from "./Ledger.js"
import type * as Acquirer from "./Acquirer.js"
import type { SandboxState } from "./SandboxState.js"
import { apiKey, type Customer, defaults, type PaymentMethod, type Rules } from "./Rules.js"
import type { Step } from "./Script.js"
import { Simulation } from "./Simulation.js"

export { inVirtualTime, type Options as VirtualTimeOptions } from "./VirtualTime.js"
export type { Change } from "./Changes.js"
export type { Deed, Exchange } from "./Exchange.js"
export type { Past, PastPayout, PastTransaction } from "./History.js"
export {
  type Agreement,
  apiKey,
  type Attempted,
  type Customer,
  type PaymentMethod,
  type Rules,
  type WebhookSettings
} from "./Rules.js"

/**
 * The options of a sandbox. Every switch has a default: see `Rules`.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = Partial<Rules>

/**
 * The handle has no processing payout to settle.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotProcessing extends Data.TaggedError("NotProcessing")<{ readonly handle: string }> {
  override get message(): string {
    return `The sandbox has no payout ${this.handle} that is processing, so there is nothing to settle.`
  }
}

/**
 * A step that is still to come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scripted {
  /** What it consists of: see `Script.Parts`. */
  readonly parts: Step["parts"]
  /** For how many exchanges. */
  readonly left: number
}

/**
 * What a test does with the sandbox: arrange failures, look at the ledger, settle payouts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Appends steps. Each step is for the next exchange that it matches. An exchange without a matching step gets the
   * standing steps of `always`, or else the provider's rules.
   */
  readonly script: (...steps: ReadonlyArray<Step>) => Effect.Effect<void>
  /** How many exchanges the script still has steps for: 0 when all that a test arranged has happened. */
  readonly scriptLeft: Effect.Effect<number>
  /** Replaces the standing steps, for each exchange without a step in the script. Without steps, it removes them. */
  readonly always: (...steps: ReadonlyArray<Step>) => Effect.Effect<void>
  /** The steps of the script that are still to come, in order, and for how many exchanges each. */
  readonly scripted: Effect.Effect<ReadonlyArray<Scripted>>
  /** Removes the script and the standing steps: the provider works normally again. */
  readonly clear: Effect.Effect<void>
  /** The ledger as it is now. It is a value, so it does not change. */
  readonly ledger: Effect.Effect<Ledger.Ledger>
  /** The time by the provider's own clock, which the rules can set ahead or behind. */
  readonly now: Effect.Effect<DateTime.Utc>
  /** The exchanges, in the order in which they began. */
  readonly exchanges: Effect.Effect<ReadonlyArray<Exchange>>
  /** How many different bodies the creates of a handle had. Repeated creates must be identical: 1. */
  readonly bodies: (handle: string) => Effect.Effect<number>
  /** Settles a processing payout. */
  readonly settle: (handle: string, outcome: Acquirer.Settled) => Effect.Effect<void, NotProcessing>
  /** Sets the condition of a payment method, `ca_...` or `ct_...`. */
  readonly paymentMethod: (reference: string, method: PaymentMethod) => Effect.Effect<void>
  /** Sets the condition of a customer. */
  readonly customer: (handle: string, customer: Customer) => Effect.Effect<void>
  /** Restores the beginning: nothing received or scripted, nothing paid but the history, and the original options. */
  readonly reset: Effect.Effect<void>
  /** All that happened and is planned. Not in it: the script, the options, and requests that are on their way. */
  readonly state: Effect.Effect<SandboxState>
  /** Replaces all that happened and is planned by an earlier `state`. Removes the script. */
  readonly restore: (state: SandboxState) => Effect.Effect<void>
  /**
   * Sends all changes from now on to a queue, and the planned ones, until the scope closes. For listeners such as
   * `SandboxWebhooks`.
   */
  readonly tell: (listener: Queue.Enqueue<Change>) => Effect.Effect<void, never, Scope.Scope>
  /** Runs one exchange: takes a request, and returns what the transport must carry out. For transports of your own. */
  readonly receive: (incoming: Incoming) => Effect.Effect<Delivery>
  /** Says that the client left before what `receive` returned could be sent to it. For transports of your own. */
  readonly undelivered: (delivery: Delivery) => Effect.Effect<void>
}

/**
 * The simulated provider, for tests: the script, the ledger, and the received exchanges.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
 *
 * const test = Effect.gen(function* () {
 *   const sandbox = yield* Sandbox.Sandbox
 *   yield* sandbox.script(Script.dropAfterCommit)
 *   // ... pay out "prize-2026-0042" ...
 *   return Ledger.moved(yield* sandbox.ledger, "prize-2026-0042")
 * })
 * ```
 *
 * @category tags
 * @since 0.1.0
 */
export class Sandbox extends Context.Tag("effect-billwerk-payouts/Sandbox")<Sandbox, Service>() {}

/**
 * Makes a sandbox.
 *
 * @example
 * ```ts
 * import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const asynchronous = Sandbox.make({ outcome: Acquirer.processing({ after: "1 hour" }), repeatOfPaid: "Replay" })
 *
 * // A ledger that is not empty: an attempt of two hours ago failed, and moved the money all the same.
 * const later = Sandbox.make({
 *   history: [
 *     {
 *       handle: "prize-2026-0042",
 *       amount: 12_500,
 *       transactions: [
 *         {
 *           created: { age: "2 hours" },
 *           destination: "ca_fcfac2016614418f969fa5697383e47c",
 *           outcome: Acquirer.processingError({ moved: true })
 *         }
 *       ]
 *     }
 *   ]
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.clockWith((clock) => Effect.sync(() => start(options, clock.unsafeCurrentTimeMillis())))

const start = (options: Options, now: number): Service => {
  const rules: Rules = { ...defaults, ...options }
  const changes = new Changes()
  let simulation = new Simulation(rules, changes, now)
  // Each access first runs what is due by now.
  const current = Effect.clockWith((clock) => Effect.sync(() => simulation.advance(clock.unsafeCurrentTimeMillis())))
  return {
    script: (...steps) => Effect.sync(() => simulation.playbook.append(steps)),
    scriptLeft: Effect.sync(() => simulation.playbook.left),
    always: (...steps) => Effect.sync(() => simulation.playbook.stand(steps)),
    scripted: Effect.sync(() => simulation.playbook.coming),
    clear: Effect.sync(() => simulation.playbook.clear()),
    ledger: Effect.map(current, ({ provider }) => provider.ledger),
    now: Effect.clockWith((clock) =>
      Effect.sync(() => DateTime.unsafeMake(clock.unsafeCurrentTimeMillis() + simulation.ahead))
    ),
    exchanges: Effect.map(current, ({ log }) => log.all),
    bodies: (handle) => Effect.map(current, ({ log }) => log.bodies(handle)),
    settle: (handle, outcome) =>
      Effect.clockWith((clock) =>
        Effect.flatMap(current, ({ provider }) =>
          provider.settle(handle, outcome, clock.unsafeCurrentTimeMillis())
            ? Effect.void
            : new NotProcessing({ handle })
        )
      ),
    paymentMethod: (reference, method) => Effect.sync(() => simulation.provider.methods.set(reference, method)),
    customer: (handle, customer) => Effect.sync(() => simulation.provider.customers.set(handle, customer)),
    reset: Effect.clockWith((clock) =>
      Effect.sync(() => {
        simulation = new Simulation(rules, changes, clock.unsafeCurrentTimeMillis(), simulation.exchanges)
      })
    ),
    state: Effect.map(current, (simulation) => simulation.state),
    restore: (state) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const empty = { ...rules, history: [] }
          simulation = new Simulation(empty, changes, clock.unsafeCurrentTimeMillis()).restore(state)
        })
      ),
    tell: (listener) => changes.tell(listener, () => simulation.agenda.dues),
    receive: (incoming) => Effect.suspend(() => simulation.receive(incoming)),
    undelivered: (delivery) =>
      Effect.clockWith((clock) => Effect.sync(() => simulation.undelivered(delivery, clock.unsafeCurrentTimeMillis())))
  }
}

/**
 * The sandbox alone, to share between an in-memory client and `SandboxServer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSandboxWith = (options: Options): Layer.Layer<Sandbox> => Layer.effect(Sandbox, make(options))

/**
 * `layerSandboxWith` with every switch at its default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSandbox: Layer.Layer<Sandbox> = layerSandboxWith({})

/**
 * An `HttpClient` that sends every request to the sandbox, for any host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const httpClient = (sandbox: Service): HttpClient.HttpClient => InMemory.httpClient(sandbox.receive)

/**
 * The sandbox and an `HttpClient` that reaches it, in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpClientWith = (options: Options): Layer.Layer<HttpClient.HttpClient | Sandbox> =>
  Layer.effect(HttpClient.HttpClient, Effect.map(Sandbox, httpClient)).pipe(
    Layer.provideMerge(layerSandboxWith(options))
  )

/**
 * `layerHttpClientWith` with every switch at its default.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const status = HttpClient.get("https://api.frisbii.com/v1/payout/prize-2026-0042").pipe(
 *   Effect.map((response) => response.status), // 401: no key was given
 *   Effect.provide(Sandbox.layerHttpClient)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient | Sandbox> = layerHttpClientWith({})

/**
 * The library's client over the sandbox, with a valid key: all that `Payouts.layer` needs, without a network.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Payouts } from "effect-billwerk-payouts"
 * import { Sandbox } from "effect-billwerk-payouts/testing"
 *
 * const test = Payouts.layer.pipe(Layer.provideMerge(Sandbox.layerWith({ repeatOfPaid: "Replay" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<BillwerkClient.BillwerkClient | Sandbox> =>
  BillwerkClient.layer({
    apiKey: options.apiKey ?? apiKey,
    requestLimits: options.limits === undefined ? "None" : RequestLimits.standard
  }).pipe(
    Layer.provideMerge(layerHttpClientWith(options)),
    // Only a key that cannot be sent fails here, and that is the test's own mistake.
    Layer.orDie
  )

/**
 * `layerWith` with every switch at its default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BillwerkClient.BillwerkClient | Sandbox> = layerWith({})
