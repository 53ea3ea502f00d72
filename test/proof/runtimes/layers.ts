/** The HTTP layers by their names, of which those of Node need its modules. */
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { type ConfigError, Layer } from "effect"
import * as UndiciTransport from "../../../src/undici/UndiciTransport.js"
import { unpooledFetch } from "./parts.js"
import type { LayerName } from "./Story.js"

export const layers: Record<LayerName, () => Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>> = {
  fetch: () => FetchHttpClient.layer,
  "fetch, unpooled": () => unpooledFetch,
  "node:http": () => NodeHttpClient.layer,
  "node:http, kept": () =>
    Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true })),
  undici: () => NodeHttpClient.layerUndici,
  UndiciTransport: () => UndiciTransport.layer
}

export const isLayer = (name: string): name is LayerName => Object.hasOwn(layers, name)
