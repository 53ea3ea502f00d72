/** What a program makes Node read before it runs, and how large it is as one file. Both are the same on each machine. */
import { build, type BuildOptions, type Plugin } from "esbuild"

export interface Loaded {
  readonly files: number
  readonly bytes: number
  /** By package; what is in none is the program's own. */
  readonly filesOf: ReadonlyMap<string, number>
}

const options = (file: string, plugins: ReadonlyArray<Plugin>): BuildOptions => ({
  entryPoints: [file],
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  write: false,
  logLevel: "error",
  plugins: [...plugins]
})

/** The files of all static imports, and of theirs. Node loads each of them, also those that a bundler would leave out. */
export const loaded = async (file: string, plugins: ReadonlyArray<Plugin> = []): Promise<Loaded> => {
  const { metafile } = await build({
    ...options(file, plugins),
    metafile: true,
    treeShaking: false,
    ignoreAnnotations: true
  })
  const { inputs, outputs } = metafile
  const seen = new Set<string>()
  const queue = Object.values(outputs).flatMap(({ entryPoint }) => entryPoint ?? [])
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const input = inputs[name]
    if (input === undefined || seen.has(name)) continue
    seen.add(name)
    queue.push(...input.imports.filter(({ kind }) => kind !== "dynamic-import").map(({ path }) => path))
  }
  const filesOf = new Map<string, number>()
  for (const name of seen) {
    const owner = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? ""
    filesOf.set(owner, (filesOf.get(owner) ?? 0) + 1)
  }
  const bytes = [...seen].reduce((sum, name) => sum + (inputs[name]?.bytes ?? 0), 0)
  return { files: seen.size, bytes, filesOf }
}

/** The program with all that it uses, in one file, minified. */
export const minified = async (file: string, plugins: ReadonlyArray<Plugin> = []): Promise<number> => {
  const { outputFiles = [] } = await build({ ...options(file, plugins), write: false, minify: true })
  return outputFiles.reduce((sum, { contents }) => sum + contents.byteLength, 0)
}
