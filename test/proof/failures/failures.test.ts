/** What is below durable payouts fails, in real processes: the small size of `npm run failures`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { postgres, sqlite } from "./Failures.js"
import * as Server from "./Server.js"
import * as Trial from "./Trial.js"

const named = (failures: ReadonlyArray<Trial.Failure>, part: string) =>
  failures.find(({ name }) => name.includes(part)) ?? assert.fail(`no failure is named ${part}`)

const flawless = (failure: Trial.Failure) =>
  Effect.map(Trial.run(failure, 1), (seen) => {
    const { doubled, falsely, lost, payouts, secrets } = seen
    assert.deepStrictEqual({ lost, doubled, falsely, secrets }, { lost: [], doubled: [], falsely: [], secrets: [] })
    assert(payouts > 0)
    return seen
  })

describe("Durable payouts, when what is below them fails,", { timeout: 300_000 }, () => {
  it.scopedLive("go on by themselves after another process has had their SQLite file for 10 s", () =>
    Effect.map(flawless(named(sqlite, "locked by another process for 10 s")), ({ exits }) =>
      assert.deepStrictEqual(exits, [])
    )
  )

  // Root may write to anything, unless it can become somebody else.
  it.scopedLive("fail to start on a SQLite file that they may not write to, name it, and go on when they may", () =>
    Effect.map(flawless(named(sqlite, "read-only file")), ({ exits, lines }) => {
      assert.deepStrictEqual(exits.slice(0, 2), ["SIGKILL", 1])
      assert.match(Object.keys(lines).join("\n"), /payouts\.sqlite \(SQLITE_\w+\)/)
    })
  )

  it.scopedLive.skipIf(!Server.isInstalled)("go on by themselves after their PostgreSQL server has crashed", () =>
    Effect.map(flawless(named(postgres, "a crash")), ({ exits }) => assert.deepStrictEqual(exits, []))
  )
})
