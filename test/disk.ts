/** Virtual time beside a real disk: the clock stands still while the disk is at work. */
import type * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import * as support from "./support.js"

let underWay = 0

const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    underWay += 1
    return Effect.ensuring(
      effect,
      Effect.sync(() => void (underWay -= 1))
    )
  })

/** A file system whose work is waited for by `inVirtualTime`. */
export const counting = (files: FileSystem.FileSystem): FileSystem.FileSystem => ({
  ...files,
  open: (name, options) =>
    Effect.map(counted(files.open(name, options)), (opened) =>
      changed(opened, {
        sync: counted(opened.sync),
        truncate: (length) => counted(opened.truncate(length)),
        writeAll: (bytes) => counted(opened.writeAll(bytes))
      })
    ),
  readFile: (name) => counted(files.readFile(name)),
  readFileString: (name, encoding) => counted(files.readFileString(name, encoding)),
  writeFileString: (name, text, options) => counted(files.writeFileString(name, text, options)),
  rename: (from, to) => counted(files.rename(from, to)),
  remove: (name, options) => counted(files.remove(name, options))
})

/** A file with some other methods. */
export const changed = (opened: FileSystem.File, methods: Partial<FileSystem.File>): FileSystem.File =>
  Object.create(opened, Object.getOwnPropertyDescriptors(methods))

/** Runs an effect to its end in virtual time, which waits for the disk. */
export const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  support.inVirtualTime(effect, { isBusy: () => underWay > 0 })
