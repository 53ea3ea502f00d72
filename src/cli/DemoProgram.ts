/**
 * The demo: the simulated provider on a loopback socket, and one payout for each row of the table over the real HTTP
 * stack, a hundred times faster than normal.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BillwerkClient from "../provider/BillwerkClient.js"
import * as Handle from "../domain/Handle.js"
import * as Hints from "../webhook/Hints.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as Ledger from "../sandbox/Ledger.js"
import * as Sandbox from "../sandbox/Sandbox.js"
import * as SandboxServer from "../sandbox/SandboxServer.js"
import * as SandboxWebhooks from "../sandbox/SandboxWebhooks.js"
import * as WebhookHandler from "../webhook/WebhookHandler.js"
import * as DemoReport from "./DemoReport.js"
import { exitCode, Exited } from "./ExitCode.js"
import * as Layout from "./Layout.js"
import * as Paint from "./Paint.js"
import * as Rehearsal from "./Rehearsal.js"
import type { Scenario } from "./Scenario.js"

/** How much shorter the waits are than in the standard policy. */
const speed = 100

const faster = (rule: RetryPolicy.Rule): RetryPolicy.Rule =>
  Schedule.modifyDelay(rule, (_, delay) => Duration.times(delay, 1 / speed))

/** The standard policy, with the same steps and every wait shorter. */
const policy: RetryPolicy.RetryPolicy = {
  communication: faster(RetryPolicy.standard.communication),
  rateLimited: faster(RetryPolicy.standard.rateLimited),
  concurrentUpdate: faster(RetryPolicy.standard.concurrentUpdate),
  processingError: faster(RetryPolicy.standard.processingError),
  softDeclined: faster(RetryPolicy.standard.softDeclined),
  elapsedMax: RetryPolicy.standard.elapsedMax
}

/** For creates that are never answered. All else has the standard deadlines, so that a busy machine changes nothing. */
const impatient = { createDeadline: "2 seconds" } as const

/** Plays the scenarios, prints them in order, and fails if a check does not hold. */
export const run = (scenarios: ReadonlyArray<Scenario>) =>
  Effect.gen(function* () {
    const paint = yield* Paint.detect
    const cast = yield* castOf
    yield* Console.log(yield* introduction)
    // The first exchange of a process is slow, and must not count against a deadline.
    yield* Effect.ignore(cast.payouts.get(Handle.Handle.make("demo-warm-up")))
    const performances = yield* Stream.fromIterable(scenarios).pipe(
      Stream.mapEffect((scenario) => Rehearsal.play(scenario, cast), { concurrency: "unbounded" }),
      Stream.zipWithIndex,
      Stream.tap(([performance, index]) => Console.log(DemoReport.ofPerformance(performance, index + 1, paint))),
      Stream.map(([performance]) => performance),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray)
    )
    const { ledger } = yield* Sandbox.Sandbox
    return yield* conclude(performances, yield* ledger, paint)
  }).pipe(Effect.scoped, Effect.provide(provider))

const secret = Redacted.make("the-demo's-webhook-secret")

/** The provider's webhooks, and our handler for them. */
const webhooks = Layer.unwrapEffect(
  Effect.map(WebhookHandler.make({ secrets: [secret] }), (handler) =>
    SandboxWebhooks.layer({ secret, receiver: SandboxWebhooks.toApp(handler) })
  )
).pipe(Layer.orDie)

const provider = Layer.merge(SandboxServer.layer, webhooks).pipe(
  Layer.provideMerge(Layer.merge(Sandbox.layerSandboxWith({ testAmounts: true }), Hints.layer)),
  Layer.merge(NodeHttpClient.layerUndici)
)

type Around = SandboxServer.SandboxServer | HttpClient.HttpClient | Hints.Hints | Scope.Scope

const castOf: Effect.Effect<Rehearsal.Cast, never, Around> = Effect.gen(function* () {
  const { url } = yield* SandboxServer.SandboxServer
  return {
    payouts: yield* payoutsAt(url, policy),
    impatient: yield* payoutsAt(url, policy, impatient),
    earlier: yield* payoutsAt(url, RetryPolicy.none),
    unreachable: yield* payoutsAt(yield* nowhere, policy)
  }
}).pipe(Effect.orDie)

const payoutsAt = (baseUrl: string, policy: RetryPolicy.RetryPolicy, deadlines: Partial<typeof impatient> = {}) =>
  Effect.gen(function* () {
    const client = yield* BillwerkClient.make({ apiKey: Sandbox.apiKey, baseUrl, requestLimits: "None", ...deadlines })
    // Each service stands for its own process. A second service of one account would log a warning.
    const alone = BillwerkClient.BillwerkClient.of({ ...client, account: undefined })
    return yield* Effect.provideService(Payouts.make({ policy }), BillwerkClient.BillwerkClient, alone)
  })

/** The address of a server that is closed. */
const nowhere = Effect.scoped(Effect.map(SandboxServer.make(), ({ url }) => url)).pipe(
  Effect.provide(Sandbox.layerSandbox)
)

const introduction = Effect.map(RetryPolicy.explain(RetryPolicy.standard), ({ text }) =>
  [
    "One payout for each row of the table, against the simulated provider on a loopback socket. No money moves.",
    "",
    "The standard retry policy:",
    ...Layout.indent(Layout.paragraphs(text)),
    "",
    `In this demo every wait of it is ${speed} times shorter; what is never answered has a deadline of two seconds.`,
    ""
  ].join("\n")
)

const conclude = (performances: ReadonlyArray<Rehearsal.Performance>, ledger: Ledger.Ledger, paint: Paint.Paint) => {
  const allHold = performances.every(({ checks }) => checks.every(({ holds }) => holds))
  return Effect.zipRight(
    Console.log(DemoReport.ofLedger(performances, ledger, paint)),
    allHold && Ledger.paidTwice(ledger).length === 0 ? Effect.void : new Exited({ code: exitCode.broken })
  )
}
