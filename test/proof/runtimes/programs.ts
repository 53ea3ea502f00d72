/** The runtimes' programs, out of their packages for this platform: they are there without a script that installs them. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"

/** A program of the package of a scope that fits this machine. */
export const packageProgram = (scope: string, file: string): string | undefined => {
  const folder = path.join(import.meta.dirname, "node_modules", scope)
  return (existsSync(folder) ? readdirSync(folder) : [])
    .flatMap((name) => [path.join(folder, name, file), path.join(folder, name, `${file}.exe`)])
    .find((name) => existsSync(name))
}

const manifest: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "package.json"), "utf8")
)

/** The version of a runtime's package, which `package.json` names exactly. */
export const versionOf = (name: string): string => manifest.dependencies[name] ?? ""
