/** Workers on this machine: `workerd`, the runtime of Cloudflare, on a free port of the loopback interface. */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { Readable } from "node:stream"
import { packageProgram } from "./programs.js"
import * as bundles from "./bundles.js"

export const workerd = packageProgram("@cloudflare", "bin/workerd")

/** A day of the version in `package.json`: Workers keep the behaviour of the day that they name. */
const compatibilityDate = "2026-11-01"

export interface Options {
  /** The module, from the root of the repository. */
  readonly program: string
  /** Whether it uses modules of Node. Default: false. */
  readonly needsNode?: boolean
  /** Where whatever the Worker fetches arrives, whichever host it names: `127.0.0.1:port`. Default: where it is sent. */
  readonly provider?: string
  readonly bindings?: Readonly<Record<string, string>>
  /** The class of a Durable Object that the module exports, and the name of its binding. */
  readonly object?: { readonly className: string; readonly binding: string }
}

const text = (value: string): string => JSON.stringify(value)

const config = ({ bindings = {}, object, provider }: Options): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = ${text(compatibilityDate)},
      globalOutbound = "outside",
      bindings = [${[
        ...Object.entries(bindings).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
        ...(object === undefined
          ? []
          : [`(name = ${text(object.binding)}, durableObjectNamespace = ${text(object.className)})`])
      ].join(", ")}],
      ${
        object === undefined
          ? ""
          : `durableObjectNamespaces = [(className = ${text(object.className)}, uniqueKey = "object")],
      durableObjectStorage = (inMemory = void)`
      }
    )),
    (name = "outside", ${
      provider === undefined ? `network = (allow = ["private"])` : `external = (address = ${text(provider)}, http = ())`
    })
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`

/** The port, which workerd says on the file descriptor of its option. */
const portOf = async (events: Readable): Promise<number | undefined> => {
  let said = ""
  for await (const chunk of events) {
    said += String(chunk)
    const port = /"port":\s*(\d+)/.exec(said)?.[1]
    if (port !== undefined) return Number(port)
  }
  return undefined
}

export interface Running {
  readonly url: string
  /** What it wrote of its own: a request that it gave up, a promise of another request. */
  readonly complaints: () => string
}

/** A Worker until the scope ends. */
export const serve = (options: Options): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(path.join(tmpdir(), "workerd-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    writeFileSync(path.join(folder, "worker.js"), yield* bundles.forWorker(options.program, options.needsNode ?? false))
    writeFileSync(path.join(folder, "config.capnp"), config(options))
    let complaints = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(workerd ?? "", ["serve", "--control-fd=3", path.join(folder, "config.capnp")], {
          stdio: ["ignore", "pipe", "pipe", "pipe"]
        })
      ),
      (child) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null || !child.kill()) return
          await once(child, "exit")
        })
    )
    for (const output of [child.stdout, child.stderr]) output?.on("data", (data) => (complaints += String(data)))
    const events = child.stdio[3]
    const port = events instanceof Readable ? yield* Effect.promise(() => portOf(events)) : undefined
    if (port === undefined) return yield* Effect.dieMessage(`workerd does not listen: ${complaints}`)
    return { url: `http://127.0.0.1:${port}`, complaints: () => complaints }
  })
