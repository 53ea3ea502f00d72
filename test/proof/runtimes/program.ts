/**
 * Does one thing on whichever runtime this is started, and prints what came of it: `program.mjs <layer> <url>` pays over an
 * HTTP layer, `program.mjs <part> <argument>` does a part.
 */
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { type ConfigError, Effect, Layer } from "effect"
import * as UndiciTransport from "../../../src/undici/UndiciTransport.js"
import * as parts from "./parts.js"
import type { LayerName, PartEnd, PartName, Printed } from "./Story.js"

const layers: Record<LayerName, () => Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>> = {
  fetch: () => FetchHttpClient.layer,
  "fetch, unpooled": () => parts.unpooledFetch,
  "node:http": () => NodeHttpClient.layer,
  "node:http, kept": () =>
    Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true })),
  undici: () => NodeHttpClient.layerUndici,
  UndiciTransport: () => UndiciTransport.layer
}

/** POSTs over the runtime's own fetch, without this library. */
const bare = (url: string) =>
  Effect.gen(function* () {
    for (const fault of parts.brokenOff) {
      for (const handle of [`before-${fault}`, fault]) {
        const sent = () =>
          fetch(url, { method: "POST", body: JSON.stringify({ handle }) }).then((answer) => answer.text())
        yield* Effect.ignore(Effect.tryPromise(sent))
        yield* Effect.sleep("300 millis")
      }
    }
    return {}
  })

const [, , name = "", argument = ""] = process.argv

/** An engine is loaded only where it is asked for: a runtime that cannot load it has the rest. */
const engine = (name: "sqlite" | "postgres") =>
  Effect.flatMap(
    Effect.tryPromise(() => import("./engines.js")),
    (engines) => engines[name](argument)
  )

const done: Record<PartName, () => Effect.Effect<unknown, unknown>> = {
  quickstart: () => parts.quickstart,
  inMemory: () => parts.inMemory,
  fetched: () => parts.fetched(argument, "Deno" in globalThis ? parts.unpooledFetch : FetchHttpClient.layer),
  webhook: () => parts.webhook,
  sqlite: () => engine("sqlite"),
  postgres: () => engine("postgres")
}

const isLayer = (name: string): name is LayerName => Object.hasOwn(layers, name)
const isPart = (name: string): name is PartName => Object.hasOwn(done, name)

const program: Effect.Effect<PartEnd | Printed> = isPart(name)
  ? Effect.map(Effect.exit(done[name]()), parts.partEnd)
  : Effect.map(Effect.exit(isLayer(name) ? parts.payAll(layers[name](), argument) : bare(argument)), parts.printed)

console.log(JSON.stringify(await Effect.runPromise(program)))
// What a layer keeps open may hold the process up.
process.exit(0)
