/**
 * One process that pays out through the sandbox in virtual time, with the client watched: what was under way, and what
 * was cut off by an interruption, as the client itself knows it.
 */
import { HttpClient } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Effect, type Exit, type Fiber, identity, Logger, LogLevel, Random } from "effect"
import type { Attempt, Outcome, PayoutError, PayoutRequest } from "effect-billwerk-payouts"
import type { Script } from "effect-billwerk-payouts/testing"
import { BillwerkClient, Payouts } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import { ended, Host, VirtualTime } from "../simulation/VirtualTime.js"
import { anotherProcess } from "../../support.js"

export type Said = Outcome.Outcome | PayoutError.PayoutError

export interface Options extends Sandbox.Options {
  /** How far this process's wall clock is ahead, in milliseconds, so long after the start. The monotonic one is right. */
  readonly skew?: (elapsed: number) => number
  /** Between the client and the sandbox. */
  readonly transport?: (sandbox: HttpClient.HttpClient) => HttpClient.HttpClient
  readonly deadlines?: { readonly createDeadline: number; readonly lookupDeadline: number }
}

/** Long enough for whatever is under way to arrive. */
export const aDay = 24 * 60 * 60 * 1000

/** Reads of these worlds may lag behind by days, which no doubt may end by. */
const arrivalHorizon = "365 days"

export class World {
  readonly time = new VirtualTime()
  readonly sandbox: Sandbox.Service
  readonly payouts: Payouts.Payouts["Type"]
  /** The exchanges that an interruption cut off: how many exchanges had begun by then, its own included. */
  readonly cuts: Array<{ readonly kind: Attempt.Kind; readonly begun: number }> = []
  underWay = 0
  underWayMost = 0
  private readonly host: Host
  private begun = 0

  constructor({ deadlines, skew = () => 0, transport = identity, ...rules }: Options = {}) {
    const start = this.time.now
    this.host = new Host(this.time, () => skew(this.time.now - start))
    this.sandbox = Effect.runSync(Sandbox.make(rules))
    const client = BillwerkClient.make({
      requestLimits: "None",
      apiKey: rules.apiKey ?? Sandbox.apiKey,
      ...deadlines
    }).pipe(
      Effect.map((made) => this.watched(made)),
      Effect.provideService(HttpClient.HttpClient, transport(Sandbox.httpClient(this.sandbox)))
    )
    this.payouts = Effect.runSync(
      Effect.flatMap(client, (made) =>
        Effect.provideService(anotherProcess({ arrivalHorizon }), BillwerkClient.BillwerkClient, made)
      ).pipe(Effect.withRandom(Random.make("a property")), Effect.withClock(this.host.clock))
    )
  }

  /** Starts an effect in this process. Jitter is the same every time. */
  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return this.host.fork(
      effect.pipe(Effect.withRandom(Random.make("a property")), Logger.withMinimumLogLevel(LogLevel.None))
    )
  }

  /** Runs an effect to its end. */
  run<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.time.await(this.fork(effect))
  }

  /** Pays out, and gives what became of it. */
  create(request: PayoutRequest.PayoutRequest, options?: Payouts.CallOptions): Said {
    return ended(this.run(this.payouts.create(request, options)))
  }

  get exchanges(): ReadonlyArray<Sandbox.Exchange> {
    return ended(this.run(this.sandbox.exchanges))
  }

  get ledger(): Ledger.Ledger {
    return ended(this.run(this.sandbox.ledger))
  }

  moved(handle: string): number {
    return Ledger.moved(this.ledger, handle)
  }

  bodies(handle: string): number {
    return ended(this.run(this.sandbox.bodies(handle)))
  }

  script(...steps: ReadonlyArray<Script.Step>): void {
    ended(this.run(this.sandbox.script(...steps)))
  }

  always(...steps: ReadonlyArray<Script.Step>): void {
    ended(this.run(this.sandbox.always(...steps)))
  }

  /** Everything of ours is over: no timer, no exchange, and nothing that is begun by itself later on. */
  assertQuiet(): void {
    const before = this.exchanges.length
    assert.strictEqual(this.time.pending, 0, "timers are left behind")
    assert.strictEqual(this.underWay, 0, "exchanges are left under way")
    this.time.pass(aDay)
    assert.strictEqual(this.exchanges.length, before, "something was sent although every call was over")
    assert.strictEqual(this.time.pending, 0, "timers were set although every call was over")
  }

  private watched(client: BillwerkClient.BillwerkClient["Type"]): BillwerkClient.BillwerkClient["Type"] {
    return {
      ...client,
      create: (request) => this.watch("Create", client.create(request)),
      lookup: (handle, request) => this.watch("Lookup", client.lookup(handle, request))
    }
  }

  private watch<A>(kind: Attempt.Kind, exchange: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.begun += 1
        this.underWay += 1
        this.underWayMost = Math.max(this.underWayMost, this.underWay)
        return this.begun
      }),
      () => exchange,
      (begun, exit) =>
        Effect.sync(() => {
          this.underWay -= 1
          if (exit._tag === "Failure") this.cuts.push({ kind, begun })
        })
    )
  }
}

/** What is said about the money is true. */
export const assertTrue = (said: Said, moved: number): void => {
  const what = `${said._tag}, ${said.certainty}, ${said.exposure.min} to ${said.exposure.max}, but ${moved} moved`
  assert.isAtLeast(moved, said.exposure.min, what)
  assert.isAtMost(moved, said.exposure.max, what)
  if (said.certainty === "NotMoved") assert.strictEqual(moved, 0, what)
  if (said.certainty === "Moved") assert.isAbove(moved, 0, what)
}
