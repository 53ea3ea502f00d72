/**
 * The command line as one file that needs nothing beside it: what `npx effect-billwerk-payouts` starts. Node reads one
 * file instead of 900, and the file ends with the licences of what is in it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Array from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { build, type Metafile } from "esbuild"

/** The databases' drivers, which only `payout durable` loads: one is native, and the host chooses the version of both. */
export const external = ["@libsql/client", "pg"] as const

/** Where `package.json` has it (`bin`). */
export const outfileDefault = "dist/payout.cjs"

/** The licences must be in the file, so a package without a text of its own cannot be. */
export class NoLicence extends Data.TaggedError("NoLicence")<{ readonly folder: string }> {
  override get message(): string {
    return `${this.folder} has no LICENSE file: its licence must be in the bundle`
  }
}

/** Bundles `src/cli/payout.ts` of the package in a folder to a file, which is relative to the folder. */
export const write = Effect.fn("Bundle.write")(function* (folder: string, outfile: string = outfileDefault) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = path.resolve(folder)
  const target = path.resolve(root, outfile)
  const { metafile, outputFiles } = yield* bundled(root, target)
  const licences = yield* licencesOf(root, packagesIn(metafile))
  yield* files.makeDirectory(path.dirname(target), { recursive: true })
  for (const { text } of outputFiles) yield* files.writeFileString(target, `${text}\n/*\n${licences}\n*/\n`)
  yield* files.chmod(target, 0o755)
})

// CommonJS, because Node starts it in two thirds of the time of an ES module of the same content. White space goes, names
// stay: a stack trace reads as the sources do.
const bundled = (root: string, outfile: string) =>
  Effect.promise(() =>
    build({
      absWorkingDir: root,
      entryPoints: ["src/cli/payout.ts"],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      external: [...external],
      minifySyntax: true,
      minifyWhitespace: true,
      lineLimit: 160,
      legalComments: "none",
      banner: { js: "#!/usr/bin/env node\n// The licences of what is bundled here are at the end of this file." },
      metafile: true,
      write: false,
      logLevel: "error"
    })
  )

/** The folders of the packages that the output has code of. */
const packagesIn = ({ outputs }: Metafile): ReadonlyArray<string> => {
  const inputs = Record.values(outputs).flatMap(({ inputs }) =>
    Record.keys(Record.filter(inputs, ({ bytesInOutput }) => bytesInOutput > 0))
  )
  const folders = Array.filterMap(inputs, (name) => Array.head(/^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(name) ?? []))
  return Array.dedupe(folders).sort()
}

const Manifest = Schema.parseJson(Schema.Struct({ name: Schema.String, version: Schema.String }))

/** Each text of a licence, once, after the packages that have it. */
const licencesOf = Effect.fnUntraced(function* (root: string, folders: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = yield* Effect.forEach(
    folders,
    Effect.fnUntraced(function* (folder) {
      const at = path.resolve(root, folder)
      const named = Array.findFirst(yield* files.readDirectory(at), (name) => /^licen[cs]e(\.\w+)?$/i.test(name))
      const licence = yield* Effect.mapError(named, () => new NoLicence({ folder }))
      const { name, version } = yield* Schema.decode(Manifest)(
        yield* files.readFileString(path.join(at, "package.json"))
      )
      const text = yield* files.readFileString(path.join(at, licence))
      return { name: `${name} ${version}`, text: text.trim().replaceAll("*/", "* /") }
    })
  )
  const byText = Array.groupBy(found, ({ text }) => text)
  return Record.toEntries(byText)
    .map(([text, packages]) => `${packages.map(({ name }) => name).join(", ")}:\n\n${text}`)
    .join("\n\n")
})
