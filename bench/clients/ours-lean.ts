/**
 * Ours over its own transport. The module's name is put together at run time, so that the bench compiles, and leaves the
 * row out, where the module does not exist.
 */
import type { HttpClient } from "@effect/platform"
import type { Layer } from "effect"
import type { Open } from "../Client.js"
import { openWith } from "./ours.js"

interface UndiciTransport {
  readonly layer: () => Layer.Layer<HttpClient.HttpClient>
}

const specifier: string = "effect-billwerk-payouts/UndiciTransport"

export const open: Open = async (baseUrl) => {
  const transport: UndiciTransport = await import(specifier)
  return openWith(transport.layer())(baseUrl)
}
