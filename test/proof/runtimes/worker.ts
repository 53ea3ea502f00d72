/** What `program.ts` does, in a Worker: `/<part>?url=...`. And a payout by a layer of the isolate: `/isolate?url=...&handle=...`. */
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, ManagedRuntime } from "effect"
import { BillwerkClient, Payouts } from "../../../src/index.js"
import { Sandbox } from "../../../src/sandbox/index.js"
import * as parts from "./parts.js"

const done = (name: string, url: string): Effect.Effect<unknown> => {
  switch (name) {
    case "fetched":
      return Effect.map(Effect.exit(parts.fetched(url, FetchHttpClient.layer)), parts.partEnd)
    case "quickstart":
    case "inMemory":
    case "webhook":
      return Effect.map(Effect.exit(parts[name]), parts.partEnd)
    default:
      return Effect.succeed({ _tag: "Failed", message: `Workers have no ${name}` })
  }
}

type Runtime = ManagedRuntime.ManagedRuntime<Payouts.Payouts, object>

/** As nobody should: made by the first request, and used by all. */
let isolate: Runtime | undefined

const ofIsolate = (url: string): Runtime =>
  (isolate ??= ManagedRuntime.make(
    Payouts.layer.pipe(
      Layer.provide(BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl: url })),
      Layer.provide(FetchHttpClient.layer)
    )
  ))

const pay = (handle: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    return yield* Effect.merge(payouts.create(yield* parts.payout(handle)))
  }).pipe(Effect.map(({ _tag }) => _tag))

export default {
  fetch: async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url)
    const url = searchParams.get("url") ?? ""
    const name = pathname.slice(1)
    if (name !== "isolate") return Response.json(await Effect.runPromise(done(name, url)))
    return new Response(await ofIsolate(url).runPromise(pay(searchParams.get("handle") ?? "")))
  }
}
