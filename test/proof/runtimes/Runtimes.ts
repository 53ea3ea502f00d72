/** The runtimes, and what was seen on each of them. The tests compare it with what runs; `docs/runtimes.md` shows it. */
import { packageProgram, versionOf } from "./programs.js"
import type { LayerName, PartName } from "./Story.js"

/** What a create does whose answer is lost, over an HTTP layer. */
export type Sends = "Once" | "Twice" | "Refused" | "Broken" | "Never"

export interface Runtime {
  readonly name: "Node" | "Deno" | "Bun" | "Workers"
  /** What starts a program, where it is installed; nothing on Workers, which are served. */
  readonly command: ReadonlyArray<string> | undefined
  readonly version: string
  readonly layers: Partial<Record<LayerName, Sends>>
  readonly parts: ReadonlyArray<PartName>
}

/** The day on which all this was seen, of these versions. */
export const seen = { day: "2026-11-29", deno: "2.9.6", bun: "1.4.5", workerd: "1.20261117.1" } as const

const deno = packageProgram("@deno", "deno")
const bun = packageProgram("@oven", "bin/bun")

const everywhere = ["quickstart", "inMemory", "fetched", "webhook"] as const
const engines = ["sqlite", "postgres"] as const

const onNode: Runtime = {
  name: "Node",
  command: [process.execPath],
  version: process.versions.node,
  layers: { fetch: "Once", "node:http": "Once", "node:http, kept": "Once", undici: "Once", UndiciTransport: "Once" },
  parts: [...everywhere, ...engines]
}

const onDeno: Runtime = {
  name: "Deno",
  command:
    deno === undefined
      ? undefined
      : [deno, "run", "--allow-all", "--no-lock", "--cached-only", "--node-modules-dir=manual"],
  version: versionOf("deno"),
  layers: {
    fetch: "Refused",
    "fetch, unpooled": "Once",
    "node:http": "Once",
    // Cannot be told from the one before.
    "node:http, kept": "Twice",
    undici: "Once",
    UndiciTransport: "Once"
  },
  parts: [...everywhere, ...engines]
}

const onBun: Runtime = {
  name: "Bun",
  command: bun === undefined ? undefined : [bun, "run", "--no-install"],
  version: versionOf("bun"),
  layers: {
    fetch: "Once",
    "node:http": "Once",
    "node:http, kept": "Once",
    undici: "Broken",
    UndiciTransport: "Refused"
  },
  parts: [...everywhere, ...engines]
}

/** A Worker is no process: `worker.ts` does there what `program.ts` does on the others. */
const onWorkers: Runtime = {
  name: "Workers",
  command: undefined,
  version: versionOf("workerd"),
  // undici compiles its parser from WebAssembly as it starts, which Workers forbid.
  layers: { fetch: "Once", "node:http": "Once", "node:http, kept": "Once", undici: "Never", UndiciTransport: "Never" },
  parts: everywhere
}

export const runtimes: ReadonlyArray<Runtime> = [onNode, onDeno, onBun, onWorkers]
