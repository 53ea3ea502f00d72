/**
 * One life of the provider: its script, its ledger and its time. The processes that pay out through it come and go.
 */
import { HttpClient } from "@effect/platform"
import { Effect, Logger, LogLevel, Schedule } from "effect"
import {
  BillwerkClient,
  PayoutRequest,
  Payouts,
  RetryPolicy,
  type Outcome,
  type PayoutError
} from "effect-billwerk-payouts"
import { type Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import { ended, VirtualTime } from "../simulation/VirtualTime.js"
import { stepOf, type Name } from "./Behaviours.js"
import type { Policy } from "./Model.js"
import { anotherProcess } from "../../support.js"

/** Small budgets of different sizes, and waits of different lengths: a step in the wrong one shows. */
export const budgets: Policy = {
  communication: [0, 3_000],
  rateLimited: [1_000],
  concurrentUpdate: [500],
  processingError: [60_000],
  softDeclined: [2_000],
  // Three creates that hang do not fit, with the lookups between them.
  elapsedMax: 300_000,
  // The client's own.
  deadline: { C: 90_000, L: 30_000 }
}

const waits = ([first, ...rest]: ReadonlyArray<number>) =>
  first === undefined ? Schedule.stop : Schedule.fromDelays(first, ...rest)

const policy = RetryPolicy.make({
  communication: waits(budgets.communication),
  rateLimited: waits(budgets.rateLimited),
  concurrentUpdate: waits(budgets.concurrentUpdate),
  processingError: waits(budgets.processingError),
  softDeclined: waits(budgets.softDeclined),
  elapsedMax: budgets.elapsedMax
})

export const handle = "prize-2026-0042"
export const amount = 12_500

const input = { handle, destination: "ca_fcfac2016614418f969fa5697383e47c", amount, currency: "DKK" }
const request = Effect.runSync(PayoutRequest.make(input))

/** The same payout in other bytes. */
export const otherRequest = Effect.runSync(PayoutRequest.make({ ...input, text: "again" }))

/** Longer than anything is under way, by the arrival horizon. */
const hours = 7 * 60 * 60 * 1000

export type Client = BillwerkClient.BillwerkClient["Type"]
export type Process = Payouts.Payouts["Type"]
export type Said = Outcome.Outcome | PayoutError.PayoutError

/** What worlds share, one after the other, because it takes long to make. */
export interface Stage {
  readonly sandbox: Sandbox.Service
  readonly client: Client
}

/** `wrap` puts something between the library and its client, for a test of the tests. */
export const stage = (wrap: (client: Client) => Client = (client) => client): Stage =>
  Effect.runSync(
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const client = yield* BillwerkClient.make({ requestLimits: "None", apiKey: Sandbox.apiKey }).pipe(
        Effect.provideService(HttpClient.HttpClient, Sandbox.httpClient(sandbox)),
        Effect.orDie
      )
      return { sandbox, client: wrap(client) }
    })
  )

export class World {
  private readonly time = new VirtualTime()

  constructor(
    private readonly stage: Stage,
    script: ReadonlyArray<Name>
  ) {
    const { sandbox } = stage
    this.run(Effect.zipRight(sandbox.reset, sandbox.script(...script.map(stepOf))))
  }

  /** A process that knows nothing of those before it. */
  start(): Process {
    return this.run(Effect.provideService(anotherProcess({ policy }), BillwerkClient.BillwerkClient, this.stage.client))
  }

  create(process: Process): Said {
    return this.call(process.create(request))
  }

  /** By another process, which is told how many creates were sent before it. */
  recover(process: Process, outstandingCreates: number): Said {
    return this.call(process.recover(request, { outstandingCreates }))
  }

  /** From here on the provider is well. What is under way stays so. */
  heal(): void {
    this.run(this.stage.sandbox.clear)
  }

  pass(millis: number): void {
    this.time.pass(millis)
  }

  /** Everything arrives that was under way. */
  passHours(): void {
    this.pass(hours)
  }

  get now(): number {
    return this.time.now
  }

  get timers(): number {
    return this.time.pending
  }

  get ledger(): Ledger.Ledger {
    return this.run(this.stage.sandbox.ledger)
  }

  /** What the provider saw. */
  get exchanges(): ReadonlyArray<Sandbox.Exchange> {
    return this.run(this.stage.sandbox.exchanges)
  }

  private call(call: Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>): Said {
    return ended(this.time.runExit(quiet(call)))
  }

  private run<A>(effect: Effect.Effect<A>): A {
    return ended(this.time.runExit(effect))
  }
}

const quiet = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  effect.pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.withTracerEnabled(false))
