/** Machines that are killed, on real databases: the small size of `npm run chaos`. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Option } from "effect"
import * as Campaign from "./Campaign.js"
import * as Database from "./Database.js"
import * as Mishaps from "./Mishaps.js"

const postgresUrl = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))
const lease = 2_000
const plan: Campaign.Plan = { seed: 1, kills: 5, machines: 2, payouts: 6, client: "library", lease }

const assertFlawless = ({ doubled, falsely, lost, payouts }: Campaign.Summary) => {
  assert.deepStrictEqual({ lost, doubled, falsely }, { lost: [], doubled: [], falsely: [] })
  assert(payouts > 0)
}

describe("machines that are killed", () => {
  it.scopedLive(
    "on SQLite: nothing is lost, paid twice, or reported falsely (73-83)",
    () =>
      Effect.map(
        Effect.flatMap(Database.sqlite, (database) => Campaign.run(database, plan)),
        assertFlawless
      ),
    120_000
  )

  it.scopedLive.skipIf(Option.isNone(postgresUrl))(
    "on PostgreSQL, two at once: nothing is lost, paid twice, or reported falsely (73-83, 85)",
    () =>
      Database.postgres(Option.getOrThrow(postgresUrl), lease).pipe(
        Effect.flatMap((database) => Campaign.run(database, plan)),
        Effect.map(assertFlawless)
      ),
    120_000
  )

  it.scopedLive.each([
    ["lost", "forgets", Mishaps.atRandom],
    ["doubled", "new handle", Mishaps.atStep("after the answer")],
    ["falsely", "assumes failure", Mishaps.atStep("after the answer")]
  ] as const)(
    "and pay out by a client that is wrong are caught: %s (%s)",
    ([kind, client, mishap]) =>
      Effect.gen(function* () {
        const database = yield* Database.sqlite
        const summary = yield* Campaign.run(database, {
          ...plan,
          kills: 3,
          client,
          mishap,
          patience: { byThemselves: 3_000, whenWoken: 0 }
        })
        assert(summary[kind].length > 0)
      }),
    120_000
  )
})
