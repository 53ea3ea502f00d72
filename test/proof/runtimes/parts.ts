/** What every runtime can be asked to do. Names nothing of Node, so that it is bundled for Workers as well. */
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { Cause, type ConfigError, type Duration, Effect, Exit, Layer, Predicate, Redacted } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, RetryPolicy, Webhook } from "../../../src/index.js"
import { Ledger, Sandbox, Script } from "../../../src/sandbox/index.js"
import { type Fault, faults, lost, type PartEnd, type Printed } from "./Story.js"

export const payout = (handle: string) =>
  PayoutRequest.make({ handle, destination: "ca_1", amount: 12_500, currency: "DKK" })

type HttpLayer = Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>

/** Deno's own, which neither Node's types nor Bun's have. */
const unpooled = (): object => {
  const globals: object = globalThis
  const deno = Predicate.hasProperty(globals, "Deno") ? globals.Deno : undefined
  const make = Predicate.hasProperty(deno, "createHttpClient") ? deno.createHttpClient : undefined
  return { client: Predicate.isFunction(make) ? make({ poolMaxIdlePerHost: 0 }) : undefined }
}

/** The one fetch that Deno's users may take. */
export const unpooledFetch: HttpLayer = Layer.provide(
  FetchHttpClient.layer,
  Layer.sync(FetchHttpClient.RequestInit, unpooled)
)

const pay = (handle: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const { attempts } = yield* Effect.merge(payouts.create(yield* payout(handle)))
    // What is sent after the call has ended counts, too.
    yield* Effect.sleep("300 millis")
    return attempts.filter(({ kind }) => kind === "Create").length
  })

const payEach = Effect.fn(function* (those: ReadonlyArray<Fault>) {
  const creates: Record<string, number> = {}
  for (const fault of those) {
    // The first payout leaves a connection behind, if the layer keeps any.
    for (const handle of [`before-${fault}`, fault]) creates[handle] = yield* pay(handle)
  }
  return creates
})

export const brokenOff = faults.filter((fault) => fault !== "unanswered")

/** Pays over one HTTP layer to a provider that loses answers. */
export const payAll = Effect.fn(function* (http: HttpLayer, url: string) {
  const live = (createDeadline: Duration.DurationInput) =>
    Payouts.layerWith({ policy: RetryPolicy.none }).pipe(
      Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make("priv_1"), baseUrl: url, createDeadline })),
      Layer.provide(http)
    )
  const ended = yield* Effect.provide(payEach(brokenOff), live("30 seconds"))
  // Last, where all is loaded, what only a deadline ends: the first request of a runtime may take seconds on a busy machine.
  return { ...ended, ...(yield* Effect.provide(payEach(["unanswered"]), live("2 seconds"))) }
})

export const printed = (exit: Exit.Exit<Record<string, number>, object>): Printed =>
  Exit.match(exit, {
    onSuccess: (creates) => ({ _tag: "Paid", creates }),
    onFailure: (cause) => ({ _tag: Cause.isFailType(cause) ? "Refused" : "Died", message: Cause.pretty(cause) })
  })

export const partEnd = (exit: Exit.Exit<unknown, object>): PartEnd =>
  Exit.match(exit, {
    onSuccess: (value) => ({ _tag: "Done", value }),
    onFailure: (cause) => ({ _tag: "Failed", message: Cause.pretty(cause) })
  })

/** The first program of the README, as it is, and what it prints. */
export const quickstart: Effect.Effect<unknown, object> = Effect.tryPromise(async () => {
  const lines: Array<ReadonlyArray<unknown>> = []
  const { log } = console
  console.log = (...values: ReadonlyArray<unknown>) => lines.push(values)
  await import("../../docs/quickstart.js").finally(() => (console.log = log))
  return lines
})

/** Pays one payout for each way to lose an answer, by the standard policy. */
const payLost = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const ends: Record<string, unknown> = {}
  for (const handle of lost) {
    const { _tag, attempts, certainty } = yield* Effect.merge(payouts.create(yield* payout(handle)))
    ends[handle] = { end: `${_tag} ${certainty}`, attempts: attempts.map(({ kind }) => kind) }
  }
  return ends
})

const options = { apiKey: Sandbox.apiKey, createDeadline: "2 seconds" } as const

export const inMemory: Effect.Effect<unknown, object> = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  for (const name of lost) {
    yield* sandbox.script(Script[name].pipe(Script.onCreate, Script.forHandle(name)))
  }
  const ends = yield* payLost
  const ledger = yield* sandbox.ledger
  return { ends, moved: Object.fromEntries(lost.map((name) => [name, Ledger.moved(ledger, name)])) }
}).pipe(
  Effect.provide(
    Payouts.layer.pipe(Layer.provide(BillwerkClient.layer(options)), Layer.provideMerge(Sandbox.layerHttpClient))
  )
)

/** From a Sandbox at a URL, whose script the test has written. */
export const fetched = (url: string, http: HttpLayer): Effect.Effect<unknown, object> =>
  Effect.map(payLost, (ends) => ({ ends })).pipe(
    Effect.provide(
      Payouts.layer.pipe(Layer.provide(BillwerkClient.layer({ ...options, baseUrl: url })), Layer.provide(http))
    )
  )

export const webhook: Effect.Effect<unknown, object> = Effect.gen(function* () {
  const secret = Redacted.make("webhook-secret")
  const body = yield* Webhook.body({ id: "w-1", payout: "prize-2026-0042" }, secret)
  const { references } = yield* Webhook.verify(new TextEncoder().encode(body), { secrets: [secret] })
  const forged = Webhook.verify(body, { secrets: [Redacted.make("another-secret")] })
  const changed = Webhook.verify(body.replace(`"w-1"`, `"w-2"`), { secrets: [secret] })
  return { references, refused: [(yield* Effect.flip(forged)).reason, (yield* Effect.flip(changed)).reason] }
})
