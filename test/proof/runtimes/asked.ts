/** Starts a runtime's program, or a Worker, for one question, and gives what it answers. */
import { Command } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Effect, type Scope } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import * as path from "node:path"
import * as bundles from "./bundles.js"
import type { Runtime } from "./Runtimes.js"
import { isPart } from "./Story.js"
import * as Workerd from "./Workerd.js"

const root = path.resolve(import.meta.dirname, "../../..")

/** A folder for builds. Deno takes what is inside node_modules for a package, so it is beside it. */
export const folder = (): string => {
  mkdirSync(path.join(root, "dist"), { recursive: true })
  return mkdtempSync(path.join(root, "dist/runtimes-test-"))
}

export const remove = (made: string): void => rmSync(made, { recursive: true, force: true })

export const isInstalled = ({ command, name }: Runtime): boolean =>
  name === "Workers" ? Workerd.workerd !== undefined : command !== undefined

/** What a runtime prints. `built` is a `folder` in which `build` has put the program. */
export const ask = (
  { command, name: runtime }: Runtime,
  built: string,
  name: string,
  argument: string
): Effect.Effect<string, object, Scope.Scope> =>
  runtime === "Workers" ? askWorker(name, argument) : askProcess(command ?? [], built, name, argument)

const askProcess = ([program = "", ...options]: ReadonlyArray<string>, built: string, name: string, argument: string) =>
  Command.make(program, ...options, path.join(built, "program.mjs"), name, argument).pipe(
    Command.env({ DENO_DIR: path.join(built, "deno"), DENO_NO_UPDATE_CHECK: "1" }),
    Command.stderr("inherit"),
    Command.string,
    Effect.provide(NodeContext.layer)
  )

const askWorker = (name: string, url: string) =>
  Effect.gen(function* () {
    const needsNode = !isPart(name)
    const program = `test/proof/runtimes/${needsNode ? "workerNode" : "worker"}.ts`
    const worker = yield* Workerd.serve({ program, needsNode })
    const address = `${worker.url}/${encodeURIComponent(name)}?url=${encodeURIComponent(url)}`
    return yield* Effect.tryPromise(() => fetch(address).then((answer) => answer.text()))
  })

export const build = (built: string): Promise<void> =>
  Effect.runPromise(bundles.forProcess("test/proof/runtimes/program.ts", path.join(built, "program.mjs")))
