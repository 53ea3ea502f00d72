/**
 * Does one thing on whichever runtime this is started, and prints what came of it: `program.mjs <layer> <url>` pays over an
 * HTTP layer, `program.mjs <part> <argument>` does a part.
 */
import { FetchHttpClient } from "@effect/platform"
import { Effect } from "effect"
import { isLayer, layers } from "./layers.js"
import * as parts from "./parts.js"
import { isPart, type PartEnd, type PartName, type Printed } from "./Story.js"

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

const done: Record<PartName, () => Effect.Effect<unknown, object>> = {
  quickstart: () => parts.quickstart,
  inMemory: () => parts.inMemory,
  fetched: () => parts.fetched(argument, "Deno" in globalThis ? parts.unpooledFetch : FetchHttpClient.layer),
  webhook: () => parts.webhook,
  sqlite: () => engine("sqlite"),
  postgres: () => engine("postgres")
}

const program: Effect.Effect<PartEnd | Printed> = isPart(name)
  ? Effect.map(Effect.exit(done[name]()), parts.partEnd)
  : Effect.map(Effect.exit(isLayer(name) ? parts.payAll(layers[name](), argument) : bare(argument)), parts.printed)

console.log(JSON.stringify(await Effect.runPromise(program)))
// What a layer keeps open may hold the process up.
process.exit(0)
