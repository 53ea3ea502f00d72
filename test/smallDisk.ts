/** A small disk of its own, which a test may fill. To mount it takes the rights of root. */
import { Effect, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import { appendFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Runs a program; whether it succeeded. */
export const command = (name: string, ...args: ReadonlyArray<string>) => spawnSync(name, [...args]).status === 0

const mounted = (folder: string, size: string) => command("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder)

/** Whether a small disk can be mounted here. */
export const canMount = (): boolean => {
  const folder = mkdtempSync(join(tmpdir(), "payouts-mount-"))
  const can = mounted(folder, "1m")
  if (can) command("umount", folder)
  rmSync(folder, { recursive: true, force: true })
  return can
}

/** A folder that is gone with the scope: on the disk of all, or on one of its own of this size (`12m`). */
export const folder = (size?: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const made = mkdtempSync(join(tmpdir(), "payouts-disk-"))
      if (size !== undefined && !mounted(made, size)) throw new Error("This test must mount a disk.")
      return made
    }),
    (made) =>
      Effect.sync(() => {
        if (size !== undefined) command("umount", "-l", made)
        rmSync(made, { recursive: true, force: true })
      })
  )

/** Fills the disk of the folder to the last half of a kilobyte. */
export const fill = (folder: string): void => {
  for (let size = 65_536; size >= 512;) {
    try {
      appendFileSync(join(folder, "ballast"), Buffer.alloc(size))
    } catch {
      size /= 2
    }
  }
}

/** Gives the room back that `fill` took. */
export const empty = (folder: string): void => rmSync(join(folder, "ballast"), { force: true })
