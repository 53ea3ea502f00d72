/** `payout await`: it waits until a payout is final, by lookups alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { capturing, flags, live, payout, program } from "./support.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payouts-await-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const creates = (sandbox: Sandbox.Service) =>
  Effect.map(sandbox.exchanges, (all) => all.filter(({ kind }) => kind === "Create").length)

describe("payout await", () => {
  it.scoped("waits for a payout that is processing, and says how it ended", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processing({ after: "5 minutes" }).pipe(Script.onCreate))
      const given = { sandbox, env: live, folder: yield* folder }
      assert.strictEqual((yield* payout(["create", ...flags(), "--live"], given)).code, 3)
      const { code, out } = yield* Sandbox.inVirtualTime(payout(["await", ...flags(), "--live"], given))
      assert.deepStrictEqual([code, out[0]], [0, "Paid prize-1, 12500 minor units of DKK"])
      assert.strictEqual(yield* creates(sandbox), 1)
    })
  )

  it.scoped("ends with 3 after --for, and the payout is still processing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processing())
      const given = { sandbox, env: live, folder: yield* folder }
      yield* payout(["create", ...flags(), "--live"], given)
      const call = payout(["await", ...flags(), "--live", "--for", "2 minutes"], given)
      assert.strictEqual((yield* Sandbox.inVirtualTime(call)).code, 3)
      assert.strictEqual(yield* creates(sandbox), 1)
    })
  )

  it.scoped("sends nothing, whatever the provider shows", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const given = { sandbox, env: live, folder: yield* folder }
      const absent = yield* Sandbox.inVirtualTime(payout(["await", ...flags(), "--live"], given))
      assert.strictEqual(absent.code, 5, "another process may have sent it")
      const told = ["--outstanding-creates", "0"]
      const certain = yield* Sandbox.inVirtualTime(payout(["await", ...flags(), "--live", ...told], given))
      assert.strictEqual(certain.code, 4)
      yield* sandbox.script(Script.processingError())
      yield* payout(["create", ...flags(), "--live", "--policy", "none", "--evidence", "other.json"], given)
      const failed = yield* Sandbox.inVirtualTime(payout(["await", ...flags(), "--live"], given))
      assert.strictEqual(failed.code, 5)
      assert.strictEqual(yield* creates(sandbox), 1)
    })
  )

  it.scoped("takes another card's payment under the handle for none of its own", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const given = { sandbox, env: live, folder: yield* folder }
      yield* payout(["create", ...flags({ destination: "ca_2" }), "--live"], given)
      const { out } = yield* Sandbox.inVirtualTime(payout(["await", ...flags(), "--live"], given))
      assert.match(out[0] ?? "", /^HandleConflict prize-1/)
    })
  )

  it.scoped("says that nothing was sent when it is interrupted", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.processing())
      const given = { sandbox, env: live, folder: yield* folder }
      yield* payout(["create", ...flags(), "--live"], given)
      const { ran, run } = yield* capturing(program(["await", ...flags(), "--live"], given))
      const fiber = yield* Effect.fork(run)
      const looked = Effect.map(sandbox.exchanges, (all) => all.some(({ kind }) => kind === "Lookup"))
      yield* TestClock.adjust("10 seconds").pipe(Effect.zipRight(looked), Effect.repeat({ until: (is) => is }))
      yield* Effect.forkScoped(Fiber.interrupt(fiber))
      const { code, err } = ran(yield* Fiber.await(fiber))
      assert.strictEqual(code, 7)
      assert.include(err.join("\n"), "was not seen to its end. Nothing was sent.")
    })
  )

  it.scoped("refuses a time that is none", () =>
    Effect.gen(function* () {
      const given = { sandbox: yield* Sandbox.make(), env: live, folder: yield* folder, stdin: Stream.never }
      for (const time of ["soon", "Infinity", "10"]) {
        const { code, err } = yield* payout(["await", ...flags(), "--live", "--for", time], given)
        assert.deepStrictEqual([code, err.at(-1)?.includes("--for must be a time to wait")], [2, true], time)
      }
      assert.deepStrictEqual(readdirSync(given.folder), [])
    })
  )
})
