/** Ours without a socket: what is left is what this library and Effect cost by themselves. Nothing goes wrong in here. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Effect, Layer } from "effect"
import * as Provider from "../provider.js"
import { openWith } from "./ours.js"

const decoder = new TextDecoder()

const answer = (body: Uint8Array): string => {
  const reply = Provider.make(false).post(JSON.parse(decoder.decode(body)))
  return reply === "reset" ? "" : reply.body
}

export const open = openWith(
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.sync(() => {
        const text = request.body._tag === "Uint8Array" ? answer(request.body.body) : ""
        const headers = { "content-length": String(text.length) }
        return HttpClientResponse.fromWeb(request, new Response(text, { headers }))
      })
    )
  )
)
