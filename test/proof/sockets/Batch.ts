/** Many payouts at a time, through a proxy that something is wrong with, to the sandbox: and all that they come to. */
import type { HttpClient } from "@effect/platform"
import { type ConfigError, Clock, Config, Duration, Effect, Layer, Option, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, type Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { answer, eventually, serve } from "../../servers.js"
import * as Proxy from "./Proxy.js"
import type { Transport } from "./Transports.js"
import * as Truth from "./Truth.js"
import { anotherProcess } from "../../support.js"

/** How many payouts a batch has, over each HTTP layer: `SOCKET_PAYOUTS=1000 npx vitest ... test/proof/sockets` for more. */
export const size = Config.integer("SOCKET_PAYOUTS").pipe(Config.withDefault(6))

/** What chance starts from: `CHAOS_SEED=...`, as a failure prints it. */
export const seed = Config.integer("CHAOS_SEED").pipe(Config.withDefault(20_260_042))

/** One payout of a batch. */
export interface Wanted {
  readonly handle: string
  readonly amount: number
  /** What the provider does with its creates. */
  readonly script?: Script.Step
  /** See `Truth.Story`. */
  readonly hidden?: number
  /** What it comes to in the end. `Paid`, unless said. */
  readonly ends?: Truth.Said["_tag"]
}

export interface Batch {
  readonly transport: Transport
  /** Instead of the transport's own. */
  readonly http?: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
  readonly wanted: ReadonlyArray<Wanted>
  /** What is wrong. `elsewhere` is the URL of a listener that must see nothing. */
  readonly faults: (elsewhere: string) => Proxy.Faults
  /** What else becomes of the proxy while payouts are made. */
  readonly meanwhile?: (proxy: Proxy.Proxy) => Effect.Effect<void>
  /** The longest that a create or a lookup may take while something is wrong. */
  readonly deadline: Duration.Duration
  readonly seed: number
}

export interface Report {
  /** What was not true. */
  readonly complaints: ReadonlyArray<string>
  readonly stories: ReadonlyArray<Truth.Story>
  readonly connections: number
  readonly afflicted: number
  readonly lied: number
  /** How many of the client's connections were open after its layers had ended. */
  readonly leftOpen: number
}

/** How many payouts are made at a time: fewer than there are, so that connections are used again. */
const concurrency = 3

/**
 * Quick: how long the waits are makes no difference to what is true. Every other payout has none at all, so that enough of
 * them are left in doubt.
 */
const quick = (deadline: Duration.Duration) =>
  RetryPolicy.make({
    communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("5 millis"))),
    processingError: Schedule.stop,
    elapsedMax: Duration.times(deadline, 8)
  })

/** A connection that ends just now may still cost an exchange. */
const patient = RetryPolicy.make({
  communication: Schedule.recurs(20).pipe(Schedule.addDelay(() => "20 millis")),
  processingError: Schedule.stop,
  elapsedMax: "1 minute"
})

/** What a call may take beyond its policy, on a machine that has other things to do. */
const slack = Duration.seconds(2)

export const run = (batch: Batch): Effect.Effect<Report> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(SandboxServer.layer.pipe(Layer.provideMerge(Sandbox.layerSandbox)))
    const { sandbox, server } = yield* Effect.all({
      sandbox: Sandbox.Sandbox,
      server: SandboxServer.SandboxServer
    }).pipe(Effect.provide(context))
    const elsewhere = yield* serve((socket) => socket.end(answer(200, "{}")))
    const proxy = yield* Proxy.make({ port: server.port, seed: batch.seed })
    yield* proxy.suffer(batch.faults(elsewhere.url))
    yield* sandbox.script(...batch.wanted.flatMap(({ script }) => script ?? []))

    const { complaints, stories } = yield* pay(batch, sandbox, proxy).pipe(
      Effect.provide(batch.http ?? batch.transport.layer)
    )
    if (!batch.transport.ownsConnections) yield* proxy.hangUp
    yield* eventually(() => proxy.open() === 0)
    const strayed = elsewhere.connections()
    const report: Report = {
      complaints: [...complaints, ...(strayed === 0 ? [] : [`${strayed} connections were made elsewhere`])],
      stories,
      connections: proxy.connections(),
      afflicted: proxy.afflicted(),
      lied: proxy.lied(),
      leftOpen: proxy.open()
    }
    return report
  }).pipe(Effect.scoped, Effect.orDie)

/**
 * The library, with a deadline that can be made longer: when nothing is wrong any more, a busy machine is not to count as
 * a fault.
 */
const makePayouts = (baseUrl: string, deadline: Duration.DurationInput) =>
  Effect.gen(function* () {
    const withDeadline = (deadline: Duration.DurationInput) =>
      BillwerkClient.make({
        requestLimits: "None",
        apiKey: Sandbox.apiKey,
        baseUrl,
        createDeadline: deadline,
        lookupDeadline: deadline
      })
    const slow = yield* withDeadline("10 seconds")
    let now = yield* withDeadline(deadline)
    const client = BillwerkClient.BillwerkClient.of({
      create: (request) => now.create(request),
      lookup: (handle, request) => now.lookup(handle, request),
      list: (page) => now.list(page),
      transactionDetails: (handle, id) => now.transactionDetails(handle, id),
      lookUpAccount: Effect.suspend(() => now.lookUpAccount),
      get createDeadline() {
        return now.createDeadline
      },
      get lookupDeadline() {
        return now.lookupDeadline
      }
    })
    const payouts = yield* anotherProcess().pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
    const beSlow = Effect.sync(() => {
      now = slow
    })
    return { payouts, beSlow }
  })

/** Pays while something is wrong, and again when nothing is. */
const pay = (batch: Batch, sandbox: Sandbox.Service, proxy: Proxy.Proxy) =>
  Effect.gen(function* () {
    const { beSlow, payouts } = yield* makePayouts(proxy.url, batch.deadline)
    const complaints: Array<string> = []
    const call = (wanted: Wanted, method: "create" | "recover", policy: RetryPolicy.RetryPolicy) =>
      Effect.gen(function* () {
        const { amount, handle } = wanted
        const request = yield* Effect.orDie(
          PayoutRequest.make({ handle, amount, destination: "ca_1", currency: "DKK" })
        )
        const paying =
          method === "create"
            ? payouts.create(request, { policy })
            : payouts.recover(request, { policy, outstandingCreates: 0 })
        const [took, said] = yield* Effect.timed(Effect.merge(paying))
        complaints.push(...Truth.aboutMoney(said, handle, yield* sandbox.ledger))
        if (Duration.greaterThan(took, Duration.sum(policy.elapsedMax, slack))) {
          complaints.push(`${handle}: ${method} took ${Duration.format(took)}`)
        }
        return { said, took }
      })
    const provider = Effect.gen(function* () {
      const bodies = new Map<string, number>()
      for (const { handle } of batch.wanted) bodies.set(handle, yield* sandbox.bodies(handle))
      const { exchanges, ledger } = sandbox
      return { ...(yield* Effect.all({ exchanges, ledger })), bodies: (handle: string) => bodies.get(handle) ?? 0 }
    })

    const first = yield* Effect.forEach(
      batch.wanted,
      (wanted, index): Effect.Effect<Truth.Story> =>
        Effect.map(call(wanted, "create", index % 2 === 0 ? RetryPolicy.none : quick(batch.deadline)), (ended) => ({
          ...bare(wanted),
          calls: [ended]
        })),
      { concurrency }
    ).pipe(Effect.raceFirst(Effect.zipRight(batch.meanwhile?.(proxy) ?? Effect.void, Effect.never)))
    const before: Truth.Provider = yield* provider
    complaints.push(...first.flatMap((story) => Truth.aboutStory(story, before)), ...Truth.aboutLedger(first, before))

    // Nobody waits for an answer any more: whatever a deadline gave up, it closed. (I12)
    if (!(yield* eventually(() => proxy.waiting() === 0))) complaints.push(`${proxy.waiting()} requests still wait`)
    yield* proxy.suffer(Proxy.well)
    yield* beSlow
    const paid = Ledger.payouts(yield* sandbox.ledger).flatMap(({ handle, state }) =>
      state === "paid" ? [handle] : []
    )
    const stories = yield* Effect.forEach(
      batch.wanted,
      (wanted, index): Effect.Effect<Truth.Story> =>
        Effect.gen(function* () {
          const calls = [...(first[index]?.calls ?? []), yield* call(wanted, "recover", patient)]
          // What was said to be paid, and is not: another payout's answer. That is told from a read that lags by time alone.
          if (isSaidPaid(calls) && !paid.includes(wanted.handle)) {
            calls.push(yield* anHourLater(call(wanted, "recover", patient)))
          }
          return { ...bare(wanted), calls }
        }),
      { concurrency }
    )
    const after: Truth.Provider = yield* provider
    complaints.push(...stories.flatMap((story) => Truth.aboutStory(story, after)), ...Truth.aboutLedger(stories, after))
    for (const [index, { ends = "Paid", handle }] of batch.wanted.entries()) {
      const tag = stories[index]?.calls.at(-1)?.said._tag
      if (tag !== ends) complaints.push(`${handle} is ${tag} when nothing is wrong any more, and not ${ends}`)
    }
    return { complaints, stories }
  })

const isSaidPaid = (calls: Truth.Story["calls"]): boolean =>
  calls.at(-1)?.said._tag === "UnexpectedResponse" &&
  calls.some(({ said }) => said.attempts.some(({ code, kind }) => kind === "Create" && code === 134))

const anHourLater = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => {
    const hour = Duration.hours(1)
    const millis = () => clock.unsafeCurrentTimeMillis() + Duration.toMillis(hour)
    const nanos = () => clock.unsafeCurrentTimeNanos() + Option.getOrThrow(Duration.toNanos(hour))
    const later: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: millis,
      unsafeCurrentTimeNanos: nanos,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanos: Effect.sync(nanos),
      sleep: (duration) => clock.sleep(duration)
    }
    return Effect.withClock(effect, later)
  })

const bare = ({ amount, handle, hidden = 0 }: Wanted) => ({ handle, amount, hidden })
