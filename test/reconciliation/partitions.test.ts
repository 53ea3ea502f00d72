/** Rows in files: what is in them, who can read them, and that none is left after any end. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { Reconciliation } from "effect-billwerk-payouts"
import { lookups, payout, row } from "./fixture.js"

/** A folder of the test's own for temporary folders, and what was seen in them while they were there. */
const inFolder = <A, E>(
  test: (folder: string, files: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    const within = Layer.succeed(FileSystem.FileSystem, {
      ...files,
      makeTempDirectoryScoped: (options) => files.makeTempDirectoryScoped({ ...options, directory: folder })
    })
    return yield* Effect.provide(test(folder, files), within)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const many = 3_000
const handleOf = (index: number) => `p-${index}`
const rows = Stream.range(0, many - 1).pipe(
  Stream.map((index) => row({ handle: handleOf(index), customer: "c-secret" }))
)
const listed = Stream.range(0, many - 1).pipe(
  Stream.map((index) => payout({ handle: handleOf(many - 1 - index), customer: "c-secret", transactions: [] }))
)

/** The files that are there now, with their mode and their text. */
const look = (folder: string, files: FileSystem.FileSystem) =>
  Effect.gen(function* () {
    const names = yield* files.readDirectory(folder, { recursive: true })
    return yield* Effect.forEach(names, (name) =>
      Effect.gen(function* () {
        const { mode, type } = yield* files.stat(`${folder}/${name}`)
        return {
          name,
          type,
          mode: (mode & 0o777).toString(8),
          text: type === "File" ? yield* files.readFileString(`${folder}/${name}`) : ""
        }
      })
    )
  })

describe("A reconciliation of more rows than stay in memory", () => {
  it.live("writes files that only their owner can read, without the customer, and leaves none", () =>
    inFolder((folder, files) =>
      Effect.gen(function* () {
        const seen: Array<{ readonly type: string; readonly mode: string; readonly text: string }> = []
        const watched = Stream.concat(
          listed,
          Stream.drain(Stream.fromEffect(Effect.map(look(folder, files), (all) => seen.push(...all))))
        )
        const report = yield* Reconciliation.reconcile({ expected: rows, shown: watched, heldMax: 1_000 }).pipe(
          Stream.runCollect
        )
        const summary = [...report].at(-1)
        assert(summary?._tag === "Summary")
        assert.deepStrictEqual([summary.agrees, summary.classes.Matched.count], [true, many])
        const modes = new Set(seen.map(({ mode, type }) => `${type} ${mode}`))
        assert.deepStrictEqual([...modes].sort(), ["Directory 700", "File 600"])
        assert.isAbove(seen.length, 256)
        const text = seen.map((one) => one.text).join("")
        assert.include(text, '"handle":"p-7"')
        assert.notInclude(text, "c-secret")
        assert.deepStrictEqual(yield* files.readDirectory(folder), [])
      })
    )
  )

  it.live("leaves no file if one of the sides fails", () =>
    inFolder((folder, files) =>
      Effect.gen(function* () {
        let wasThere = false
        const failing = Stream.concat(
          listed,
          Stream.fromEffect(
            Effect.flatMap(look(folder, files), (all) => {
              wasThere = all.length > 256
              return Effect.fail("the list failed" as const)
            })
          )
        )
        const exit = yield* Reconciliation.reconcile({ expected: rows, shown: failing, heldMax: 1_000 }).pipe(
          Stream.runDrain,
          Effect.exit
        )
        assert.deepStrictEqual(exit, Exit.fail("the list failed"))
        assert.deepStrictEqual([wasThere, yield* files.readDirectory(folder)], [true, []])
      })
    )
  )

  it.live("leaves no file if it is interrupted, in a read or in a lookup", () =>
    inFolder((folder, files) =>
      Effect.gen(function* () {
        for (const where of ["read", "lookup"] as const) {
          const reached = yield* Deferred.make<void>()
          const stuck = Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
          const report = Reconciliation.reconcile({
            expected: rows,
            shown: where === "read" ? Stream.concat(listed, Stream.fromEffect(stuck)) : Stream.drop(listed, 1),
            assess: (handle, options) => Effect.zipRight(stuck, lookups([])(handle, options)),
            heldMax: 1_000
          })
          const fiber = yield* Effect.fork(Stream.runDrain(report))
          yield* Deferred.await(reached)
          const before = yield* look(folder, files)
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual([before.length > 256, yield* files.readDirectory(folder)], [true, []])
        }
      })
    )
  )

  it.live("leaves no file if the consumer stops", () =>
    inFolder((folder, files) =>
      Effect.gen(function* () {
        const first = yield* Reconciliation.reconcile({ expected: rows, shown: Stream.empty, heldMax: 1_000 }).pipe(
          Stream.runHead
        )
        assert.deepStrictEqual([first._tag, yield* files.readDirectory(folder)], ["Some", []])
      })
    )
  )

  it.live("fails if the disk is full, and leaves no file", () =>
    inFolder((folder, files) =>
      Effect.gen(function* () {
        const full = new SystemError({
          reason: "Unknown",
          module: "FileSystem",
          method: "writeFile",
          description: "ENOSPC"
        })
        const inner = yield* FileSystem.FileSystem
        const exit = yield* Reconciliation.reconcile({ expected: rows, shown: listed, heldMax: 1_000 }).pipe(
          Stream.runDrain,
          Effect.provideService(FileSystem.FileSystem, {
            ...inner,
            writeFileString: (name, text, options) =>
              name.endsWith("expected-9") ? full : inner.writeFileString(name, text, options)
          }),
          Effect.exit
        )
        assert.deepStrictEqual([exit, yield* files.readDirectory(folder)], [Exit.fail(full), []])
      })
    )
  )
})

describe("A reconciliation of few rows", () => {
  it.effect("uses no file at all", () =>
    Effect.gen(function* () {
      const report = yield* Reconciliation.reconcile({
        expected: Stream.make(row()),
        shown: Stream.make(payout())
      }).pipe(Stream.runCollect, Effect.provide(FileSystem.layerNoop({})))
      assert.strictEqual([...report].at(-1)?._tag, "Summary")
    })
  )
})
