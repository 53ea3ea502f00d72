/** The programs of the runtimes, each in one file. The documents' examples in them get this library's sources. */
import { Effect } from "effect"
import { build, type BuildOptions } from "esbuild"
import { builtinModules } from "node:module"
import * as path from "node:path"

const root = path.resolve(import.meta.dirname, "../../..")
const common = { absWorkingDir: root, bundle: true, format: "esm", target: "es2022", logLevel: "error" } as const

/** Packages stay outside: a runtime may have its own in the place of some. */
export const forProcess = (program: string, outfile: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    await build({ ...common, entryPoints: [program], outfile, platform: "node", packages: "external" })
  })

/** Everything inside, and nothing of Node. */
const alone: BuildOptions = { conditions: ["workerd", "worker", "browser"], platform: "browser" }

/** Everything inside, but the modules that Workers have of Node. Some packages still `require` them. */
const withNode: BuildOptions = {
  ...alone,
  mainFields: ["module", "main"],
  external: ["node:*"],
  alias: Object.fromEntries(builtinModules.map((name) => [name, `node:${name}`])),
  banner: { js: `import { createRequire } from "node:module"; const require = createRequire("/")` }
}

const built = new Map<string, Promise<string>>()

const text = async (program: string, needsNode: boolean): Promise<string> => {
  const options = needsNode ? withNode : alone
  const { outputFiles = [] } = await build({ ...common, ...options, entryPoints: [program], write: false })
  return outputFiles.map(({ text }) => text).join("\n")
}

/** The text of a Worker's module, which is built once. */
export const forWorker = (program: string, needsNode: boolean): Effect.Effect<string> =>
  Effect.promise(() => {
    const found = built.get(program) ?? text(program, needsNode)
    built.set(program, found)
    return found
  })
