/** The programs of the runtimes, each in one file. The documents' examples in them get this library's sources. */
import { Effect } from "effect"
import { build } from "esbuild"
import * as path from "node:path"

const root = path.resolve(import.meta.dirname, "../../..")
const common = { absWorkingDir: root, bundle: true, format: "esm", target: "es2022", logLevel: "error" } as const

/** Packages stay outside: a runtime may have its own in the place of some. */
export const forProcess = (program: string, outfile: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    await build({ ...common, entryPoints: [program], outfile, platform: "node", packages: "external" })
  })

/** Everything inside, and nothing of Node. */
export const forWorker = (program: string, outfile: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    const conditions = ["workerd", "worker", "browser"]
    await build({ ...common, entryPoints: [program], outfile, platform: "browser", conditions })
  })
