/**
 * Pays over one HTTP layer, on whichever runtime this is started: `program.js <layer> <url>`. Prints how many creates the
 * evidence of each payout has, or why the client was not built.
 */
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { Cause, type ConfigError, type Duration, Effect, Exit, Layer, Predicate, Redacted } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, RetryPolicy } from "../../../src/index.js"
import * as UndiciTransport from "../../../src/undici/UndiciTransport.js"
import { type Fault, faults, type LayerName, type Printed } from "./Story.js"

/** Deno's own, which neither Node's types nor Bun's have. */
const unpooled = (): object => {
  const globals: object = globalThis
  const deno = Predicate.hasProperty(globals, "Deno") ? globals.Deno : undefined
  const make = Predicate.hasProperty(deno, "createHttpClient") ? deno.createHttpClient : undefined
  return { client: Predicate.isFunction(make) ? make({ poolMaxIdlePerHost: 0 }) : undefined }
}

const layers: Record<LayerName, () => Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>> = {
  fetch: () => FetchHttpClient.layer,
  "fetch, unpooled": () => Layer.provide(FetchHttpClient.layer, Layer.sync(FetchHttpClient.RequestInit, unpooled)),
  "node:http": () => NodeHttpClient.layer,
  "node:http, kept": () =>
    Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true })),
  undici: () => NodeHttpClient.layerUndici,
  UndiciTransport: () => UndiciTransport.layer
}

const pay = (handle: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const request = yield* PayoutRequest.make({ handle, destination: "ca_1", amount: 12_500, currency: "DKK" })
    const { attempts } = yield* Effect.merge(payouts.create(request))
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

const [, , name = "", url = ""] = process.argv

const live = (name: LayerName, createDeadline: Duration.DurationInput) =>
  Payouts.layerWith({ policy: RetryPolicy.none }).pipe(
    Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make("priv_1"), baseUrl: url, createDeadline })),
    Layer.provide(layers[name]())
  )

/** Last, where all is loaded, what only a deadline ends: the first request of a runtime may take seconds on a busy machine. */
const payAll = Effect.fn(function* (name: LayerName) {
  const ended = yield* Effect.provide(payEach(brokenOff), live(name, "30 seconds"))
  return { ...ended, ...(yield* Effect.provide(payEach(["unanswered"]), live(name, "2 seconds"))) }
})

const brokenOff = faults.filter((fault) => fault !== "unanswered")

/** POSTs over the runtime's own fetch, without this library. */
const bare = Effect.gen(function* () {
  for (const fault of brokenOff) {
    for (const handle of [`before-${fault}`, fault]) {
      const sent = () =>
        fetch(url, { method: "POST", body: JSON.stringify({ handle }) }).then((answer) => answer.text())
      yield* Effect.ignore(Effect.tryPromise(sent))
      yield* Effect.sleep("300 millis")
    }
  }
})

const printed = (exit: Exit.Exit<Record<string, number>, unknown>): Printed =>
  Exit.match(exit, {
    onSuccess: (creates) => ({ _tag: "Paid", creates }),
    onFailure: (cause) => ({ _tag: Cause.isFailType(cause) ? "Refused" : "Died", message: Cause.pretty(cause) })
  })

const isLayer = (name: string): name is LayerName => Object.hasOwn(layers, name)
const program = isLayer(name) ? payAll(name) : Effect.as(bare, {})

console.log(JSON.stringify(printed(await Effect.runPromiseExit(program))))
// What a layer keeps open may hold the process up.
process.exit(0)
