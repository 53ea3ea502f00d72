/** Programs of tests, each in one file: processes that are started many times. */
import { Effect } from "effect"
import { build } from "esbuild"
import { resolve } from "node:path"

/** Bundles a program, in the folder of a package, and gives the path of the file. The databases' drivers stay outside. */
export const bundle = (program: string, outfile: string, root = "."): Effect.Effect<string> =>
  Effect.promise(async () => {
    await build({
      absWorkingDir: resolve(root),
      entryPoints: [program],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      logLevel: "error",
      external: ["pg", "@libsql/client"]
    })
    return resolve(root, outfile)
  })
