/** Each HTTP layer in a Worker, Node's ones included, whose modules Workers have: `/<layer>?url=...`. */
import { Effect } from "effect"
import { isLayer, layers } from "./layers.js"
import * as parts from "./parts.js"

export default {
  fetch: async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url)
    const name = decodeURIComponent(pathname.slice(1))
    if (!isLayer(name)) return new Response("no such layer", { status: 404 })
    const paid = parts.payAll(layers[name](), searchParams.get("url") ?? "")
    return Response.json(await Effect.runPromise(Effect.map(Effect.exit(paid), parts.printed)))
  }
}
