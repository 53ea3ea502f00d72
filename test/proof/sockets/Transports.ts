/** The HTTP layers that a host can bring. */
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { type ConfigError, Effect, Layer } from "effect"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"

export interface Transport {
  readonly name: "fetch" | "node:http" | "undici" | "UndiciTransport" | "derived"
  readonly layer: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
  /** With connections that are kept, which is not node:http's default. */
  readonly kept: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>
  /** Whether its connections end with its layer. fetch's belong to the process, and end when the server hangs up. */
  readonly ownsConnections: boolean
}

/** What a host may make of a client: its requests wait for few connections, and do not heed an interruption. */
const derived = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, HttpClient.transform(Effect.uninterruptible))
).pipe(Layer.provide(UndiciTransport.layerWith({ connections: 2 })))

export const transports: ReadonlyArray<Transport> = [
  { name: "fetch", layer: FetchHttpClient.layer, kept: FetchHttpClient.layer, ownsConnections: false },
  {
    name: "node:http",
    layer: NodeHttpClient.layer,
    kept: Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true })),
    ownsConnections: true
  },
  { name: "undici", layer: NodeHttpClient.layerUndici, kept: NodeHttpClient.layerUndici, ownsConnections: true },
  { name: "UndiciTransport", layer: UndiciTransport.layer, kept: UndiciTransport.layer, ownsConnections: true },
  { name: "derived", layer: derived, kept: derived, ownsConnections: true }
]
