/** An earlier version of this package, built beside this one: what a rolling deploy meets. */
import { Effect, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

/** The folder with a commit's package, built. It is gone when the scope ends. */
export const version = (commit: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "payouts-earlier-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ).pipe(
    Effect.tap((folder) =>
      Effect.sync(() => {
        const run = (command: string, ...given: ReadonlyArray<string>) =>
          execFileSync(command, given, { stdio: ["ignore", "ignore", "inherit"] })
        run("git", "archive", "--output", join(folder, "package.tar"), commit)
        run("tar", "-xf", join(folder, "package.tar"), "-C", folder)
        // Its dependencies are those of this version, which is what a deploy of the same day has.
        for (const name of ["node_modules"]) symlinkSync(resolve(name), join(folder, name))
        execFileSync("npx", ["tsc", "-p", "src"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
      })
    )
  )
